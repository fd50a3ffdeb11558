"""Statistics of gradient estimates: against brute force, and their own error bars against simulation."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from gfn.environments import Sequences, Sets
from gfn.estimators import linearised_baseline
from gfn.policies import PolicySettings
from gfn.runs import gradients
from gfn.runs.gradients import (
    compare_errors,
    measure_gradients,
    optimal_baseline,
    replicate,
    replicated_gradients,
    summarise,
    terms,
    trained_policy,
    with_baseline,
)
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import Trainer
from gfn.sampling import Trajectories, rollout
from tests.helpers import TINY_TASKS, all_batches, exact_moments, generators, small_policy, table, train
from tests.helpers import gradients as per_replica

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
    found = replicated_gradients(spec(), policy, 3, 0)[0]
    for name in ("reverse_kl", "forward_kl"):
        loo, both = (found[Objective(name=name, control_variate=variate)] for variate in ("loo", "both"))
        torch.testing.assert_close(loo, both, rtol=1e-5, atol=1e-6)
    for objective in ALL:
        alone = replicated_gradients(spec(objectives=(objective,)), policy, 3, 0)[0][objective]
        torch.testing.assert_close(alone, found[objective], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", [2, 3, 40])
@pytest.mark.parametrize("exact", [False, True], ids=["float32", "float64"])
def test_sharing_backward_passes_changes_nothing(batch_size, exact, half, monkeypatch):
    """Every objective's estimates, those with a given baseline too, against a backward pass for each."""
    every = ALL if exact else (*ALL, Objective(name="tb"), Objective(name="vargrad"))
    chosen = spec(objectives=every, batch_sizes=(batch_size,), exact=exact)
    policy, baselines = copy.deepcopy(half).to(torch.float64 if exact else torch.float32), {ALL[-1]: 0.3}
    shared = replicated_gradients(chosen, policy, batch_size, 0, baselines)
    monkeypatch.setattr(gradients, "remembering", lambda batch, parameters: batch)
    direct = replicated_gradients(chosen, policy, batch_size, 0, baselines)
    for one, other in zip(shared, direct):
        assert one.keys() == other.keys()
        for objective in one:
            scale = other[objective].norm()
            assert (one[objective] - other[objective]).norm() < (1e-9 if exact else 1e-4) * scale


def test_products_are_made_of_earlier_ones():
    """Linear combinations cost no backward pass, whatever their sizes; what is new costs one, and zero none."""
    network, x = small_policy(TINY_TASKS["sets 4 choose 2"], [0, 1]), torch.rand(2, 5, 4, dtype=torch.float64)
    parameters = list(network.parameters())
    output = network.network(x)[..., 0]
    products = gradients.Remembered(output, parameters)
    first, second = torch.randn(2, 2, 5, dtype=torch.float64)
    asked = [first, second, 3 * first - 1e6 * second, 1e-9 * second, torch.zeros_like(first), first + 1e-3]
    for vector, passes in zip(asked, (1, 2, 2, 2, 2, 3), strict=True):
        found = products(vector)
        assert len(products.basis) == passes
        for one, other in zip(found, torch.autograd.grad(output, parameters, vector, retain_graph=True)):
            torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-7 * float(vector.norm()))


def test_estimates_are_independent_and_repeat():
    """Replicates, seeds and batch sizes all draw anew; the same measurement gives the same numbers."""
    settings = {"objectives": ALL[:1], "batch_sizes": (2, 3), "seeds": (0, 1), "replicates": 6}
    chosen = spec(task=Sets(universe=8, size=4), **settings)
    policy = trained_policy(chosen, 0, 0)
    found = [replicated_gradients(chosen, policy, size, seed)[0][ALL[0]] for size in (2, 3) for seed in (0, 1)]
    assert len(torch.cat(found).unique(dim=0)) == 24
    assert measure_gradients(chosen) == measure_gradients(chosen)


def test_chunks_do_not_matter(monkeypatch):
    """One replicate at a time gives what all at once give."""
    policy = trained_policy(spec(), 0, 0)
    whole = replicated_gradients(spec(), policy, 3, 0)[0]
    monkeypatch.setattr(gradients, "ROWS", 1)
    for objective, estimates in replicated_gradients(spec(), policy, 3, 0)[0].items():
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


CORRECTED = [Objective(name=name, alpha=alpha) for name in ("renyi", "tsallis") for alpha in (-1.0, 0.5, 2.0)]


@pytest.fixture(scope="module")
def half():
    """A half-trained policy of one replica."""
    return train(TINY_TASKS["sets 4 choose 2"], small_policy(TINY_TASKS["sets 4 choose 2"]), 10)


