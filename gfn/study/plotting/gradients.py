"""Pictures of the variance and the bias of gradient estimates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gfn.study.plotting.layout import grid, label_grid, legend_below, put_legend, responsive
from gfn.study.plotting.style import (
    COLOURS,
    CONTROL_VARIATES,
    KL_NOTE,
    KLS,
    LINES,
    OBJECTIVES,
    TASKS,
    finished,
    title_with_note,
)
from gfn.study.presentation.digits import short


@responsive
def variance_panels(frame: pd.DataFrame, stage: int) -> Figure:
    """Variance of gradient estimates against batch size: a row a task, a column a divergence, log-log.

    Arguments:
        frame: columns ``task, objective, control_variate, iteration, trajectories, value, low, high``.
        stage: the iteration to show.
    """
    frame = frame[frame.iteration == stage]
    tasks = [t for t in TASKS if t in set(frame.task)]
    objectives = [o for o in OBJECTIVES if o in set(frame.objective)]
    figure, axes = grid(len(tasks), len(objectives), (2.7, 2.4), sharex=True, sharey="row")
    for row, task in zip(axes, tasks):
        for axis, objective in zip(row, objectives):
            for name, (label, colour, style, marker) in CONTROL_VARIATES.items():
                part = frame[(frame.task == task) & (frame.objective == objective) & (frame.control_variate == name)]
                _line_with_band(axis, part, color=colour, ls=style, marker=marker, ms=4, label=label)
            batch_sizes(axis, frame.trajectories)
            note = KL_NOTE if objective in KLS else ""
            title_with_note(axis, f"{TASKS[task]}, {OBJECTIVES[objective]}", note, size="small")
    figure.suptitle(f"{_after(stage)} of each divergence's own training")
    return _labelled(figure, axes)


@responsive
def bias_panels(frame: pd.DataFrame) -> Figure:
    """Relative bias against batch size: a row a task, a column a divergence, one line an estimate.

    Arguments:
        frame: columns ``task, objective, control_variate, epsilon, trajectories, value, low, high``.
    """
    tasks, objectives = list(dict.fromkeys(frame.task)), [o for o in OBJECTIVES if o in set(frame.objective)]
    figure, axes = grid(len(tasks), len(objectives), (2.7, 2.6), sharex=True, sharey=True)
    epsilons = sorted(frame.epsilon[frame.control_variate == "both"].unique())
    labels = {}
    for row, task in zip(axes, tasks):
        for axis, objective in zip(row, objectives):
            part = frame[(frame.task == task) & (frame.objective == objective)]
            for (variate, epsilon), lines in part.groupby(["control_variate", "epsilon"], observed=True, dropna=False):
                name, colour, style, marker = CONTROL_VARIATES[variate]
                if variate == "both":
                    rank = epsilons.index(epsilon)
                    name, colour, marker = f"both, ε = {short(epsilon)}", COLOURS[2 + rank], "^v<>"[rank % 4]
                (line,) = axis.plot(lines.trajectories, lines.high, color=colour, ls=style, marker=marker, ms=4)
                axis.fill_between(
                    lines.trajectories, lines.low.clip(lower=1e-4), lines.high, color=colour, alpha=0.15, lw=0
                )
                labels.setdefault(name, line)
            axis.set_xscale("log", base=2)
            axis.set_yscale("log")
            axis.set_ylim(1e-3, 3)
            axis.set_title(f"{TASKS[task]}, {OBJECTIVES[objective]}", fontsize="small")
    label_grid(axes, "trajectories", "relative bias, at most")
    put_legend(figure, list(labels.values()), list(labels))
    return finished(figure)


@responsive
def centring_panels(frame: pd.DataFrame) -> Figure:
    """The reverse KL with rewards as they are and divided by Z: a row a task, a column a stage of training, log-log.

    Arguments:
        frame: columns ``task, objective, rewards, control_variate, iteration, trajectories, value, low, high``.
    """
    frame = frame[frame.objective == "reverse_kl"]
    centred = frame[frame.rewards == "divided by Z"]
    tasks, stages = list(dict.fromkeys(centred.task)), sorted(frame.iteration.unique())
    figure, axes = grid(len(tasks), len(stages), (3.6, 2.7), sharex=True, sharey="row")
    shown = [(variate, rewards) for variate in ("none", "score") for rewards in ("as they are", "divided by Z")]
    for row, task in zip(axes, tasks):
        for axis, stage in zip(row, stages):
            here = frame[(frame.task == task) & (frame.iteration == stage)]
            for variate, rewards in [*shown, ("loo", "as they are")]:
                name, colour, _, marker = CONTROL_VARIATES[variate]
                divided = rewards == "divided by Z"
                line = {"color": colour, "marker": marker, "ms": 4, "ls": "--" if divided else "-"}
                line |= {"markerfacecolor": "white" if divided else colour}
                line["label"] = f"{name}, rewards {rewards}" if variate != "loo" else f"{name}, either"
                _line_with_band(axis, here[(here.control_variate == variate) & (here.rewards == rewards)], **line)
            batch_sizes(axis, frame.trajectories)
            axis.set_title(f"{TASKS[task]}, {_after(stage)}", fontsize="small")
    return _labelled(figure, axes)


@responsive
def balance_variance_panels(frame: pd.DataFrame) -> Figure:
    """Variance of TB's gradient along its training beside VarGrad's and the reverse KL's: a row a stage, a column a task.

    Arguments:
        frame: columns ``task, objective, control_variate, iteration, trajectories, value, low, high``.
    """
    shown = {
        ("tb", "none"): "TB, its own log Z",
        ("tb_known", "none"): "TB, Z known",
        ("vargrad", "none"): "VarGrad",
        ("reverse_kl", "none"): "reverse KL, none",
        ("reverse_kl", "loo"): "reverse KL, leave-one-out",
    }
    tasks, stages = [t for t in TASKS if t in set(frame.task)], sorted(frame.iteration.unique())
    figure, axes = grid(len(stages), len(tasks), (3.6, 2.7), sharex=True, sharey="col")
    for row, stage in zip(axes, stages):
        for axis, task in zip(row, tasks):
            here = frame[(frame.task == task) & (frame.iteration == stage)]
            for (name, variate), label in shown.items():
                line = LINES[name] | {"marker": "x", "ms": 5, "label": label}
                line |= {"marker": "o", "ls": "--"} if variate == "loo" else {}
                part = here[(here.objective == name) & (here.control_variate == variate)]
                _line_with_band(axis, part, **line)
            batch_sizes(axis, frame.trajectories)
            axis.set_title(f"{TASKS[task]}, {_after(stage)}", fontsize="small")
    return _labelled(figure, axes)


def batch_sizes(axis: Axes, sizes: pd.Series) -> None:
    """Log-log axes with a tick at each batch size."""
    ticks = sorted(sizes.unique())
    axis.set_xscale("log", base=2)
    axis.set_xticks(ticks, [str(size) for size in ticks], fontsize="small")
    axis.set_yscale("log")


def _labelled(figure: Figure, axes: np.ndarray) -> Figure:
    """The figure with what its axes show said once for each row and column, and one legend."""
    label_grid(axes, "trajectories", "trace of covariance")
    legend_below(figure, axes)
    return finished(figure)


def _after(stage: int) -> str:
    return f"after {stage} iterations" if stage else "at the start"


def _line_with_band(axis: Axes, part: pd.DataFrame, **line: Any) -> None:
    if len(part):
        axis.plot(part.trajectories, part.value, **line)
        low = part.low.clip(lower=part.value / 10)  # a logarithmic axis has no place for what reaches below 0
        axis.fill_between(part.trajectories, low, part.high, color=line["color"], alpha=0.2, lw=0)
