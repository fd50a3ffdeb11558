"""What a trained policy says of its task, beside the exact answer: clades and trees, edges, densities."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gfn.environments import Phylogenetics, PlanarEnvironment
from gfn.environments.enumeration import state_graph
from gfn.environments.forests import all_trees
from gfn.environments.phylogenetics import MAX_LOG_Z_TAXA
from gfn.evaluation.accuracy import policy_density, target_density
from gfn.evaluation.exact import terminal_distribution
from gfn.evaluation.structure import marginals
from gfn.study.trained import Trained

DRAWN = 10_000  # objects, where a task cannot be enumerated
MAJORITY = 0.5


@dataclass(frozen=True)
class Trees:
    """A distribution over trees: those that have mass, ``[K, n]``, the most probable first, and their probabilities ``[K]``."""

    trees: Tensor
    probabilities: Tensor

    def clades(self) -> dict[int, float]:
        """The probability of each clade with at least two leaves, as a bit mask of them: the root has one."""
        every, place = self.trees[:, 1:].unique(return_inverse=True)
        weights = self.probabilities.unsqueeze(1).expand(place.shape)
        sums = torch.zeros(len(every), dtype=torch.float64).index_add_(0, place.flatten(), weights.flatten())
        return dict(zip(every.tolist(), sums.tolist()))

    def consensus(self) -> dict[int, float]:
        """The clades of the majority-rule consensus, those of more than half of the mass, with their probabilities.

        Two of them share a tree, so all fit into one, with nodes of more than two children where no majority decides.
        Source: T. Margush and F. R. McMorris, Consensus n-trees, Bull. Math. Biol. 43 (1981).
        """
        return {clade: mass for clade, mass in self.clades().items() if mass > MAJORITY}

    def probability(self, tree: Tensor) -> float:
        """That of one tree ``[n]``; 0 for one that is not among them."""
        return float(self.probabilities[(self.trees == tree).all(-1)].sum())


def _sorted(trees: Tensor, probabilities: Tensor) -> Trees:
    order = probabilities.argsort(descending=True, stable=True)
    return Trees(trees[order], probabilities[order])


def exact_trees(task: Phylogenetics) -> Trees | None:
    """The posterior over all trees; None for more than 9 taxa, of which there are too many."""
    if len(task.taxa) > MAX_LOG_Z_TAXA:
        return None
    trees = all_trees(len(task.taxa))
    return _sorted(trees, task.log_reward(trees).softmax(0))


def learned_trees(trained: Trained) -> Trees:
    """What the policy of one seed draws: exactly where the task can be enumerated, else from 10,000 trees."""
    if trained.exact:
        probabilities = terminal_distribution(trained.task, trained.policy)[0]
        return _sorted(state_graph(trained.task).objects, probabilities)
    trees, counts = trained.sample(DRAWN)[0].unique(dim=0, return_counts=True)
    return _sorted(trees, counts.double() / DRAWN)


def learned_edges(trained: Trained) -> Tensor:
    """P(i → j) of all edges, float64 ``[n, n]``, of one seed: exactly where the task can be enumerated, else from 10,000 graphs.

    See :func:`gfn.study.edges.exact_edges` for that of the target.
    """
    if trained.exact:
        return marginals(trained.task, terminal_distribution(trained.task, trained.policy)[0])["edges"]
    return trained.task.adjacency(trained.sample(DRAWN)[0]).double().mean(0)


def densities(trained: Trained, resolution: int) -> Tensor:
    """The density of the policy of one seed on a grid over the task's window, float64 ``[resolution, resolution]``."""
    return policy_density(trained.task, trained.policy, resolution, trained.task.window)[0]


def exact_density(task: PlanarEnvironment, resolution: int) -> Tensor:
    """The target's on the same grid, normalised where ``log_z`` says its mass."""
    return target_density(task, resolution, task.window) / torch.tensor(task.log_z or 0.0, dtype=torch.float64).exp()
