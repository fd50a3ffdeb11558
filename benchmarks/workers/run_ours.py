"""Worker for this project's package: trainings by its own trainer, and what else is measured of it."""

from __future__ import annotations

from typing import Any

import torch
from protocol import Trainings, serve, timed
from torch.profiler import ProfilerActivity, profile

import gfn
from gfn.environments import DiscreteEnvironment
from gfn.runs.provenance import package_fingerprint
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.sampling import rollout

SQUARE = 1024  # of the matrix product whose rate is the limit
REPEATED = 0.75  # share of distinct states up to which each counts once


class Training:
    """A training as it is run by :class:`gfn.runs.training.Trainer`.

    Arguments:
        spec: the fields of its specification.
        record: whether to keep the record of the best objects found, as runs do and peers do not.
    """

    def __init__(self, spec: dict[str, Any], record: bool = False) -> None:
        self.trainer = Trainer(TrainingSpec(**spec))
        if not record:
            self.trainer.discoveries = None

    def __call__(self, iterations: int) -> None:
        for _ in range(iterations):
            self.trainer.step()


def evaluate(name: str) -> dict[str, float]:
    """Evaluate the policy as a run does, timed."""
    trainer = trainings.steps[name].trainer
    before = len(trainer.records)
    return timed(lambda _: trainer.evaluate(), 1) | {"metric": trainer.records[before]["metric"]}


def states(name: str, batches: int) -> dict[str, float]:
    """States that the network must see in an iteration, the mean over some batches.

    On discrete tasks where a quarter of them and more are met again, each counts once, whatever our own training does.
    """
    trainer = trainings.steps[name].trainer
    task, counts = trainer.spec.task, []
    for _ in range(batches):
        steps = rollout(task, trainer.policy, trainer.spec.batch_size, trainer.generators).steps
        met = steps.states[steps.going]
        distinct = len(met.unique(dim=0)) if isinstance(task, DiscreteEnvironment) else len(met)
        counts.append(distinct if distinct <= REPEATED * len(met) else len(met))
    return {"states": sum(counts) / batches}


def memory(name: str) -> dict[str, int]:
    """The most bytes that an iteration holds at once beyond what is there before, by PyTorch's allocation events."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        trainings.steps[name](1)
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return {"bytes": most}


def rate(iterations: int) -> dict[str, float]:
    """Products of two square matrices, timed."""

    def multiply(count: int) -> None:
        for _ in range(count):
            torch.mm(left, right, out=product)

    left, right, product = torch.rand(3, SQUARE, SQUARE)
    return timed(multiply, iterations)


def about() -> dict[str, str]:
    """Versions."""
    return {"gfn": gfn.__version__, "source": package_fingerprint(), "torch": torch.__version__}


if __name__ == "__main__":
    torch.set_num_threads(1)
    trainings = Trainings(Training)
    more = {"evaluate": evaluate, "states": states, "memory": memory, "rate": rate, "about": about}
    serve(trainings.commands() | more)
