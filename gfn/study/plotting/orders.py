"""Pictures along the order α of a divergence."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gfn.study.plotting.layout import label_grid, legend_below, responsive, wrapped
from gfn.study.plotting.style import ACCURACY, COLOURS, TASKS, count_trajectories, finished, log_errors, number

SHADES = ((COLOURS[1], "--", "o"), (COLOURS[0], "-", "s"), (COLOURS[2], "-.", "^"), (COLOURS[3], ":", "D"))
LIMIT_NAMES = {0.0: "0\nfwd KL", 1.0: "1\nrev KL"}
NAMED = (-1, 0.5, 2, 3)  # other orders whose ticks have their number


@responsive
def order_error_panels(frame: pd.DataFrame, regrets: pd.DataFrame, budgets: Sequence[str]) -> Figure:
    """Errors over the error at α = ½ of the same seed, a panel a task, a line a budget; and the worst case over tasks.

    Lines are medians over seeds, bands the range over seeds. Orders stand at equal distances.

    Arguments:
        frame: columns ``task, order, budget, seed, against_half``.
        regrets: error over the best order's, a row a task, a column an order, for the last panel: its largest values.
        budgets: those of ``frame``, by the words that name them.
    """
    labels, orders = list(dict.fromkeys(frame.task)), sorted(frame.order.unique())
    figure, axes = wrapped(len(labels) + 1, 4, (3.8, 3.0), sharey=True)
    for axis, label in zip(axes.flat, labels):
        for budget, (name, shade) in zip(dict.fromkeys(frame.budget), zip(budgets, SHADES)):
            part = frame[(frame.task == label) & (frame.budget == budget)]
            _along(axis, part.pivot(index="order", columns="seed", values="against_half"), orders, name, shade)
        axis.axhline(1, color="black", lw=0.8)
        axis.set_title(TASKS[label])
        _orders(axis, orders)
    last = axes.flat[len(labels)]
    worst = regrets.max().reindex(orders)
    last.plot(range(len(orders)), worst, color="black", marker="o", ms=4)
    last.set_title("worst task, over its best α")
    _orders(last, orders)
    label_grid(axes, "α", "error over that at α = ½")
    legend_below(figure, axes)
    return finished(figure)


@responsive
def order_curve_panels(frame: pd.DataFrame, half: float = 0.5) -> Figure:
    """Errors during training, a panel a task, a line an order: medians over seeds; the KL divergences are black.

    Arguments:
        frame: columns ``task, order, seed, trajectories, metric, value``.
        half: the order whose line is thick, with a band for the range over seeds.
    """
    labels, orders = list(dict.fromkeys(frame.task)), sorted(frame.order.unique())
    figure, axes = wrapped(len(labels), 4, (3.4, 3.0))
    shades = plt.get_cmap("viridis")
    for axis, label in zip(axes.flat, labels):
        part = frame[frame.task == label]
        for rank, order in enumerate(orders):
            table = part[part.order == order].pivot(index="trajectories", columns="seed", values="value")
            limit = order in LIMIT_NAMES
            line = {"color": "black" if limit else shades(0.9 * rank / max(1, len(orders) - 1))}
            line |= {"ls": ("--" if order else ":") if limit else "-", "lw": 3 if order == half else 1.2}
            name = LIMIT_NAMES.get(order, number(order)).replace("\n", ", ")
            axis.plot(table.index, table.median(axis=1), label=f"α = {name}", **line)
            if order == half:
                axis.fill_between(
                    table.index, table.min(axis=1), table.max(axis=1), color=line["color"], alpha=0.2, lw=0
                )
        axis.set(title=TASKS[label], ylabel=ACCURACY[part.metric.iloc[0]])
        log_errors(axis)
        count_trajectories(axis)
    legend_below(figure, axes)
    return finished(figure)


@responsive
def order_noise_panels(frame: pd.DataFrame, ylabel: str) -> Figure:
    """Noise of gradients along the order, a panel a task, a line a stage of training; Tsallis' are unjoined marks.

    Lines are medians over seeds, bands the range over seeds.

    Arguments:
        frame: columns ``task, family, order, iteration, seed, value``.
        ylabel: what the values are.
    """
    labels, orders = list(dict.fromkeys(frame.task)), sorted(frame.order.unique())
    figure, axes = wrapped(len(labels), len(labels), (4.2, 3.4), narrow=1)
    for axis, label in zip(axes.flat, labels):
        for stage, shade in zip(sorted(frame.iteration.unique()), SHADES):
            part = frame[(frame.task == label) & (frame.iteration == stage)]
            by = {
                family: each.pivot(index="order", columns="seed", values="value")
                for family, each in part.groupby("family")
            }
            name = f"after {stage} iterations" if stage else "at the start"
            _along(axis, by["renyi"], orders, name, shade)
            if "tsallis" in by:
                places = [orders.index(order) for order in by["tsallis"].index]
                style = {"marker": "x", "ls": "", "color": shade[0], "label": f"Tsallis, {name}"}
                axis.plot(places, by["tsallis"].median(axis=1), **style)
        axis.set_title(TASKS[label])
        _orders(axis, orders)
    label_grid(axes, "α", ylabel)
    legend_below(figure, axes)
    return finished(figure)


def _along(axis: Axes, table: pd.DataFrame, orders: Sequence[float], name: str, shade: tuple) -> None:
    colour, style, marker = shade
    places = [orders.index(order) for order in table.index]
    axis.plot(places, table.median(axis=1), color=colour, ls=style, marker=marker, ms=4, label=name)
    axis.fill_between(places, table.min(axis=1), table.max(axis=1), color=colour, alpha=0.15, lw=0)


def _orders(axis: Axes, orders: Sequence[float]) -> None:
    """A tick for each order, and its number where there is room for it."""
    names = [LIMIT_NAMES.get(order, number(order) if order in NAMED else "") for order in orders]
    axis.set_xticks(range(len(orders)), names)
    log_errors(axis)
