"""What is needed of graphs: the transitive closure of one, and counts and sums over all DAGs without listing them.

On two nodes there are three DAGs: no edge, 0 → 1, and 1 → 0. Let the scores be f_0(∅) = 1, f_0({1}) = 2, f_1(∅) = 3 and
f_1({0}) = 4. Then the graphs have 1 · 3, 1 · 4 and 2 · 3, which add to 13, with 6 as the largest. Columns stand for the sets
∅, {0}, {1} and {0, 1}; no node is its own parent, so the score of those sets is 0, and its log -∞.

>>> scores = torch.tensor([[1.0, 0, 2, 0], [3, 4, 0, 0]], dtype=torch.float64).log()
>>> count_dags(2), round(math.exp(log_sum_over_dags(scores)), 9), round(math.exp(log_max_over_dags(scores)), 9)
(3, 13.0, 6.0)

How the sum comes about: T are nodes without children, whose parents may be any of the others. A({0}) = f_0(∅) = 1 and
A({1}) = f_1(∅) = 3. For S = {0, 1}, T = {0} gives A({1}) (f_0(∅) + f_0({1})) = 3 (1 + 2) = 9, the graphs in which 0 has no
children; T = {1} gives A({0}) (3 + 4) = 7, those in which 1 has none. The graph without edges is in both, and T = {0, 1}
takes its 1 · 3 away again: 9 + 7 - 3 = 13.
"""

import math

import numpy as np
import torch
from torch import Tensor


def closure(adjacency: Tensor) -> Tensor:
    """Who reaches whom along edges, everybody themselves included: bool ``[..., n, n]``, by repeated squaring.

    After k squarings, paths of up to 2^k edges are in; no path needs more than n - 1. Of the chain 0 → 1 → 2:

    >>> closure(torch.tensor([[0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=torch.bool)).int().tolist()
    [[1, 1, 1], [0, 1, 1], [0, 0, 1]]
    """
    nodes = adjacency.shape[-1]
    reach = adjacency | torch.eye(nodes, dtype=torch.bool, device=adjacency.device)
    for _ in range((nodes - 1).bit_length()):
        reach = (reach.float() @ reach.float()) > 0
    return reach


def count_dags(nodes: int) -> int:
    """Number of labelled DAGs: 1, 3, 25, 543, 29281, … (OEIS A003024), by Robinson's recurrence."""
    counts = [1]
    for n in range(1, nodes + 1):
        terms = (-((-1) ** k) * math.comb(n, k) * 2 ** (k * (n - k)) * counts[n - k] for k in range(1, n + 1))
        counts.append(sum(terms))
    return counts[nodes]


def log_sum_over_dags(log_scores: Tensor) -> float:
    r"""Log of the sum over all DAGs of the product of their nodes' scores (Tian & He, 2009).

    .. math:: A(S) = \sum_{\emptyset \ne T \subseteq S} (-1)^{|T| + 1} A(S \setminus T)
              \prod_{j \in T} \sum_{P \subseteq S \setminus T} f_j(P)

    where A(S) is the sum over DAGs on the nodes S and f_j(P) the score of node j with parents P. A DAG with k nodes
    without children is counted 2^k - 1 times, so little precision is lost for small n. Takes 3^n steps.

    Arguments:
        log_scores: log f_j(P) of node j, with bit i of the column's number set if i is in P: float64 ``[n, 2^n]``.
    """
    scores = log_scores.numpy()
    nodes, subsets = scores.shape
    within = scores.copy()  # log of the sum of f_j over all subsets of P
    index = np.arange(subsets)
    for i in range(nodes):
        has = index >> i & 1 == 1
        within[:, has] = np.logaddexp(within[:, has], within[:, index[has] ^ (1 << i)])
    member = (index >> np.arange(nodes)[:, None] & 1).astype(bool)
    sign = np.where(member.sum(0) % 2 == 1, 1.0, -1.0)
    log_sums = np.zeros(subsets)
    for whole in range(1, subsets):
        chosen = index[1 : whole + 1]
        chosen = chosen[chosen & ~whole == 0]
        rest = whole ^ chosen
        terms = log_sums[rest] + np.where(member[:, chosen], within[:, rest], 0).sum(0)
        largest = terms.max()
        log_sums[whole] = largest + np.log((sign[chosen] * np.exp(terms - largest)).sum())
    return float(log_sums[-1])


def log_max_over_dags(log_scores: Tensor) -> float:
    """Log of the largest product of nodes' scores over all DAGs (Silander & Myllymäki, 2006).

    The best DAG on some nodes has one without children, whose parents are the best among the others. Scores are as for
    :func:`log_sum_over_dags`.
    """
    nodes, subsets = log_scores.shape
    index, best = np.arange(subsets), log_scores.numpy().copy()
    for i in range(nodes):
        has = index >> i & 1 == 1
        best[:, has] = np.maximum(best[:, has], best[:, index[has] ^ (1 << i)])
    highest = np.zeros(subsets)
    for whole in range(1, subsets):
        rests = [(j, whole ^ (1 << j)) for j in range(nodes) if whole >> j & 1]
        highest[whole] = max(highest[rest] + best[j, rest] for j, rest in rests)
    return float(highest[-1])
