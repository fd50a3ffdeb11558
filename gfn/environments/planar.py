"""Targets in the plane, which can be drawn and integrated on a grid."""

from typing import ClassVar

import torch
from torch import Tensor

from gfn.environments.continuous import Box, ContinuousEnvironment


class PlanarEnvironment(ContinuousEnvironment):
    """A density on the plane: the case d = 2, whose accuracy is found by quadrature."""

    dimension: ClassVar[int] = 2
    log_z: ClassVar[float] = 0.0  # r is a normalised density

    @property
    def window(self) -> Box:
        """The rectangle that figures show: ``box``, unless a task says otherwise."""
        return self.box

    def axes(self, resolution: int, box: Box | None = None) -> tuple[Tensor, Tensor]:
        """Midpoints of ``resolution`` equal cells along each side of ``box`` (by default the task's own): two ``[resolution]``."""
        cells = (torch.arange(resolution, dtype=torch.float64) + 0.5) / resolution
        (left, right), (bottom, top) = box or self.box
        return left + (right - left) * cells, bottom + (top - bottom) * cells


def cell_area(box: Box, resolution: int) -> float:
    """Area of one of resolution² equal cells of ``box``."""
    (left, right), (bottom, top) = box
    return (right - left) * (top - bottom) / resolution**2
