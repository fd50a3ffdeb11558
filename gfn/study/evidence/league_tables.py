"""Tables of the leagues for readers: every number with its interval, and whether yardsticks agree with exact samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from gfn.environments import ContinuousEnvironment, PlanarEnvironment
from gfn.randomness import stream
from gfn.rivals.annealed import Annealed
from gfn.rivals.base import Shape
from gfn.study.evidence.answering import listed
from gfn.study.evidence.leagues import (
    MEASURES,
    YARDSTICKS,
    Runs,
    best_runs,
    chosen,
    final,
    interval,
    seconds,
    standings,
    targets,
)
from gfn.study.experiments.leagues import TABLES
from gfn.study.intervals import rank
from gfn.study.plotting.style import OBJECTIVES, RIVALS, TASKS
from gfn.study.presentation.digits import DASH, number

SAMPLERS = OBJECTIVES | RIVALS
EXACT = "exact samples"
HEADS = {
    "elbo_gap": "log Z − ELBO (nats)",
    "eubo_gap": "EUBO − log Z (nats)",
    "log_z_error": "error of log Z (nats)",
    "effective_share": "effective share",
    "sliced": "sliced distance",
    "mode_tv": "total variation of modes",
    "missed": "modes missed",
}
MOVES, STEP = 8, 0.05  # Hamiltonian steps from exact samples, and the size of their leaps
BOUNDS, DISTANCES = MEASURES[:4], MEASURES[4:]  # by weights of densities, and by samples alone
LEVEL = 0.01  # of the test whether moved samples are as others


def league_table(runs: Runs, league: str, measures: Sequence[str] = BOUNDS) -> pd.DataFrame:
    """A row for each target and sampler of a league, in the order of the first measure.

    Cells are medians over seeds with their intervals; those that have no rank come last, exact samples after all others.
    Those that have none of the measures are left out.

    Arguments:
        runs: of the page.
        league: which one, a key of ``TABLES``.
        measures: the columns, some of ``MEASURES``.
    """
    best, rates, rows = best_runs(runs), chosen(runs), {}
    order = standings(runs, measures[0]).set_index(["task", "sampler"])["rank"].dropna()
    for task in targets(best):
        names = [name for name in TABLES[league] if (task, name) in best]
        for name in sorted(names, key=lambda name: order.get((task, name), math.inf)):
            run = best[task, name]
            row = {HEADS[metric]: _with_interval(final(run, metric), len(run.spec.seeds)) for metric in measures}
            if set(row.values()) != {DASH}:
                rank = f"{order[task, name]:.0f}" if (task, name) in order else DASH
                step = number(rates[task, name], 1) if name != "nuts" else DASH
                rows[TASKS[task], SAMPLERS[name]] = {"rank": rank, **row, "step size": step}
        exact = best[task, next(name for name in names if name not in YARDSTICKS)]
        floors = {HEADS[m]: _with_interval(final(exact, f"{m}_floor"), len(exact.spec.seeds)) for m in measures}
        if set(floors.values()) != {DASH}:
            rows[TASKS[task], EXACT] = {"rank": DASH, **floors, "step size": DASH}
    return pd.DataFrame(rows).T.rename_axis(["target", "sampler"])


def _with_interval(values: pd.Series, seeds: int) -> str:
    if len(values) < seeds:
        return DASH if not len(values) else f"{DASH} ({len(values)} of {seeds} seeds)"
    middle, low, high = interval(values)
    return f"{number(middle)} [{number(low)},\u00a0{number(high)}]"


def order_table(runs: Runs) -> pd.DataFrame:
    """The samplers of each league on each target in the order of a measure: rows targets, columns leagues and measures."""
    columns = {("density", "elbo_gap"): "density, lower bound", ("density", "sliced"): "density, samples"}
    columns |= {("samples", "sliced"): "samples, samples"}
    table, found = {metric: standings(runs, metric) for metric in ("elbo_gap", "sliced")}, {}
    for (league, metric), head in columns.items():
        part = table[metric]
        part = part[(part.league == league) & part["rank"].notna()]
        found[head] = {
            TASKS[task]: "; ".join(SAMPLERS[name] for name in own.sampler) for task, own in part.groupby("task")
        }
    return pd.DataFrame(found).reindex([TASKS[task] for task in targets(best_runs(runs))]).rename_axis("target")


def seconds_table(runs: Runs) -> pd.DataFrame:
    """Seconds of training a seed with the step size that was chosen, a row a sampler; GFlowNets' seeds share theirs."""
    best, columns = best_runs(runs), {}
    for (task, name), run in best.items():
        columns.setdefault(TASKS[task], {})[SAMPLERS[name]] = number(seconds(run), 2)
    return pd.DataFrame(columns).rename_axis("sampler")


