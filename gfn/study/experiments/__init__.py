"""The paper and what is beyond it as data: for every figure its parameters, its profiles, and the specifications of its runs."""

from gfn.study.experiments.everything import BEYOND, FIGURES, PARTS, Part, every_run, figure_settings, figures, runs
from gfn.study.experiments.profiles import PROFILES
from gfn.study.experiments.settings import FigureSettings
from gfn.study.experiments.tasks import Profile

__all__ = [
    "BEYOND",
    "FIGURES",
    "PARTS",
    "PROFILES",
    "FigureSettings",
    "Part",
    "Profile",
    "every_run",
    "figure_settings",
    "figures",
    "runs",
]
