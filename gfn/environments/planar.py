"""Targets in the plane, whose two coordinates are drawn one after the other."""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from gfn.environments.base import Environment

Box = tuple[tuple[float, float], tuple[float, float]]


class PlanarEnvironment(Environment):
    """A density on the plane; an action is a real number, the next coordinate.

    A state is ``[..., 3]``: the two coordinates (0 until drawn) and how many have been drawn. Each
    point has one trajectory, so log p_B = 0 and the policy's density at x is p_F of that trajectory.
    """

    max_steps: ClassVar[int] = 2
    observation_size: ClassVar[int] = 3
    log_z: ClassVar[float] = 0.0  # r is a normalised density

    @property
    @abstractmethod
    def box(self) -> Box:
        """The rectangle ((x1 from, to), (x2 from, to)) outside which the target has negligible mass."""

    @property
    @abstractmethod
    def window(self) -> Box:
        """The rectangle that figures show."""

    @abstractmethod
    def sample_target(self, count: int, generator: torch.Generator) -> Tensor:
        """``count`` exact samples of the target: float64 ``[count, 2]``."""

    @abstractmethod
    def log_density(self, points: Tensor) -> Tensor:
        """Log-density of the target at points ``[..., 2]``: ``[...]``."""

    def initial(self, *batch: int, device=None) -> Tensor:
        return torch.zeros(*batch, 3, dtype=torch.float64, device=device)

    def observe(self, state: Tensor) -> Tensor:
        """Two indicators of the step, then the first coordinate (0 before it is drawn)."""
        drawn = state[..., 2]
        return torch.stack([drawn == 0, drawn == 1, state[..., 0]], -1)

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        action = action.to(state.dtype)
        drawn = state[..., 2]
        first = torch.where(drawn == 0, action, state[..., 0])
        second = torch.where(drawn == 1, action, state[..., 1])
        return torch.stack([first, second, (drawn + 1).clamp(max=2)], -1)

    def is_terminal(self, state: Tensor) -> Tensor:
        return state[..., 2] == 2

    def log_parents(self, state: Tensor) -> Tensor:
        return torch.zeros_like(state[..., 0])

    def log_reward(self, state: Tensor) -> Tensor:
        return self.log_density(state[..., :2])

    def axes(self, resolution: int, box: Box | None = None) -> tuple[Tensor, Tensor]:
        """Midpoints of ``resolution`` equal cells along each side of ``box`` (by default the task's own): two ``[resolution]``."""
        cells = (torch.arange(resolution, dtype=torch.float64) + 0.5) / resolution
        (left, right), (bottom, top) = box or self.box
        return left + (right - left) * cells, bottom + (top - bottom) * cells


def cell_area(box: Box, resolution: int) -> float:
    """Area of one of resolution² equal cells of ``box``."""
    (left, right), (bottom, top) = box
    return (right - left) * (top - bottom) / resolution**2
