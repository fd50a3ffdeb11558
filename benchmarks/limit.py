"""Part ``limit``: the share of the machine's arithmetic that trajectory balance reaches on each task."""

from __future__ import annotations

from typing import Any

from benchmarks.arithmetic import per_state
from benchmarks.measure import alternate, core_share, milliseconds, spread
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import GIN_WIDTH, HIDDEN, SQUARE, Scale, training
from gfn.policies import PolicySettings
from gfn.study.experiments.tasks import paper_tasks


def units(scale: Scale) -> list[str]:
    """All tasks of the paper."""
    return list(paper_tasks(scale.profile))


def measure(unit: str, workers: Workers, scale: Scale) -> list[dict[str, Any]]:
    """The counts, the rate of a matrix product and the time of an iteration, measured in turns."""
    task, worker = paper_tasks(scale.profile)[unit], workers["ours"]
    try:
        worker.ask("make", name=unit, spec=training(task))
        turns = {"product": lambda iterations: worker.ask("rate", iterations=iterations), unit: worker.runner(unit)}
        iterations, rounds = alternate(turns, scale)
        # Afterwards, so that they are the states of policies as far as those that were timed.
        states = worker.ask("states", name=unit, batches=4)["states"]
    except WorkerError as error:
        return [{"task": unit, "reason": str(error)}]
    finally:
        worker.ask("drop", name=unit)
    operations = states * per_state(task, PolicySettings(hidden=HIDDEN, gin_width=GIN_WIDTH))
    limits = [operations / SQUARE**3 * times["wall"] for times in rounds["product"]]
    return [
        {
            "task": unit,
            "iterations": iterations,
            "states": states,
            "operations": round(operations),
            "gflops": spread(2e-9 * SQUARE**3 / times["wall"] for times in rounds["product"]),
            "limit": spread(1e3 * seconds for seconds in limits),
            "time": milliseconds(rounds[unit]),
            "share": spread(seconds / times["wall"] for seconds, times in zip(limits, rounds[unit])),
            "core_share": core_share(*rounds.values()),
        }
    ]
