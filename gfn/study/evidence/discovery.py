"""What training finds: high rewards and modes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gfn.study.claims import BUDGETS, Budget, Evidence, ratio
from gfn.study.evidence.comparisons import line
from gfn.study.evidence.convergence import by_task
from gfn.study.evidence.counting import best_log_rewards, mode_counts, object_count
from gfn.study.evidence.tables import latest, over_training
from gfn.study.paper import BALANCE_LOSSES, DIVERGENCES, margin
from gfn.study.results import Run

MODE = 50  # per cent of the highest reward, the definition of a mode that claims are judged by
# Half of the highest reward is common where rewards are flat, so modes of sequences are those of the peaked law.
REWARD_TASKS = ("sets", "sequences", "dags", "hypergrid")
MODE_TASKS = ("sets", "sequences_calibrated", "dags", "hypergrid")
FLAT_MODE = 90  # the same on a task whose reward is so flat that half of the highest is common
FLAT_TASKS = ("sequences",)


def mode_of(task: str) -> int:
    """From which per cent of the highest reward on an object is a mode, by the name of a task in the figure."""
    return FLAT_MODE if task in FLAT_TASKS else MODE


def discovery_frame(runs: Mapping[tuple[str, str], Run], metric: str, cell: int | None = None) -> pd.DataFrame:
    """Curves of ``top_k`` or ``modes`` in one table, with ``label`` the task's name in the figure and ``run`` its hash."""
    parts = []
    for (task, name), run in runs.items():
        frame = run.frame[run.frame.metric == metric]
        frame = frame if cell is None else frame[frame.cell == cell]
        parts.append(frame.assign(label=task, objective=name, run=run.spec.hash))
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


def mode_shares(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Curves of modes found, as per cent of all modes that a task has, each task by its own definition of a mode."""
    parts = []
    for task, of in by_task(runs).items():
        frame = discovery_frame({(task, name): run for name, run in of.items()}, "modes", mode_of(task))
        parts.append(frame.assign(value=100 * frame.value / _totals(of)[mode_of(task)]))
    return pd.concat(parts, ignore_index=True)


def best_possible(runs: Mapping[tuple[str, str], Run]) -> dict[str, float]:
    """For each task the mean log-reward of as many best objects as are recorded, were all of them found."""
    specs = {task: next(iter(of.values())).spec for task, of in by_task(runs).items()}
    return {task: float(best_log_rewards(spec.task, spec.top_k).mean()) for task, spec in specs.items()}


def target_table(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """What there is to find: for each task the number of objects, of best ones recorded and of modes by their definition.

    Rows are tasks, columns ``objects``, ``best`` and the per cents of the highest reward that make a mode; a dash where a
    definition is not counted.
    """
    rows = {}
    for task, of in by_task(runs).items():
        spec = next(iter(of.values())).spec
        row = {"objects": object_count(spec.task), "best": spec.top_k} | _totals(of)
        rows[task] = {key: f"{value:,}" for key, value in row.items()}
    table = pd.DataFrame(rows).T
    fractions = sorted(set(table) - {"objects", "best"})
    return table[["objects", "best", *fractions]].fillna("—")


def mode_table(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Modes found by the end of training, medians over seeds, and their share of all that there are.

    Rows are tasks and per cents of the highest reward, columns ``all`` and the objectives, as text.
    """
    rows: dict[tuple[str, int], dict[str, str]] = {}
    for task, of in by_task(runs).items():
        for cell, total in _totals(of).items():
            row = rows.setdefault((task, cell), {"all": f"{total:,}"})
            for name, run in of.items():
                frame = run.frame[(run.frame.metric == "modes") & (run.frame.cell == cell)]
                found = frame[frame.iteration == frame.iteration.max()].value.median()
                row[name] = f"{found:g} ({found / total:.0%})"
    return pd.DataFrame(rows).T.rename_axis(["task", "per cent of the highest reward"])


def _totals(of: Mapping[str, Run]) -> dict[int, int]:
    """The number of modes of a task by per cent of the highest reward, from the runs of it."""
    spec = next(iter(of.values())).spec
    return {round(100 * f): count for f, count in mode_counts(spec.task, spec.mode_fractions).items()}
