"""Samplers of one target on equal terms: each measured by the same numbers after equal parts of a budget."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from gfn.environments import ContinuousEnvironment
from gfn.evaluation.continuous import probabilities
from gfn.evaluation.samples import sample_measures, target_measures, weight_measures
from gfn.randomness import stream
from gfn.rivals import RIVALS, Rival, Shape
from gfn.runs.objective import takes
from gfn.runs.spec import RivalSpec
from gfn.runs.training import Record, Trainer, TrainingError
from gfn.sampling import retrace, rollout


class GFlowNet(Rival):
    """A GFlowNet as a rival of the others: trained as ever, for one seed."""

    def __init__(self, spec: RivalSpec, shape: Shape, seed: int) -> None:
        super().__init__(spec.task, shape, seed)
        self.trainer = Trainer(spec.training(seed))
        # The batch from which a first scale is taken counts, too.
        needs_scale = takes(spec.objective.name, "log_scale") or spec.objective.log_z == "batch"
        self.used = shape.batch_size * needs_scale

    def advance(self, budget: int) -> None:
        while self.used + self.shape.batch_size <= budget:
            self.trainer.step()
            self.used += self.shape.batch_size
        self.trainer.check()

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        drawn = rollout(self.environment, self.trainer.policy, count, [generator])
        points = drawn.terminal[0]
        if isinstance(self.environment, ContinuousEnvironment):
            points = points[:, :-1]  # without the number of coordinates
        return points, (drawn.log_reward + drawn.log_pb - drawn.log_pf)[0]

    @torch.no_grad()
    def weights_of(self, points: Tensor, generator: torch.Generator) -> Tensor:
        task, policy = self.environment, self.trainer.policy
        if isinstance(task, ContinuousEnvironment):
            back = probabilities(task, policy, points.unsqueeze(0))
        else:
            back = retrace(task, policy, points.unsqueeze(0), generator)
        return (back.log_reward + back.log_pb - back.log_pf)[0]


def race(spec: RivalSpec, progress: Callable[[int, int], None] | None = None) -> list[Record]:
    """One sampler a seed, measured after each part of the budget by all of :mod:`gfn.evaluation.samples`.

    Records have the evaluations or samples used as ``trajectories``, the part as ``iteration``, and as ``seconds`` those of
    training alone. A number that is not finite, such as a bound of a sampler that cannot reach a sample, is left out.

    Raises:
        TrainingError: if a loss or a gradient is not finite.
    """
    records: list[Record] = []
    shape = Shape(spec.policy.hidden, spec.batch_size, spec.learning_rate, spec.budget)
    for done, seed in enumerate(spec.seeds):
        own = spec.model == "gflownet"
        rival = GFlowNet(spec, shape, seed) if own else RIVALS[spec.model](spec.task, shape, seed)
        seconds = 0.0
        for mark in range(1, spec.marks + 1):
            started = time.perf_counter()
            try:
                rival.advance(spec.budget * mark // spec.marks)
            except (FloatingPointError, TrainingError) as error:
                what = f"task {spec.task.task}, model {spec.model}, seed {seed}"
                raise TrainingError(f"{error}: {what}", records) from None
            seconds += time.perf_counter() - started
            about = {"seed": seed, "iteration": mark, "trajectories": rival.used, "seconds": seconds}
            found = measure(rival, spec.points, seed)
            records += [
                {**about, "metric": name, "value": value} for name, value in found.items() if math.isfinite(value)
            ]
            if progress is not None:
                progress(done * spec.marks + mark, len(spec.seeds) * spec.marks)
    return records


def measure(rival: Rival, count: int, seed: int) -> dict[str, float]:
    """All that can be measured of a sampler as it is."""
    task = rival.environment
    points, log_weights = rival.draw(count, stream("rival: points", seed))
    found: dict[str, Tensor] = {}
    if log_weights is not None:
        found |= weight_measures(log_weights, task.log_z)
    exact = task.sample_target(count, stream("rival: exact samples", seed))
    if (back := rival.weights_of(exact, stream("rival: paths to them", seed))) is not None:
        found |= target_measures(back, task.log_z)
    spread = rival.spread(points, log_weights, stream("rival: resampled", seed))
    return {name: float(value) for name, value in found.items()} | sample_measures(task, spread.double(), seed)
