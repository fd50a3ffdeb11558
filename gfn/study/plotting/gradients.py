"""Pictures of the variance and the bias of gradient estimates."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from gfn.study.plotting.style import COLOURS, CONTROL_VARIATES, LINES, OBJECTIVES, TASKS, finished, legend_below


def variance_panels(frame: pd.DataFrame, title: str) -> Figure:
    """Variance of gradient estimates against batch size: a row a task, a column a divergence, log-log.

    Arguments:
        frame: columns ``task, objective, control_variate, trajectories, value, low, high``.
        title: of the whole figure.
    """
    tasks = [t for t in TASKS if t in set(frame.task)]
    objectives = [o for o in OBJECTIVES if o in set(frame.objective)]
    figure, axes = plt.subplots(
        len(tasks),
        len(objectives),
        figsize=(2.7 * len(objectives), 2.4 * len(tasks)),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for row, task in zip(axes, tasks):
        for axis, objective in zip(row, objectives):
            for name, (label, colour, style, marker) in CONTROL_VARIATES.items():
                part = frame[(frame.task == task) & (frame.objective == objective) & (frame.control_variate == name)]
                if part.empty:
                    continue
                axis.plot(part.trajectories, part.value, color=colour, ls=style, marker=marker, ms=4, label=label)
                axis.fill_between(part.trajectories, part.low, part.high, color=colour, alpha=0.2, lw=0)
            axis.set_xscale("log", base=2)
            axis.set_yscale("log")
            axis.set_title(f"{TASKS[task]}, {OBJECTIVES[objective]}", fontsize="small")
        row[0].set_ylabel("trace of covariance")
    for axis in axes[-1]:
        axis.set_xlabel("trajectories")
    figure.suptitle(title)
    legend_below(figure, axes)
    return finished(figure)


def bias_panels(frame: pd.DataFrame) -> Figure:
    """Relative bias against batch size: a row a task, a column a divergence, one line an estimate.

    Arguments:
        frame: columns ``task, objective, control_variate, epsilon, trajectories, value, low, high``.
    """
    tasks, objectives = list(dict.fromkeys(frame.task)), [o for o in OBJECTIVES if o in set(frame.objective)]
    figure, axes = plt.subplots(
        len(tasks),
        len(objectives),
        figsize=(2.7 * len(objectives), 2.6 * len(tasks)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    epsilons = sorted(frame.epsilon[frame.control_variate == "both"].unique())
    labels = {}
    for row, task in zip(axes, tasks):
        for axis, objective in zip(row, objectives):
            part = frame[(frame.task == task) & (frame.objective == objective)]
            for (variate, epsilon), lines in part.groupby(["control_variate", "epsilon"], observed=True, dropna=False):
                name, colour, style, marker = CONTROL_VARIATES[variate]
                if variate == "both":
                    rank = epsilons.index(epsilon)
                    name, colour, marker = f"both, ε = {epsilon:g}", COLOURS[2 + rank], "^v<>"[rank % 4]
                (line,) = axis.plot(lines.trajectories, lines.high, color=colour, ls=style, marker=marker, ms=4)
                axis.fill_between(
                    lines.trajectories, lines.low.clip(lower=1e-4), lines.high, color=colour, alpha=0.15, lw=0
                )
                labels.setdefault(name, line)
            axis.set_xscale("log", base=2)
            axis.set_yscale("log")
            axis.set_ylim(1e-3, 3)
            axis.set_title(f"{TASKS[task]}, {OBJECTIVES[objective]}", fontsize="small")
        row[0].set_ylabel("relative bias, at most")
    for axis in axes[-1]:
        axis.set_xlabel("trajectories")
    figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=len(labels))
    return finished(figure)


def balance_variance_panels(frame: pd.DataFrame) -> Figure:
    """Variance of TB's gradient beside the divergences', a panel a task, log-log.

    Arguments:
        frame: columns ``task, objective, control_variate, trajectories, value, low, high``.
    """
    shown = [("tb", "none"), ("vargrad", "none"), ("reverse_kl", "none"), ("reverse_kl", "loo")]
    shown += [("renyi", "none"), ("renyi", "both"), ("tsallis", "none"), ("tsallis", "both")]
    tasks = [t for t in TASKS if t in set(frame.task)]
    figure, axes = plt.subplots(1, len(tasks), figsize=(3.6 * len(tasks), 3.4), sharex=True, squeeze=False)
    for axis, task in zip(axes[0], tasks):
        for name, variate in shown:
            chosen = (frame.task == task) & (frame.objective == name) & (frame.control_variate == variate)
            part = frame[chosen]
            corrected = variate != "none"
            label = OBJECTIVES[name] + ("" if name in ("tb", "vargrad") else f", {CONTROL_VARIATES[variate][0]}")
            marker = {"marker": "o" if corrected else "x", "ms": 5, "label": label}
            axis.plot(part.trajectories, part.value, **LINES[name] | marker)
            axis.fill_between(part.trajectories, part.low, part.high, color=LINES[name]["color"], alpha=0.15, lw=0)
        axis.set_xscale("log", base=2)
        axis.set(yscale="log", title=TASKS[task], xlabel="trajectories")
    axes[0, 0].set_ylabel("trace of covariance")
    legend_below(figure, axes)
    return finished(figure)
