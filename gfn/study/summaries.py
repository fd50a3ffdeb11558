"""Stored runs in a few numbers, for the command line."""

from __future__ import annotations

import pandas as pd

from gfn.runs.spec import CostSpec
from gfn.study.results import Run


def final_values(run: Run) -> pd.DataFrame:
    """Final values over seeds, a row for each metric and, for gradients, the largest batch; of costs medians over rounds."""
    if isinstance(run.spec, CostSpec):
        table = (
            run.frame.groupby(["task", "cell", "metric"], observed=True).value.agg(["median", "count"]).reset_index()
        )
        labels = [run.spec.objectives[cell].label for cell in table.cell]
        return table.assign(cell=labels).rename(columns={"cell": "objective", "count": "rounds"})
    scalars = run.frame[run.frame.density.isna()]
    scalars = scalars[scalars.cell.isna()] if scalars.cell.isna().any() else scalars
    own = ("objective", "alpha", "control_variate", "epsilon", "log_z")
    keys = [key for key in own if scalars[key].notna().any()]
    last = scalars[scalars.iteration.fillna(0) == scalars.iteration.fillna(0).max()]
    last = last[last.trajectories.fillna(0) == last.trajectories.fillna(0).max()]
    grouped = last.groupby([*keys, "metric"], observed=True, sort=False, dropna=False).value
    table = grouped.agg(mean="mean", std="std", seeds="count").reset_index()
    table.insert(0, "task", run.spec.task.task)
    for name in ("iteration", "trajectories", "seconds"):
        if last[name].notna().any():
            table[name] = last[name].max()
    return table
