"""TB's best scalar baseline, learned from one batch after the other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gfn.estimators.control_variates import mean_gradient
from gfn.randomness import stream
from gfn.sampling import Trajectories

MEMORY = 0.95  # share of the average that is kept from one batch to the next


class ScalarBaseline:
    """How much more than the mean of ℓ = log p_F - log p_B - log r the best scalar baseline is, for each of R seeds.

    E[‖s‖² (ℓ - E ℓ)] / E[‖s‖²] with s = ∇log p_F(τ), both averaged over past batches, so that it does not depend on the
    one to which it is applied. Norms of single trajectories' gradients would take a backward pass each. With random
    signs ε, two passes do: E_ε ⟨Σ_n ε_n s_n, Σ_n ε_n v_n s_n⟩ = Σ_n v_n ‖s_n‖².

    Attributes:
        moments: the two averages, ``[R, 2]``.
    """

    def __init__(self, seeds: Sequence[int], like: Tensor) -> None:
        self.seeds = seeds
        self.moments = torch.zeros(len(seeds), 2, dtype=like.dtype, device=like.device)

    @property
    def shift(self) -> Tensor:
        """``[R, 1]``; 0 before the first batch."""
        above, below = self.moments.split(1, 1)
        return torch.where(below > 0, above / below, 0)

    def learn(self, batch: Trajectories, parameters: list[Tensor], iteration: int) -> None:
        """Take a batch into the averages."""
        residual = (batch.log_pf - batch.log_pb - batch.log_reward).detach()
        signs = torch.stack([self._signs(seed, iteration, residual[0]) for seed in self.seeds])
        plain = mean_gradient(batch.log_pf, parameters, signs)
        weighted = mean_gradient(batch.log_pf, parameters, signs * (residual - residual.mean(-1, keepdim=True)))
        new = torch.stack([(plain * weighted).sum(-1), plain.square().sum(-1)], 1)
        self.moments.mul_(MEMORY).add_(new, alpha=1 - MEMORY)

    def _signs(self, seed: int, iteration: int, like: Tensor) -> Tensor:
        generator = stream("signs of the scalar baseline", seed, iteration, device=like.device)
        drawn = torch.randint(2, like.shape, generator=generator, device=like.device)
        return (2 * drawn - 1).to(like.dtype)
