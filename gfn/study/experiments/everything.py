"""All pages by name, with their parameters and profiles; some have no runs of their own."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from gfn.runs.spec import Spec
from gfn.settings import SettingsError
from gfn.study.experiments.atlas import Atlas
from gfn.study.experiments.balance import Balance
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
from gfn.study.experiments.costs import Costs
from gfn.study.experiments.draws import DrawsStudy
from gfn.study.experiments.f_losses import FLossStudy
from gfn.study.experiments.first import First
from gfn.study.experiments.leagues import DigitsStudy, LeagueStudy
from gfn.study.experiments.off_policy import ON, OffPolicyStudy
from gfn.study.experiments.orders import OrderStudy
from gfn.study.experiments.profiles import PROFILES
from gfn.study.experiments.settings import PageSettings
from gfn.study.experiments.tasks import Profile
from gfn.study.experiments.variates import Variates
from gfn.study.experiments.which import Which

Part = Literal["all", "paper"]
PARTS: tuple[Part, ...] = ("all", "paper")
# Pages of the part beyond the paper: what else the book has is there without them.
BEYOND = (
    "first",
    "which",
    "answers",
    "orders",
    "balance",
    "variates",
    "costs",
    "draws",
    "atlas",
    "f_losses",
    "off_policy",
    "measures",
    "leagues",
    "digits",
)


class Verdicts(PageSettings):
    """The paper's claims, with the runs of all its figures."""

    def specs(self) -> dict[str, Spec]:
        """Every run of every figure of the paper, by its hash."""
        return _together([name for name in figures("paper") if name != "verdicts"], self.profile)


class Answers(PageSettings):
    """The questions beyond the paper, with the runs of their pages."""

    def specs(self) -> dict[str, Spec]:
        """Every run of every page beyond the paper, by its hash."""
        return _together([name for name in figures() if name in BEYOND and name != "answers"], self.profile)


class Measures(PageSettings):
    """What is measured where errors cannot be exact, beside exact errors, of the policies of two other pages."""

    def specs(self) -> dict[tuple[str, str, str], Spec]:
        """Those of their runs that recorded it, by task, line and way of drawing trajectories."""
        losses = figure_settings("f_losses", self.profile).specs()
        found = {(task, line, ON): spec for (task, line), spec in losses.items() if spec.measures}
        others = figure_settings("off_policy", self.profile).specs()
        return found | {key[1:]: spec for key, spec in others.items() if key[0] == "training"}


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
    "first": First,
    "which": Which,
    "answers": Answers,
    "orders": OrderStudy,
    "balance": Balance,
    "variates": Variates,
    "costs": Costs,
    "draws": DrawsStudy,
    "atlas": Atlas,
    "f_losses": FLossStudy,
    "off_policy": OffPolicyStudy,
    "measures": Measures,
    "leagues": LeagueStudy,
    "digits": DigitsStudy,
}


def figures(part: Part = "all") -> list[str]:
    """The pages of a part of the book: of ``paper`` those that are not beyond it.

    Raises:
        SettingsError: for an unknown part.
    """
    if part not in PARTS:
        raise SettingsError(f"part = {part!r} is not allowed: one of {', '.join(PARTS)}")
    return [name for name in FIGURES if part == "all" or name not in BEYOND]


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


def every_run(profile: Profile = "paper", part: Part = "all") -> dict[str, Spec]:
    """All runs of all pages of a part under a profile, by hash; those of the paper's pages first."""
    named = sorted(figures(part), key=lambda name: name in BEYOND)
    return _together(named, profile)


def _together(named: list[str], profile: Profile) -> dict[str, Spec]:
    return {key: spec for name in named for key, spec in runs(name, profile).items()}
