"""What an iteration of training costs: seconds, and the memory that it needs at its peak."""

import time
from collections.abc import Callable
from itertools import accumulate

import torch
from torch.autograd import _disable_profiler_legacy, _enable_profiler_legacy, profiler_legacy

from gfn.randomness import streams
from gfn.runs.objective import Objective
from gfn.runs.spec import CostSpec
from gfn.runs.training import Record, Trainer


def measure_costs(
    spec: CostSpec, progress: Callable[[int, int], None] | None = None, device: str = "cpu"
) -> list[Record]:
    """The costs of an iteration of each objective, all in one process and in turns, at the start of training.

    Metrics recorded, with ``iteration`` the number of the round, and ``cell`` that of the objective in ``spec``:

    - ``seconds``, by the clock, and ``processor_seconds``, which other processes can hardly change (and a GPU is no part of);
    - ``memory``, once: bytes at the peak of an iteration, over those held before.

    An iteration samples, estimates and steps, but stays where it is. What it finds is not looked at.
    """
    trainers, records = [], []
    for cell, objective in enumerate(spec.objectives):
        for _ in range(2):  # memory the second time, since tasks keep what they compute first
            eager = still(spec, objective, device)
            eager.make_graph = None
            peak = peak_memory(eager.step, eager.log_z.device)
        records.append(_record(spec, cell, 0, "memory", peak))
        trainers.append(still(spec, objective, device))
    for turn in range(1 - spec.warmup, spec.rounds + 1):
        # There and back again, so that none is always the next after the same other one.
        for cell, trainer in list(enumerate(trainers))[:: 1 if turn % 2 else -1]:
            _wait(trainer)
            processor, clock = time.process_time(), time.perf_counter()
            trainer.step()
            _wait(trainer)
            spent = {"seconds": time.perf_counter() - clock, "processor_seconds": time.process_time() - processor}
            records += [_record(spec, cell, turn, name, value) for name, value in spent.items() if turn > 0]
        if progress is not None:
            progress(turn + spec.warmup, spec.warmup + spec.rounds)
    for trainer in trainers:
        trainer.check()
    return records


def peak_memory(step: Callable[[], object], device: torch.device) -> int:
    """Bytes of tensors on ``device`` at the peak of ``step``, over those held before it.

    What ``step`` frees of these does not count, so hold nothing that it will free.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        step()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    # The newer profiler sees the same, and writes lines to standard error that nothing keeps it from.
    _enable_profiler_legacy(profiler_legacy.profile(profile_memory=True).config())
    try:
        step()
    finally:
        events = [event for thread in _disable_profiler_legacy() for event in thread]
    return max(accumulate((e.cpu_memory_usage() for e in events if e.kind() == "memory_alloc"), initial=0))


def still(spec: CostSpec, objective: Objective, device: str) -> Trainer:
    """A trainer whose steps have length 0, so that all objectives draw the same trajectories; with Adam's state, and no more."""
    trainer = Trainer(spec.training(objective), device)
    trainer.generators = streams("training", spec.seeds, trainer.log_z.device)
    trainer.discoveries = None
    for group in trainer.optimiser.param_groups:
        group["lr"] = 0.0
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    trainer.optimiser.step()
    trainer.optimiser.zero_grad()
    return trainer


def _record(spec: CostSpec, cell: int, turn: int, metric: str, value: float) -> Record:
    common = {"seed": spec.seeds[0], "objective": spec.objectives[cell], "trajectories": spec.batch_size}
    return {**common, "iteration": turn, "metric": metric, "cell": cell, "value": value}


def _wait(trainer: Trainer) -> None:
    if trainer.log_z.is_cuda:
        torch.cuda.synchronize(trainer.log_z.device)
