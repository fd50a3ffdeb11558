"""What is drawn over a finished figure: levels that are known exactly, and errors of what was measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gfn.study.plotting.style import TASKS, legend_below


def with_levels(figure: Figure, levels: Mapping[str, float], name: str) -> Figure:
    """The figure with a thin horizontal line in the panel of every task, which the legend names.

    Arguments:
        figure: with a panel a task, and one legend for all of them.
        levels: task to height.
        name: of the line.
    """
    for task, level in levels.items():
        _panel(figure, task).axhline(level, color="0.5", lw=1, label=name, zorder=1)
    return _with_new_legend(figure)


def with_error_bar(figure: Figure, task: str, value: float, error: float, name: str) -> Figure:
    """The figure with an error bar at the right end of a task's panel, which the legend names.

    Arguments:
        figure: with a panel a task, and one legend for all of them.
        task: whose panel.
        value, error: the bar's middle and half its length, on the panel's scale.
        name: what the bar is.
    """
    axis = _panel(figure, task)
    axis.errorbar([axis.get_xlim()[1]], [value], [error], color="black", capsize=3, lw=1.2, ls="none", label=name)
    return _with_new_legend(figure)


def _panel(figure: Figure, task: str) -> Axes:
    (axis,) = (axis for axis in figure.axes if axis.get_title() == TASKS[task])
    return axis


def _with_new_legend(figure: Figure) -> Figure:
    for legend in list(figure.legends):
        legend.remove()
    legend_below(figure, np.array(figure.axes))
    return figure
