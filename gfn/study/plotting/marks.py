"""What is drawn over a finished figure: levels that are known exactly, and errors of what was measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gfn.study.plotting.layout import legend_below, type_of, versions
from gfn.study.plotting.style import TASKS


def with_levels(figure: Figure, levels: Mapping[str, float], name: str) -> Figure:
    """The figure with a thin horizontal line in the panel of every task, which the legend names.

    Arguments:
        figure: with a panel a task, and one legend for all of them.
        levels: task to height.
        name: of the line.
    """
    for each in versions(figure):
        for task, level in levels.items():
            _panel(each, task).axhline(level, color="0.5", lw=1, label=name, zorder=1)
        _renew_legend(each)
    return figure


def with_error_bar(figure: Figure, task: str, value: float, error: float, name: str) -> Figure:
    """The figure with an error bar at the right end of a task's panel, which the legend names.

    Arguments:
        figure: with a panel a task, and one legend for all of them.
        task: whose panel.
        value, error: the bar's middle and half its length, on the panel's scale.
        name: what the bar is.
    """
    for each in versions(figure):
        axis = _panel(each, task)
        axis.errorbar([axis.get_xlim()[1]], [value], [error], color="black", capsize=3, lw=1.2, ls="none", label=name)
        _renew_legend(each)
    return figure


def _panel(figure: Figure, task: str) -> Axes:
    (axis,) = (axis for axis in figure.axes if " ".join(axis.get_title().split()) == TASKS[task])
    return axis


def _renew_legend(figure: Figure) -> None:
    with type_of(figure):
        legend_below(figure, np.array(figure.axes))
