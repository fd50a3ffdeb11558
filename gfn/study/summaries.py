"""Stored runs in a few numbers, for the command line."""

from __future__ import annotations

import hashlib
import json
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd

from gfn.runs.spec import CostSpec, RivalSpec, Spec
from gfn.study.collapse import ending
from gfn.study.results import Run

LONGEST = 40  # characters of a setting; what is longer, as a whole alignment, is told apart by its SHA-256
MEASURED = ("metric", "mean", "std", "median")  # columns that say something of each row
SPENT = ("seeds", "rounds", "iteration", "trajectories", "seconds")
WIDTH = 110  # columns at most


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
    if not isinstance(run.spec, RivalSpec):  # whose seeds need not use up the same
        last = last[last.trajectories.fillna(0) == last.trajectories.fillna(0).max()]
    grouped = last.groupby([*keys, "metric"], observed=True, sort=False, dropna=False).value
    table = grouped.agg(mean="mean", std="std", seeds="count").reset_index()
    table.insert(0, "task", run.spec.task.task)
    for name in ("iteration", "trajectories", "seconds"):
        if last[name].notna().any():
            table[name] = last[name].max()
    return table


def settings_of(spec: Spec) -> dict[str, Any]:
    """All settings of a run by the names of their flags; those of a trainer, and others that no flag has, with a prefix."""
    found: dict[str, Any] = {}
    for name, value in json.loads(spec.model_dump_json()).items():
        if name in ("task", "objective", "policy", "draws") and value is not None:
            found |= {name if inner in ("task", "name") else inner: each for inner, each in value.items()}
        elif name == "trainer":
            found |= {f"trainer_{inner}": each for inner, each in value.items()}
        elif name == "objectives":
            found[name] = [objective.label for objective in spec.objectives]
        else:
            found[name] = value
    return found


def differing(runs: Sequence[Run]) -> pd.DataFrame:
    """Every setting in which runs differ, a column each, with their hashes as index; a setting that a run has not is missing."""
    table = pd.DataFrame([{name: _text(value) for name, value in settings_of(run.spec).items()} for run in runs])
    table.index = pd.Index([run.spec.hash for run in runs], name="run")
    return table.loc[:, [table[name].fillna("").nunique() > 1 for name in table]]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= LONGEST else f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def final_table(runs: Sequence[Run]) -> pd.DataFrame:
    """:func:`final_values` of all runs, after ``run``, the hash, and every setting in which they differ.

    A setting whose name is that of another column, as ``seeds`` is, has ``spec_`` before it.
    """
    tables = [final_values(run).assign(run=run.spec.hash) for run in runs if len(run.frame)]
    if not tables:
        return pd.DataFrame(columns=["run", *MEASURED])
    table, settings = pd.concat(tables, ignore_index=True), differing(runs)
    same = [name for name in ("task", "objective", "alpha", "control_variate", "epsilon", "log_z") if name in table]
    settings = settings.drop(columns=[name for name in same if name in settings])
    settings = settings.rename(columns={name: f"spec_{name}" for name in settings if name in table})
    table = table.join(settings, on="run")
    numbers = [name for name in (*MEASURED, *SPENT) if name in table]
    return table[["run", *table.columns.drop(["run", *numbers]), *numbers]]


def told(runs: Sequence[Run], width: int | None = None) -> str:
    """Runs as text: what is the same of all rows, the table of the rest, and a warning of those that ended badly.

    Arguments:
        runs: at least one.
        width: of the terminal, in columns; None asks for it.
    """
    table, width = final_table(runs), width or min(shutil.get_terminal_size().columns, WIDTH)
    empty = [run for run in runs if run.frame.empty]
    lines = [
        f"run {run.spec.hash}: task {run.spec.task.task} is too large at these sizes for any metric" for run in empty
    ]
    if len(table):
        table = table.astype(object).where(table.notna(), "-")
        same = [name for name in table if name not in MEASURED and table[name].map(str).nunique() == 1]
        head = ", ".join(f"{name}\u00a0=\u00a0{_number(table[name].iloc[0])}" for name in same)
        wrapped = textwrap.wrap(head, width, break_on_hyphens=False, break_long_words=False)
        lines += [line.replace("\u00a0", " ") for line in wrapped]
        lines.append(table.drop(columns=same).map(_number).to_string(index=False))
    several = len(runs) > 1
    for run in runs:
        if text := ending(run).text:
            lines.append(textwrap.fill(f"run {run.spec.hash}: {text}" if several else text, width))
    return "\n".join(lines)


def _number(value: Any) -> Any:
    """A number as short as six significant digits, and anything else as it is."""
    return f"{value:.6g}" if isinstance(value, float) else value
