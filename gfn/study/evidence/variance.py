"""Gradient estimates: their variance, what control variates take off it, and their bias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gfn.estimators import DIVERGENCES
from gfn.study.claims import Evidence, ratio
from gfn.study.results import Run

NORMAL_95 = 1.96


def variance_table(runs: Mapping[str, Run], objectives: Sequence[str] = DIVERGENCES) -> pd.DataFrame:
    """Variance of gradient estimates, averaged over seeds, with 95 % intervals from the replicated estimates."""
    keys = ["task", "objective", "control_variate", "iteration", "trajectories"]
    frame = pd.concat([run.frame for run in runs.values()])
    frame = frame[frame.objective.isin(objectives)].astype({"objective": str, "control_variate": object})
    frame["control_variate"] = frame.control_variate.fillna("none")
    wide = frame.pivot_table(index=[*keys, "seed"], columns="metric", values="value", observed=True).reset_index()
    grouped = wide.groupby(keys, observed=True)
    table = grouped.variance.mean().to_frame("value")
    error = NORMAL_95 * grouped.variance_error.apply(lambda e: np.sqrt(np.square(e).sum()) / len(e))
    table["low"] = np.maximum(table.value - error, table.value / 10)
    table["high"] = table.value + error
    return table.reset_index()


def variance_reduction(runs: Mapping[str, Run], trajectories: int, stage: int) -> list[Evidence]:
    """Evidence for C3: how much each control variate lowers the variance at one batch size and stage of training."""
    evidence = []
    for task, run in runs.items():
        frame = run.frame[
            (run.frame.trajectories == trajectories) & (run.frame.iteration == stage) & (run.frame.metric == "variance")
        ]
        frame = frame[frame.objective.isin(DIVERGENCES)]
        for objective, part in frame.groupby("objective", observed=True, sort=False):
            by = part.pivot(index="seed", columns="control_variate", values="value")
            evidence.append(ratio("loo_alone", f"{task}, {objective}", by["none"], by["loo"]))
            evidence.append(ratio("both", f"{task}, {objective}", by["none"], by["both"]))
    return evidence


def bias_table(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Bias of gradient estimates relative to the exact gradient, a row for each estimate.

    ``value`` is the root of an unbiased estimate of its square, with the sign of that: negative about as often as not
    where there is no bias. ``low`` to ``high`` is a 95 % interval, and ``shown`` the value, or below what it is.
    """
    keys = ["task", "objective", "control_variate", "epsilon", "iteration", "trajectories"]
    frame = pd.concat([run.frame for run in runs.values()])
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
    return table.reset_index().astype({name: str for name in ("task", "objective", "control_variate")})


def by_batch(table: pd.DataFrame, column: str, title: str, digits: int = 3) -> pd.DataFrame:
    """One column of :func:`bias_table`: a row for each task and estimate, a column for each stage and batch size."""
    both = "both, ε = " + table.epsilon.map("{:g}".format)
    names = table.objective + ", " + table.control_variate.where(table.control_variate != "both", both)
    stage = table.iteration.map(lambda done: f"after {done} iterations" if done else "at the start")
    keys = {"index": ["task", "estimate"], "columns": ["stage", "trajectories"], "values": column}
    wide = table.assign(estimate=names, stage=stage).pivot_table(**keys, sort=False, aggfunc="first")
    wide = wide.map(lambda value: value.replace(" ", "\u00a0") if isinstance(value, str) else round(value, digits))
    return wide.rename_axis(columns=["", f"{title} at N ="])


def unbiasedness(table: pd.DataFrame, trajectories: int) -> list[Evidence]:
    """Evidence for C3's second half: the bias of leave-one-out at one batch size."""
    part = table[(table.control_variate == "loo") & (table.trajectories == trajectories)]
    return [
        Evidence("unbiased", f"{row.task}, {row.objective}", max(row.value, 0.0), row.low, row.high)
        for row in part.itertuples()
    ]


def balance_variance(runs: Mapping[str, Run], trajectories: int, stage: int) -> list[Evidence]:
    """Evidence for C9: the variance of TB's gradient beside reverse KL's, and what centring by the batch takes off it.

    TB's gradient estimates twice that of the reverse KL (Proposition 1), so its variance is divided by four.
    """
    evidence = []
    for task, run in runs.items():
        frame = run.frame[
            (run.frame.trajectories == trajectories) & (run.frame.iteration == stage) & (run.frame.metric == "variance")
        ]
        frame = frame.astype({"control_variate": object}).fillna({"control_variate": "none"})
        by = frame[frame.control_variate == "none"].pivot(index="seed", columns="objective", values="value")
        tb, vargrad = by["tb"] / 4, by["vargrad"] / 4
        evidence.append(ratio("low", task, by["reverse_kl"], tb))
        evidence.append(ratio("little", task, tb, vargrad))
    return evidence


def balance_variance_table(runs: Mapping[str, Run]) -> pd.DataFrame:
    """:func:`variance_table` of TB and its batch-centred form beside the divergences, TB's on the scale of the KL gradient."""
    table = variance_table(runs, ("tb", "vargrad", *DIVERGENCES))
    scale = np.where(table.objective.isin(["tb", "vargrad"]), 0.25, 1.0)
    return table.assign(**{name: table[name] * scale for name in ("value", "low", "high")})


def baseline_quality(table: pd.DataFrame, trajectories: int) -> list[Evidence]:
    """Evidence for C11: mean squared error with the linearised baseline over that with the optimal one, at one batch size."""
    part = table[(table.control_variate == "both") & (table.trajectories == trajectories) & table.optimal.notna()]
    return [
        Evidence(
            "good_enough",
            f"{row.task}, {row.objective}, ε = {row.epsilon:g}",
            row.optimal,
            row.optimal_low,
            row.optimal_high,
        )
        for row in part.itertuples()
    ]
