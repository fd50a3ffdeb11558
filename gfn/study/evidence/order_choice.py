"""Which order to take: what each costs where another one is best, and what the choice is worth on a task left out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gfn.study.claims import Budget, Verdict, counts, judge
from gfn.study.evidence.order_errors import Runs, by_order, errors, evidence
from gfn.study.experiments.orders import HALF, SCHEDULES
from gfn.study.paper import load_claims
from gfn.study.plotting.style import TASKS

LITTLE = 1.1  # times the least error: what nobody would see in a curve


def regrets(runs: Runs, budget: Budget = "whole", at_end: bool = False) -> pd.DataFrame:
    """The error of each order over that of the task's best one, seed by seed: medians; a row a task, a column an order.

    The best is the order whose median error is least. It was picked by its own error, so that the others look a
    little worse than they are.
    """
    rows = {}
    for task, of in by_order(runs).items():
        error = pd.DataFrame({order: errors(run, budget, at_end) for order, run in of.items()})
        best = error.median().idxmin()
        rows[task] = error.div(error[best], axis=0).median()
    return pd.DataFrame(rows).T.rename_axis(columns="α")


def safest(table: pd.DataFrame) -> float:
    """The order whose largest regret over tasks is least."""
    return float(table.max().idxmin())


def left_out(table: pd.DataFrame) -> pd.DataFrame:
    """For each task the order that all the other tasks would choose, its regret on the task, and that of α = ½.

    What is chosen is looked at on a task that had no part in choosing it. Columns ``chosen, regret, half``.
    """
    chosen = {task: safest(table.drop(index=task)) for task in table.index}
    rows = {
        task: {"chosen": order, "regret": table.loc[task, order], "half": table.loc[task, HALF]}
        for task, order in chosen.items()
    }
    return pd.DataFrame(rows).T.rename_axis("task")


def schedule_table(runs: Runs) -> pd.DataFrame:
    """The error over training of orders that change, over that at α = ½, at their first order, at their last one, and
    at the best fixed order: medians over seeds.

    Rows are schedule and task, columns ``½``, ``first``, ``last`` and ``best fixed``; ends that were not run are missing.
    """
    rows = {}
    for task, of in by_order(runs, "schedule").items():
        fixed = by_order(runs)[task]
        error = {order: errors(run) for order, run in fixed.items()}
        best = min(error, key=lambda order: error[order].median())
        for name, run in of.items():
            first, last = SCHEDULES[name]
            against = {"½": HALF, "first": first, "last": last, "best fixed": best}
            own = errors(run)
            rows[name, task] = {
                key: float((own / error[order]).median()) for key, order in against.items() if order in error
            }
    return pd.DataFrame(rows).T.rename_axis(["schedule", "task"])


def answer(settings: Any, runs: Runs) -> str:
    """Q1 in words, for the top of the page."""
    table, judged = regrets(runs), judge("Q1", evidence(settings, runs), settings.profile, claims=load_claims("beyond"))
    return " ".join([_half(table), _advice(table), _changing(runs), _unsure(judged)])


def _half(table: pd.DataFrame) -> str:
    best, half = table.idxmin(axis=1), table[HALF]
    others = ", ".join(f"{_shown(order)} on {TASKS[task]}" for task, order in best.items() if order != HALF)
    return (
        f"Of {table.shape[1]} orders, α = ½ has the least error over training on {int((best == HALF).sum())} of"
        f" {len(table)} tasks, and one within {LITTLE - 1:.0%} of the least on {int((half <= LITTLE).sum())}; at most it is"
        f" {half.max():.2f} times the least ({TASKS[half.idxmax()]}){f', and the best other orders are {others}' if others else ''}."
    )


def _advice(table: pd.DataFrame) -> str:
    order, out = safest(table), left_out(table)
    worst, chosen = table[order], " or ".join(map(_shown, sorted(out.chosen.unique())))
    return (
        f"Where nothing is known of a target, take α = {_shown(order)}: of all orders its worst case is mildest,"
        f" {worst.max():.2f} times the error of the best order ({TASKS[worst.idxmax()]}). An order that is chosen without the"
        f" task on which it is then tried ({chosen}) has {out.regret.median():.2f} times the least error as the median over"
        f" tasks, and {out.regret.max():.2f} at most; α = ½ has {out.half.median():.2f} and {out.half.max():.2f}."
    )


def _changing(runs: Runs) -> str:
    (high, low), times = SCHEDULES["falling"], schedule_table(runs)["½"].groupby("schedule")
    told = " and ".join(
        f"one that is {name} has {part.median():.2f} ({part.min():.2f} to {part.max():.2f})" for name, part in times
    )
    return (
        f"Of orders that change between {high:g} and {low:g} during training, {told} times the error of α = ½, as the"
        " median over tasks, in brackets the range."
    )


def _unsure(verdict: Verdict) -> str:
    if verdict.outcome == "not judged":
        return "At this scale nothing is judged."
    return f"Of {len(verdict.judged)} comparisons that are judged, {counts(verdict.judged)[2]} are inconclusive."


def _shown(order: float) -> str:
    return f"{order:g}".replace("-", "−")
