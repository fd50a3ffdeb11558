"""Many-well: products of double wells, with a mode for every choice of wells."""

import math
from functools import cached_property
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from gfn.environments.continuous import Box, ContinuousEnvironment

WELL = math.sqrt(3)  # where the wells lie, and half of the width of the wall between them
DEPTH = 9.0  # of the wells below the wall, where there is no tilt
TILT = 0.5  # by which the right one is the deeper, for every unit to the right
CELLS, REACH = 1 << 15, 5.0  # of the one-dimensional quadrature, from -REACH to REACH


class ManyWell(ContinuousEnvironment):
    r"""Pairs of a coordinate with two wells and one that is Gaussian (Noé et al., Science 2019; Midgley et al., ICLR 2023).

    .. math:: \log r(x) = \sum_i \big(- x_{2i-1}^4 + 6 x_{2i-1}^2 + \tfrac12 x_{2i-1} - \tfrac12 x_{2i}^2\big)

    With P pairs there are 2ᴾ modes. Everything is a product of one-dimensional factors, so log Z and the wells' weights are
    found by quadrature on a line, where the midpoint rule is exact up to rounding.
    """

    task: Literal["many_well"] = "many_well"
    pairs: int = Field(16, ge=1, le=128, description="number of pairs of coordinates")

    dimension = property(lambda self: 2 * self.pairs)

    @property
    def box(self) -> Box:
        return ((-REACH, REACH), (-6.0, 6.0)) * self.pairs

    @cached_property
    def halves(self) -> Tensor:
        """Integrals of one factor with two wells over x < 0 and x > 0: float64 ``[2]``."""
        x = REACH * (2 * (torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS - 1)
        return _log_wells(x).exp().view(2, -1).sum(1) * (2 * REACH / CELLS)

    @property
    def log_z(self) -> float:
        return self.pairs * (math.log(float(self.halves.sum())) + 0.5 * math.log(2 * math.pi))

    def log_density(self, points: Tensor) -> Tensor:
        wells, others = points[..., ::2], points[..., 1::2]
        return (_log_wells(wells) - 0.5 * others.square()).sum(-1)

    def sample_target(self, count: int, generator: torch.Generator) -> Tensor:
        wells = _sample_wells(count * self.pairs, self.halves, generator).view(count, self.pairs)
        others = torch.randn(count, self.pairs, generator=generator, dtype=torch.float64)
        return torch.stack([wells, others], -1).flatten(1)

    @property
    def mode_weights(self) -> Tensor:
        return (self.halves / self.halves.sum()).expand(self.pairs, 2)

    def mode_shares(self, points: Tensor) -> Tensor:
        right = (points[..., ::2] > 0).double()
        return torch.stack([1 - right, right], -1)


def _log_wells(x: Tensor) -> Tensor:
    return DEPTH - (x.square() - WELL**2).square() + TILT * x


def _sample_wells(count: int, halves: Tensor, generator: torch.Generator) -> Tensor:
    """Exact samples of the factor with two wells, by rejection: float64 ``[count]``.

    On either side the wall term is at most exp(-WELL² (|x| - WELL)²), a Gaussian once the tilt is multiplied in.
    """
    uniform = torch.rand(count, generator=generator, dtype=torch.float64)
    sides = torch.where(uniform * halves.sum() < halves[0], -1.0, 1.0).double()
    found = torch.zeros(count, dtype=torch.float64)
    left = torch.arange(count)
    while len(left):
        side = sides[left]
        normal = torch.randn(len(left), generator=generator, dtype=torch.float64)
        size = WELL + side * TILT / (2 * WELL**2) + normal / math.sqrt(2 * WELL**2)
        log_share = -(size - WELL).square() * ((size + WELL).square() - WELL**2)
        uniform = torch.rand(len(left), generator=generator, dtype=torch.float64)
        accepted = (size > 0) & (uniform.log() < log_share)
        found[left[accepted]] = (side * size)[accepted]
        left = left[~accepted]
    return found
