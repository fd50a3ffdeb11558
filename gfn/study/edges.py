"""Edges that DAGs have under a distribution: exactly where that can be had, and from objects that were drawn."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from gfn.environments import DAGs
from gfn.settings import SettingsError

MOST_NODES = 12
NEVER = -1e9  # log-score of what cannot be, of which derivatives can be taken


def exact_edges(task: DAGs) -> Tensor:
    r"""Probability of every edge i → j under the target r/Z, without listing the graphs: float64 ``[n, n]``.

    log Z as a function of the log-scores log f_j(P) of all sets P of parents is that of
    :func:`~gfn.environments.graphs.log_sum_over_dags`. Its derivative is the probability that j has just these parents,

    .. math:: \frac{\partial \log Z}{\partial \log f_j(P)} = P(\text{Pa}(j) = P),

    since each term of Z in which f_j(P) is a factor is proportional to it. An edge has the probability of all sets of
    parents that hold its tail.

    Raises:
        SettingsError: beyond 12 variables.
    """
    if task.nodes > MOST_NODES:
        raise SettingsError(f"nodes = {task.nodes} is not allowed with exact edges: at most {MOST_NODES}")
    scores = task.local_scores.clamp(min=NEVER).requires_grad_()
    (parents,) = torch.autograd.grad(_log_sum(scores), scores)
    holds = (torch.arange(2**task.nodes) >> torch.arange(task.nodes)[:, None] & 1).double()
    return (holds @ parents.T).clamp(0, 1)


def _log_sum(scores: Tensor) -> Tensor:
    """What :func:`~gfn.environments.graphs.log_sum_over_dags` computes, size by size of S, so that it can be derived."""
    nodes, subsets = scores.shape
    index = torch.arange(subsets)
    member = (index >> torch.arange(nodes)[:, None] & 1).bool()  # [n, 2^n]
    size, within = member.sum(0), scores  # log of the sum of f_j over all subsets of P
    for i in range(nodes):
        less = torch.logaddexp(within, within[:, index & ~(1 << i)])
        within = torch.where(member[i], less, within)
    log_sums = torch.zeros(subsets, dtype=scores.dtype)
    for k in range(1, nodes + 1):
        whole = index[size == k]
        # The subsets T of each S: bit b of 1, …, 2^k - 1 stands for the b-th of its k nodes.
        place = member[:, whole].T.nonzero()[:, 1].view(-1, k)
        bits = torch.arange(1, 2**k)[:, None] >> torch.arange(k) & 1  # [2^k - 1, k]
        chosen = ((1 << place) @ bits.T).view(len(whole), -1)
        rest = whole[:, None] ^ chosen
        terms = log_sums[rest] + sum(within[j, rest] * member[j, chosen] for j in range(nodes))
        largest = terms.detach().amax(1, keepdim=True)
        sign = torch.where(size[chosen] % 2 == 1, 1.0, -1.0)
        total = largest.squeeze(1) + (sign * (terms - largest).exp()).sum(1).log()
        log_sums = log_sums.index_put((whole,), total)
    return log_sums[-1]


def drawn_edges(graphs: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of graphs that have each edge, of independent draws: with standard errors, both float64 ``[n, n]``.

    The graphs are adjacency matrices, bool ``[M, n, n]``, as of :meth:`gfn.environments.dags.DAGs.adjacency`.

    Raises:
        ValueError: for fewer than two.
    """
    if len(graphs) < 2:
        raise ValueError(f"{len(graphs)} graphs are too few: at least 2")
    share = graphs.double().mean(0)
    return share, (share * (1 - share) / (len(graphs) - 1)).sqrt()


def edge_table(names: Sequence[str], columns: dict[str, Tensor]) -> pd.DataFrame:
    """A row for each ordered pair of variables, ``from`` and ``to``, sorted by the first column: to be written as CSV.

    Arguments:
        names: of the n variables.
        columns: for each column, such as "learned" or "exact", numbers ``[n, n]``.

    Raises:
        ValueError: if there are other numbers of names than of variables, or no columns.
    """
    if not columns or any(matrix.shape != (len(names), len(names)) for matrix in columns.values()):
        shapes = ", ".join(f"{name} {list(matrix.shape)}" for name, matrix in columns.items()) or "none"
        raise ValueError(f"columns of the shapes {shapes} are not allowed with {len(names)} names")
    pairs = [(i, j) for i in range(len(names)) for j in range(len(names)) if i != j]
    table = pd.DataFrame({"from": [names[i] for i, _ in pairs], "to": [names[j] for _, j in pairs]})
    for name, matrix in columns.items():
        table[name] = [matrix[pair].item() for pair in pairs]
    return table.sort_values(next(iter(columns)), ascending=False, kind="stable", ignore_index=True)
