"""What is measured while a page is made: the importance estimate of L1 beside the exact value, and estimates that point away."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pandas as pd
import torch

from gfn.environments import Sequences, Sets
from gfn.environments.enumeration import target_distribution
from gfn.evaluation.accuracy import estimate_l1, l1
from gfn.evaluation.exact import terminal_distribution
from gfn.policies import PolicySettings
from gfn.runs.gradients import measure_gradients
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import Trainer
from gfn.study.evidence.tables import final
from gfn.study.presentation.digits import number, spread
from gfn.study.results import Run


def l1_estimates(profile: str = "paper", repeats: int = 10) -> pd.DataFrame:
    """The importance estimate of L1 beside the exact value, during a training on sets small enough for both.

    A row for each stage of training: the exact distance, and for several numbers of backward orders
    the mean of ``repeats`` independent estimates with its standard error.
    """
    paper = profile != "smoke"
    task = Sets(universe=16, size=8) if paper else Sets(universe=8, size=4)
    stages, orders = ((0, 32, 256), (8, 32, 128)) if paper else ((0, 4), (8, 32))
    objective = Objective(name="reverse_kl", control_variate="loo")
    trainer = Trainer(TrainingSpec(task=task, objective=objective, seeds=(0,), iterations=max(stages)))
    rows = {}
    for stage in stages:
        while trainer.iteration < stage:
            trainer.step()
        exact = l1(terminal_distribution(task, trainer.policy), target_distribution(task)).item()
        row = {"exact": number(exact)}
        for count in orders:
            found = torch.cat([estimate_l1(task, trainer.policy, 512, count, seed)[0] for seed in range(repeats)])
            row[f"{count} orders"] = spread(found.mean().item(), found.std().item() / repeats**0.5)
        rows[stage] = row
    return pd.DataFrame(rows).T.rename_axis("iteration")


def estimate_noise(runs: Mapping[str, Run]) -> pd.DataFrame:
    """The estimate's own standard error beside the spread over seeds, at the end of training: a row a line.

    Columns ``l1`` (median over seeds), ``deviation`` (standard deviation over seeds), ``error`` (root mean square over seeds
    of the standard error) and ``share`` of the variance over seeds that is the estimate's own. Every seed draws objects of its
    own, so that the spread over seeds contains the error. Runs whose distance is exact have no row.
    """
    rows = {}
    for line, run in runs.items():
        if not (run.frame.metric == "l1_error").any():
            continue
        found, errors = final(run, "l1"), final(run, "l1_error")
        row = {"l1": found.median(), "deviation": found.std(), "error": errors.pow(2).mean() ** 0.5}
        rows[line] = row | {"share": errors.pow(2).mean() / found.var()}
    return pd.DataFrame(rows, index=["l1", "deviation", "error", "share"]).T


def share_away(profile: str = "paper") -> pd.DataFrame:
    """Share of Tsallis' estimates from 128 trajectories that point away from the exact gradient, at the start, by order.

    Rows are small tasks and orders α, columns control variates, ``both`` with the ε in force and with a negligible one.
    """
    paper = profile != "smoke"
    tasks, orders = (Sets(universe=5, size=3), Sequences(alphabet=3, length=3)), (-1.0, -0.5, 0.5, 2.0)
    rows = {}
    for task, alpha in product(tasks, orders if paper else orders[:1]):
        order = {"name": "tsallis", "alpha": alpha}
        objectives = {name: Objective(control_variate=name, **order) for name in ("none", "joint", "both")}
        objectives["both, ε = 1e-8"] = Objective(control_variate="both", epsilon=1e-8, **order)
        spec = GradientSpec(
            task=task,
            objectives=tuple(objectives.values()),
            policy=PolicySettings(hidden=(8,)),
            seeds=(0,),
            warmup=(0,),
            batch_sizes=(128,),
            replicates=2048 if paper else 64,
            exact=True,
        )
        away = {
            record["objective"]: record["value"] for record in measure_gradients(spec) if record["metric"] == "away"
        }
        rows[task.task, f"{alpha:g}"] = {name: f"{away[objective]:.1%}" for name, objective in objectives.items()}
    return pd.DataFrame(rows).T.rename_axis(["task", "α"])
