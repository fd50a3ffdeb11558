"""Linear-Gaussian networks: data drawn from a random one, and how well parents explain a variable."""

import torch
from torch import Tensor

from gfn.randomness import stream


def simulate(
    nodes: int, samples: int, edges_per_node: float, weights: tuple[float, float], seed: int
) -> tuple[Tensor, Tensor]:
    r"""A random DAG and data from it, x_j = Σ_{i → j} w_ij x_i + ε_j with standard normal ε.

    Every pair of nodes is joined with the same probability, in the direction of a random order. The noise has the same
    scale everywhere; which scale is of no matter to scores that do not depend on units.

    Arguments:
        nodes: number n of variables.
        samples: number N of observations.
        edges_per_node: expected number of edges, divided by n (more than (n - 1)/2 is as much).
        weights: |w| is uniform between these two, its sign is either with equal probability.
        seed: of everything that is random here.

    Returns:
        The adjacency matrix, bool ``[n, n]`` with row i to column j for i → j, and float64 ``[N, n]``.
    """
    generator = stream("linear-Gaussian network", seed)
    rank = torch.randperm(nodes, generator=generator)
    joined, signs, sizes = torch.rand(3, nodes, nodes, generator=generator, dtype=torch.float64)
    graph = (rank[:, None] < rank) & (joined < 2 * edges_per_node / (nodes - 1))
    low, high = weights
    weight = graph * (low + (high - low) * sizes) * torch.where(signs < 0.5, -1.0, 1.0)
    noise = torch.randn(samples, nodes, generator=generator, dtype=torch.float64)
    return graph, torch.linalg.solve(torch.eye(nodes, dtype=torch.float64) - weight, noise, left=False)


def log_likelihood_gain(correlation: Tensor, samples: int, node: Tensor, parents: Tensor) -> Tensor:
    r"""Maximised log-likelihood of a variable given its parents, minus that without any parents.

    .. math:: -\frac N2 \log\big(1 - c^\top C^{-1} c\big)

    with C the correlations of the parents and c theirs with the variable: the bracket is the share
    of the variance that least squares with an intercept leave over. Many small systems are solved
    at once; a variable that is no parent stands in C as a row of the identity.

    Arguments:
        correlation: of all n variables, ``[n, n]``.
        samples: number N of observations.
        node: the variables, int64 ``[M]``; the result is float64 ``[M]``.
        parents: bool ``[M, n]``.
    """
    both = parents.unsqueeze(-1) & parents.unsqueeze(-2)
    own = (correlation * both) + torch.diag_embed((~parents).double())
    shared = (correlation[node] * parents).unsqueeze(-1)
    solved = torch.cholesky_solve(shared, torch.linalg.cholesky(own))
    return -0.5 * samples * torch.log1p(-(shared * solved).sum((-2, -1)))
