"""A discrete diffusion model whose noise hides pixels (Austin et al., NeurIPS 2021), trained on samples."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from gfn.environments import Digits
from gfn.rivals.base import Learner, Shape, mlp, seeded


class MaskedDiffusion(Learner):
    r"""Pixels are hidden one after the other in random order; the network says of each hidden one how probably it is ink.

    In continuous time no two pixels are hidden at once, so a path is an order σ with a picture. Forth and back all orders
    are as probable, and log w = log r(x) - Σ_i log p(x_σi | x_σ1 ... x_σ(i-1)) of a path; its mean is a bound on the
    likelihood. Training draws one term of that: how many pixels are hidden, and which (Hoogeboom et al., ICLR 2022).
    """

    target: ClassVar = Digits

    def __init__(self, environment: Digits, shape: Shape, seed: int) -> None:
        super().__init__(environment, shape, seed)
        size = environment.dimension
        with seeded("weights: masked diffusion", seed):
            self.network = mlp((size, *shape.hidden, size))
        self.prepare()

    def log_each(self, seen: Tensor, pictures: Tensor) -> Tensor:
        """Log-probability of every pixel of ``pictures`` ``[N, d]`` where those in ``seen`` are there, 0 for hidden: ``[N, d]``."""
        return logsigmoid(pictures * self.network(seen))

    def orders(self, count: int, generator: torch.Generator) -> Tensor:
        """At which place each pixel comes: int64 ``[count, d]``, a permutation of 0 to d - 1 in each row."""
        return torch.rand(count, self.environment.dimension, generator=generator).argsort(1).argsort(1)

    def loss(self) -> Tensor:
        pictures = self.examples()
        count, size = pictures.shape
        known = torch.randint(size, (count, 1), generator=self.generator)
        is_hidden = self.orders(count, self.generator) >= known
        return (self.terms(pictures, is_hidden) / (size - known.squeeze(1)) * size).mean()

    def terms(self, pictures: Tensor, is_hidden: Tensor) -> Tensor:
        """Minus the log-probability of all hidden pixels, each by itself: ``[N]`` of ``[N, d]``."""
        each = self.log_each(pictures.masked_fill(is_hidden, 0), pictures)
        return -each.masked_fill(~is_hidden, 0).sum(1)

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        order = self.orders(count, generator)
        uniform = torch.rand(count, self.environment.dimension, generator=generator)
        seen, log_path = torch.zeros(count, self.environment.dimension), torch.zeros(count)
        for place in range(self.environment.dimension):
            logits, is_next = self.network(seen), order == place
            drawn = torch.where(uniform < logits.sigmoid(), 1.0, -1.0)
            log_path += logsigmoid(drawn * logits)[is_next]
            seen = torch.where(is_next, drawn, seen)
        return seen, self.environment.log_reward(seen) - log_path

    @torch.no_grad()
    def weights_of(self, points: Tensor, generator: torch.Generator) -> Tensor:
        """Of paths that hide the pictures in random orders."""
        pictures, order = points.float(), self.orders(len(points), generator)
        log_path = torch.zeros(len(points))
        for place in range(pictures.shape[1]):
            log_each = self.log_each(pictures.masked_fill(order >= place, 0), pictures)
            log_path += log_each[order == place]
        return self.environment.log_reward(points) - log_path
