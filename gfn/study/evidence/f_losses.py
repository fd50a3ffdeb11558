"""What f-divergence losses make of training, beside TB, VarGrad and the divergences whose gradients they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gfn.study.claims import Evidence, counts, judge, ratio
from gfn.study.evidence.answering import listed, spread, word
from gfn.study.evidence.convergence import accuracy_metric, by_task
from gfn.study.evidence.tables import late, over_training
from gfn.study.experiments.f_losses import F_LINES
from gfn.study.paper import load_claims, margin
from gfn.study.plotting.style import OBJECTIVES
from gfn.study.results import Run

Runs = Mapping[tuple[str, str], Run]
# Which errors are over which, by criterion: over the whole of training, and for criteria that end in ``late`` at its end.
PAIRS = {
    "same_gradient": ("devgrad", "renyi_joint"),
    "own_log_z": ("f_tb_half", "devgrad"),
    "over_tb": ("tb_batch", "f_tb_half"),
    "over_tb_late": ("tb_batch", "f_tb_half"),
    "over_vargrad": ("vargrad", "devgrad"),
    "over_forward_kl": ("forward_kl", "f_tb_0"),
}
LATE, BUDGET = "_late", 512


def evidence(settings: Any, runs: Runs) -> list[Evidence]:
    """Evidence for Q6: errors of one line over those of another on each task, seed by seed."""
    found = []
    for task, lines in by_task(runs).items():
        metric = accuracy_metric(lines["tb_batch"])
        for test, pair in PAIRS.items():
            if test.endswith(LATE):
                errors, about = (late(lines[line], metric, BUDGET) for line in pair), {"budget": BUDGET}
            else:
                errors, about = (over_training(lines[line], metric) for line in pair), {}
            found.append(ratio(test, task, *errors, margin(metric), **about))
    return found


def relative_errors(runs: Runs) -> pd.DataFrame:
    """Errors over training and late in it: ``task, objective, error, ratio, late, late_ratio``.

    Medians over seeds, ratios seed by seed over TB with log Z from a first batch.
    """
    rows = []
    for task, lines in by_task(runs).items():
        metric = accuracy_metric(lines["tb_batch"])
        for line, run in lines.items():
            row: dict[str, Any] = {"task": task, "objective": line}
            for name, of in (("", over_training), ("late", late)):
                error, beside = of(run, metric), of(lines["tb_batch"], metric)
                ratios = (error + margin(metric)) / (beside + margin(metric))
                row |= {name or "error": error.median(), f"{name}_ratio".lstrip("_"): ratios.median()}
            rows.append(row)
    return pd.DataFrame(rows)


def furthest(runs: Runs) -> pd.DataFrame:
    """How far DevGrad's errors are from those of Rényi with leave-one-out on the whole weight, whose gradient it has.

    Returns:
        By task, the largest relative difference over seeds and evaluations, that of the first after the start and that of all.
    """
    rows = {}
    for task, lines in by_task(runs).items():
        metric = accuracy_metric(lines["devgrad"])
        first, second = (
            lines[line]
            .frame[lines[line].frame.metric == metric]
            .pivot(index="iteration", columns="seed", values="value")
            for line in ("devgrad", "renyi_joint")
        )
        apart = ((first - second).abs() / second).max(axis=1)
        rows[task] = {"first evaluation": apart.iloc[1], "all of training": apart.max()}
    return pd.DataFrame(rows).T


def answer(settings: Any, runs: Runs) -> str:
    """The question's answer in three sentences: against TB, of DevGrad and what is beside it, and how much is certain."""
    verdict = judge("Q6", evidence(settings, runs), settings.profile, claims=load_claims("beyond"))
    table = relative_errors(runs)
    ratios = table.groupby("objective").ratio.agg(spread)
    held = {test: counts(part) for test, part in verdict.judged.groupby("test", sort=False)}
    names = {line: OBJECTIVES[line].replace(", ", " at ") for line in F_LINES if line in ratios and line != "devgrad"}
    against = listed(f"{ratios[line]} with {name}" for line, name in names.items())
    certain = listed(
        f"{held[test][0]} of {sum(held[test])} {said}"
        for test, said in (
            ("over_tb", "against TB"),
            ("over_tb_late", "late in training"),
            ("over_vargrad", "against VarGrad"),
        )
        if test in held
    )
    opened = sum(many[2] for many in held.values())
    return (
        f"{word(verdict)} Over training, the error is {against} times that of TB with log Z from a first batch (medians over"
        f" tasks, in brackets their range). DevGrad has {ratios['devgrad']} times that error, the Rényi divergence with the same"
        f" gradient {ratios['renyi_joint']} times, and VarGrad {ratios['vargrad']} times. Tasks on which an order of ½"
        f" certainly lowers the error by a tenth or more: {certain}; {opened} measurements in all are inconclusive."
    )
