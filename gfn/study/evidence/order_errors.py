"""Errors of all orders of the Rényi divergence: against α = ½, against the best of each task, and question Q1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gfn.study.claims import Budget, Evidence, ratio
from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.tables import late, over_training
from gfn.study.experiments.orders import HALF, LIMITS
from gfn.study.paper import margin
from gfn.study.results import Run

Order = float | str
Runs = Mapping[tuple, Run]  # trainings by task, family and order, and measurements
BUDGETS, LATE_BUDGETS = (128, "whole"), (128, 512)


def by_order(runs: Runs, *families: str) -> dict[str, dict[Order, Run]]:
    """Runs of some families, by task and order; by default all orders that stay as they are, with ``joint``."""
    nested: dict[str, dict[Order, Run]] = {}
    for (task, family, order), run in trained(runs).items():
        if family in (families or ("order",)):
            nested.setdefault(task, {})[order] = run
    return nested


def trained(runs: Runs) -> dict[tuple[str, str, Order], Run]:
    """The trainings alone."""
    return {key: run for key, run in runs.items() if len(key) == 3}


def errors(run: Run, budget: Budget = "whole", at_end: bool = False) -> pd.Series:
    """The error of each seed with its margin: over training up to a budget, or in the last quarter before it."""
    metric = accuracy_metric(run)
    return margin(metric) + (late if at_end else over_training)(run, metric, budget)


def curve_frame(runs: Runs) -> pd.DataFrame:
    """Errors of all trainings at every evaluation: ``task, family, order, seed, iteration, trajectories, metric, value, run``."""
    parts = []
    for (task, family, order), run in trained(runs).items():
        frame = run.frame[run.frame.metric == accuracy_metric(run)]
        parts.append(frame.assign(task=task, family=family, order=order, run=run.spec.hash))
    table = pd.concat(parts, ignore_index=True)
    return table[["task", "family", "order", "seed", "iteration", "trajectories", "metric", "value", "run"]]


def order_errors(runs: Runs, budgets: Sequence[Budget] = ("whole",)) -> pd.DataFrame:
    """The error over training of every order and seed, and that over the error of the same seed at α = ½.

    Returns:
        Columns ``task, order, budget, seed, error, against_half``; errors have their margin.
    """
    parts = []
    for task, of in by_order(runs).items():
        for budget in budgets:
            half = errors(of[HALF], budget)
            for order, run in of.items():
                error = errors(run, budget)
                part = pd.DataFrame({"error": error, "against_half": error / half}).rename_axis("seed").reset_index()
                parts.append(part.assign(task=task, order=order, budget=str(budget)))
    return pd.concat(parts, ignore_index=True)[["task", "order", "budget", "seed", "error", "against_half"]]


def evidence(settings: Any, runs: Runs) -> list[Evidence]:
    """Evidence for Q1: the error at α = ½ over that at every other order, and the other way round; and over that of
    orders that change during training.
    """
    found = []
    for task, of in by_order(runs, "order", "schedule").items():
        changing = [order for order in of if isinstance(order, str)]
        others = [order for order in of if order not in (HALF, *changing)]
        for at_end in (False, True):
            for budget in LATE_BUDGETS if at_end else BUDGETS:
                error = {order: errors(run, budget, at_end) for order, run in of.items()}
                about, end = {"budget": budget, "variate": "joint"}, "_late" if at_end else ""
                found += [
                    ratio(f"safe_{place(o)}{end}", f"{task}, α = {o:g}", error[HALF], error[o], **about) for o in others
                ]
                if not at_end:
                    found += [
                        ratio(f"best_{kind(o)}", f"{task}, α = {o:g}", error[o], error[HALF], **about) for o in others
                    ]
                found += [
                    ratio(f"fixed{end}", f"{task}, α {name}", error[HALF], error[name], **about) for name in changing
                ]
    return found


def place(order: float) -> str:
    """Whether an order is strictly between 0 and 1."""
    return "inside" if 0 < order < 1 else "outside"


def kind(order: float) -> str:
    """The same, with the limits apart: ``inside``, ``limits`` or ``beyond``."""
    return "limits" if order in LIMITS else "inside" if 0 < order < 1 else "beyond"


def against_joint(runs: Runs) -> pd.DataFrame:
    """The error over training of other estimates over that of Rényi with ``joint`` at the same order: medians over seeds.

    Rows are tasks, columns family and order.
    """
    rows: dict[str, dict[tuple[str, float], float]] = {}
    for (task, family, order), run in trained(runs).items():
        if family in ("tsallis", "both") and (task, "order", order) in runs:
            times = errors(run) / errors(runs[task, "order", order])
            rows.setdefault(task, {})[family, order] = float(times.median())
    return pd.DataFrame(rows).T.sort_index(axis=1, ascending=[False, True])
