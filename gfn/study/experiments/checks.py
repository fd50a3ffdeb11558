"""Figures 2 and 7, the exact checks, the calibration and the sensitivity of the results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from gfn.environments import Environment, Phylogenetics, Sequences, Sets
from gfn.policies import PolicySettings
from gfn.runs.objective import WITH_ALPHA, Objective
from gfn.runs.spec import GradientSpec, Spec, TrainingSpec
from gfn.study.experiments.settings import Batch, ComparisonFigure, FigureSettings, Positive, TrainingFigure
from gfn.study.experiments.tasks import (
    SCALE_SWEEP,
    SEQUENCES_CALIBRATED,
    SEQUENCES_SWEEP,
    SPACING_SWEEP,
    calibrated_tasks,
    contender,
    estimator,
    paper_tasks,
    peaked_sequences,
    policy,
    spread_mixture,
    training,
    variates,
)
from gfn.study.paper import DIVERGENCES

MEASURED_TASKS = ("sets", "sequences", "gaussian_mixture")
Stages = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


class GradientFigure(FigureSettings):
    """Parameters of the figures that measure gradient estimates along a training."""

    batch_size: tuple[Batch, ...] = Field(min_length=1)
    replicates: Batch
    stages: Stages
    alpha: float

    def _measurement(self, task: Environment, trainer: Objective, *others: Objective, **changes: bool) -> GradientSpec:
        """Estimates of ``trainer`` and of others, at stages of its training."""
        return GradientSpec(
            task=task,
            objectives=tuple(dict.fromkeys((trainer, *others))),
            policy=policy(self.profile),
            seeds=self.seeds,
            trainer=trainer,
            warmup=self.stages,
            batch_sizes=self.batch_size,
            replicates=self.replicates,
            **changes,
        )


class Figure2(GradientFigure):
    """Variance of gradient estimates against batch size, along the training of each divergence itself."""

    def specs(self) -> dict[tuple[str, str], GradientSpec]:
        """One measurement for each task and divergence; of the reverse KL a second one, with rewards divided by Z."""
        tasks, found = paper_tasks(self.profile), {}
        for task in MEASURED_TASKS:
            for name in DIVERGENCES:
                trainer = estimator(name, alpha=self.alpha)
                others = [estimator(name, variate, self.alpha) for variate in variates(name)]
                found[task, name] = self._measurement(tasks[task], trainer, *others)
                if name == "reverse_kl" and tasks[task].log_z:  # where log Z is 0, rewards are divided by Z already
                    found[task, "reverse_kl_centred"] = self._measurement(tasks[task], trainer, *others, centred=True)
        return found


class Figure7(GradientFigure):
    """Variance of TB's gradient along its own training, beside VarGrad's and the reverse KL's."""

    def specs(self) -> dict[tuple[str, str], GradientSpec]:
        """One measurement for each task and each start of TB's log Z; ``loo`` is all that a KL has of control variates."""
        tasks = paper_tasks(self.profile)
        others = [contender("tb_known"), contender("vargrad")]
        others += [estimator("reverse_kl", variate) for variate in ("none", "loo")]
        return {
            (task, line): self._measurement(tasks[task], contender(line), *others)
            for task in MEASURED_TASKS
            for line in ("tb", "tb_batch")
        }


class ExactChecks(FigureSettings):
    """Bias and variance of every estimate on small tasks whose exact gradient is known."""

    batch_size: tuple[Batch, ...] = Field(min_length=1)
    replicates: Batch
    warmup: Positive
    alpha: float
    epsilon: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)

    def specs(self) -> dict[tuple[str, str], Spec]:
        """One measurement for each small task and divergence: at initialisation, and along its own training."""
        return {
            (task.task, name): GradientSpec(
                task=task,
                objectives=tuple(self._estimates(name)),
                policy=PolicySettings(hidden=(8,)),
                seeds=self.seeds,
                trainer=estimator(name, alpha=self.alpha),
                warmup=(0, self.warmup),
                batch_sizes=self.batch_size,
                replicates=self.replicates,
                exact=True,
            )
            for task in (Sets(universe=5, size=3), Sequences(alphabet=3, length=3))
            for name in DIVERGENCES
        }

    def _estimates(self, name: str) -> Iterator[Objective]:
        """Every control variate; of both KLs ``both`` and ``joint`` are ``loo``."""
        for variate in ("none", "loo", "score"):
            yield estimator(name, variate, self.alpha)
        if name in WITH_ALPHA:
            for epsilon in self.epsilon:
                yield Objective(name=name, alpha=self.alpha, control_variate="both", epsilon=epsilon)
            yield estimator(name, "joint", self.alpha)


