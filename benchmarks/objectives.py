"""Part ``objectives``: what each objective costs against trajectory balance, in time and memory."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import alternate, core_share, milliseconds, ratio, short
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import COSTED, STILL, Scale, objectives, training
from gfn.runs.objective import Objective
from gfn.study.experiments.tasks import paper_tasks

RECORD = "tb with the record of the best objects"


def units(scale: Scale) -> list[str]:
    """The discrete tasks."""
    return list(COSTED)


def measure(unit: str, workers: Workers, scale: Scale) -> list[dict[str, Any]]:
    """A row for each objective. Policies stay at their start, so that all see the same trajectories."""
    task, worker = paper_tasks(scale.profile)[unit], workers["ours"]
    runners, memory, failed = {}, {}, {}
    for name, objective in (objectives() | {RECORD: Objective(name="tb")}).items():
        spec = training(task, objective=objective, learning_rate=STILL, log_z_learning_rate=STILL)
        try:
            worker.ask("make", name=name, spec=spec, record=name == RECORD)
            memory[name] = worker.ask("memory", name=name)["bytes"] / 2**20
            runners[name] = worker.runner(name)
        except WorkerError as error:
            failed[name] = str(error)
    rows = [{"task": unit, "objective": name, "reason": reason} for name, reason in failed.items()]
    if "tb" in runners:
        iterations, rounds = alternate(runners, scale)
        for name, times in rounds.items():
            row = {"task": unit, "objective": name, "iterations": iterations, "time": milliseconds(times)}
            row |= {"ratio": ratio(times, rounds["tb"]), "memory": short(memory[name])}
            rows.append(row | {"core_share": core_share(times)})
    for name in runners:
        worker.ask("drop", name=name)
    return rows
