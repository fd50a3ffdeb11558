"""No training that cannot learn: measured for every objective, control variate and small batch, over every batch there is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gfn.estimators import CONTROL_VARIATES, DIVERGENCES
from gfn.estimators.control_variates import EPSILON
from gfn.runs.objective import ALL_OBJECTIVES, WITH_ALPHA, WITH_LOG_Z, Objective
from gfn.runs.spec import TrainingSpec
from gfn.settings import SettingsError
from tests.helpers import TINY_TASKS, all_batches, exact_moments, small_policy, table

ALPHAS = (-2.0, -1.0, -0.5, -0.25, 0.5, 0.9999, 2.0)
GOALS = [Objective(name="vargrad")]
GOALS += [Objective(name="devgrad", alpha=alpha) for alpha in (-1.0, 0.0, 0.5, 1.0, 2.0)]
GOALS += [
    Objective(name=name, alpha=alpha, control_variate=variate, epsilon=epsilon)
    for name in DIVERGENCES
    for alpha in (ALPHAS if name in WITH_ALPHA else [None])
    for variate in CONTROL_VARIATES
    for epsilon in ((0.0, EPSILON) if variate in ("score", "both") else [None])
]


@pytest.fixture(scope="module")
def tables():
    return [table(task, small_policy(task, [seed])) for task in TINY_TASKS.values() for seed in range(4)]


def progress(small, goal: Objective, size: int) -> float:
    """The cosine of the estimate's mean, over every batch, with the exact gradient; 0 where it vanishes."""
    mean, _ = exact_moments(small, size, goal)
    limits = {0.0: "forward_kl", 1.0: "reverse_kl"}  # DevGrad's, of Rényi's divergence
    other = limits.get(goal.alpha, "renyi") if goal.name == "devgrad" else "reverse_kl"
    name = goal.name if goal.name in DIVERGENCES else other
    exact = small.exact(name, goal.alpha if name in WITH_ALPHA else None)
    return float(mean @ exact / exact.norm() / mean.norm().clamp(min=1e-9))


def blind(small, goal: Objective, size: int) -> bool:
    """Whether the estimates are the same for any other rewards."""
    batches, _ = all_batches(len(small.log_pf), size)
    other = replace(small, log_reward=small.log_reward.sin())
    return torch.allclose(small.estimates(batches, goal), other.estimates(batches, goal), rtol=0, atol=1e-12)


def refused(goal: Objective, size: int) -> bool:
    try:
        TrainingSpec(objective=goal, batch_size=size)
    except SettingsError as error:
        assert str(error).startswith(f"batch_size = {size} is not allowed with ")
        assert "\n" not in str(error)
        return True
    return False


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: f"{goal.label} {goal.epsilon}")
def test_what_cannot_learn_is_refused_and_nothing_else(tables, goal, size):
    """Refused is what does not see the rewards, or goes nowhere or away from the target in most of some policies and tasks.

    With negative orders, the baseline â of a few trajectories may mislead where it is not refused, by its bias.
    """
    if size == 1 and goal.control_variate in ("loo", "both", "joint"):
        assert refused(goal, 1)  # there is no estimate
        return
    found = [progress(small, goal, size) for small in tables]
    if refused(goal, size):
        assert blind(tables[0], goal, size) or sum(cosine > 0.01 for cosine in found) < len(found) / 2
        return
    assert not blind(tables[0], goal, size)
    if (goal.alpha or 0) < 0 and goal.control_variate in ("score", "both"):
        assert max(map(abs, found)) > 0.01
    else:
        assert min(found) > 0.5


@pytest.mark.parametrize("name", ALL_OBJECTIVES)
def test_the_usual_batches_are_allowed(name):
    """Of 16 and more trajectories, with the orders of the paper, and with one trajectory whatever has its own log Z."""
    for goal in [Objective(name=name), *(goal for goal in GOALS if goal.name == name)]:
        assert not refused(goal, 16)
        assert not refused(goal, 128)
    if name in WITH_LOG_Z:
        assert not refused(Objective(name=name), 1)


def test_single_values_have_no_variance():
    """The message says what is needed."""
    with pytest.raises(SettingsError, match=r"^batch_size = 1 is not allowed with vargrad: .* at least 2 trajectories"):
        TrainingSpec(objective=Objective(name="vargrad"), batch_size=1)


@pytest.mark.parametrize(("alpha", "size"), [(-1.0, 2), (-0.5, 3), (-0.25, 5), (-0.01, 101)])
def test_the_size_that_is_said_to_be_needed_is_allowed(alpha, size):
    """And one less is not."""
    goal = Objective(name="renyi", alpha=alpha, control_variate="loo")
    with pytest.raises(SettingsError, match=f"at least {size + 1} trajectories"):
        TrainingSpec(objective=goal, batch_size=size)
    assert TrainingSpec(objective=goal, batch_size=size + 1)
