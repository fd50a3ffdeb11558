"""Pages without runs of their own: the verdicts, which rest on those of all figures, and the tasks themselves."""

from __future__ import annotations

from pydantic import Field

from gfn.runs.spec import Spec
from gfn.study.experiments.settings import PageSettings


class Verdicts(PageSettings):
    """All claims, with the runs of every figure that bears on one."""

    def specs(self) -> dict[str, Spec]:
        """Every run of every figure, by its hash."""
        from gfn.study.experiments import FIGURES, runs

        figures = [name for name in FIGURES if FIGURES[name] is not Verdicts]
        return {key: spec for name in figures for key, spec in runs(name, self.profile).items()}


class Tasks(PageSettings):
    """The targets of the discrete tasks, exactly."""

    trees: int = Field(ge=1, le=16, description="most probable trees to draw")

    def specs(self) -> dict[str, Spec]:
        """No runs: everything is computed exactly."""
        return {}
