"""Multiply–adds that a training iteration cannot do without: the network's forward and backward pass, for each state."""

from __future__ import annotations

from itertools import pairwise

from gfn.environments import DiscreteEnvironment, Environment, Phylogenetics
from gfn.policies import PolicySettings


def per_state(task: Environment, settings: PolicySettings) -> int:
    """Multiply–adds of one pass forward and one backward over one state.

    The backward pass has a product for the weights and one for the inputs of every layer; what
    comes from the state itself needs no gradient.
    """
    if isinstance(task, Phylogenetics):
        return graph_network(len(task.taxa), settings.gin_width, settings.gin_layers)
    outputs = task.action_count if isinstance(task, DiscreteEnvironment) else 3 * settings.components
    return perceptron([task.observation_size, *settings.hidden, outputs])


def perceptron(sizes: list[int]) -> int:
    r"""An MLP with layers of the given sizes: :math:`3 \sum_l d_l d_{l+1} - d_0 d_1`."""
    return 3 * sum(a * b for a, b in pairwise(sizes)) - sizes[0] * sizes[1]


def graph_network(leaves: int, width: int, layers: int) -> int:
    """The graph network of forests on n leaves, with N = 2n - 1 nodes, layer by layer and then its head."""
    nodes, total = 2 * leaves - 1, 0
    for layer in range(layers):
        inputs = width if layer else leaves + 2
        # Sums over neighbours have no weights; the first layer's are known beforehand.
        total += 2 * nodes * nodes * inputs if layer else 0
        total += nodes * (inputs * width * (3 if layer else 2) + 3 * width * width)
    head = 3 * (leaves * width * width + width * width)
    pairs = 3 * leaves * leaves * width
    return total + head + pairs
