"""DAGs: masks, closures and sums by brute force, scores against least squares."""

from __future__ import annotations

import math
import time

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import DAGs
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.environments.graphs import closure, count_dags, log_sum_over_dags
from gfn.evaluation.accuracy import l1
from gfn.evaluation.exact import terminal_distribution
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.settings import SettingsError
from tests.helpers import frequencies_p, generators, small_policy, some_actions, train

ALARM = 1e-4  # false-alarm rate of the chi-square test here
seeds = st.integers(0, 2**40)


def walk(task, steps, seed, batch=16):
    """States and actions of random walks that avoid the stop while they can: ``[batch, …]`` each."""
    states, actions, generator = [task.initial(batch)], [], generators(1, seed)[0]
    for _ in range(steps):
        mask = task.mask(states[-1])
        mask[:, -1] &= ~mask[:, :-1].any(-1)
        actions.append(torch.rand(mask.shape, generator=generator).masked_fill(~mask, -1).argmax(-1))
        states.append(task.step(states[-1], actions[-1]))
    return states, actions


def finished(task, graph):
    """The object with the adjacency matrix ``graph``."""
    state = task.initial()
    for i, j in graph.nonzero().tolist():
        state = task.step(state, torch.tensor(i * task.nodes + j))
    return task.step(state, torch.tensor(task.stop))


def test_numbers_of_dags():
    """OEIS A003024, by the recurrence, by the sum of equal scores, and by enumeration."""
    known = [1, 1, 3, 25, 543, 29281, 3781503]
    assert [count_dags(n) for n in range(7)] == known
    for n in range(1, 7):
        inside = (torch.arange(2**n) >> torch.arange(n)[:, None] & 1).bool()
        scores = torch.zeros(n, 2**n, dtype=torch.float64).masked_fill(inside, -torch.inf)
        assert math.exp(log_sum_over_dags(scores)) == pytest.approx(known[n], rel=1e-12)
    for n in range(2, 6):
        graph = state_graph(DAGs(nodes=n))
        assert len(graph.objects) == known[n]
        assert len(graph.states) == 2 * known[n] == DAGs(nodes=n).state_count
        assert len(graph.levels) == DAGs(nodes=n).max_steps


def test_the_default_is_evaluated_quickly():
    """All 58 562 states listed and a policy evaluated within ten seconds (a fifth of a second is usual)."""
    task = DAGs()
    start = time.monotonic()
    assert len(state_graph(task).states) == 58_562
    assert float(terminal_distribution(task, small_policy(task, hidden=(128, 128))).sum()) == pytest.approx(1)
    assert time.monotonic() - start < 10


