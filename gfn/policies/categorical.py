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
        return masked_log_softmax(self.network(observation.to(self.dtype)), mask)

    def log_prob(self, observation: Tensor, mask: Tensor, action: Tensor) -> Tensor:
        """Log-probability of ``action`` ``[R, M]``: ``[R, M]``, differentiable in the parameters."""
        return self.log_probs(observation, mask).gather(-1, action.unsqueeze(-1)).squeeze(-1)

    def log_prob_of(self, output: Tensor, mask: Tensor, which: Tensor, action: Tensor) -> Tensor:
        """Log-probability of actions, each in one of U states.

        Arguments:
            output: the network's, of the U states: ``[R, U, A]``.
            mask: of the U states, ``[R, U, A]``.
            which: the state of each action, ``[R, M]``.
            action: ``[R, M]``.

        Returns:
            ``[R, M]``, differentiable in ``output``.
        """
        log_probs = masked_log_softmax(output, mask)
        return log_probs.flatten(1).gather(1, which * log_probs.shape[-1] + action)

    def noise(self, generators: Sequence[torch.Generator], *shape: int) -> Tensor:
        """The randomness that ``choose`` turns into actions: ``[R, *shape, 1]``, a generator a replica."""
        draws = [torch.rand(*shape, 1, generator=g, device=g.device, dtype=self.dtype) for g in generators]
        return torch.stack(draws)

    def sample(self, observation: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
        """Actions ``[R, M]`` in states of which the network sees ``observation``; see :meth:`choose`."""
        return self.choose(self.network(observation.to(self.dtype)), mask, noise)

    @torch.no_grad()
    def choose(self, output: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
        """Actions ``[R, M]`` from logits ``[R, M, A]``, by inversion of the cumulative distribution at ``noise`` ``[R, M, 1]``."""
        return invert(cumulative(output, mask), noise)


def masked_log_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Log-probabilities over the allowed actions, ``-inf`` elsewhere: ``[..., A]``."""
    return (logits + barrier(mask, logits.dtype)).log_softmax(-1)


def cumulative(logits: Tensor, mask: Tensor) -> Tensor:
    """Cumulative probabilities over the allowed actions, the last a little above one: ``[..., A]``."""
    return above_one((logits + barrier(mask, logits.dtype)).softmax(-1).cumsum(-1))


def above_one(total: Tensor) -> Tensor:
    """Cumulative sums ``[..., A]`` over the last of them, so that it exceeds all noise in [0, 1) in spite of rounding."""
    return total / ((1 - 2 * torch.finfo(total.dtype).eps) * total[..., -1:])


def barrier(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Zero where ``mask`` allows, ``-inf`` elsewhere; several times quicker than to fill with a mask."""
    return 1 - mask.to(dtype).reciprocal()


def invert(cumulative: Tensor, noise: Tensor) -> Tensor:
    """The first action whose cumulative probability ``[..., A]`` exceeds ``noise`` ``[..., 1]`` in [0, 1): ``[...]``."""
    # Not a number is past all others, and for training to report.
    place = torch.searchsorted(cumulative, noise.contiguous(), right=True).squeeze(-1)
    return place.clamp_(max=cumulative.shape[-1] - 1)
