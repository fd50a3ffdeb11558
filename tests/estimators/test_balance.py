"""Trajectory balance, and Proposition 1 of the paper by summing over all trajectories."""

from __future__ import annotations

import pytest
import torch

from gfn.environments import Sequences, Sets
from gfn.estimators import trajectory_balance
from gfn.exact import all_probabilities
from tests.helpers import exact_gradient, gradients, small_policy

INSTANCES = [
    Sets(universe=5, size=3),
    Sets(universe=6, size=2, task_seed=3, low=-3.0, high=2.0),
    Sets(universe=4, size=4, task_seed=1),
    Sequences(alphabet=3, length=3),
    Sequences(alphabet=2, length=5, task_seed=4, f_low=-4.0),
    Sequences(alphabet=1, length=4),
]


def expected_balance_gradient(environment, policy, log_z):
    """Σ_τ p_F(τ) ∇L_TB(τ), with p_F held fixed as on-policy sampling does."""
    t = all_probabilities(environment, policy)
    each = trajectory_balance(*(value.unsqueeze(-1) for value in (t.log_pf, t.log_pb, t.log_reward)), log_z)
    return gradients((t.log_pf.detach().exp() * each).sum(-1), list(policy.parameters()))[0]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("environment", INSTANCES, ids=lambda e: f"{e.task} {e.action_count} {e.max_steps}")
def test_proposition_1(environment, seed):
    """∇E[L_TB] = 2 ∇KL(P_F ‖ P_B) on policy with Z known, both sides exact."""
    policy = small_policy(environment, [seed])
    exact = exact_gradient(environment, policy, "reverse_kl", None)
    balance = expected_balance_gradient(environment, policy, environment.log_z)
    assert exact.norm() > 1e-3 or environment.size == environment.universe
    torch.testing.assert_close(balance, 2 * exact, rtol=1e-10, atol=1e-12)


def test_log_z_does_not_change_the_expected_gradient():
    """A wrong constant log Z adds a multiple of E[∇log p_F] = 0: it matters to the variance alone."""
    environment = INSTANCES[0]
    policy = small_policy(environment)
    right, wrong = (expected_balance_gradient(environment, policy, environment.log_z + shift) for shift in (0.0, 5.0))
    torch.testing.assert_close(right, wrong, rtol=1e-10, atol=1e-12)


def test_loss_is_zero_exactly_at_balance():
    """log p_F = log p_B + log r - log Z gives no loss, and any deviation its square."""
    log_pb, log_reward = torch.randn(2, 3, 5, dtype=torch.float64)
    balanced = log_pb + log_reward - 1.5
    assert trajectory_balance(balanced, log_pb, log_reward, 1.5).abs().max() < 1e-28
    torch.testing.assert_close(
        trajectory_balance(balanced + 0.5, log_pb, log_reward, 1.5), torch.full((3,), 0.25).double()
    )


def test_learned_log_z_of_each_replica():
    """log Z ``[R, 1]`` gets for each replica the gradient of its own trajectories."""
    log_pf, log_pb, log_reward = torch.randn(3, 2, 7, dtype=torch.float64)
    log_z = torch.tensor([[0.0], [3.0]], dtype=torch.float64, requires_grad=True)
    trajectory_balance(log_pf, log_pb, log_reward, log_z).sum().backward()
    expected = 2 * (log_z.detach() + log_pf - log_pb - log_reward).mean(-1, keepdim=True)
    torch.testing.assert_close(log_z.grad, expected)
