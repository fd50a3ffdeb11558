"""Forests of rooted binary trees on n leaves as n integers, without any sorting.

Each internal node is labelled by the larger of its two children's smallest leaves. This uses every leaf but the
smallest of each tree exactly once. A forest is int64 ``[..., n]``: entry l is the clade of the node labelled l, the
leaves below it as a bit mask, or 0 if there is none. So every forest is written in one way, its trees are told by the
leaves with entry 0, and a tree is complete when only entry 0 is 0.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def merges(trees: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest leaves of the two children of every internal node, children before parents.

    From complete trees, int64 ``[..., n]``, to the smaller and the larger leaf, each int64 ``[..., n - 1]``. Of nested
    clades the larger one is the larger number, so ascending order does it.
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
