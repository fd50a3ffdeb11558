"""A generative adversarial network of bits, whose gradient goes straight through them."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from gfn.environments import Digits
from gfn.rivals.base import Shape
from gfn.rivals.gan import Adversarial


class Bits(nn.Module):
    """Pixels, 1 for ink and -1 for paper, of each of which a network gives the probability.

    They are drawn with the gradient of a relaxation, the hyperbolic tangent of half the logit and logistic noise
    (straight-through: Bengio, Léonard & Courville, 2013; Jang, Gu & Poole, ICLR 2017).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, noise: Tensor) -> Tensor:
        """``[N, d]`` of standard normal noise ``[N, 2 d]``: the network's, and what bits are drawn by."""
        latent, drawn_by = noise.chunk(2, 1)
        logits = self.network(latent) + torch.special.ndtr(drawn_by).logit(1e-6)
        soft = (logits / 2).tanh()
        return torch.where(logits > 0, 1.0, -1.0) + soft - soft.detach()


class BitAdversarial(Adversarial):
    """As the GAN of continuous targets, but for what its generator ends with."""

    target: ClassVar = Digits

    def __init__(self, environment: Digits, shape: Shape, seed: int) -> None:
        super().__init__(environment, shape, seed)
        self.network = Bits(self.network)

    def noise(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Standard normal noise, ``[count, 2 d]``."""
        return torch.randn(count, 2 * self.environment.dimension, generator=generator or self.generator)

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, None]:
        return super().draw(count, generator)[0].sign(), None
