"""Neural spline flows (Durkan et al., NeurIPS 2019), by the library zuko: from the density, or from samples."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from gfn.environments import ContinuousEnvironment
from gfn.rivals.base import Learner, Shape, seeded

LAYERS, BINS = 4, 8


class SplineFlow(nn.Module):
    """Coupling layers of splines, and after them a scale and a shift of each coordinate, which start at 1 and 0.

    Splines end at 5 units from the origin, so the scale is what lets a flow spread farther. One direction takes a single pass
    through the networks, the other one two: the cheap one is that in which the flow is trained.

    Arguments:
        size: number d of coordinates.
        hidden: widths of the hidden layers.
        drawing: whether the cheap direction is that from noise to points.
    """

    def __init__(self, size: int, hidden: tuple[int, ...], drawing: bool = False) -> None:
        super().__init__()
        from zuko.flows import NSF

        self.drawing = drawing
        self.splines = NSF(size, transforms=LAYERS, bins=BINS, hidden_features=hidden, passes=min(2, size))
        self.shift, self.log_scale = nn.Parameter(torch.zeros(size)), nn.Parameter(torch.zeros(size))

    def forward(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Points ``[N, d]`` from standard normal noise, and their log-density ``[N]``."""
        law = self.splines()
        inner, stretched = (law.transform if self.drawing else law.transform.inv).call_and_ladj(noise)
        log_density = law.base.log_prob(noise) - stretched
        return self.shift + self.log_scale.exp() * inner, log_density - self.log_scale.sum()

    def log_density(self, points: Tensor) -> Tensor:
        """Of points ``[N, d]``: ``[N]``."""
        law, inner = self.splines(), (points - self.shift) * (-self.log_scale).exp()
        noise, shrunk = (law.transform.inv if self.drawing else law.transform).call_and_ladj(inner)
        return law.base.log_prob(noise) + shrunk - self.log_scale.sum()


class Flow(Learner):
    """What both flows have in common."""

    drawing: ClassVar[bool]

    def __init__(self, environment: ContinuousEnvironment, shape: Shape, seed: int) -> None:
        super().__init__(environment, shape, seed)
        with seeded("weights: spline flow", seed):
            self.network = SplineFlow(environment.dimension, shape.hidden, self.drawing)
        self.prepare()

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        points, log_density = self.network(self.noise(count, generator))
        return points, self.environment.log_density(points.double()) - log_density

    @torch.no_grad()
    def weights_of(self, points: Tensor, generator: torch.Generator) -> Tensor:
        return self.environment.log_density(points) - self.network.log_density(points.float())


class DensityFlow(Flow):
    """By the reverse KL divergence, E[log q − log r], whose gradient goes through the points."""

    drawing = True

    def loss(self) -> Tensor:
        points, log_density = self.network(self.noise(self.shape.batch_size))
        return (log_density - self.environment.log_density(points)).mean()


class SampleFlow(Flow):
    """By maximum likelihood."""

    drawing = False

    def loss(self) -> Tensor:
        return -self.network.log_density(self.examples()).mean()
