"""Forward policy of discrete tasks: a masked softmax over actions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gfn.policies.network import ReplicatedMLP


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
        return _log_probs(self.network(observation.to(self.dtype)), mask)

    def log_prob(self, observation: Tensor, mask: Tensor, action: Tensor) -> Tensor:
        """Log-probability of ``action`` ``[R, M]``: ``[R, M]``, differentiable in the parameters."""
        return _chosen(self.log_probs(observation, mask), action)

    @property
    def keeps_traces(self) -> bool:
        """Whether :meth:`sample` can keep what its network computed, for :meth:`log_prob_of`."""
        return isinstance(self.network, ReplicatedMLP)

    def log_prob_of(self, traces: Sequence[Sequence[Tensor]], mask: Tensor, action: Tensor) -> Tensor:
        """:meth:`log_prob` of actions that were just sampled, from the traces of T samplings of B each.

        Arguments:
            traces: what :meth:`sample` kept, one a sampling.
            mask: ``[R, T B, A]``.
            action: ``[R, T B]``.
        """
        trace = [torch.stack(layer, 1).flatten(1, 2) for layer in zip(*traces)]
        return _chosen(_log_probs(self.network.replay(trace), mask), action)

    def noise(self, generators: Sequence[torch.Generator], *shape: int) -> Tensor:
        """The randomness that ``sample`` turns into actions: ``[R, *shape, 1]``, a generator a replica."""
        draws = [torch.rand(*shape, 1, generator=g, device=g.device, dtype=self.dtype) for g in generators]
        return torch.stack(draws)

    @torch.no_grad()
    def sample(self, observation: Tensor, mask: Tensor, noise: Tensor, traces: list | None = None) -> Tensor:
        """Actions ``[R, M]`` by inversion of the cumulative distribution at ``noise`` ``[R, M, 1]``.

        What the network computed is appended to ``traces``, if given.
        """
        observation = observation.to(noise.dtype)
        if traces is None:
            logits = self.network(observation)
        else:
            traces.append(self.network.trace(observation))
            logits = traces[-1][-1]
        cumulative = logits.masked_fill(~mask, -torch.inf).softmax(-1).cumsum(-1)
        # Strictly below the total, so that the first action past the threshold always has positive probability.
        threshold = noise * (1 - 2 * torch.finfo(noise.dtype).eps) * cumulative[..., -1:]
        return (cumulative <= threshold).sum(-1)


def _log_probs(logits: Tensor, mask: Tensor) -> Tensor:
    return logits.masked_fill(~mask, -torch.inf).log_softmax(-1)


def _chosen(log_probs: Tensor, action: Tensor) -> Tensor:
    return log_probs.gather(-1, action.unsqueeze(-1)).squeeze(-1)
