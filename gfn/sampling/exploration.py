"""Choices other than a policy's own: uniform with some probability, or tempered."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gfn.environments.continuous import Box
from gfn.policies import MixturePolicy
from gfn.policies.categorical import BELOW_ONE


@dataclass(frozen=True)
class Exploration:
    r"""What a trajectory's actions are drawn from in the place of π.

    .. math:: q(a \mid s) = (1 - \varepsilon)\, \frac{\pi(a \mid s)^{1/T}}{\sum_b \pi(b \mid s)^{1/T}} + \varepsilon\, u(a \mid s)

    u is uniform over the actions that are allowed; of continuous tasks over the side of the task's box along the
    coordinate that is drawn, and there T is 1.

    Attributes:
        epsilon: ε, from 0 to 1.
        temperature: T, positive; above 1 choices are more even than the policy's.
    """

    epsilon: float = 0.0
    temperature: float = 1.0

    def spread(self, probabilities: Tensor, closed: Tensor) -> Tensor:
        """q of all actions from π, ``[R, M, A]``, and which of them are not allowed, bool."""
        if self.temperature != 1:
            probabilities = probabilities.pow(1 / self.temperature)
            probabilities = probabilities / probabilities.sum(-1, keepdim=True)
        if not self.epsilon:
            return probabilities
        allowed = (~closed).to(probabilities.dtype)
        return torch.lerp(probabilities, allowed / allowed.sum(-1, keepdim=True), self.epsilon)

    def choose(self, policy: MixturePolicy, output: Tensor, noise: Tensor, side: tuple[float, float]) -> Tensor:
        """Coordinates ``[R, M]`` of continuous tasks, from the same noise as the policy's: the part of [0, 1] up to ε explores."""
        uniform, (low, high) = noise[..., 0], side
        beyond = ((uniform - self.epsilon) / max(1 - self.epsilon, 1e-9)).clamp(0, BELOW_ONE)
        own = policy.choose(output, torch.stack([beyond, noise[..., 1]], -1))
        explored = low + (high - low) * uniform / max(self.epsilon, 1e-9)
        return torch.where(uniform < self.epsilon, explored, own)

    def log_density(self, log_prob: Tensor, actions: Tensor, box: Box) -> Tensor:
        """log q of coordinates ``[R, T, M]`` of continuous tasks from log π: ``[R, T, M]``."""
        if not self.epsilon:
            return log_prob
        parts = []
        for own, action, (low, high) in zip(log_prob.unbind(1), actions.unbind(1), box):
            inside = (action >= low) & (action <= high)
            uniform = torch.where(inside, math.log(self.epsilon) - math.log(high - low), -torch.inf).to(own.dtype)
            own = own + math.log1p(-self.epsilon) if self.epsilon < 1 else torch.full_like(own, -torch.inf)
            parts.append(torch.logaddexp(own, uniform))
        return torch.stack(parts, 1)
