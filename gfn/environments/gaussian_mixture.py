"""Gaussian mixture (GM): equal components on a regular grid in the plane."""

import math
from functools import cached_property
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from gfn.environments.continuous import Box
from gfn.environments.planar import PlanarEnvironment


class GaussianMixture(PlanarEnvironment):
    r"""side² isotropic Gaussians with equal weights on a square grid centred at the origin.

    .. math:: r(x) = \frac{1}{\text{side}^2} \sum_k \mathcal{N}(x; \mu_k, \text{scale}^2 I)
    """

    task: Literal["gaussian_mixture"] = "gaussian_mixture"
    side: int = Field(3, ge=1, le=32, description="components along each axis (side² in all)")
    spacing: float = Field(2.0, ge=1e-6, le=1e6, description="distance between neighbouring means")
    scale: float = Field(0.5, ge=1e-6, le=1e6, description="standard deviation of a component")

    @cached_property
    def means(self) -> Tensor:
        """Means of the components: float64 ``[side², 2]``."""
        axis = self.spacing * (torch.arange(self.side, dtype=torch.float64) - (self.side - 1) / 2)
        return torch.cartesian_prod(axis, axis)

    box = property(lambda self: self._square(6 * self.scale))
    window = property(lambda self: self._square(4 * self.scale))

    def _square(self, margin: float) -> Box:
        reach = self.spacing * (self.side - 1) / 2 + margin
        return ((-reach, reach), (-reach, reach))

    def _logits(self, points: Tensor) -> Tensor:
        squares = ((points.unsqueeze(-2) - self.constant("means", points)) / self.scale).square().sum(-1)
        return -0.5 * squares

    def log_density(self, points: Tensor) -> Tensor:
        log_weight = -math.log(2 * math.pi * self.scale**2 * self.side**2)
        return self._logits(points).logsumexp(-1) + log_weight

    @property
    def mode_weights(self) -> Tensor:
        return torch.full((1, self.side**2), 1 / self.side**2, dtype=torch.float64)

    def mode_shares(self, points: Tensor) -> Tensor:
        return self._logits(points).softmax(-1).unsqueeze(-2)

    def sample_target(self, count: int, generator: torch.Generator) -> Tensor:
        which = torch.randint(self.side**2, (count,), generator=generator)
        return self.means[which] + self.scale * torch.randn(count, 2, generator=generator, dtype=torch.float64)
