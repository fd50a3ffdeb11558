"""Two leagues of samplers on hard targets: those that learn from the density, and those that learn from samples."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gfn.environments import Banana, Digits, Environment, Funnel, GaussianMixture, ManyWell, RandomMixture
from gfn.policies import PolicySettings
from gfn.rivals import LEAGUES, PICTURES, RIVALS
from gfn.runs.objective import Objective
from gfn.runs.spec import RivalSpec
from gfn.study.experiments.settings import Batch, FigureSettings, Positive, Rate
from gfn.study.experiments.tasks import Profile

GFLOWNETS: dict[str, Objective] = {
    "tb_batch": Objective(log_z="batch"),
    "vargrad": Objective(name="vargrad"),
    "reverse_kl": Objective(name="reverse_kl"),
    "forward_kl": Objective(name="forward_kl"),
    "renyi_joint": Objective(name="renyi"),
    "tsallis_joint": Objective(name="tsallis"),
}
TABLES = {"density": (*GFLOWNETS, *LEAGUES["density"]), "samples": (*LEAGUES["samples"], *PICTURES)}
CHAINS = ("nuts",)  # which find their step by themselves, and so have one try
LEAPS = ("annealed",)  # whose step is that of leaps, a hundred times Adam's


def hard_targets(profile: Profile) -> dict[str, Environment]:
    """Five targets. The 40 Gaussians are measured in units of ten, in which all samplers start within reach of some."""
    small = profile == "smoke"
    return {
        "random_mixture": RandomMixture(reach=4.0, scale=0.13133),
        "grid_mixture": GaussianMixture(spacing=4.0),
        "banana": Banana(),
        "funnel": Funnel(dimensions=3) if small else Funnel(),
        "many_well": ManyWell(pairs=1) if small else ManyWell(),
    }


class LeagueStudy(FigureSettings):
    """Every sampler of both leagues on every target, once for each step size of the same small grid."""

    budget: Positive
    batch_size: Batch
    hidden: Annotated[tuple[int, ...], Field(min_length=1)]
    components: Positive
    points: Positive
    marks: Positive
    rates: Annotated[tuple[Rate, ...], Field(min_length=1)]

    def targets(self) -> dict[str, Environment]:
        """The tasks, by name."""
        return hard_targets(self.profile)

    def specs(self) -> dict[tuple[str, str, float], RivalSpec]:
        """A run for each target, sampler that is for such targets, and step size."""
        return {
            (name, sampler, rate): self._race(task, sampler, rate)
            for name, task in self.targets().items()
            for league in TABLES.values()
            for sampler in league
            if sampler in GFLOWNETS or isinstance(task, RIVALS[sampler].target)
            for rate in (self.rates[:1] if sampler in CHAINS else self.rates)
        }

    def _race(self, task: Environment, sampler: str, rate: float) -> RivalSpec:
        own = {"model": "gflownet", "objective": GFLOWNETS[sampler]} if sampler in GFLOWNETS else {"model": sampler}
        return RivalSpec(
            task=task,
            policy=PolicySettings(hidden=self.hidden, components=self.components),
            learning_rate=100 * rate if sampler in LEAPS else rate,
            **own,
            **{name: getattr(self, name) for name in ("seeds", "budget", "batch_size", "marks", "points")},
        )


class DigitsStudy(LeagueStudy):
    """The same on pictures of digits, pixel by pixel. There are no derivatives there, and the rivals are others."""

    def targets(self) -> dict[str, Environment]:
        """One task."""
        return {"digits": Digits(side=4, prototypes=4) if self.profile == "smoke" else Digits()}
