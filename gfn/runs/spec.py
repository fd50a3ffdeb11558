"""Specifications: frozen, validated records that name a run completely."""

import hashlib
import json
from functools import cached_property
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from gfn.environments import (
    TASKS,
    Banana,
    ContinuousEnvironment,
    DiscreteEnvironment,
    GaussianMixture,
    PlanarEnvironment,
    Sets,
    Task,
)
from gfn.environments.own import find_task
from gfn.estimators import DIVERGENCES
from gfn.evaluation.accuracy import is_enumerated
from gfn.policies import PolicySettings
from gfn.rivals import RIVALS
from gfn.runs.draws import LISTABLE, LISTED, Draws
from gfn.runs.objective import WITH_FLOW, Objective
from gfn.runs.off_policy import OffPolicy
from gfn.settings import Settings, SettingsError, explain

Seeds = tuple[Annotated[int, Field(ge=0, lt=2**63)], ...]


def _left_out(value: object) -> bool:
    """What is by default is left out of specifications, so that they are those of before there was the setting."""
    return not value


def _weighted(off: OffPolicy, objectives: tuple[Objective, ...]) -> set[Objective]:
    """Those that estimate the gradient of a divergence from what is drawn off policy."""
    return {each for each in objectives if each.name in DIVERGENCES and off.weights != "none"}


class Spec(Settings):
    """Base of all specifications."""

    @cached_property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that name the run in a results store."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @field_validator("seeds", check_fields=False)
    @classmethod
    def _distinct(cls, seeds: Seeds) -> Seeds:
        if not seeds:
            raise ValueError("seeds = () is not allowed: give at least one")
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"seeds = {seeds} is not allowed: they must differ")
        return seeds


def _check_draws(draws: Draws, task: Task, *objectives: Objective) -> None:
    few = isinstance(task, DiscreteEnvironment) and task.action_count**task.max_steps <= LISTABLE
    if draws.scheme in LISTED and not few:
        why = f"its trajectories are not surely fewer than {LISTABLE}, and cannot be listed"
        raise ValueError(f"draws {draws.label} is not allowed for task {task.task} at these sizes: {why}")
    for objective in objectives:
        if draws.scheme in LISTED and (objective.with_flow or objective.baseline == "last"):
            why = "trajectories from a list come without their steps"
            raise ValueError(f"draws {draws.label} is not allowed with {objective.label}: {why}")


def _check_off_policy(off: OffPolicy | None, draws: Draws, task: Task, *objectives: Objective) -> None:
    if off is None:
        return
    if draws != Draws():
        raise ValueError(f"draws {draws.label} is not allowed off policy: there trajectories are drawn independently")
    if off.temperature != 1 and isinstance(task, ContinuousEnvironment):
        refused = f"temperature = {off.temperature:g} is not allowed for task {task.task}"
        raise ValueError(f"{refused}: a power of a mixture of Gaussians is none")
    for objective in objectives:
        if objective.baseline:
            refused = f"off_policy {off.label} is not allowed with {objective.label}"
            raise ValueError(f"{refused}: its baseline is for the gradient on policy")
        if objective.name not in DIVERGENCES and off.weights is not None:
            refused = f"weights = {off.weights} is not allowed with {objective.label}"
            raise ValueError(f"{refused}: whatever it is drawn from, its minimum is at the target, and it takes none")


def _check_backward(policy: PolicySettings, draws: Draws, task: Task, objective: Objective) -> None:
    refused = f"backward = {policy.backward} is not allowed"
    if policy.backward == "uniform":
        return
    if not isinstance(task, DiscreteEnvironment):
        raise ValueError(f"{refused} for task {task.task}: each of its points has one trajectory")
    if objective.baseline is not None:
        why = "baselines are for a gradient in the forward policy alone"
        raise ValueError(f"{refused} with {objective.label}: {why}")
    if draws.scheme in LISTED:
        raise ValueError(f"{refused} with draws {draws.label}: their log-probabilities are kept from earlier policies")


