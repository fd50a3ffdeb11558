"""Pictures of control variates one by one: the variance that they take off, and the training that they save."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from gfn.study.plotting.layout import first_panels, label_grid, put_legend, responsive, wrapped
from gfn.study.plotting.style import CONTROL_VARIATES, OBJECTIVES, TASKS, finished, log_errors

MARKERS = dict(zip(TASKS, "osD^v<>"))
WIDTH = 0.8  # of the room for a divergence, which its control variates share


@responsive
def removal_panels(frame: pd.DataFrame) -> Figure:
    """The variance without control variates over that with each: a panel a stage, a place a divergence and control variate.

    A point is a task, its value the median over seeds; a bar is the median over tasks.

    Arguments:
        frame: columns ``task, objective, control_variate, iteration, seed, value``.
    """
    stages, objectives = sorted(frame.iteration.unique()), [o for o in OBJECTIVES if o in set(frame.objective)]
    figure, axes = wrapped(len(stages), len(stages), (4.2, 3.9), narrow=1, sharex=True, sharey=True)
    middle = frame.groupby(["iteration", "objective", "control_variate", "task"]).value.median()
    for axis, stage in zip(axes.flat, stages):
        for centre, objective in enumerate(objectives):
            here = middle[stage, objective]
            shown = [name for name in CONTROL_VARIATES if name in here.index.get_level_values(0)]
            for rank, variate in enumerate(shown):
                place = centre + WIDTH * ((rank + 0.5) / len(shown) - 0.5)
                colour = CONTROL_VARIATES[variate][1]
                for task, value in here[variate].items():
                    axis.plot(place, value, color=colour, marker=MARKERS[task], ms=5, ls="", alpha=0.75)
                bar = (place - 0.3 * WIDTH / len(shown), place + 0.3 * WIDTH / len(shown))
                axis.hlines(here[variate].median(), *bar, color=colour, lw=3)
        axis.axhline(1, color="black", lw=1)
        axis.set_title(f"after {stage} iterations" if stage else "at the start")
        axis.set_xticks(range(len(objectives)), [OBJECTIVES[name] for name in objectives], fontsize="small")
    log_errors(axes[0, 0])
    for axis in first_panels(axes):
        axis.set_ylabel("variance without / with")
    return _explained(figure, frame)


@responsive
def speed_panels(removed: pd.DataFrame, saved: pd.DataFrame) -> Figure:
    """Trajectories saved against variance taken off: a panel a divergence, a point a task and control variate, log-log.

    Points are medians over seeds, lines the range over seeds; hollow where some seed has a bound only, and left out where
    half of the seeds or more have no value.

    Arguments:
        removed: columns ``task, objective, control_variate, seed, value``.
        saved: columns ``task, objective, control_variate, seed, trajectories, bound``.
    """
    both = removed.merge(saved, on=["task", "objective", "control_variate", "seed"])
    objectives = [o for o in OBJECTIVES if o in set(both.objective)]
    figure, axes = wrapped(len(objectives), len(objectives), (3.1, 3.8), sharex=True, sharey=True)
    for axis, objective in zip(axes.flat, objectives):
        for (variate, task), part in both[both.objective == objective].groupby(["control_variate", "task"], sort=False):
            known = part.dropna(subset=["trajectories"])
            if 2 * len(known) > len(part):
                _point(axis, known, hollow=known.bound.any() or len(known) < len(part), task=task, variate=variate)
        axis.axhline(1, color="black", lw=1)
        axis.axvline(1, color="black", lw=1)
        axis.set_title(OBJECTIVES[objective])
    axes[0, 0].set_xscale("log")
    if both.value.max() < 100 * both.value.min():  # so little that powers of ten are few
        axes[0, 0].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes[0, 0].xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes[0, 0].xaxis.set_minor_formatter(NullFormatter())
    log_errors(axes[0, 0])
    label_grid(axes, "variance without / with", "trajectories without / with")
    return _explained(figure, both)


def _point(axis: Axes, part: pd.DataFrame, hollow: bool, task: str, variate: str) -> None:
    place, colour = part.value.median(), CONTROL_VARIATES[variate][1]
    axis.vlines(place, part.trajectories.min(), part.trajectories.max(), color=colour, lw=1, alpha=0.5)
    inner = {"markerfacecolor": "white"} if hollow else {}
    axis.plot(place, part.trajectories.median(), color=colour, marker=MARKERS[task], ms=6, ls="", **inner)


def _explained(figure: Figure, frame: pd.DataFrame) -> Figure:
    """The figure with a legend of colours, the control variates, and one of markers, the tasks."""
    shown = [each for name, each in CONTROL_VARIATES.items() if name in set(frame.control_variate)]
    colours = [Line2D([], [], color=colour, lw=3, label=label) for label, colour, *_ in shown]
    markers = [
        Line2D([], [], color="0.4", marker=marker, ls="", label=TASKS[task])
        for task, marker in MARKERS.items()
        if task in set(frame.task)
    ]
    put_legend(figure, [*colours, *markers], [each.get_label() for each in (*colours, *markers)])
    return finished(figure)
