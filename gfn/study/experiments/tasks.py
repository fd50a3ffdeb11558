"""The paper's seven tasks at all scales, and the two that are calibrated on trajectory balance."""

from __future__ import annotations

from typing import Any, Literal

from gfn.environments import (
    Banana,
    DAGs,
    Environment,
    GaussianMixture,
    Hypergrid,
    Phylogenetics,
    Sequences,
    Sets,
)
from gfn.environments.alignment import shipped_alignment
from gfn.policies import PolicySettings
from gfn.runs.objective import WITH_ALPHA, Objective
from gfn.runs.spec import TrainingSpec
from gfn.study.paper import DIVERGENCES, OBJECTIVES

Profile = Literal["paper", "edition", "smoke"]

# The lines of Figure 3, and of Table 1 those that show another control variate than the paper's.
LOG_Z_AWAY = -20.0  # as far below the truth of a planar task as 0 is below that of Sets
TB_STARTS = ("tb_batch", "tb_known")
TB_BASELINES = ("scalar", "state", "last")
CONTENDERS = ("tb", *TB_STARTS, *(name for name in OBJECTIVES if name != "tb"))
VARIATIONS = ("renyi_none", "renyi_joint", "tsallis_none", "tsallis_joint")
SMALL_POLICY = PolicySettings(hidden=(16,), components=4, gin_layers=1, gin_width=8)
EVALUATIONS = 16  # of every training run whose learning curve is shown, beside the one before it
# The mean missed and stray masses of Figures 1 and 9 are then within 0.001 of those on a grid of 800 by 800.
DENSITY_CELLS = 64

# Calibrated on TB's printed cells of Table 1 alone, see the calibration page: the values of the sweep at which the
# final accuracy of TB is nearest to the paper's in mean and standard deviation. Sequences have Z known; the mixture's
# log Z is 0, where a learned one starts.
SEQUENCES_SWEEP = (1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 18.25, 20.0)
SEQUENCES_CALIBRATED = 18.25
SPACING_SWEEP = (2.0, 3.0, 3.55, 3.75)
SCALE_SWEEP = (0.5, 0.4, 0.3, 0.21)
MIXTURE_CALIBRATED = (3.55, 0.5)  # spacing and standard deviation


def peaked_sequences(reach: float, profile: Profile) -> Sequences:
    """Sequences with letter values from U[-reach, reach]: the larger, the more peaked the reward."""
    return _sequences(profile, f_low=-reach, f_high=reach)


def spread_mixture(spacing: float, scale: float) -> GaussianMixture:
    """The Gaussian mixture with other distances between its modes, and other widths."""
    return GaussianMixture(spacing=spacing, scale=scale)


def paper_tasks(profile: Profile) -> dict[str, Environment]:
    """The seven tasks with the register's default laws, in the order of the paper."""
    paper = profile != "smoke"
    return {
        "sets": Sets() if paper else Sets(universe=8, size=4),
        "sequences": _sequences(profile),
        "phylogenetics": Phylogenetics() if paper else Phylogenetics(alignment=shipped_alignment()[:4]),
        "hypergrid": Hypergrid() if paper else Hypergrid(side=6),
        "dags": DAGs() if paper else DAGs(nodes=3),
        "gaussian_mixture": GaussianMixture(),
        "banana": Banana(),
    }


def calibrated_tasks(profile: Profile) -> dict[str, Environment]:
    """The two tasks whose open choices are calibrated on trajectory balance."""
    return {
        "sequences_calibrated": peaked_sequences(SEQUENCES_CALIBRATED, profile),
        "gaussian_mixture_calibrated": spread_mixture(*MIXTURE_CALIBRATED),
    }


def _sequences(profile: Profile, **laws: float) -> Sequences:
    return Sequences(**laws) if profile != "smoke" else Sequences(alphabet=4, length=3, **laws)


def policy(profile: Profile) -> PolicySettings:
    """The network of a profile."""
    return PolicySettings() if profile != "smoke" else SMALL_POLICY


def training(settings: Any, task: Environment, objective: Objective, **other: Any) -> TrainingSpec:
    """The run of an objective on a task under a figure's settings: figures that ask for the same run share it.

    What counts as found depends on the task (:func:`found`). Final densities take space: only the banana's are kept, and others where a figure shows them (``with_density``).
    Evaluations take time: where a page shows final errors only (``with_curve=False``), there is one at either end.
    """
    with_density = other.pop("with_density", task.task == "banana")
    with_curve = other.pop("with_curve", True)
    iterations = other.pop("iterations", settings.iterations)
    return TrainingSpec(
        task=task,
        objective=objective,
        seeds=settings.seeds,
        iterations=iterations,
        evaluate_every=max(1, iterations // EVALUATIONS) if with_curve else iterations,
        density=DENSITY_CELLS if with_density else 0,
        **_common(settings) | found(task) | other,
    )


def _common(settings: Any) -> dict[str, Any]:
    """What all trainings of a page have in common, unless it says otherwise."""
    return {"policy": policy(settings.profile)} | {
        name: getattr(settings, name) for name in ("batch_size", "learning_rate")
    }


def found(task: Environment) -> dict[str, Any]:
    """How many best objects count on a task, and from which fraction of the highest reward on an object is a mode.

    On the hypergrid only the cells of the outer rings have a reward worth finding; half of the highest reward is common
    among the sequences of a flat reward.
    """
    if isinstance(task, Hypergrid):
        return {"top_k": (task.side // 2) ** task.dimensions}
    if isinstance(task, Sequences):
        return {"mode_fractions": (0.5, 0.75, 0.9)}
    return {}


def estimator(name: str, control_variate: str = "both", alpha: float = 0.5) -> Objective:
    """An objective with what belongs to it: ``control_variate`` if it is a divergence, ``alpha`` if it has an order.

    The control variate is the paper's by default, not the one of :class:`~gfn.runs.objective.Objective`.
    """
    own: dict[str, Any] = {"control_variate": control_variate} if name in DIVERGENCES else {}
    if name in WITH_ALPHA:
        own["alpha"] = alpha
    return Objective(name=name, **own)


def variates(name: str) -> tuple[str, ...]:
    """The control variates of a divergence that differ from each other: of both KLs ``both`` and ``joint`` are ``loo``."""
    return ("none", "loo", "score", "both", "joint") if name in WITH_ALPHA else ("none", "loo", "score")


def contender(line: str, alpha: float = 0.5) -> Objective:
    """The objective that a line of a figure stands for: the name of one, or such a name with what is different.

    TB starts its log Z at 0, ``tb_batch`` at that of a first batch, ``tb_away`` at ``LOG_Z_AWAY``, and ``tb_known`` has the
    exact one; ``tb_scalar``, ``tb_state`` and ``tb_last`` have a baseline. Divergences have the paper's control variates, ``renyi_joint`` and others another one.
    """
    starts = {"batch": {"log_z": "batch"}, "known": {"log_z": "known"}, "away": {"log_z_start": LOG_Z_AWAY}}
    starts |= {baseline: {"baseline": baseline} for baseline in TB_BASELINES}
    name, _, variation = line.rpartition("_") if line not in OBJECTIVES else (line, "", "")
    if variation in starts:
        return Objective(name=name, **starts[variation])
    return estimator(name, variation or "both", alpha)


def all_estimators(alpha: float) -> list[Objective]:
    """Every divergence with every control variate that makes a difference to it."""
    return [estimator(name, variate, alpha) for name in DIVERGENCES for variate in variates(name)]
