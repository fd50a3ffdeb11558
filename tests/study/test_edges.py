"""Edges of DAGs: exact without listing, as drawn, and as a table."""

from __future__ import annotations

import io

import pandas as pd
import pytest
import torch

from gfn.environments import DAGs
from gfn.environments.graphs import log_sum_over_dags
from gfn.evaluation.structure import marginals
from gfn.settings import SettingsError
from gfn.study.edges import _log_sum, drawn_edges, edge_table, exact_edges


@pytest.mark.parametrize("settings", [{"nodes": 2}, {"nodes": 3, "prior": "uniform"}, {"nodes": 4, "samples": 2000}])
def test_exact_edges_are_those_of_all_graphs_listed(settings):
    task = DAGs(task_seed=3, **settings)
    torch.testing.assert_close(exact_edges(task), marginals(task)["edges"], rtol=1e-9, atol=1e-12)


def test_exact_edges_of_more_than_can_be_listed():
    """Their log Z is the package's; an edge and its opposite exclude each other; a derivative is a difference."""
    task = DAGs(nodes=8, samples=50, task_seed=1)
    assert float(_log_sum(task.local_scores.clamp(min=-1e9))) == pytest.approx(log_sum_over_dags(task.local_scores))
    edges = exact_edges(task)
    assert bool((edges + edges.T <= 1 + 1e-9).all())
    assert not edges.diagonal().any()
    tail, head = divmod(int(edges.argmax()), 8)
    without = task.local_scores.clone()
    without[head, (torch.arange(2**8) >> tail & 1).bool()] = -torch.inf
    share = 1 - torch.tensor(log_sum_over_dags(without) - task.log_z).exp()
    assert edges[tail, head].item() == pytest.approx(share.item(), abs=1e-6)


def test_too_many_variables_are_refused():
    with pytest.raises(SettingsError, match=r"^nodes = 13 is not allowed with exact edges: at most 12$"):
        exact_edges(DAGs(nodes=13))


def test_shares_of_drawn_graphs_have_their_errors():
    graphs = torch.zeros(5, 2, 2, dtype=torch.bool)
    graphs[:2, 0, 1] = True
    share, error = drawn_edges(graphs)
    assert share.tolist() == [[0, 0.4], [0, 0]]
    assert error[0, 1].item() == pytest.approx(graphs[:, 0, 1].double().std() / 5**0.5)
    with pytest.raises(ValueError, match="1 graphs are too few"):
        drawn_edges(graphs[:1])


def test_the_table_has_a_row_for_each_pair_and_can_be_read_again():
    matrix = torch.tensor([[0, 0.25, 0.5], [0.75, 0, 0], [0, 0.1, 0]], dtype=torch.float64)
    table = edge_table(["a", "b, or c", "d"], {"learned": matrix, "exact": matrix.T})
    assert list(table.columns) == ["from", "to", "learned", "exact"]
    assert table.iloc[0].tolist() == ["b, or c", "a", 0.75, 0.25]
    assert len(table) == 6
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(table.to_csv(index=False))), table)
    with pytest.raises(ValueError, match=r"learned \[3, 3\] are not allowed with 2 names"):
        edge_table(["a", "b"], {"learned": matrix})
