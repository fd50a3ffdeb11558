"""Statistics of gradient estimates: against brute force, and their own error bars against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gfn import gradients
from gfn.environments import Sequences, Sets
from gfn.estimators import Objective
from gfn.gradients import measure_gradients, replicated_gradients, summarise, trained_policy
from gfn.policies import PolicySettings
from gfn.spec import GradientSpec, TrainingSpec
from gfn.training import Trainer
from tests.helpers import TINY_TASKS, exact_moments, small_policy, table

POLICY = PolicySettings(hidden=(8,))
ALL = tuple(
    Objective(name=name, control_variate=variate)
    for name in ("reverse_kl", "forward_kl", "renyi", "tsallis")
    for variate in ("none", "loo", "score", "both")
)


def spec(**changes) -> GradientSpec:
    settings = {
        "task": TINY_TASKS["sets 4 choose 2"],
        "objectives": ALL,
        "policy": POLICY,
        "seeds": (0,),
        "warmup": (0,),
        "batch_sizes": (3,),
        "replicates": 4,
    }
    return GradientSpec(**settings | changes)


def simulated(bias: float, count: int, repeats: int) -> list[dict[str, float]]:
    """``summarise`` of many samples of ``count`` normal estimates, with unequal variances and this bias in each of 3 entries."""
    generator = torch.Generator().manual_seed(1)
    scales, exact = torch.tensor([1.0, 0.5, 2.0]).double(), torch.tensor([3.0, -1.0, 0.0]).double()
    draws = torch.randn(repeats, count, 3, generator=generator, dtype=torch.float64) * scales + exact + bias
    return [summarise(draw, exact) for draw in draws]


def column(summaries, name):
    return np.array([summary[name] for summary in summaries])


def test_variance_is_the_trace_of_the_covariance():
    """numpy's, on any numbers; and the norm of the exact gradient stands beside it."""
    estimates, exact = torch.randn(7, 5), torch.randn(5)
    found = summarise(estimates, exact)
    assert found["variance"] == pytest.approx(np.trace(np.cov(estimates.double().numpy().T)))
    assert found["gradient_squared"] == pytest.approx(float(exact.double().square().sum()))
    assert summarise(estimates) == {name: found[name] for name in ("variance", "variance_error")}


@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_variance_and_bias_are_estimated_without_bias(bias):
    """Means over 4000 simulations within four standard errors of the truth."""
    summaries = simulated(bias, 20, 4000)
    for name, truth in (("variance", 5.25), ("bias_squared", 3 * bias**2)):
        values = column(summaries, name)
        assert abs(values.mean() - truth) < 4 * values.std() / math.sqrt(4000)


@pytest.mark.parametrize("bias", [0.0, 0.1, 0.3, 0.6, 2.0])
def test_error_bars_cover_the_truth(bias):
    """95 % intervals hold it at least nine times out of ten, and those of the variance no more often than they should."""
    summaries = simulated(bias, 60, 3000)
    for name, truth in (("variance", 5.25), ("bias_squared", 3 * bias**2)):
        covered = np.mean(np.abs(column(summaries, name) - truth) < 1.96 * column(summaries, f"{name}_error"))
        assert covered > 0.9
        assert name == "bias_squared" or covered < 0.96


@pytest.mark.parametrize(("bias", "excess"), [(0.0, 1.8), (0.3, 1.3), (2.0, 1.05)])
def test_error_bars_are_the_spread_of_what_they_belong_to(bias, excess):
    """Root mean square against the standard deviation over simulations; that of a bias within its noise is on the safe side."""
    summaries = simulated(bias, 60, 3000)
    for name, most in (("variance", 1.05), ("bias_squared", excess)):
        ratio = np.sqrt(np.square(column(summaries, f"{name}_error")).mean()) / column(summaries, name).std()
        assert 0.95 < ratio < most


@pytest.fixture(scope="module")
def measured():
    """All estimators on batches of two."""
    chosen = spec(batch_sizes=(2,), replicates=2000, exact=True)
    found = {objective: {} for objective in ALL}
    for record in measure_gradients(chosen):
        found[record["objective"]][record["metric"]] = record["value"]
    return found, table(chosen.task, small_policy(chosen.task))


