"""Each control variate alone: the variance that it takes off along training, and the training that it makes."""

from __future__ import annotations

from gfn.environments import Environment
from gfn.runs.spec import GradientSpec, Spec
from gfn.study.experiments.checks import MEASURED_TASKS, Figure2, Stages
from gfn.study.experiments.profiles import PROFILES
from gfn.study.experiments.settings import Batch, ComparisonFigure
from gfn.study.experiments.tasks import contender, estimator, paper_tasks, policy, training, variates
from gfn.study.paper import DIVERGENCES

REFERENCE = "vargrad"  # whose way down sets the threshold of a task


class Variates(ComparisonFigure):
    """All divergences with every control variate on all tasks."""

    stages: Stages
    replicates: Batch

    def specs(self) -> dict[tuple[str, str, str, str], Spec]:
        """``("training", task, divergence, variate)`` and ``("variance", task, divergence, "")``, and of VarGrad ``("training", task, "vargrad", "")``.

        The two KLs have no control variate but leave-one-out: what ``both`` is for others is under ``loo`` for them. Measurements of the tasks of Figure 2
        are that figure's.
        """
        found: dict[tuple[str, str, str, str], Spec] = {}
        of_figure2 = self._figure2()
        for name, task in paper_tasks(self.profile).items():
            found["training", name, REFERENCE, ""] = training(self, task, contender(REFERENCE))
            for divergence in DIVERGENCES:
                for variate in variates(divergence):
                    # Figures 3 and 6 train both KLs under this name.
                    named = "both" if variate == "loo" and "both" not in variates(divergence) else variate
                    objective = estimator(divergence, named, self.alpha)
                    found["training", name, divergence, variate] = training(self, task, objective)
                own = None if name in MEASURED_TASKS else self._measurement(task, divergence)
                found["variance", name, divergence, ""] = own or of_figure2[name, divergence]
        return found

    def _figure2(self) -> dict[tuple[str, str], GradientSpec]:
        """Figure 2's measurements, with seeds, stages and α of this page."""
        figure = PROFILES["fig2"][self.profile]
        return Figure2(
            profile=self.profile,
            seeds=self.seeds,
            batch_size=figure["batch_size"],
            replicates=figure["replicates"],
            stages=self.stages,
            alpha=self.alpha,
        ).specs()

    def _measurement(self, task: Environment, divergence: str) -> GradientSpec:
        """All control variates along the training with the paper's, in batches as large as those of training."""
        trainer = estimator(divergence, alpha=self.alpha)
        others = [estimator(divergence, variate, self.alpha) for variate in variates(divergence)]
        return GradientSpec(
            task=task,
            objectives=tuple(dict.fromkeys((trainer, *others))),
            policy=policy(self.profile),
            seeds=self.seeds,
            trainer=trainer,
            warmup=self.stages,
            batch_sizes=(self.batch_size,),
            replicates=self.replicates,
        )
