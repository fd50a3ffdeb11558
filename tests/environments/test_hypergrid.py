"""Hypergrid: rewards by hand, walks and modes by brute force."""

from __future__ import annotations

import math

import networkx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import Hypergrid
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.evaluation.accuracy import l1
from gfn.evaluation.exact import all_trajectories, terminal_distribution
from tests.helpers import small_policy, train

sizes = st.tuples(st.integers(2, 12), st.integers(1, 3)).filter(lambda size: size[0] ** size[1] <= 300)


def stopped(*cell):
    """The object that a walk to ``cell`` ends in."""
    return torch.tensor([*cell, 1])


@given(sizes)
def test_counts(size):
    """H^d cells, each open and stopped; d H^(d-1) (H-1) steps and H^d stops; walks are multinomials."""
    side, dimensions = size
    task = Hypergrid(side=side, dimensions=dimensions)
    graph = state_graph(task)
    assert len(graph.states) == 2 * side**dimensions == task.state_count
    assert len(graph.objects) == side**dimensions
    assert len(graph.source) == side**dimensions + dimensions * side ** (dimensions - 1) * (side - 1)
    if side**dimensions <= 16:
        walks = sum(math.factorial(sum(x)) // math.prod(map(math.factorial, x)) for x in graph.objects[:, :-1].tolist())
        assert all_trajectories(task)[1][0].shape[1] == walks


def test_rewards_by_hand():
    """On 12 cells the outer part is 0, 1, 2, 9, 10, 11, and the bands are 2 and 9."""
    task = Hypergrid(r0=0.1, r1=0.5, r2=2.0)
    for cell, reward in (((0, 0), 0.6), ((2, 9), 2.6), ((2, 1), 0.6), ((2, 3), 0.1), ((5, 5), 0.1), ((9, 9), 2.6)):
        assert float(task.log_reward(stopped(*cell)).exp()) == pytest.approx(reward, rel=1e-12)
    assert task.log_z == pytest.approx(math.log(144 * 0.1 + 36 * 0.5 + 4 * 2.0), abs=1e-12)


def test_walks_by_hand():
    """Masks and observations along one walk on a grid of three by three."""
    task = Hypergrid(side=3)
    state = task.initial()
    for action, mask in (
        (0, [True, True, True]),
        (0, [True, True, True]),
        (1, [False, True, True]),
        (2, [False, True, True]),
    ):
        assert task.mask(state).tolist() == mask
        state = task.step(state, torch.tensor(action))
    assert state.tolist() == [2, 1, 1]
    assert task.mask(state).tolist() == [False, False, True]
    assert task.observe(state).tolist() == [False, False, True, False, True, False]


@pytest.mark.parametrize(("side", "dimensions"), [(12, 2), (8, 2), (8, 3), (20, 2), (16, 1), (32, 2)])
def test_modes_are_the_connected_regions_of_the_highest_reward(side, dimensions):
    """2^d of them, against connected components of the grid graph."""
    task = Hypergrid(side=side, dimensions=dimensions)
    objects = state_graph(task).objects
    mode, high = task.mode(objects), task.log_reward(objects) > math.log(task.r0 + task.r1 + task.r2 / 2)
    assert torch.equal(mode >= 0, high)
    grid = networkx.grid_graph([side] * dimensions)
    cells = [tuple(x) if dimensions > 1 else x[0] for x in objects[high, :-1].tolist()]
    regions = list(networkx.connected_components(grid.subgraph(cells)))
    assert len(regions) == task.mode_count == 2**dimensions
    number = dict(zip(cells, mode[high].tolist()))
    assert sorted([*{number[cell] for cell in region}] for region in regions) == [[k] for k in range(2**dimensions)]


def test_coarse_grids_have_no_modes():
    """Where no cell falls into the bands; the reward is then without R2."""
    task = Hypergrid(side=3)
    objects = state_graph(task).objects
    assert task.mode_count == 0
    assert (task.mode(objects) == -1).all()
    assert float(task.log_reward(objects).exp().max()) == pytest.approx(task.r0 + task.r1)


def test_a_short_training_approaches_the_target():
    """Exact L1 falls to less than half."""
    task = Hypergrid(side=6, r0=0.1)
    policy = small_policy(task, hidden=(32,))
    before = float(l1(terminal_distribution(task, policy), target_distribution(task)))
    after = float(l1(terminal_distribution(task, train(task, policy, 150, 64)), target_distribution(task)))
    assert after < 0.5 * before
