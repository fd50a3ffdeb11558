"""Which objective to take: those that somebody would choose among, each as it is best used."""

from __future__ import annotations

from gfn.environments import Environment
from gfn.runs.spec import TrainingSpec
from gfn.study.experiments.settings import ComparisonFigure
from gfn.study.experiments.tasks import calibrated_tasks, contender, paper_tasks, training

# Divergences with leave-one-out on the whole weight, which of KLs is all that there is; TB from two starts of its log Z.
CHOICES = ("tb", "tb_batch", "vargrad", "db", "subtb", "reverse_kl", "forward_kl", "renyi_joint", "tsallis_joint")


class Which(ComparisonFigure):
    """What to choose among, on the paper's tasks and those that are calibrated."""

    def tasks(self) -> dict[str, Environment]:
        """All tasks."""
        return paper_tasks(self.profile) | calibrated_tasks(self.profile)

    def specs(self) -> dict[tuple[str, str], TrainingSpec]:
        """One training run for each pair of task and objective, those of Table 1."""
        return {
            (name, line): training(self, task, contender(line, self.alpha))
            for name, task in self.tasks().items()
            for line in CHOICES
        }
