"""What distributions over DAGs say of their variables: edges, paths and Markov blankets."""

import torch
from torch import Tensor

from gfn.environments import DAGs
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.environments.graphs import closure


def features(graphs: Tensor) -> dict[str, Tensor]:
    """Relations between the variables of each graph (Friedman & Koller, 2003).

    Both ``graphs``, the adjacency matrices of DAGs, and the relations are bool ``[..., n, n]``, of i in rows and j in
    columns: ``edges``, i → j; ``paths``, i is an ancestor of j; ``markov``, i is in the Markov blanket of j: a parent,
    a child, or another parent of a child.
    """
    others = ~torch.eye(graphs.shape[-1], dtype=torch.bool, device=graphs.device)
    number = graphs.float()
    coparents = number @ number.mT > 0
    blanket = (graphs | graphs.mT | coparents) & others
    return {"edges": graphs, "paths": closure(graphs) & others, "markov": blanket}


def marginals(environment: DAGs, distribution: Tensor | None = None) -> dict[str, Tensor]:
    """Probability of every relation under a distribution over all DAGs.

    Arguments:
        environment: a task small enough to enumerate.
        distribution: float64 ``[..., X]`` in the order of ``state_graph(environment).objects``, for
            example from :func:`gfn.evaluation.exact.terminal_distribution`; without it, the target r/Z.

    Returns:
        Float64 ``[..., n, n]`` for each of the names of :func:`features`.
    """
    if distribution is None:
        distribution = target_distribution(environment)
    graphs = environment.adjacency(state_graph(environment).objects)
    found = {name: relation.flatten(1).to(distribution.dtype) for name, relation in features(graphs).items()}
    return {name: (distribution @ relation).unflatten(-1, graphs.shape[1:]) for name, relation in found.items()}
