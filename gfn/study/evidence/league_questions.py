"""Whether divergences beat TB on hard targets, whether GFlowNets match their rivals there, and how each method fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gfn.study.claims import Evidence, Verdict, judge, over_seeds, ratio
from gfn.study.evidence.answering import by_criterion, listed, word
from gfn.study.evidence.leagues import Best, Runs, best_runs, ended, final, has_modes, standings, targets
from gfn.study.experiments.leagues import GFLOWNETS
from gfn.study.paper import load_claims, margin
from gfn.study.plotting.style import TASKS
from gfn.study.presentation.digits import number

TB, DIVERGENCES = "tb_batch", ("reverse_kl", "forward_kl", "renyi_joint", "tsallis_joint")
NAMED, BESIDE = (TB, "renyi_joint"), ("flow_reverse_kl", "path_integral")
SEEKING = ("reverse_kl", "flow_reverse_kl", "path_integral")
LARGE = ("funnel", "many_well")
BOUNDS = ("elbo_gap", "eubo_gap")  # in nats, which may lie beyond log Z by their own error
# In sentences and beside plots, where there is little room; of each league one is a flow.
SHORT = {
    TB: "TB",
    "vargrad": "VarGrad",
    "reverse_kl": "reverse KL",
    "forward_kl": "forward KL",
    "renyi_joint": "Rényi",
    "tsallis_joint": "Tsallis",
    "flow_reverse_kl": "flow",
    "path_integral": "path integral",
    "flow_likelihood": "flow",
    "denoising": "denoising diffusion",
    "gan": "GAN",
}
# Which measure is held against which, by criterion, TB's over the divergence's.
OVER_TB = {
    "bound_over_tb": "elbo_gap",
    "upper_over_tb": "eubo_gap",
    "samples_over_tb": "sliced",
    "modes_over_tb": "mode_tv",
}
# The same of a GFlowNet's over the rival's.
MATCHING = {"bound": "elbo_gap", "upper": "eubo_gap", "samples": "sliced", "modes": "mode_tv"}


def against_tb(settings: Any, runs: Runs) -> list[Evidence]:
    """Evidence for Q9: TB's measures over those of each divergence, a target at a time, seed by seed."""
    best = best_runs(runs)
    return [
        _over(test, best, task, TB, line, metric)
        for test, metric in OVER_TB.items()
        for task in _where(best, metric)
        for line in DIVERGENCES
    ]


def against_rivals(settings: Any, runs: Runs) -> list[Evidence]:
    """Evidence for Q10: measures of two GFlowNets over those of two rivals, seed by seed."""
    best = best_runs(runs)
    return [
        _over(test, best, task, line, rival, metric)
        for test, metric in MATCHING.items()
        for task in _where(best, metric)
        for line in NAMED
        for rival in BESIDE
    ]


def failures(settings: Any, runs: Runs) -> list[Evidence]:
    """Evidence for Q11: what each method is expected to fail by."""
    best = best_runs(runs)
    modes = _where(best, "mode_tv")
    found = [_value("seeking", best, task, line, "missed") for task in modes for line in SEEKING]
    found += [_over("covering", best, task, "forward_kl", "reverse_kl", "elbo_gap") for task in targets(best)]
    found += [_value("chain", best, task, "nuts", "missed") for task in modes]
    found += [_value("weights", best, task, "annealed", "effective_share") for task in LARGE]
    found += [_value("dimension", best, task, line, "elbo_gap") for task in LARGE for line in GFLOWNETS]
    return found + [_over("adversarial", best, task, "gan", "flow_likelihood", "mode_tv") for task in modes]


def _where(best: Best, metric: str) -> list[str]:
    """The targets on which a metric is."""
    every = targets(best)
    return [task for task in every if has_modes(best[task, TB])] if metric == "mode_tv" else every


def _over(test: str, best: Best, task: str, above: str, below: str, metric: str) -> Evidence:
    pair = (ended(best[task, name], metric) for name in (above, below))
    least = margin("bound", "beyond") if metric in BOUNDS else 0.0
    return ratio(test, f"{task}, {SHORT[above]} over {SHORT[below]}", *pair, least)


