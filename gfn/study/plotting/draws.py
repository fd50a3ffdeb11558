"""Pictures of gradients and of training with few trajectories, and with such as depend on each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from gfn.study.plotting.layout import grid, label_grid, legend_below, responsive
from gfn.study.plotting.style import COLOURS, LINES, OBJECTIVES, TASKS, finished, log_errors

FLOOR = 3e-3  # of a relative bias that is shown
SCHEMES = {
    "independent": ("independent", "black", "-"),
    "fewer": ("independent, fewer", "0.45", "--"),
    "one": ("a single one, no baseline", "0.45", ":"),
    "common": ("half are one", COLOURS[3], "-"),
    "prefix": ("half of the steps in common", COLOURS[1], "-."),
    "distinct": ("without replacement", COLOURS[0], "--"),
    "replayed": ("half replayed", COLOURS[2], (0, (5, 1))),
}


@responsive
def few_panels(frame: pd.DataFrame) -> Figure:
    """Bias and variance by the number of independent trajectories: a row a task, a line an estimate, all axes logarithmic.

    Arguments:
        frame: columns ``task, objective, control_variate, trajectories, low, high, variance``.
    """
    tasks = list(dict.fromkeys(frame.task))
    figure, axes = grid(len(tasks), 2, (4.2, 2.9), sharex=True)
    for row, task in zip(axes, tasks):
        of_task = frame[frame.task == task]
        for (objective, variate), part in of_task.groupby(["objective", "control_variate"], sort=False):
            part = part.sort_values("trajectories")
            plain = variate == "none"
            look = LINES[objective] | ({"ls": ":", "lw": 1.2} if plain else {"ls": "-"})
            label = f"{OBJECTIVES[objective]}, {'no baseline' if plain else 'leave-one-out'}"
            row[0].plot(part.trajectories, part.high, marker="o", ms=4, label=label, **look)
            if not plain:
                low = part.low.clip(lower=FLOOR)
                row[0].fill_between(part.trajectories, low, part.high, color=look["color"], alpha=0.12, lw=0)
            row[1].plot(part.trajectories, part.variance, marker="o", ms=4, label=label, **look)
        for axis, what in zip(row, ("relative bias, at most", "relative variance")):
            axis.set(xscale="log", yscale="log", ylabel=what)
            axis.set_title(TASKS[task])
        row[0].set_ylim(bottom=FLOOR)
    for axis in axes[-1]:
        axis.set_xlabel("trajectories")
        axis.xaxis.set_major_locator(FixedLocator(sorted(frame.trajectories.unique())))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_locator(NullLocator())
    legend_below(figure, axes)
    return finished(figure)


@responsive
def scheme_panels(frame: pd.DataFrame) -> Figure:
    """Bias and variance of one size of batch by how it was drawn: a row a task, a mark an estimate.

    Arguments:
        frame: columns ``task, scheme, share, age, objective, value, low, high, variance``, of estimates with a baseline.
    """
    tasks, rows = list(dict.fromkeys(frame.task)), frame[["scheme", "share", "age"]].drop_duplicates()
    rows = rows.assign(place=rows.scheme.map(list(SCHEMES).index)).sort_values(["place", "age", "share"])
    names = [scheme_name(row) for row in rows.itertuples()]
    figure, axes = grid(len(tasks), 2, (4.2, 0.7 + 0.25 * len(rows)), sharex="col", sharey=True)
    for row, task in zip(axes, tasks):
        for number, objective in enumerate(dict.fromkeys(frame.objective)):
            part = frame[(frame.task == task) & (frame.objective == objective)]
            part = rows.merge(part, on=["scheme", "share", "age"], how="left", sort=False)
            height = np.arange(len(part)) + 0.16 * (number - 1.5)
            look = {"color": LINES[objective]["color"], "marker": "osD^"[number % 4], "ms": 4, "ls": "none"}
            ends = [part.value - part.low, part.high - part.value]
            row[0].errorbar(part.value, height, xerr=ends, elinewidth=1, label=OBJECTIVES[objective], **look)
            row[1].plot(part.variance, height, label=OBJECTIVES[objective], **look)
        row[0].set_yticks(range(len(names)), names, fontsize="small")
        for axis in row:
            axis.set_title(TASKS[task])
    axes[0, 0].invert_yaxis()  # of all panels, which share it
    axes[-1, 1].set_xlim(left=-0.02 * frame.variance.max())
    axes[-1, 0].set_xlabel("relative bias")
    axes[-1, 1].set_xlabel("relative variance")
    legend_below(figure, axes)
    return finished(figure)


def scheme_name(row: object) -> str:
    """A way of drawing in words, from its ``scheme``, ``share`` and ``age``: ``half replayed from 64 before``."""
    if row.scheme in ("independent", "distinct"):
        return SCHEMES[row.scheme][0]
    what = {"common": "{} are one", "prefix": "{} of the steps in common", "replayed": "{} replayed"}[row.scheme]
    share = {0.25: "a quarter", 0.5: "half", 1.0: "all"}.get(row.share, f"{row.share:.0%}")
    return what.format(share) + (f" from {row.age:g} before" if row.scheme == "replayed" else "")


@responsive
def scheme_curves(frame: pd.DataFrame) -> Figure:
    """Exact errors during training by how batches were drawn: a row a task, a column an objective.

    Lines are medians over seeds, bands the range over seeds.

    Arguments:
        frame: columns ``task, objective, scheme, batch, seed, iteration, value``.
    """
    tasks, objectives = list(dict.fromkeys(frame.task)), list(dict.fromkeys(frame.objective))
    figure, axes = grid(len(tasks), len(objectives), (4.2, 2.9), sharex=True, sharey="row")
    for row, task in zip(axes, tasks):
        for axis, objective in zip(row, objectives):
            part = frame[(frame.task == task) & (frame.objective == objective)]
            for scheme, (label, colour, style) in SCHEMES.items():
                table = part[part.scheme == scheme].pivot(index="iteration", columns="seed", values="value")
                if not table.empty:
                    axis.plot(table.index, table.median(axis=1), color=colour, ls=style, label=label)
                    axis.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=colour, alpha=0.1, lw=0)
            axis.set_title(f"{TASKS[task]}, {OBJECTIVES[objective]}")
            log_errors(axis)
    label_grid(axes, "iterations", "L1 distance to target")
    legend_below(figure, axes)
    return finished(figure)
