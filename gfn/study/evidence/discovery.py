"""What training finds: high rewards and modes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gfn.estimators import DIVERGENCES
from gfn.runs.objective import BALANCE_LOSSES
from gfn.study.claims import Evidence, ratio
from gfn.study.evidence.convergence import by_task
from gfn.study.evidence.counting import best_log_rewards, mode_counts, object_count
from gfn.study.results import Run

MODE = 50  # per cent of the highest reward, the definition of a mode that claims are judged by
FLAT_MODE = 90  # the same on a task whose reward is so flat that half of the highest is common
FLAT_TASKS = ("sequences",)


def mode_of(task: str) -> int:
    """From which per cent of the highest reward on an object is a mode, by the name of a task in the figure."""
    return FLAT_MODE if task in FLAT_TASKS else MODE


def discovery_frame(runs: Mapping[tuple[str, str], Run], metric: str, cell: int | None = None) -> pd.DataFrame:
    """Curves of ``top_k`` or ``modes`` in one table, with ``label`` the task's name in the figure."""
    parts = []
    for (task, name), run in runs.items():
        frame = run.frame[run.frame.metric == metric]
        frame = frame if cell is None else frame[frame.cell == cell]
        parts.append(frame.assign(label=task, objective=name))
    return pd.concat(parts, ignore_index=True)


def discovery(runs: Mapping[tuple[str, str], Run]) -> list[Evidence]:
    """Evidence for C8: how the divergences find rewards and modes, over the best balance loss on each task."""
    evidence = []
    for task, objectives in by_task(runs).items():
        rewards = {name: _mean_over_training(run, "top_k") for name, run in objectives.items()}
        modes = {name: _mean_over_training(run, "modes", MODE) for name, run in objectives.items()}
        found = {"reward": {name: np.exp(values) for name, values in rewards.items()}, "modes": modes}
        for test, values in found.items():
            best = max((values[name] for name in BALANCE_LOSSES), key=lambda v: v.mean())
            for name in DIVERGENCES:
                suffix = "_hypergrid" if task == "hypergrid" else ""
                evidence.append(ratio(f"{test}{suffix}", f"{task}, {name}", values[name], best))
    return evidence


def _mean_over_training(run: Run, metric: str, cell: int | None = None) -> pd.Series:
    frame = run.frame[run.frame.metric == metric]
    frame = frame if cell is None else frame[frame.cell == cell]
    return frame.groupby("seed").value.mean()


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