@pytest.fixture(scope="module")
def listed(half):
    """All trajectories of the task under it."""
    return table(TINY_TASKS["sets 4 choose 2"], half)


def pathwise(trajectories, objective):
    """u of every trajectory, ∇f = u ∇log p_F, by the definitions: factor (α - 1) g, of Rényi over the mean of g."""
    log_weight = trajectories.log_pb + trajectories.log_reward - trajectories.log_pf - trajectories.log_z
    g = ((1 - objective.alpha) * log_weight).exp()
    if objective.name == "renyi":
        g = g / (trajectories.probabilities @ g)
    # Of a batch of equal trajectories the mean is their own g, so that the package's u is the bare factor.
    same = torch.zeros(1, 1, dtype=torch.float64)
    factor = terms(objective, Trajectories(same, same, same, same), 0.0)[0].item()
    return factor * g


@pytest.mark.parametrize("objective", CORRECTED, ids=lambda objective: objective.label)
def test_the_optimal_baseline_minimises_the_exact_variance(objective, half, listed):
    """Of u ∇log p_F - a ∇log p_F over all trajectories, by a search that knows nothing of the formula."""
    u, probability = pathwise(listed, objective), listed.probabilities

    def variance(a):
        each = (u - a)[:, None] * listed.scores
        mean = probability @ each
        return float(probability @ (each - mean).square().sum(1))

    found = minimize_scalar(variance, bracket=(float(u.min()), float(u.max())), options={"xtol": 1e-12})
    best = optimal_baseline(spec(exact=True), half, objective)
    assert best == pytest.approx(found.x, rel=1e-5)
    assert variance(best) < min(variance(0), variance(best - 0.1), variance(best + 0.1))
    if objective.name == "tsallis":
        exact = Trajectories(*(x[None] for x in (listed.log_pf, listed.log_pb, listed.log_reward)), listed.log_pf)
        torch.testing.assert_close(terms(objective, exact, listed.log_z)[0][0], u, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("objective", CORRECTED, ids=lambda objective: objective.label)
def test_a_given_baseline_takes_the_place_of_the_linearised_one(objective, half):
    """Zero leaves leave-one-out alone, â itself gives the estimate with both control variates."""
    policy = replicate(half, 3)
    parameters = list(policy.parameters())
    batch = rollout(spec().task, policy, 6, generators(3))
    log_z = spec().task.log_z
    u, _ = terms(objective, batch, log_z)
    linearised = linearised_baseline(batch.log_pf, u, parameters).unsqueeze(1)
    loo = objective.model_copy(update={"control_variate": "loo"})
    for baseline, same in ((0.0, loo), (linearised, objective)):
        found = per_replica(with_baseline(objective, batch, baseline, log_z), parameters)
        expected = per_replica(same.loss(batch, parameters, log_scale=log_z), parameters)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("objective", [o for o in ALL if o.alpha and o.control_variate == "both"], ids=str)
def test_the_linearised_baseline_is_compared_with_the_optimal_one(objective, measured):
    """The recorded ratio of mean squared errors against that over every batch there is, within 4.5 error bars."""
    found, trajectories = measured[0][objective], measured[1]
    chosen = spec(exact=True)
    best = optimal_baseline(chosen, trained_policy(chosen, 0, 0), objective)
    batches, log_orders = all_batches(len(trajectories.log_pf), 2)
    probability = (log_orders + trajectories.log_pf[batches].sum(1)).exp()
    exact = trajectories.exact(objective.name, objective.alpha)
    errors = [
        float(probability @ (trajectories.estimates(batches, objective, wrong) - exact).square().sum(1))
        for wrong in (None, lambda drawn: with_baseline(objective, drawn, best, trajectories.log_z))
    ]
    assert found["optimal"] == pytest.approx(errors[0] / errors[1], abs=4.5 * found["optimal_error"])


def test_only_both_control_variates_are_compared_with_the_optimal_baseline(measured):
    for objective, statistics in measured[0].items():
        assert ("optimal" in statistics) == (objective.alpha is not None and objective.control_variate == "both")


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_errors_are_compared_with_an_error_bar(scale):
    """Paired estimates whose errors differ by a factor; over 500 simulations nine tenths of the intervals hold it."""
    generator, exact = torch.Generator().manual_seed(0), torch.tensor([1.0, -2.0])
    covered = []
    for _ in range(500):
        noise = torch.randn(100, 2, generator=generator)
        other = noise + 0.5 * torch.randn(100, 2, generator=generator)
        found = compare_errors(exact + scale * noise, exact + other, exact)
        covered.append(abs(found["optimal"] - scale**2 / 1.25) < 1.96 * found["optimal_error"])
    assert np.mean(covered) > 0.9
