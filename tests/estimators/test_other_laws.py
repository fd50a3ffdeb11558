"""Trajectories that another law drew, with ``log_q``; and the gradient of a backward policy that is learned."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch

from gfn.estimators import (
    DIVERGENCES,
    baselined_balance,
    forward_kl,
    leave_one_out,
    renyi,
    reverse_kl,
    state_baseline_balance,
    tsallis,
)
from gfn.evaluation.exact import divergence
from gfn.sampling import Trajectories

CASES = [(reverse_kl, None), (forward_kl, None), (tsallis, -1.0), (tsallis, 0.5), (tsallis, 2.0), (tsallis, 1.001)]
RENYI = [(renyi, -1.0), (renyi, 0.5), (renyi, 2.0), (renyi, 1.001)]
VARIATES = ("none", "loo", "joint", "both", "score")
NAMES = {function: function.__name__ for function in (reverse_kl, forward_kl, tsallis, renyi)}


class World:
    """Two objects and five trajectories: three end in the first, two in the second. θ moves p_F, φ moves p_B, η moves both."""

    object_of = torch.tensor([0, 0, 0, 1, 1])

    def __init__(self, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.theta, self.phi, self.eta = (
            torch.randn(size, generator=generator, dtype=torch.float64).requires_grad_() for size in (4, 5, 5)
        )
        self.features = torch.randn(5, 4, generator=generator, dtype=torch.float64)
        self.log_reward = torch.tensor([0.3, 1.2], dtype=torch.float64)[self.object_of]
        self.log_q = torch.randn(5, generator=generator, dtype=torch.float64).log_softmax(0)

    @property
    def parameters(self):
        return [self.theta, self.phi, self.eta]

    @property
    def log_pf(self):
        return (self.features @ self.theta + self.eta).log_softmax(0)

    @property
    def log_pb(self):
        logits = self.phi + 0.5 * self.eta
        same = self.object_of.unsqueeze(0) == self.object_of.unsqueeze(1)
        return logits - torch.where(same, logits, -torch.inf).logsumexp(1)

    @property
    def log_z(self):
        return self.log_reward.unique().logsumexp(0).item()

    def exact(self, name, alpha):
        value = divergence(name, Trajectories(self.log_pf, self.log_pb, self.log_reward, self.log_pf), alpha)
        return self.gradient(value)

    def gradient(self, loss):
        found = torch.autograd.grad(loss, self.parameters, allow_unused=True, materialize_grads=True)
        return torch.cat(found)

    def estimate(self, function, alpha, variate, batch, off, learned=True, **more):
        own = {} if alpha is None else {"alpha": alpha}
        if function in (forward_kl, tsallis):
            own["log_scale"] = self.log_z
        own |= {"control_variate": variate, "parameters": self.parameters} | more
        log_pb = self.log_pb if learned else self.log_pb.detach()
        arguments = (part[batch] for part in (self.log_pf, log_pb, self.log_reward))
        return self.gradient(function(*arguments, **own, log_q=self.log_q[batch] if off else None))

    def mean(self, function, alpha, variate, size, off, **more):
        """Over all batches, exactly."""
        law, total = (self.log_q if off else self.log_pf).detach(), 0.0
        for batch in product(range(5), repeat=size):
            total = total + law[list(batch)].sum().exp() * self.estimate(
                function, alpha, variate, list(batch), off, **more
            )
        return total


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.mark.parametrize("off", [False, True], ids=["on policy", "off policy"])
@pytest.mark.parametrize("variate", ["none", "loo", "joint", "both"])
@pytest.mark.parametrize(("function", "alpha"), CASES, ids=lambda x: getattr(x, "__name__", x))
def test_mean_over_all_batches_is_the_exact_gradient(world, function, alpha, variate, off):
    """Of forward and backward policy at once, also of parameters that they share; on policy and with log_q. Over all pairs."""
    if variate == "both" and function is tsallis:
        pytest.skip("its baseline comes from the batch, so that it is biased")
    for size in (1, 2) if variate == "none" else (2,):
        mean = world.mean(function, alpha, variate, size, off)
        torch.testing.assert_close(mean, world.exact(NAMES[function], alpha), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("off", [False, True], ids=["on policy", "off policy"])
@pytest.mark.parametrize("variate", VARIATES)
@pytest.mark.parametrize(("function", "alpha"), CASES + RENYI, ids=lambda x: getattr(x, "__name__", x))
def test_one_large_batch_is_near_the_exact_gradient(world, function, alpha, variate, off):
    """Every estimator is consistent: trajectories in proportion to their probability stand for infinitely many."""
    law = (world.log_q if off else world.log_pf).detach().exp()
    batch = torch.arange(5).repeat_interleave((law * 40_000).round().long())
    found = world.estimate(function, alpha, variate, batch, off)
    exact = world.exact(NAMES[function], alpha)
    torch.testing.assert_close(found, exact, rtol=0, atol=2e-3 * float(exact.norm()))


@pytest.mark.parametrize("variate", VARIATES)
@pytest.mark.parametrize(("function", "alpha"), CASES + RENYI, ids=lambda x: getattr(x, "__name__", x))
def test_the_own_law_as_log_q_changes_nothing(world, function, alpha, variate):
    batch, log_pf = [0, 1, 3, 4, 4, 2], world.log_pf.detach()
    plain = world.estimate(function, alpha, variate, batch, off=False)
    other = World()
    other.log_q = log_pf
    torch.testing.assert_close(other.estimate(function, alpha, variate, batch, off=True), plain, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("function", "alpha"), RENYI, ids=lambda x: getattr(x, "__name__", x))
def test_renyi_needs_q_up_to_a_constant(world, function, alpha):
    batch, other = [0, 1, 3, 4], World()
    other.log_q = world.log_q + 5.0
    for variate in VARIATES:
        torch.testing.assert_close(
            world.estimate(function, alpha, variate, batch, off=True),
            other.estimate(function, alpha, variate, batch, off=True),
        )


@pytest.mark.parametrize("variate", VARIATES)
@pytest.mark.parametrize(("function", "alpha"), CASES + RENYI, ids=lambda x: getattr(x, "__name__", x))
def test_a_fixed_backward_policy_gets_no_gradient(world, function, alpha, variate):
    found = world.estimate(function, alpha, variate, [0, 1, 3, 3, 2], off=False, learned=False)
    forward, backward = found[:4], found[4:9]
    assert forward.abs().sum() > 0
    assert backward.eq(0).all()


def test_leave_one_out_as_it_stands_would_bias_the_backward_part(world):
    """Why it is not applied: the mean of ∇log p_B over trajectories of p_F is not zero."""
    assert world.gradient(world.log_pf.detach().exp() @ world.log_pb)[4:9].norm() > 0.05


def test_the_forward_kl_does_not_ask_for_the_scale_of_rewards(world):
    """A constant in log r changes the lengths of both gradients by the same factor, and nothing else, with leave-one-out."""
    richer = World()
    richer.log_reward = world.log_reward + 3.0
    for learned_by in ("joint", "loo", "both"):
        pair = [w.estimate(forward_kl, None, learned_by, [0, 1, 3, 3, 2], off=False) for w in (world, richer)]
        torch.testing.assert_close(pair[0], pair[1], rtol=1e-9, atol=1e-10)
        bare = [
            w.estimate(forward_kl, None, learned_by, [0, 1, 3, 3, 2], off=False, log_scale=0.0) for w in (world, richer)
        ]
        torch.testing.assert_close(bare[0] * math.exp(3), bare[1], rtol=1e-9, atol=1e-10)


def test_surrogates_for_the_forward_policy_alone_refuse_a_learned_backward_one():
    """Rather than give it no gradient in silence."""
    log_pb = torch.zeros(1, 3, requires_grad=True)
    steps = torch.zeros(1, 3, 2), log_pb.unsqueeze(-1).expand(1, 3, 2), torch.zeros(1, 3, 2), torch.zeros(1, 3)
    with pytest.raises(ValueError, match="log_pb with a gradient is not allowed"):
        baselined_balance(torch.zeros(1, 3), log_pb, torch.zeros(1, 3))
    with pytest.raises(ValueError, match="log_pb with a gradient is not allowed"):
        state_baseline_balance(*steps, torch.ones(1, 3, 2, dtype=torch.bool))


@pytest.mark.parametrize("name", DIVERGENCES)
def test_at_the_target_the_backward_policy_is_left_alone(name):
    """Weights of p_B's part are all zero there, in every batch; without leave-one-out only their mean is."""
    target, log_pb = torch.tensor([0.2, 0.3, 0.5]).log(), torch.zeros(3, requires_grad=True)
    log_reward = target + 1.5
    for variate, expected in (("joint", True), ("loo", True), ("none", False)):
        loss = DIVERGENCES[name](target, log_pb, log_reward, control_variate=variate)
        assert torch.allclose(torch.autograd.grad(loss, log_pb)[0], torch.zeros(3), atol=1e-6) == expected


