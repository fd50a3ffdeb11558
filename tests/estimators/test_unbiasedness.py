"""Which estimators have the exact gradient as their mean, and how the bias of the others behaves."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from gfn.estimators import surrogate
from gfn.estimators.control_variates import EPSILON
from gfn.sampling import rollout
from tests.helpers import (
    SMALL_TASKS,
    TINY_TASKS,
    UNBIASED_CASES,
    exact_gradient,
    exact_moments,
    generators,
    gradients,
    mean_p,
    objective,
    repeat,
    small_policy,
)

ALARM = 1e-4  # false-alarm rate of each statistical test here; 60 of them: 0.6 % together
UNBIASED = [(name, alpha, cv) for name, alpha in UNBIASED_CASES for cv in ("none", "loo", "joint")]
UNBIASED += [("reverse_kl", None, "both"), ("forward_kl", None, "both")]
WITHOUT_EPSILON = 1e-12


@pytest.mark.parametrize(
    ("name", "alpha", "cv", "size"),
    [(*case, size) for case in UNBIASED for size in (1, 2, 3, 4) if size > 1 or case[2] == "none"],
)
@pytest.mark.parametrize("task", TINY_TASKS)
def test_mean_over_all_batches_is_the_exact_gradient(tables, task, name, alpha, cv, size):
    """Exactly, over every batch of up to four trajectories."""
    mean, _ = exact_moments(tables[task], size, objective(name, alpha, cv))
    torch.testing.assert_close(mean, tables[task].exact(name, alpha), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("name", "alpha", "cv"), UNBIASED)
@pytest.mark.parametrize("task", SMALL_TASKS)
def test_mean_over_all_pairs_is_the_exact_gradient(tables, task, name, alpha, cv):
    """Exactly, over every pair of trajectories of somewhat larger tasks."""
    mean, _ = exact_moments(tables[task], 2, objective(name, alpha, cv))
    torch.testing.assert_close(mean, tables[task].exact(name, alpha), rtol=1e-10, atol=1e-10)


@pytest.fixture(scope="module", params=SMALL_TASKS)
def drawn(request):
    """4096 independent batches of eight sampled trajectories, from as many copies of one policy."""
    task = SMALL_TASKS[request.param]
    policy = small_policy(task)
    copies = repeat(policy, task, 4096)
    return task, policy, list(copies.parameters()), rollout(task, copies, 8, generators(4096))


@pytest.mark.parametrize(("name", "alpha", "cv"), [case for case in UNBIASED if case[2] != "both"])
def test_mean_over_rollouts_is_the_exact_gradient(drawn, name, alpha, cv):
    """Sampling, probabilities and estimator together (Hotelling's test, false-alarm rate 1e-4 each)."""
    task, policy, parameters, trajectories = drawn
    loss = objective(name, alpha, cv).loss(trajectories, parameters, log_scale=task.log_z)
    assert mean_p(gradients(loss, parameters), exact_gradient(task, policy, name, alpha)) > ALARM


def baseline_that_sees_its_own_trajectory(log_pf, g):
    return surrogate(log_pf, g, -2 * (g - g.mean(-1, keepdim=True)), "none")


def sign_error(log_pf, g):
    return surrogate(log_pf, -g, -2 * g, "none")


def without_the_pathwise_term(log_pf, g):
    return surrogate(log_pf, torch.zeros_like(g), -2 * g, "none")


def a_quarter_too_long(log_pf, g):
    return 1.25 * surrogate(log_pf, g, -2 * g, "loo")


@pytest.mark.parametrize(
    "wrong",
    [baseline_that_sees_its_own_trajectory, sign_error, without_the_pathwise_term, a_quarter_too_long],
    ids=lambda f: f.__name__,
)
def test_wrong_estimators_are_caught(drawn, wrong):
    """The same test on the same rollouts rejects estimators of Tsallis-1/2 that are wrong in one place."""
    task, policy, parameters, t = drawn
    g = (0.5 * (t.log_pb + t.log_reward - t.log_pf - task.log_z)).detach().exp()
    assert mean_p(gradients(wrong(t.log_pf, g), parameters), exact_gradient(task, policy, "tsallis", 0.5)) < ALARM


@pytest.mark.parametrize("cv", ["none", "loo"])
@pytest.mark.parametrize("alpha", [-1.0, 0.5, 2.0])
def test_renyi_bias_falls_as_one_over_n(three, alpha, cv):
    """Exact biases over all batches: falling by more than 2.5 for each factor 4, and N times the bias settles."""
    exact = three.exact("renyi", alpha)
    sizes = (2, 8, 32, 128)
    bias = [float((exact_moments(three, n, objective("renyi", alpha, cv))[0] - exact).norm()) for n in sizes]
    assert bias[0] > 1e-4 * exact.norm()
    assert all(later < earlier / 2.5 for earlier, later in pairwise(bias))
    assert 0.85 < (128 * bias[3]) / (32 * bias[2]) < 1.15


@pytest.mark.parametrize("alpha", [-1.0, 0.5, 2.0])
def test_so_does_that_of_joint(three, alpha):
    """Of Rényi: a tenth of the gradient at N = 2, under a hundredth at 128, and N times the bias settles."""
    exact = three.exact("renyi", alpha)
    bias = {
        n: float((exact_moments(three, n, objective("renyi", alpha, "joint"))[0] - exact).norm()) for n in (2, 64, 128)
    }
    assert bias[2] > 0.1 * exact.norm() > 10 * bias[128]
    assert 0.85 < (128 * bias[128]) / (64 * bias[64]) < 1.15


@pytest.mark.parametrize("alpha", [-1.0, 0.5, 2.0])
def test_renyi_with_one_trajectory_learns_nothing(tables, alpha):
    """With N = 1 the self-normalised weight is one whatever the reward: the mean of the estimate is zero."""
    mean, _ = exact_moments(tables["sets 4 choose 2"], 1, objective("renyi", alpha, "none"))
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("task", TINY_TASKS)
def test_score_of_reverse_kl_without_epsilon_is_unbiased(tables, task, size):
    """There ∇f = ∇log p_F, so that â = 1 for ε → 0 and the first term, whose mean is zero, is gone."""
    mean, _ = exact_moments(tables[task], size, objective("reverse_kl", None, "score", WITHOUT_EPSILON))
    torch.testing.assert_close(mean, tables[task].exact("reverse_kl", None), rtol=1e-7, atol=1e-7)


BIASED = [("reverse_kl", None, "score"), ("forward_kl", None, "score")]
BIASED += [("tsallis", alpha, cv) for alpha in (-1.0, 0.5, 2.0) for cv in ("score", "both")]


@pytest.mark.parametrize(("name", "alpha", "cv"), BIASED)
def test_score_bias_falls_with_n(three, name, alpha, cv):
    """With the default ε the exact bias over all batches is there at N = 2 and falls from N = 8 to 32 to 128."""
    exact = three.exact(name, alpha)
    bias = [float((exact_moments(three, n, objective(name, alpha, cv))[0] - exact).norm()) for n in (2, 8, 32, 128)]
    assert bias[0] > 1e-6
    assert bias[1] > bias[2] > 1.5 * bias[3]


def predicted_bias(trajectories, name, alpha, size, epsilon):
    """-E[s̄ s̄ᵀ / (ε + ‖s̄‖²)] E[∇f] with s̄ ~ N(0, Cov(∇log p_F) / N), the bias for large N."""
    p, scores = trajectories.probabilities, trajectories.scores
    log_w = trajectories.log_pb + trajectories.log_reward - trajectories.log_pf - trajectories.log_z
    pathwise = -log_w.exp() if name == "forward_kl" else math.copysign(1, alpha) * ((1 - alpha) * log_w).exp()
    covariance = scores.T @ (p[:, None] * scores)
    values, vectors = torch.linalg.eigh(covariance)
    noise = torch.randn(20_000, len(values), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mean_score = noise * (values.clamp(min=0) / size).sqrt() @ vectors.T
    inner = mean_score @ ((p * pathwise) @ scores) / (epsilon + mean_score.square().sum(1))
    return -(inner[:, None] * mean_score).mean(0)


CASES = [
    ("sequences 3 letters length 3", *case)
    for case in (("tsallis", -1.0, "both"), ("tsallis", 2.0, "score"), ("forward_kl", None, "score"))
]
CASES += [(task, "tsallis", 0.5, "both") for task in SMALL_TASKS]


@pytest.mark.parametrize("epsilon", [None, WITHOUT_EPSILON], ids=["default epsilon", "without epsilon"])
@pytest.mark.parametrize(("task", "name", "alpha", "cv"), CASES)
def test_score_bias_is_the_predicted_one(tables, task, name, alpha, cv, epsilon):
    """Default ε: the bias at N = 2048 is under a seventh of that at 64. Without ε it stays, and is significant.

    The bias is the difference from the unbiased estimator on the same batches. It must be the predicted
    one to a tenth of the prediction and three standard errors, each at most a quarter of it.
    """
    t, without = tables[task], "loo" if cv == "both" else "none"
    bias = {}
    for size in (64, 2048):
        batches = t.draw(2048, size, seed=size)
        shift = t.estimates(batches, objective(name, alpha, cv, epsilon)) - t.estimates(
            batches, objective(name, alpha, without)
        )
        predicted = predicted_bias(t, name, alpha, size, epsilon or EPSILON)
        error = (shift.var(0).sum() / len(shift)).sqrt()
        bias[size] = shift.mean(0)
        assert error < predicted.norm() / 4
        assert (bias[size] - predicted).norm() < 0.1 * predicted.norm() + 3 * error
    if epsilon is None:
        assert bias[2048].norm() < bias[64].norm() / 7
    else:
        assert mean_p(shift, torch.zeros_like(predicted)) < 1e-12
        assert 0.8 < bias[2048].norm() / bias[64].norm() < 1.2
