"""Measures of a policy by summing over the state graph against the same by summing over all trajectories, and by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from gfn.environments import Banana, GaussianMixture, Sets
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.evaluation import accuracy
from gfn.evaluation import measures as module
from gfn.evaluation.accuracy import jsd
from gfn.evaluation.exact import all_probabilities, divergence, terminal_distribution
from gfn.evaluation.measures import compare, measures, rank_correlation, trajectory_moments
from gfn.policies import PolicySettings
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.settings import SettingsError
from tests.environments.test_contract import Bag
from tests.helpers import DISCRETE, small_policy

EVERYWHERE = {"tv", "subset_tv", "drawn_subset_tv", "spearman", "elbo_gap", "eubo_gap", "tb_loss", "covered"}


@pytest.mark.parametrize("name", DISCRETE)
def test_moments_are_sums_over_all_trajectories(name):
    """Both KL divergences and the mean of TB's loss, for each replica, and the distribution over objects."""
    task, policy = DISCRETE[name], small_policy(DISCRETE[name], (0, 1))
    p, found = trajectory_moments(task, policy)
    every = all_probabilities(task, policy)
    every = replace(every, log_pf=every.log_pf.detach())
    residual = every.log_pf - every.log_pb - every.log_reward + task.log_z
    torch.testing.assert_close(p, terminal_distribution(task, policy))
    torch.testing.assert_close(found["elbo_gap"], divergence("reverse_kl", every))
    torch.testing.assert_close(found["eubo_gap"], divergence("forward_kl", every))
    torch.testing.assert_close(found["tb_loss"], (every.log_pf.exp() * residual.square()).sum(-1))


@pytest.mark.parametrize("name", DISCRETE)
def test_what_is_measured_where_a_task_can_be_enumerated(name):
    task, policy = DISCRETE[name], small_policy(DISCRETE[name], (0, 1))
    found = measures(task, policy, (0, 1), 8, (0.25, 1.0))
    assert found.keys() == EVERYWHERE
    assert found["covered"].keys() == {25, 100}
    p, target = terminal_distribution(task, policy), target_distribution(task)
    torch.testing.assert_close(found["tv"][None], (p - target).abs().sum(1) / 2)
    reward = task.log_reward(state_graph(task).objects).exp()
    due = [
        np.mean(
            [bool(own[x] >= target[x] / 2) for x in range(len(target)) if reward[x] >= reward.max() / 4 * (1 - 1e-6)]
        )
        for own in p
    ]
    assert found["covered"][25].tolist() == pytest.approx(due)
    for parts in found.values():
        assert all(value.shape == (2,) and value.dtype == torch.float64 for value in parts.values())


def test_subsets_by_hand():
    """With as many objects as a subset has, every subset is all of them; a policy that is right has no error on any."""
    target = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    p = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]], dtype=torch.float64)
    found = compare(p, target, target.log(), (0, 1))
    for name in ("tv", "subset_tv", "drawn_subset_tv"):
        torch.testing.assert_close(found[name], torch.tensor([0.0, 0.3], dtype=torch.float64))
    assert found["spearman"].tolist() == pytest.approx([1, -1])


def test_on_small_subsets_the_error_is_that_within_them(monkeypatch):
    """Of pairs: mean over them of the error of both numbers, normalised; objects never drawn are in no drawn subset."""
    monkeypatch.setattr(module, "SUBSET", 2)
    monkeypatch.setattr(module, "SUBSETS", 4000)
    target = torch.full((4,), 0.25, dtype=torch.float64)
    p = torch.tensor([[0.6, 0.2, 0.2, 0.0]], dtype=torch.float64)
    found = compare(p, target, target.log(), (3,))
    pairs = {(0, 1): 0.25, (0, 2): 0.25, (0, 3): 0.5, (1, 2): 0.0, (1, 3): 0.5, (2, 3): 0.5}
    assert float(found["subset_tv"]) == pytest.approx(sum(pairs.values()) / 6, abs=0.02)
    drawn = {(0, 1): 0.6 * 0.5 + 0.2 * 0.75, (0, 2): 0.6 * 0.5 + 0.2 * 0.75, (1, 2): 2 * 0.2 * 0.25}
    assert float(found["drawn_subset_tv"]) == pytest.approx(sum(pairs[k] * v for k, v in drawn.items()), abs=0.02)
    assert float(found["spearman"]) == 0  # all rewards are equal


def test_ranks_have_ties():
    first, second = torch.tensor([1.0, 1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 2.0, 5.0])
    ranks = np.array([[1.5, 1.5, 3, 4], [1, 2.5, 2.5, 4]])
    assert float(rank_correlation(first, second)) == pytest.approx(np.corrcoef(ranks)[0, 1])