class TrainingSpec(Spec):
    """Training runs of one objective on one task, one for each seed, trained together."""

    kind: Literal["training"] = "training"
    task: Task = Field(default_factory=Sets)
    objective: Objective = Field(default_factory=Objective)
    policy: PolicySettings = Field(default_factory=PolicySettings)
    seeds: Seeds = Field((0, 1, 2), description="training seeds, trained together")
    iterations: int = Field(512, ge=1, le=10_000_000, description="optimiser steps")
    batch_size: int = Field(128, ge=1, le=1_000_000, description="trajectories for each step and seed")
    draws: Draws = Field(default_factory=Draws, description="how the trajectories of a step are drawn")
    off_policy: OffPolicy | None = Field(
        None, exclude_if=_left_out, description="from what they are drawn, if not from the policy itself"
    )
    learning_rate: float = Field(1e-3, gt=0, description="Adam's step size for the policy")
    log_z_learning_rate: float = Field(0.1, gt=0, description="Adam's step size for TB's learned log Z")
    evaluate_every: int = Field(16, ge=1, le=10**9, description="iterations between evaluations")
    l1_objects: int = Field(
        128, ge=4, le=10**9, description="objects in the importance estimate of L1, where it cannot be exact"
    )
    l1_orders: int = Field(32, ge=1, le=10**9, description="backward orders for each of these objects")
    resolution: int = Field(256, ge=8, le=4096, description="quadrature cells along each axis (planar tasks)")
    density: int = Field(
        0, ge=0, le=1024, description="cells along each axis of the final density to keep, 0 for none (planar tasks)"
    )
    top_k: int = Field(
        100, ge=1, le=10**9, description="best objects found whose mean log-reward is recorded (discrete tasks)"
    )
    mode_fractions: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.25, 0.5, 0.75), description="fractions of the highest reward from which on an object counts as a mode"
    )
    dtype: Literal["float32", "float64"] = Field("float32", description="precision of the networks")
    measures: bool = Field(
        False, exclude_if=_left_out, description="record at the end what is measured where errors cannot be exact"
    )

    @field_validator("mode_fractions")
    @classmethod
    def _percentages(cls, fractions: tuple[float, ...]) -> tuple[float, ...]:
        if len({round(100 * fraction) for fraction in fractions}) < len(fractions):
            raise ValueError(f"mode_fractions = {fractions} is not allowed: they must differ in whole per cent")
        return fractions

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        largest = torch.finfo(getattr(torch, self.dtype)).max
        if abs(start := self.objective.log_z_start or 0.0) > largest:
            raise ValueError(
                f"log_z_start = {start} is not allowed with dtype {self.dtype}: at most {largest:.1e} in size"
            )
        if hindrance := self.objective.hindrance(self.batch_size):
            raise ValueError(f"batch_size = {self.batch_size} is not allowed {hindrance}")
        _check_baseline(self.objective, self.task)
        _check_draws(self.draws, self.task, self.objective)
        _check_off_policy(self.off_policy, self.draws, self.task, self.objective)
        if self.off_policy and self.off_policy.replay and self.off_policy.part(self.batch_size) == self.batch_size:
            raise ValueError(f"replay = {self.off_policy.replay} is not allowed: nothing new would be drawn")
        _check_backward(self.policy, self.draws, self.task, self.objective)
        if self.measures and self.policy.backward != "uniform":
            why = "its bounds and losses are those of trajectories with the uniform one"
            raise ValueError(f"measures = True is not allowed with backward = {self.policy.backward}: {why}")
        if self.measures and not is_enumerated(self.task) and self.task.log_z is None:
            why = "its log Z is not known, from which bounds are measured, and it cannot be enumerated"
            raise ValueError(f"measures = True is not allowed for task {self.task.task}: {why}")
        if self.draws.scheme in ("common", "replayed") and self.draws.part(self.batch_size) == self.batch_size:
            why = "nothing new would be drawn" if self.draws.age else self.objective.hindrance(1)
            if why:
                raise ValueError(f"draws.share = {self.draws.share} is not allowed with {self.draws.scheme}: {why}")
        if self.density and not isinstance(self.task, PlanarEnvironment):
            refused = f"density = {self.density} is not allowed for task {self.task.task}"
            raise ValueError(f"{refused}: only planar tasks have a density")
        return self


def _check_baseline(objective: Objective, task: Task) -> None:
    if objective.baseline == "last" and not isinstance(task, DiscreteEnvironment):
        raise ValueError(
            f"baseline = last is not allowed for task {task.task}: its last choice is among infinitely many"
        )


