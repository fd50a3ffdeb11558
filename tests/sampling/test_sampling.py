"""Rollouts and retraced trajectories against exact distributions."""

from __future__ import annotations

import math

import pytest
import torch

from gfn.environments import Banana, GaussianMixture, Hypergrid, Sequences, Sets
from gfn.environments.enumeration import state_graph
from gfn.evaluation.exact import all_probabilities, all_trajectories, terminal_distribution
from gfn.policies import PolicySettings, make_policy
from gfn.sampling import distinct, engine, evaluate, retrace, rollout
from gfn.sampling.engine import group
from tests.helpers import DISCRETE, SMALL_TASKS, chi_square_p, frequencies_p, generators, small_policy, train

ALARM = 1e-4  # false-alarm rate of each test here
ALL = {**SMALL_TASKS, "gaussian mixture": GaussianMixture(), "banana": Banana()}
SIX = Sets(universe=6, size=3)


@pytest.mark.parametrize("steps", [0, 60])
@pytest.mark.parametrize("name", SMALL_TASKS)
def test_rollouts_follow_the_exact_terminal_distribution(name, steps):
    """Chi-square of 20 000 objects against dynamic programming (false-alarm rate 1e-4)."""
    task = SMALL_TASKS[name]
    policy = train(task, small_policy(task), steps)
    drawn = rollout(task, policy, 20_000, generators(1, 5))
    which = (task.key(drawn.terminal[0])[:, None] == task.key(state_graph(task).objects)).long().argmax(-1)
    exact = terminal_distribution(task, policy)[0]
    assert frequencies_p(torch.bincount(which, minlength=len(exact)), exact) > ALARM


@pytest.mark.parametrize("name", SMALL_TASKS)
def test_rollouts_carry_their_own_probabilities(name):
    """log p_F, log p_B and log r of each are found among those of all trajectories to the same object."""
    task = SMALL_TASKS[name]
    policy = small_policy(task)
    every, drawn = all_probabilities(task, policy), rollout(task, policy, 50, generators(1))
    assert task.is_terminal(drawn.terminal).all()
    same_object = task.key(drawn.terminal[0])[:, None] == task.key(every.terminal[0])
    for field in ("log_pf", "log_pb", "log_reward"):
        close = (getattr(drawn, field)[0][:, None] - getattr(every, field)[0]).abs() < 1e-12
        assert (same_object & close).any(1).all()
    torch.testing.assert_close(drawn.log_reward, task.log_reward(drawn.terminal))


@pytest.mark.parametrize("name", ALL)
def test_equal_seeds_give_equal_rollouts(name):
    """Bit for bit; another seed gives others."""
    runs = [rollout(ALL[name], small_policy(ALL[name], [0, 1]), 32, generators(2, first)) for first in (0, 0, 50)]
    assert torch.equal(runs[0].terminal, runs[1].terminal)
    assert torch.equal(runs[0].log_pf, runs[1].log_pf)
    assert not torch.equal(runs[0].terminal, runs[2].terminal)
    assert runs[0].log_pf.shape == runs[0].log_pb.shape == runs[0].log_reward.shape == (2, 32)


@pytest.mark.parametrize("name", ALL)
def test_log_pf_alone_is_differentiable(name):
    drawn = rollout(ALL[name], small_policy(ALL[name]), 4, generators(1))
    assert drawn.log_pf.requires_grad
    assert not (drawn.log_pb.requires_grad or drawn.log_reward.requires_grad)
    assert drawn.log_pf.dtype == drawn.log_pb.dtype == drawn.log_reward.dtype == torch.float64


