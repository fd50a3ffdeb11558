"""Pictures of verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gfn.study.plotting.layout import NARROW, first_panels, legend_below, one, responsive, wrapped
from gfn.study.plotting.style import COLOURS, finished

# Blue, orange and grey can be told apart by all; hatches tell them apart in print.
SHARES = {
    "supported": {"color": COLOURS[0]},
    "inconclusive": {"color": "0.85"},
    "contradicted": {"color": COLOURS[1], "hatch": "//"},
}


@responsive
def budget_panels(frame: pd.DataFrame) -> Figure:
    """Shares of measurements that support or contradict a claim at every budget: a panel a claim, a bar a budget.

    Arguments:
        frame: columns ``claim, budget, outcome, supported, contradicted, inconclusive``, the last three counts.
    """
    claims = list(dict.fromkeys(frame.claim))
    figure, axes = wrapped(len(claims), 4, (3.1, 3.6), sharey=True)
    for axis, claim in zip(axes.flat, claims):
        part = frame[frame.claim == claim]
        _stacked(axis, part.budget, part)
        axis.set_xlabel("iterations")
        axis.set_title(claim)
    for axis in first_panels(axes):
        axis.set_ylabel("share of measurements")
    legend_below(figure, axes)
    return finished(figure)


@responsive
def outcome_panel(frame: pd.DataFrame) -> Figure:
    """Shares of measurements that support or contradict the statement of each question: a bar a question.

    Arguments:
        frame: columns ``question, outcome, supported, contradicted, inconclusive``, the last three counts.
    """
    figure, axis = one(1.4 * len(frame) + 1.2, 3.6)
    _stacked(axis, frame.question, frame)
    axis.set(ylabel="share of measurements", xlabel="question")
    legend_below(figure, np.array([axis]))
    return finished(figure)


def _stacked(axis: Axes, places: pd.Series, counts: pd.DataFrame) -> None:
    """A bar a row: shares of the counts, and above them the outcome."""
    names, below = list(SHARES), 0.0
    shares = counts[names].div(counts[names].sum(axis=1), axis=0)
    for name, style in SHARES.items():
        axis.bar(places, shares[name], bottom=below, width=0.75, edgecolor="white", label=name, **style)
        below = below + shares[name]
    for place, outcome in enumerate(counts.outcome):
        turned = 90 if NARROW.get() else 0  # bars are too narrow there for words
        where = {"ha": "center", "va": "bottom", "rotation": turned, "linespacing": 0.9}
        axis.text(place, 1.03, outcome.replace(" ", "\n"), fontsize="small", **where)
    axis.set(ylim=(0, 2.1 if NARROW.get() else 1.25), yticks=[0, 0.25, 0.5, 0.75, 1])
    axis.grid(visible=False, axis="x")
