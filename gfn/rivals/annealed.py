"""Annealed importance sampling (Neal, 2001) by Hamiltonian steps: a yardstick, which learns nothing but has weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gfn.environments import ContinuousEnvironment
from gfn.evaluation.samples import resample
from gfn.rivals.base import Rival, Shape

LEVELS, LEAPS = 32, 5


class Annealed(Rival):
    r"""Particles from the standard normal law, through the densities :math:`N(x; 0, I)^{1 - \beta} r(x)^\beta`.

    At each level of β, in equal steps to one, a particle makes one Metropolis-adjusted Hamiltonian step of some leaps. All
    that the budget has room for are kept, with their weights: the mean of these is unbiased for Z.
    """

    def __init__(self, environment: ContinuousEnvironment, shape: Shape, seed: int) -> None:
        super().__init__(environment, shape, seed)
        self.points = torch.empty(0, environment.dimension, dtype=torch.float64)
        self.log_weights = torch.empty(0, dtype=torch.float64)

    def advance(self, budget: int) -> None:
        each = 1 + LEVELS * LEAPS
        count = (budget - self.used) // each
        if count > 0:
            points, log_weights = self._population(count)
            self.points = torch.cat([self.points, points])
            self.log_weights = torch.cat([self.log_weights, log_weights])
            self.used += count * each

    def _density(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """log r and its gradient, which count as one evaluation."""
        x = x.detach().requires_grad_()
        log_r = self.environment.log_density(x)
        return log_r.detach(), torch.autograd.grad(log_r.sum(), x)[0]

    def _population(self, count: int) -> tuple[Tensor, Tensor]:
        size, step = self.environment.dimension, self.shape.learning_rate
        x = self._normal(count)
        log_weights = torch.zeros(count, dtype=torch.float64)
        log_r, slope = self._density(x)
        for level in range(1, LEVELS + 1):
            share = level / LEVELS
            log_weights += (log_r + x.square().sum(1) / 2 + size / 2 * math.log(2 * math.pi)) / LEVELS
            x, log_r, slope = self._hamiltonian(x, log_r, slope, share, self._normal(count), self._uniform(count), step)
        return x, log_weights

    def moved(self, points: Tensor, steps: int) -> Tensor:
        """Points ``[N, d]`` after some steps at the target itself, which leave its law as it is."""
        x, count = points, len(points)
        log_r, slope = self._density(x)
        for _ in range(steps):
            about = self._normal(count), self._uniform(count), self.shape.learning_rate
            x, log_r, slope = self._hamiltonian(x, log_r, slope, 1.0, *about)
        return x

    def _normal(self, count: int) -> Tensor:
        return torch.randn(count, self.environment.dimension, generator=self.generator, dtype=torch.float64)

    def _uniform(self, count: int) -> Tensor:
        """Logarithms of uniform numbers."""
        return torch.rand(count, generator=self.generator, dtype=torch.float64).log()

    def _hamiltonian(
        self, x: Tensor, log_r: Tensor, slope: Tensor, share: float, impulse: Tensor, log_uniform: Tensor, step: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Some leaps at one level, accepted or not: points, log r and its gradient there."""

        def energy(at: Tensor, log_density: Tensor, moving: Tensor) -> Tensor:
            return (1 - share) * at.square().sum(1) / 2 - share * log_density + moving.square().sum(1) / 2

        y, log_density, gradient, moving = x, log_r, slope, impulse
        for _ in range(LEAPS):
            moving = moving + step / 2 * (share * gradient - (1 - share) * y)
            y = y + step * moving
            log_density, gradient = self._density(y)
            moving = moving + step / 2 * (share * gradient - (1 - share) * y)
        accepted = log_uniform < energy(x, log_r, impulse) - energy(y, log_density, moving)
        column = accepted.unsqueeze(1)
        return (
            torch.where(column, y, x),
            torch.where(accepted, log_density, log_r),
            torch.where(column, gradient, slope),
        )

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """All particles with their weights, whatever ``count`` is."""
        return self.points, self.log_weights

    def spread(self, points: Tensor, log_weights: Tensor, generator: torch.Generator) -> Tensor:
        return resample(points, log_weights, generator)
