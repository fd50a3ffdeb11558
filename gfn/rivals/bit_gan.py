"""A generative adversarial network of bits, whose gradient goes straight through their thresholds."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from gfn.environments import Digits
from gfn.rivals.base import Shape
from gfn.rivals.gan import Adversarial


class StraightThrough(nn.Module):
    """The sign of each number, with the gradient of its hyperbolic tangent (Bengio, Léonard & Courville, 2013)."""

    def forward(self, numbers: Tensor) -> Tensor:
        """-1 or 1 for every number."""
        soft = numbers.tanh()
        return torch.where(numbers > 0, 1.0, -1.0) + soft - soft.detach()


class BitAdversarial(Adversarial):
    """As the GAN of continuous targets, but for what its generator ends with; a pixel is ink or paper, 1 or -1."""

    target: ClassVar = Digits

    def __init__(self, environment: Digits, shape: Shape, seed: int) -> None:
        super().__init__(environment, shape, seed)
        self.network.append(StraightThrough())

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, None]:
        return super().draw(count, generator)[0].sign(), None
