"""One visual language for every figure: names, colours, styles, and the few kinds of picture the paper needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gfn.environments import Phylogenetics, PlanarEnvironment
from gfn.environments.forests import merges
from gfn.environments.planar import Box
from gfn.metrics import target_density

_COLOURS = sns.color_palette("colorblind")

OBJECTIVES = {
    "tb": "TB",
    "reverse_kl": "reverse KL",
    "forward_kl": "forward KL",
    "renyi": "Rényi",
    "tsallis": "Tsallis",
}
TASKS = {
    "sets": "Sets",
    "sequences": "Sequences",
    "phylogenetics": "Phylogenetics",
    "gaussian_mixture": "Gaussian mixture",
    "banana": "Banana",
}
CONTROL_VARIATES = {
    "none": ("none", _COLOURS[7], "-", "o"),
    "loo": ("leave-one-out", _COLOURS[0], "--", "s"),
    "score": ("score function", _COLOURS[1], "-.", "D"),
    "both": ("both", _COLOURS[2], "-", "^"),
}
ACCURACY = {"l1": "L1 distance to target", "jsd": "JSD to target (nats)", "elbo": "lower bound on log Z (nats)"}


def use_style() -> None:
    """Set fonts, grid and resolution for all figures."""
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.bbox": "tight",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
        }
    )


def density_panels(panels: Mapping[str, np.ndarray], box: Box, notes: Mapping[str, str] | None = None) -> Figure:
    """Densities side by side on one colour scale.

    Arguments:
        panels: title to density ``[x1, x2]`` on a grid of ``box``.
        box: the rectangle that the grids cover.
        notes: a line to write into a panel, by title.
    """
    (left, right), (bottom, top) = box
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.3 * columns, 3.3 * rows), sharex=True, sharey=True, squeeze=False
    )
    # A spike of a badly trained policy must not make the others invisible.
    highest = np.quantile(np.concatenate([np.ravel(p) for p in panels.values()]), 0.999)
    for axis, (title, density) in zip(axes.flat, panels.items()):
        image = axis.imshow(
            np.asarray(density).T,
            origin="lower",
            extent=(left, right, bottom, top),
            aspect="auto",
            cmap="magma_r",
            vmin=0,
            vmax=highest,
            interpolation="bilinear",
        )
        axis.set_title(title)
        axis.grid(False)
        if notes and title in notes:
            axis.text(0.03, 0.03, notes[title], transform=axis.transAxes, fontsize="small", va="bottom")
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis in axes[-1]:
        axis.set_xlabel("$x_1$")
    for axis in axes[:, 0]:
        axis.set_ylabel("$x_2$")
    figure.colorbar(image, ax=axes, label="density", shrink=0.8)
    return _finished(figure)


def variance_panels(frame: pd.DataFrame, title: str) -> Figure:
    """Variance of gradient estimates against batch size: a row a task, a column a divergence, log-log.

    Arguments:
        frame: columns ``task, objective, control_variate, trajectories, value, low, high``.
        title: of the whole figure.
    """
    tasks = [t for t in TASKS if t in set(frame.task)]
    objectives = [o for o in OBJECTIVES if o in set(frame.objective)]
    figure, axes = plt.subplots(
        len(tasks),
        len(objectives),
        figsize=(3.1 * len(objectives), 2.7 * len(tasks)),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for row, task in zip(axes, tasks):
        for axis, objective in zip(row, objectives):
            for name, (label, colour, style, marker) in CONTROL_VARIATES.items():
                part = frame[(frame.task == task) & (frame.objective == objective) & (frame.control_variate == name)]
                axis.plot(part.trajectories, part.value, color=colour, ls=style, marker=marker, ms=4, label=label)
                axis.fill_between(part.trajectories, part.low, part.high, color=colour, alpha=0.2, lw=0)
            axis.set_xscale("log", base=2)
            axis.set_yscale("log")
            axis.set_title(f"{TASKS[task]}, {OBJECTIVES[objective]}", fontsize="small")
        row[0].set_ylabel("trace of covariance")
    for axis in axes[-1]:
        axis.set_xlabel("trajectories")
    figure.suptitle(title)
    _legend_below(figure, axes)
    return _finished(figure)


def learning_curves(frame: pd.DataFrame, reference: Mapping[str, float] | None = None) -> Figure:
    """Accuracy against trajectories, a panel for each divergence, a line for each control variate.

    Lines are means over seeds, bands the range over seeds.

    Arguments:
        frame: long format with ``objective, control_variate, seed, trajectories, metric, value``.
        reference: a horizontal line in the panel of each objective, the paper's final value.
    """
    names = [name for name in OBJECTIVES if name in set(frame.objective)]
    figure, axes = plt.subplots(1, len(names), figsize=(3.2 * len(names), 3.2), sharex=True, sharey=True, squeeze=False)
    for axis, name in zip(axes[0], names):
        for variate, (label, colour, style, _) in CONTROL_VARIATES.items():
            part = frame[(frame.objective == name) & (frame.control_variate == variate)]
            table = part.pivot(index="trajectories", columns="seed", values="value")
            if table.empty:
                continue
            axis.plot(table.index, table.mean(axis=1), color=colour, ls=style, label=label)
            axis.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=colour, alpha=0.2, lw=0)
        if reference and name in reference:
            axis.axhline(reference[name], color="black", lw=1, ls=":", label="paper, final")
        axis.set(yscale="log", xlabel="trajectories", title=OBJECTIVES[name])
        axis.ticklabel_format(axis="x", style="sci", scilimits=(0, 3))
    axes[0, 0].set_ylabel(ACCURACY[frame.metric.iloc[0]])
    _legend_below(figure, axes)
    return _finished(figure)


def accuracy_curves(frame: pd.DataFrame) -> Figure:
    """Accuracy against trajectories, one line an objective; lines are means over seeds, bands the range over seeds."""
    figure, axis = plt.subplots(figsize=(6.5, 4))
    for number, (name, label) in enumerate(OBJECTIVES.items()):
        part = frame[frame.objective == name]
        if part.empty:
            continue
        table = part.pivot(index="trajectories", columns="seed", values="value")
        colour, style = _COLOURS[number], ("-", "--", "-.", ":", (0, (3, 1, 1, 1)))[number]
        axis.plot(table.index, table.mean(axis=1), color=colour, ls=style, label=label)
        axis.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=colour, alpha=0.15, lw=0)
    axis.set(yscale="log", xlabel="trajectories", ylabel=ACCURACY[frame.metric.iloc[0]])
    axis.legend()
    return _finished(figure)


def sample_panel(task: PlanarEnvironment, samples: np.ndarray, resolution: int = 200) -> Figure:
    """Samples ``[n, 2]`` as points over contours of the task's density."""
    figure, axis = plt.subplots(figsize=(5, 4.2))
    target = target_density(task, resolution, task.window).numpy()
    first, second = (a.numpy() for a in task.axes(resolution, task.window))
    axis.contour(
        first,
        second,
        target.T,
        levels=target.max() * np.array([0.01, 0.1, 0.3, 0.6, 0.9]),
        colors="black",
        linewidths=0.8,
    )
    axis.plot(*samples.T, ".", ms=2.5, alpha=0.4, color=_COLOURS[0])
    axis.set(xlim=task.window[0], ylim=task.window[1], xlabel="$x_1$", ylabel="$x_2$")
    return _finished(figure)


