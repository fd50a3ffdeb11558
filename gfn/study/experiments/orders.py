"""The page on orders: which α to take."""

from __future__ import annotations

from collections.abc import Iterator

from gfn.environments import Environment, PlanarEnvironment, Sequences, Sets
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, Spec, TrainingSpec
from gfn.study.experiments.checks import MEASURED_TASKS, Stages
from gfn.study.experiments.settings import Batch, Orders, TrainingFigure
from gfn.study.experiments.tasks import contender, estimator, paper_tasks, policy, training

HALF = 0.5  # the order that others are compared with
LIMITS = {0.0: "forward_kl", 1.0: "reverse_kl"}  # what the Rényi divergence over |α| tends to
SCHEDULES = {"falling": (0.9, 0.1), "rising": (0.1, 0.9)}  # first and last order of a training
EXACT_TASKS = (Sets(universe=5, size=3), Sequences(alphabet=3, length=3))
EXACTER = 8  # times as many estimates on those, where they are cheap
REFERENCE = "vargrad"  # whose errors are the thresholds of the table of times
# Left out: far out, a weight (p_F / (p_B r))^(α-1) is beyond single precision, in the first iteration and every seed.
OVERFLOWS = {("banana", "tsallis", 2.0)}


class OrderStudy(TrainingFigure):
    """Rényi divergences of many orders on all tasks, beside other estimates of them and orders that change."""

    orders: Orders
    tsallis: Orders
    both: Orders
    stages: Stages
    replicates: Batch

    @property
    def quarter(self) -> int:
        """The first quarter of the iterations, at the end of which there is an evaluation."""
        return max(1, self.iterations // 4)

    def specs(self) -> dict[tuple, Spec]:
        """A training for each task, family and order, and under ``gradients`` or ``exact`` and a task the measurements.

        Families: ``order``, Rényi with ``joint``, whose limits at 0 and 1 are the KL divergences; ``tsallis``, with
        ``joint``; ``both``, Rényi with the paper's control variates; ``schedule``, by the names in ``SCHEDULES``; and
        ``reference``.
        """
        return {**self.trainings(), **self.measurements()}

    def trainings(self) -> dict[tuple[str, str, float | str], TrainingSpec]:
        """Those alone. Final densities are kept of all orders on planar tasks, for the mass that they miss."""
        return {
            (name, family, order): training(self, task, objective, **_kept(task, family))
            for name, task in paper_tasks(self.profile).items()
            for family, order, objective in self._lines()
            if (name, family, order) not in OVERFLOWS
        }

    def measurements(self) -> dict[tuple[str, str], GradientSpec]:
        """Variance of all orders' gradients along one training, that of α = ½, at the batch of training.

        Under ``exact`` and a task's name beside the exact gradient, on two tasks so small that it can be had.
        """
        tasks, small = paper_tasks(self.profile), PolicySettings(hidden=(8,))
        found = {("gradients", name): self._measured(tasks[name], policy(self.profile)) for name in MEASURED_TASKS}
        return found | {("exact", task.task): self._measured(task, small, exact=True) for task in EXACT_TASKS}

    def _measured(self, task: Environment, network: PolicySettings, exact: bool = False) -> GradientSpec:
        trainer = of_order(HALF)
        others = [objective for family, _, objective in self._lines() if family in ("order", "tsallis")]
        return GradientSpec(
            task=task,
            objectives=tuple(dict.fromkeys((trainer, *others))),
            policy=network,
            seeds=self.seeds,
            trainer=trainer,
            warmup=self.stages,
            batch_sizes=(self.batch_size,),
            replicates=self.replicates * (EXACTER if exact else 1),
            exact=exact,
        )

    def _lines(self) -> Iterator[tuple[str, float | str, Objective]]:
        for order in sorted({*self.orders, HALF}):
            yield "order", order, of_order(order)
        for order in self.tsallis:
            yield "tsallis", order, estimator("tsallis", "joint", order)
        for order in self.both:
            yield "both", order, estimator("renyi", "both", order)
        for name, (first, last) in SCHEDULES.items():
            changing = Objective(name="renyi", alpha=first, alpha_end=last, control_variate="joint")
            yield "schedule", name, changing
        yield "reference", REFERENCE, contender(REFERENCE)


def of_order(order: float) -> Objective:
    """The Rényi divergence of an order with ``joint``; at 0 and at 1 its limit."""
    return contender(LIMITS[order]) if order in LIMITS else estimator("renyi", "joint", order)


def _kept(task: object, family: str) -> dict[str, bool]:
    return {"with_density": True} if family == "order" and isinstance(task, PlanarEnvironment) else {}
