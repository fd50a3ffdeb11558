"""Who is ahead in each league: the step size that is best by the lower bound, and medians over seeds with intervals."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gfn.study.experiments.leagues import TABLES
from gfn.study.intervals import of_median
from gfn.study.results import Run

Runs = Mapping[tuple[str, str, float], Run]
CHOSEN_BY = ("elbo_gap", "sliced")  # the second for samplers without a density; of both, less is better


def final(run: Run, metric: str) -> pd.Series:
    """A metric at the end of the budget, by seed; none of a sampler that does not have it."""
    part = run.frame[(run.frame.metric == metric) & (run.frame.iteration == run.spec.marks)]
    return part.set_index("seed").value


def chosen(runs: Runs) -> dict[tuple[str, str], float]:
    """By target and sampler the step size with the least median distance from log Z, over all seeds.

    One with which a seed has no finite bound comes after all with which every seed has one.
    """
    best: dict[tuple[str, str], tuple[tuple[int, float], float]] = {}
    for (task, sampler, rate), run in runs.items():
        values = next((v for name in CHOSEN_BY if len(v := final(run, name))), pd.Series(dtype=float))
        worth = (len(run.spec.seeds) - len(values), float(values.median())), rate
        if (task, sampler) not in best or worth[0] < best[task, sampler][0]:
            best[task, sampler] = worth
    return {key: rate for key, (_, rate) in best.items()}


def standings(runs: Runs, metric: str) -> pd.DataFrame:
    """A row for each league, target and sampler that has the metric, in the order of the medians.

    Columns ``league, task, sampler, rate, median, low, high, rank, floor, seconds``: intervals hold one at a time; ``floor``
    is what exact samples have, where there is such a number.
    """
    rates, rows = chosen(runs), []
    for league, samplers in TABLES.items():
        for task in dict.fromkeys(task for task, *_ in runs):
            for sampler in samplers:
                if (task, sampler) not in rates:
                    continue
                run = runs[task, sampler, rates[task, sampler]]
                values = final(run, metric)
                if len(values) < len(run.spec.seeds):
                    continue
                interval, floor = of_median(values), final(run, f"{metric}_floor")
                row = {"league": league, "task": task, "sampler": sampler, "rate": rates[task, sampler]}
                row |= {"median": interval.middle, "low": interval.low, "high": interval.high}
                row |= {"floor": floor.median() if len(floor) else None}
                rows.append(row | {"seconds": run.frame.groupby("seed").seconds.max().median()})
    table = pd.DataFrame(rows)
    table.insert(7, "rank", table.groupby(["league", "task"])["median"].rank(method="min").astype(int))
    return table.sort_values(["league", "task", "rank"], kind="stable").reset_index(drop=True)


def curves(runs: Runs, metric: str) -> pd.DataFrame:
    """A metric over the budget at the step sizes that were chosen: ``task, sampler, used, seed, value``."""
    parts = []
    for (task, sampler), rate in chosen(runs).items():
        frame = runs[task, sampler, rate].frame
        part = frame[frame.metric == metric].rename(columns={"trajectories": "used"})
        parts.append(part[["used", "seed", "value"]].assign(task=task, sampler=sampler))
    return pd.concat(parts, ignore_index=True)
