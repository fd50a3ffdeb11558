"""Hypergrid: walk from a corner of a grid, one coordinate up at a time, and stop."""

import math
from functools import cached_property
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gfn.environments.base import DiscreteEnvironment


class Hypergrid(DiscreteEnvironment):
    r"""Cells of a grid with H cells along each of d axes, rewarded near its 2^d corners (Bengio et al., 2021).

    .. math:: r(x) &= R_0 + R_1 \prod_i 1[0.25 < u_i] + R_2 \prod_i 1[0.3 < u_i < 0.4], \\
              u_i &= \left|\frac{x_i}{H - 1} - \frac12\right|

    A state is int64 ``[..., d + 1]``: the coordinates, then 1 if the walk was stopped and 0 if not.
    Actions 0 to d-1 raise a coordinate by one, action d stops, and every cell can be the last.
    """

    task: Literal["hypergrid"] = "hypergrid"
    min_steps: ClassVar[int] = 1
    side: int = Field(12, ge=2, le=4096, description="number H of cells along each axis")
    dimensions: int = Field(2, ge=1, le=64, description="number d of axes")
    r0: float = Field(1e-3, gt=0, le=1e100, description="reward R0 of every cell")
    r1: float = Field(0.5, ge=0, le=1e100, description="reward R1 added in the outer part of every axis")
    r2: float = Field(2.0, ge=0, le=1e100, description="reward R2 added in the 2^d modes")

    @cached_property
    def outer(self) -> Tensor:
        """Which coordinates lie in the outer part of an axis: bool ``[H]``."""
        return self._distance > 0.25

    @cached_property
    def band(self) -> Tensor:
        """Which coordinates lie in the two bands whose products are the modes: bool ``[H]``."""
        return (self._distance > 0.3) & (self._distance < 0.4)

    @property
    def _distance(self) -> Tensor:
        return (torch.arange(self.side, dtype=torch.float64) / (self.side - 1) - 0.5).abs()

    max_steps = property(lambda self: self.dimensions * (self.side - 1) + 1)
    observation_size = property(lambda self: self.dimensions * self.side)
    action_count = property(lambda self: self.dimensions + 1)
    stop = property(lambda self: self.dimensions)  #: the action that ends a walk
    state_count = property(lambda self: 2 * self.side**self.dimensions)
    _cells = cached_property(lambda self: torch.arange(self.side))
    _moves = cached_property(lambda self: torch.eye(self.dimensions + 1, dtype=torch.long))  # what each action adds

    def initial(self, *batch: int, device=None) -> Tensor:
        return torch.zeros(*batch, self.dimensions + 1, dtype=torch.long, device=device)

    def observe(self, state: Tensor) -> Tensor:
        return (state[..., :-1, None] == self.constant("_cells", state)).flatten(-2)

    def is_terminal(self, state: Tensor) -> Tensor:
        return state[..., -1] == 1

    def mask(self, state: Tensor) -> Tensor:
        room = (state[..., :-1] < self.side - 1) & (state[..., -1:] == 0)
        return torch.cat([room, torch.ones_like(room[..., :1])], -1)

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        return torch.where(state[..., -1:] == 1, state, state + self.constant("_moves", state)[action])

    def backward_mask(self, state: Tensor) -> Tensor:
        stopped = state[..., -1:] == 1
        return torch.cat([(state[..., :-1] > 0) & ~stopped, stopped], -1)

    def undo(self, state: Tensor, action: Tensor) -> Tensor:
        return state - self.constant("_moves", state)[action]

    def log_reward(self, state: Tensor) -> Tensor:
        cell = state[..., :-1]
        outer, mode = (self.constant(name, state)[cell].all(-1).double() for name in ("outer", "band"))
        return (self.r0 + self.r1 * outer + self.r2 * mode).log()

    def key(self, state: Tensor) -> Tensor:
        if self.state_count >= 2**63:
            raise ValueError(f"side = {self.side} in {self.dimensions} dimensions is too large to enumerate")
        # The flag comes last and is at most 1, so powers of H tell all states apart.
        return (state * self.side ** torch.arange(self.dimensions + 1, device=state.device)).sum(-1)

    @property
    def log_z(self) -> float:
        """log Z in closed form: each of the three rewards factorises over axes."""
        counts = torch.tensor([self.side, self.outer.sum(), self.band.sum()], dtype=torch.float64)
        log_rewards = torch.tensor([self.r0, self.r1, self.r2], dtype=torch.float64).log()
        return float((log_rewards + self.dimensions * counts.log()).logsumexp(0))

    @property
    def log_max_reward(self) -> float:
        """Of a mode, or of a corner where there are none."""
        return math.log(self.r0 + self.r1 + (self.r2 if self.band.any() else 0.0))

    @property
    def mode_count(self) -> int:
        """Number of modes: 2^d, or 0 where the grid is too coarse for a cell to fall into the bands."""
        return 2**self.dimensions if self.band.any() else 0

    def mode(self, state: Tensor) -> Tensor:
        """Which mode each object lies in: int64 ``[...]``, 0 to ``mode_count`` - 1, or -1 outside.

        A mode is one connected region of the cells with the reward R2; bit i of its number tells
        on which side of axis i it lies.
        """
        cell = state[..., :-1]
        sides = (2 * cell >= self.side).long() << torch.arange(self.dimensions, device=state.device)
        return sides.sum(-1).where(self.constant("band", state)[cell].all(-1), -1)
