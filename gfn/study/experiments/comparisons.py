"""Figures 3 to 6, 8 and 9 and Table 1: objectives against each other."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gfn.environments import Banana, Environment, GaussianMixture, Hypergrid
from gfn.estimators import DIVERGENCES
from gfn.estimators.control_variates import ControlVariate
from gfn.runs.objective import OBJECTIVES
from gfn.runs.spec import ReferenceSpec, Spec, TrainingSpec
from gfn.study.experiments.settings import Batch, ComparisonFigure, FigureSettings, Orders, Positive, TrainingFigure
from gfn.study.experiments.tasks import (
    CALIBRATED,
    DENSITY_CELLS,
    MIXTURE_CALIBRATED,
    PAPER_CONTROL_VARIATES,
    SEQUENCES_CALIBRATED,
    calibrated_tasks,
    estimator,
    narrow_mixture,
    paper_tasks,
    peaked_sequences,
    policy,
    training,
)

DISCOVERY_TASKS = ("sequences", "sets", "hypergrid", "dags")
SPARSE_R0 = 1e-5


class Figure1(TrainingFigure):
    """GM early in training under Rényi divergences of different orders."""

    alpha: Orders

    def specs(self) -> dict[float, TrainingSpec]:
        """One training run for each α."""
        return {
            alpha: TrainingSpec(
                task=GaussianMixture(),
                objective=estimator("renyi", alpha=alpha),
                policy=policy(self.profile),
                seeds=self.seeds,
                iterations=self.iterations,
                batch_size=self.batch_size,
                evaluate_every=self.iterations,  # only the end is shown
                density=DENSITY_CELLS,
            )
            for alpha in self.alpha
        }


class Figure3(ComparisonFigure):
    """Accuracy against training on all tasks, all objectives."""

    def tasks(self) -> dict[str, Environment]:
        """The tasks that are compared on."""
        return paper_tasks(self.profile)

    def specs(self) -> dict[tuple[str, str], TrainingSpec]:
        """One training run for each pair of task and objective; of calibrated tasks only final errors are shown."""
        return {
            (task, name): training(
                self, environment, estimator(name, alpha=self.alpha), with_curve=task not in CALIBRATED
            )
            for task, environment in self.tasks().items()
            for name in OBJECTIVES
        }


class Figure4(Figure3):
    """Rewards and modes found in training: sequences, sets, hypergrid, DAGs."""

    def tasks(self) -> dict[str, Environment]:
        every = paper_tasks(self.profile)
        return {name: every[name] for name in DISCOVERY_TASKS}


class Figure5(ComparisonFigure):
    """Learned densities of the banana."""

    samples: Annotated[int, Field(ge=4)]

    def specs(self) -> dict[str, Spec]:
        """One training run for each objective, and the reference chains under the name ``reference``."""
        trainings = {name: training(self, Banana(), estimator(name, alpha=self.alpha)) for name in ("tb", *DIVERGENCES)}
        return {**trainings, "reference": ReferenceSpec(samples=self.samples, warmup=max(self.samples // 4, 20))}


class Figure6(ComparisonFigure):
    """Learning curves on Sets with and without control variates."""

    control_variates: tuple[ControlVariate, ...] = Field(PAPER_CONTROL_VARIATES, min_length=1)

    def specs(self) -> dict[tuple[str, str], TrainingSpec]:
        """One training run for each pair of divergence and control variate."""
        sets = paper_tasks(self.profile)["sets"]
        return {
            (name, control_variate): training(self, sets, estimator(name, control_variate, self.alpha))
            for name in DIVERGENCES
            for control_variate in self.control_variates
        }


class Figure8(FigureSettings):
    """Forward KL with growing batches, beside TB with the same."""

    iterations: Positive
    batch_size: Annotated[tuple[Batch, ...], Field(min_length=2)]

    def specs(self) -> dict[tuple[str, int], TrainingSpec]:
        """One training run for each pair of objective and batch size."""
        task = peaked_sequences(SEQUENCES_CALIBRATED, self.profile)
        return {
            (name, size): training(self, task, estimator(name), batch_size=size)
            for name in ("tb", "forward_kl")
            for size in self.batch_size
        }


class Figure9(TrainingFigure):
    """Sparse targets under Rényi divergences of different orders."""

    alpha: Orders

    def specs(self) -> dict[tuple[str, float], TrainingSpec]:
        """One training run for each pair of task and α."""
        tasks = {
            "hypergrid": Hypergrid(side=6 if self.profile == "smoke" else 12, r0=SPARSE_R0),
            "gaussian_mixture": narrow_mixture(MIXTURE_CALIBRATED),
        }
        return {
            (name, alpha): training(
                self, task, estimator("renyi", alpha=alpha), with_density=name == "gaussian_mixture"
            )
            for name, task in tasks.items()
            for alpha in self.alpha
        }


class Table1(Figure3):
    """Final accuracy of all objectives on all tasks, the calibrated ones too."""

    def tasks(self) -> dict[str, Environment]:
        return paper_tasks(self.profile) | calibrated_tasks(self.profile)
