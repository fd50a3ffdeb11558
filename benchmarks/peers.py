"""Part ``peers``: trajectory balance by this package and by others, in turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.measure import Times, alternate, core_share, milliseconds, ratio, short
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import COMPARED, COMPARISONS, GIN_WIDTH, HIDDEN, Comparison, Scale, training
from gfn.environments import DAGs, Environment, Sequences, Sets


def units(scale: Scale) -> list[Comparison]:
    """All comparisons; they are the same at both scales."""
    return list(COMPARISONS)


def data_of(task: Environment) -> dict[str, Any]:
    """What a peer needs to have our reward, beyond the task's settings."""
    if isinstance(task, Sets):
        return {"values": task.values.tolist()}
    if isinstance(task, Sequences):
        return {"letters": task.letter_values[: task.alphabet].tolist(), "weights": task.position_weights.tolist()}
    if isinstance(task, DAGs):
        return {"observations": task.observations.tolist()}
    return {}


def measure(unit: Comparison, workers: Workers, scale: Scale) -> list[dict[str, Any]]:
    """A row for each other package: its time, ours from the same turns, and the ratio of the two."""
    task = COMPARED[unit.task]
    runners: dict[str, Callable[[int], Times]] = {}
    made, failed = {}, {}
    setup = {"task": task, "data": data_of(task), "batch_size": unit.batch, "hidden": HIDDEN}
    for name in ("ours", *unit.contenders):
        worker = workers[name.split(",")[0]]
        if name == "ours":
            fields: dict[str, Any] = {"spec": training(task, batch_size=unit.batch, seeds=tuple(range(unit.seeds)))}
        elif name.startswith("gfnx"):
            fields = setup | {"gin_width": GIN_WIDTH, "second_pass": name == "gfnx"}
        else:
            fields = setup
        try:
            made[name] = worker.ask("make", name=name, **fields)
            worker.ask("run", name=name, iterations=1)
            runners[name] = worker.runner(name)
        except WorkerError as error:
            failed[name] = str(error)
    if "ours" in failed:
        failed = dict.fromkeys(unit.contenders, f"ours: {failed['ours']}")
    about = {"task": unit.task, "batch": unit.batch, "seeds": unit.seeds}
    rows = [about | {"peer": name, "reason": failed[name]} for name in unit.contenders if name in failed]
    if len(rows) < len(unit.contenders):
        iterations, rounds = alternate(runners, scale, longer=2)
        for name in unit.contenders:
            if name in rounds:
                theirs, ours = rounds[name], rounds["ours"]
                row = about | {"peer": name, "iterations": iterations}
                row |= {"ours": milliseconds(ours), "theirs": milliseconds(theirs), "ratio": ratio(ours, theirs)}
                row |= {"cpu_ratio": ratio(ours, theirs, "cpu"), "core_share": core_share(ours, theirs)}
                rows.append(row | {"first": short(made[name]["first"])})
    for name in runners:
        workers[name.split(",")[0]].ask("drop", name=name)
    return rows
