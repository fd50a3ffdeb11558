"""Learning curves against each other: how fast, how steady, how accurate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gfn.study.evidence.tables import final
from gfn.study.results import Run


def accuracy_metric(run: Run) -> str:
    """Which accuracy a run recorded: ``l1`` or ``jsd``."""
    return "jsd" if (run.frame.metric == "jsd").any() else "l1"


def by_task(runs: Mapping[tuple[str, str], Run]) -> dict[str, dict[str, Run]]:
    """Runs keyed by task and objective, nested."""
    nested: dict[str, dict[str, Run]] = {}
    for (task, name), run in runs.items():
        nested.setdefault(task, {})[name] = run
    return nested


def comparison_frame(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Accuracy curves of all runs in one table, with ``label`` the task's name in the figure."""
    parts = []
    for (task, name), run in runs.items():
        frame = run.frame[run.frame.metric == accuracy_metric(run)]
        parts.append(frame.assign(label=task, objective=name))
    return pd.concat(parts, ignore_index=True)


def time_to_threshold(runs: Mapping[tuple[str, str], Run], factor: float = 2.0) -> pd.DataFrame:
    """When each objective's mean error first falls to a threshold for good: trajectories and training seconds.

    The threshold of a task is ``factor`` times the lowest final mean error among its objectives.
    Entries are missing where an objective never stays below it.
    """
    rows = []
    for task, objectives in by_task(runs).items():
        metric = {name: accuracy_metric(run) for name, run in objectives.items()}
        threshold = factor * min(final(run, metric[name]).mean() for name, run in objectives.items())
        for name, run in objectives.items():
            frame = run.frame[run.frame.metric == metric[name]]
            mean = frame.groupby("iteration")[["value", "trajectories", "seconds"]].mean()
            above = mean.index[mean.value > threshold]
            after = mean[mean.index > above.max()] if len(above) else mean
            row = {"task": task, "objective": name, "threshold": threshold}
            first = after.iloc[0] if len(after) else None
            row["trajectories"] = np.nan if first is None else first.trajectories
            row["seconds"] = np.nan if first is None else first.seconds
            rows.append(row)
    return pd.DataFrame(rows)


def final_table(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Final error of each run: ``task, objective, mean, standard_deviation, seeds``."""
    rows = []
    for (task, name), run in runs.items():
        values = final(run, accuracy_metric(run))
        row = {"task": task, "objective": name, "metric": accuracy_metric(run), "mean": values.mean()}
        rows.append(row | {"standard_deviation": values.std(), "seeds": len(values)})
    return pd.DataFrame(rows)
