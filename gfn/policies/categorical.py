"""Forward policy of discrete tasks: a masked softmax over actions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class CategoricalPolicy(nn.Module):
    r"""π(a | s) ∝ exp(network(s)_a) over the allowed actions.

    Arguments:
        network: R networks in one, from observations ``[R, M, D]`` to logits ``[R, M, A]``.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the network."""
        return next(self.parameters()).dtype

    def log_probs(self, observation: Tensor, mask: Tensor) -> Tensor:
        """Log-probabilities of all actions, ``-inf`` where masked: ``[R, M, D]``, ``[R, M, A]`` to ``[R, M, A]``."""
        logits = self.network(observation.to(self.dtype))
        return logits.masked_fill(~mask, -torch.inf).log_softmax(-1)

    def log_prob(self, observation: Tensor, mask: Tensor, action: Tensor) -> Tensor:
        """Log-probability of ``action`` ``[R, M]``: ``[R, M]``, differentiable in the parameters."""
        return self.log_probs(observation, mask).gather(-1, action.unsqueeze(-1)).squeeze(-1)

    def noise(self, generators: Sequence[torch.Generator], *shape: int) -> Tensor:
        """The randomness that ``sample`` turns into actions: ``[R, *shape, 1]``, a generator a replica."""
        draws = [torch.rand(*shape, 1, generator=g, device=g.device, dtype=self.dtype) for g in generators]
        return torch.stack(draws)

    @torch.no_grad()
    def sample(self, observation: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
        """Actions ``[R, M]`` by inversion of the cumulative distribution at ``noise`` ``[R, M, 1]``."""
        logits = self.network(observation.to(noise.dtype))
        cumulative = logits.masked_fill(~mask, -torch.inf).softmax(-1).cumsum(-1)
        # Strictly below the total, so that the first action past the threshold always has positive probability.
        threshold = noise * (1 - 2 * torch.finfo(noise.dtype).eps) * cumulative[..., -1:]
        return (cumulative <= threshold).sum(-1)
