"""The path integral sampler (Zhang & Chen, ICLR 2022): Brownian motion from the origin, steered to the target."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gfn.environments import ContinuousEnvironment
from gfn.rivals.base import Learner, Shape, mlp, seeded

STEPS = 32
FREQUENCIES = 4


class Drift(nn.Module):
    """A drift u(x, t), which is zero at the start, and the scale of the motion, which is learned with it."""

    def __init__(self, size: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = mlp((size + 2 * FREQUENCIES, *hidden, size), last_is_zero=True)
        self.log_scale = nn.Parameter(torch.zeros(size))

    def forward(self, points: Tensor, time: float) -> Tensor:
        """``[N, d]`` of ``[N, d]``, in units of the scale."""
        angles = [math.pi * 2**k * time for k in range(FREQUENCIES)]
        clock = torch.tensor([wave(angle) for angle in angles for wave in (math.sin, math.cos)])
        return self.layers(torch.cat([points, clock.expand(len(points), -1)], 1))


class PathIntegral(Learner):
    r"""Steps x' = x + u δ + σ √δ ε of a motion without the gradient of the density in its drift.

    Its reference is Brownian motion pinned to where it ends, whose density backwards is known, so that
    log w = log r(x) + log p_B − log p_F of a path holds exactly for these steps, whatever their number: bounds and
    estimates of log Z are those of a GFlowNet with T steps. It is trained by the reverse KL divergence of paths, whose
    gradient goes through them.
    """

    def __init__(self, environment: ContinuousEnvironment, shape: Shape, seed: int) -> None:
        super().__init__(environment, shape, seed)
        with seeded("weights: path integral sampler", seed):
            self.network = Drift(environment.dimension, shape.hidden)
        self.prepare()

    def loss(self) -> Tensor:
        return -self._paths(self.shape.batch_size, self.generator)[1].mean()

    def _paths(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Ends of paths ``[count, d]``, and their log-weights."""
        step, scale = 1 / STEPS, self.network.log_scale.exp()
        x, log_ratio = torch.zeros(count, self.environment.dimension), torch.zeros(count)
        for number in range(STEPS):
            # In units of the scale: the drift and the points that it is shown.
            drift = self.network(x, number * step)
            move = drift * step + math.sqrt(step) * self.noise(count, generator)
            log_ratio = log_ratio + (drift * move - drift.square() * step / 2).sum(1)
            x = x + move
        return self._ended(x, scale, log_ratio)

    def _ended(self, x: Tensor, scale: Tensor, log_ratio: Tensor) -> tuple[Tensor, Tensor]:
        """Points in the target's own units, and log w, from log p_F / p of paths, p the reference."""
        points = x * scale
        log_end = -x.square().sum(1) / 2 - scale.log().sum() - len(scale) / 2 * math.log(2 * math.pi)
        return points, self.environment.log_density(points) - log_end - log_ratio

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return self._paths(count, generator)

    @torch.no_grad()
    def weights_of(self, points: Tensor, generator: torch.Generator) -> Tensor:
        """Of bridges from the origin to the points, drawn backwards."""
        step, scale = 1 / STEPS, self.network.log_scale.exp()
        end = points.float() / scale
        x, log_ratio = end, torch.zeros(len(points))
        for number in range(STEPS - 1, -1, -1):
            kept = number / (number + 1)
            before = kept * x + math.sqrt(step * kept) * self.noise(len(points), generator)
            drift = self.network(before, number * step)
            log_ratio = log_ratio + (drift * (x - before) - drift.square() * step / 2).sum(1)
            x = before
        return self._ended(end, scale, log_ratio)[1]
