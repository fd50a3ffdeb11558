"""The policy of a GFlowNet that writes pixel by pixel, trained by maximum likelihood on samples: an autoregressive model."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from gfn.environments import Digits
from gfn.policies import PolicySettings, make_policy
from gfn.rivals.base import Learner, Shape
from gfn.sampling import rollout

ROWS = 1 << 15  # partial pictures that the network is shown at a time, where no gradient is asked for


class Autoregressive(Learner):
    """A picture has one trajectory, so log p_F of that is its log-likelihood. It starts as the GFlowNet of the same seed."""

    target: ClassVar = Digits

    def __init__(self, environment: Digits, shape: Shape, seed: int) -> None:
        super().__init__(environment, shape, seed)
        self.network = make_policy(environment, PolicySettings(hidden=shape.hidden), [seed])
        self.prepare()

    def log_prob(self, pictures: Tensor) -> Tensor:
        """Of whole pictures ``[N, d]``: ``[N]``."""
        size = pictures.shape[1]
        # All that was there before each pixel, of which the policy is asked for the next.
        before = pictures.unsqueeze(1) * torch.ones(size, size).tril(-1)
        seen, action = before.reshape(1, -1, size), (pictures > 0).long().reshape(1, -1)
        return self.network.log_prob(seen, self.environment.mask(seen), action).view(-1, size).sum(1)

    def loss(self) -> Tensor:
        return -self.log_prob(self.examples()).mean()

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        drawn = rollout(self.environment, self.network, count, [generator])
        return drawn.terminal[0], (drawn.log_reward - drawn.log_pf)[0]

    @torch.no_grad()
    def weights_of(self, points: Tensor, generator: torch.Generator) -> Tensor:
        parts = points.float().split(max(1, ROWS // points.shape[1]))
        return self.environment.log_reward(points) - torch.cat([self.log_prob(part) for part in parts])
