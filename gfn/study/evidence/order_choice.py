"""Which order to take: what each costs where another one is best, and what the choice is worth on a task left out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gfn.study.claims import Budget, Verdict, counts, judge
from gfn.study.evidence.answering import listed, percent, signed, spread, word
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
        error = pd.DataFrame({alpha: errors(run, budget, at_end) for alpha, run in of.items()})
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
    """Q1 in words, for the top of the page: the best order, the worst case of each, those that change, and what is not certain."""
    table, judged = regrets(runs), judge("Q1", evidence(settings, runs), settings.profile, claims=load_claims("beyond"))
    return " ".join([word(judged), _half(table), _inside(judged), _worst(table), _changing(runs, judged)]).replace(
        "  ", " "
    )


def _inside(verdict: Verdict) -> str:
    """What the criterion says that takes "no order between 0 and 1 learns better" at its word."""
    rows = verdict.judged[verdict.judged.test == "best_inside"]
    if verdict.outcome == "not judged" or rows.empty:
        return ""
    sure, against, unsure = counts(rows)
    return (
        f"That another order between 0 and 1 is no better is certain in {sure} of {len(rows)} measurements, contradicted in"
        f" {against} and inconclusive in {unsure}."
    )


def _half(table: pd.DataFrame) -> str:
    best, half = table.idxmin(axis=1), table[HALF]
    others = ", ".join(f"{signed(alpha)} on {TASKS[task]}" for task, alpha in best.items() if alpha != HALF)
    return (
        f"Of {table.shape[1]} orders, α = ½ has the least error over training on {int((best == HALF).sum())} of"
        f" {len(table)} tasks{f' (elsewhere {others})' if others else ''}; it is within {percent(LITTLE - 1)} of the least on"
        f" {int((half <= LITTLE).sum())}, and at most {half.max():.2f} times the least ({TASKS[half.idxmax()]})."
    )


def _worst(table: pd.DataFrame) -> str:
    alpha, worst = safest(table), table.max()
    groups = {
        "the forward KL": worst.index == 0,
        "the reverse KL": worst.index == 1,
        "orders below 0": worst.index < 0,
        "orders above 1": worst.index > 1,
    }
    told = listed(f"{worst[chosen].max():.2f} for {name}" for name, chosen in groups.items() if chosen.any())
    least = "it" if alpha == HALF else f"α = {signed(alpha)}"
    return (
        f"Where nothing is known of a target, {least} is the safest order over all of training: its worst case, {worst[alpha]:.2f} times the least"
        f" error, is the mildest; it is {told}."
    )


def _changing(runs: Runs, verdict: Verdict) -> str:
    (high, low), times = SCHEDULES["falling"], schedule_table(runs)["½"].groupby("schedule")
    told = listed(f"one that is {name} has {spread(part)}" for name, part in times)
    _, contradicted, unsure = counts(verdict.judged)
    judged = (
        ""
        if verdict.outcome == "not judged"
        else f" Of {len(verdict.judged)} comparisons, {contradicted} contradict the statement and {unsure} are inconclusive."
    )
    return (
        f"Of orders that change between {high:g} and {low:g} during training, {told} times the error of α = ½ (medians over"
        f" tasks and their range).{judged}"
    )
