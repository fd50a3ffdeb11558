"""f-divergence losses: their fixed point, their exact gradients, their bias or none, and small differences in single precision."""

from __future__ import annotations

import math

import pytest
import torch

from gfn.estimators import (
    devgrad,
    f_trajectory_balance,
    jensen_shannon_balance,
    log_partition_variance,
    trajectory_balance,
)
from gfn.estimators.f_losses import alpha_loss, alpha_slope, jensen_shannon_slope
from gfn.evaluation.exact import f_divergence
from gfn.sampling import Trajectories
from tests.helpers import SMALL_TASKS, TINY_TASKS, all_batches, objective

ALPHAS = (-1.0, 0.0, 0.5, 1.0, 2.0)
NEAR = [limit + sign * size for limit in (0, 1) for sign in (1, -1) for size in (1e-2, 1e-4, 1e-6, 1e-9)]
LOSSES = {f"alpha = {alpha:g}": (lambda *given, alpha=alpha: f_trajectory_balance(*given, alpha)) for alpha in ALPHAS}
LOSSES["Jensen-Shannon"] = jensen_shannon_balance
DIVERGENCES = {f"alpha = {alpha:g}": alpha for alpha in ALPHAS} | {"Jensen-Shannon": None}


def estimates(t, batches, loss):
    """Gradients of given batches ``[K, P]``; ``loss`` takes the three tensors and log Z."""
    return t.estimates(batches, None, lambda drawn: loss(drawn.log_pf, drawn.log_pb, drawn.log_reward, t.log_z))


def mean_over_all(t, size, loss):
    batches, log_orders = all_batches(len(t.log_pf), size)
    return (log_orders + t.log_pf[batches].sum(1)).exp() @ estimates(t, batches, loss)


def exact(t, alpha):
    """The gradient of the divergence by its definition, ``[P]``."""
    theta = torch.zeros(1, t.scores.shape[1], dtype=torch.float64, requires_grad=True)
    log_pf = t.log_pf + theta @ t.scores.T
    value = f_divergence(Trajectories(log_pf, t.log_pb[None], t.log_reward[None], log_pf), alpha)
    # The definition differentiates p_F in the mean too, and E[p_F / q f'] has no other part.
    return torch.autograd.grad(value.sum(), theta)[0][0]


@pytest.mark.parametrize("alpha", [-2.0, 0.3, 1.7, 3.0])
def test_values_by_the_definition(alpha):
    delta = torch.linspace(-3, 3, 25, dtype=torch.float64)
    k = alpha - 1
    torch.testing.assert_close(alpha_loss(delta, alpha), ((k * delta).exp() - 1) / k**2 - delta / k)
    torch.testing.assert_close(alpha_loss(delta, 0.0), (-delta).exp() + delta - 1)
    torch.testing.assert_close(alpha_loss(delta, 1.0), delta.square() / 2)


