"""Felsenstein's pruning algorithm for the model of Jukes and Cantor, batched over trees and site patterns.

Sources: J. Felsenstein, Evolutionary trees from DNA sequences: a maximum likelihood approach,
J. Mol. Evol. 17 (1981); T. Jukes and C. Cantor, Evolution of protein molecules (1969).
"""

import math

import torch
from torch import Tensor

from gfn.environments.forests import merges

CHUNK = 1 << 19


def jukes_cantor(branch_length: float) -> tuple[float, float]:
    """The transition probabilities along an edge of b expected substitutions per site, P = stay · I + change · 11ᵀ.

    ``stay`` is exp(-4b/3), and ``change`` is (1 - exp(-4b/3)) / 4, the probability of any one other base.
    """
    return math.exp(-4 * branch_length / 3), -math.expm1(-4 * branch_length / 3) / 4


def log_likelihood(state: Tensor, possible: Tensor, counts: Tensor, branch_length: float) -> Tensor:
    """Log-likelihood of complete trees with the same length on all edges and uniform base frequencies.

    At every node the partial likelihoods are divided by their largest, whose log is kept, so that
    trees of any size stay in the range of floating-point numbers.

    Arguments:
        state: complete trees as :mod:`gfn.environments.forests` writes them, int64 ``[..., n]``.
        possible: which bases each taxon may have in each pattern, ``[n, 4, S]``.
        counts: how often each pattern occurs, ``[S]``.
        branch_length: expected substitutions per site along every edge.

    Returns:
        float64 ``[...]``, in nats.
    """
    flat = state.reshape(-1, state.shape[-1])
    chunks = flat.split(max(1, CHUNK // possible.numel()))
    return torch.cat([_prune(c, possible, branch_length) @ counts for c in chunks]).view(state.shape[:-1])


def _prune(state: Tensor, possible: Tensor, branch_length: float) -> Tensor:
    """Log-likelihood of every site pattern, ``[M, n]`` to ``[M, S]``."""
    stay, change = jukes_cantor(branch_length)
    rows = torch.arange(len(state), device=state.device)
    # What each root of the growing forest sends along its edge to its parent, by its smallest leaf: [n, M, 4, S].
    sent = (stay * possible + change * possible.sum(1, keepdim=True)).unsqueeze(1).repeat(1, len(state), 1, 1)
    log_scale = torch.zeros(len(state), possible.shape[-1], dtype=possible.dtype, device=state.device)
    for smaller, larger in zip(*(leaf.unbind(-1) for leaf in merges(state))):
        partial = sent[smaller, rows] * sent[larger, rows]
        top = partial.amax(1, keepdim=True)
        partial /= top
        log_scale += top.squeeze(1).log()
        sent[smaller, rows] = stay * partial + change * partial.sum(1, keepdim=True)
    return log_scale + partial.mean(1).log()
