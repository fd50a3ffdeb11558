"""Which measures of a trained policy rank objectives as the exact total variation does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gfn.study.claims import Evidence, counts, judge, over_seeds
from gfn.study.evidence.answering import decimals, listed, word
from gfn.study.paper import load_claims
from gfn.study.results import Run

Key = tuple[str, str, str]
Runs = Mapping[Key, Run]
TRUTH = "tv"
# Their names, and whether more of them is better.
MEASURES: dict[str, tuple[str, bool]] = {
    "subset_tv": ("total variation on random subsets", False),
    "drawn_subset_tv": ("total variation on drawn subsets", False),
    "spearman": ("rank correlation with the reward", True),
    "elbo_gap": ("ELBO", False),
    "eubo_gap": ("EUBO", False),
    "tb_loss": ("TB loss", False),
    "top_k": ("mean of the best found", True),
    "modes": ("modes found", True),
}
LEAST = 3  # policies that there must be to rank


def measured(runs: Runs) -> pd.DataFrame:
    """Every policy with its exact total variation and all measures, a row a task, line, way and seed.

    Returns:
        Columns ``task, objective, way, seed, tv``, those of ``MEASURES``, and ``run``; tasks without an exact total variation
        are left out. Of modes it is the number at the highest fraction that is counted.
    """
    parts = []
    for (task, line, way), run in runs.items():
        last = run.frame[run.frame.iteration == run.frame.iteration.max()]
        modes = last[last.metric == "modes"]
        last = last[last.metric.isin([TRUTH, *MEASURES]) & (last.cell.isna() | (last.metric == "modes"))]
        last = last[(last.metric != "modes") | (last.cell == modes.cell.max())]
        wide = last.astype({"metric": object}).pivot(index="seed", columns="metric", values="value")
        if TRUTH in wide:
            wide = wide.reindex(columns=[TRUTH, *MEASURES]).reset_index()
            parts.append(wide.assign(task=task, objective=line, way=way, run=run.spec.hash))
    columns = ["task", "objective", "way", "seed", TRUTH, *MEASURES, "run"]
    return pd.concat(parts, ignore_index=True)[columns]


def agreements(table: pd.DataFrame) -> pd.DataFrame:
    """The rank correlation, over the policies of a task and seed, of each measure with the exact total variation.

    One, if it ranks them alike; measures of which more is better are turned around; 0 where it tells none apart.

    Returns:
        Columns ``task, seed, measure, value, policies``.
    """
    rows = []
    for (task, seed), part in table.groupby(["task", "seed"], sort=False):
        for measure, (_, more) in MEASURES.items():
            pair = part[[TRUTH, measure]].dropna().rank()
            if len(pair) < LEAST:
                continue
            with np.errstate(invalid="ignore", divide="ignore"):
                value = pair[TRUTH].corr(-pair[measure] if more else pair[measure])
            value = 0.0 if pd.isna(value) else value
            rows.append({"task": task, "seed": seed, "measure": measure, "value": value, "policies": len(pair)})
    return pd.DataFrame(rows)


def evidence(settings: Any, runs: Runs) -> list[Evidence]:
    """Evidence for Q8: each measure's rank correlation with the truth, a task at a time, seed by seed."""
    table = measured(runs)
    hashes = {task: tuple(part.run.unique()) for task, part in table.groupby("task")}
    return [
        over_seeds(measure, task, part.set_index("seed").value, runs=hashes[task])
        for (measure, task), part in agreements(table).groupby(["measure", "task"], sort=False)
    ]


def answer(settings: Any, runs: Runs) -> str:
    """The question's answer in three sentences: which measures agree best and least, and how much of it is certain."""
    verdict = judge("Q8", evidence(settings, runs), settings.profile, claims=load_claims("beyond"))
    found = agreements(measured(runs))
    middle = found.groupby(["measure", "task"]).value.median().groupby("measure").agg(["median", "min"])
    ordered = middle.sort_values("median", ascending=False)
    said = [
        f"{MEASURES[name][0]} {decimals(row['median'])} (least {decimals(row['min'])})"
        for name, row in ordered.iterrows()
    ]
    held = {test: counts(part) for test, part in verdict.judged.groupby("test")}
    certain = listed(
        f"{MEASURES[test][0]} on {held[test][0]} of {sum(held[test])}" for test in ordered.index if test in held
    )
    opened = sum(many[2] for many in held.values())
    return (
        f"{word(verdict)} The median over tasks of the rank correlation with the exact total variation is, from the best to the"
        f" worst, {listed(said)}. Tasks on which it is certainly 0.8 or more: {certain}. {opened} measurements are inconclusive."
    )
