"""The importance estimate of L1 beside the exact value."""

from __future__ import annotations

import pandas as pd
import torch

from gfn.environments import Sets
from gfn.environments.enumeration import target_distribution
from gfn.evaluation.accuracy import estimate_l1, l1
from gfn.evaluation.exact import terminal_distribution
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer


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
        row = {"exact": f"{exact:.4f}"}
        for count in orders:
            found = torch.cat([estimate_l1(task, trainer.policy, 512, count, seed) for seed in range(repeats)])
            row[f"{count} orders"] = f"{found.mean():.4f} ± {found.std() / repeats**0.5:.4f}"
        rows[stage] = row
    return pd.DataFrame(rows).T.rename_axis("iteration")
