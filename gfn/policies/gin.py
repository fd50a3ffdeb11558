"""Network of the phylogenetics policy: R graph isomorphism networks (GIN), one a seed, over forests.

Source: K. Xu, W. Hu, J. Leskovec, S. Jegelka, How powerful are graph neural networks?, ICLR 2019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, leaky_relu, pad
from torch_geometric.nn import DenseGINConv

from gfn.policies.network import ReplicatedMLP


class ForestGIN(nn.Module):
    r"""From forests on n leaves to a logit for each pair of leaves that are the smallest of their trees.

    The graph has a node for each leaf and each of n - 1 internal places, and edges between parents and children both
    ways. A node's features are the leaves at or below it (a one-hot of its name, for a leaf), and whether it is an
    internal node and a root. Node embeddings h are normalised after every layer, without which gradients hardly reach
    the first. A pair's logit is symmetric in the two roots, and does not depend on the places of the internal nodes:

    .. math:: \text{logit}_{ij} = \sum_k w_k e_{ik} e_{jk}, \qquad e_i = \text{norm}\big(A h_{\text{root of } i} + B \bar h\big)

    Arguments:
        seeds: the R seeds of the replicas.
        taxa: number n of leaves.
        width: of all hidden layers.
        layers: number of GIN layers.
    """

    def __init__(self, seeds: Sequence[int], taxa: int, width: int, layers: int) -> None:
        super().__init__()
        self.taxa = taxa
        widths = [taxa + 2] + [width] * (layers - 1)
        self.layers = nn.ModuleList(_gin(seeds, [size, width, width], part) for part, size in enumerate(widths))
        self.root = ReplicatedMLP(seeds, [width, width], part=layers)
        self.graph = ReplicatedMLP(seeds, [width, width], part=layers + 1)
        # A bias would add the same to all logits.
        pair = ReplicatedMLP(seeds, [width, 1], part=layers + 2)
        self.pair = nn.Parameter(pair.weights[0].detach().unsqueeze(1))
        self.register_buffer("pairs", torch.triu_indices(taxa, taxa, 1), persistent=False)

    @staticmethod
    def prepare(observation: Tensor) -> Tensor:
        """All that is known of forests before parameters come in, of observations ``[..., n²]``: ``[..., F]``, bool or small numbers.

        Features of nodes, summed over neighbours; the neighbours, row after row; the node that is the root above each leaf.
        """
        taxa = math.isqrt(observation.shape[-1])
        below, adjacency, is_root = forest_graph(observation.unflatten(-1, (taxa, taxa)).float())
        internal = pad(below[..., taxa:, :].any(-1), (taxa, 0))
        features = torch.cat([below, internal.unsqueeze(-1), is_root.unsqueeze(-1)], -1).float()
        # A node counts among its own neighbours: ε = 0, at no further pass.
        neighbours = adjacency.float() + torch.eye(adjacency.shape[-1], device=observation.device)
        # mask() leaves only the smallest leaves of trees.
        roots = (below & is_root.unsqueeze(-1)).int().argmax(-2).float()
        return torch.cat([(neighbours @ features).flatten(-2), neighbours.flatten(-2), roots], -1)

    def forward(self, observation: Tensor) -> Tensor:
        """Observations of forests, ``[R, M, n²]``, to logits ``[R, M, n (n - 1) / 2]``."""
        return self.answer(self.prepare(observation).to(self.pair.dtype))

    def answer(self, prepared: Tensor) -> Tensor:
        """Logits ``[R, M, n (n - 1) / 2]`` of what :meth:`prepare` gave, ``[R, M, F]``."""
        n, nodes = self.taxa, 2 * self.taxa - 1
        summed, neighbours, roots = prepared.flatten(0, 1).split([nodes * (n + 2), nodes * nodes, n], -1)
        neighbours = neighbours.unflatten(-1, (nodes, nodes))
        h = leaky_relu(_normalise(self.layers[0].nn(summed.unflatten(-1, (nodes, n + 2)))))
        for layer in self.layers[1:]:
            h = leaky_relu(_normalise(layer(h, neighbours, add_loop=False)))
        place = roots.long() + nodes * torch.arange(len(h), device=h.device).unsqueeze(-1)
        root = self.root(h.flatten(0, 1).index_select(0, place.flatten()).unflatten(0, place.shape))
        e = _normalise(root + self.graph(h.mean(-2)).unsqueeze(-2)).unflatten(0, prepared.shape[:2])
        logits = (e * self.pair.transpose(-1, -2)) @ e.transpose(-1, -2)
        return logits[..., self.pairs[0], self.pairs[1]]

    def tape(self, count: int) -> Tape:
        """What the network puts out is differentiated by PyTorch."""
        return Tape(self)


class Tape:
    """As of an MLP, see :class:`gfn.policies.network.Tape`."""

    def __init__(self, network: ForestGIN) -> None:
        self.network, self.outputs, self.asked = network, [], 0
        self.differentiable = torch.is_grad_enabled()

    def ask(self, prepared: Tensor) -> Tensor:
        """Logits of what :meth:`ForestGIN.prepare` gave."""
        self.asked += prepared.shape[1]
        with torch.set_grad_enabled(self.differentiable):
            self.outputs.append(self.network.answer(prepared.to(self.network.pair.dtype)))
        return self.outputs[-1].detach()

    def output(self) -> Tensor:
        """All logits, one after the other."""
        return torch.cat(self.outputs, 1)


def _normalise(x: Tensor) -> Tensor:
    return layer_norm(x, x.shape[-1:])


def _gin(seeds: Sequence[int], sizes: Sequence[int], part: int) -> DenseGINConv:
    """A GIN layer with ε = 0, whose buffer is left out of checkpoints: all that they hold has a replica axis."""
    layer = DenseGINConv(ReplicatedMLP(seeds, sizes, part=part))
    layer.register_buffer("eps", torch.zeros(1), persistent=False)
    return layer


def forest_graph(clades: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The graph of a forest, from the leaves that each label's clade holds, ``[..., n, n]``.

    Nodes are the n leaves, then the n - 1 labels that an internal node may have.

    Returns:
        Three bool tensors. With N = 2n - 1 nodes, they tell which leaves are at or below each node,
        ``[..., N, n]``, which nodes are parent and child, ``[..., N, N]``, and which are roots, ``[..., N]``.

    Of three leaves, 0 and 2 are merged; 1 is alone. Nodes 0, 1, 2 are leaves, node 3 is the label 1, which is not used,
    and node 4 the label 2, above 0 and 2::

        4 ─┬─ 0
           └─ 2
        1
        (3)

    >>> below, joined, is_root = forest_graph(torch.tensor([[0.0, 0, 0], [0, 0, 0], [1, 0, 1]]))
    >>> below[4].tolist(), joined.nonzero().tolist()
    ([True, False, True], [[0, 4], [2, 4], [4, 0], [4, 2]])
    >>> is_root.nonzero().flatten().tolist()
    [1, 4]
    """
    taxa = clades.shape[-1]
    leaves = torch.eye(taxa, device=clades.device, dtype=clades.dtype).expand_as(clades)
    below = torch.cat([leaves, clades[..., 1:, :]], -2)
    size = below.sum(-1)
    shared = below @ below.transpose(-1, -2)
    above = (shared == size.unsqueeze(-2)) & (size.unsqueeze(-1) > size.unsqueeze(-2)) & (size > 0).unsqueeze(-2)
    # Of the nodes above a node, its parent is the one with the fewest leaves.
    sizes = size.unsqueeze(-1).masked_fill(~above, taxa + 1)
    parent = above & (sizes == sizes.amin(-2, keepdim=True))
    return below > 0, parent | parent.transpose(-1, -2), (size > 0) & ~above.any(-2)
