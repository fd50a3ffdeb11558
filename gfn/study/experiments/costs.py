"""What objectives cost: an iteration of each, and the training that it takes to reach an error."""

from __future__ import annotations

from gfn.environments import DiscreteEnvironment, Environment
from gfn.runs.spec import CostSpec, Spec
from gfn.study.experiments.settings import ComparisonFigure, Positive
from gfn.study.experiments.tasks import (
    CONTENDERS,
    TB_BASELINES,
    TB_STARTS,
    VARIATIONS,
    contender,
    paper_tasks,
    policy,
    training,
    variates,
)
from gfn.study.paper import BALANCE_LOSSES, DIVERGENCES

COST_SEED = 0


def measured_lines(task: Environment) -> tuple[str, ...]:
    """What is measured on a task, see :func:`~gfn.study.experiments.tasks.contender`; TB is the first.

    A divergence by its name alone has the paper's control variates: of Rényi and Tsallis ``both``, of KLs leave-one-out.
    """
    with_variates = (
        name if variate == ("both" if "both" in variates(name) else "loo") else f"{name}_{variate}"
        for name in DIVERGENCES
        for variate in variates(name)
    )
    balance = (name for name in BALANCE_LOSSES if name != "tb")
    return ("tb", *TB_STARTS, *_baselines(task), *balance, *with_variates)


def trained_lines(task: Environment) -> tuple[str, ...]:
    """Those of them that other pages train with learning curves."""
    return (*CONTENDERS, *VARIATIONS, *_baselines(task))


def _baselines(task: Environment) -> list[str]:
    """In the plane there are infinitely many last choices, over which nothing can be summed."""
    possible = [name for name in TB_BASELINES if name != "last" or isinstance(task, DiscreteEnvironment)]
    return [f"tb_{name}" for name in possible]


class Costs(ComparisonFigure):
    """Seconds and memory of an iteration of all objectives, and seconds until they reach an error."""

    rounds: Positive

    def specs(self) -> dict[tuple[str, str, str], Spec]:
        """For each task ``("cost", task, "")``, and ``("training", task, line)``."""
        found: dict[tuple[str, str, str], Spec] = {}
        for name, task in paper_tasks(self.profile).items():
            found["cost", name, ""] = CostSpec(
                task=task,
                objectives=tuple(contender(line, self.alpha) for line in measured_lines(task)),
                policy=policy(self.profile),
                seeds=(COST_SEED,),
                batch_size=self.batch_size,
                rounds=self.rounds,
            )
            for line in trained_lines(task):
                found["training", name, line] = training(self, task, contender(line, self.alpha))
        return found
