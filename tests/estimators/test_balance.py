"""Balance losses at the exact solution and by hand, and Proposition 1 of the paper by summing over all trajectories."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gfn.environments import Sequences, Sets
from gfn.environments.enumeration import state_graph
from gfn.estimators import detailed_balance, log_partition_variance, subtrajectory_balance, trajectory_balance
from gfn.evaluation.exact import all_probabilities
from gfn.runs.objective import BALANCE_LOSSES, Objective
from gfn.sampling import rollout
from tests.helpers import SMALL_TASKS, exact_gradient, generators, gradients, small_policy

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


def exact_flows(task):
    """log F of every state of ``state_graph(task)``: the target's mass that uniform backward steps send through it."""
    graph = state_graph(task)
    flow = torch.full((len(graph.states),), -torch.inf, dtype=torch.float64)
    flow[graph.terminal] = task.log_reward(graph.objects)
    for level in reversed(graph.levels):
        source, target = graph.source[level], graph.target[level]
        sent = flow[target] - task.log_parents(graph.states[target])
        flow = torch.logaddexp(flow, torch.full_like(flow, -torch.inf).exp().index_add(0, source, sent.exp()).log())
    return flow


def solved(task):
    """Rollouts as they would be under the exact solution, with their exact log-flows."""
    graph, flow = state_graph(task), exact_flows(task)
    keys, order = task.key(graph.states).sort()
    drawn = rollout(task, small_policy(task), 64, generators(1))
    log_flow = flow[order[torch.searchsorted(keys, task.key(drawn.steps.states))]]
    following = torch.cat([log_flow[..., 1:], drawn.log_reward.unsqueeze(-1)], -1)
    going_on = torch.cat([drawn.steps.going[..., 1:], torch.zeros_like(drawn.steps.going[..., :1])], -1)
    following = torch.where(going_on, following, drawn.log_reward.unsqueeze(-1))
    log_pf = torch.where(drawn.steps.going, following + drawn.steps.log_pb - log_flow, 0)
    steps = replace(drawn.steps, log_pf=log_pf)
    return replace(drawn, log_pf=log_pf.sum(-1), make_steps=lambda: steps), log_flow


@pytest.mark.parametrize("name", BALANCE_LOSSES)
@pytest.mark.parametrize("task", SMALL_TASKS.values(), ids=SMALL_TASKS)
def test_the_target_is_the_fixed_point_of_every_balance_loss(task, name):
    """No residual at the exact flows; one where a single log-probability or flow is off."""
    right, log_flow = solved(task)
    goal = Objective(name=name)
    assert float(goal.loss(right, log_z=task.log_z, log_flow=log_flow)) < 1e-20
    log_pf = right.steps.log_pf.clone()
    log_pf[0, 5, 0] += 0.1
    steps = replace(right.steps, log_pf=log_pf)
    wrong = replace(right, log_pf=log_pf.sum(-1), make_steps=lambda: steps)
    assert float(goal.loss(wrong, log_z=task.log_z, log_flow=log_flow)) > 1e-5
    if name in ("db", "subtb"):
        log_flow = log_flow.clone()
        log_flow[0, 3, 0] += 0.1
        assert float(goal.loss(right, log_z=task.log_z, log_flow=log_flow)) > 1e-5


def example():
    """Two trajectories of three and two steps, in random numbers."""
    torch.manual_seed(3)
    log_pf, log_pb, log_flow = torch.randn(3, 2, 3, dtype=torch.float64)
    log_reward = torch.randn(2, dtype=torch.float64)
    going = torch.tensor([[True, True, True], [True, True, False]])
    return log_pf, log_pb, log_flow, log_reward, going


def residuals(log_pf, log_pb, log_flow, log_reward, length):
    """Residual of every part of one trajectory, by its definition: ``{(i, j): residual}``."""
    flow = [*log_flow[:length], log_reward]
    return {
        (i, j): flow[i] + sum(log_pf[i:j]) - sum(log_pb[i:j]) - flow[j]
        for i in range(length)
        for j in range(i + 1, length + 1)
    }


def test_detailed_and_subtrajectory_balance_by_their_definitions():
    """Loops over steps and parts, with trajectories of different lengths and a replica axis."""
    batch = example()
    parts = [residuals(*(value[n] for value in batch[:4]), length) for n, length in enumerate((3, 2))]
    single = torch.stack([r**2 for part in parts for (i, j), r in part.items() if j == i + 1])
    torch.testing.assert_close(detailed_balance(*batch), single.mean())
    decay = 0.7
    each = [
        sum(decay ** (j - i) * r**2 for (i, j), r in part.items()) / sum(decay ** (j - i) for i, j in part)
        for part in parts
    ]
    torch.testing.assert_close(subtrajectory_balance(*batch, decay), torch.stack(each).mean())
    stacked = [torch.stack([value, value.flip(0)]) for value in batch]
    torch.testing.assert_close(detailed_balance(*stacked), detailed_balance(*batch).expand(2))
    torch.testing.assert_close(subtrajectory_balance(*stacked, decay), subtrajectory_balance(*batch, decay).expand(2))


def test_subtrajectory_balance_ranges_from_detailed_to_trajectory_balance():
    """λ → 0 leaves single steps, large λ whole trajectories."""
    log_pf, log_pb, log_flow, log_reward, going = (value[:1] for value in example())
    batch = (log_pf, log_pb, log_flow, log_reward, going)
    torch.testing.assert_close(subtrajectory_balance(*batch, 1e-9), detailed_balance(*batch), rtol=1e-6, atol=0)
    whole = trajectory_balance(log_pf.sum(-1), log_pb.sum(-1), log_reward, log_flow[:, 0])
    torch.testing.assert_close(subtrajectory_balance(*batch, 1e9), whole, rtol=1e-6, atol=0)


def test_vargrad_is_trajectory_balance_at_the_batch_estimate_of_log_z():
    """In value and gradient: nothing flows through the mean."""
    log_pb, log_reward = torch.randn(2, 2, 7, dtype=torch.float64)
    log_pf = torch.randn(2, 7, dtype=torch.float64, requires_grad=True)
    log_z = (log_reward + log_pb - log_pf).mean(-1, keepdim=True).detach()
    losses = [
        log_partition_variance(log_pf, log_pb, log_reward),
        trajectory_balance(log_pf, log_pb, log_reward, log_z),
    ]
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*(torch.autograd.grad(loss.sum(), log_pf)[0] for loss in losses))


@pytest.mark.parametrize("task", SMALL_TASKS.values(), ids=SMALL_TASKS)
def test_vargrad_is_reverse_kl_with_leave_one_out(task):
    """On policy both gradients are the same estimate, up to the factor 2 (N - 1) / N."""
    policy = small_policy(task)
    drawn = rollout(task, policy, 16, generators(1))
    parameters = list(policy.parameters())
    vargrad, loo = (
        gradients(goal.loss(drawn, parameters), parameters)
        for goal in (Objective(name="vargrad"), Objective(name="reverse_kl", control_variate="loo"))
    )
    torch.testing.assert_close(vargrad, 2 * 15 / 16 * loo, rtol=1e-10, atol=1e-12)
