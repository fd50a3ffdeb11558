"""Edges, paths and Markov blankets by brute force, and their marginals in three ways."""

from __future__ import annotations

import networkx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import DAGs
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.environments.graphs import log_sum_over_dags
from gfn.evaluation.exact import terminal_distribution
from gfn.evaluation.structure import features, marginals
from gfn.sampling import rollout
from tests.helpers import generators, small_policy


@given(st.integers(2, 7), st.floats(0, 1), st.integers(0, 2**40))
def test_features_are_those_of_networkx(nodes, density, seed):
    """Ancestors and Markov blankets of random graphs."""
    task = DAGs(nodes=nodes, edges_per_node=density * (nodes - 1) / 2, task_seed=seed)
    graph = networkx.from_numpy_array(task.true_graph.numpy(), create_using=networkx.DiGraph)
    found = features(task.true_graph)
    for j in range(nodes):
        children = set(graph.successors(j))
        blanket = {*graph.predecessors(j), *children, *(p for c in children for p in graph.predecessors(c))} - {j}
        assert set(found["edges"][:, j].nonzero().flatten().tolist()) == set(graph.predecessors(j))
        assert set(found["paths"][:, j].nonzero().flatten().tolist()) == networkx.ancestors(graph, j)
        assert set(found["markov"][:, j].nonzero().flatten().tolist()) == blanket


def test_marginals_by_hand():
    """Two variables: no edge or one of either direction."""
    task = DAGs(nodes=2, samples=10)
    gain = task.local_scores[1, 1].exp()
    p = gain / (1 + 2 * gain)
    found = marginals(task)
    expected = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).double()
    torch.testing.assert_close(found["edges"], p * expected)
    torch.testing.assert_close(found["paths"], p * expected)
    torch.testing.assert_close(found["markov"], 2 * p * expected)


def test_edge_marginals_are_ratios_of_sums():
    """P(i → j) = 1 - Z(without i → j) / Z, where both sums need no list of graphs."""
    task = DAGs(nodes=4, samples=25)
    found = marginals(task)["edges"]
    sets = torch.arange(16)
    for i in range(4):
        for j in range(4):
            without = task.local_scores.clone()
            without[j, (sets >> i & 1).bool()] = -torch.inf
            ratio = torch.tensor(log_sum_over_dags(without) - task.log_z).exp()
            assert float(found[i, j]) == pytest.approx(1 - float(ratio), abs=1e-6)


def test_marginals_of_a_policy_are_frequencies_of_its_samples():
    """Of each replica, within four standard errors of 4000 rollouts."""
    task = DAGs(nodes=3, samples=10)
    policy = small_policy(task, [0, 1])
    drawn = features(task.adjacency(rollout(task, policy, 4000, generators(2)).terminal))
    for name, exact in marginals(task, terminal_distribution(task, policy)).items():
        assert exact.shape == (2, 3, 3)
        error = 4 * (exact * (1 - exact) / 4000).clamp(min=0).sqrt() + 1e-9
        assert ((drawn[name].double().mean(1) - exact).abs() <= error).all()


def test_relations_imply_each_other():
    """An edge is a path and a Markov relation, under any distribution."""
    task = DAGs(nodes=4)
    found = marginals(task)
    assert float(target_distribution(task).sum()) == pytest.approx(1)
    assert len(state_graph(task).objects) == 543
    assert (found["edges"] <= found["paths"] + 1e-12).all()
    assert (found["edges"] <= found["markov"] + 1e-12).all()
    torch.testing.assert_close(found["markov"], found["markov"].mT)
