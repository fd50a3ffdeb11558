"""Findings on trainings: Figures 1, 3 to 6, 8 and 9."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gfn.runs.objective import OBJECTIVES as EIGHT
from gfn.study.claims import Verdict
from gfn.study.evidence.against import times_none
from gfn.study.evidence.comparisons import BASELINES, training_error
from gfn.study.evidence.convergence import batch_table, by_task
from gfn.study.evidence.order_tables import order_table
from gfn.study.evidence.start import deficit_sentence
from gfn.study.evidence.tables import late
from gfn.study.plotting.style import TASKS
from gfn.study.results import Run
from gfn.study.said.words import between, decimals, listed, objective, rows, signed, supported, task, times

Runs = dict[Any, Run]
MIXTURES = {"gaussian_mixture": "where modes overlap", "gaussian_mixture_calibrated": "where they lie apart"}


def orders_early(settings: Any, runs: Runs, verdict: Verdict) -> str:
    """Figure 1: the most accurate order, and the mass that orders miss and send astray."""
    table = order_table(runs)
    table = table[table.control_variate == "both"]
    medians = table.groupby(["task", "alpha"]).error.median().unstack()
    best = [f"α = {signed(medians.loc[name].idxmin())} {where}" for name, where in MIXTURES.items()]
    said = f"After {settings.iterations} iterations the most accurate order is {listed(best)} (lowest median JSD)."
    if not {-2.0, 2.0} <= set(table.alpha):
        return said
    mass = table.groupby(["task", "alpha"])[["missed", "stray"]].median()
    missed, stray = (
        listed(
            f"{decimals(mass.loc[(name, high), column])} against {decimals(mass.loc[(name, low), column])} {where}"
            for name, where in MIXTURES.items()
        )
        for column, high, low in (("missed", 2.0, -2.0), ("stray", -2.0, 2.0))
    )
    return (
        f"{said} Target mass that the policy misses, at α = 2 against α = −2: {missed}. Policy mass where the target has"
        f" next to nothing, at α = −2 against α = 2: {stray} (medians over seeds)."
    )


def fastest(settings: Any, runs: Runs, speed: Verdict, alike: Verdict) -> str:
    """Figure 3: who is the fastest, how TB compares with every start of its log Z, and what the start costs."""
    errors = {
        name: pd.Series({line: training_error(of[line]).median() for line in EIGHT})
        for name, of in by_task(runs).items()
    }
    first: dict[str, list[str]] = {}
    for name, of in errors.items():
        first.setdefault(of.idxmin(), []).append(TASKS[name])
    wins = ", ".join(f"{objective(line)} on {listed(names)}" for line, names in first.items())
    behind = [supported(rows(speed, f"faster{end}")) for end in BASELINES]
    one = "is one objective the fastest everywhere" if len(first) == 1 else "no objective is the fastest everywhere"
    return (
        f"Over the whole of training {one}: the lowest median error has {wins}. The error of TB with log Z from 0 is a tenth"
        f" or more above the divergence's in {behind[0]} comparisons; with log Z from a first batch in {behind[1]}, and that"
        f" of VarGrad in {behind[2]}. {deficit_sentence(runs, TASKS)}"
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
    many = "all" if (steps.outcome == "supported").all() else f"{(steps.outcome == 'supported').sum()}"
    return (
        f"Without control variates the L1 distance over training is {gain} the one with the paper's. Late in training it is"
        f" {between(none)} without and {between(both)} with them (medians over seeds)."
        f" Training is steadier beyond doubt for {many} of {len(steps)} divergences: steps of log L1 are {between(steps['median'])} times as"
        " large without."
    )


def batches(settings: Any, runs: Runs, verdict: Verdict) -> str:
    """Figure 8: how far forward KL lags behind TB with the smallest and the largest batch."""
    table = batch_table(runs)
    (small, least), (large, most) = ((table.index[end], table.iloc[end]) for end in (0, -1))
    lag = "there is a lag" if least.behind > least.seeds / 2 else "in the median there is no lag"
    return (
        f"With the smallest batch, of {small} trajectories, the forward KL's error over training is"
        f" {decimals(least.ratio)} times TB's (median over seeds; range {decimals(least.low)} to {decimals(least.high)}), and above it in"
        f" {least.behind:.0f} of {least.seeds:.0f} seeds: {lag} to make up. With the largest, of {large}, it is"
        f" {decimals(most.ratio)} times TB's ({decimals(most.low)} to {decimals(most.high)}), and above it in {most.behind:.0f} of"
        f" {most.seeds:.0f} seeds."
    )


def sparse(settings: Any, runs: Runs, verdict: Verdict) -> str:
    """Figure 9: the best order by estimator, and what estimators do to negative orders."""
    errors = order_table(runs).groupby(["control_variate", "task", "alpha"]).error.median().unstack()
    best = errors.idxmin(axis=1).unstack("task")
    orders = "; ".join(
        f"{name} {listed(f'α = {signed(best.loc[name, at])} on {task(at)}' for at in best)}"
        for name in ("none", "both", "joint")
    ).replace("none α", "without control variates α").replace("both α", "with `both` α").replace("joint α", "with `joint` α")
    against = times_none(runs)
    if against.empty:
        return f"The order with the lowest median error depends on the estimator: {orders}."
    middle, worse = against.median(), (against > 1).sum()
    return (
        f"Which order has the lowest median error at the end is a matter of the estimator, too: {orders}."
        f" With the paper's two control variates, negative orders end with {decimals(middle.both)} times the error of no control"
        f" variate at all, and are worse in {worse.both} of {len(against)} cases; with `joint`, which is ours, with"
        f" {decimals(middle.joint)} times that error, and are worse in {worse.joint}."
    )


