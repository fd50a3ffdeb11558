"""Pictures of trees that policies have learned, with the exact ones above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gfn.study.learned import Trees
from gfn.study.plotting.layout import grid
from gfn.study.plotting.style import COLOURS, finished

BEST = 3  # trees, beside the consensus


def posterior_rows(taxa: Sequence[str], rows: Mapping[str, Trees]) -> Figure:
    """A row for each distribution over trees: its majority-rule consensus, and its most probable trees.

    Numbers at the nodes of a consensus are the probabilities of clades. Of trees in the rows below the first, the
    probability in the first is said as well.

    Arguments:
        taxa: names of the leaves.
        rows: title to distribution, the one to compare with first.
    """
    figure, axes = grid(len(rows), 1 + BEST, (3.0, 0.9 + 0.24 * len(taxa)))
    first = next(iter(rows))
    for line, (title, found) in zip(axes, rows.items()):
        for axis in line:
            axis.set_axis_off()
        _clades(line[0], taxa, found.consensus(), True)
        line[0].set_title(f"{title}:\nconsensus", fontsize=10)
        for axis, tree, mass in zip(line[1:], found.trees, found.probabilities[:BEST].tolist()):
            also = "" if title == first else f"\n({first} {rows[first].probability(tree):.2g})"
            _clades(axis, taxa, dict.fromkeys(tree[1:].tolist(), mass), False)
            axis.set_title(f"probability {mass:.2g}{also}", fontsize=10)
    return finished(figure)


def _clades(axis: Axes, taxa: Sequence[str], clades: Mapping[int, float], numbered: bool) -> None:
    """Draw the tree that nested clades make, leaves aligned, with their numbers at the nodes but the root."""
    root = (1 << len(taxa)) - 1
    # The smaller of two that share a leaf lies within the larger one; small ones first, children come before parents.
    inner = sorted({*clades, root}, key=int.bit_count)
    top = {1 << leaf: [leaf] for leaf in range(len(taxa))}  # leaves below each node that has no parent yet, in order
    children = {}
    for clade in inner:
        children[clade] = sorted((node for node in top if node & clade), key=lambda node: node & -node)
        top[clade] = [leaf for node in children[clade] for leaf in top.pop(node)]
    height = {1 << leaf: -row for row, leaf in enumerate(top[root])}
    depth = dict.fromkeys(height, 0)
    for clade in inner:
        ends = [height[child] for child in children[clade]]
        height[clade], depth[clade] = (min(ends) + max(ends)) / 2, 1 + max(depth[child] for child in children[clade])
        line = {"color": COLOURS[0], "lw": 1.6, "solid_capstyle": "projecting"}
        axis.plot([-depth[clade]] * 2, [min(ends), max(ends)], **line)
        for child in children[clade]:
            axis.plot([-depth[clade], -depth[child]], [height[child]] * 2, **line)
        if numbered and clade != root:
            where = (-depth[clade] - 0.08, height[clade] + 0.1)
            axis.text(*where, f"{clades[clade]:.2f}", ha="right", va="bottom", fontsize=8)
    for row, leaf in enumerate(top[root]):
        axis.text(0.15, -row, taxa[leaf], va="center", fontsize=9)
    axis.set(xlim=(-depth[root] - 0.3, 0.25 * depth[root] + 0.15), ylim=(0.5 - len(taxa), 0.7))
