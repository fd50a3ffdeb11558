"""Pictures of what the discrete tasks reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Hypergrid
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.study.plotting.layout import colour_bar, first_panels, legend_beside, one, responsive, wrapped
from gfn.study.plotting.style import TASKS, finished
from gfn.study.presentation.digits import fixed

WHITE = 0.4  # of a probability, from which on its number is white, on dark pages black
NUMBERED = 10  # rows of a matrix at most, for numbers in its cells


@responsive
def matrix_panels(
    panels: Mapping[str, Tensor], marks: Tensor | None = None, names: Sequence[str] | None = None
) -> Figure:
    """Square matrices of probabilities side by side, row i and column j for the relation of i to j.

    Arguments:
        panels: title to probabilities ``[n, n]``.
        marks: entries of the first matrix to mark by a ring, bool ``[n, n]``.
        names: of the n rows and columns; without it they have numbers.
    """
    figure, axes = wrapped(len(panels), len(panels), (3.4, 3.2), narrow=1)
    for axis, (title, matrix) in zip(axes.flat, panels.items()):
        image = axis.imshow(matrix.numpy(), cmap="magma_r", vmin=0, vmax=1)
        axis.set(title=title, xlabel="to", xticks=range(len(matrix)), yticks=range(len(matrix)))
        axis.grid(False)
        if names is not None:
            axis.set_xticklabels(names, rotation=45, ha="right")
            axis.set_yticklabels(names)
        for (row, column), value in zip(
            torch.cartesian_prod(*(torch.arange(len(matrix)),) * 2).tolist(), matrix.flatten()
        ):
            if row != column and len(matrix) <= NUMBERED:
                colour = "white" if value > WHITE else "black"
                axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
        if marks is not None and axis is axes[0, 0]:
            rows, columns = marks.nonzero(as_tuple=True)
            axis.scatter(columns, rows, s=420, facecolors="none", edgecolors="tab:blue", linewidths=1.5)
    for axis in first_panels(axes):
        axis.set_ylabel("from")
    colour_bar(figure, image, axes, "probability")
    return finished(figure)


@responsive
def grid_panel(task: Hypergrid) -> Figure:
    """Rewards of the cells of a two-dimensional hypergrid, on a logarithmic colour scale."""
    cells = torch.cartesian_prod(*(torch.arange(task.side),) * 2)
    rewards = task.log_reward(torch.cat([cells, torch.ones(len(cells), 1, dtype=torch.long)], 1)).exp()
    figure, axis = one(4.2, 3.6)
    image = axis.imshow(rewards.view(task.side, task.side).T.numpy(), origin="lower", cmap="magma_r", norm="log")
    ticks = range(0, task.side, 2)
    axis.set(xlabel="$x_1$", ylabel="$x_2$", xticks=ticks, yticks=ticks)
    axis.grid(False)
    colour_bar(figure, image, axis, "reward")
    return finished(figure)


@responsive
def concentration_panel(tasks: Mapping[str, DiscreteEnvironment]) -> Figure:
    """How much of its mass a target has in its most probable objects: one line a task, log-log in the number of objects."""
    figure, axis = one(6, 3.8)
    for style, (name, task) in zip(("-", "--", "-.", ":", (0, (3, 1, 1, 1))), tasks.items()):
        mass = target_distribution(task).sort(descending=True).values.cumsum(0)
        axis.plot(
            range(1, len(mass) + 1),
            mass,
            ls=style,
            label=f"{TASKS[name]} ({fixed(len(state_graph(task).objects), 0)} objects)",
        )
    axis.set(xscale="log", xlabel="most probable objects", ylabel="their share of the target", ylim=(0, 1.02))
    legend_beside(axis, fontsize="small")
    return finished(figure)