class GradientSpec(Spec):
    """Measurements of gradient estimates along a training: variance, and where exact gradients can be had bias and error."""

    kind: Literal["gradient"] = "gradient"
    task: Task = Field(default_factory=Sets)
    objectives: tuple[Objective, ...] = Field(min_length=1)
    policy: PolicySettings = Field(default_factory=PolicySettings)
    seeds: Seeds = Field((0, 1, 2), description="seeds of the policies at which gradients are measured")
    trainer: Objective = Field(default_factory=Objective, description="the objective along whose training to measure")
    warmup: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0, 128), min_length=1, description="iterations of the training at which to measure"
    )
    batch_sizes: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (2, 8, 32, 128), min_length=1, description="trajectories an estimate"
    )
    draws: Draws = Field(default_factory=Draws, description="how the trajectories of an estimate are drawn")
    off_policy: OffPolicy | None = Field(
        None, exclude_if=_left_out, description="from what they are drawn, if not from the policy itself"
    )
    replicates: int = Field(64, ge=2, description="independent estimates for each entry")
    exact: bool = Field(False, description="compare with the exact gradient (small enumerable tasks)")
    centred: bool = Field(False, description="divide rewards by the exact Z, which matters to reverse KL alone")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for objective in self.objectives:
            _check_baseline(objective, self.task)
            if objective.name in WITH_FLOW:
                why = "gradients are measured of losses of whole trajectories"
                raise ValueError(f"objectives with {objective.name} is not allowed: {why}")
            if objective.log_z not in (None, "known") and objective != self.trainer:
                refused = f"objectives with log_z = {objective.log_z} is not allowed with trainer {self.trainer.label}"
                why = "only the training of the same objective has that log Z, and log_z = known needs none"
                raise ValueError(f"{refused}: {why}")
            if objective.baseline in ("scalar", "state") and objective != self.trainer:
                refused = f"objectives with baseline = {objective.baseline} is not allowed"
                why = "only the training of the same objective has that baseline"
                raise ValueError(f"{refused} with trainer {self.trainer.label}: {why}")
            if objective.baseline and self.centred:
                raise ValueError("centred = True is not allowed with a baseline: it has the rewards as they are")
            if objective.alpha_end is not None:
                raise ValueError(f"alpha_end = {objective.alpha_end!r} is not allowed: gradients have one order")
            if 1 in self.batch_sizes and (hindrance := objective.hindrance(1)):
                raise ValueError(f"batch_sizes with 1 is not allowed {hindrance}")
        if self.policy.backward != "uniform":
            why = "gradients are measured in the parameters of the forward policy"
            raise ValueError(f"backward = {self.policy.backward} is not allowed: {why}")
        _check_draws(self.draws, self.task, *self.objectives)
        _check_off_policy(self.off_policy, self.draws, self.task, *self.objectives)
        if self.off_policy and self.off_policy.replay:
            why = "an estimate has no memory, a lag stands for the age of what is replayed"
            raise ValueError(f"replay = {self.off_policy.replay} is not allowed for gradients: {why}")
        if self.off_policy and self.exact and not set(self.objectives) <= _weighted(self.off_policy, self.objectives):
            why = "only estimates of a divergence with importance weights have the gradient of one"
            raise ValueError(f"exact = True is not allowed with off_policy {self.off_policy.label}: {why}")
        if self.off_policy and self.off_policy.lag > min(self.warmup):
            refused = f"warmup with {min(self.warmup)} is not allowed with off_policy {self.off_policy.label}"
            raise ValueError(f"{refused}: so many iterations before there was no policy yet")
        if (self.draws.age or 0) > min(self.warmup):
            refused = f"warmup with {min(self.warmup)} is not allowed with draws {self.draws.label}"
            raise ValueError(f"{refused}: so many iterations before there was no policy yet")
        if self.exact and not isinstance(self.task, DiscreteEnvironment):
            raise ValueError(f"exact = True is not allowed for task {self.task.task}: it cannot be enumerated")
        return self


class ReferenceSpec(Spec):
    """Samples of the banana by Hamiltonian Monte Carlo, the paper's ground truth."""

    kind: Literal["reference"] = "reference"
    task: Banana = Field(default_factory=Banana)
    seeds: Seeds = Field((0, 1), description="one chain a seed")
    samples: int = Field(1000, ge=4, description="draws a chain, after warm-up")
    warmup: int = Field(300, ge=1, description="adaptation steps a chain")


