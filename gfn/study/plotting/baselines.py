"""A picture of what baselines do to the variance of a gradient along training."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from gfn.study.plotting.style import LINES, OBJECTIVES, TASKS, finished, legend_below, log_errors


def relative_variance_panels(frame: pd.DataFrame, yardstick: str) -> Figure:
    """Variance over that of a yardstick at stages of training: a panel a task, a line an objective, on one logarithmic axis.

    Lines are medians over seeds, bands the range over seeds; stages stand side by side at equal distances.

    Arguments:
        frame: columns ``task, objective, iteration, seed, value``.
        yardstick: the line that is 1 throughout.
    """
    tasks, stages = [t for t in TASKS if t in set(frame.task)], sorted(frame.iteration.unique())
    columns = min(4, len(tasks))
    shape = (-(-len(tasks) // columns), columns)
    size = (3.1 * columns, 2.8 * shape[0])
    figure, axes = plt.subplots(*shape, figsize=size, sharex=True, sharey=True, squeeze=False)
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
    for axis in axes.flat[len(tasks) :]:
        axis.set_axis_off()
    log_errors(axes[0, 0])
    for axis in axes[:, 0]:
        axis.set_ylabel(f"variance over {OBJECTIVES[yardstick]}'s")
    for column in axes.T:
        shown = [axis for axis in column if axis.axison]
        shown[-1].set_xlabel("iterations of training")
        shown[-1].xaxis.set_tick_params(labelbottom=True)
    legend_below(figure, axes)
    return finished(figure)
