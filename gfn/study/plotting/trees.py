"""Pictures of phylogenetic trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gfn.environments import Phylogenetics
from gfn.environments.forests import merges
from gfn.study.plotting.layout import responsive, wrapped
from gfn.study.plotting.style import COLOURS, finished


@responsive
def tree_panels(task: Phylogenetics, trees: Tensor, probabilities: Mapping[str, Sequence[float]]) -> Figure:
    """Trees side by side as rectangular cladograms, leaves aligned, with their probabilities above them.

    Arguments:
        task: whose taxa name the leaves.
        trees: complete trees, int64 ``[K, n]``.
        probabilities: for each name, such as "posterior", the probabilities of the K trees.
    """
    figure, axes = wrapped(len(trees), 4, (2.6, 0.9 + 0.22 * len(task.taxa)))
    for axis in axes.flat:
        axis.set_axis_off()
    for number, (axis, tree) in enumerate(zip(axes.flat, trees)):
        _cladogram(axis, task.taxa, *(leaf.tolist() for leaf in merges(tree)))
        axis.set_title("\n".join(f"{name} {values[number]:.3f}" for name, values in probabilities.items()), fontsize=10)
    return finished(figure)


def _cladogram(axis: Axes, taxa: Sequence[str], smaller: list[int], larger: list[int]) -> None:
    """Draw one tree, given the smallest leaves of the two children of every node, children before parents."""
    order = {leaf: [leaf] for leaf in range(len(taxa))}
    for left, right in zip(smaller, larger):
        order[left] = order[left] + order.pop(right)
    height = {leaf: -row for row, leaf in enumerate(order[0])}
    depth = dict.fromkeys(height, 0)
    for left, right in zip(smaller, larger):
        reach = max(depth[left], depth[right]) + 1
        ends = (height[left], height[right])
        axis.plot(
            [-depth[left], -reach, -reach, -depth[right]],
            [ends[0], ends[0], ends[1], ends[1]],
            color=COLOURS[0],
            lw=1.6,
            solid_joinstyle="miter",
        )
        height[left], depth[left] = sum(ends) / 2, reach
    axis.plot([-depth[0], -depth[0] - 0.5], [height[0]] * 2, color=COLOURS[0], lw=1.6)
    for row, leaf in enumerate(order[0]):
        axis.text(0.15, -row, taxa[leaf], va="center", fontsize=9)
    axis.set(xlim=(-depth[0] - 0.6, 0.25 * depth[0] + 0.15), ylim=(0.5 - len(taxa), 0.5))
