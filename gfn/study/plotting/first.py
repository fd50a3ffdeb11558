"""Pictures of the first experiments: log-weights, seeds with and without a control variate, probabilities one by one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from gfn.study.plotting.layout import label_grid, legend_below, responsive, wrapped
from gfn.study.plotting.style import (
    ACCURACY,
    COLOURS,
    CONTROL_VARIATES,
    LINES,
    OBJECTIVES,
    TASKS,
    count_trajectories,
    finished,
    log_errors,
)


def stage_name(iterations: int) -> str:
    """A stage of a training in words."""
    return f"after {iterations} iterations" if iterations else "before training"


@responsive
def weight_histograms(log_weights: Mapping[int, np.ndarray], log_z: float, bins: int = 120) -> Figure:
    """Log-weights of trajectories at stages of a training, a row a stage, over one axis; log Z is a line through all.

    Arguments:
        log_weights: number of iterations to log w of trajectories, ``[n]``.
        log_z: of the task.
        bins: of equal width over the range of all stages.
    """
    every = np.concatenate(list(log_weights.values()))
    edges = np.linspace(*np.quantile(every, [0.0005, 0.9995]), bins + 1)
    figure, axes = wrapped(len(log_weights), 1, (7, 1.5), more=0.7, sharex=True)
    for axis, (stage, values) in zip(axes[:, 0], log_weights.items()):
        share = np.full(len(values), 1 / len(values))
        axis.hist(
            values,
            edges,
            weights=share,
            histtype="stepfilled",
            color=COLOURS[0],
            alpha=0.75,
            lw=0,
            label="trajectories",
        )
        axis.axvline(log_z, color="black", lw=1.4, label="log Z")
        axis.axvline(values.mean(), color=COLOURS[1], lw=1.6, ls="--", label="mean of log w")
        axis.set_title(f"{stage_name(stage)}: standard deviation {values.std():.2f}", loc="left")
        axis.yaxis.set_major_formatter(PercentFormatter(1, 0))
        axis.set_ylabel("share")
        axis.margins(x=0)
    axes[-1, 0].set_xlabel("log w of a trajectory")
    legend_below(figure, axes)
    return finished(figure)


@responsive
def gain_panels(frame: pd.DataFrame) -> Figure:
    """Errors during training without and with a control variate: a panel for each task and objective.

    Thin lines are seeds, thick ones their medians. Panels of a task share their vertical axis.

    Arguments:
        frame: long format with ``label, objective, with_variate, seed, trajectories, metric, value``.
    """
    panels = list(dict.fromkeys(zip(frame.label, frame.objective)))
    figure, axes = wrapped(len(panels), 2, (4.2, 3.1), sharex=True, sharey="row")
    for axis, (label, name) in zip(axes.flat, panels):
        part = frame[(frame.label == label) & (frame.objective == name)]
        for with_variate, (what, line) in _WITH.items():
            shown = part[part.with_variate == with_variate]
            table = shown.pivot(index="trajectories", columns="seed", values="value")
            line = {"color": LINES[name]["color"]} | line
            axis.plot(table.index, table, lw=0.7, alpha=0.55, **line)
            axis.plot(table.index, table.median(axis=1), lw=2.4, label=f"{what}, {OBJECTIVES[name]}", **line)
        axis.set_title(f"{TASKS[label]}: {OBJECTIVES[name]}")
        log_errors(axis)
    for row, first in zip(axes, panels[:: axes.shape[1]]):
        row[0].set_ylabel(ACCURACY[frame.metric[frame.label == first[0]].iloc[0]])
    for axis in axes[-1]:
        count_trajectories(axis)
    legend_below(figure, axes)
    return finished(figure)


_WITH = {
    False: ("without control variate", {"color": CONTROL_VARIATES["none"][1], "ls": "-"}),
    True: ("with control variate", {"ls": "-"}),
}


@responsive
def probability_panels(target: Tensor, learned: Mapping[str, Tensor], errors: Mapping[str, float]) -> Figure:
    """The probability of every object under policies, against the target's, logarithmic; on the diagonal both are equal.

    Arguments:
        target: r(x)/Z, ``[X]``.
        learned: title to p_T(x), ``[X]``; names of objectives are written out, and have their colours.
        errors: L1 distances, by the same titles.
    """
    figure, axes = wrapped(len(learned), 3, (3.1, 3.0), sharex=True, sharey=True)
    ends = [float(target.min()), float(target.max())]
    for axis, (name, probabilities) in zip(axes.flat, learned.items()):
        colour = LINES[name]["color"] if name in LINES else CONTROL_VARIATES["none"][1]
        axis.plot(ends, ends, color="0.5", lw=1, ls="--")
        axis.plot(target, probabilities, ".", ms=3.5, alpha=0.5, color=colour, mew=0)
        axis.set(xscale="log", yscale="log", title=OBJECTIVES.get(name, name))
        axis.text(0.04, 0.96, f"L1 {errors[name]:.3f}", transform=axis.transAxes, va="top", fontsize="small")
    label_grid(axes, "target r(x)/Z", "learned $p_T(x)$")
    return finished(figure)
