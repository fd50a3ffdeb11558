"""A run in a few numbers: its periods of training, its seed in the middle, what is typical."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gfn.study.evidence.tables import curves, final
from gfn.study.results import Run


def median_seed(run: Run, metric: str) -> int:
    """The seed whose final value is the median, of an even number the lower one of the two in the middle."""
    values = final(run, metric).sort_values(kind="stable")
    return int(values.index[(len(values) - 1) // 2])


def periods(run: Run, metric: str) -> dict[str, pd.Series]:
    """A metric of each seed averaged over training, averaged over its last quarter, and at the end; the start is left out."""
    trained = curves(run, metric).iloc[1:]
    quarter = max(1, len(trained) // 4)
    means = {"averaged over training": trained.mean(), "over the last quarter": trained.tail(quarter).mean()}
    return {**means, "at the end": trained.iloc[-1]}


def typical(run: Run, metric: str) -> float:
    """The median of a metric over the seeds' last evaluations; not a number where it was not recorded."""
    frame = run.frame[run.frame.metric == metric]
    return float(final(run, metric).median()) if len(frame) else np.nan