@pytest.mark.parametrize("objective", ALL, ids=lambda objective: objective.label)
def test_measurements_agree_with_the_sum_over_all_batches(objective, measured):
    """Variance and squared bias within 4.5 error bars (false-alarm rate below 1e-5 each), and the exact gradient's norm."""
    found, trajectories = measured[0][objective], measured[1]
    mean, variance = exact_moments(trajectories, 2, objective)
    exact = trajectories.exact(objective.name, objective.alpha)
    bias = float((mean - exact).square().sum())
    assert found["variance"] == pytest.approx(variance, abs=4.5 * found["variance_error"])
    assert found["bias_squared"] == pytest.approx(bias, abs=4.5 * found["bias_squared_error"])
    assert found["gradient_squared"] == pytest.approx(float(exact.square().sum()), rel=1e-9)


def test_all_objectives_are_estimated_from_the_same_trajectories():
    """What is the same estimate comes out the same, and an objective's numbers do not depend on its company."""
    policy = trained_policy(spec(), 0, 0)
    found = replicated_gradients(spec(), policy, 3, 0)
    for name in ("reverse_kl", "forward_kl"):
        loo, both = (found[Objective(name=name, control_variate=variate)] for variate in ("loo", "both"))
        torch.testing.assert_close(loo, both, rtol=1e-5, atol=1e-6)
    for objective in ALL:
        alone = replicated_gradients(spec(objectives=(objective,)), policy, 3, 0)[objective]
        assert torch.equal(alone, found[objective])


def test_estimates_are_independent_and_repeat():
    """Replicates, seeds and batch sizes all draw anew; the same measurement gives the same numbers."""
    settings = {"objectives": ALL[:1], "batch_sizes": (2, 3), "seeds": (0, 1), "replicates": 6}
    chosen = spec(task=Sets(universe=8, size=4), **settings)
    policy = trained_policy(chosen, 0, 0)
    found = [replicated_gradients(chosen, policy, size, seed)[ALL[0]] for size in (2, 3) for seed in (0, 1)]
    assert len(torch.cat(found).unique(dim=0)) == 24
    assert measure_gradients(chosen) == measure_gradients(chosen)


def test_chunks_do_not_matter(monkeypatch):
    """One replicate at a time gives what all at once give."""
    policy = trained_policy(spec(), 0, 0)
    whole = replicated_gradients(spec(), policy, 3, 0)
    monkeypatch.setattr(gradients, "ROWS", 1)
    for objective, estimates in replicated_gradients(spec(), policy, 3, 0).items():
        torch.testing.assert_close(estimates, whole[objective], rtol=1e-5, atol=1e-6)


def test_policies_are_trained_by_tb_before_measuring():
    """Each seed its own, for as long as the stage says."""
    chosen = spec(warmup=(0, 3), seeds=(4,))
    trainer = Trainer(TrainingSpec(task=chosen.task, policy=POLICY, seeds=(4,), iterations=3))
    for stage in (0, 3):
        while trainer.iteration < stage:
            trainer.step()
        for one, other in zip(trained_policy(chosen, 4, stage).parameters(), trainer.parameters, strict=True):
            assert torch.equal(one, other)


def test_records_say_what_was_measured():
    """A record for each seed, stage, batch size, objective and metric; progress counts up to the end."""
    chosen, seen = spec(objectives=ALL[:2], seeds=(0, 1), warmup=(0, 1), batch_sizes=(2, 3)), []
    records = measure_gradients(chosen, lambda done, total: seen.append((done, total)))
    keys = [(r["seed"], r["iteration"], r["trajectories"], r["objective"], r["metric"]) for r in records]
    assert len(set(keys)) == len(keys) == 2 * 2 * 2 * 2 * 2
    assert {key[4] for key in keys} == {"variance", "variance_error"}
    assert seen == [(done, 8) for done in range(1, 9)]


@pytest.mark.parametrize(
    "task", [Sets(universe=3, size=1), Sequences(alphabet=2, length=1)], ids=lambda task: task.task
)
def test_every_seed_that_settings_accept_works(task):
    """Up to the largest."""
    records = measure_gradients(spec(task=task, objectives=ALL[:1], seeds=(2**62, 2**63 - 1)))
    assert all(math.isfinite(record["value"]) for record in records)
