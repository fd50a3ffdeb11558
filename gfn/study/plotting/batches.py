"""Pictures of what larger batches change."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from gfn.study.plotting.layout import one, responsive
from gfn.study.plotting.style import LINES, OBJECTIVES, finished, log_errors

APART = 0.06  # octaves between the dots of neighbouring objectives


@responsive
def batch_seeds_panel(frame: pd.DataFrame, ylabel: str) -> Figure:
    """A number of each seed against batch size: medians over seeds as lines, bands for their range, every seed a dot.

    Arguments:
        frame: columns ``objective, batch_size, seed, value``.
        ylabel: what the number is.
    """
    figure, axis = one(6.4, 4)
    names = list(dict.fromkeys(frame.objective))
    for rank, name in enumerate(names):
        part, colour = frame[frame.objective == name], LINES[name]["color"]
        table = part.pivot(index="batch_size", columns="seed", values="value")
        axis.plot(table.index, table.median(axis=1), label=OBJECTIVES[name], **LINES[name])
        axis.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=colour, alpha=0.12, lw=0)
        beside = part.batch_size * 2 ** (APART * (2 * rank - len(names) + 1))
        axis.plot(beside, part.value, ".", ms=5, alpha=0.6, color=colour)
    sizes = sorted(frame.batch_size.unique())
    axis.set_xscale("log", base=2)
    axis.set_xticks(sizes, [str(size) for size in sizes])
    axis.set(xlabel="trajectories in a batch", ylabel=ylabel)
    log_errors(axis)
    axis.legend()
    return finished(figure)
