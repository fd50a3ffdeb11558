"""Pictures of what training costs: the price of an iteration against how many are needed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gfn.study.plotting.layout import label_grid, legend_below, responsive, wrapped
from gfn.study.plotting.style import CONTROL_VARIATES, LINES, OBJECTIVES, TASKS, finished

MARKERS = {"joint": "v", "none": "o", "batch": "s", "known": "D", "scalar": "P", "state": "X", "last": "*"}
TIMES = 2.0 ** np.arange(-8, 9)  # of equal total time, over TB's


def line_label(line: str) -> str:
    """What a line is called, with its control variate if it has one that no picture of training shows."""
    if line in OBJECTIVES:
        return OBJECTIVES[line]
    name, _, variate = line.rpartition("_")
    return f"{OBJECTIVES[name]}, {CONTROL_VARIATES[variate][0]}"


@responsive
def price_panels(table: pd.DataFrame) -> Figure:
    """An iteration's cost against the trajectories that an error takes, both over TB's: a panel a task, a point a line.

    On a thin line the total time is the same, and half as long on the next one below it; TB stands at one and one. A
    hollow point did not reach the error with every seed: it lies further to the right.

    Arguments:
        table: ``task, objective, iteration_cost, trajectory_ratio, never``.
    """
    tasks = [task for task in TASKS if task in set(table.task)]
    figure, axes = wrapped(len(tasks), 4, (3.1, 3.3), more=0.6, sharex=True, sharey=True)
    for axis, task in zip(axes.flat, tasks):
        for line in (line for line in OBJECTIVES if line in set(table.objective[table.task == task])):
            row = table[(table.task == task) & (table.objective == line)].iloc[0]
            colour = LINES[line]["color"]
            about = {"color": colour, "marker": MARKERS.get(line.rpartition("_")[2], "^"), "ls": "none", "ms": 7}
            about["mfc"] = "none" if row.never else colour
            axis.plot([row.trajectory_ratio], [row.iteration_cost], label=OBJECTIVES[line], alpha=0.85, **about)
        axis.set_title(TASKS[task])
    for axis in axes.flat[: len(tasks)]:
        _log_axes(axis)
        _equal_times(axis)
    label_grid(axes, "trajectories over TB's", "an iteration over TB's")
    legend_below(figure, axes)
    for mark in figure.legends[0].legend_handles:
        mark.set_markerfacecolor(mark.get_color())
    return finished(figure)


def _log_axes(axis: Axes) -> None:
    axis.set(xscale="log", yscale="log")
    for each in (axis.xaxis, axis.yaxis):
        each.set_major_locator(LogLocator(base=2))
        each.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        each.set_minor_formatter(NullFormatter())


def _equal_times(axis: Axes) -> None:
    left, right = axis.get_xlim()
    low, high = axis.get_ylim()
    for time in TIMES[(left * low < TIMES) & (right * high > TIMES)]:
        strength = {"color": "0.5", "lw": 1.2} if time == 1 else {"color": "0.75", "lw": 0.7}
        axis.plot([left, right], [time / left, time / right], zorder=0, scalex=False, scaley=False, **strength)
    axis.set(xlim=(left, right), ylim=(low, high))
