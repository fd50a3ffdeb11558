"""What training finds: high rewards and modes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gfn.estimators import DIVERGENCES
from gfn.runs.objective import BALANCE_LOSSES
from gfn.study.claims import BUDGETS, Budget, Evidence, ratio
from gfn.study.evidence.comparisons import line
from gfn.study.evidence.convergence import by_task
from gfn.study.evidence.tables import latest, over_training
from gfn.study.paper import margin
from gfn.study.results import Run

MODE = 50  # per cent of the highest reward, the definition of a mode that claims are judged by
# Half of the highest reward is common where rewards are flat, so modes of sequences are those of the peaked law.
REWARD_TASKS = ("sets", "sequences", "dags", "hypergrid")
MODE_TASKS = ("sets", "sequences_calibrated", "dags", "hypergrid")


def discovery_frame(runs: Mapping[tuple[str, str], Run], metric: str, cell: int | None = None) -> pd.DataFrame:
    """Curves of ``top_k`` or ``modes`` in one table, with ``label`` the task's name in the figure."""
    parts = []
    for (task, name), run in runs.items():
        frame = run.frame[run.frame.metric == metric]
        frame = frame if cell is None else frame[frame.cell == cell]
        parts.append(frame.assign(label=task, objective=name))
    return pd.concat(parts, ignore_index=True)


def discovery(runs: Mapping[tuple[str, str], Run], variate: str = "both") -> list[Evidence]:
    """Evidence for C8: the rewards and modes that each divergence finds, over those of each balance loss."""
    evidence = []
    for task, objectives in by_task(runs).items():
        end = "_hypergrid" if task == "hypergrid" else ""
        found = {name: objectives[line(name, variate)] for name in DIVERGENCES}
        found |= {name: objectives[name] for name in BALANCE_LOSSES}
        for test, tasks, values_of, extra in (
            ("reward", REWARD_TASKS, _rewards, 0.0),
            ("modes", MODE_TASKS, _modes, margin("modes")),
        ):
            for budget in BUDGETS if task in tasks else ():
                values = {name: values_of(run, budget) for name, run in found.items()}
                about = {"margin": extra, "budget": budget, "variate": variate}
                evidence += [
                    ratio(test + end, f"{task}, {name} over {loss}", values[name], values[loss], **about)
                    for name in DIVERGENCES
                    for loss in BALANCE_LOSSES
                ]
    return evidence


def _rewards(run: Run, budget: Budget) -> pd.Series:
    """The geometric mean reward of the best objects found: until a budget, or as a mean over the whole training."""
    return np.exp(over_training(run, "top_k") if budget == "whole" else latest(run, "top_k", budget))


def _modes(run: Run, budget: Budget) -> pd.Series:
    return over_training(run, "modes", cell=MODE) if budget == "whole" else latest(run, "modes", budget, MODE)


def mode_table(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Modes found by the end of training under each definition, mean over seeds: rows task and fraction, columns objectives."""
    rows = {}
    for (task, name), run in runs.items():
        frame = run.frame[(run.frame.metric == "modes") & (run.frame.iteration == run.frame.iteration.max())]
        for cell, values in frame.groupby("cell").value:
            rows.setdefault((task, f"{cell / 100:.2f}"), {})[name] = values.mean()
    table = pd.DataFrame(rows).T
    return table.rename_axis(["task", "reward at least … of the highest"])
