"""Numbers of stored runs: final values, learning curves, densities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gfn.study.claims import Budget, Numbers, from_runs
from gfn.study.presentation.digits import number, spread
from gfn.study.results import Run


def final(run: Run, metric: str) -> pd.Series:
    """The last recorded value of a metric for each seed."""
    frame = run.frame[run.frame.metric == metric]
    return from_run(run, frame[frame.iteration == frame.iteration.max()].set_index("seed").value)


def from_run(run: Run, values: Numbers) -> Numbers:
    """The same numbers with a note of the run that they are from, see :func:`gfn.study.claims.from_runs`."""
    return from_runs([run.spec.hash], values)


def mean_spread_median(values: pd.Series) -> str:
    """Mean ± standard deviation over seeds with their median in brackets, small numbers in powers of ten."""
    return with_median(values.mean(), values.std(), values.median())


def with_median(mean: float, deviation: float, median: float, parted: str = " ") -> str:
    """``mean ± deviation (median)``; the median has significant digits of its own, since it may be far below the mean.

    Arguments:
        mean, deviation, median: of the same values.
        parted: what is between the parts; a line break makes a stack.
    """
    middle = number(median) if parted == "\n" else number(median).replace(" ", "\u00a0")  # no line break in a number
    return f"{spread(mean, deviation, parted=parted)}{parted}({middle})"


def density(run: Run, seed: int) -> np.ndarray:
    """The final density that a run kept: ``[cells (x1), cells (x2)]`` on the task's window."""
    cells = run.frame.set_index("seed").density.dropna()[seed]
    return cells.astype(float).reshape(run.spec.density, run.spec.density)


def learning_frame(runs: Mapping[tuple[str, str], Run], metric: str) -> pd.DataFrame:
    """The learning curves of all runs in one table, with ``run`` the hash of each."""
    parts = [run.frame[run.frame.metric == metric].assign(run=run.spec.hash) for run in runs.values()]
    return pd.concat(parts, ignore_index=True)


def curves(run: Run, metric: str) -> pd.DataFrame:
    """A metric of a run: a row an evaluation, a column a seed."""
    chosen = run.frame[run.frame.metric == metric]
    return from_run(run, chosen.pivot(index="iteration", columns="seed", values="value"))


def over_training(run: Run, metric: str, budget: Budget = "whole", cell: int | None = None) -> pd.Series:
    """The mean of a metric over the evaluations after the start and up to a budget of iterations, for each seed."""
    frame = _until(run, metric, budget, cell)
    return from_run(run, frame[frame.iteration > 0].groupby("seed").value.mean())


def late(run: Run, metric: str, budget: Budget = "whole") -> pd.Series:
    """The mean of a metric over the evaluations in the last quarter before a budget, for each seed.

    At a constant step size the last value alone is one draw of what fluctuates. A training that is shorter than the budget counts as a whole.
    """
    frame = _until(run, metric, budget)
    end = frame.iteration.max() if budget == "whole" else min(budget, run.frame.iteration.max())
    return from_run(run, frame[frame.iteration > 0.75 * end].groupby("seed").value.mean())


def latest(run: Run, metric: str, budget: Budget = "whole", cell: int | None = None) -> pd.Series:
    """The last value of a metric up to a budget, for each seed."""
    frame = _until(run, metric, budget, cell)
    return from_run(run, frame[frame.iteration == frame.iteration.max()].set_index("seed").value)


def _until(run: Run, metric: str, budget: Budget, cell: int | None = None) -> pd.DataFrame:
    chosen = run.frame.metric == metric
    if cell is not None:
        chosen &= run.frame.cell == cell
    if budget != "whole":
        chosen &= run.frame.iteration <= budget
    return run.frame[chosen]
