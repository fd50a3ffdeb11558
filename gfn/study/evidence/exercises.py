"""Answers to the exercises of the first experiments, computed from runs, and folded away."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.first import Example, Look, Runs, log_weight, number
from gfn.study.evidence.planar import mass_table
from gfn.study.evidence.tables import final


def folded(text: str) -> str:
    """An answer that the book shows on a click, as Markdown."""
    return f":::{{admonition}} Answer\n:class: dropdown\n\n{text}\n:::"


def by_chance(shown: Example) -> str:
    """log w of the trajectory for a policy that chooses every allowed element with equal chances."""
    task = shown.task
    left, taken = range(task.universe, task.universe - task.size, -1), range(task.size, 0, -1)
    log_pf, log_pb = -sum(map(math.log, left)), -sum(map(math.log, taken))
    log_reward = shown.start.log_reward.item()
    log_w = log_pb + log_reward - log_pf
    side = "below" if log_w < task.log_z else "above"
    rarely = "too often" if log_w < task.log_z else "too rarely"
    return (
        f"There are {_product(left)} = {math.prod(left)} ways to choose, all equally likely, so "
        f"log p_F = −log {math.prod(left)} = {number(log_pf)}. Backwards there are {_product(taken)} = {math.prod(taken)} orders: "
        f"log p_B = −log {math.prod(taken)} = {number(log_pb)}. With log r = {number(log_reward)} this gives "
        f"log w = {number(log_pb)} + {_signed(log_reward)} − {_signed(log_pf)} = {number(log_w)}, {side} log Z = {number(task.log_z)}: "
        f"such a policy makes this set {rarely}. The untrained network's log w is {number(log_weight(shown.start).item())}, "
        "since its choices are nearly even. Under equal chances log w differs from log r by the same number for every "
        "trajectory, so log-weights spread just as log-rewards do."
    )


def gap(looks: Mapping[int, Look], log_z: float) -> str:
    """What lies between log Z and the mean of log w."""
    gaps = [f"{number(log_z - look.log_weights.mean(), 4)} after {stage}" for stage, look in looks.items()]
    return (
        "It is the reverse KL divergence itself. A trajectory has the target probability p_B r / Z, so log w is log Z plus the log of "
        "target over policy probability, and its mean over the policy's trajectories is log Z − KL. A KL divergence is never "
        f"negative, so the mean of log w lies below log Z (but for the noise of a finite sample). Here the gap is {', '.join(gaps)} "
        "iterations. More iterations bring it nearer to 0, and never past it. The mean of w, without the logarithm, is Z for every policy."
    )


def lifted(runs: Runs) -> str:
    """What a constant factor in all rewards does."""
    error = {key: _median(runs, *key) for key in runs}
    lines = [
        f"| {name} | {number(error['sets', line, variate], 3)} | {number(error['lifted', line, variate], 3)} |"
        for name, line, variate in (
            ("reverse KL, without", "reverse_kl", "none"),
            ("reverse KL, with", "reverse_kl", "joint"),
            ("TB, log Z from 0", "tb", "joint"),
        )
    ]
    plain, raised = (runs[task, "tb", "joint"].spec.task for task in ("sets", "lifted"))
    added = raised.log_max_reward - plain.log_max_reward
    return "\n".join(
        [
            f"Every log-reward grows by {added:.0f}, so r(x)/Z is the same target and log Z grows from {number(plain.log_z)} to "
            f"{number(raised.log_z)}. Median final L1 distances on this page's seeds:",
            "",
            "| | −1 to 1 | 1 to 3 |",
            "|---|---|---|",
            *lines,
            "",
            "The control variate takes the constant out again: the mean of the other trajectories has it, too. Without it, the constant "
            "multiplies the score of every trajectory and is pure noise. TB has to move its log Z all the way, by about one step size "
            "an iteration, and until it arrives has a poor baseline.",
        ]
    )


def larger_batch(runs: Runs) -> str:
    """Whether larger batches make up for the control variate."""
    run = runs["larger", "reverse_kl", "none"]
    usual, larger, with_it = (
        _median(runs, *key)
        for key in (("sets", "reverse_kl", "none"), ("larger", "reverse_kl", "none"), ("sets", "reverse_kl", "joint"))
    )
    size = runs["sets", "reverse_kl", "none"].spec.batch_size
    verdict = "does not make up" if larger > with_it else "makes up"
    return (
        f"The median final L1 distance goes from {number(usual, 3)} with {size} trajectories a step to {number(larger, 3)} with "
        f"{run.spec.batch_size}; with the control variate it is {number(with_it, 3)} at {size}. So a batch {run.spec.batch_size // size} "
        f"times as large {verdict} for the missing control variate. A mean over n times as many trajectories has a standard error "
        "that is smaller by √n only, and at a constant step size that noise is what the error ends at."
    )


def seeking(runs: Runs) -> str:
    """What a large order of the Rényi divergence does where modes are far apart."""
    found, missed = {}, {}
    for line in ("renyi", "renyi_seeking"):
        run = runs["spread", line, "joint"]
        masses = mass_table({run.spec.objective.alpha: run})[["missed", "stray"]].median()
        jsd, missed[line] = final(run, "jsd").median(), masses.missed
        found[line] = (
            f"| {run.spec.objective.alpha:g} | {number(jsd, 3)} | {number(masses.missed, 3)} | {number(masses.stray, 3)} |"
        )
    modes = runs["spread", "renyi", "joint"].spec.task.side ** 2
    return "\n".join(
        [
            "Medians over seeds at the end of training (missed: target mass where the policy has less than a tenth of the density that "
            "it should have; stray: policy mass where the target has less than a tenth of the policy's):",
            "",
            "| α | JSD (nats) | missed mass | stray mass |",
            "|---|---|---|---|",
            *found.values(),
            "",
            f"Each of the {modes} modes has {number(1 / modes, 3)} of the target's mass, so order "
            f"{runs['spread', 'renyi_seeking', 'joint'].spec.objective.alpha:g} misses as much as "
            f"{number(missed['renyi_seeking'] * modes, 1)} modes have, and order "
            f"{runs['spread', 'renyi', 'joint'].spec.objective.alpha:g} as much as {number(missed['renyi'] * modes, 1)}.",
            "",
            "The weight of a trajectory in the gradient goes with w to the power 1 − α. For α below 1, trajectories that the policy makes too "
            "rarely (w large) count most, and pull it towards what it misses. For α above 1 those count that it makes too often "
            "(w small), and push it away from where the target has little: it is not told of modes that it does not visit. "
            "{doc}`/paper/fig1` and {doc}`/paper/fig9` compare more orders.",
        ]
    )


def _median(runs: Runs, task: str, line: str, variate: str) -> float:
    run = runs[task, line, variate]
    return float(final(run, accuracy_metric(run)).median())


def _product(factors: range) -> str:
    return " · ".join(map(str, factors))


def _signed(value: float) -> str:
    return f"({number(value)})" if value < 0 else number(value)
