"""Gradient estimates: their variance, what control variates take off it, and their bias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gfn.estimators.control_variates import EPSILON
from gfn.study.claims import Evidence, ratio
from gfn.study.paper import DIVERGENCES
from gfn.study.results import Run

NORMAL_95 = 1.96


def variance_table(runs: Mapping[str, Run], objectives: Sequence[str] = DIVERGENCES) -> pd.DataFrame:
    """Variance of gradient estimates, averaged over seeds, with 95 % intervals from the replicated estimates.

    Where estimates are few and the variance is not far from 0, an interval may reach below.

    Returns:
        Columns ``task, objective, control_variate, iteration, trajectories, value, low, high``, and ``run``, its hash.
    """
    keys = ["run", "task", "objective", "control_variate", "iteration", "trajectories"]
    frame = with_hashes(runs)
    frame = frame[frame.objective.isin(objectives)].astype({"objective": str, "control_variate": object})
    frame["control_variate"] = frame.control_variate.fillna("none")
    wide = frame.pivot_table(index=[*keys, "seed"], columns="metric", values="value", observed=True).reset_index()
    grouped = wide.groupby(keys, observed=True)
    table = grouped.variance.mean().to_frame("value")
    error = NORMAL_95 * grouped.variance_error.apply(lambda e: np.sqrt(np.square(e).sum()) / len(e))
    table["low"], table["high"] = table.value - error, table.value + error
    table = table.reset_index()
    return table[[*table.columns.drop("run"), "run"]]


def with_hashes(runs: Mapping[Any, Run]) -> pd.DataFrame:
    """All records of some runs in one table, with ``run`` the hash of each."""
    return pd.concat([run.frame.assign(run=run.spec.hash) for run in runs.values()])


def variance_reduction(runs: Mapping[tuple[str, str], Run], trajectories: int, variate: str = "both") -> list[Evidence]:
    """Evidence for C3: at every stage of a divergence's own training, its variance without control variates over that
    with leave-one-out and with both, at one batch size.
    """
    evidence = []
    for (task, name), run in runs.items():
        objective = name.removesuffix("_centred")
        centred = objective != name
        for stage, by in _variances(run, trajectories).items():
            all_of = variate if (objective, variate) in by else "both"
            about = {"subject": f"{task}, {name}, {_stage(stage)}", "variate": variate, "runs": (run.spec.hash,)}
            evidence += [
                ratio(test, above=by[objective, "none"], below=by[objective, other], **about)
                for test, other in zip(
                    ("loo_centred", "both_centred") if centred else ("loo_alone", "both"), ("loo", all_of)
                )
            ]
    return evidence


def _variances(run: Run, trajectories: int) -> dict[int, pd.DataFrame]:
    """By stage of training, the variance of every estimate at one batch size: a row a seed, a column for each estimate.

    A column is an objective with its control variate, or with its kind of log Z, or alone where it has neither.
    """
    frame = run.frame[(run.frame.trajectories == trajectories) & (run.frame.metric == "variance")]
    which = frame.control_variate.astype(object).where(frame.control_variate.notna(), frame.log_z.astype(object))
    frame = frame.assign(objective=frame.objective.astype(str), which=which.fillna(""))
    return {
        int(stage): part.pivot(index="seed", columns=["objective", "which"], values="value")
        for stage, part in frame.groupby("iteration")
    }


def _stage(iteration: int) -> str:
    return f"after {iteration} iterations" if iteration else "at the start"


def bias_table(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Bias of gradient estimates relative to the exact gradient, a row for each estimate.

    ``value`` is the root of an unbiased estimate of its square, with the sign of that: negative about as often as not
    where there is no bias. ``low`` to ``high`` is a 95 % interval, ``shown`` the value, or below what it is, and ``run`` the
    hash of the run.
    """
    keys = ["run", "task", "objective", "control_variate", "epsilon", "iteration", "trajectories"]
    frame = with_hashes(runs)
    # ε belongs to some control variates only, and pandas leaves out what has a key missing.
    frame = frame.fillna({"epsilon": np.inf})
    by = frame.pivot_table(index=keys, columns="metric", values="value", observed=True, sort=False)
    # Not every measurement has all of them.
    by = by.reindex(columns=by.columns.union(["optimal", "optimal_error", "whole", "bias_along", "away"]))
    error = NORMAL_95 * by.bias_squared_error
    squares = pd.DataFrame({"value": by.bias_squared, "low": by.bias_squared - error, "high": by.bias_squared + error})
    table = np.sqrt(squares.abs().div(by.gradient_squared, axis=0)) * np.sign(squares)
    table[["low", "high"]] = table[["low", "high"]].clip(lower=0)
    table["shown"] = [f"{row.value:.3f}" if row.low > 0 else f"< {row.high:.3f}" for row in table.itertuples()]
    table["along"] = by.bias_along / by.gradient_squared
    table["away"] = by.away
    table["deviation"] = np.sqrt(by.variance / by.gradient_squared)
    table["optimal"], table["whole"] = by.optimal, by.whole
    table["optimal_low"], table["optimal_high"] = (by.optimal + sign * NORMAL_95 * by.optimal_error for sign in (-1, 1))
    table = table.reset_index().astype({name: str for name in ("task", "objective", "control_variate")})
    return table[[*table.columns.drop("run"), "run"]]