def yardsticks(runs: Runs) -> pd.DataFrame:
    """Whether what knows nothing of GFlowNets agrees with exact samples: a row a target.

    log Z from quadrature in the plane, and from annealed importance sampling with its interval; exact samples that have made
    some Hamiltonian steps beside others that have not, by the largest Kolmogorov-Smirnov distance of a coordinate and the
    distance that as many independent samples exceed once in a hundred targets; and one chain of NUTS.
    """
    best, rows = best_runs(runs), {}
    for task in targets(best):
        chain, annealed = best[task, "nuts"], best[task, "annealed"]
        target, seeds = chain.spec.task, len(chain.spec.seeds)
        moved, allowed = invariance(target)
        rows[TASKS[task]] = {
            "log Z": number(float(target.log_z)),
            "quadrature": number(quadrature(target)) if isinstance(target, PlanarEnvironment) else DASH,
            "annealed, error of log Z": _with_interval(final(annealed, "log_z_error"), seeds),
            "after Hamiltonian steps": f"{number(moved, 2)} (allowed {number(allowed, 2)})",
            "NUTS, sliced distance": _with_interval(final(chain, "sliced"), seeds),
            "exact, sliced distance": _with_interval(final(chain, "sliced_floor"), seeds),
            "NUTS, modes missed": _with_interval(final(chain, "missed"), seeds),
        }
    return pd.DataFrame(rows).T.rename_axis("target")


def quadrature(task: PlanarEnvironment, side: int = 1000) -> float:
    """log Z of a planar target by the midpoint rule on a grid of its box."""
    (left, right), (bottom, top) = task.box
    first, second = (
        low + (high - low) * (torch.arange(side, dtype=torch.float64) + 0.5) / side
        for low, high in ((left, right), (bottom, top))
    )
    cell = (right - left) * (top - bottom) / side**2
    return float(task.log_density(torch.cartesian_prod(first, second)).logsumexp(0)) + math.log(cell)


def invariance(task: ContinuousEnvironment, count: int = 1000, seed: int = 0) -> tuple[float, float]:
    """How far exact samples move in distribution under Hamiltonian steps at the target itself, which leave it as it is.

    Returns:
        The largest Kolmogorov-Smirnov distance of a coordinate from as many fresh exact samples, and what is allowed of the
        largest of d such distances at the level ``LEVEL`` (Bonferroni).
    """
    from scipy.stats import ks_2samp, kstwo

    points = task.sample_target(count, stream("yardsticks: moved", seed))
    fresh = task.sample_target(count, stream("yardsticks: fresh", seed)).numpy()
    sampler = Annealed(task, replace(Shape((1,), 1, 1.0, 1), learning_rate=STEP), seed)
    moved = sampler.moved(points, MOVES).numpy()
    distances = [ks_2samp(a, b).statistic for a, b in zip(moved.T, fresh.T)]
    return float(np.max(distances)), float(kstwo.isf(LEVEL / task.dimension, count // 2))


def brackets(settings: Any) -> str:
    """What stands in the brackets of :func:`league_table`, in a sentence."""
    many = len(settings.seeds)
    if rank(many, 1):
        said = "intervals of the median that hold with a probability of 0.9, one at a time"
    else:
        said = f"the range over {many} seeds, which are too few for an interval"
    return (
        f"Samplers are in the order of the first measure. Medians over seeds; in brackets {said}. Of the effective share"
        " more is better, of all others less. A dash is where a sampler has no such number."
    )


def scale(settings: Any) -> str:
    """At which scale the page is made, in a sentence or two."""
    rates = listed(number(rate, 1) for rate in settings.rates)
    widths = " and ".join(map(str, settings.hidden))
    return (
        f"The scale is small: {number(settings.budget)} evaluations or samples in steps of {settings.batch_size}, which are"
        f" {number(settings.budget // settings.batch_size)} steps of training; hidden layers of {widths}; mixtures of"
        f" {settings.components} Gaussians a coordinate for GFlowNets; the step size of each sampler on each target is that"
        f" with the best lower bound of {rates}. Each measurement is of {number(settings.points)} points."
    )
