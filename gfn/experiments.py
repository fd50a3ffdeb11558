"""The paper as data: for every figure its parameters, its two profiles, and the specifications of its runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from gfn.environments import Banana, GaussianMixture, Sequences, Sets
from gfn.estimators import CONTROL_VARIATES, DIVERGENCES, Objective
from gfn.estimators.control_variates import EPSILON, ControlVariate
from gfn.policies import PolicySettings
from gfn.settings import Settings, SettingsError
from gfn.spec import GradientSpec, ReferenceSpec, Seeds, Spec, TrainingSpec
from gfn.training import check_device

Profile = Literal["paper", "smoke"]
Positive = Annotated[int, Field(ge=1)]
Batch = Annotated[int, Field(ge=2)]
SMALL = PolicySettings(hidden=(16,), components=4)


class FigureSettings(Settings, ABC):
    """Parameters that every notebook of a figure takes."""

    profile: Profile
    device: str = "cpu"
    seeds: Seeds

    @abstractmethod
    def specs(self) -> dict[Any, Spec]:
        """The runs of the figure, by what tells them apart."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """What no run can be made of is refused here, and not in the middle of a notebook."""
        check_device(self.device)
        self.specs()
        return self


class Figure1(FigureSettings):
    """GM early in training under Rényi divergences of different orders."""

    iterations: Positive
    batch_size: Batch
    alpha: tuple[float, ...] = Field(min_length=1)

    def specs(self) -> dict[float, TrainingSpec]:
        """One training run for each α."""
        return {
            alpha: TrainingSpec(
                task=GaussianMixture(),
                objective=Objective(name="renyi", alpha=alpha),
                policy=_policy(self.profile),
                seeds=self.seeds,
                iterations=self.iterations,
                batch_size=self.batch_size,
                density=100,
            )
            for alpha in self.alpha
        }


class Figure2(FigureSettings):
    """Variance of gradient estimates against batch size."""

    batch_size: tuple[Batch, ...] = Field(min_length=1)
    replicates: Batch
    warmup: Positive
    alpha: float

    def specs(self) -> dict[str, GradientSpec]:
        """One measurement for each task."""
        paper = self.profile == "paper"
        tasks = [
            Sets() if paper else Sets(universe=8, size=4),
            Sequences() if paper else Sequences(alphabet=4, length=3),
            GaussianMixture(),
        ]
        return {
            task.task: GradientSpec(
                task=task,
                objectives=tuple(all_estimators(self.alpha)),
                policy=_policy(self.profile),
                seeds=self.seeds,
                warmup=(0, self.warmup),
                batch_sizes=self.batch_size,
                replicates=self.replicates,
            )
            for task in tasks
        }


class Figure5(FigureSettings):
    """Learned densities of the banana."""

    iterations: Positive
    batch_size: Batch
    alpha: float
    samples: Annotated[int, Field(ge=4)]

    def specs(self) -> dict[str, Spec]:
        """One training run for each objective, and the reference chains under the name ``reference``."""
        trainings = {
            name: TrainingSpec(
                task=Banana(),
                objective=estimator(name, "both", self.alpha),
                policy=_policy(self.profile),
                seeds=self.seeds,
                iterations=self.iterations,
                batch_size=self.batch_size,
                evaluate_every=max(1, self.iterations // 32),
                density=100,
            )
            for name in ("tb", *DIVERGENCES)
        }
        return {**trainings, "reference": ReferenceSpec(samples=self.samples, warmup=max(self.samples // 4, 20))}


class Figure6(FigureSettings):
    """Learning curves on Sets with and without control variates."""

    iterations: Positive
    batch_size: Batch
    alpha: float
    control_variates: tuple[ControlVariate, ...] = Field(CONTROL_VARIATES, min_length=1)

    def specs(self) -> dict[tuple[str, str], TrainingSpec]:
        """One training run for each pair of divergence and control variate."""
        return {
            (name, control_variate): TrainingSpec(
                task=Sets() if self.profile == "paper" else Sets(universe=8, size=4),
                objective=estimator(name, control_variate, self.alpha),
                policy=_policy(self.profile),
                seeds=self.seeds,
                iterations=self.iterations,
                batch_size=self.batch_size,
                evaluate_every=max(1, self.iterations // 16),
            )
            for name in DIVERGENCES
            for control_variate in self.control_variates
        }


class ExactChecks(FigureSettings):
    """Bias and variance of every estimate on small tasks whose exact gradient is known."""

    batch_size: tuple[Batch, ...] = Field(min_length=1)
    replicates: Batch
    alpha: float
    epsilon: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)

    def specs(self) -> dict[str, Spec]:
        """One measurement for each small task, and Sets at a size where both L1 estimates can be had."""
        objectives = [o for o in all_estimators(self.alpha) if o.control_variate in ("none", "loo")]
        for epsilon in self.epsilon:
            for name in ("renyi", "tsallis"):
                objectives.append(Objective(name=name, alpha=self.alpha, control_variate="both", epsilon=epsilon))
        return {
            task.task: GradientSpec(
                task=task,
                objectives=tuple(objectives),
                policy=PolicySettings(hidden=(8,)),
                seeds=self.seeds,
                warmup=(0,),
                batch_sizes=self.batch_size,
                replicates=self.replicates,
                exact=True,
            )
            for task in (Sets(universe=5, size=3), Sequences(alphabet=3, length=3))
        }


FIGURES: dict[str, type[FigureSettings]] = {
    "fig1": Figure1,
    "fig2": Figure2,
    "fig5": Figure5,
    "fig6": Figure6,
    "exact": ExactChecks,
}

PROFILES: dict[str, dict[str, dict[str, Any]]] = {
    "fig1": {
        "paper": {"seeds": (0, 1, 2), "iterations": 96, "batch_size": 128, "alpha": (-2.0, -1.0, 0.5, 2.0)},
        "smoke": {"seeds": (0, 1), "iterations": 8, "batch_size": 16, "alpha": (-2.0, -1.0, 0.5, 2.0)},
    },
    "fig2": {
        "paper": {
            "seeds": (0, 1, 2),
            "batch_size": (2, 8, 32, 128, 1024),
            "replicates": 16,
            "warmup": 128,
            "alpha": 0.5,
        },
        "smoke": {"seeds": (0, 1), "batch_size": (2, 16, 128), "replicates": 8, "warmup": 4, "alpha": 0.5},
    },
    "fig5": {
        "paper": {"seeds": (0, 1, 2), "iterations": 1024, "batch_size": 128, "alpha": 0.5, "samples": 2000},
        "smoke": {"seeds": (0, 1), "iterations": 8, "batch_size": 16, "alpha": 0.5, "samples": 40},
    },
    "fig6": {
        "paper": {"seeds": (0, 1, 2), "iterations": 512, "batch_size": 128, "alpha": 0.5},
        "smoke": {"seeds": (0, 1), "iterations": 8, "batch_size": 16, "alpha": 0.5},
    },
    "exact": {
        "paper": {
            "seeds": (0,),
            "batch_size": (2, 8, 32, 128, 512),
            "replicates": 4096,
            "alpha": 0.5,
            "epsilon": (1e-8, EPSILON, 1.0),
        },
        "smoke": {"seeds": (0,), "batch_size": (2, 8, 32), "replicates": 64, "alpha": 0.5, "epsilon": (1e-8, EPSILON)},
    },
}


def figure_settings(figure: str, profile: Profile = "paper", **given: Any) -> Any:
    """The parameters of a figure: those given, and for the rest the profile's.

    Arguments:
        figure: a key of ``FIGURES``.
        profile: ``paper`` or ``smoke``.
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


def estimator(name: str, control_variate: str, alpha: float) -> Objective:
    """An objective with what belongs to it: ``control_variate`` if it is a divergence, ``alpha`` if it has an order."""
    own: dict[str, Any] = {} if name == "tb" else {"control_variate": control_variate}
    if name in ("renyi", "tsallis"):
        own["alpha"] = alpha
    return Objective(name=name, **own)


def all_estimators(alpha: float) -> list[Objective]:
    """Every divergence with every control variate."""
    return [estimator(name, variate, alpha) for name in DIVERGENCES for variate in CONTROL_VARIATES]


def _policy(profile: Profile) -> PolicySettings:
    return PolicySettings() if profile == "paper" else SMALL
