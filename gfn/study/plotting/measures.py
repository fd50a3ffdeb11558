"""A picture of how well measures rank policies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gfn.study.plotting.layout import legend_below, name_rows, one, responsive
from gfn.study.plotting.style import COLOURS, TASKS, finished

MARKS = "osD^vP*X"


@responsive
def agreement_panel(table: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Rank correlations with the truth, medians over seeds: a line of marks a measure, a mark a task.

    Arguments:
        table: columns ``task, measure, seed, value``.
        names: of the measures, in the order in which they stand, from above.
    """
    shown = [name for name in names if name in set(table.measure)][::-1]
    tasks = [task for task in TASKS if task in set(table.task)]
    middle = table.groupby(["task", "measure"]).value.median()
    figure, axis = one(7, 1.2 + 0.7 * len(shown))
    for place, task in enumerate(tasks):
        values = middle[task].reindex(shown)
        height = np.arange(len(shown)) + 0.1 * ((len(tasks) - 1) / 2 - place)
        mark = {"ms": 5, "marker": MARKS[place % len(MARKS)], "color": COLOURS[place % len(COLOURS)]}
        axis.plot(values, height, ls="", label=TASKS[task], **mark)
    axis.axvline(0, color="0.6", lw=1)
    name_rows(axis, [names[name] for name in shown])
    axis.set(xlim=(-1.05, 1.05), xticks=(-1, -0.5, 0, 0.5, 1), xlabel="rank correlation with the exact total variation")
    legend_below(figure, np.array([[axis]]))
    return finished(figure)
