"""Numbers of stored runs: final values, learning curves, densities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gfn.study.results import Run


def final(run: Run, metric: str) -> pd.Series:
    """The last recorded value of a metric for each seed."""
    frame = run.frame[run.frame.metric == metric]
    return frame[frame.iteration == frame.iteration.max()].set_index("seed").value


def density(run: Run, seed: int) -> np.ndarray:
    """The final density that a run kept: ``[cells (x1), cells (x2)]`` on the task's window."""
    cells = run.frame.set_index("seed").density.dropna()[seed]
    return cells.astype(float).reshape(run.spec.density, run.spec.density)


def learning_frame(runs: Mapping[tuple[str, str], Run], metric: str) -> pd.DataFrame:
    """The learning curves of all runs in one table."""
    return pd.concat([run.frame[run.frame.metric == metric] for run in runs.values()], ignore_index=True)


def curves(run: Run, metric: str) -> pd.DataFrame:
    """A metric of a run: a row an evaluation, a column a seed."""
    return run.frame[run.frame.metric == metric].pivot(index="iteration", columns="seed", values="value")