class CostSpec(Spec):
    """What an iteration of training costs, of several objectives in turns, see :func:`gfn.runs.costs.measure_costs`."""

    kind: Literal["cost"] = "cost"
    task: Task = Field(default_factory=Sets)
    objectives: tuple[Objective, ...] = Field(min_length=1)
    policy: PolicySettings = Field(default_factory=PolicySettings)
    seeds: Seeds = Field((0,), max_length=1, description="the one seed of the trainings")
    batch_size: int = Field(128, ge=1, le=1_000_000, description="trajectories for each iteration")
    rounds: int = Field(15, ge=1, le=10**6, description="measured iterations of each objective")
    warmup: int = Field(3, ge=0, le=10**6, description="iterations of each before")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError("objectives is not allowed to name one twice")
        for objective in self.objectives:
            self.training(objective)
        return self

    def training(self, objective: Objective) -> TrainingSpec:
        """The training whose iterations are measured."""
        settings = {name: getattr(self, name) for name in ("task", "policy", "seeds", "batch_size")}
        return TrainingSpec(objective=objective, **settings)


class RivalSpec(Spec):
    """One sampler of a target, measured along a budget of evaluations or samples, see :func:`gfn.runs.rivals.race`."""

    kind: Literal["rival"] = "rival"
    task: Task = Field(default_factory=GaussianMixture)
    model: Literal["gflownet", *RIVALS] = Field("gflownet", description="what samples")
    objective: Objective | None = Field(None, description="what a GFlowNet minimises")
    policy: PolicySettings = Field(default_factory=PolicySettings, description="widths of all networks")
    seeds: Seeds = Field((0, 1, 2), description="one sampler each")
    budget: int = Field(65_536, ge=1, le=10**10, description="evaluations of the density, or samples of the target")
    batch_size: int = Field(128, ge=2, le=1_000_000, description="points a step")
    learning_rate: float = Field(1e-3, gt=0, description="step size: of Adam, or of leaps")
    marks: int = Field(4, ge=1, le=1000, description="equal parts of the budget after which it is measured")
    points: int = Field(2048, ge=8, le=10**7, description="points of each measurement")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        task, targets = self.task, tuple({kind.target for kind in RIVALS.values()})
        if not isinstance(task, targets) or not task.has_samples or task.log_z is None:
            raise ValueError(
                f"task {task.task} is not allowed for rivals: a density with exact samples and log Z is due"
            )
        if (self.objective is None) == (self.model == "gflownet"):
            has = "none" if self.objective is None else self.objective.label
            raise ValueError(
                f"objective = {has} is not allowed with model {self.model}: a GFlowNet has one, others none"
            )
        if self.objective is None and not isinstance(task, RIVALS[self.model].target):
            raise ValueError(f"model = {self.model} is not allowed for task {task.task}: it is for others")
        if self.budget // self.marks < self.batch_size:
            refused = f"budget = {self.budget} is not allowed with marks = {self.marks}"
            raise ValueError(f"{refused}: each part must have room for a batch of {self.batch_size}")
        if self.objective is not None:
            self.training(self.seeds[0])
        return self

    def training(self, seed: int) -> TrainingSpec:
        """That of the GFlowNet."""
        iterations = self.budget // self.batch_size
        settings = {
            name: getattr(self, name) for name in ("task", "objective", "policy", "batch_size", "learning_rate")
        }
        return TrainingSpec(seeds=(seed,), iterations=iterations, evaluate_every=iterations, **settings)


AnySpec = Annotated[TrainingSpec | GradientSpec | ReferenceSpec | CostSpec | RivalSpec, Field(discriminator="kind")]
_ANY = TypeAdapter(AnySpec)


def parse_spec(text: str | bytes) -> TrainingSpec | GradientSpec | ReferenceSpec | CostSpec | RivalSpec:
    """The specification written as JSON in ``text``.

    It holds all data itself: whoever wrote it must not choose what file is opened here.

    Raises:
        UnknownTaskError: if its task is not of this package, and neither imported nor installed.
        SettingsError: if it is no specification.
    """
    try:
        task = json.loads(text).get("task")
    except (ValueError, AttributeError, RecursionError):
        task = None
    if isinstance(task, dict) and isinstance(task.get("task"), str):
        find_task(task["task"], TASKS)
    for name in ("alignment", "data") if isinstance(task, dict) else ():
        if isinstance(task.get(name), str):
            raise SettingsError(
                f"task.{name} = {task[name]!r} is not allowed in a specification: the data, not their file"
            )
    try:
        return _ANY.validate_json(text)
    except ValidationError as error:
        raise SettingsError(explain(error)) from None
