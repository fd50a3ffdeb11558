"""A denoising diffusion model (Ho, Jain & Abbeel, NeurIPS 2020), trained on samples."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gfn.environments import ContinuousEnvironment
from gfn.rivals.base import Learner, Shape, mlp, seeded

STEPS = 64
FREQUENCIES = 4
SCALED_BY = 8  # batches from which the scale of the data is taken; they are used up, too


class Denoiser(nn.Module):
    """The noise ε that is in x at step t."""

    def __init__(self, size: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = mlp((size + 2 * FREQUENCIES, *hidden, size))

    def forward(self, points: Tensor, step: Tensor) -> Tensor:
        """``[N, d]`` of points ``[N, d]`` and steps ``[N]``."""
        angles = math.pi * (step / STEPS).unsqueeze(1) * 2.0 ** torch.arange(FREQUENCIES)
        return self.layers(torch.cat([points, angles.sin(), angles.cos()], 1))


class Denoising(Learner):
    """Points, standardised, are mixed with noise step by step; the network learns to take it out again.

    A step back draws from a Gaussian with the variance of the exact posterior of its noise. Densities of paths are known
    both ways, so that bounds and importance weights are those of the model as it samples.
    """

    def __init__(self, environment: ContinuousEnvironment, shape: Shape, seed: int) -> None:
        super().__init__(environment, shape, seed)
        with seeded("weights: denoising diffusion", seed):
            self.network = Denoiser(environment.dimension, shape.hidden)
        self.prepare()
        data = torch.cat([self.examples() for _ in range(SCALED_BY)])
        self.used = len(data)
        self.shift, self.scale = data.mean(0), data.std(0)
        # Cosine schedule (Nichol & Dhariwal, 2021); kept[t] is ᾱ after t steps.
        angle = (torch.arange(STEPS + 1) / STEPS + 0.008) / 1.008 * math.pi / 2
        share = (angle.cos() / angle[0].cos()).square().clamp(min=1e-5)
        self.step_kept = (share[1:] / share[:-1]).clamp(min=0.05)
        self.kept = torch.cat([torch.ones(1), self.step_kept.cumprod(0)])

    def loss(self) -> Tensor:
        data, noise = (self.examples() - self.shift) / self.scale, self.noise(self.shape.batch_size)
        step = torch.randint(1, STEPS + 1, (len(data),), generator=self.generator)
        kept = self.kept[step].unsqueeze(1)
        mixed = kept.sqrt() * data + (1 - kept).sqrt() * noise
        return (self.network(mixed, step.float()) - noise).square().mean()

    def _back(self, x: Tensor, step: int) -> tuple[Tensor, float]:
        """Mean and standard deviation of the step back from ``x`` at ``step``."""
        one, all_ = float(self.step_kept[step - 1]), float(self.kept[step])
        noise = self.network(x, torch.full((len(x),), float(step)))
        variance = (1 - one) * (1 - float(self.kept[step - 1])) / (1 - all_) if step > 1 else 1 - one
        return (x - (1 - one) / math.sqrt(1 - all_) * noise) / math.sqrt(one), math.sqrt(variance)

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = self.noise(count, generator)
        log_ratio = -log_normal(x)
        for step in range(STEPS, 0, -1):
            mean, spread = self._back(x, step)
            noise = self.noise(count, generator)
            before = mean + spread * noise
            log_ratio += self._forth(before, x, step) - log_normal(noise, spread)
            x = before
        return self._ended(x, log_ratio)

    def _forth(self, before: Tensor, after: Tensor, step: int) -> Tensor:
        one = float(self.step_kept[step - 1])
        return log_normal((after - math.sqrt(one) * before) / math.sqrt(1 - one), math.sqrt(1 - one))

    def _ended(self, x: Tensor, log_ratio: Tensor) -> tuple[Tensor, Tensor]:
        points = self.shift + self.scale * x
        return points, self.environment.log_density(points.double()) + log_ratio + self.scale.log().sum()

    @torch.no_grad()
    def weights_of(self, points: Tensor, generator: torch.Generator) -> Tensor:
        """Of paths that mix the points with noise."""
        x = first = (points.float() - self.shift) / self.scale
        log_ratio = torch.zeros(len(points))
        for step in range(1, STEPS + 1):
            one, noise = float(self.step_kept[step - 1]), self.noise(len(points), generator)
            after = math.sqrt(one) * x + math.sqrt(1 - one) * noise
            mean, spread = self._back(after, step)
            log_ratio += log_normal(noise, math.sqrt(1 - one)) - log_normal((x - mean) / spread, spread)
            x = after
        return self._ended(first, log_ratio - log_normal(x))[1]


def log_normal(noise: Tensor, spread: float = 1.0) -> Tensor:
    """Log-density of ``spread`` times standard normal noise ``[N, d]``: ``[N]``."""
    return -noise.square().sum(1) / 2 - noise.shape[1] * (math.log(spread) + math.log(2 * math.pi) / 2)
