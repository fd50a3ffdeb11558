"""Who is ahead in each league: the step size that is best by the lower bound, and medians over seeds with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from gfn.environments import ManyWell
from gfn.randomness import stream
from gfn.runs.rivals import SHOWN
from gfn.study.claims import from_runs
from gfn.study.experiments.leagues import TABLES
from gfn.study.intervals import of_median, rank
from gfn.study.results import Run

Runs = Mapping[tuple[str, str, float], Run]
Best = Mapping[tuple[str, str], Run]
CHOSEN_BY = ("elbo_gap", "sliced")  # the second for samplers without a density; of both, less is better
# What is shown of every sampler; of the effective sample size more is better, of all others less.
MEASURES = ("elbo_gap", "eubo_gap", "log_z_error", "effective_share", "sliced", "mode_tv", "missed")
MORE_IS_BETTER = "effective_share"
YARDSTICKS = ("nuts", "annealed")  # which learn nothing, and have no rank
COORDINATES = ("x1", "x2", "x3")


def final(run: Run, metric: str) -> pd.Series:
    """A metric at the end of the budget, by seed; none of a sampler that does not have it."""
    part = run.frame[(run.frame.metric == metric) & (run.frame.iteration == run.spec.marks)]
    return part.set_index("seed").value


def ended(run: Run, metric: str) -> pd.Series:
    """The same for every seed of the run, missing where the sampler diverged or has no such number."""
    return from_runs((run.spec.hash,), final(run, metric).reindex(list(run.spec.seeds)))


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


def best_runs(runs: Runs) -> dict[tuple[str, str], Run]:
    """By target and sampler the run with the step size that was chosen."""
    return {(task, sampler): runs[task, sampler, rate] for (task, sampler), rate in chosen(runs).items()}


def targets(best: Best) -> list[str]:
    """All targets, in the order of the study."""
    return list(dict.fromkeys(task for task, _ in best))


def has_modes(run: Run) -> bool:
    """Whether the target of a run has several modes."""
    return run.spec.task.mode_weights is not None


def standings(runs: Runs, metric: str) -> pd.DataFrame:
    """A row for each league, target and sampler that has the metric, in the order of the medians.

    Columns ``league, task, sampler, rate, median, low, high, rank, floor, seconds``: intervals hold one at a time; with fewer
    seeds than an interval needs they are the range. Yardsticks have no rank. ``floor`` is what exact samples have, where there is such a number.
    """
    rates, rows = chosen(runs), []
    for league, samplers in TABLES.items():
        for task in targets(rates):
            for sampler in samplers:
                if (task, sampler) not in rates:
                    continue
                run = runs[task, sampler, rates[task, sampler]]
                values = final(run, metric)
                if len(values) < len(run.spec.seeds):
                    continue
                middle, low, high = interval(values)
                floor = final(run, f"{metric}_floor")
                row = {"league": league, "task": task, "sampler": sampler, "rate": rates[task, sampler]}
                row |= {"median": middle, "low": low, "high": high}
                row |= {"floor": floor.median() if len(floor) else None}
                rows.append(row | {"seconds": seconds(run)})
    columns = ["league", "task", "sampler", "rate", "median", "low", "high", "floor", "seconds"]
    table = pd.DataFrame(rows, columns=columns)
    ranked = table[~table.sampler.isin(YARDSTICKS)].groupby(["league", "task"])["median"]
    table.insert(7, "rank", ranked.rank(method="min", ascending=metric != MORE_IS_BETTER))
    return table.sort_values(["league", "task", "rank"], kind="stable").reset_index(drop=True)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median with its interval, by itself; with too few seeds for one, the range over seeds."""
    found = of_median(values)
    if rank(len(values), 1):
        return found.middle, found.low, found.high
    return found.middle, float(min(values)), float(max(values))


def seconds(run: Run) -> float:
    """Of training, by seed: the median."""
    return float(run.frame.groupby("seed").seconds.max().median())


def curves(runs: Runs, metric: str) -> pd.DataFrame:
    """A metric over the budget at the step sizes that were chosen: ``task, sampler, used, seed, value, run``."""
    parts = []
    for (task, sampler), run in best_runs(runs).items():
        part = run.frame[run.frame.metric == metric].rename(columns={"trajectories": "used"})
        # Samplers need not have used up the same by a mark, nor all seeds of one.
        part = part.assign(used=part.iteration * (run.spec.budget // run.spec.marks))
        parts.append(part[["used", "seed", "value"]].assign(task=task, sampler=sampler, run=run.spec.hash))
    return pd.concat(parts, ignore_index=True)


def points(run: Run, names: Sequence[str] = COORDINATES) -> pd.DataFrame:
    """The points of the first seed that are kept: a row each, a column for each coordinate; empty where it diverged."""
    first = run.frame.seed == run.spec.seeds[0]  # seeds that raced alone all have some
    own = first & run.frame.metric.isin(names)
    part = run.frame[own].astype({"metric": object})
    return part.pivot(index="cell", columns="metric", values="value")


def every_number(runs: Runs) -> Iterator[pd.DataFrame]:
    """Everything that is shown, at the step sizes that were chosen: :func:`standings` by each measure, with its name and ``run``."""
    for metric in MEASURES:
        table = standings(runs, metric)
        keys = zip(table.task, table.sampler, table.rate)
        yield table.assign(metric=metric, run=[runs[key].spec.hash for key in keys])


def diverged(runs: Runs) -> pd.DataFrame:
    """Which samplers ended before the budget did, and at which step sizes: ``task, sampler, rate, seeds``."""
    rows = [
        {"task": task, "sampler": sampler, "rate": rate, "seeds": int(run.frame[lost].seed.nunique())}
        for (task, sampler, rate), run in runs.items()
        if (lost := run.frame.metric == "diverged").any()
    ]
    return pd.DataFrame(rows, columns=["task", "sampler", "rate", "seeds"])


def beside(runs: Runs, task: str) -> tuple[np.ndarray, dict[str, np.ndarray], tuple[int, int], int]:
    """What :func:`gfn.study.plotting.leagues.sample_panels` draws of a target: exact samples, points of each sampler, and how.

    Of many-well two coordinates with two wells are shown, of all others the first two.
    """
    best = best_runs(runs)
    target = next(run for (name, _), run in best.items() if name == task).spec.task
    exact = target.sample_target(SHOWN, stream("leagues: exact samples", 0)).numpy()
    samplers = {league: [name for name in names if (task, name) in best] for league, names in TABLES.items()}
    drawn = {name: points(best[task, name]).to_numpy() for names in samplers.values() for name in names}
    axes = (0, 2) if isinstance(target, ManyWell) and target.pairs > 1 else (0, 1)
    return exact, drawn, axes, len(samplers["density"])


def floors(runs: Runs, metric: str) -> dict[str, float]:
    """By target what as many exact samples have of a measure: the median over the seeds of one run."""
    best = best_runs(runs)
    return {task: float(final(best[task, "tb_batch"], f"{metric}_floor").median()) for task in targets(best)}