def _value(test: str, best: Best, task: str, sampler: str, metric: str) -> Evidence:
    return over_seeds(test, f"{task}, {sampler}", ended(best[task, sampler], metric))


def leaders(runs: Runs, league: str, metric: str) -> str:
    """Who is first in a league on each target by a metric, with its median: ``the flow on Banana (0.12) and Funnel (0.34)``."""
    table = standings(runs, metric)
    first = table[(table.league == league) & (table["rank"] == 1)].drop_duplicates("task").set_index("task")
    where: dict[str, list[str]] = {}
    for task in (task for task in targets(best_runs(runs)) if task in first.index):
        row = first.loc[task]
        where.setdefault(SHORT[row.sampler], []).append(f"{TASKS[task]} ({number(row['median'])})")
    return "; ".join(f"{name} on {listed(tasks)}" for name, tasks in where.items())


def answer_tb(settings: Any, runs: Runs) -> str:
    """The answer to Q9: each criterion with what came of it, and the ratios behind it."""
    verdict = _verdict("Q9", against_tb, settings, runs)
    said = {
        "bound_over_tb": "by the lower bound",
        "upper_over_tb": "by the upper bound",
        "samples_over_tb": "by samples",
        "modes_over_tb": "by the weights of modes",
    }
    held = by_criterion(verdict, said)
    best = best_runs(runs)
    middle = {
        line: pd.Series([_middle(best, task, TB, line, "sliced") for task in targets(best)]).median()
        for line in DIVERGENCES
    }
    ratios = listed(f"{number(value, 2)} with {SHORT[line]}" for line, value in middle.items())
    return (
        f"{word(verdict)} TB is certainly behind a divergence by a tenth or more {held} of the cases. TB's sliced distance from exact"
        f" samples over the divergence's is {ratios} (medians over targets)."
    )


def answer_rivals(settings: Any, runs: Runs) -> str:
    """The answer to Q10: each criterion with what came of it, and who is first on each target."""
    verdict = _verdict("Q10", against_rivals, settings, runs)
    said = {"bound": "by the lower bound", "upper": "by the upper bound", "samples": "by samples", "modes": "by modes"}
    return (
        f"{word(verdict)} GFlowNets are certainly at most a quarter behind {by_criterion(verdict, said)} of the cases."
        f" The first by the lower bound are {leaders(runs, 'density', 'elbo_gap')} (in brackets nats below log Z)."
    )


def answer_failures(settings: Any, runs: Runs) -> str:
    """The answer to Q11: each failure that was expected, and in how many cases it is there."""
    verdict = _verdict("Q11", failures, settings, runs)
    said = {
        "seeking": "what descends the reverse KL certainly misses a fifth of the modes",
        "covering": "the forward KL certainly has the looser lower bound",
        "chain": "one chain misses a third of the modes",
        "weights": "annealed weights have an effective sample size of a tenth",
        "dimension": "GFlowNets fall short of log Z by a nat or more",
        "adversarial": "the GAN gets the weights of modes wrong",
    }
    return f"{word(verdict)} Of the failures that were expected, {by_criterion(verdict, said)} of the cases."


def finding(runs: Runs) -> str:
    """What the page opens with: who is first on each target, in each league."""
    spec = next(iter(runs.values())).spec
    return (
        f"Of samplers that learn from {number(spec.budget)} evaluations of the density, those with the tightest lower bound are"
        f" {leaders(runs, 'density', 'elbo_gap')} (in brackets nats below log Z). By the sliced distance of their samples from exact"
        f" ones they are {leaders(runs, 'density', 'sliced')}. Of those that learn from as many samples, the nearest are"
        f" {leaders(runs, 'samples', 'sliced')}."
    )


def _middle(best: Best, task: str, above: str, below: str, metric: str) -> float:
    return float((final(best[task, above], metric) / final(best[task, below], metric)).median())


def _verdict(claim: str, evidence: Any, settings: Any, runs: Mapping) -> Verdict:
    return judge(claim, evidence(settings, runs), settings.profile, claims=load_claims("beyond"))