def test_retraced_orders_are_all_of_them():
    """p_B is 1/6 for each of the six orders of three elements, and each order comes equally often (chi-square, 1e-4)."""
    policy, goal = small_policy(SIX), state_graph(SIX).objects[7]
    traced = retrace(SIX, policy, goal.expand(1, 12_000, -1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(traced.log_pb, torch.full_like(traced.log_pb, -math.log(6)), rtol=1e-12, atol=1e-12)
    orders, counts = traced.log_pf.detach()[0].mul(1e9).round().unique(return_counts=True)
    assert len(orders) == 6
    assert frequencies_p(counts, torch.full((6,), 1 / 6).double()) > ALARM


@pytest.mark.parametrize("steps", [0, 60])
def test_sum_over_all_orders_is_the_terminal_distribution(steps):
    """Exactly: p_T(x) is the sum of p_F over the orders of x, and the p_B-mean of p_F / p_B."""
    policy = train(SIX, small_policy(SIX), steps)
    every, objects = all_probabilities(SIX, policy), state_graph(SIX).objects
    member = SIX.key(every.terminal[0]) == SIX.key(objects)[:, None]
    exact = terminal_distribution(SIX, policy)[0]
    torch.testing.assert_close((member * every.log_pf[0].detach().exp()).sum(1), exact, rtol=1e-12, atol=0)
    weighted = every.log_pb[0].exp() * (every.log_pf[0].detach() - every.log_pb[0]).exp()
    torch.testing.assert_close((member * weighted).sum(1), exact, rtol=1e-12, atol=0)
    torch.testing.assert_close((member * every.log_pb[0].exp()).sum(1), torch.ones(20).double(), rtol=1e-12, atol=0)


def test_retracing_estimates_the_terminal_distribution():
    """Mean of p_F / p_B over 500 orders of each object against the exact p_T (chi-square over objects, 1e-4)."""
    policy, objects = train(SIX, small_policy(SIX), 20), state_graph(SIX).objects
    traced = retrace(SIX, policy, objects[None].repeat_interleave(500, 1), torch.Generator().manual_seed(1))
    ratio = (traced.log_pf - traced.log_pb).detach().exp().view(20, 500)
    exact = terminal_distribution(SIX, policy)[0]
    z = (ratio.mean(1) - exact) / (ratio.std(1) / math.sqrt(500))
    assert ratio.std(1).min() > 1e-6
    assert chi_square_p(z.square().sum(), 20) > ALARM
    assert chi_square_p(((ratio.mean(1) - 1.05 * exact) / (ratio.std(1) / math.sqrt(500))).square().sum(), 20) < ALARM


def test_retracing_full_words_is_exact():
    """Each word has one trajectory, so that p_F of it is p_T."""
    task = SMALL_TASKS["sequences 3 letters length 3"]
    policy, graph = small_policy(task), state_graph(task)
    full = graph.objects[:, -1] != -1
    traced = retrace(task, policy, graph.objects[full][None], torch.Generator().manual_seed(0))
    exact = terminal_distribution(task, policy)[0]
    assert full.sum() == 27 + 9
    torch.testing.assert_close(traced.log_pf[0].detach().exp(), exact[full], rtol=1e-12, atol=0)
    assert (traced.log_pb == 0).all()


def visited(task, replicas=2, batch=40):
    """States of every step of some rollouts, finished ones among them where trajectories differ in length: ``[R, M, ...]``."""
    drawn = rollout(task, small_policy(task, range(replicas)), batch, generators(replicas, 3))
    return drawn.steps.states.flatten(1, 2), drawn


@pytest.mark.parametrize("name", DISCRETE)
def test_distinct_states_stand_for_all(name):
    """Each state is found again, finished ones as any finished one; none stands for two, and there are no more than needed."""
    task = DISCRETE[name]
    states, _ = visited(task)
    states = torch.cat([states, rollout(task, small_policy(task, [0, 1]), 5, generators(2)).terminal], 1)
    once, which = distinct(task, states)
    found = torch.stack([once[r, which[r]] for r in range(2)])
    finished = task.is_terminal(states)
    assert finished.any(1).all()
    assert torch.equal(finished, task.is_terminal(found))
    assert torch.equal(found[~finished], states[~finished])
    keys = task.key(states).masked_fill(finished, -1)
    counts = [len(row.unique()) for row in keys]
    assert [len(row.unique()) for row in which] == counts
    assert once.shape[1] == max(counts) < states.shape[1]


@pytest.mark.parametrize("name", DISCRETE)
def test_evaluating_each_state_once_changes_nothing(name):
    """The log-probabilities of every row evaluated by itself, step by step, and their gradients."""
    task = DISCRETE[name]
    states, drawn = visited(task)
    policy = small_policy(task, [0, 1])
    steps = drawn.steps
    after = torch.cat([steps.states[:, :, 1:], drawn.terminal.unsqueeze(2)], 2)
    mask = task.mask(steps.states)
    reaches = torch.stack(
        [task.key(task.step(steps.states, torch.full(mask.shape[:-1], a))) for a in range(mask.shape[-1])]
    )
    action = ((reaches == task.key(after)) & mask.movedim(-1, 0)).long().argmax(0)
    every = evaluate(task, policy, [*steps.states.unbind(2), drawn.terminal], list(action.unbind(2)))
    plain = policy.log_prob(task.observe(states), task.mask(states), action.flatten(1, 2)).view(steps.going.shape)
    torch.testing.assert_close(every.steps.log_pf, plain, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(drawn.log_pf, plain.sum(-1), rtol=1e-12, atol=1e-12)
    assert (plain[~steps.going] == 0).all()
    for one, other in zip(
        *(torch.autograd.grad(x.square().sum(), policy.parameters()) for x in (every.log_pf, plain.sum(-1)))
    ):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("batch", [2, 64])
@pytest.mark.parametrize("name", DISCRETE)
def test_a_table_of_all_states_changes_nothing(name, batch, monkeypatch):
    """From the same noise: the same trajectories, step by step, and the same gradients.

    Large batches ask the network about all states at once, small ones about those that they meet.
    """
    task = DISCRETE[name]
    assert engine.table_of(task, torch.device("cpu")) is not None
    policy = small_policy(task, [0, 1])
    looked_up = rollout(task, policy, batch, generators(2))
    monkeypatch.setattr(engine, "table_of", lambda *arguments: None)
    stepped = rollout(task, policy, batch, generators(2))
    assert torch.equal(looked_up.terminal, stepped.terminal)
    for field in ("states", "going"):
        assert torch.equal(getattr(looked_up.steps, field), getattr(stepped.steps, field))
    for field in ("log_pf", "log_pb", "log_reward"):
        torch.testing.assert_close(getattr(looked_up, field), getattr(stepped, field), rtol=1e-12, atol=1e-12)
    for field in ("log_pf", "log_pb"):
        torch.testing.assert_close(
            getattr(looked_up.steps, field), getattr(stepped.steps, field), rtol=1e-12, atol=1e-12
        )
    for one, other in zip(
        *(torch.autograd.grad(x.log_pf.square().sum(), policy.parameters()) for x in (looked_up, stepped))
    ):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_large_tasks_have_no_table():
    """Nor do those whose states cannot be numbered."""
    for task in (Sets(), Sets(universe=64, size=1), Hypergrid(side=600, dimensions=2)):
        assert engine.table_of(task, torch.device("cpu")) is None


def test_groups_of_equal_numbers():
    """Every number finds its group, every group a member, and there are as many as the row with most has numbers."""
    keys = torch.tensor([[5, 3, 5, 9, 3, 5], [7, 7, 7, 7, 7, 7]])
    first, which = group(keys)
    assert first.shape == (2, 3)
    assert torch.equal(keys.gather(1, first).gather(1, which), keys)
    assert [len(row.unique()) for row in which] == [3, 1]


@pytest.mark.parametrize("task", [Sets(universe=3, size=3), Sets(universe=1, size=1)], ids=str)
def test_tasks_small_to_the_last(task, monkeypatch):
    """One object, with a choice on the way or none at all: its probability is one, looked up and stepped."""
    policy = small_policy(task, [0, 1])
    for _ in range(2):
        drawn = rollout(task, policy, 4, generators(2))
        torch.testing.assert_close(drawn.log_pb, drawn.log_pb[:, :1].expand(2, 4))
        torch.testing.assert_close(terminal_distribution(task, policy), torch.ones(2, 1, dtype=torch.float64))
        if task.size == 1:
            assert (drawn.log_pf == 0).all()
        monkeypatch.setattr(engine, "table_of", lambda *arguments: None)


def shown_to(network, monkeypatch):
    """A list that fills with the observations that a network is shown in rollouts."""
    seen, tape = [], type(network.tape(1))
    ask = tape.ask
    monkeypatch.setattr(tape, "ask", lambda self, x: seen.append(x) or ask(self, x))
    return seen


def test_a_network_sees_no_state_twice(monkeypatch):
    """Of a table: the first levels whole, then each state of the batch once, and nothing where nobody has a choice."""
    task = DISCRETE["phylogenetics of 4 taxa"]
    policy = small_policy(task)
    seen = shown_to(policy.network, monkeypatch)
    drawn = rollout(task, policy, 5, generators(1))
    counts = [x.shape[1] for x in seen]
    graph = state_graph(task)
    assert counts[0] == 1 + 1  # the source, and the row of all states without a choice
    assert len(counts) == task.max_steps - 1
    assert counts[1] == len(task.key(drawn.steps.states[0, :, 1]).unique()) <= 5
    monkeypatch.setattr(engine, "table_of", lambda *arguments: None)
    seen.clear()
    rollout(task, policy, 5, generators(1))
    assert [x.shape[1] for x in seen] == [1, 5, 5]
    seen.clear()
    monkeypatch.undo()
    seen = shown_to(policy.network, monkeypatch)
    rollout(task, policy, 200, generators(1))
    assert [x.shape[1] for x in seen] == [1 + int(graph.branching.sum())]


@pytest.mark.parametrize("hidden", [(8,), (), (6, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_sampling_computed_is_as_good_as_computing_it_again(hidden, dtype, monkeypatch):
    """Where states hardly repeat: probabilities, and gradients of a function of them, against a fresh evaluation."""
    task = Sets(universe=20, size=4)
    assert not task.repeats
    monkeypatch.setattr(engine, "table_of", lambda *arguments: None)
    policy = make_policy(task, PolicySettings(hidden=hidden), [0, 1]).to(dtype)
    drawn = rollout(task, policy, 16, generators(2))
    steps = drawn.steps
    action = (torch.cat([steps.states[:, :, 1:], drawn.terminal.unsqueeze(2)], 2) ^ steps.states).long().argmax(-1)
    again = evaluate(task, policy, [*steps.states.unbind(2), drawn.terminal], list(action.unbind(2)))
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-12}
    torch.testing.assert_close(drawn.steps.log_pf, again.steps.log_pf, **close)
    weights = torch.linspace(-1, 2, 16, dtype=dtype)
    for _ in range(2):  # as a control variate takes the gradient more than once
        kept, fresh = (
            torch.autograd.grad((weights * x.log_pf).mean(), policy.parameters(), retain_graph=True)
            for x in (drawn, again)
        )
        for one, other in zip(kept, fresh):
            torch.testing.assert_close(one, other, **close)
        weights = weights.square()


@pytest.mark.parametrize(
    "task", [Hypergrid(side=8), Sequences(alphabet=1, length=40), DISCRETE["dags of 3 nodes"]], ids=str
)
def test_rollouts_stop_with_the_longest_trajectory(task):
    """The last step is somebody's, every step before one's object is open, and all have arrived."""
    drawn = rollout(task, small_policy(task, [0, 1]), 4, generators(2))
    going = drawn.steps.going
    assert going[..., -1].any()
    assert going.shape[2] == going.sum(-1).max() <= task.max_steps
    assert torch.equal(going, going.cummin(-1).values)
    assert task.is_terminal(drawn.terminal).all()


@pytest.mark.parametrize("name", DISCRETE)
def test_lengths_of_trajectories_are_within_their_bounds(name):
    """The shortest and the longest of all there are."""
    task = DISCRETE[name]
    states, _ = all_trajectories(task)
    lengths = sum((~task.is_terminal(state)).long() for state in states)
    assert (int(lengths.min()), int(lengths.max())) == (task.min_steps, task.max_steps)
