"""Trajectories that are not drawn from the policy itself: their law, its log-probability, and the policy's own."""

from __future__ import annotations

import pytest
import torch

from gfn.environments import Banana, GaussianMixture, Sets
from gfn.evaluation.exact import all_probabilities, all_trajectories
from gfn.sampling import Exploration, engine, follow, given, rollout
from tests.helpers import DISCRETE, TINY_TASKS, frequencies_p, generators, repeat, small_policy, train

ALARM = 1e-4
TASKS = DISCRETE | {"large sets": Sets(universe=70, size=4), "banana": Banana()}
WAYS = {"uniform": Exploration(0.3), "tempered": Exploration(0, 2.0), "sharp": Exploration(0.1, 0.5)}


def log_q_of_all(task, policy, exploration):
    """log q of every trajectory of a small task, step by step from its definition: ``[M]``."""
    states, actions = all_trajectories(task)
    total = torch.zeros(actions[0].shape[1], dtype=torch.float64)
    for state, action in zip(states, actions):
        mask = task.mask(state)
        own = (policy.log_probs(task.observe(state), mask) / exploration.temperature).softmax(-1)
        uniform = mask.double() / mask.sum(-1, keepdim=True)
        mixed = (1 - exploration.epsilon) * own + exploration.epsilon * uniform
        total += mixed.gather(-1, action.unsqueeze(-1)).squeeze(-1).squeeze(0).log()
    return total.detach()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("task", TINY_TASKS)
def test_trajectories_follow_what_is_said(task, way):
    """By a chi-square test over all trajectories; log p_F and log q are those of each."""
    task, exploration = TINY_TASKS[task], WAYS[way]
    policy = train(task, small_policy(task), 30)
    log_q, every = log_q_of_all(task, policy, exploration), all_probabilities(task, policy)
    assert float(log_q.exp().sum()) == pytest.approx(1)
    drawn = rollout(task, repeat(policy, task, 2000), 2, generators(2000), exploration=exploration)
    # Trajectories are told apart by their three numbers, which differ in these tasks.
    seen = torch.stack([drawn.log_pf, drawn.log_q, drawn.log_reward, drawn.log_pb], -1).flatten(0, 1).detach()
    listed = torch.stack([every.log_pf[0], log_q, every.log_reward[0], every.log_pb[0]], -1).detach()
    distance = (seen.unsqueeze(1) - listed).abs().amax(-1)
    assert distance.amin(1).max() < 1e-9
    assert frequencies_p(distance.argmin(1).bincount(minlength=len(listed)), log_q.exp()) > ALARM


@pytest.mark.parametrize("name", TASKS)
def test_trajectories_can_be_followed_again(name, monkeypatch):
    """Under the policy that drew them and under another, by their actions, with gradients; with a table of states and without."""
    task = TASKS[name]
    policy, other = small_policy(task, (0, 1)), small_policy(task, (2, 3))
    exploration = Exploration(0.4)
    for tables in (True, False) if name not in ("banana", "large sets") else (True,):
        if not tables:
            for module in (engine, given):
                monkeypatch.setattr(module, "table_of", lambda *_: None)
        drawn = rollout(task, policy, 7, generators(2), exploration=exploration)
        again, beside = follow(task, policy, drawn.actions), follow(task, other, drawn.actions)
        for part in ("log_pf", "log_pb", "log_reward", "terminal"):
            torch.testing.assert_close(getattr(again, part), getattr(drawn, part))
        for part in ("log_pb", "log_reward", "terminal"):
            torch.testing.assert_close(getattr(beside, part), getattr(drawn, part))
        assert not torch.allclose(beside.log_pf, drawn.log_pf)
        found, due = (
            torch.autograd.grad(each.log_pf.square().sum(), list(policy.parameters())) for each in (again, drawn)
        )
        for one, two in zip(found, due):
            torch.testing.assert_close(one, two)
        torch.testing.assert_close(follow(task, policy, again.actions).log_pf, drawn.log_pf)


def test_no_exploration_draws_from_the_policy():
    """The same trajectories, with log q = log p_F."""
    for task in (TASKS["hypergrid 3 by 3"], TASKS["large sets"], Banana()):
        policy = small_policy(task, (0, 1))
        plain, drawn = (rollout(task, policy, 5, generators(2), exploration=each) for each in (None, Exploration()))
        assert plain.log_q is None
        torch.testing.assert_close(drawn.log_pf, plain.log_pf)
        torch.testing.assert_close(drawn.log_q, plain.log_pf.detach())
        assert torch.equal(drawn.terminal, plain.terminal)


@pytest.mark.parametrize("task", [GaussianMixture(), Banana()], ids=lambda task: task.task)
def test_in_the_plane_exploration_is_uniform_over_the_box(task):
    """The share that explores fills each side evenly, and densities integrate to one."""
    policy = small_policy(task)
    only = rollout(task, policy, 20_000, generators(1), exploration=Exploration(1.0))
    for axis, (low, high) in enumerate(task.box):
        place = (only.terminal[0, :, axis] - low) / (high - low)
        assert frequencies_p(torch.histc(place, 20, 0.0, 1.0), torch.full((20,), 0.05, dtype=torch.float64)) > ALARM
    area = torch.tensor([high - low for low, high in task.box], dtype=torch.float64).prod()
    torch.testing.assert_close(only.log_q[0], -area.log().expand(20_000))
    drawn = rollout(task, policy, 20_000, generators(1), exploration=Exploration(0.5))
    # E_q[p_F / q] = 1 where q is positive, and E_q[u / q] = 1 for the uniform law u of the box.
    ratio = (drawn.log_pf - drawn.log_q).detach().exp()
    assert float(ratio.mean()) == pytest.approx(1, abs=5 * float(ratio.std()) / 20_000**0.5)
    assert ratio.max() <= 4 + 1e-6  # (1 / (1 - ε))²


def test_improbable_actions_keep_a_finite_probability():
    """A policy that all but excludes an action, which exploration takes."""
    task = TASKS["sets 5 choose 3"]
    policy = small_policy(task).float()
    with torch.no_grad():
        policy.network.biases[-1][..., 0] = 300.0
    drawn = rollout(task, policy, 50, generators(1), exploration=Exploration(1.0))
    assert drawn.log_pf.isfinite().all()
    assert drawn.log_pf.min() < -250
    drawn.log_pf.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in policy.parameters())
