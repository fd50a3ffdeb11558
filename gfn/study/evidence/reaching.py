"""When a training reaches an error: how many trajectories, or seconds, it takes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.tables import curves, from_run, late
from gfn.study.results import Run

Unit = Literal["trajectories", "seconds"]


def half_way(reference: Run) -> float:
    """The error half of the way that a training goes, on a logarithmic scale: from its start to its last quarter.

    Medians over seeds; the geometric mean of both.
    """
    metric = accuracy_metric(reference)
    start = curves(reference, metric).iloc[0].median()
    return float(np.sqrt(start * late(reference, metric).median()))


def reached(run: Run, threshold: float, unit: Unit = "trajectories") -> pd.Series:
    """What each seed takes until its error stays at or below a threshold.

    Between two evaluations the logarithm of the error is a straight line. A seed that never stays below counts as the
    whole of its training: a lower bound.

    Arguments:
        run: a training.
        threshold: in the units of the task's error.
        unit: ``trajectories``, of one seed, or ``seconds`` of training, of all seeds together.
    """
    error = np.log(curves(run, accuracy_metric(run)).clip(lower=1e-12))
    spent = run.frame[run.frame.metric == accuracy_metric(run)].groupby("iteration")[unit].median().to_numpy()
    return from_run(run, error.apply(lambda values: _last_crossing(values.to_numpy(), spent, np.log(threshold))))


def never(run: Run, threshold: float) -> int:
    """How many seeds do not stay at or below a threshold by the end."""
    return int((curves(run, accuracy_metric(run)).iloc[-1] > threshold).sum())


def _last_crossing(error: np.ndarray, spent: np.ndarray, threshold: float) -> float:
    above = np.flatnonzero(error > threshold)
    if not len(above):
        return float(spent[0])
    last = above[-1]
    if last == len(error) - 1:
        return float(spent[-1])
    share = (error[last] - threshold) / (error[last] - error[last + 1])
    return float(spent[last] + share * (spent[last + 1] - spent[last]))
