"""What training finds: high rewards and modes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gfn.estimators import DIVERGENCES
from gfn.runs.objective import BALANCE_LOSSES
from gfn.study.claims import Evidence, ratio
from gfn.study.evidence.convergence import by_task
from gfn.study.results import Run

MODE = 50  # per cent of the highest reward, the definition of a mode that claims are judged by


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


def mode_table(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Modes found by the end of training under each definition, mean over seeds: rows task and fraction, columns objectives."""
    rows = {}
    for (task, name), run in runs.items():
        frame = run.frame[(run.frame.metric == "modes") & (run.frame.iteration == run.frame.iteration.max())]
        for cell, values in frame.groupby("cell").value:
            rows.setdefault((task, f"{cell / 100:.2f}"), {})[name] = values.mean()
    table = pd.DataFrame(rows).T
    return table.rename_axis(["task", "reward at least … of the highest"])
