"""Errors of control variates against each other: numbers that more than one page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from gfn.runs.objective import WITH_ALPHA
from gfn.study.evidence.convergence import accuracy_metric, by_task
from gfn.study.evidence.tables import late
from gfn.study.intervals import of_median
from gfn.study.paper import margin
from gfn.study.results import Run


@dataclass(frozen=True)
class Against:
    """An error over another one in several cases, of each the median over seeds.

    Attributes:
        middle, low, high: the median over cases, the lowest and the highest case.
        cases: how many there are.
        worse: in how many of them the error is the larger one.
        surely_worse, surely_better: in how many the whole interval is above one, and below one. The intervals of all cases
            hold together, see ``LEVEL`` of :mod:`gfn.study.intervals`.
    """

    middle: float
    low: float
    high: float
    cases: int
    worse: int
    surely_worse: int
    surely_better: int


def against_none(runs: Mapping[tuple[str, str, float], Run], variate: str) -> Against | None:
    """Error late in training over that without any control variate, at negative orders of the Rényi divergence.

    Arguments:
        runs: by task, control variate and order.
        variate: ``both`` or ``joint``.

    Returns:
        A case for each task and negative order; None where there is none.
    """
    orders = [(task, alpha) for task, other, alpha in runs if other == "none" and alpha < 0]
    ratios = [_ratios(runs[task, variate, alpha], runs[task, "none", alpha]) for task, alpha in orders]
    if not ratios:
        return None
    found = [of_median(each, len(ratios)) for each in ratios]
    medians = pd.Series([each.middle for each in found])
    return Against(
        float(medians.median()),
        float(medians.min()),
        float(medians.max()),
        len(found),
        int((medians > 1).sum()),
        sum(each.low > 1 for each in found),
        sum(each.high < 1 for each in found),
    )


def times_both(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Error late in training with ``joint`` over that with the paper's two control variates.

    Arguments:
        runs: by task and line of the figure.

    Returns:
        Of medians over seeds, a row for each task, columns ``renyi`` and ``tsallis``.
    """
    rows = {
        task: {name: _times(of[f"{name}_joint"], of[name]) for name in WITH_ALPHA if f"{name}_joint" in of}
        for task, of in by_task(runs).items()
    }
    return pd.DataFrame(rows).T


def _times(run: Run, other: Run) -> float:
    """The median over seeds of :func:`_ratios`."""
    return float(_ratios(run, other).median())


def _ratios(run: Run, other: Run) -> pd.Series:
    """Error of one run over that of another late in training, seed by seed, with the margin added to both."""
    metric = accuracy_metric(run)
    return (late(run, metric) + margin(metric)) / (late(other, metric) + margin(metric))
