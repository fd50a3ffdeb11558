"""Part ``evaluation``: what evaluating a policy takes, alone and as a share of a training run."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.measure import alternate, core_share, milliseconds, short, spread
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import Scale
from gfn.runs.spec import TrainingSpec
from gfn.study.experiments import runs
from gfn.study.experiments.tasks import paper_tasks

FIGURE = "fig3"  # which trains on all tasks


def units(scale: Scale) -> list[str]:
    """All tasks of the paper."""
    return list(paper_tasks(scale.profile))


def published_run(task: str, profile: str) -> TrainingSpec:
    """The run of trajectory balance on a task as the book makes it."""
    (found,) = [
        spec for spec in runs(FIGURE, profile).values() if spec.task.task == task and spec.objective.name == "tb"
    ]
    return found


def measure(unit: str, workers: Workers, scale: Scale) -> list[dict[str, Any]]:
    """One row: seconds for one policy, and the share of a run that trains all its seeds together."""
    spec, worker = published_run(unit, scale.profile), workers["ours"]
    evaluations = 1 + math.ceil(spec.iterations / spec.evaluate_every)
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
    # What the first evaluation takes longer, it takes once.
    once = max(0.0, first["wall"] - spread(one)["median"])
    step = spread(times["wall"] for times in rounds["run"])["median"]
    shares = [_share(once + evaluations * seconds, spec.iterations * step) for seconds in times]
    return [
        {
            "task": unit,
            "metric": first["metric"],
            "seconds": spread(one),
            "first": short(first["wall"]),
            "seeds": len(spec.seeds),
            "run_seconds": spread(times),
            "evaluations": evaluations,
            "iterations": spec.iterations,
            "time": milliseconds(rounds["run"]),
            "share": spread(shares),
            "core_share": core_share(rounds["run"]),
        }
    ]


def _share(evaluating: float, training: float) -> float:
    return evaluating / (evaluating + training)
