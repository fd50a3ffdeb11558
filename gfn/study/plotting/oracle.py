"""Pictures of what losses descend: the angle to every divergence of a family, and an atlas of many losses."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gfn.study.plotting.layout import NARROW, one, put_legend, responsive, wrapped
from gfn.study.plotting.style import COLOURS, TASKS, finished, number

OTHERS = {"jensen_shannon": "JS", "total_variation": "TV"}
PLACES = {"jensen_shannon": 3.5, "total_variation": 4.1}  # right of the greatest order
TICKS = (-2, -1, 0, 1, 2, 3)
ON, OFF = COLOURS[0], COLOURS[1]


@responsive
def angle_panel(angles: pd.DataFrame, nearest: float | str | None, name: str) -> Figure:
    """Angle between the expected gradient and that of each divergence: a line a policy, and the worst of them.

    Arguments:
        angles: degrees, a row a task and policy, a column a divergence: orders, then ``jensen_shannon`` and ``total_variation``.
        nearest: the one that is nearest at the worst policy; None without one.
        name: of the loss.
    """
    figure, axis = one(7.5, 4.2)
    orders = [each for each in angles.columns if not isinstance(each, str)]
    tasks = list(angles.index.get_level_values("task").unique())
    shown = dict(zip(tasks, COLOURS))
    for (task, _), row in angles.iterrows():
        axis.plot(orders, row[orders], color=shown[task], lw=1, alpha=0.8)
        axis.plot(
            [PLACES[each] for each in OTHERS], row[list(OTHERS)], color=shown[task], marker="o", ms=3, ls="", alpha=0.8
        )
    worst = angles.max()
    axis.plot(orders, worst[orders], color="black", lw=2.2)
    axis.plot([PLACES[each] for each in OTHERS], worst[list(OTHERS)], color="black", marker="_", ms=14, mew=2.2, ls="")
    if nearest is not None:
        axis.plot(
            PLACES.get(nearest, nearest), worst[nearest], color="black", marker="o", ms=8, mfc="white", mew=1.8, ls=""
        )
    axis.set_ylim(-2, max(20, 1.05 * float(np.nanmax([20, *worst.to_numpy(float)]))))
    axis.set_ylabel("angle (degrees)")
    axis.set_title(name)
    _orders(axis)
    marks = [Line2D([], [], color=colour, lw=1.5, label=TASKS.get(task, task)) for task, colour in shown.items()]
    marks += [
        Line2D([], [], color="black", lw=2.2, label="worst"),
        Line2D([], [], color="black", marker="o", mfc="white", ms=8, ls="", label="nearest"),
    ]
    put_legend(figure, marks, [mark.get_label() for mark in marks])
    return finished(figure)


@responsive
def atlas_panels(frame: pd.DataFrame) -> Figure:
    """Many losses, a row each, in three panels: the nearest divergence on policy, the angle to the nearest, and the batch that is needed.

    Arguments:
        frame: indexed by the names of losses, with columns ``group``; ``nearest`` (a member), ``low`` and ``high`` (orders that are
            as near), ``itself`` (whether it is that divergence), ``angle``, ``angle_off`` (degrees), ``far``, ``near`` (trajectories).
    """
    figure, axes = wrapped(3, 3, (4.4, 0.19 * len(frame) + 1.2), narrow=1)
    if NARROW.get():
        figure.set_figheight(3 * (0.155 * len(frame) + 0.7))
    places = np.arange(len(frame))[::-1]
    for column, axis in enumerate(axes.flat):
        named = column == 0 or NARROW.get()
        axis.set_yticks(places, list(frame.index) if named else [], fontsize="x-small")
        axis.set_ylim(-0.7, len(frame) - 0.3)
        axis.grid(axis="y", lw=0.4)
        for place in places[1:][(frame.group.to_numpy()[1:] != frame.group.to_numpy()[:-1])]:
            axis.axhline(place + 0.5, color="0.5", lw=0.8)
    left, middle, right = axes.flat
    for place, row in zip(places, frame.itertuples()):
        if isinstance(row.nearest, str) and row.nearest not in OTHERS:
            continue
        if not isinstance(row.nearest, str):
            left.hlines(place, row.low, row.high, color=ON, lw=2.5, alpha=0.5)
        left.plot(PLACES.get(row.nearest, row.nearest), place, color=ON, marker="o", ms=6, ls="")
        if not row.itself:  # a white disc on top: browsers lose the rim of a hollow marker that is drawn many times
            left.plot(PLACES.get(row.nearest, row.nearest), place, color="white", marker="o", ms=3.6, ls="")
    _orders(left)
    left.set_title("nearest divergence, on policy")
    middle.plot(frame.angle_off, places, color=OFF, marker="s", ms=4, ls="")
    middle.plot(frame.angle, places, color=ON, marker="o", ms=4, ls="")
    middle.set_xlim(-3, 183)
    middle.set_xticks([0, 45, 90, 135, 180])
    middle.axvline(90, color="black", lw=1)
    middle.set_xlabel("angle to the nearest (degrees)")
    middle.set_title("how far off at the worst policy")
    right.plot(frame.far, places, color=COLOURS[7], marker="D", ms=4, ls="")
    right.plot(frame.near, places, color=COLOURS[2], marker="o", ms=4, ls="")
    right.set_xscale("log")
    right.set_xlabel("batch with as much noise as signal")
    right.set_title("noise on policy")
    marks = [
        Line2D([], [], color=ON, marker="o", ls="", label="on policy (filled: it is that divergence)"),
        Line2D([], [], color=OFF, marker="s", ls="", label="uniform actions"),
        Line2D([], [], color=COLOURS[7], marker="D", ls="", label="noise far from the target"),
        Line2D([], [], color=COLOURS[2], marker="o", ls="", label="noise near the target"),
    ]
    put_legend(figure, marks, [mark.get_label() for mark in marks])
    return finished(figure)


def _orders(axis: Axes) -> None:
    """An axis of orders, with the two divergences that have none at its right."""
    axis.set_xlim(-2.15, 4.5)
    axis.set_xticks([*TICKS, *PLACES.values()], [*map(number, TICKS), *OTHERS.values()])
    axis.set_xlabel("order α of the divergence")
