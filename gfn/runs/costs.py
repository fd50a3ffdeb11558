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
    """The costs of an iteration of each objective, all in one process and in turns, near the start of training.

    Metrics recorded, with ``iteration`` the number of the round, and ``cell`` that of the objective in ``spec``:

    - ``seconds``, by the clock, and ``processor_seconds``, which other processes can hardly change. On a GPU the first
      alone is that of the computation; the processor only waits for it;
    - ``memory``, once: bytes at the peak of an iteration, over those held before it, see :func:`peak_memory`. All
      objectives have the same policy and the same noise there, so the same batch.

    An iteration samples, estimates and steps, for the seeds of ``spec`` together. What it finds is not looked at.
    """
    trainers = [_ready(spec, objective, device) for objective in spec.objectives]
    records = [_record(spec, cell, 0, "memory", _memory(trainer)) for cell, trainer in enumerate(trainers)]
    total = spec.warmup + spec.rounds
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
            progress(turn + spec.warmup, total)
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


def _ready(spec: CostSpec, objective: Objective, device: str) -> Trainer:
    trainer = Trainer(spec.training(objective), device)
    trainer.discoveries = None
    for group in trainer.optimiser.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    trainer.optimiser.step()  # of length 0: Adam makes its state, and no parameter changes
    trainer.optimiser.zero_grad()
    return trainer


def _memory(trainer: Trainer) -> int:
    make_graph, trainer.make_graph = trainer.make_graph, None  # a captured iteration has memory of its own
    trainer.generators = streams("training", trainer.spec.seeds, trainer.log_z.device.type)
    peak = peak_memory(trainer.step, trainer.log_z.device)
    trainer.make_graph = make_graph
    return peak


def _record(spec: CostSpec, cell: int, turn: int, metric: str, value: float) -> Record:
    common = {"seed": spec.seeds[0], "objective": spec.objectives[cell], "trajectories": spec.batch_size}
    return {**common, "iteration": turn, "metric": metric, "cell": cell, "value": value}


def _wait(trainer: Trainer) -> None:
    if trainer.log_z.is_cuda:
        torch.cuda.synchronize(trainer.log_z.device)
