"""Pictures of training off policy: errors by how trajectories were drawn, and which modes a policy covers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gfn.study.plotting.layout import label_grid, legend_below, lowest_panels, name_rows, one, responsive, wrapped
from gfn.study.plotting.style import ACCURACY, COLOURS, OBJECTIVES, count_trajectories, finished, log_errors

WAYS = {
    "on_policy": ("on policy", "black", "-", "o"),
    "explored": ("exploration", COLOURS[0], "--", "s"),
    "tempered": ("temperature", COLOURS[1], "-.", "D"),
    "replayed": ("replay", COLOURS[2], ":", "^"),
    "lagging": ("lag", COLOURS[4], (0, (3, 1, 1, 1)), "v"),
    "explored_replayed": ("exploration and replay", COLOURS[3], "-", "P"),
}


@responsive
def way_panels(frame: pd.DataFrame) -> Figure:
    """Errors during training on one task: a panel an objective, a line a way of drawing trajectories.

    Lines are medians over seeds, bands the range over seeds.

    Arguments:
        frame: columns ``objective, way, seed, trajectories, metric, value``.
    """
    objectives = [name for name in OBJECTIVES if name in set(frame.objective)]
    figure, axes = wrapped(len(objectives), 3, (3.6, 2.8), sharex=True, sharey=True)
    for axis, objective in zip(axes.flat, objectives):
        part = frame[frame.objective == objective]
        for way, (label, colour, style, _) in WAYS.items():
            table = part[part.way == way].pivot(index="trajectories", columns="seed", values="value")
            if not table.empty:
                axis.plot(table.index, table.median(axis=1), color=colour, ls=style, label=label)
                axis.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=colour, alpha=0.1, lw=0)
        axis.set_title(OBJECTIVES[objective])
        log_errors(axis)
    label_grid(axes, "trajectories", ACCURACY[frame.metric.iloc[0]])
    for axis in lowest_panels(axes):
        count_trajectories(axis)
    legend_below(figure, axes)
    return finished(figure)


@responsive
def coverage_panel(table: pd.DataFrame) -> Figure:
    """The share of modes that policies cover at the end of training: a line of marks an objective, a mark a way.

    Arguments:
        table: columns ``objective, way, covered``.
    """
    objectives = [name for name in OBJECTIVES if name in set(table.objective)][::-1]
    figure, axis = one(7, 1.2 + 0.7 * len(objectives))
    shown = [way for way in WAYS if way in set(table.way)]
    for place, way in enumerate(shown):
        label, colour, _, marker = WAYS[way]
        part = table[table.way == way].set_index("objective").covered.reindex(objectives)
        height = np.arange(len(objectives)) + 0.12 * ((len(shown) - 1) / 2 - place)
        axis.plot(part, height, ls="", ms=5, marker=marker, color=colour, label=label)
    name_rows(axis, [OBJECTIVES[name] for name in objectives])
    axis.set(xlim=(-0.03, 1.03), xlabel="share of the modes that are covered")
    legend_below(figure, np.array([[axis]]))
    return finished(figure)
