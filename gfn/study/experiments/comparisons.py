"""Figures 1, 3 to 6, 8 and 9 and Table 1: objectives against each other."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated

from pydantic import Field

from gfn.environments import Banana, Environment, GaussianMixture, Hypergrid, PlanarEnvironment
from gfn.runs.objective import WITH_ALPHA
from gfn.runs.spec import ReferenceSpec, Spec, TrainingSpec
from gfn.study.experiments.settings import (
    RATE,
    Batch,
    ComparisonFigure,
    FigureSettings,
    Orders,
    Positive,
    Rate,
    TrainingFigure,
)
from gfn.study.experiments.tasks import (
    CONTENDERS,
    TB_STARTS,
    VARIATIONS,
    calibrated_tasks,
    contender,
    estimator,
    paper_tasks,
    training,
    variates,
)
from gfn.study.paper import DIVERGENCES

DISCOVERY_TASKS = ("sets", "sequences", "sequences_calibrated", "hypergrid", "dags")
SPARSE_R0 = 1e-5
COMPARED_VARIATES = ("none", "both", "joint")


class Figure1(TrainingFigure):
    """Two Gaussian mixtures early in training under Rényi divergences of different orders."""

    alpha: Orders

    def specs(self) -> dict[tuple[str, str, float], TrainingSpec]:
        """One training run for each mixture, control variate and α; only the end of each is shown."""
        tasks = {
            "gaussian_mixture": GaussianMixture(),
            "gaussian_mixture_calibrated": calibrated_tasks(self.profile)["gaussian_mixture_calibrated"],
        }
        return {
            (name, variate, alpha): training(
                self, task, estimator("renyi", variate, alpha), with_density=True, with_curve=False
            )
            for name, task in tasks.items()
            for variate in COMPARED_VARIATES
            for alpha in self.alpha
        }


class Figure3(ComparisonFigure):
    """Accuracy against training on all tasks, all objectives."""

    def tasks(self) -> dict[str, Environment]:
        """The tasks that are compared on."""
        return paper_tasks(self.profile)

    def lines(self, task: Environment) -> tuple[str, ...]:
        """What is compared on a task, see :func:`~gfn.study.experiments.tasks.contender`."""
        return (*CONTENDERS, "tb_away") if isinstance(task, PlanarEnvironment) else CONTENDERS

    def specs(self) -> dict[tuple[str, str], TrainingSpec]:
        """One training run for each pair of task and line."""
        return {
            (name, line): training(self, task, contender(line, self.alpha))
            for name, task in self.tasks().items()
            for line in self.lines(task)
        }


class Figure4(Figure3):
    """Rewards and modes found in training: sets, sequences of both laws, hypergrid, DAGs."""

    def tasks(self) -> dict[str, Environment]:
        every = paper_tasks(self.profile) | calibrated_tasks(self.profile)
        return {name: every[name] for name in DISCOVERY_TASKS}


class Figure5(ComparisonFigure):
    """Learned densities of the banana, at the end and where they differ."""

    samples: Annotated[int, Field(ge=4)]
    early: Positive

    def specs(self) -> dict[Hashable, Spec]:
        """For each line a training to the end and, under ``("early", line)``, a shorter one; and under ``reference`` the chains."""
        found: dict[Hashable, Spec] = {}
        for line in ("tb", *DIVERGENCES, "renyi_joint", "tsallis_joint"):
            objective = contender(line, self.alpha)
            found[line] = training(self, Banana(), objective)
            found["early", line] = training(self, Banana(), objective, iterations=self.early, with_curve=False)
        return {**found, "reference": ReferenceSpec(samples=self.samples, warmup=max(self.samples // 4, 20))}


class Figure6(ComparisonFigure):
    """Learning curves on Sets with and without control variates, and of the balance losses that centre by log Z."""

    def specs(self) -> dict[tuple[str, str], TrainingSpec]:
        """One training run for each pair of divergence and control variate, and of ``balance`` and a balance loss.

        For the two KLs ``both`` is leave-one-out alone, since they have no other control variate.
        """
        sets = paper_tasks(self.profile)["sets"]
        found = {
            (name, variate): estimator(name, variate, self.alpha)
            for name in DIVERGENCES
            for variate in (variates(name) if name in WITH_ALPHA else ("none", "score", "both"))
        }
        found |= {("balance", line): contender(line) for line in ("tb", *TB_STARTS, "vargrad")}
        return {key: training(self, sets, objective) for key, objective in found.items()}


class Figure8(FigureSettings):
    """Forward KL with growing batches, beside TB with the same, on phylogenetics."""

    iterations: Positive
    batch_size: Annotated[tuple[Batch, ...], Field(min_length=2)]
    learning_rate: Rate = RATE

    def specs(self) -> dict[tuple[str, int], TrainingSpec]:
        """One training run for each pair of objective and batch size."""
        task = paper_tasks(self.profile)["phylogenetics"]
        return {
            (name, size): training(self, task, estimator(name), batch_size=size)
            for name in ("tb", "forward_kl")
            for size in self.batch_size
        }


class Figure9(TrainingFigure):
    """Sparse targets under Rényi divergences of different orders."""

    alpha: Orders

    def specs(self) -> dict[tuple[str, str, float], TrainingSpec]:
        """One training run for each task, control variate and α."""
        tasks = {
            "hypergrid": Hypergrid(side=6 if self.profile == "smoke" else 12, r0=SPARSE_R0),
            "gaussian_mixture_calibrated": calibrated_tasks(self.profile)["gaussian_mixture_calibrated"],
        }
        return {
            (name, variate, alpha): training(
                self, task, estimator("renyi", variate, alpha), with_density=name != "hypergrid"
            )
            for name, task in tasks.items()
            for variate in COMPARED_VARIATES
            for alpha in self.alpha
        }


class Table1(Figure3):
    """Final accuracy of all objectives on all tasks, the calibrated ones too, and what other control variates change."""

    def tasks(self) -> dict[str, Environment]:
        return paper_tasks(self.profile) | calibrated_tasks(self.profile)

    def lines(self, task: Environment) -> tuple[str, ...]:
        return (*super().lines(task), *VARIATIONS)
