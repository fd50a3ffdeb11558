"""How much the comparison with TB depends on choices that the paper leaves open."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gfn.study.claims import OUTCOMES, counts, judge
from gfn.study.evidence.comparisons import ACCURACY_BUDGETS, BASELINES, accuracy_ratios
from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.tables import final, with_median
from gfn.study.results import Run

Runs = Mapping[tuple[str, str, str], Run]


def sensitivity_table(runs: Runs) -> pd.DataFrame:
    """Final error of each line under each choice: ``choice, value, objective, mean, standard_deviation, median, shown, run``.

    ``shown`` is the three numbers as text, ``run`` the hash of the run.
    """
    rows = []
    for (choice, value, name), run in runs.items():
        error = final(run, accuracy_metric(run))
        row = {"choice": choice, "value": value, "objective": name, "mean": error.mean()}
        row |= {"standard_deviation": error.std(), "median": error.median()}
        shown = with_median(error.mean(), error.std(), error.median(), parted="\n")
        rows.append(row | {"shown": shown, "run": run.spec.hash})
    return pd.DataFrame(rows)


def distinct_settings(runs: Runs) -> list[tuple[str, str]]:
    """The choices and values that are different settings: of those that rest on the same runs, the first.

    A task's values in force are the same runs whichever choice is looked at.
    """
    hashes: dict[tuple[str, str], set[str]] = {}
    for (choice, value, _), run in runs.items():
        hashes.setdefault((choice, value), set()).add(run.spec.hash)
    first: dict[frozenset[str], tuple[str, str]] = {}
    for label, own in hashes.items():
        first.setdefault(frozenset(own), label)
    return list(first.values())


def verdict_changes(runs: Runs) -> pd.DataFrame:
    """The verdict of C2 from each choice alone: outcome, how many measurements are supported, contradicted and
    inconclusive, and against which baselines a divergence is less accurate.
    """
    rows = []
    for choice, value in dict.fromkeys((choice, value) for choice, value, _ in runs):
        part = {(value, name): run for (c, v, name), run in runs.items() if (c, v) == (choice, value)}
        verdict = judge("C2", accuracy_ratios(part, budgets=(ACCURACY_BUDGETS[-1],)))
        worse = verdict.tests[verdict.tests.outcome == "contradicted"]
        names = [
            f"{row.subject.split(', ')[1]} than {BASELINES[row.test.removeprefix('accurate')]}"
            for row in worse.itertuples()
        ]
        row = {"choice": choice, "value": value, "verdict": verdict.outcome}
        row |= dict(zip(OUTCOMES, counts(verdict.tests))) | {"less accurate": ", ".join(names)}
        rows.append(row)
    return pd.DataFrame(rows).set_index(["choice", "value"])