@given(st.integers(2, 9), seeds)
def test_the_mask_is_acyclicity(nodes, seed):
    """An edge is allowed if it is new and networkx finds no cycle with it."""
    task = DAGs(nodes=nodes)
    for state in walk(task, min(task.max_steps - 1, 12), seed, batch=1)[0]:
        graph = task.adjacency(state[0])
        for action, allowed in enumerate(task.mask(state[0])[:-1].tolist()):
            more = graph.clone()
            more[action // nodes, action % nodes] = True
            acyclic = networkx.is_directed_acyclic_graph(
                networkx.from_numpy_array(more.numpy(), create_using=networkx.DiGraph)
            )
            assert allowed == (acyclic and not torch.equal(more, graph))
        assert task.mask(state[0])[-1]


@given(st.integers(2, 12), seeds)
def test_the_closure_is_kept(nodes, seed):
    """Step by step it is what powers of the adjacency matrix give, to the complete graph."""
    task = DAGs(nodes=nodes)
    for state in walk(task, task.max_steps, seed)[0]:
        graph = task.adjacency(state).double()
        reach = torch.linalg.matrix_power(torch.eye(nodes).double() + graph, nodes) > 0
        assert torch.equal(state[:, task.stop : -1].view(-1, nodes, nodes), reach.mT)
        assert torch.equal(closure(task.adjacency(state)), reach)
    assert (task.adjacency(state).sum((1, 2)) == nodes * (nodes - 1) // 2).all()
    assert task.is_terminal(state).all()


@given(st.integers(2, 10), seeds)
def test_undo_takes_any_edge_back(nodes, seed):
    """The last one, to the state before it, and any other, to the state built without it."""
    task = DAGs(nodes=nodes)
    states, actions = walk(task, task.max_steps, seed, batch=3)
    for parent, action, child in zip(states, actions, states[1:]):
        assert torch.equal(task.undo(child, action), parent)
        assert task.backward_mask(child).gather(1, action[:, None]).all()
    whole = states[-2]
    for action in task.backward_mask(whole)[0].nonzero().flatten():
        rest = task.adjacency(whole[0]).clone()
        rest.view(-1)[action] = False
        built = finished(task, rest)
        built[-1] = False
        assert torch.equal(task.undo(whole[:1], action[None])[0], built)


def residual_variance(data, node, parents):
    """Of numpy's least squares with an intercept."""
    design = np.column_stack([np.ones(len(data)), data[:, parents]])
    left = data[:, node] - design @ np.linalg.lstsq(design, data[:, node], rcond=None)[0]
    return (left**2).mean()


@pytest.mark.parametrize("prior", ["bic", "uniform"])
@pytest.mark.parametrize("nodes", [5, 12])
def test_rewards_are_maximised_likelihoods(nodes, prior):
    """Of random graphs, from residuals of least squares; the graph without edges has reward one."""
    task = DAGs(nodes=nodes, samples=40, weight_high=1.5, prior=prior, task_seed=3)
    data, states = task.observations.numpy(), walk(task, 9, 0, batch=4)[0]
    assert (task.log_reward(states[0]) == 0).all()
    for state in states[1::4]:
        for graph, found in zip(task.adjacency(state).numpy(), task.log_reward(state).tolist()):
            variances = [residual_variance(data, j, graph[:, j].nonzero()[0]) / data[:, j].var() for j in range(nodes)]
            penalty = 0.5 * math.log(40) * graph.sum() if prior == "bic" else 0
            assert found == pytest.approx(-20 * np.log(variances).sum() - penalty, abs=1e-9)


def test_tables_and_direct_scores_agree(monkeypatch):
    """On either side of the size from which on scores are no longer tabulated; on a batch of any shape."""
    task = DAGs(nodes=4, samples=20)
    states = walk(task, 5, 1, batch=6)[0][-1].view(2, 3, -1)
    tabulated = task.log_reward(states)
    monkeypatch.setattr("gfn.environments.dags.TABLE_NODES", 3)
    torch.testing.assert_close(task.log_reward(states), tabulated, rtol=1e-12, atol=1e-12)
    assert tabulated.shape == (2, 3)


def test_markov_equivalent_graphs_have_equal_rewards():
    """Under BIC, the reward depends on the skeleton and the v-structures alone: 8782 classes of 5 nodes."""
    task = DAGs(samples=60)
    objects = state_graph(task).objects
    graphs = task.adjacency(objects)
    skeleton = graphs | graphs.mT
    pairs = graphs.unsqueeze(-2) & graphs.unsqueeze(-3) & ~skeleton.unsqueeze(-1)  # [X, i, k, j] for i → j ← k
    pairs &= ~torch.eye(5, dtype=torch.bool)[:, :, None]
    _, which = torch.cat([skeleton.flatten(1), pairs.flatten(1)], 1).unique(dim=0, return_inverse=True)
    assert which.max() + 1 == 8782
    reward = task.log_reward(objects)
    highest = torch.zeros(8782, dtype=torch.float64).scatter_reduce_(0, which, reward, "amax", include_self=False)
    torch.testing.assert_close(reward, highest[which], rtol=0, atol=1e-9)


def test_the_bare_likelihood_prefers_complete_graphs():
    """Why there is a prior: an edge more never lowers the maximised likelihood; BIC's modes are sparser."""
    for prior, complete in (("uniform", True), ("bic", False)):
        task = DAGs(samples=60, prior=prior)
        graph = state_graph(task)
        reward = task.log_reward(graph.states)
        added = graph.action != task.stop
        gains = (reward[graph.target] - reward[graph.source])[added]
        assert bool((gains >= -1e-9).all()) == complete
        assert (task.adjacency(graph.objects[task.log_reward(graph.objects).argmax()]).sum() == 10) == complete


@given(seeds, st.integers(2, 8), st.floats(0, 3))
def test_simulated_data(seed, nodes, density):
    """An acyclic graph, drawn again from the same seed."""
    task = DAGs(nodes=nodes, edges_per_node=density, task_seed=seed)
    graph = networkx.from_numpy_array(task.true_graph.numpy(), create_using=networkx.DiGraph)
    assert networkx.is_directed_acyclic_graph(graph)
    assert task.observations.shape == (100, nodes)
    again = DAGs(nodes=nodes, edges_per_node=density, task_seed=seed)
    assert torch.equal(task.observations, again.observations)
    assert not torch.equal(task.observations, DAGs(nodes=nodes, task_seed=seed + 1).observations)
    if 2 * density >= nodes - 1:
        assert graph.number_of_edges() == nodes * (nodes - 1) // 2


def test_simulated_data_follow_the_true_graph():
    """Given its parents, a variable is linear with weights within their bounds and unit noise; the number of edges is as said."""
    edges = 0
    for seed in range(40):
        task = DAGs(nodes=5, samples=20_000, weight_low=0.5, weight_high=0.9, task_seed=seed)
        data, graph = task.observations.numpy(), task.true_graph.numpy()
        edges += graph.sum()
        for j in range(5):
            parents = graph[:, j].nonzero()[0]
            assert residual_variance(data, j, parents) == pytest.approx(1, abs=0.06)
            weights = np.abs(np.linalg.lstsq(data[:, parents], data[:, j], rcond=None)[0])
            assert ((weights > 0.45) & (weights < 0.95)).all()
    assert edges / 40 == pytest.approx(5, abs=1)  # a standard error of the mean is 0.25


def test_more_data_find_the_true_class():
    """With many observations the best graph has the true skeleton."""
    task = DAGs(nodes=4, samples=5000, weight_low=0.5, weight_high=1.0, task_seed=2)
    objects = state_graph(task).objects
    best = task.adjacency(objects[task.log_reward(objects).argmax()])
    assert torch.equal(best | best.mT, task.true_graph | task.true_graph.mT)


def test_given_data_are_part_of_the_settings(tmp_path):
    """From a file with or without names, or as rows: the same task, with the same sizes and rewards."""
    source = DAGs(nodes=3, samples=12)
    rows = source.observations.tolist()
    lines = [",".join(map(repr, row)) for row in rows]
    (tmp_path / "bare.csv").write_text("\n".join(lines))
    (tmp_path / "named.csv").write_text("\n".join(["a, b, c", *lines]))
    task = DAGs(data=rows)
    assert task == DAGs(data=str(tmp_path / "bare.csv")) == DAGs(data=tmp_path / "named.csv")
    assert DAGs.model_validate_json(task.model_dump_json()) == task != source
    assert (task.nodes, task.samples, task.true_graph) == (3, 12, None)
    assert task.log_z == pytest.approx(source.log_z, abs=1e-12)


GOOD = [[1.0, 2.0], [2.0, 1.0], [0.0, 5.0], [4.0, 4.0]]
BAD_DATA = {
    "no such file": ("missing.csv", "no such file"),
    "no rows": ([], "at least 1 item"),
    "no columns": ([[]], "at least 1 item"),
    "no table": ([1.0, 2.0], "data.0 = 1.0 is not allowed"),
    "ragged": ([*GOOD, [1.0]], "differ in length"),
    "not finite": ([*GOOD, [1.0, math.nan]], "data.4.1 = nan is not allowed"),
    "too few": (GOOD[:2], "samples = 2 is not allowed"),
    "constant": ([[1.0, 2.0], [1.0, 3.0], [1.0, 1.0], [1.0, 0.0]], "column 1 is constant"),
    "dependent": ([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0], [3.0, 6.0]], "linearly dependent"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_are_refused(case):
    """In one sentence."""
    data, message = BAD_DATA[case]
    with pytest.raises(SettingsError, match="not allowed") as caught:
        DAGs(data=data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,x\n", "row 3, column 2 holds 'x'"),
        ("1,2\n3\n", "row 2 has 1 cells, where row 1 has 2"),
        ("1,2\n1,2,3\n", "row 2 has 3 cells"),
        ("", "no columns"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, message):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(SettingsError, match="is not allowed") as caught:
        DAGs(data=str(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_data_of_other_sizes_than_stated_are_refused():
    with pytest.raises(SettingsError, match=r"^samples = 4 and nodes = 3 are not allowed: the data have 4 rows and 2"):
        DAGs(data=GOOD, nodes=3)


def test_simulated_variables_are_no_functions_of_one_another():
    """Nearly: as with data of one's own, correlations that are singular up to rounding are refused, and only these."""
    steep = dict(nodes=10, samples=11, edges_per_node=9, weight_high=10)
    with pytest.raises(SettingsError, match=r"^weight_high = 10.0 is not allowed with nodes = 10 and task_seed = 0: "):
        _ = DAGs(weight_low=10, **steep).log_z
    for weight in (0.1, 1.0):
        assert math.isfinite(DAGs(**steep | {"weight_low": weight, "weight_high": weight}).log_z)


def test_log_z_has_a_largest_size():
    """Up to 10 nodes it is exact; beyond, the refusal is a sentence."""
    assert math.isfinite(DAGs(nodes=10).log_z)
    with pytest.raises(SettingsError, match=r"^nodes = 11 is not allowed with an exact log Z: at most 10$"):
        _ = DAGs(nodes=11).log_z


def test_backward_walks_are_uniform_orders():
    """Chi-square of the first edge of 6000 backward walks from a complete graph of 4 (false-alarm rate 1e-4)."""
    task = DAGs(nodes=4)
    state = finished(task, torch.ones(4, 4).triu(1).bool()).expand(6000, -1)
    generator = torch.Generator().manual_seed(0)
    for _ in range(task.max_steps - 1):
        allowed = task.backward_mask(state)
        state = task.undo(state, torch.rand(allowed.shape, generator=generator).masked_fill(~allowed, -1).argmax(-1))
    counts = task.backward_mask(state).sum(0)
    assert counts.sum() == 6000
    assert frequencies_p(counts[counts > 0], torch.full((6,), 1 / 6).double()) > ALARM


def test_large_graphs_walk_and_score():
    """Twenty nodes, in a batch of replicas and trajectories."""
    task, source = DAGs(nodes=20), generators(1)[0]
    state = task.initial(2, 3)
    for _ in range(15):
        state = task.step(state, some_actions(task, state, source))
    assert task.log_reward(state).shape == (2, 3)
    assert task.log_reward(state).isfinite().all()


def test_a_short_training_approaches_the_target():
    """Exact L1 falls to less than half."""
    task = DAGs(nodes=3, samples=30)
    policy = small_policy(task, hidden=(32,))
    before = float(l1(terminal_distribution(task, policy), target_distribution(task)))
    after = float(l1(terminal_distribution(task, train(task, policy, 150, 64)), target_distribution(task)))
    assert after < 0.5 * before


@pytest.mark.parametrize("name", ["tb", "reverse_kl"])
def test_graphs_too_large_to_enumerate_train(name):
    """Ten nodes: the policy moves, and a lower bound on log Z is recorded in place of a distance."""
    task = DAGs(nodes=10)
    spec = TrainingSpec(
        task=task, objective=Objective(name=name), policy=PolicySettings(hidden=(8,)), iterations=3, batch_size=8
    )
    trainer = Trainer(spec)
    before = [p.detach().clone() for p in trainer.parameters]
    records = trainer.run()
    assert all((p != q).any() for p, q in zip(trainer.parameters, before))
    bounds = [record["value"] for record in records if record["metric"] == "elbo"]
    assert len(bounds) == 6
    assert max(bounds) < task.log_z
    assert "l1" not in {record["metric"] for record in records}