@pytest.mark.parametrize("task", [GaussianMixture(), Banana()], ids=lambda task: task.task)
def test_in_the_plane(task):
    """Total variation bounds the Jensen-Shannon divergence from both sides; the start has found few of the modes."""
    policy = small_policy(task, (0, 1))
    found = measures(task, policy, (0, 1), 64, ())
    assert found.keys() == EVERYWHERE - ({"covered"} if isinstance(task, Banana) else set())
    tv, divergence_ = found["tv"][None], jsd(task, policy, 64)
    assert (tv <= (2 * divergence_).sqrt()).all()
    assert (tv >= divergence_ / np.log(2)).all()
    assert (found["elbo_gap"][None] > 0).all()
    assert (found["eubo_gap"][None] > 0).all()
    if "covered" in found:
        assert (found["covered"][None] < 1).all()


def test_large_sets_have_bounds_from_samples():
    """Near the sums over all trajectories, on sets small enough for both."""
    task = Sets(universe=8, size=4)
    policy = small_policy(task, (0, 1))
    _, due = trajectory_moments(task, policy)
    found = module._sampled(task, policy, (0, 1))
    assert found.keys() == due.keys()
    for name, values in due.items():
        torch.testing.assert_close(found[name], values, rtol=0.15, atol=0.05)
    assert (
        measures(Sets(universe=70, size=3), small_policy(Sets(universe=70, size=3)), (0,), 8, ()).keys() == due.keys()
    )


class Pairs(Bag):
    """Of its things it takes two, in any order, and stops."""

    things: int = 5
    min_steps = max_steps = property(lambda self: 3)

    def mask(self, state):
        open_, two = ~state[..., -1:], (state[..., :-1].sum(-1, keepdim=True) == 2)
        return torch.cat([~state[..., :-1] & open_ & ~two, two | ~open_], -1)


class Summed(Pairs):
    log_z = property(lambda self: 2 + math.log(10))


class Sampled(Summed):
    def sample_target(self, count, generator):
        chosen = torch.rand(count, 5, generator=generator).argsort(1).argsort(1) < 2
        return torch.cat([chosen, torch.ones_like(chosen[:, :1])], 1)


class Longer(Sampled):
    """Whose trajectories are said to differ in length."""

    min_steps = property(lambda self: 2)


def test_tasks_of_ones_own_that_are_large_have_what_can_be_measured(monkeypatch):
    """Bounds where log Z is known, that from the target's side where it can be sampled; without log Z they are refused at once."""
    assert TrainingSpec(task=Pairs(), measures=True).measures
    task = Sampled()
    policy = small_policy(task, (0, 1))
    _, due = trajectory_moments(task, policy)
    monkeypatch.setattr(accuracy, "EXACT_STATES", 10)
    why = "its log Z is not known, from which bounds are measured, and it cannot be enumerated"
    with pytest.raises(SettingsError, match=f"measures = True is not allowed for task .*Pairs: {why}"):
        TrainingSpec(task=Pairs(), measures=True)
    for other in (Summed(), Longer()):
        assert TrainingSpec(task=other, measures=True).measures
        assert measures(other, policy, (0, 1), 8, ()).keys() == {"elbo_gap", "tb_loss"}
    found = measures(task, policy, (0, 1), 8, ())
    assert found.keys() == due.keys()
    for name, values in due.items():
        torch.testing.assert_close(found[name][None], values, rtol=0.15, atol=0.05)


def test_trainings_record_them_at_their_end_if_asked():
    """And nothing else changes."""
    settings = {
        "task": Sets(universe=5, size=3),
        "iterations": 4,
        "evaluate_every": 2,
        "seeds": (0, 1),
        "batch_size": 4,
    }
    settings |= {"policy": PolicySettings(hidden=(4,)), "mode_fractions": (0.5,)}
    plain, found = (Trainer(TrainingSpec(measures=asked, **settings)).run() for asked in (False, True))
    timeless = [[{k: v for k, v in r.items() if k != "seconds"} for r in records] for records in (plain, found)]
    more = [r for r in timeless[1] if r not in timeless[0]]
    assert [r for r in timeless[1] if r in timeless[0]] == timeless[0]
    assert {(r["metric"], r["cell"], r["iteration"]) for r in more} == {
        (name, 50 if name == "covered" else None, 4) for name in EVERYWHERE
    }
    l1 = {r["seed"]: r["value"] for r in found if r["metric"] == "l1" and r["iteration"] == 4}
    assert {r["seed"]: 2 * r["value"] for r in more if r["metric"] == "tv"} == pytest.approx(l1)
