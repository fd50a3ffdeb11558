"""Batches of very few trajectories, and of trajectories that depend on each other: what gradients and training make of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gfn.environments import Environment, Sequences, Sets
from gfn.evaluation.exact import all_trajectories
from gfn.policies import PolicySettings
from gfn.runs.draws import Draws
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, Spec, TrainingSpec
from gfn.study.experiments.settings import RATE, Batch, FigureSettings, Positive, Rate
from gfn.study.experiments.tasks import EVALUATIONS, estimator

Sizes = Annotated[tuple[Positive, ...], Field(min_length=1)]
Key = tuple[str | int, ...]
Shares = Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)]

# The task of the exact checks, and their network.
NETWORK = PolicySettings(hidden=(8,))
TRAINER = ("reverse_kl", "loo")  # along whose training gradients are measured
# What subtracts a baseline from the batch, unbiased if its trajectories are independent; Rényi divides by a mean, too.
SUBTRACTING = {"reverse_kl": "loo", "forward_kl": "loo", "renyi": "joint", "tsallis": "joint"}
TRAINED = ("reverse_kl", "renyi")
INDEPENDENT = Draws()
HALF = {"common": Draws(scheme="common", share=0.5), "prefix": Draws(scheme="prefix", share=0.5, group=4)}
OTHER = {"distinct": Draws(scheme="distinct"), "replayed": Draws(scheme="replayed", share=0.5, age=1)}


def small_tasks() -> dict[str, Environment]:
    """Two tasks whose trajectories can all be listed."""
    return {task.task: task for task in (Sets(universe=5, size=3), Sequences(alphabet=3, length=3))}


class DrawsStudy(FigureSettings):
    """Gradients of few or of dependent trajectories against exact ones, and training with them."""

    few: Sizes
    trajectories: Positive
    batch_size: Sizes
    shares: Shares
    alpha: float
    warmup: Positive
    age: Positive
    replicates: Batch
    iterations: Positive
    learning_rate: Rate = RATE

    @property
    def batch(self) -> int:
        """Trajectories a step of training, and an estimate of those that are judged."""
        return self.batch_size[0]

    def schemes(self) -> tuple[Draws, ...]:
        """All ways of drawing a batch whose gradients are measured."""
        found = [INDEPENDENT, *OTHER.values()]
        for scheme, own in (("common", {}), ("prefix", {"group": 4}), ("replayed", {"age": self.age})):
            found += [Draws(scheme=scheme, share=share, **own) for share in self.shares]
        return tuple(found)

    def specs(self) -> dict[Key, Spec]:
        """Runs by kind and task.

        - ``("few", task, N)``: gradients of N independent trajectories; a single one leaves nothing to subtract;
        - ``("drawn", task, N, scheme)``: gradients under a scheme, by its label;
        - ``("training", task, objective, scheme)``: with eight trajectories a step; for the scheme ``fewer`` these are
          independent and as many as ``common`` has different ones, and ``one`` has a single one without a baseline.
        """
        found: dict[Key, Spec] = {}
        for name, task in small_tasks().items():
            plain = [estimator(each, "none", self.alpha) for each in SUBTRACTING]
            all_of = [estimator(each, variate, self.alpha) for each, variate in SUBTRACTING.items()]
            alone = [objective for objective in plain if objective.hindrance(1) is None]
            for size in self.few:
                # As many trajectories at every size from two on: single estimates of few are the noisier.
                chosen = alone if size == 1 else (*all_of, *plain[2:])
                count = max(2, self.trajectories // max(2, size))
                found["few", name, size] = self._measured(task, chosen, size, INDEPENDENT, count)
            listed = all_trajectories(task)[1][0].shape[1]
            for draws in self.schemes():
                for size in self.batch_size:
                    if draws.scheme != "distinct" or size <= listed:
                        count = max(2, self.replicates * self.batch // size)
                        key = ("drawn", name, size, draws.label)
                        found[key] = self._measured(task, (*all_of, plain[0]), size, draws, count)
            for each in TRAINED:
                goal = estimator(each, SUBTRACTING[each], self.alpha)
                for draws in (INDEPENDENT, *HALF.values(), *OTHER.values()):
                    found["training", name, each, draws.scheme] = self._trained(task, goal, self.batch, draws)
                different = self.batch - HALF["common"].part(self.batch) + 1
                found["training", name, each, "fewer"] = self._trained(task, goal, different, INDEPENDENT)
            goal = estimator("reverse_kl", "none")
            found["training", name, "reverse_kl", "one"] = self._trained(task, goal, 1, INDEPENDENT)
        return found

    def _measured(
        self,
        task: Environment,
        objectives: list[Objective] | tuple[Objective, ...],
        size: int,
        draws: Draws,
        replicates: int,
    ) -> GradientSpec:
        return GradientSpec(
            task=task,
            objectives=tuple(objectives),
            policy=NETWORK,
            seeds=self.seeds[:1],  # replicated estimates, not seeds, make the measurement precise
            trainer=estimator(*TRAINER),
            warmup=(self.warmup,),
            batch_sizes=(size,),
            draws=draws,
            replicates=replicates,
            exact=True,
        )

    def _trained(self, task: Environment, objective: Objective, batch: int, draws: Draws) -> TrainingSpec:
        return TrainingSpec(
            task=task,
            objective=objective,
            policy=NETWORK,
            seeds=self.seeds,
            iterations=self.iterations,
            batch_size=batch,
            learning_rate=self.learning_rate,
            draws=draws,
            evaluate_every=max(1, self.iterations // EVALUATIONS),
        )
