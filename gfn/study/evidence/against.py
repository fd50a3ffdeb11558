"""Errors of control variates against each other: numbers that more than one page shows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gfn.runs.objective import WITH_ALPHA
from gfn.study.evidence.convergence import accuracy_metric, by_task
from gfn.study.evidence.tables import late
from gfn.study.paper import margin
from gfn.study.results import Run


def times_none(runs: Mapping[tuple[str, str, float], Run]) -> pd.DataFrame:
    """Error late in training over that without any control variate, at negative orders of the Rényi divergence.

    Arguments:
        runs: by task, control variate and order.

    Returns:
        Medians over seeds: a row for each task and order, columns ``both`` and ``joint``.
    """
    orders = [(task, alpha) for task, variate, alpha in runs if variate == "none" and alpha < 0]
    rows = {
        (task, alpha): {
            variate: _times(runs[task, variate, alpha], runs[task, "none", alpha]) for variate in ("both", "joint")
        }
        for task, alpha in orders
    }
    return pd.DataFrame(rows, index=["both", "joint"]).T


def times_both(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Error late in training with ``joint`` over that with the paper's two control variates.

    Arguments:
        runs: by task and line of the figure.

    Returns:
        Medians over seeds: a row for each task, columns ``renyi`` and ``tsallis``.
    """
    rows = {
        task: {name: _times(of[f"{name}_joint"], of[name]) for name in WITH_ALPHA if f"{name}_joint" in of}
        for task, of in by_task(runs).items()
    }
    return pd.DataFrame(rows).T


def _times(run: Run, other: Run) -> float:
    """Error of one run over that of another late in training, the median over seeds."""
    metric = accuracy_metric(run)
    return float(((late(run, metric) + margin(metric)) / (late(other, metric) + margin(metric))).median())
