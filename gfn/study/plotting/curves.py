"""Pictures of what changes during training, and with the size of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gfn.study.plotting.layout import (
    grid,
    label_grid,
    legend_below,
    legend_beside,
    lowest_panels,
    one,
    responsive,
    wrapped,
)
from gfn.study.plotting.style import (
    ACCURACY,
    COLOURS,
    CONTROL_VARIATES,
    KL_NOTE,
    KLS,
    LINES,
    OBJECTIVES,
    TASKS,
    count_trajectories,
    finished,
    log_errors,
    number,
    title_with_note,
)


@responsive
def learning_curves(
    frame: pd.DataFrame, reference: Mapping[str, float] | None = None, balance: pd.DataFrame | None = None
) -> Figure:
    """Accuracy against trajectories, a panel for each divergence, a line for each control variate.

    Lines are medians over seeds, bands the range over seeds.

    Arguments:
        frame: long format with ``objective, control_variate, seed, trajectories, metric, value``.
        reference: a horizontal line in the panel of each objective, the paper's final value.
        balance: the same for one more panel with a line for each balance loss, and with ``iteration``.
    """
    names = [name for name in OBJECTIVES if name in set(frame.objective)]
    columns = len(names) + (balance is not None)
    figure, axes = wrapped(columns, columns, (2.8, 3.3), sharex=True, sharey=True)
    panels = [axis for axis in axes.flat if axis.axison]
    for axis, name in zip(panels, names):
        shown = frame[frame.objective == name]
        for variate, (label, colour, style, _) in CONTROL_VARIATES.items():
            table = shown[shown.control_variate == variate].pivot(index="trajectories", columns="seed", values="value")
            if not table.empty:
                _median_and_range(axis, table.index, table, color=colour, ls=style, label=label)
        if reference and name in reference:
            axis.axhline(reference[name], color="black", lw=1, ls=":", label="paper, final")
        title_with_note(axis, OBJECTIVES[name], KL_NOTE if name in KLS else "")
    if balance is not None:
        _objectives(panels[-1], balance, "trajectories")
        title_with_note(panels[-1], "balance losses", "")
    for axis in panels:
        log_errors(axis)
    label_grid(axes, "trajectories", ACCURACY[frame.metric.iloc[0]])
    _count(axes)
    legend_below(figure, axes)
    return finished(figure)


@responsive
def accuracy_curves(frame: pd.DataFrame) -> Figure:
    """Accuracy against trajectories, one line an objective; lines are medians over seeds, bands the range over seeds."""
    figure, axis = one(8, 4)
    _objectives(axis, frame, "trajectories")
    axis.set_ylabel(ACCURACY[frame.metric.iloc[0]])
    log_errors(axis)
    count_trajectories(axis)
    legend_beside(axis)
    return finished(figure)


@responsive
def comparison_panels(frame: pd.DataFrame, against: str = "trajectories") -> Figure:
    """Accuracy during training, a panel a task, a line an objective.

    Lines are medians over seeds, bands the range over seeds.

    Arguments:
        frame: long format with ``label, objective, seed, trajectories, seconds, metric, value``.
        against: ``trajectories``, or ``seconds`` (training time of all seeds together, evaluation left out).
    """
    figure, axes = wrapped(frame.label.nunique(), 4, (3.1, 2.8), sharex=against == "trajectories")
    shown = ""
    for place, (axis, (label, part)) in enumerate(zip(axes.flat, frame.groupby("label", sort=False))):
        _objectives(axis, part, against)
        axis.set_title(TASKS[label])
        log_errors(axis)
        ylabel = ACCURACY[part.metric.iloc[0]]
        # A label serves all panels to its right that show the same.
        if place % axes.shape[1] == 0 or ylabel != shown:
            axis.set_ylabel(ylabel)
        shown = ylabel
    for axis in lowest_panels(axes):
        axis.set_xlabel("trajectories" if against == "trajectories" else "seconds of training")
        axis.xaxis.set_tick_params(labelbottom=True)
    if against == "trajectories":
        _count(axes)
    legend_below(figure, axes)
    return finished(figure)


@responsive
def discovery_panels(frame: pd.DataFrame, ylabel: str) -> Figure:
    """Rewards or modes found during training, a panel a task, a line an objective; lines are medians over seeds, bands ranges."""
    figure, axes = wrapped(frame.label.nunique(), 4, (3.1, 2.8), sharex=True)
    for axis, (label, part) in zip(axes.flat, frame.groupby("label", sort=False)):
        _objectives(axis, part, "trajectories")
        axis.set_title(TASKS[label])
    label_grid(axes, "trajectories", ylabel)
    _count(axes)
    legend_below(figure, axes)
    return finished(figure)


@responsive
def order_panels(frame: pd.DataFrame) -> Figure:
    """Accuracy during training: a row a control variate, a column a task, a line an order α.

    Lines are medians over seeds, bands the range over seeds. Panels of a column share their axes.

    Arguments:
        frame: long format with ``label, control_variate, alpha, seed, trajectories, metric, value``.
    """
    labels, orders = list(dict.fromkeys(frame.label)), sorted(frame.alpha.unique())
    variates = [name for name in CONTROL_VARIATES if name in set(frame.control_variate)]
    figure, axes = grid(len(variates), len(labels), (4.6, 3.0), sharex="col", sharey="col")
    shades = plt.get_cmap("viridis")
    styles = ("-", "--", "-.", ":", (0, (3, 1, 1, 1)), (0, (5, 1)))
    for row, variate in zip(axes, variates):
        for axis, label in zip(row, labels):
            part = frame[(frame.label == label) & (frame.control_variate == variate)]
            for rank, alpha in enumerate(orders):
                table = part[part.alpha == alpha].pivot(index="trajectories", columns="seed", values="value")
                if not table.empty:
                    line = {"color": shades(0.8 * rank / max(1, len(orders) - 1)), "ls": styles[rank % 6]}
                    _median_and_range(axis, table.index, table, label=f"α = {number(alpha)}", **line)
            metric = frame.metric[frame.label == label].iloc[0]
            axis.set(title=f"{TASKS[label]}: {CONTROL_VARIATES[variate][0]}", ylabel=ACCURACY[metric])
    for axis in axes.flat:
        log_errors(axis)
    _count(axes)
    legend_below(figure, axes)
    return finished(figure)


def _count(axes: np.ndarray) -> None:
    for axis in lowest_panels(axes):
        count_trajectories(axis)


def _objectives(axis: Axes, frame: pd.DataFrame, against: str) -> None:
    for name, label in OBJECTIVES.items():
        part = frame[frame.objective == name]
        if part.empty:
            continue
        table = part.pivot(index="iteration", columns="seed", values="value")
        _median_and_range(axis, part.groupby("iteration")[against].mean(), table, label=label, **LINES[name])


def _median_and_range(axis: Axes, places: Sequence, table: pd.DataFrame, **line: Any) -> None:
    """A line and a band over the columns of ``table``, the seeds: on log axes a mean would follow a single one."""
    axis.plot(places, table.median(axis=1), **line)
    axis.fill_between(places, table.min(axis=1), table.max(axis=1), color=line["color"], alpha=0.15, lw=0)


def run_curves(labels: Sequence[str], frames: Sequence[pd.DataFrame]) -> Figure:
    """Accuracy of several runs during training: a panel for each task and metric, a line a run.

    Lines are medians over seeds, bands the range over seeds.

    Arguments:
        labels: of the runs; those of one task must differ.
        frames: of each, long format with ``task, seed, trajectories, metric, value``, of whose metrics those in ``ACCURACY``
            are drawn.
    """
    every = pd.concat([frame.assign(label=label) for label, frame in zip(labels, frames)])
    every = every[every.metric.isin(ACCURACY)].astype({"task": str, "metric": str})
    panels = dict(iter(every.groupby(["task", "metric"], sort=False)))
    figure, axes = wrapped(len(panels), 3, (4.6, 3.3))
    styles = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
    for axis, ((task, metric), part) in zip(axes.flat, panels.items()):
        for rank, label in enumerate(dict.fromkeys(labels)):
            own = part[part.label == label]
            if not own.empty:
                table = own.pivot(index="trajectories", columns="seed", values="value")
                line = {"color": COLOURS[rank % len(COLOURS)], "ls": styles[rank // len(COLOURS) % len(styles)]}
                _median_and_range(axis, table.index, table, label=label, **line)
        axis.set(title=TASKS.get(task, task), ylabel=ACCURACY[metric])
        if metric != "elbo":
            log_errors(axis)
        count_trajectories(axis)
    legend_below(figure, axes)
    return finished(figure)
