"""Part ``gpu``: iterations and whole runs on a CUDA device against one core of the same machine. Measured when it is asked for by name."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks.measure import Run, alternate, milliseconds, ratio, short
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import ROOT, Scale, training
from benchmarks.workers.protocol import timed
from gfn.environments import Environment
from gfn.runs.provenance import package_fingerprint
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.study.experiments import runs
from gfn.study.experiments.tasks import estimator, paper_tasks

DEVICE = "cuda"
OBJECTIVES = {
    "tb": estimator("tb", "none"),
    "subtb": estimator("subtb", "none"),
    "reverse_kl joint": estimator("reverse_kl", "joint"),
    "renyi both": estimator("renyi", "both"),
}
GROWING = ("sets", "phylogenetics", "gaussian_mixture")
BATCHES, SEEDS = (128, 1024, 8192), (1, 10, 100)
LARGE = 4096  # trajectories in an iteration from which on fewer rounds must do
CPU, CAPTURED, EAGER = "cpu", "captured", "eager"


@dataclass(frozen=True)
class Unit:
    """What takes turns on both devices: an iteration, or once each the whole ``figure`` run of ten seeds."""

    task: str
    objective: str = "tb"
    batch: int = 128
    seeds: int = 1
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.task} {self.objective} {self.batch} {self.seeds}{' whole' if self.whole else ''}"


TESTS = "tests"


def units(scale: Scale) -> list[Unit | str]:
    """The tests for a GPU, all tasks under four objectives, three tasks at growing sizes, and one whole run a task."""
    tasks = list(paper_tasks(scale.profile))
    if scale.quick:
        return [Unit("sets"), Unit("sets", whole=True)]
    found = [Unit(task, objective) for task in tasks for objective in OBJECTIVES]
    found += [Unit(task, batch=batch) for task in GROWING for batch in BATCHES[1:]]
    found += [Unit(task, seeds=seeds) for task in GROWING for seeds in SEEDS[1:]]
    return [TESTS, *found] + [Unit(task, seeds=10, whole=True) for task in tasks]


def measure(unit: Unit | str, workers: Workers, scale: Scale) -> list[dict[str, Any]]:
    """One row: times on both devices, or how many of the tests for a GPU passed.

    Raises:
        WorkerError: where there is no GPU.
    """
    if isinstance(unit, str):
        return [{"device": device_name(), "tests": _tests()}]
    torch.set_num_threads(1)
    row = {"task": unit.task, "objective": unit.objective, "batch": unit.batch, "seeds": unit.seeds}
    row["device"] = device_name()
    task = paper_tasks(scale.profile)[unit.task]
    try:
        return [row | (_whole(unit, scale) if unit.whole else _iterations(unit, task, scale))]
    except torch.cuda.OutOfMemoryError:
        return [row | {"reason": "the device has not enough memory"}]


def device_name() -> str:
    """As its driver calls it.

    Raises:
        WorkerError: where there is none.
    """
    if not torch.cuda.is_available():
        raise WorkerError("this part needs a CUDA device, and this machine has none")
    return torch.cuda.get_device_name(DEVICE)


def versions() -> dict[str, str]:
    """Of what ran: the part has no workers that could be asked."""
    return {"torch on the GPU": torch.__version__, "source": package_fingerprint()}


def _tests() -> dict[str, int]:
    """How the tests for a GPU ended, by pytest's own words: passed, failed, skipped, ..."""
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "tests/runs/test_gpu.py", "-p", "no:cacheprovider"]
    last = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip().splitlines()[-1]
    return {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|skipped|errors?)", last)}


def _iterations(unit: Unit, task: Environment, scale: Scale) -> dict[str, Any]:
    """Times of an iteration without the record of the best objects, as in the other parts."""
    spec = TrainingSpec(
        **training(task, objective=OBJECTIVES[unit.objective])
        | {"batch_size": unit.batch, "seeds": tuple(range(unit.seeds))}
    )
    contenders = {CPU: _runner(spec, "cpu"), CAPTURED: _runner(spec, DEVICE), EAGER: _runner(spec, DEVICE, eager=True)}
    few = replace(
        scale, rounds=min(scale.rounds, 3 if unit.batch * unit.seeds > LARGE else 9), seconds=scale.seconds / 2
    )
    iterations, rounds = alternate(contenders, few)
    found: dict[str, Any] = {"iterations": iterations} | {name: milliseconds(times) for name, times in rounds.items()}
    return found | {f"{name} gain": ratio(rounds[CPU], rounds[name]) for name in (CAPTURED, EAGER)}


def _runner(spec: TrainingSpec, device: str, eager: bool = False) -> Run:
    trainer = Trainer(spec, device)
    trainer.discoveries = None
    if eager:
        trainer.make_graph = None

    def iterate(count: int) -> None:
        for _ in range(count):
            trainer.step()
        if device != "cpu":
            torch.cuda.synchronize()

    return lambda count: timed(iterate, count)


def _whole(unit: Unit, scale: Scale) -> dict[str, Any]:
    """Seconds of a run of figure 3 from start to end, evaluations included, once on each device."""
    every = runs("fig3", scale.profile).values()
    spec = next(s for s in every if s.task.task == unit.task and s.objective == OBJECTIVES["tb"])
    spec = spec.model_copy(update={"seeds": tuple(range(unit.seeds))})
    found: dict[str, Any] = {"whole": True, "batch": spec.batch_size, "iterations": spec.iterations}
    for name, device in ((CAPTURED, DEVICE), (CPU, "cpu")):
        started = time.perf_counter()
        Trainer(spec, device).run()
        found[f"{name} seconds"] = short(time.perf_counter() - started)
    return found
