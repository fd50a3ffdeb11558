"""A run in a few numbers: its periods of training, its seed in the middle, what is typical."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gfn.study.evidence.tables import final, late, over_training
from gfn.study.results import Run


def median_seed(run: Run, metric: str) -> int:
    """The seed whose final value is the median, of an even number the lower one of the two in the middle."""
    values = final(run, metric).sort_values(kind="stable")
    return int(values.index[(len(values) - 1) // 2])


def periods(run: Run, metric: str) -> dict[str, pd.Series]:
    """A metric of each seed averaged over training, averaged over its last quarter, and at the end; the start is left out."""
    means = {"averaged over training": over_training(run, metric), "over the last quarter": late(run, metric)}
    return {**means, "at the end": final(run, metric)}


def typical(run: Run, metric: str) -> float:
    """The median of a metric over the seeds' last evaluations; not a number where it was not recorded."""
    frame = run.frame[run.frame.metric == metric]
    return float(final(run, metric).median()) if len(frame) else np.nan
