"""Leave-one-out, the linearised baseline, and the divergences as pure functions of three tensors."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gfn.estimators import (
    CONTROL_VARIATES,
    forward_kl,
    leave_one_out,
    linearised_baseline,
    renyi,
    reverse_kl,
    surrogate,
    tsallis,
)
from tests.helpers import DIVERGENCE_CASES, gradients

FUNCTIONS = {"reverse_kl": reverse_kl, "forward_kl": forward_kl, "renyi": renyi, "tsallis": tsallis}
CASES = [(name, alpha, cv) for name, alpha in DIVERGENCE_CASES for cv in CONTROL_VARIATES]


def arguments(alpha):
    return {} if alpha is None else {"alpha": alpha}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_leave_one_out_is_each_value_less_the_mean_of_the_others(values):
    """Against its definition, by a plain loop."""
    expected = [v - sum(values[:i] + values[i + 1 :]) / (len(values) - 1) for i, v in enumerate(values)]
    seen = leave_one_out(torch.tensor(values, dtype=torch.float64))
    torch.testing.assert_close(seen, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-9)


def test_leave_one_out_keeps_batches_apart():
    """Rows of ``[R, N]`` do not see each other."""
    values = draw(3, 5)
    torch.testing.assert_close(leave_one_out(values), torch.stack([leave_one_out(row) for row in values]))


@pytest.mark.parametrize("cv", ["loo", "both", "joint"])
@pytest.mark.parametrize(("name", "alpha"), DIVERGENCE_CASES)
def test_leave_one_out_refuses_one_trajectory(name, alpha, cv):
    """In one sentence that names both numbers."""
    theta = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    with pytest.raises(ValueError, match=r"^leave-one-out needs at least 2 trajectories, and the batch has 1$"):
        FUNCTIONS[name](theta * 1.0, draw(1), draw(1), control_variate=cv, parameters=[theta], **arguments(alpha))


@pytest.mark.parametrize(("name", "alpha", "cv"), [c for c in CASES if c[2] == "score" or (c[2] == "both" and c[1])])
def test_score_needs_parameters(name, alpha, cv):
    """With none, and with none that requires a gradient; the message says what to pass."""
    log_pf = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    for parameters in ([], [torch.zeros(3)]):
        with pytest.raises(ValueError, match=r"^[^\n]*parameters=policy\.parameters\(\)$"):
            FUNCTIONS[name](log_pf, draw(4), draw(4), control_variate=cv, parameters=parameters, **arguments(alpha))


@pytest.mark.parametrize(("name", "alpha"), DIVERGENCE_CASES)
def test_unknown_control_variate(name, alpha):
    """The value and all that is allowed are named."""
    with pytest.raises(
        ValueError, match=r"control_variate = 'vargrad' is not allowed: one of none, loo, score, both, joint$"
    ):
        FUNCTIONS[name](draw(4), draw(4), draw(4), control_variate="vargrad", **arguments(alpha))


@pytest.mark.parametrize("function", [renyi, tsallis])
@pytest.mark.parametrize("alpha", [0, 1, 0.0, 1.0, math.nan, math.inf, -math.inf])
def test_orders_without_a_gradient_of_their_own(function, alpha):
    """α = 0, 1 and what is not finite; for 1 the message sends the reader to the reverse KL."""
    with pytest.raises(ValueError, match=rf"^alpha = {alpha:g} is not allowed: [^\n]+$") as caught:
        function(draw(4), draw(4), draw(4), alpha, control_variate="none")
    assert ("reverse KL" in str(caught.value)) == (alpha == 1)


def bilinear(replicas, count):
    """log_pf = θ · features, so that the score functions are the features."""
    features = draw(replicas, count, 3, seed=1)
    theta = draw(replicas, 3, seed=2).requires_grad_()
    return features, theta, (features * theta[:, None]).sum(-1)


@pytest.mark.parametrize("epsilon", [1e-6, 0.03, 10.0])
def test_linearised_baseline_is_equation_6(epsilon):
    """Against means of explicit per-trajectory gradients, for each replica."""
    features, theta, log_pf = bilinear(4, 6)
    weights = draw(4, 6, seed=3)
    mean_f, mean_score = (weights[..., None] * features).mean(1), features.mean(1)
    expected = (mean_f * mean_score).sum(1) / (epsilon + mean_score.square().sum(1))
    torch.testing.assert_close(linearised_baseline(log_pf, weights, [theta], epsilon), expected)


def test_linearised_baseline_sums_over_all_parameters():
    """Splitting θ into two tensors changes nothing; a parameter that log p_F does not depend on counts as zero."""
    features, theta, log_pf = bilinear(2, 6)
    first, second = theta.detach()[:, :1].requires_grad_(), theta.detach()[:, 1:].requires_grad_()
    split = (features * torch.cat([first, second], 1)[:, None]).sum(-1)
    idle = torch.zeros(2, 7, dtype=torch.float64, requires_grad=True)
    weights = draw(2, 6, seed=3)
    torch.testing.assert_close(
        linearised_baseline(split, weights, [first, idle, second]), linearised_baseline(log_pf, weights, [theta])
    )


def test_surrogate_differentiates_log_pf_alone():
    """No gradient flows through the weights, even if they carry one."""
    _, theta, log_pf = bilinear(2, 6)
    pathwise, score = draw(2, 6, seed=4), draw(2, 6, seed=5)
    for cv in CONTROL_VARIATES:
        plain = gradients(surrogate(log_pf, pathwise, score, cv, [theta]), [theta])
        attached = gradients(
            surrogate(log_pf, pathwise + log_pf - log_pf.detach(), score * (1 + log_pf - log_pf.detach()), cv, [theta]),
            [theta],
        )
        torch.testing.assert_close(plain, attached)


@pytest.mark.parametrize("cv", CONTROL_VARIATES)
def test_surrogate_is_its_formula(cv):
    """Weights written out: u - â where ``score`` acts, and less the mean of the others v, or for ``joint`` u + v."""
    features, theta, log_pf = bilinear(1, 6)
    u, v = draw(1, 6, seed=4), draw(1, 6, seed=5)
    a = linearised_baseline(log_pf, u, [theta], 0.1) if cv in ("score", "both") else 0.0
    others = {"loo": v, "both": v, "joint": u + v}.get(cv, torch.zeros_like(v))
    b = (others.sum() - others) / 5
    expected = ((u - a + v - b)[..., None] * features).mean(1)
    torch.testing.assert_close(gradients(surrogate(log_pf, u, v, cv, [theta], 0.1), [theta]), expected)


@pytest.mark.parametrize("ratio", [0.0, -2.0, 0.5])
@pytest.mark.parametrize("cv", CONTROL_VARIATES)
def test_a_known_ratio_changes_only_the_cost(cv, ratio):
    """Where v = k u, for one policy and for several."""
    for replicas in (1, 3):
        _, theta, log_pf = bilinear(replicas, 6)
        u = draw(replicas, 6, seed=4)
        plain = gradients(surrogate(log_pf, u, ratio * u, cv, [theta], 0.1), [theta])
        known = gradients(surrogate(log_pf, u, ratio * u, cv, [theta], 0.1, ratio=ratio), [theta])
        torch.testing.assert_close(known, plain, rtol=1e-10, atol=1e-12)


class Foreign(nn.Module):
    """Somebody else's policy: plain torch, no replica axis."""

    def __init__(self, seed):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()

    def forward(self, x):
        return self.net(x).squeeze(-1)


