"""Losses with the gradient of a divergence: f-trajectory balance of several orders, Jensen-Shannon and DevGrad on all tasks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gfn.environments import Environment
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.study.experiments.settings import ComparisonFigure
from gfn.study.experiments.tasks import contender, paper_tasks, training

F_LINES: dict[str, Objective] = {
    "f_tb_0": Objective(name="f_tb", alpha=0.0),
    "f_tb_half": Objective(name="f_tb", alpha=0.5),
    "f_tb_2": Objective(name="f_tb", alpha=2.0),
    "js_tb": Objective(name="js_tb"),
    "devgrad": Objective(name="devgrad", alpha=0.5),
}
# What they are compared with: the losses that they are at α = 1, and the divergences whose gradients they have.
BESIDE = ("tb_batch", "vargrad", "reverse_kl", "forward_kl", "renyi_joint", "tsallis_joint")
# Left out, as the Tsallis divergence of order 2 is on the banana: p_F / (p_B r) is beyond single precision.
OVERFLOWS = {("banana", "f_tb_2")}


class FLossStudy(ComparisonFigure):
    """f-divergence losses on all tasks, beside TB, VarGrad and the four divergences."""

    losses: Annotated[tuple[Literal["f_tb_0", "f_tb_half", "f_tb_2", "js_tb", "devgrad"], ...], Field(min_length=1)]

    def lines(self, task: str) -> tuple[str, ...]:
        """What is compared on a task: the losses of the page, and contenders."""
        return (*BESIDE, *(line for line in self.losses if (task, line) not in OVERFLOWS))

    def specs(self) -> dict[tuple[str, str], TrainingSpec]:
        """A training for each task and line; those beside have the order of the page, and are other pages' runs."""
        return {
            (name, line): self._training(task, line)
            for name, task in paper_tasks(self.profile).items()
            for line in self.lines(name)
        }

    def _training(self, task: Environment, line: str) -> TrainingSpec:
        if line in F_LINES:
            return training(self, task, F_LINES[line], measures=True)
        return training(self, task, contender(line, self.alpha))
