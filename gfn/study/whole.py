"""What a whole result is: how its file is read, what in its records does not fit, and the errors that say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, RivalSpec, Spec, TrainingSpec


class ResultError(RuntimeError):
    """A file that is not a readable result of this project; notebooks show its sentence without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class UnreadableError(ResultError):
    """A file that is there and cannot be read. Since nobody knows what it holds, nothing may take its place."""


def content_of(path: Path) -> bytes:
    """All bytes of a file; none that never end, as those of a device.

    Raises:
        ResultError: if there is none.
        UnreadableError: if it cannot be read.
    """
    try:
        if path.is_file():
            return path.read_bytes()
        kind = "a directory" if path.is_dir() else "no ordinary file" if path.exists() else ""
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror or error}") from None
    if kind:
        raise UnreadableError(f"{path} is {kind}")
    raise ResultError(f"{path} does not exist")


def misfit(spec: Spec, frame: pd.DataFrame) -> str | None:
    """What in the records of a run does not fit its specification, if anything; no records at all fit."""
    if frame.empty:
        return None
    objective = getattr(spec, "objective", None)
    names = {"task": spec.task.task} | ({"objective": objective.name} if objective else {})
    for column, name in names.items():
        if set(frame[column]) != {name}:
            return f"the {column} is {name}, and the records have {', '.join(map(str, frame[column].unique()))}"
    if set(frame.seed) != set(spec.seeds):
        return f"its seeds are {sorted(set(frame.seed))} and should be {sorted(spec.seeds)}"
    if frame.duplicated([name for name in frame if name not in ("seconds", "value", "density")]).any():
        return "records are repeated"
    if frame.metric.isna().any():
        return "there are records without a metric"
    if isinstance(spec, GradientSpec):
        measured = {"iteration": spec.warmup, "trajectories": spec.batch_sizes}
        measured["objective"] = [objective.name for objective in spec.objectives]
        wrong = [name for name, due in measured.items() if set(frame[name]) != set(due)]
        return f"its values of {wrong[0]} are not those at which it is measured" if wrong else None
    wrong = frame[frame.density.isna() & ~np.isfinite(frame.value)]
    if len(wrong):
        return f"{wrong.metric.iloc[0]} of seed {wrong.seed.iloc[0]} is not a finite number"
    if isinstance(spec, ReferenceSpec) and set(frame.cell) != set(range(spec.samples)):
        return f"it has not {spec.samples} draws of each chain"
    if isinstance(spec, CostSpec):
        named = {(cell, objective.name) for cell, objective in enumerate(spec.objectives)}
        if set(zip(frame.cell, frame.objective)) != named:
            return "its objectives are not those that are measured"
        is_memory = frame.metric == "memory"
        each = frame[~is_memory].groupby(["metric", "cell"], observed=True).iteration.nunique()
        if set(each) != {spec.rounds}:
            return f"it has not {spec.rounds} rounds of each objective"
        if set(frame.cell[is_memory]) != set(frame.cell):
            return "it has not the memory of each objective"
    if isinstance(spec, RivalSpec) and set(zip(frame.seed, frame.iteration)) != {
        (seed, mark) for seed in spec.seeds for mark in range(1, spec.marks + 1)
    }:
        return f"it is not measured at {spec.marks} marks for every seed"
    if isinstance(spec, TrainingSpec):
        due = {*range(0, spec.iterations, spec.evaluate_every), spec.iterations}
        if set(frame.iteration) != due:
            return "its iterations are not those at which it is evaluated"
        each = frame.groupby(["metric", "cell", "iteration"], observed=True, dropna=False)
        if (each.seed.nunique() < len(spec.seeds)).any():
            return "not every seed has every metric"
    return None
