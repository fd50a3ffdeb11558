"""Baselines of trajectory balance: the variance of its gradient along training, and what it does to training."""

from __future__ import annotations

from collections.abc import Iterator

from gfn.environments import DiscreteEnvironment, Environment, Phylogenetics, Sets
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, Spec
from gfn.study.experiments.checks import Stages
from gfn.study.experiments.settings import Batch, TrainingFigure
from gfn.study.experiments.tasks import contender, paper_tasks, policy, training

YARDSTICK = "vargrad"  # whose variance is measured at the same policies as every other line's
LOG_ZS = ("tb", "tb_batch", "tb_known")
BASELINES = ("tb_scalar", "tb_state", "tb_last")


class Balance(TrainingFigure):
    """Trajectory balance with several baselines on all tasks."""

    stages: Stages
    replicates: Batch

    def lines(self, task: Environment) -> tuple[str, ...]:
        """What is compared on a task, see :func:`~gfn.study.experiments.tasks.contender`.

        In the plane there are infinitely many last choices, over which nothing can be summed.
        """
        possible = [line for line in BASELINES if line != "tb_last" or isinstance(task, DiscreteEnvironment)]
        return (*LOG_ZS, YARDSTICK, *possible)

    def specs(self) -> dict[tuple[str, str, str], Spec]:
        """For each task and line, ``("training", task, line)`` and ``("variance", task, line)``.

        Each is measured along its own training beside the yardstick, but for TB with log Z from 0, of which Figure 7
        says enough. A known log Z needs no training of its own: it is measured along that of ``tb_batch``.
        """
        found: dict[tuple[str, str, str], Spec] = {}
        for name, task in paper_tasks(self.profile).items():
            for line in self.lines(task):
                found["training", name, line] = training(self, task, contender(line))
            for line, objectives in self._measured(task):
                found["variance", name, line] = self._measurement(task, objectives)
        return found

    def _measured(self, task: Environment) -> Iterator[tuple[str, tuple[Objective, ...]]]:
        for line in self.lines(task):
            if line not in ("tb", "tb_known", YARDSTICK):
                beside = ("tb_known", YARDSTICK) if line == "tb_batch" else (YARDSTICK,)
                yield line, tuple(contender(each) for each in (line, *beside))

    def _measurement(self, task: Environment, objectives: tuple[Objective, ...]) -> GradientSpec:
        # Trajectories of these tasks are dear: the last stage is left out, and there are half as many estimates.
        dear = isinstance(task, Sets | Phylogenetics)
        return GradientSpec(
            task=task,
            objectives=objectives,
            policy=policy(self.profile),
            seeds=self.seeds,
            trainer=objectives[0],
            warmup=self.stages[:-1] or self.stages if dear else self.stages,
            batch_sizes=(self.batch_size,),
            replicates=max(2, self.replicates // 2) if dear else self.replicates,
        )
