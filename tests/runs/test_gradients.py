"""Statistics of gradient estimates: against brute force, and their own error bars against simulation."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from gfn.environments import Sequences, Sets
from gfn.estimators import CONTROL_VARIATES, DIVERGENCES, linearised_baseline
from gfn.policies import PolicySettings
from gfn.runs import gradients
from gfn.runs.gradients import (
    compare_errors,
    measure_gradients,
    optimal_baselines,
    replicate,
    replicated_gradients,
    stages,
    summarise,
    terms,
    with_baseline,
)
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import Trainer
from gfn.sampling import Trajectories, rollout
from tests.helpers import TINY_TASKS, all_batches, exact_moments, generators, small_policy, table, train
from tests.helpers import gradients as per_replica

POLICY = PolicySettings(hidden=(8,))
ALL = tuple(Objective(name=name, control_variate=variate) for name in DIVERGENCES for variate in CONTROL_VARIATES)


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


def start(chosen):
    """The policy of the only seed before training."""
    return next(stages(chosen)).policy


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
    policy = start(spec())
    found = replicated_gradients(spec(), policy, 3, 0)[0]
    for name in ("reverse_kl", "forward_kl"):
        for variate in ("both", "joint"):
            loo, same = (found[Objective(name=name, control_variate=v)] for v in ("loo", variate))
            torch.testing.assert_close(loo, same, rtol=1e-5, atol=1e-6)
    for objective in ALL:
        alone = replicated_gradients(spec(objectives=(objective,)), policy, 3, 0)[0][objective]
        torch.testing.assert_close(alone, found[objective], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", [2, 3, 40])
@pytest.mark.parametrize("exact", [False, True], ids=["float32", "float64"])
def test_sharing_backward_passes_changes_nothing(batch_size, exact, half, monkeypatch):
    """Every objective's estimates, those with a given baseline too, against a backward pass for each."""
    every = ALL if exact else (*ALL, Objective(), Objective(log_z="known"), Objective(name="vargrad"))
    chosen = spec(objectives=every, batch_sizes=(batch_size,), exact=exact)
    policy = copy.deepcopy(half).to(torch.float64 if exact else torch.float32)
    baselines = {ALL[-1]: {"optimal": 0.3, "whole": 0.2}, ALL[0]: {"whole": 0.1}}
    shared = replicated_gradients(chosen, policy, batch_size, 0, baselines)
    monkeypatch.setattr(gradients, "remembering", lambda batch, parameters: batch)
    direct = replicated_gradients(chosen, policy, batch_size, 0, baselines)
    shared, direct = (
        found[0] | {(o, metric): g for o, each in found[1].items() for metric, g in each.items()}
        for found in (shared, direct)
    )
    assert shared.keys() == direct.keys() == {*every, *((o, metric) for o in baselines for metric in baselines[o])}
    for key, expected in direct.items():
        assert (shared[key] - expected).norm() < (1e-9 if exact else 1e-4) * expected.norm()


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
    policy = next(stages(chosen)).policy
    found = [replicated_gradients(chosen, policy, size, seed)[0][ALL[0]] for size in (2, 3) for seed in (0, 1)]
    assert len(torch.cat(found).unique(dim=0)) == 24
    assert measure_gradients(chosen) == measure_gradients(chosen)


