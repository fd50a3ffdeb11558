"""Findings on trainings: Figures 1, 3 to 6, 8 and 9."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gfn.study.claims import Verdict
from gfn.study.evidence.against import times_none
from gfn.study.evidence.comparisons import BASELINES, training_error
from gfn.study.evidence.convergence import batch_table, by_task
from gfn.study.evidence.order_tables import best_orders, order_table
from gfn.study.evidence.start import shares_of_deficit
from gfn.study.evidence.tables import late
from gfn.study.outcomes import counts, met
from gfn.study.paper import OBJECTIVES as EIGHT
from gfn.study.results import Run
from gfn.study.said.words import between, decimals, listed, objective, rows, share, signed, supported, task, times

Runs = dict[Any, Run]
MIXTURES = {"gaussian_mixture": "where modes overlap", "gaussian_mixture_calibrated": "where they lie apart"}


def orders_early(settings: Any, runs: Runs, verdict: Verdict) -> str:
    """Figure 1: the most accurate order, and the mass that orders miss and send astray."""
    table = order_table(runs)
    table = table[table.control_variate == "both"]
    best = best_orders(table).loc["both"]
    orders = (
        f"α = {signed(best.iloc[0])} on both mixtures"
        if best.nunique() == 1
        else listed(f"α = {signed(best[name])} {where}" for name, where in MIXTURES.items())
    )
    said = f"After {settings.iterations} iterations the order with the lowest median JSD is {orders}."
    if not {-2.0, 2.0} <= set(table.alpha):
        return said
    mass = table[table.task == "gaussian_mixture_calibrated"].groupby("alpha")[["missed", "stray"]].median()
    (kept, lost), (tight, wide) = ((mass.loc[-2.0, name], mass.loc[2.0, name]) for name in ("missed", "stray"))
    return (
        f"{said} Where the modes lie apart, the policy misses {decimals(lost)} of the target's mass at α = 2, and"
        f" {decimals(kept)} at α = −2. It puts {decimals(wide)} of its own mass where the target has next to none at α = 2,"
        f" and {decimals(tight)} at α = −2. All are medians over seeds."
    )


def fastest(settings: Any, runs: Runs, speed: Verdict, alike: Verdict) -> str:
    """Figure 3: who is the fastest, how TB compares with every start of its log Z, and what the start costs."""
    errors = {
        name: pd.Series({line: training_error(of[line]).median() for line in EIGHT})
        for name, of in by_task(runs).items()
    }
    first: dict[str, list[str]] = {}
    for name, of in errors.items():
        first.setdefault(of.idxmin(), []).append(task(name))
    wins = "; ".join(f"{objective(line)} on {listed(names)}" for line, names in first.items())
    behind = [supported(rows(speed, f"faster{end}")) for end in BASELINES]
    shares = shares_of_deficit(runs)
    cost = (
        f" Where TB is behind the reverse KL in every seed ({len(shares)} of {len(errors)} tasks),"
        f" {share(shares.tb_batch.median())} of its deficit vanishes once log Z starts from a first batch (median over these tasks)."
        if len(shares)
        else ""
    )
    one = "One objective is the fastest everywhere" if len(first) == 1 else "No objective is the fastest everywhere"
    return (
        f"{one}. The lowest median error over training: {wins}. The error of TB with log Z from 0 is at least a tenth"
        f" larger than that of a divergence in {behind[0]} comparisons; for TB with log Z from a first batch this falls to"
        f" {behind[1]}, and for VarGrad to {behind[2]}.{cost}"
    )


def found(settings: Any, runs: Runs, verdict: Verdict) -> str:
    """Figure 4: in how many comparisons divergences find as much as balance losses, and on the hypergrid less."""
    rewards, modes = rows(verdict, "reward"), rows(verdict, "modes")
    grid = [supported(rows(verdict, f"{test}_hypergrid")) for test in ("reward", "modes")]
    return (
        "On sets, sequences and DAGs the divergences find rewards of at least nine tenths of a balance loss's in"
        f" {supported(rewards)} comparisons, and at least nine tenths as many modes in {supported(modes)}, as means over"
        " training. On the hypergrid, which the paper excepts, a divergence finds no higher rewards than a balance loss in"
        f" {grid[0]} comparisons, and no more modes in {grid[1]}."
    )


def banana(settings: Any, runs: Runs, verdict: Verdict) -> str:
    """Figure 5: the error of TB and of reverse KL over that of the three others."""
    table = rows(verdict, "better")
    table[["name", "against"]] = table.subject.str.split(" against ", expand=True).to_numpy()
    medians = table.pivot(index="name", columns="against", values="median")
    parts = [
        f"{times(row.tb)} and {times(row.reverse_kl)} times that of {objective(name)}"
        for name, row in medians.reindex(["renyi", "tsallis", "forward_kl"]).iterrows()
    ]
    open_ones = dict.fromkeys(objective(name) for name in table.name[table.outcome == "inconclusive"])
    doubt = f" For {listed(open_ones)} seeds differ too much to tell." if open_ones else ""
    return (
        "Over the whole of training the JSD of TB and that of the reverse KL are, in this order,"
        f" {listed(parts)} (medians over seeds).{doubt}"
    )


def with_and_without(settings: Any, runs: Runs, verdict: Verdict) -> str:
    """Figure 6: what the error and its steps gain by the paper's control variates, and where trainings end."""
    speed, steps = rows(verdict, "faster"), rows(verdict, "stable")
    gain = listed(f"{times(row.median)} times ({objective(row.subject)})" for row in speed.itertuples())
    ends = {key: late(run, "l1").median() for key, run in runs.items() if key[0] != "balance"}
    none, both = ([ends[name, variate] for name, variate in ends if variate == which] for which in ("none", "both"))
    sure = int((steps.outcome == "supported").sum())
    steady = (
        "Whether it is steadier as well stays open"
        if not sure
        else f"It is steadier as well for {'all' if sure == len(steps) else sure} of {len(steps)} divergences"
    )
    return (
        f"The L1 distance over training is larger without control variates than with the paper's: {gain},"
        " as the criteria take ratios, with a margin added on either side. Late in training"
        f" it is {between(none)} without and {between(both)} with them (medians over seeds). {steady}: without them, the steps of"
        f" log L1 are {between(steps['median'])} times as large."
    )


