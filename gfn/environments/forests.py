"""Forests of rooted binary trees on n leaves as n integers, without any sorting.

Each internal node is labelled by the larger of its two children's smallest leaves. This uses every leaf but the
smallest of each tree exactly once. A forest is int64 ``[..., n]``: entry l is the clade of the node labelled l, the
leaves below it as a bit mask, or 0 if there is none. So every forest is written in one way, its trees are told by the
leaves with entry 0, and a tree is complete when only entry 0 is 0.

An example on 4 leaves. First the trees 0 and 2 are merged: the larger of the smallest leaves 0 and 2 is 2, so entry 2
becomes the clade {0, 2}, of which bits 0 and 2 are set: 0b0101 = 5. Then this tree, whose smallest leaf is 0, is merged
with leaf 1: entry 1 becomes {0, 1, 2}, 0b0111 = 7. Leaf 3 is still alone::

    entry 1: 7 ─┬─ entry 2: 5 ─┬─ leaf 0
                │              └─ leaf 2
                └─ leaf 1
    leaf 3                                    the forest [0, 7, 5, 0]

Entries 0 and 3 are 0: the smallest leaves of the two trees. To merge these, entry 3 becomes 0b1111 = 15.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def merges(trees: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest leaves of the two children of every internal node, children before parents.

    From complete trees, int64 ``[..., n]``, to the smaller and the larger leaf, each int64 ``[..., n - 1]``. Of nested
    clades the larger one is the larger number, so ascending order does it.

    Of the tree [0, 7, 5, 15], see above, the clades in order are 5, 7 and 15: leaves 0 and 2 first, then what holds
    them with leaf 1, then that with leaf 3.

    >>> [leaf.tolist() for leaf in merges(torch.tensor([0, 7, 5, 15]))]
    [[0, 0, 0], [2, 1, 3]]
    """
    clades, larger = trees.sort(-1)
    clades = clades[..., 1:]
    # A power of two has an exact logarithm, which not every device promises to find.
    return (clades & -clades).double().log2().round().long(), larger[..., 1:]


def forest_count(taxa: int, trees: int) -> int:
    """Number of forests of k = ``trees`` trees on n = ``taxa`` leaves: (2n-k-1)! / ((n-k)! (k-1)! 2^(n-k))."""
    merged = taxa - trees
    return math.factorial(2 * taxa - trees - 1) // (math.factorial(merged) * math.factorial(trees - 1) * 2**merged)


def insert_leaf(trees: Tensor, leaf: int) -> Tensor:
    """All trees that come of putting the next leaf on an edge, the one above the root included.

    From complete trees on the leaves before it, int64 ``[X, leaf]``, to int64 ``[X (2 leaf - 1), leaf + 1]``.

    The tree of leaves 0 and 1 has three edges: above 0, above 1, and above the root. In this order,

    >>> insert_leaf(torch.tensor([[0, 0b11]]), 2).tolist()
    [[0, 7, 5], [0, 7, 6], [0, 3, 7]]

    are ((0, 2), 1), (0, (1, 2)) and ((0, 1), 2).
    """
    bit = 1 << leaf
    singles = (1 << torch.arange(leaf)).expand(len(trees), -1)
    below = torch.cat([singles, trees[:, 1:]], 1).unsqueeze(2)
    above = trees.unsqueeze(1)
    grown = torch.where((above & below == below) & (above != below), above | bit, above)
    return torch.cat([grown, below | bit], 2).flatten(0, 1)


def all_trees(taxa: int) -> Tensor:
    """All (2n-3)!! complete trees on n leaves, int64 ``[X, n]``."""
    trees = torch.zeros(1, 1, dtype=torch.long)
    for leaf in range(1, taxa):
        trees = insert_leaf(trees, leaf)
    return trees


def newick(tree: Tensor, taxa: Sequence[str], branch_length: float) -> str:
    """A complete tree ``[n]`` in Newick's notation, with the same length on all edges."""
    text = [_quote(name) for name in taxa]
    for smaller, larger in zip(*(leaf.tolist() for leaf in merges(tree))):
        text[smaller] = f"({text[smaller]}:{branch_length:g},{text[larger]}:{branch_length:g})"
    return f"{text[0]};"


def _quote(name: str) -> str:
    plain = name.isascii() and all(c.isalnum() or c in "_.-" for c in name)
    return name if plain else "'" + name.replace("'", "''") + "'"