def test_chunks_do_not_matter(monkeypatch):
    """One replicate at a time gives what all at once give."""
    policy = start(spec())
    whole = replicated_gradients(spec(), policy, 3, 0)[0]
    monkeypatch.setattr(gradients, "ROWS", 1)
    for objective, estimates in replicated_gradients(spec(), policy, 3, 0)[0].items():
        torch.testing.assert_close(estimates, whole[objective], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("objective", [Objective(log_z="batch"), *ALL[-2:]], ids=lambda objective: objective.label)
def test_gradients_are_measured_along_the_training_of_the_trainer(objective, monkeypatch):
    """All seeds together, for as long as each stage says; each is measured at its own policy and log Z."""
    seen = []
    monkeypatch.setattr(gradients, "replicated_gradients", lambda *given: (seen.append(given), ({}, {}))[1])
    chosen = spec(warmup=(3, 0), seeds=(4, 2), trainer=objective, objectives=(objective,))
    with pytest.raises(KeyError):  # there is nothing to summarise
        measure_gradients(chosen)
    monkeypatch.setattr(gradients, "summarise", lambda *given: {})
    monkeypatch.setattr(
        gradients, "replicated_gradients", lambda *given: (seen.append(given), ({objective: None}, {}))[1]
    )
    seen.clear()
    measure_gradients(chosen)
    trainer = Trainer(TrainingSpec(task=chosen.task, policy=POLICY, seeds=(4, 2), iterations=3, objective=objective))
    for stage in (0, 3):
        while trainer.iteration < stage:
            trainer.step()
        for index, seed in enumerate(chosen.seeds):
            _, policy, _, found_seed, _, log_z, _, earlier = seen.pop(0)
            assert (found_seed, log_z) == (seed, trainer.log_z[index].item())
            assert earlier is None
            for one, other in zip(policy.parameters(), trainer.parameters, strict=True):
                assert torch.equal(one[0], other[index])
    assert not seen
    assert log_z != 0 or objective.log_z is None


@pytest.mark.parametrize("centred", [False, True])
def test_tb_has_the_log_z_of_its_training(centred):
    """Away from the exact one by d, the estimate is off by 2 d times the batch's mean score."""
    learned, known = Objective(), Objective(log_z="known")
    chosen = spec(objectives=(learned, known), centred=centred)
    policy, exact = start(chosen), chosen.task.log_z
    found = {d: replicated_gradients(chosen, policy, 3, 0, log_z=exact + d)[0] for d in (0.0, 1.0, -3.0)}
    torch.testing.assert_close(found[0.0][learned], found[0.0][known], rtol=1e-4, atol=1e-5)
    shift = {d: each[learned] - each[known] for d, each in found.items()}
    torch.testing.assert_close(shift[-3.0], -3 * shift[1.0], rtol=1e-4, atol=1e-4)
    assert shift[1.0].norm() > 0.1
    for each in found.values():
        torch.testing.assert_close(each[known], found[0.0][known])


def test_the_constant_of_the_reward_matters_to_reverse_kl_alone():
    """And there only without leave-one-out; all others measure the same with the reward divided by Z."""
    policy = start(spec())
    plain, centred = (replicated_gradients(spec(centred=flag), policy, 3, 0)[0] for flag in (False, True))
    changed = {o for o in ALL if (plain[o] - centred[o]).norm() > 1e-4 * plain[o].norm()}
    assert changed == {Objective(name="reverse_kl", control_variate=variate) for variate in ("none", "score")}


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
    """u of every trajectory of Rényi and Tsallis, by the definitions: factor (α - 1) g, of Rényi over the mean of g."""
    log_weight = trajectories.log_pb + trajectories.log_reward - trajectories.log_pf - trajectories.log_z
    g = ((1 - objective.alpha) * log_weight).exp()
    if objective.name == "renyi":
        g = g / (trajectories.probabilities @ g)
    # Of a batch of equal trajectories the mean is their own g, so that the package's u is the bare factor.
    same = torch.zeros(1, 1, dtype=torch.float64)
    factor = terms(objective, Trajectories(same, same, same, same), 0.0)[0].item()
    return factor * g


def check_optimum(weights, best, listed):
    """That ``best`` minimises the variance of (weight - a) ∇log p_F over all trajectories."""

    def variance(a):
        each = (weights - a)[:, None] * listed.scores
        mean = listed.probabilities @ each
        return float(listed.probabilities @ (each - mean).square().sum(1))

    found = minimize_scalar(variance, bracket=(float(weights.min()), float(weights.max())), options={"xtol": 1e-12})
    assert best == pytest.approx(found.x, rel=1e-5)
    assert variance(best) < min(variance(0), variance(best - 0.1), variance(best + 0.1))


@pytest.mark.parametrize("centred", [False, True])
def test_the_optimal_baselines_of_the_kls_minimise_the_exact_variance(centred, half, listed):
    """Of the reverse KL with the rewards as they are measured; no pathwise term is left to either."""
    objectives = (Objective(name="reverse_kl"), Objective(name="forward_kl"))
    found = optimal_baselines(spec(exact=True, objectives=objectives, centred=centred), half)
    log_w = listed.log_pb + listed.log_reward - listed.log_pf
    for objective, weights in zip(objectives, (1 - log_w + centred * listed.log_z, -(log_w - listed.log_z).exp())):
        assert found[objective].keys() == {"whole"}
        check_optimum(weights, found[objective]["whole"], listed)


@pytest.mark.parametrize("objective", CORRECTED, ids=lambda objective: objective.label)
def test_the_optimal_baseline_minimises_the_exact_variance(objective, half, listed):
    """Of u ∇log p_F - a ∇log p_F over all trajectories, by a search that knows nothing of the formula."""
    u = pathwise(listed, objective)
    found = optimal_baselines(spec(exact=True, objectives=(objective,)), half)[objective]
    # v = u / (α - 1)
    for weights, metric in ((u, "optimal"), (u * objective.alpha / (objective.alpha - 1), "whole")):
        check_optimum(weights, found[metric], listed)
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
    both = objective.model_copy(update={"control_variate": "both"})
    for baseline, same in ((0.0, loo), (linearised, both)):
        found = per_replica(with_baseline(objective, batch, baseline, log_z), parameters)
        expected = per_replica(same.loss(batch, parameters, log_scale=log_z), parameters)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("objective", ALL, ids=lambda objective: objective.label)
def test_measurements_agree_with_the_sum_over_all_batches_along_the_gradient(objective, measured):
    """Signed bias along it, share of estimates that point away, and errors relative to the optimal baselines."""
    found, trajectories = measured[0][objective], measured[1]
    batches, log_orders = all_batches(len(trajectories.log_pf), 2)
    probability = (log_orders + trajectories.log_pf[batches].sum(1)).exp()
    exact = trajectories.exact(objective.name, objective.alpha)
    estimates = trajectories.estimates(batches, objective)
    inner = estimates @ exact
    along = float(probability @ inner - exact @ exact)
    assert found["bias_along"] == pytest.approx(along, abs=4.5 * found["bias_along_error"])
    away = float(probability @ (inner < 0).double())
    assert found["away"] == pytest.approx(away, abs=4.5 * math.sqrt(max(away * (1 - away), 1e-3) / 2000))
    chosen = spec(exact=True)
    best = optimal_baselines(chosen, start(chosen))[objective]
    assert best.keys() == ({"optimal", "whole"} if objective.alpha else {"whole"})
    for metric, baseline in best.items():
        optimum = trajectories.estimates(
            batches,
            objective,
            lambda drawn: with_baseline(objective, drawn, baseline, trajectories.log_z, metric == "whole"),  # noqa: B023
        )
        errors = [float(probability @ (each - exact).square().sum(1)) for each in (estimates, optimum)]
        assert found[metric] == pytest.approx(errors[0] / errors[1], abs=4.5 * found[f"{metric}_error"])


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_errors_are_compared_with_an_error_bar(scale):
    """Paired estimates whose errors differ by a factor; over 500 simulations nine tenths of the intervals hold it."""
    generator, exact = torch.Generator().manual_seed(0), torch.tensor([1.0, -2.0])
    covered = []
    for _ in range(500):
        noise = torch.randn(100, 2, generator=generator)
        other = noise + 0.5 * torch.randn(100, 2, generator=generator)
        found = compare_errors("whole", exact + scale * noise, exact + other, exact)
        covered.append(abs(found["whole"] - scale**2 / 1.25) < 1.96 * found["whole_error"])
    assert np.mean(covered) > 0.9