@pytest.mark.parametrize(("name", "alpha", "cv"), CASES)
def test_stacked_replicas_are_each_alone(name, alpha, cv):
    """``[R, N]`` with stacked parameters gives what ``[N]`` with plain ``torch.nn`` modules gives, one after the other."""
    models, x = [Foreign(seed) for seed in range(3)], draw(3, 8, 3, seed=6)
    log_pb, log_reward = draw(3, 8, seed=7), draw(3, 8, seed=8)
    stacked = {k: p.detach().clone().requires_grad_() for k, p in torch.func.stack_module_state(models)[0].items()}
    log_pf = torch.func.vmap(lambda p, inputs: torch.func.functional_call(models[0], p, (inputs,)))(stacked, x)
    parameters = list(stacked.values())
    loss = FUNCTIONS[name](log_pf, log_pb, log_reward, control_variate=cv, parameters=parameters, **arguments(alpha))
    assert loss.shape == (3,)
    together = gradients(loss, parameters)
    for r, model in enumerate(models):
        own = list(model.parameters())
        alone = FUNCTIONS[name](
            model(x[r]), log_pb[r], log_reward[r], control_variate=cv, parameters=own, **arguments(alpha)
        )
        assert alone.shape == ()
        flat = torch.cat([g.flatten() for g in torch.autograd.grad(alone, own)])
        torch.testing.assert_close(together[r], flat, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "alpha", "cv"), CASES)
def test_huge_rewards_do_not_overflow(name, alpha, cv, dtype):
    """log r around 10⁴: Rényi and the reverse KL as they are, the others with ``log_scale`` near log Z."""
    features, theta, log_pf = (t.detach().to(dtype) for t in bilinear(2, 6))
    theta.requires_grad_()
    log_pf = (features * theta[:, None]).sum(-1)
    scale = {"log_scale": 1e4} if name in ("forward_kl", "tsallis") else {}
    for sign in (1, -1) if not scale else (1,):
        log_reward = sign * 1e4 + draw(2, 6, seed=9).to(dtype)
        loss = FUNCTIONS[name](
            log_pf,
            torch.zeros_like(log_pf),
            log_reward,
            control_variate=cv,
            parameters=[theta],
            **arguments(alpha),
            **scale,
        )
        gradient = gradients(loss, [theta])
        assert gradient.isfinite().all()
        assert gradient.norm() > 0


@pytest.mark.parametrize("cv", CONTROL_VARIATES)
@pytest.mark.parametrize(("name", "alpha"), [c for c in DIVERGENCE_CASES if c[0] in ("forward_kl", "tsallis")])
def test_log_scale_is_a_positive_constant(name, alpha, cv):
    """It multiplies the gradient by exp(-log_scale), to the power 1 - α for Tsallis, and nothing else."""
    _, theta, log_pf = bilinear(2, 6)
    power = 1 if alpha is None else 1 - alpha
    scale = torch.tensor([[0.5], [-1.5]], dtype=torch.float64)
    options = {"control_variate": cv, "parameters": [theta], **arguments(alpha)}
    plain, scaled = (
        gradients(FUNCTIONS[name](log_pf, draw(2, 6, seed=7), draw(2, 6, seed=8), log_scale=s, **options), [theta])
        for s in (0.0, scale)
    )
    torch.testing.assert_close(scaled, plain * (-power * scale).exp())


def test_renyi_does_not_see_the_scale_of_the_reward():
    """Self-normalised: a constant factor of r, hence Z, drops out."""
    _, theta, log_pf = bilinear(2, 6)
    for cv in CONTROL_VARIATES:
        one, other = (
            gradients(
                renyi(log_pf, draw(2, 6), draw(2, 6, seed=8) + c, control_variate=cv, parameters=[theta]), [theta]
            )
            for c in (0, 50)
        )
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
