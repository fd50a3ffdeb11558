"""All pages by name, with their parameters and profiles; some have no runs of their own."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gfn.runs.spec import Spec
from gfn.settings import SettingsError
from gfn.study.experiments.checks import Calibration, ExactChecks, Figure2, Figure7, Sensitivity
from gfn.study.experiments.comparisons import (
    Figure1,
    Figure3,
    Figure4,
    Figure5,
    Figure6,
    Figure8,
    Figure9,
    Table1,
)
from gfn.study.experiments.profiles import PROFILES
from gfn.study.experiments.settings import PageSettings
from gfn.study.experiments.tasks import Profile
from gfn.study.experiments.variates import Variates


class Verdicts(PageSettings):
    """All claims, with the runs of every figure that bears on one."""

    def specs(self) -> dict[str, Spec]:
        """Every run of every figure, by its hash."""
        figures = [name for name in FIGURES if FIGURES[name] is not Verdicts]
        return {key: spec for name in figures for key, spec in runs(name, self.profile).items()}


class Tasks(PageSettings):
    """The targets of the discrete tasks, exactly."""

    trees: int = Field(ge=1, le=16, description="most probable trees to draw")

    def specs(self) -> dict[str, Spec]:
        """No runs: everything is computed exactly."""
        return {}


FIGURES: dict[str, type[PageSettings]] = {
    "fig1": Figure1,
    "fig2": Figure2,
    "fig3": Figure3,
    "fig4": Figure4,
    "fig5": Figure5,
    "fig6": Figure6,
    "fig7": Figure7,
    "fig8": Figure8,
    "fig9": Figure9,
    "table1": Table1,
    "exact": ExactChecks,
    "calibration": Calibration,
    "sensitivity": Sensitivity,
    "tasks": Tasks,
    "verdicts": Verdicts,
    "variates": Variates,
}


def figure_settings(figure: str, profile: Profile = "paper", **given: Any) -> Any:
    """The parameters of a figure: those given, and for the rest the profile's.

    Arguments:
        figure: a key of ``FIGURES``.
        profile: ``paper``, ``edition`` or ``smoke``.
        given: parameters that differ from the profile's; None stands for the profile's.

    Raises:
        SettingsError: for an unknown figure, profile or parameter, or an impossible value.
    """
    if figure not in FIGURES:
        raise SettingsError(f"figure = {figure!r} is not allowed: one of {', '.join(FIGURES)}")
    if profile not in list(PROFILES[figure]):
        raise SettingsError(f"profile = {profile!r} is not allowed: one of {', '.join(PROFILES[figure])}")
    chosen = {name: value for name, value in given.items() if value is not None}
    return FIGURES[figure](profile=profile, **(PROFILES[figure][profile] | chosen))


def runs(figure: str, profile: Profile = "paper") -> dict[str, Spec]:
    """All runs of a figure under a profile, by hash."""
    return {spec.hash: spec for spec in figure_settings(figure, profile).specs().values()}
