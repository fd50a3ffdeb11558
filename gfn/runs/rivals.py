"""Samplers of one target on equal terms: each measured by the same numbers after equal parts of a budget."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from gfn.environments import ContinuousEnvironment, Environment
from gfn.evaluation.continuous import probabilities
from gfn.evaluation.samples import sample_measures, target_measures, weight_measures
from gfn.policies import Policy, make_policy
from gfn.randomness import stream
from gfn.rivals import RIVALS, Rival, Shape
from gfn.runs.objective import takes
from gfn.runs.spec import RivalSpec
from gfn.runs.training import Record, Trainer, TrainingError
from gfn.sampling import retrace, rollout

SHOWN, COORDINATES = 256, 3  # points that are kept at the end, and how many of their coordinates
PICTURES = 24  # that are kept whole


class GFlowNet(Rival):
    """A GFlowNet as a rival of the others: one replica of a training, which goes on for the replicas of all seeds at once."""

    def __init__(self, trainer: Trainer, shape: Shape, place: int) -> None:
        spec = trainer.spec
        super().__init__(spec.task, shape, spec.seeds[place])
        self.trainer, self.place = trainer, place
        # The batch from which a first scale is taken counts, too.
        needs_scale = takes(spec.objective.name, "log_scale") or spec.objective.log_z == "batch"
        self.first = self.used = shape.batch_size * needs_scale

    def advance(self, budget: int) -> None:
        for _ in range(self.trainer.iteration, (budget - self.first) // self.shape.batch_size):
            self.trainer.step()
        self.trainer.check()
        self.used = self.first + self.trainer.iteration * self.shape.batch_size

    @property
    def policy(self) -> Policy:
        """That of its replica alone."""
        own = make_policy(self.environment, self.trainer.spec.policy, (self.seed,))
        for parameter, every in zip(own.parameters(), self.trainer.policy.parameters()):
            parameter.data.copy_(every.data[self.place : self.place + 1])
        return own

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        drawn = rollout(self.environment, self.policy, count, [generator])
        points = drawn.terminal[0]
        if isinstance(self.environment, ContinuousEnvironment):
            points = points[:, :-1]  # without the number of coordinates
        return points, (drawn.log_reward + drawn.log_pb - drawn.log_pf)[0]

    @torch.no_grad()
    def weights_of(self, points: Tensor, generator: torch.Generator) -> Tensor:
        task, policy = self.environment, self.policy
        if isinstance(task, ContinuousEnvironment):
            back = probabilities(task, policy, points.unsqueeze(0))
        else:
            back = retrace(task, policy, points.unsqueeze(0), generator)
        return (back.log_reward + back.log_pb - back.log_pf)[0]


def race(spec: RivalSpec, progress: Callable[[int, int], None] | None = None) -> list[Record]:
    """One sampler a seed, measured after each part of the budget by all of :mod:`gfn.evaluation.samples`.

    Records have the evaluations or samples used as ``trajectories``, the part as ``iteration``, and as ``seconds`` those of
    training alone, of GFlowNets a seed's share. A number that is not finite, such as a bound of a sampler that cannot reach a
    sample, is left out. Where a loss or a gradient is not finite, training ends, and ``diverged`` is recorded in the place of
    all numbers. Some points of the first seed are kept, by their coordinates ``x1``, ``x2``, ``x3``, with their number as ``cell``; of
    pictures fewer, with all their pixels.
    """
    together = spec.model == "gflownet"
    records, rivals = [], _rivals(spec)
    seconds, lost = dict.fromkeys(spec.seeds, 0.0), set()
    for mark in range(1, spec.marks + 1):
        started = time.perf_counter()
        for done, rival in enumerate(rivals):
            try:
                if rival.seed not in lost:
                    rival.advance(spec.budget * mark // spec.marks)
            except (FloatingPointError, TrainingError):
                if together and len(rivals) > 1:  # one seed must not end the others
                    alone = (spec.model_copy(update={"seeds": (seed,)}) for seed in spec.seeds)
                    return [record for each in alone for record in race(each)]
                lost.add(rival.seed)
            if not together:
                seconds[rival.seed] += time.perf_counter() - started
                started = time.perf_counter()
            elif not done:  # this one has trained all
                spent = (time.perf_counter() - started) / len(rivals)
                seconds = {seed: before + spent for seed, before in seconds.items()}
            about = {"seed": rival.seed, "iteration": mark, "trajectories": rival.used, "seconds": seconds[rival.seed]}
            found, points = ({"diverged": 1.0}, None) if rival.seed in lost else measure(rival, spec.points)
            records += [
                {**about, "metric": name, "value": value} for name, value in found.items() if math.isfinite(value)
            ]
            if mark == spec.marks and not done and points is not None:
                records += [{**about, **each} for each in _kept(points, spec.task)]
            if progress is not None:
                progress((mark - 1) * len(rivals) + done + 1, len(rivals) * spec.marks)
            started = time.perf_counter()
    return records


def _rivals(spec: RivalSpec) -> list[Rival]:
    """A sampler a seed."""
    shape = Shape(spec.policy.hidden, spec.batch_size, spec.learning_rate, spec.budget)
    if spec.model != "gflownet":
        return [RIVALS[spec.model](spec.task, shape, seed) for seed in spec.seeds]
    trainer = Trainer(spec.training(spec.seeds[0]).model_copy(update={"seeds": spec.seeds}))
    return [GFlowNet(trainer, shape, place) for place in range(len(spec.seeds))]


def measure(rival: Rival, count: int) -> tuple[dict[str, float], Tensor]:
    """All that can be measured of a sampler as it is, and the points ``[N, d]`` that were beside exact samples."""
    task, seed = rival.environment, rival.seed
    points, log_weights = rival.draw(count, stream("rival: points", seed))
    found: dict[str, Tensor] = {}
    if log_weights is not None:
        found |= weight_measures(log_weights, task.log_z)
    exact = task.sample_target(count, stream("rival: exact samples", seed))
    if (back := rival.weights_of(exact, stream("rival: paths to them", seed))) is not None:
        found |= target_measures(back, task.log_z)
    spread = rival.spread(points, log_weights, stream("rival: resampled", seed)).double()
    return {name: float(value) for name, value in found.items()} | sample_measures(task, spread, seed), spread


def _kept(points: Tensor, task: Environment) -> list[Record]:
    """Some of the points, a record for each coordinate."""
    many, axes = (SHOWN, COORDINATES) if isinstance(task, ContinuousEnvironment) else (PICTURES, points.shape[1])
    places = torch.linspace(0, len(points) - 1, min(many, len(points))).round().long()
    return [
        {"metric": f"x{axis + 1}", "cell": cell, "value": value}
        for axis, column in enumerate(points[places, :axes].T.float().tolist())
        for cell, value in enumerate(column)
    ]
