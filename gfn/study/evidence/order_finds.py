"""What orders find and miss, and when they reach an error."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

import pandas as pd

from gfn.runs.objective import Objective
from gfn.study.evidence.discovery import mode_of, mode_shares
from gfn.study.evidence.order_errors import Runs, by_order
from gfn.study.evidence.planar import mass_table
from gfn.study.evidence.reaching import Unit, half_way, never, reached
from gfn.study.experiments.orders import LIMITS, REFERENCE
from gfn.study.experiments.tasks import estimator, variates
from gfn.study.presentation.digits import number
from gfn.study.results import Run


def modes_found(runs: Runs) -> pd.DataFrame:
    """Modes found by the end of training, per cent of all that a task has: medians over seeds, a row an order.

    Each task by its own definition of a mode; those whose modes are not counted are left out.
    """
    counted = {
        (task, order): run
        for task, of in by_order(runs).items()
        for order, run in of.items()
        if ((run.frame.metric == "modes") & (run.frame.cell == mode_of(task))).any()
    }
    shares = mode_shares(counted)
    last = shares[shares.iteration == shares.iteration.max()]
    return last.groupby(["objective", "label"], sort=False).value.median().unstack("label").rename_axis("α")


def masses(runs: Runs) -> pd.DataFrame:
    """Target mass that the final density misses, and mass that strays, on planar tasks: medians over seeds.

    A row an order, columns task and ``missed`` or ``stray``, see :func:`~gfn.study.evidence.planar.mass_table`.
    """
    parts = {
        task: mass_table(of).groupby("run")[["missed", "stray"]].median()
        for task, of in by_order(runs).items()
        if all(run.spec.density for run in of.values())
    }
    return pd.concat(parts, axis=1).rename_axis("α")


def times(runs: Runs, unit: Unit = "trajectories") -> pd.DataFrame:
    """When orders reach half of VarGrad's way, for good: medians over seeds as text, a row an order, a column a task.

    In thousands of trajectories, or seconds of training of all seeds together. ``≥`` stands where half of the seeds or
    more do not get there, and the number of those that do not in brackets.
    """
    columns = {}
    for task, of in by_order(runs).items():
        threshold = half_way(runs[task, "reference", REFERENCE])
        columns[task] = {order: _time(run, threshold, unit) for order, run in of.items()}
    return pd.DataFrame(columns).rename_axis("α")


def least_batches(orders: Iterable[float]) -> pd.DataFrame:
    """The least batch with which a training can learn at all, by order and control variate of Rényi's gradient.

    See :meth:`gfn.runs.objective.Objective.hindrance`.
    """
    rows = {
        order: {variate: _least(estimator("renyi", variate, order)) for variate in variates("renyi")}
        for order in orders
        if order not in LIMITS
    }
    return pd.DataFrame(rows).T.rename_axis("α")


def _least(objective: Objective) -> int:
    return next(size for size in count(1) if objective.hindrance(size) is None)


def _time(run: Run, threshold: float, unit: Unit) -> str:
    taken, missing = reached(run, threshold, unit).median(), never(run, threshold)
    shown = f"{number(taken / 1000)}k" if unit == "trajectories" else f"{taken:.0f}\u00a0s"
    sign = "≥\u00a0" if 2 * missing >= len(run.spec.seeds) else ""
    return f"{sign}{shown}" + (f" ({missing})" if missing else "")