class Calibration(TrainingFigure):
    """Trajectory balance while two open reward laws are swept: sequences with Z known, the mixture with the default start, its truth."""

    def specs(self) -> dict[tuple[str, float] | tuple[str, float, float], TrainingSpec]:
        """One training run of TB for each reach of the sequences, and for each spacing and width of the mixture."""
        objectives = {"sequences": contender("tb_known"), "gaussian_mixture": contender("tb")}
        tasks: dict[Any, Environment] = {
            ("sequences", reach): peaked_sequences(reach, self.profile) for reach in SEQUENCES_SWEEP
        }
        tasks |= {
            ("gaussian_mixture", spacing, scale): spread_mixture(spacing, scale)
            for spacing in SPACING_SWEEP
            for scale in SCALE_SWEEP
        }
        # Runs that other pages have too are theirs.
        shared = {**paper_tasks(self.profile), **calibrated_tasks(self.profile)}.values()
        return {
            key: training(self, task, objectives[task.task], with_curve=task in shared) for key, task in tasks.items()
        }


class Sensitivity(ComparisonFigure):
    """Seven objectives while one open choice at a time is varied."""

    def specs(self) -> dict[tuple[str, str, str], TrainingSpec]:
        """One training run for each choice, value and objective; the value in force is among them."""
        return {
            (choice, value, line): self._run(default, task, contender(line, self.alpha), changes)
            for choice, value, default, task, changes in self._variations()
            for line in ("tb", "tb_batch", *DIVERGENCES, "tsallis_joint")
        }

    def _variations(self) -> Iterator[tuple[str, str, Environment, Environment, dict[str, Any]]]:
        """Choice, value, the task with the value in force, the task with this value, and settings changed."""
        tasks = paper_tasks(self.profile)
        sequences, mixture, trees = (tasks[name] for name in ("sequences", "gaussian_mixture", "phylogenetics"))
        for rate in (3e-4, 1e-3, 3e-3):
            yield "learning rate (sequences)", f"{rate:g}", sequences, sequences, {"learning_rate": rate}
        for reach in (1.0, 4.0, SEQUENCES_CALIBRATED):
            yield (
                "range of letter values (sequences)",
                f"{reach:g}",
                sequences,
                peaked_sequences(reach, self.profile),
                {},
            )
        for draw in (0, 1, 2):
            redrawn = sequences.model_copy(update={"task_seed": draw})
            yield "draw of the reward (sequences)", str(draw), sequences, redrawn, {}
        for rate in (0.01, 0.1):
            yield "step size of log Z (sequences)", f"{rate:g}", sequences, sequences, {"log_z_learning_rate": rate}
        for components in (8, 16, 32):
            settings = policy(self.profile).model_copy(update={"components": components})
            yield "mixture components (GM)", str(components), mixture, mixture, {"policy": settings}
        for length in (0.05, 0.1):
            yield "branch length (phylogenetics)", f"{length:g}", trees, _with_branch_length(trees, length), {}

    def _run(
        self, default: Environment, task: Environment, objective: Objective, changes: dict[str, Any]
    ) -> TrainingSpec:
        """The run of Figure 3 or Table 1 where there is one; others are evaluated at either end only."""
        if objective.log_z is None:  # no log Z to learn: the run is the same at any of its step sizes
            changes = {key: value for key, value in changes.items() if key != "log_z_learning_rate"}
        in_force, changed = training(self, default, objective), training(self, task, objective, **changes)
        shared = changed == in_force or (not changes and task in calibrated_tasks(self.profile).values())
        return changed if shared else training(self, task, objective, with_curve=False, **changes)


def _with_branch_length(task: Phylogenetics, length: float) -> Phylogenetics:
    return Phylogenetics(**task.model_dump() | {"branch_length": length})
