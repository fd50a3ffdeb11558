"""Modes and best rewards of a target are those that enumeration finds."""

from __future__ import annotations

import math

import pytest
import torch

from gfn.environments import DAGs, Hypergrid, Sequences, Sets
from gfn.environments.enumeration import state_graph
from gfn.runs.discoveries import Discoveries
from gfn.sampling import Trajectories
from gfn.study.evidence.counting import HALF, best_log_rewards, mode_counts, object_count

FRACTIONS = (0.01, 0.25, 0.5, 0.75, 1.0)
SETS = [
    Sets(universe=u, size=s, task_seed=seed) for u, s, seed in ((8, 4, 0), (7, 2, 1), (9, 9, 2), (1, 1, 3), (12, 5, 4))
]
OTHERS = [Hypergrid(), Sequences(alphabet=3, length=4), DAGs(nodes=3)]


@pytest.mark.parametrize("task", [*SETS, *OTHERS], ids=repr)
def test_modes_are_all_objects_above_the_threshold(task):
    """Counted by enumeration and, for sets, without."""
    rewards = task.log_reward(state_graph(task).objects)
    highest = float(rewards.max())
    expected = {f: int((rewards >= highest + math.log(f) - 1e-5).sum()) for f in FRACTIONS}
    assert mode_counts(task, FRACTIONS) == expected
    assert expected[1.0] >= 1
    assert object_count(task) == len(rewards)


@pytest.mark.parametrize("task", [*SETS, *OTHERS], ids=repr)
@pytest.mark.parametrize("count", [1, 3, 40, 10_000])
def test_the_best_rewards_are_the_highest(task, count):
    rewards = task.log_reward(state_graph(task).objects).sort(descending=True).values[:count]
    torch.testing.assert_close(best_log_rewards(task, count), rewards)


def test_no_more_is_found_than_there_is():
    """A run that met every object of a task in single precision has found exactly the modes that are counted."""
    for task in (Sets(universe=10, size=5), Hypergrid(), Sequences(alphabet=4, length=3)):
        objects = state_graph(task).objects[None]
        rewards = task.log_reward(objects).float()
        found = Discoveries(task, 1, 100, FRACTIONS)
        found.add(Trajectories(rewards, rewards, rewards, objects))
        assert {f: int(count) for f, count in found.modes().items()} == mode_counts(task, FRACTIONS)
        assert float(found.best()) == pytest.approx(float(best_log_rewards(task, 100).mean()), abs=1e-5)


def test_sets_of_the_papers_size_are_counted():
    """The best set is one mode of the highest threshold; random exact samples are modes as often as the count says."""
    task = Sets()
    assert object_count(task) == math.comb(32, 16)
    counts = mode_counts(task, (1e-6, 0.5, 1.0))
    assert counts[1.0] == 1
    assert counts[0.5] < counts[1e-6] < object_count(task)
    draws = torch.rand(200_000, 32, generator=torch.Generator().manual_seed(0)).argsort(1)[:, :16]
    rewards = task.values[draws].sum(1)
    share = float((rewards >= task.log_max_reward + math.log(1e-6)).double().mean())
    assert share == pytest.approx(counts[1e-6] / object_count(task), rel=0.05)
    assert float(best_log_rewards(task, 1)[0]) == pytest.approx(task.log_max_reward)


def test_sets_that_are_too_many_are_refused():
    task = Sets(universe=2 * HALF + 1, size=3)
    with pytest.raises(ValueError, match="universe = 41"):
        mode_counts(task, (0.5,))
