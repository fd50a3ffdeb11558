"""Targets on ℝᵈ, whose d coordinates are drawn one after the other."""

from abc import abstractmethod

import torch
from torch import Tensor

from gfn.environments.base import Environment
from gfn.settings import SettingsError

Box = tuple[tuple[float, float], ...]


class ContinuousEnvironment(Environment):
    """A density on ℝᵈ, normalised or not; an action is a real number, the next coordinate.

    A state is ``[..., d + 1]``: the coordinates (0 until drawn) and how many have been drawn. Each
    point has one trajectory, so log p_B = 0 and the policy's density at x is p_F of that trajectory.
    """

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Number d of coordinates."""

    @property
    @abstractmethod
    def box(self) -> Box:
        """The d sides (from, to) of the box outside which the target has negligible mass."""

    @abstractmethod
    def log_density(self, points: Tensor) -> Tensor:
        """Log-density of the target, up to its ``log_z``, at points ``[..., d]``: ``[...]``."""

    @property
    def mode_weights(self) -> Tensor | None:
        """Exact weights of the K modes of each of F parts of a point: float64 ``[F, K]``; None for a target of one mode."""
        return None

    def mode_shares(self, points: Tensor) -> Tensor:
        """How much each of ``points`` ``[N, d]`` belongs to each mode: float64 ``[N, F, K]``.

        Shares add up to one, and their mean under the target is ``mode_weights``.

        Raises:
            SettingsError: for a target of one mode.
        """
        raise SettingsError(f"task {self.task} is not allowed where modes are asked for: it has no mode_shares")

    @property
    def max_steps(self) -> int:
        return self.dimension

    @property
    def observation_size(self) -> int:
        return 2 * self.dimension - 1

    def initial(self, *batch: int, device=None) -> Tensor:
        return torch.zeros(*batch, self.dimension + 1, dtype=torch.float64, device=device)

    def observe(self, state: Tensor) -> Tensor:
        """d indicators of the step, then all coordinates but the last (0 before they are drawn)."""
        return torch.cat([self._next(state), state[..., :-2]], -1)

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        drawn = state[..., -1:]
        points = torch.where(self._next(state), action.to(state.dtype).unsqueeze(-1), state[..., :-1])
        return torch.cat([points, (drawn + 1).clamp(max=self.dimension)], -1)

    def _next(self, state: Tensor) -> Tensor:
        """Which coordinate is drawn next, bool ``[..., d]``: none in a terminal state."""
        return torch.arange(self.dimension, device=state.device) == state[..., -1:]

    def is_terminal(self, state: Tensor) -> Tensor:
        return state[..., -1] == self.dimension

    def log_parents(self, state: Tensor) -> Tensor:
        return torch.zeros_like(state[..., 0])

    def log_reward(self, state: Tensor) -> Tensor:
        return self.log_density(state[..., :-1])