def batches(settings: Any, runs: Runs, verdict: Verdict) -> str:
    """Figure 8: how far forward KL lags behind TB with the smallest and the largest batch."""
    table = batch_table(runs)
    (small, least), (large, most) = ((table.index[end], table.iloc[end]) for end in (0, -1))
    premise = verdict.judged[verdict.judged.premise]
    doubt = "whether this is a lag as the criteria have it is inconclusive"
    lag = (
        "there is a lag" if met(premise) else doubt if counts(premise)[2] else "this is no lag as the criteria have it"
    )
    return (
        f"With the smallest batch, of {small} trajectories, the forward KL's error over training is"
        f" {decimals(least.ratio)} times TB's (median over seeds; range {decimals(least.low)} to {decimals(least.high)}), and above it in"
        f" {least.behind:.0f} of {least.seeds:.0f} seeds; {lag}. With the largest, of {large}, it is"
        f" {decimals(most.ratio)} times TB's ({decimals(most.low)} to {decimals(most.high)}), and above it in {most.behind:.0f} of"
        f" {most.seeds:.0f} seeds."
    )


def sparse(settings: Any, runs: Runs, verdict: Verdict) -> str:
    """Figure 9: the best order by estimator, and what estimators do to negative orders."""
    best = best_orders(order_table(runs))
    estimators = {
        "none": "without control variates",
        "both": "with the paper's two (`both`)",
        "joint": "with our `joint`",
    }
    orders = "; ".join(f"{words} {_orders(best.loc[name])}" for name, words in estimators.items())
    against = times_none(runs)
    if against.empty:
        return f"Which order ends with the lowest median error depends on the estimator: {orders}."
    middle, worse = against.median(), (against > 1).sum()
    return (
        f"Which order ends with the lowest median error depends on the estimator: {orders}."
        f" At negative orders `both` ends with {decimals(middle.both)} times the error of no control variate at all, and is worse in"
        f" {worse.both} of {len(against)} cases; `joint` ends with {decimals(middle.joint)} times that error, and is worse in"
        f" {worse.joint}."
    )


def _orders(best: pd.Series) -> str:
    """The best order on each task, in words."""
    if best.nunique() == 1:
        return f"α = {signed(best.iloc[0])} on both targets"
    return listed(f"α = {signed(order)} on {task(name)}" for name, order in best.items())
