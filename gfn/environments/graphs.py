"""What is needed of graphs: the transitive closure of one, and counts and sums over all DAGs without listing them."""

import math

import numpy as np
import torch
from torch import Tensor


def closure(adjacency: Tensor) -> Tensor:
    """Who reaches whom along edges, everybody themselves included: bool ``[..., n, n]``, by repeated squaring."""
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
