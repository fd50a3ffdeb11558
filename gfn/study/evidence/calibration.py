"""How near trajectory balance comes to its printed cell under each value of the two open reward laws."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.tables import final
from gfn.study.paper import printed
from gfn.study.presentation.digits import spread
from gfn.study.results import Run

Key = tuple[str, float] | tuple[str, float, float]


def calibration_table(runs: Mapping[Key, Run]) -> pd.DataFrame:
    """Final error of TB over seeds, and its distance from TB's printed cell, a row for each value of each sweep.

    Columns ``task, value, scale, mean, standard_deviation, shown, distance, run``; ``value`` is the reach of the sequences or the
    spacing of the mixture, ``scale`` the width of its components. The distance is |Δmean| + |Δstandard deviation|.
    """
    rows = []
    for (task, value, *scale), run in runs.items():
        cell, found = printed(task).loc["tb"], final(run, accuracy_metric(run))
        mean, deviation = found.mean(), found.std()
        distance = abs(mean - cell["mean"]) + abs(deviation - cell.standard_deviation)
        row = {"task": task, "value": value, "scale": scale[0] if scale else None, "mean": mean}
        rows.append(
            row
            | {"standard_deviation": deviation, "shown": spread(mean, deviation), "distance": distance}
            | {"run": run.spec.hash}
        )
    return pd.DataFrame(rows)


def nearest(table: pd.DataFrame, task: str) -> tuple[float, ...]:
    """The value, or the pair of spacing and width, at which TB is nearest to its printed cell."""
    part = table[table.task == task]
    best = part.loc[part.distance.idxmin()]
    return (best.value,) if pd.isna(best.scale) else (best.value, best.scale)


def mixture_grid(table: pd.DataFrame, chosen: tuple[float, float]) -> pd.DataFrame:
    """The mixture's errors as text: a row a spacing, a column a width, the chosen pair marked by an arrow."""
    part = table[table.task == "gaussian_mixture"]
    marks = ["→ " if pair == chosen else "" for pair in zip(part.value, part.scale)]
    part = part.assign(shown=[mark + text for mark, text in zip(marks, part.shown)])
    grid = part.pivot(index="value", columns="scale", values="shown").sort_index(axis=1, ascending=False)
    return grid.rename_axis(index="spacing", columns="standard deviation")
