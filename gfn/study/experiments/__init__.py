"""The paper as data: for every figure its parameters, its profiles, and the specifications of its runs."""

from gfn.study.experiments.everything import FIGURES, figure_settings, runs
from gfn.study.experiments.profiles import PROFILES
from gfn.study.experiments.settings import FigureSettings
from gfn.study.experiments.tasks import Profile

__all__ = ["FIGURES", "PROFILES", "FigureSettings", "Profile", "figure_settings", "runs"]
