"""A generative adversarial network (Goodfellow et al., NeurIPS 2014), trained on samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gfn.environments import ContinuousEnvironment
from gfn.rivals.base import CLIP, Learner, Shape, mlp, seeded

MOMENTA = (0.5, 0.9)
PENALTY = 1.0  # half of the weight of the squared gradient at real samples (Mescheder et al., ICML 2018)


class Adversarial(Learner):
    """A generator without a density, and a critic that is to tell its points from samples.

    Both take a step a batch: the critic by the logistic loss with the penalty R₁, the generator by its non-saturating one.
    """

    def __init__(self, environment: ContinuousEnvironment, shape: Shape, seed: int) -> None:
        super().__init__(environment, shape, seed)
        size = environment.dimension
        with seeded("weights: adversarial", seed):
            self.network = mlp((size, *shape.hidden, size), nn.ReLU)
            self.critic = mlp((size, *shape.hidden, 1), nn.LeakyReLU)
        self.prepare()

    def prepare(self) -> None:
        rate = {"lr": self.shape.learning_rate, "betas": MOMENTA}
        self.optimiser = torch.optim.Adam(self.network.parameters(), **rate)
        self.critics = torch.optim.Adam(self.critic.parameters(), **rate)

    def loss(self) -> Tensor:
        real, noise = self.examples().requires_grad_(), self.noise(self.shape.batch_size)
        self.critics.zero_grad()
        said = self.critic(real)
        (slope,) = torch.autograd.grad(said.sum(), real, create_graph=True)
        lost = softplus(-said).mean() + softplus(self.critic(self.network(noise).detach())).mean()
        (lost + PENALTY * slope.square().sum(1).mean()).backward()
        nn.utils.clip_grad_norm_(self.critic.parameters(), CLIP)
        self.critics.step()
        return softplus(-self.critic(self.network(self.noise(self.shape.batch_size)))).mean()

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, None]:
        return self.network(self.noise(count, generator)), None
