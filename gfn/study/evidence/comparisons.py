"""Errors of divergences against those of balance losses and of other control variates: claims on training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gfn.runs.objective import WITH_ALPHA
from gfn.study.claims import Budget, Evidence, from_runs, over_seeds, ratio
from gfn.study.evidence.convergence import accuracy_metric, by_task
from gfn.study.evidence.tables import curves, from_run, late, over_training
from gfn.study.paper import DIVERGENCES, OBJECTIVES, margin
from gfn.study.results import Run

Runs = Mapping[tuple[str, str], Run]
BASELINES = {"": "tb", "_batch": "tb_batch", "_vargrad": "vargrad"}  # by the end of a criterion's name
# A mean over training up to its last iteration is that of the whole; so is an error late in training at the last budget.
SPEED_BUDGETS, ACCURACY_BUDGETS = (128, 256, "whole"), (128, 256, 512)


def line(name: str, variate: str) -> str:
    """The line of a figure that shows an objective, with this control variate if it is Rényi or Tsallis."""
    return f"{name}_{variate}" if name in WITH_ALPHA and variate != "both" else name


def convergence(runs: Runs, variate: str = "both", budgets: Sequence[Budget] = SPEED_BUDGETS) -> list[Evidence]:
    """Evidence for C1: errors of TB, from 0 and from a first batch, and of VarGrad over those of each divergence, as
    means over training; and how many objectives are fastest somewhere.
    """
    evidence = []
    for budget in budgets:
        about, fastest = {"budget": budget, "variate": variate}, []
        compared = [of[line(name, variate)].spec.hash for of in by_task(runs).values() for name in OBJECTIVES]
        for task, objectives in by_task(runs).items():
            error = {name: training_error(run, budget) for name, run in objectives.items()}
            evidence += [
                ratio(
                    f"faster{end}",
                    f"{task}, {name}",
                    error[loss],
                    error[line(name, variate)],
                    _margin(objectives),
                    **about,
                )
                for end, loss in BASELINES.items()
                for name in DIVERGENCES
            ]
            plain = pd.DataFrame({name: error[line(name, variate)] for name in OBJECTIVES})
            fastest.append(plain.idxmin(axis=1))
        many = from_runs(compared, pd.concat(fastest, axis=1).nunique(axis=1))
        evidence.append(over_seeds("various", "objectives fastest somewhere", many, **about))
    return evidence


def accuracy_ratios(runs: Runs, variate: str = "both", budgets: Sequence[Budget] = ACCURACY_BUDGETS) -> list[Evidence]:
    """Evidence for C2: the error of each divergence over that of TB, from 0 and from a first batch, and of VarGrad,
    as means over the last quarter before a budget; baselines that were not run are left out.
    """
    evidence = []
    for budget in budgets:
        for task, objectives in by_task(runs).items():
            error = {name: late(run, accuracy_metric(run), budget) for name, run in objectives.items()}
            evidence += [
                ratio(
                    f"accurate{end}",
                    f"{task}, {name}",
                    error[line(name, variate)],
                    error[loss],
                    _margin(objectives),
                    budget=budget,
                    variate=variate,
                )
                for end, loss in BASELINES.items()
                for name in DIVERGENCES
                if {loss, line(name, variate)} <= error.keys()
            ]
    return evidence


def alike(runs: Runs) -> list[Evidence]:
    """Evidence for C5: the error of TB over that of the reverse KL as means over training, for every start of log Z."""
    evidence = []
    for task, objectives in by_task(runs).items():
        error = {name: training_error(run) for name, run in objectives.items()}
        evidence += [
            ratio(test, task, error[loss], error["reverse_kl"], _margin(objectives))
            for test, loss in (("alike_known", "tb_known"), ("alike_zero", "tb"), ("alike_batch", "tb_batch"))
        ]
    return evidence


def better_than_both(
    runs: Mapping[str, Run], variate: str = "both", budgets: Sequence[Budget] = SPEED_BUDGETS
) -> list[Evidence]:
    """Evidence for C6: errors of TB and of the reverse KL over those of the other divergences, as means over training."""
    evidence = []
    for budget in budgets:
        error = {name: training_error(run, budget) for name, run in runs.items()}
        evidence += [
            ratio(
                "better",
                f"{name} against {loss}",
                error[loss],
                error[line(name, variate)],
                _margin(runs),
                budget=budget,
                variate=variate,
            )
            for name in DIVERGENCES
            if name != "reverse_kl"
            for loss in ("tb", "reverse_kl")
        ]
    return evidence


def faster_and_steadier(runs: Runs, variate: str = "both") -> list[Evidence]:
    """Evidence for C4: without control variates over with them, the mean L1 over training, and the mean step of its
    logarithm from one evaluation to the next over the second half.
    """
    evidence = []
    for name in dict.fromkeys(name for name, _ in runs if name in DIVERGENCES):
        chosen = variate if name in WITH_ALPHA else "both"
        if not {(name, "none"), (name, chosen)} <= runs.keys():
            continue
        pair = runs[name, "none"], runs[name, chosen]
        about = {"variate": variate}
        evidence.append(ratio("faster", name, *(over_training(run, "l1") for run in pair), margin("l1"), **about))
        evidence.append(ratio("stable", name, *map(_unsteadiness, pair), margin("step"), **about))
    return evidence


def _unsteadiness(run: Run) -> pd.Series:
    error = curves(run, "l1")
    return from_run(run, np.log(error.iloc[len(error) // 2 :]).diff().abs().mean())


def large_batches(runs: Mapping[tuple[str, int], Run]) -> list[Evidence]:
    """Evidence for C10: the error of forward KL over that of TB, as means over training, at the ends of the batch sizes."""
    sizes = sorted({size for _, size in runs})
    error = {key: training_error(run) for key, run in runs.items()}
    lag = {
        size: ratio("lags", f"{size} trajectories", error["forward_kl", size], error["tb", size], _margin(runs))
        for size in (sizes[0], sizes[-1])
    }
    small, large = (from_runs(item.runs, pd.Series(item.values, item.seeds)) for item in lag.values())
    return [
        lag[sizes[0]],
        ratio("shrinks", f"{sizes[0]} over {sizes[-1]} trajectories", small, large),
        over_seeds("catches_up", f"{sizes[-1]} trajectories", large),
    ]


def training_error(run: Run, budget: Budget = "whole") -> pd.Series:
    """The error of each seed as a mean over training up to a budget, the start left out."""
    return over_training(run, accuracy_metric(run), budget)


def _margin(runs: Mapping) -> float:
    """What counts as nothing in the accuracy that runs of one task recorded."""
    return margin(accuracy_metric(next(iter(runs.values()))))
