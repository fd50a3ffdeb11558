"""Neal's funnel: one coordinate sets the spread of all others."""

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gfn.environments.continuous import Box, ContinuousEnvironment


class Funnel(ContinuousEnvironment):
    r"""A Gaussian whose spread depends on its first coordinate (Neal, 2003).

    .. math:: r(x) = \mathcal{N}(x_1;\, 0,\, \text{spread}^2)\, \prod_{i=2}^d \mathcal{N}(x_i;\, 0,\, e^{x_1})
    """

    task: Literal["funnel"] = "funnel"
    dimensions: int = Field(10, ge=2, le=256, description="number d of coordinates")
    spread: float = Field(3.0, ge=0.01, le=10, description="standard deviation of the first coordinate")

    log_z: ClassVar[float] = 0.0  # r is a normalised density

    dimension = property(lambda self: self.dimensions)

    @property
    def box(self) -> Box:
        first = 6 * self.spread
        side = 6 * math.exp(
            2 * self.spread
        )  # of Gaussians up to two standard deviations of their log-scale above the middle
        return ((-first, first), *[(-side, side)] * (self.dimensions - 1))

    def log_density(self, points: Tensor) -> Tensor:
        first, others = points[..., 0], points[..., 1:]
        count = self.dimensions - 1
        log_first = -0.5 * (first / self.spread).square() - math.log(self.spread)
        log_others = -0.5 * others.square().sum(-1) * (-first).exp() - 0.5 * count * first
        return log_first + log_others - 0.5 * self.dimensions * math.log(2 * math.pi)

    def sample_target(self, count: int, generator: torch.Generator) -> Tensor:
        noise = torch.randn(count, self.dimensions, generator=generator, dtype=torch.float64)
        first = self.spread * noise[:, :1]
        return torch.cat([first, (first / 2).exp() * noise[:, 1:]], 1)
