"""Part ``evaluation``: what evaluating a policy takes, alone and as a share of the training runs."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.measure import alternate, core_share, milliseconds, short, spread
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import Scale
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.study.experiments import runs
from gfn.study.experiments.tasks import paper_tasks

FIGURE = "fig3"  # which trains on all tasks


def units(scale: Scale) -> list[str]:
    """All tasks of the paper."""
    return list(paper_tasks(scale.profile))


def published_runs(task: str, profile: str) -> list[TrainingSpec]:
    """All runs that the book makes on a task with the batch of its run of trajectory balance, which is the first."""
    (first,) = [
        s for s in runs(FIGURE, profile).values() if s.task.task == task and s.objective == Objective(name="tb")
    ]
    every = [s for s in runs("verdicts", profile).values() if s.kind == "training" and s.task.task == task]
    return [first, *(s for s in every if s.batch_size == first.batch_size and s.hash != first.hash)]


def evaluations(spec: TrainingSpec) -> int:
    """How often a run evaluates its policies: at the start, at intervals, and at the end."""
    return 1 + math.ceil(spec.iterations / spec.evaluate_every)


def measure(unit: str, workers: Workers, scale: Scale) -> list[dict[str, Any]]:
    """One row: seconds for one policy, and the share of all runs of the book on the task, as often as they evaluate.

    Their iterations are taken to last as long as one of trajectory balance, which is among the quickest.
    """
    specs, worker = published_runs(unit, scale.profile), workers["ours"]
    spec = specs[0]
    try:
        worker.ask("make", name="one", spec=spec.model_copy(update={"seeds": (0,)}).model_dump(), record=True)
        first = worker.ask("evaluate", name="one")
        one = [worker.ask("evaluate", name="one")["wall"] for _ in range(scale.evaluations)]
        worker.ask("make", name="run", spec=spec.model_dump(), record=True)
        _, rounds = alternate({"run": worker.runner("run")}, scale)
        times = [worker.ask("evaluate", name="run")["wall"] for _ in range(scale.evaluations)]
    except WorkerError as error:
        return [{"task": unit, "reason": str(error)}]
    finally:
        for name in ("one", "run"):
            worker.ask("drop", name=name)
    often, iterations = [evaluations(s) for s in specs], sum(s.iterations for s in specs)
    # What the first evaluation takes longer, each run takes once.
    once = max(0.0, first["wall"] - spread(one)["median"])
    step = spread(times["wall"] for times in rounds["run"])["median"]
    shares = [_share(len(specs) * once + sum(often) * seconds, iterations * step) for seconds in times]
    return [
        {
            "task": unit,
            "metric": first["metric"],
            "seconds": spread(one),
            "first": short(first["wall"]),
            "seeds": len(spec.seeds),
            "run_seconds": spread(times),
            "runs": len(specs),
            "evaluations": [min(often), max(often)],
            "iterations": iterations,
            "time": milliseconds(rounds["run"]),
            "share": spread(shares),
            "core_share": core_share(rounds["run"]),
        }
    ]


def _share(evaluating: float, training: float) -> float:
    return evaluating / (evaluating + training)
