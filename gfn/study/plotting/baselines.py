"""A picture of what baselines do to the variance of a gradient along training."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from gfn.study.plotting.layout import label_grid, legend_below, responsive, wrapped
from gfn.study.plotting.style import LINES, OBJECTIVES, TASKS, finished, log_errors


@responsive
def relative_variance_panels(frame: pd.DataFrame, yardstick: str) -> Figure:
    """Variance over that of a yardstick at stages of training: a panel a task, a line an objective, on one logarithmic axis.

    Lines are medians over seeds, bands the range over seeds; stages stand side by side at equal distances.

    Arguments:
        frame: columns ``task, objective, iteration, seed, value``.
        yardstick: the line that is 1 throughout.
    """
    tasks, stages = [t for t in TASKS if t in set(frame.task)], sorted(frame.iteration.unique())
    figure, axes = wrapped(len(tasks), 4, (3.1, 2.8), sharex=True, sharey=True)
    places = range(len(stages))
    for axis, task in zip(axes.flat, tasks):
        axis.axhline(1, label=OBJECTIVES[yardstick], **LINES[yardstick])
        for name in (name for name in OBJECTIVES if name in set(frame.objective[frame.task == task])):
            part = frame[(frame.task == task) & (frame.objective == name)]
            table = part.pivot(index="iteration", columns="seed", values="value").reindex(stages)
            axis.plot(places, table.median(axis=1), label=OBJECTIVES[name], marker="o", ms=3, **LINES[name])
            axis.fill_between(
                places, table.min(axis=1), table.max(axis=1), color=LINES[name]["color"], alpha=0.15, lw=0
            )
        axis.set_title(TASKS[task])
        axis.set_xticks(places, [str(stage) for stage in stages])
    log_errors(axes[0, 0])
    label_grid(axes, "iterations of training", f"variance over {OBJECTIVES[yardstick]}'s")
    legend_below(figure, axes)
    return finished(figure)
