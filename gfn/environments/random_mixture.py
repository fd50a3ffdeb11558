"""Gaussians at random places of the plane, far apart: the test of whether a sampler finds all modes."""

import math
from functools import cached_property
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gfn.environments.continuous import Box
from gfn.environments.planar import PlanarEnvironment


class RandomMixture(PlanarEnvironment):
    r"""Isotropic Gaussians with equal weights, whose means are uniform in a square (Midgley et al., ICLR 2023).

    .. math:: r(x) = \frac{1}{K} \sum_{k=1}^K \mathcal{N}(x; \mu_k, \text{scale}^2 I), \qquad \mu_k \sim U[-\text{reach}, \text{reach}]^2

    Their scale is softplus(1), as of that paper's mixture of 40.
    """

    task: Literal["random_mixture"] = "random_mixture"
    drawn: ClassVar[bool] = True
    peaks: int = Field(40, ge=1, le=4096, description="number K of components")
    reach: float = Field(40.0, ge=1e-6, le=1e6, description="means are uniform in [−reach, reach]²")
    scale: float = Field(1.3133, ge=1e-6, le=1e6, description="standard deviation of a component")

    @cached_property
    def means(self) -> Tensor:
        """Means of the components: float64 ``[K, 2]``."""
        return self.uniform(2 * self.peaks, -self.reach, self.reach, "means").view(self.peaks, 2)

    @property
    def box(self) -> Box:
        side = self.reach + 6 * self.scale
        return ((-side, side), (-side, side))

    def _each(self, points: Tensor) -> Tensor:
        squares = ((points.unsqueeze(-2) - self.constant("means", points)) / self.scale).square().sum(-1)
        return -0.5 * squares - math.log(2 * math.pi * self.scale**2 * self.peaks)

    def log_density(self, points: Tensor) -> Tensor:
        return self._each(points).logsumexp(-1)

    def sample_target(self, count: int, generator: torch.Generator) -> Tensor:
        which = torch.randint(self.peaks, (count,), generator=generator)
        return self.means[which] + self.scale * torch.randn(count, 2, generator=generator, dtype=torch.float64)

    @property
    def mode_weights(self) -> Tensor:
        return torch.full((1, self.peaks), 1 / self.peaks, dtype=torch.float64)

    def mode_shares(self, points: Tensor) -> Tensor:
        return self._each(points).softmax(-1).unsqueeze(-2)
