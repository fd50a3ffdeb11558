"""Exact answers against each other and against finite differences."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gfn.environments import Sequences, Sets, enumeration
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.evaluation import exact
from gfn.evaluation.exact import all_probabilities, divergence, f_divergence, terminal_distribution
from gfn.sampling import Trajectories
from tests.helpers import DIVERGENCE_CASES, SMALL_TASKS, exact_gradient, small_policy, table

TASKS = {**SMALL_TASKS, "one object": Sets(universe=3, size=3), "one letter": Sequences(alphabet=1, length=3)}
MORE_CASES = [
    *DIVERGENCE_CASES,
    *[(name, alpha) for name in ("renyi", "tsallis") for alpha in (-3.0, 0.1, 0.9, 1.1, 3.0)],
]


@pytest.mark.parametrize("name", TASKS)
def test_dynamic_programming_is_the_sum_over_trajectories(name):
    """p_T of each object and replica, summing to one."""
    task, policy = TASKS[name], small_policy(TASKS[name], [0, 1])
    every, graph = all_probabilities(task, policy), state_graph(task)
    member = task.key(every.terminal[0]) == task.key(graph.objects)[:, None]
    summed = (every.log_pf.detach().exp()[:, None] * member).sum(-1)
    distribution = terminal_distribution(task, policy)
    torch.testing.assert_close(distribution, summed, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(distribution.sum(1), torch.ones(2).double(), rtol=1e-12, atol=0)
    torch.testing.assert_close(
        target_distribution(task), (task.log_reward(graph.objects) - task.log_z).exp(), rtol=1e-10, atol=0
    )


def test_chunks_do_not_matter(monkeypatch):
    """Two states at a time give what all at once give."""
    task, policy = TASKS["sets 5 choose 3"], small_policy(TASKS["sets 5 choose 3"])
    whole = terminal_distribution(task, policy)
    monkeypatch.setattr(exact, "CHUNK", 2)
    torch.testing.assert_close(terminal_distribution(task, policy), whole, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", TASKS)
def test_trajectories_are_a_distribution_both_ways(name):
    """Σ p_F = 1, and Σ p_B = 1 for each object, hence the number of objects in all."""
    task = TASKS[name]
    every = all_probabilities(task, small_policy(task))
    assert float(every.log_pf.detach().exp().sum()) == pytest.approx(1, abs=1e-12)
    assert float(every.log_pb.exp().sum()) == pytest.approx(len(state_graph(task).objects), rel=1e-12)


@pytest.mark.parametrize(("name", "alpha"), MORE_CASES)
def test_divergences_are_zero_at_the_target_and_positive_elsewhere(name, alpha):
    """Of every order, negative ones included."""
    task = SMALL_TASKS["sets 5 choose 3"]
    every = all_probabilities(task, small_policy(task))
    assert float(divergence(name, every, alpha).detach()) > 1e-3
    target = (every.log_pb + every.log_reward).log_softmax(-1)
    assert float(divergence(name, replace(every, log_pf=target), alpha).detach()) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("name", ["renyi", "tsallis"])
def test_both_families_tend_to_the_reverse_kl(name):
    """For α → 1 from both sides, in value and gradient."""
    task = SMALL_TASKS["sequences 3 letters length 3"]
    t = table(task, small_policy(task))
    limit = t.exact("reverse_kl", None)
    for alpha in (1 - 1e-5, 1 + 1e-5):
        torch.testing.assert_close(t.exact(name, alpha), limit, rtol=1e-3, atol=1e-4)


def test_values_by_hand():
    """Two trajectories, p = (1/4, 3/4) against q = (1/2, 1/2)."""
    log_p = torch.tensor([[0.25, 0.75]], dtype=torch.float64).log()
    t = Trajectories(log_p, torch.zeros(1, 2).double(), torch.full((1, 2), 3.0).double(), log_p)
    p, q = log_p.exp(), torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(divergence("reverse_kl", t), (p * (p / q).log()).sum(1))
    torch.testing.assert_close(divergence("forward_kl", t), (q * (q / p).log()).sum(1))
    torch.testing.assert_close(divergence("tsallis", t, 2.0), (p * p / q).sum(1) - 1)
    torch.testing.assert_close(divergence("renyi", t, 0.5), -2 * (p * q).sqrt().sum(1).log())


F_ORDERS = (None, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0)  # None is Jensen-Shannon


@pytest.mark.parametrize("alpha", F_ORDERS)
def test_f_divergences_are_zero_at_the_target_and_positive_elsewhere(alpha):
    """And are what their f says, E_q[f(p/q)], at two trajectories by hand."""
    task = SMALL_TASKS["sets 5 choose 3"]
    every = all_probabilities(task, small_policy(task))
    assert float(f_divergence(every, alpha).detach()) > 1e-3
    target = (every.log_pb + every.log_reward).log_softmax(-1)
    assert float(f_divergence(replace(every, log_pf=target), alpha).detach()) == pytest.approx(0, abs=1e-10)
    p, q = torch.tensor([[0.25, 0.75]], dtype=torch.float64), torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    t = p / q
    f = {
        None: 0.5 * (t * t.log() - (1 + t) * ((1 + t) / 2).log()),
        0.0: -t.log(),
        1.0: t * t.log(),
        0.5: 4 * (0.5 + t / 2 - t.sqrt()),
        2.0: (t - 1).square() / 2,
        -1.0: (1 / t + t - 2) / 2,
        -2.0: (t**-2 + 2 * t - 3) / 6,
    }[alpha]
    by_hand = Trajectories(p.log(), torch.zeros(1, 2).double(), torch.full((1, 2), 3.0).double(), p)
    torch.testing.assert_close(f_divergence(by_hand, alpha), (q * f).sum(1))


@pytest.mark.parametrize("alpha", [-1.0, 0.5, 2.0])
def test_the_alpha_family_is_tsallis_over_alpha(alpha):
    """Whose sign the package turns for negative orders."""
    task = SMALL_TASKS["hypergrid 3 by 3"]
    every = all_probabilities(task, small_policy(task))
    torch.testing.assert_close(f_divergence(every, alpha) * abs(alpha), divergence("tsallis", every, alpha))


@pytest.mark.parametrize("alpha", [None, 0.5])
def test_unknown_divergences_are_refused(alpha):
    """In a sentence, whether or not an order is given."""
    every = all_probabilities(SMALL_TASKS["sets 5 choose 3"], small_policy(SMALL_TASKS["sets 5 choose 3"]))
    with pytest.raises(ValueError, match=r"^divergence = 'js' is not allowed: one of"):
        divergence("js", every, alpha)


@pytest.mark.parametrize(("name", "alpha"), DIVERGENCE_CASES)
@pytest.mark.parametrize("task", SMALL_TASKS.values(), ids=SMALL_TASKS)
def test_exact_gradients_are_finite_differences(task, name, alpha):
    """Along a random direction; the tables of the other tests hold the same gradient."""
    policy = small_policy(task)
    gradient = exact_gradient(task, policy, name, alpha)
    torch.testing.assert_close(table(task, policy).exact(name, alpha), gradient, rtol=1e-10, atol=1e-10)
    parameters, step = list(policy.parameters()), 1e-5
    direction = [torch.randn_like(p) for p in parameters]
    values = []
    for sign in (1, -2):
        with torch.no_grad():
            for p, d in zip(parameters, direction):
                p.add_(d, alpha=sign * step)
            values.append(float(divergence(name, all_probabilities(task, policy), alpha)))
    expected = float(gradient @ torch.cat([d.flatten() for d in direction]))
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(expected, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", SMALL_TASKS)
def test_score_functions_have_mean_zero(name):
    """E[∇log p_F] = 0, exactly, on which all control variates rest."""
    t = table(SMALL_TASKS[name], small_policy(SMALL_TASKS[name]))
    mean = t.probabilities @ t.scores
    assert t.scores.norm() > 1
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-12)


def test_too_many_states_are_refused(monkeypatch):
    """In a sentence, for the graph and for the trajectories."""
    for module in (enumeration, exact):
        monkeypatch.setattr(module, "MAX_STATES", 30)
    for enumerate_, task in (
        (state_graph, Sets(universe=8, size=4, task_seed=99)),
        (exact.all_trajectories, Sets(universe=8, size=4)),
    ):
        with pytest.raises(ValueError, match=r"^sets has over 30 (states|trajectories)[^\n]*too many to enumerate$"):
            enumerate_(task)