def test_weighted_leave_one_out_by_hand():
    values, weights = torch.tensor([2.0, -1.0, 4.0]), torch.tensor([0.5, 2.0, 1.0])
    others = torch.tensor([2.0 / 5.0, 5.0 / 1.25, -1.0 / 4.25])
    torch.testing.assert_close(leave_one_out(values, weights), values - weights * others)
    constant = 3.0 * weights
    torch.testing.assert_close(leave_one_out(constant, weights), torch.zeros(3))


def test_one_weight_that_outweighs_all_others_leaves_their_mean_exact():
    values, weights = torch.tensor([1e9, 3.0, 5.0]), torch.tensor([1e9, 1.0, 1.0])
    assert leave_one_out(values, weights)[0] == pytest.approx(1e9 - 1e9 * 4.0)
    assert torch.isfinite(leave_one_out(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0]))).all()


def test_improbable_trajectories_of_another_law_do_not_overflow():
    """Off policy, p_F may be next to nothing where q is not: weights p_B r / p_F are then beyond all numbers."""
    log_pf = torch.tensor([-200.0, -1.0, -2.0], requires_grad=True)
    log_pb, log_reward, log_q = torch.zeros(3), torch.tensor([0.0, 1.0, 0.5]), torch.tensor([-1.0, -1.2, -1.0])
    for name in DIVERGENCES:
        for variate in ("none", "loo", "joint"):
            loss = globals()[name](log_pf, log_pb, log_reward, control_variate=variate, log_q=log_q)
            assert torch.isfinite(torch.autograd.grad(loss, log_pf)[0]).all()