@pytest.mark.parametrize("alpha", [*ALPHAS, *NEAR])
def test_the_slope_is_the_derivative_of_the_value(alpha):
    """By differences of values, and as autograd gives it."""
    delta = torch.linspace(-3, 3, 24, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(alpha_loss(delta, alpha).sum(), delta)
    torch.testing.assert_close(found, alpha_slope(delta, alpha))
    step = 1e-4
    difference = (alpha_loss(delta + step, alpha) - alpha_loss(delta - step, alpha)) / (2 * step)
    torch.testing.assert_close(found, difference, rtol=1e-6, atol=1e-6)


def test_the_slope_of_jensen_shannon_is_that_of_its_f():
    """f'(e^Δ) = ½ log(2 / (1 + e^-Δ)), bounded on one side."""
    delta = torch.linspace(-30, 30, 61, dtype=torch.float64)
    torch.testing.assert_close(jensen_shannon_slope(delta), 0.5 * (2 / (1 + (-delta).exp())).log())
    assert jensen_shannon_slope(torch.tensor(1e9)) == pytest.approx(0.5 * math.log(2))
    assert jensen_shannon_slope(torch.tensor(-1e9)) == pytest.approx(-5e8)


@pytest.mark.parametrize("alpha", [float("nan"), float("inf")])
def test_orders_that_are_not_finite_are_refused(alpha):
    for loss in (lambda *three: f_trajectory_balance(*three, 0.0, alpha), lambda *three: devgrad(*three, alpha)):
        with pytest.raises(ValueError, match=r"^alpha = (nan|inf) is not allowed: any finite number$"):
            loss(*torch.zeros(3, 4))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("task", TINY_TASKS)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_mean_over_all_batches_is_the_exact_gradient(tables, task, loss, size):
    """With Z known, over every batch of up to three trajectories: unbiased."""
    t = tables[task]
    torch.testing.assert_close(mean_over_all(t, size, LOSSES[loss]), exact(t, DIVERGENCES[loss]), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("off", [-2.0, 1.5])
def test_another_log_z_changes_the_length_of_the_mean_alone(tables, alpha, off):
    """By e^((α - 1) off): on policy it is a baseline, and a scale."""
    t = tables["sets 4 choose 2"]
    found = mean_over_all(t, 2, lambda f, b, r, z: f_trajectory_balance(f, b, r, z + off, alpha))
    torch.testing.assert_close(found, math.exp((alpha - 1) * off) * exact(t, alpha), rtol=1e-9, atol=1e-10)


def test_jensen_shannon_needs_its_log_z(tables):
    """Its slope is no power: with another log Z the direction is another one."""
    t = tables["sets 4 choose 2"]
    off = mean_over_all(t, 1, lambda f, b, r, z: jensen_shannon_balance(f, b, r, z + 2))
    assert torch.cosine_similarity(off, exact(t, None), dim=0) < 0.9999


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("task", SMALL_TASKS)
def test_the_target_is_the_fixed_point_whatever_trajectories_are_drawn(tables, task, loss):
    """At the target every trajectory has no loss and no gradient, elsewhere each off it has a loss."""
    t, function = tables[task], LOSSES[loss]
    log_pf = (t.log_pb + t.log_reward - t.log_z).clone().requires_grad_()
    log_z = torch.tensor(t.log_z, dtype=torch.float64, requires_grad=True)
    value = function(log_pf, t.log_pb, t.log_reward, log_z)
    assert float(value.detach()) < 1e-20
    assert all(g.abs().max() < 1e-12 for g in torch.autograd.grad(value, (log_pf, log_z)))
    for off in (0.3, -0.3):
        assert float(function(log_pf[:1].detach() + off, t.log_pb[:1], t.log_reward[:1], log_z.detach())) > 1e-3


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("task", SMALL_TASKS)
def test_that_of_devgrad_too(tables, task, alpha):
    t = tables[task]
    log_pf = (t.log_pb + t.log_reward - t.log_z).clone().requires_grad_()
    value = devgrad(log_pf, t.log_pb, t.log_reward + 3, alpha)  # whatever Z is
    assert float(value.detach()) < 1e-18
    assert torch.autograd.grad(value, log_pf)[0].abs().max() < 1e-12
    assert float(devgrad(t.log_pf, t.log_pb, t.log_reward, alpha)) > 1e-3


def test_half_of_tb_and_of_vargrad_at_one(tables):
    """In value and gradient."""
    t = tables["sequences 3 letters length 3"]
    batches = t.draw(16, 7, seed=0)
    arguments = t.log_pf[batches].requires_grad_(), t.log_pb[batches], t.log_reward[batches]
    pairs = [(f_trajectory_balance(*arguments, 0.7, 1.0), trajectory_balance(*arguments, 0.7))]
    pairs += [(devgrad(*arguments, 1.0), log_partition_variance(*arguments))]
    for found, whole in pairs:
        torch.testing.assert_close(found, whole / 2)
        ours, theirs = (torch.autograd.grad(each.sum(), arguments[0])[0] for each in (found, whole))
        torch.testing.assert_close(ours, theirs / 2)


@pytest.mark.parametrize("size", [2, 8, 33])
@pytest.mark.parametrize("alpha", [-1.0, -0.5, 0.1, 0.5, 0.99, 1.01, 2.0])
@pytest.mark.parametrize("task", SMALL_TASKS)
def test_devgrad_is_renyi_with_leave_one_out_on_the_whole_weight(tables, task, alpha, size):
    """(N - 1) / (N |α|) times its estimate, on every batch."""
    t = tables[task]
    batches = t.draw(64, size, seed=0)
    found = estimates(t, batches, lambda f, b, r, z: devgrad(f, b, r, alpha))
    joint = t.estimates(batches, objective("renyi", alpha, "joint")) * (size - 1) / (size * abs(alpha))
    torch.testing.assert_close(found, joint, rtol=1e-9, atol=1e-9 * float(joint.norm()))


def test_at_zero_devgrad_is_forward_kl_over_its_mean_weight(tables):
    t, size = tables["hypergrid 3 by 3"], 8
    batches = t.draw(64, size, seed=0)
    found = estimates(t, batches, lambda f, b, r, z: devgrad(f, b, r, 0.0))
    weight = (t.log_pb + t.log_reward - t.log_pf - t.log_z)[batches].exp().mean(1, keepdim=True)
    joint = t.estimates(batches, objective("forward_kl", None, "joint")) / weight * (size - 1) / size
    torch.testing.assert_close(found, joint, rtol=1e-9, atol=1e-9 * float(joint.norm()))


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 0.5, 2.0])
def test_the_bias_of_devgrad_falls_as_one_over_n(three, alpha):
    """Towards the exact gradient divided by E[(w/Z)^(1 - α)], exactly, over all batches; N times the bias settles."""
    moment = float(
        (three.log_pf + (1 - alpha) * (three.log_pb + three.log_reward - three.log_pf - three.log_z)).logsumexp(0).exp()
    )
    goal = exact(three, alpha) / moment
    sizes = (2, 64, 128)
    bias = {
        n: float((mean_over_all(three, n, lambda f, b, r, z: devgrad(f, b, r, alpha)) - goal).norm()) for n in sizes
    }
    assert bias[2] > 0.05 * goal.norm() > 4 * bias[128]
    assert 0.85 < (128 * bias[128]) / (64 * bias[64]) < 1.15