def bias_panels(frame: pd.DataFrame) -> Figure:
    """Relative bias against batch size: a row a task, a column a divergence, one line an estimate.

    Arguments:
        frame: columns ``task, objective, control_variate, epsilon, trajectories, value, low, high``.
    """
    tasks, objectives = list(dict.fromkeys(frame.task)), [o for o in OBJECTIVES if o in set(frame.objective)]
    figure, axes = plt.subplots(
        len(tasks),
        len(objectives),
        figsize=(3.1 * len(objectives), 2.9 * len(tasks)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    epsilons = sorted(frame.epsilon[frame.control_variate == "both"].unique())
    labels = {}
    for row, task in zip(axes, tasks):
        for axis, objective in zip(row, objectives):
            part = frame[(frame.task == task) & (frame.objective == objective)]
            for (variate, epsilon), lines in part.groupby(["control_variate", "epsilon"], observed=True):
                name, colour, style, marker = CONTROL_VARIATES[variate]
                if variate == "both":
                    rank = epsilons.index(epsilon)
                    name, colour, marker = f"both, ε = {epsilon:g}", _COLOURS[2 + rank], "^v<>"[rank % 4]
                (line,) = axis.plot(lines.trajectories, lines.high, color=colour, ls=style, marker=marker, ms=4)
                axis.fill_between(
                    lines.trajectories, lines.low.clip(lower=1e-4), lines.high, color=colour, alpha=0.15, lw=0
                )
                labels.setdefault(name, line)
            axis.set_xscale("log", base=2)
            axis.set_yscale("log")
            axis.set_ylim(1e-3, 3)
            axis.set_title(f"{TASKS[task]}, {OBJECTIVES[objective]}", fontsize="small")
        row[0].set_ylabel("relative bias, at most")
    for axis in axes[-1]:
        axis.set_xlabel("trajectories")
    figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=len(labels))
    return _finished(figure)


def tree_panels(task: Phylogenetics, trees: Tensor, probabilities: Mapping[str, Sequence[float]]) -> Figure:
    """Trees side by side as rectangular cladograms, leaves aligned, with their probabilities above them.

    Arguments:
        task: whose taxa name the leaves.
        trees: complete trees, int64 ``[K, n]``.
        probabilities: for each name, such as "posterior", the probabilities of the K trees.
    """
    columns = min(len(trees), 4)
    rows = -(-len(trees) // columns)
    size = (2.6 * columns, (0.9 + 0.22 * len(task.taxa)) * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, (axis, tree) in enumerate(zip(axes.flat, trees)):
        _cladogram(axis, task.taxa, *(leaf.tolist() for leaf in merges(tree)))
        axis.set_title("\n".join(f"{name} {values[number]:.3f}" for name, values in probabilities.items()), fontsize=10)
    return figure


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
            color=_COLOURS[0],
            lw=1.6,
            solid_joinstyle="miter",
        )
        height[left], depth[left] = sum(ends) / 2, reach
    axis.plot([-depth[0], -depth[0] - 0.5], [height[0]] * 2, color=_COLOURS[0], lw=1.6)
    for row, leaf in enumerate(order[0]):
        axis.text(0.15, -row, taxa[leaf], va="center", fontsize=9)
    axis.set(xlim=(-depth[0] - 0.6, 0.25 * depth[0] + 0.15), ylim=(0.5 - len(taxa), 0.5))


def _legend_below(figure: Figure, axes: Sequence) -> None:
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _finished(figure: Figure) -> Figure:
    """The figure, taken from pyplot's hands: a notebook shows it once, as the value of its cell."""
    plt.close(figure)
    return figure