def by_batch(table: pd.DataFrame, column: str, title: str, digits: int = 3) -> pd.DataFrame:
    """One column of :func:`bias_table`: a row for each task and estimate, a column for each stage and batch size."""
    both = "both, ε = " + table.epsilon.map("{:g}".format)
    names = table.objective + ", " + table.control_variate.where(table.control_variate != "both", both)
    stage = table.iteration.map(lambda done: f"after {done} iterations" if done else "at the start")
    keys = {"index": ["task", "estimate"], "columns": ["stage", "trajectories"], "values": column}
    wide = table.assign(estimate=names, stage=stage).pivot_table(**keys, sort=False, aggfunc="first")
    wide = wide.map(lambda value: value.replace(" ", "\u00a0") if isinstance(value, str) else round(value, digits))
    return wide.rename_axis(columns=["", f"{title} at N ="])


def unbiasedness(runs: Mapping[tuple[str, str], Run], trajectories: int) -> list[Evidence]:
    """Evidence for C3: the squared bias of leave-one-out relative to the squared gradient, at one batch size.

    Squared, since of this there is an unbiased estimate: it is below zero as often as above where there is no bias.
    """
    table = _exactly(runs, "loo", trajectories)
    return [
        Evidence(
            "unbiased",
            subject,
            (row.bias_squared / row.gradient_squared,),
            row.bias_squared_error / row.gradient_squared,
            runs=(run,),
        )
        for (subject, run), row in table.iterrows()
    ]


def baseline_quality(runs: Mapping[tuple[str, str], Run], trajectories: int, variate: str = "both") -> list[Evidence]:
    """Evidence for C11: mean squared error with the baseline of eq. 6 over that with the optimal one, at one batch size."""
    table = _exactly(runs, variate, trajectories)
    return [
        Evidence("good_enough", subject, (row.optimal,), row.optimal_error, runs=(run,), variate=variate)
        for (subject, run), row in table.iterrows()
        if row.get("optimal", np.nan) == row.get("optimal")
    ]


def _exactly(runs: Mapping[tuple[str, str], Run], variate: str, trajectories: int) -> pd.DataFrame:
    """What exact checks measured of one control variate, with the ε in force: a row for each divergence and stage, and their run."""
    frame = with_hashes(runs)
    chosen = (frame.control_variate == variate) & (frame.trajectories == trajectories)
    chosen &= frame.epsilon.isna() | (frame.epsilon == EPSILON)
    frame = frame[chosen].astype({"task": str, "objective": str})
    frame["subject"] = frame.task + ", " + frame.objective + ", " + frame.iteration.map(_stage).astype(str)
    return frame.pivot_table(index=["subject", "run"], columns="metric", values="value", observed=True, sort=False)


def balance_variance(runs: Mapping[tuple[str, str], Run], trajectories: int) -> list[Evidence]:
    """Evidence for C9: at every stage of TB's own training and with the log Z that it has then, the variance of the
    reverse KL over that of TB, and what centring by the batch (VarGrad) takes off that of TB, at one batch size.

    TB's gradient estimates twice that of the reverse KL (Proposition 1), so its variance is divided by four.
    """
    evidence = []
    for (task, line), run in runs.items():
        end = line.removeprefix("tb")
        own = "batch" if end else "learned"
        for stage, by in _variances(run, trajectories).items():
            subject, tb = f"{task}, {_stage(stage)}", by["tb", own]
            about = {"runs": (run.spec.hash,)}
            evidence.append(ratio(f"low{end}", subject, by["reverse_kl", "none"], tb / 4, **about))
            evidence.append(ratio(f"little{end}", subject, tb, by["vargrad", ""], **about))
    return evidence