@pytest.mark.parametrize("alpha", [*ALPHAS, *NEAR])
def test_nothing_is_rounded_away_in_single_precision(tables, alpha):
    """Gradients of both losses near orders 0 and 1, and near the target, as in double precision."""
    t = tables["sequences 3 letters length 3"]
    noise = torch.randn(len(t.log_pf), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for scale in (1.0, 1e-2):
        log_pf = (t.log_pb + t.log_reward - t.log_z) + scale * noise
        found = []
        for dtype in (torch.float32, torch.float64):
            arguments = [part.to(torch.float32).to(dtype) for part in (log_pf, t.log_pb, t.log_reward)]
            arguments[0].requires_grad_()
            losses = (
                f_trajectory_balance(*arguments, torch.tensor(t.log_z).to(dtype), alpha),
                devgrad(*arguments, alpha),
            )
            found.append([torch.autograd.grad(loss, arguments[0])[0].double() for loss in losses])
        for single, double in zip(*found):
            assert (single - double).norm() < 2e-6 / scale * double.norm()


def test_slopes_far_off_are_beyond_single_precision_but_for_jensen_shannon():
    """A trajectory that a policy has all but excluded, which only other trajectories than its own can bring."""
    found = {}
    for name, loss in LOSSES.items():
        log_pf = torch.tensor([-400.0, -1.0], requires_grad=True)
        (found[name],) = torch.autograd.grad(loss(log_pf, torch.zeros(2), torch.zeros(2), 0.0), log_pf)
    assert [name for name, slope in found.items() if not slope.isfinite().all()] == [
        "alpha = -1",
        "alpha = 0",
        "alpha = 0.5",
    ]
    assert float(found["Jensen-Shannon"][0]) == pytest.approx(-100, rel=0.01)


def test_weights_of_one_on_one_scale(tables):
    """A constant in the rewards changes nothing of DevGrad, and of the loss with a log Z that moves with it."""
    t = tables["dags of 3 nodes"]
    batches = t.draw(8, 5, seed=3)
    for alpha in ALPHAS:
        plain = estimates(t, batches, lambda f, b, r, z, a=alpha: devgrad(f, b, r, a))
        moved = estimates(t, batches, lambda f, b, r, z, a=alpha: devgrad(f, b, r + 40, a))
        torch.testing.assert_close(plain, moved, rtol=1e-9, atol=1e-9)
