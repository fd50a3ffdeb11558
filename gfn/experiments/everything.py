"""The page of verdicts, which rests on the runs of all figures."""

from __future__ import annotations

from gfn.experiments.settings import PageSettings
from gfn.spec import Spec


class Verdicts(PageSettings):
    """All claims, with the runs of every figure that bears on one."""

    def specs(self) -> dict[str, Spec]:
        """Every run of every figure, by its hash."""
        from gfn.experiments import FIGURES, runs

        figures = [name for name in FIGURES if FIGURES[name] is not Verdicts]
        return {key: spec for name in figures for key, spec in runs(name, self.profile).items()}
