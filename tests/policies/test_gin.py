"""The graph network of phylogenetics: it sees the forest, and nothing of how it is written down."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm, leaky_relu

from gfn.environments import Phylogenetics
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.environments.forests import all_trees
from gfn.evaluation.accuracy import l1
from gfn.evaluation.exact import terminal_distribution
from gfn.policies import PolicySettings, make_policy
from gfn.policies.gin import ForestGIN, forest_graph
from gfn.randomness import stream
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.sampling import rollout
from gfn.settings import SettingsError
from tests.helpers import generators, small_policy

TASK = Phylogenetics(alignment=tuple(zip("abcde", ("ACGTAC", "ACGTCC", "TCGAAC", "TTGAAC", "TTCAGC"))))


def open_states(task=TASK):
    graph = state_graph(task)
    return graph.states[~graph.terminal]


def edges(forest, taxa):
    """Children of every internal node, found by splitting clades: the clade, and the two below it."""
    clades = [c for c in forest if c] + [1 << leaf for leaf in range(taxa)]
    for clade in (c for c in forest if c):
        inside = [c for c in clades if c & clade == c and c != clade]
        yield clade, [c for c in inside if not any(c & d == c and c != d for d in inside)]


def test_graphs_are_those_of_the_forests():
    """Every edge, root and leaf set of all forests on five leaves, against a search through their clades."""
    states = open_states()
    below, adjacency, is_root = forest_graph(TASK.observe(states).float().unflatten(-1, (5, 5)))
    for forest, sees, joined, root in zip(states.tolist(), below, adjacency, is_root):
        node = {1 << leaf: leaf for leaf in range(5)} | {c: 4 + label for label, c in enumerate(forest) if c}
        expected = torch.zeros(9, 9, dtype=torch.bool)
        for clade, children in edges(forest, 5):
            assert len(children) == 2
            for child in children:
                expected[node[clade], node[child]] = expected[node[child], node[clade]] = True
        assert torch.equal(joined, expected)
        tops = [c for c in node if not any(c & d == c and c != d for d in node)]
        assert set(root.nonzero().flatten().tolist()) == {node[c] for c in tops}
        for clade, place in node.items():
            assert sum(1 << leaf for leaf in sees[place].nonzero().flatten().tolist()) == clade
        unused = set(range(9)) - set(node.values())
        assert not sees[list(unused)].any()


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[7::16])
def test_renaming_the_taxa_renames_the_actions(order):
    """With its input weights permuted alike, the network gives the renamed pairs the logits they had."""
    one, other = (ForestGIN([0], 5, 8, 2).double() for _ in range(2))
    with torch.no_grad():
        other.layers[0].nn.weights[0][:, list(order)] = one.layers[0].nn.weights[0][:, :5]
    clades = TASK.observe(open_states()).double().unflatten(-1, (5, 5))
    renamed = torch.zeros_like(clades)
    renamed[..., list(order)] = clades
    pairs = TASK.pairs.T.tolist()
    action = [pairs.index(sorted((order[i], order[j]))) for i, j in pairs]
    expected, found = (net(x.flatten(-2)[None]) for net, x in ((one, clades), (other, renamed)))
    torch.testing.assert_close(found[..., action], expected, rtol=1e-9, atol=1e-9)


def test_places_of_internal_nodes_do_not_matter():
    """Their labels only say where they are written."""
    network = ForestGIN([0, 1], 5, 8, 2).double()
    clades = TASK.observe(open_states()).double().unflatten(-1, (5, 5)).expand(2, -1, -1, -1)
    moved = clades[..., [0, 3, 1, 4, 2], :]
    torch.testing.assert_close(network(clades.flatten(-2)), network(moved.flatten(-2)), rtol=1e-9, atol=1e-9)


def test_open_forests_get_different_distributions():
    """Forests that allow the same actions are told apart, else no policy could be right at both."""
    states = open_states()
    logits = ForestGIN([0], 5, 16, 1).double()(TASK.observe(states).double()[None])[0]
    logits = logits.masked_fill(~TASK.mask(states), 0)
    several = (states == 0).sum(-1) > 2
    assert len(logits[several].round(decimals=9).unique(dim=0)) == several.sum()


def test_network_is_a_stack_of_plain_networks():
    """Each replica by a few lines of torch.nn from the same streams: linear layers as torch initialises them."""
    seeds, taxa, width = (5, 6), 5, 8
    network = ForestGIN(seeds, taxa, width, 2)
    states = open_states()
    observation = TASK.observe(states).float()
    below, adjacency, is_root = forest_graph(observation.unflatten(-1, (taxa, taxa)))
    internal = torch.cat([torch.zeros(len(states), taxa), below[:, taxa:].any(-1)], 1)
    together = network(observation.expand(2, -1, -1))
    for r, seed in enumerate(seeds):
        first, second, root, graph, pair = (stream("weights: policy", seed, part).get_state() for part in range(5))
        h = torch.cat([below, internal.unsqueeze(-1), is_root.unsqueeze(-1)], -1).float()
        for own, size in ((first, taxa + 2), (second, width)):
            torch.set_rng_state(own)
            mlp = nn.Sequential(nn.Linear(size, width), nn.LeakyReLU(), nn.Linear(width, width))
            h = leaky_relu(layer_norm(mlp(h + adjacency.float() @ h), (width,)))
        torch.set_rng_state(root)
        of_root = nn.Linear(width, width)
        torch.set_rng_state(graph)
        of_graph = nn.Linear(width, width)
        torch.set_rng_state(pair)
        weight = nn.Linear(width, 1).weight[0]
        for forest, (i, j) in ((1, TASK.pairs.T[2]), (7, TASK.pairs.T[5]), (7, TASK.pairs.T[9])):
            trees = TASK.trees(states[forest])
            tops = [(below[forest].long() @ TASK.leaves == trees[leaf]).nonzero()[0, 0] for leaf in (i, j)]
            e = [layer_norm(of_root(h[forest, t]) + of_graph(h[forest].mean(0)), (width,)) for t in tops]
            expected = (weight * e[0] * e[1]).sum()
            action = (TASK.pairs.T.tolist()).index([int(i), int(j)])
            torch.testing.assert_close(together[r, forest, action], expected, rtol=1e-4, atol=1e-5)
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_everything_in_a_checkpoint_has_a_replica_axis():
    """So that replicas can be copied, and taken apart."""
    policy = make_policy(TASK, PolicySettings(gin_width=8, gin_layers=3), [1, 2, 3])
    assert all(value.shape[0] == 3 for value in policy.state_dict().values())
    assert set(policy.state_dict()) == {name for name, _ in policy.named_parameters()}


def test_parts_of_a_replica_start_from_different_streams():
    """Else layers of one shape would start equal; how a replica starts depends on its own seed alone."""
    network, alone = ForestGIN([3, 4], 5, 9, 3), ForestGIN([4], 5, 9, 3)
    inner = [network.layers[1].nn.weights[0], network.layers[2].nn.weights[0]]
    square = torch.cat([network.root.weights[0], network.graph.weights[0], *inner, network.layers[0].nn.weights[1]])
    assert len(square.flatten(1).unique(dim=0)) == 10
    for one, other in zip(network.parameters(), alone.parameters(), strict=True):
        assert torch.equal(one[1], other[0])


@pytest.mark.parametrize("layers", [1, 3])
def test_sizes_follow_the_settings(layers):
    policy = make_policy(TASK, PolicySettings(gin_layers=layers, gin_width=12), [0])
    assert len(policy.network.layers) == layers
    assert policy.network.layers[-1].nn.weights[-1].shape == (1, 12, 12)
    rollout(TASK, policy, 32, generators(1)).log_pf.square().sum().backward()
    assert all((p.grad != 0).any() for p in policy.parameters())


@pytest.mark.parametrize(
    ("field", "value"), [("gin_layers", 0), ("gin_layers", 17), ("gin_width", 0), ("gin_width", "x")]
)
def test_impossible_sizes_are_refused(field, value):
    with pytest.raises(SettingsError, match=rf"^{field} = {value!r} is not allowed: [^\n]*$"):
        PolicySettings(**{field: value})


def test_policies_are_distributions_over_trees():
    """Exact p_T of two replicas sums to one, whatever the parameters."""
    policy = small_policy(TASK, (0, 1))
    with torch.no_grad():
        for p in policy.parameters():
            p.mul_(2)
    learned = terminal_distribution(TASK, policy)
    assert learned.shape == (2, 105) == (2, len(all_trees(5)))
    torch.testing.assert_close(learned.sum(1), torch.ones(2).double())


@pytest.mark.parametrize("name", ["tb", "reverse_kl", "forward_kl", "renyi"])
def test_a_short_training_comes_near_the_posterior(name):
    """120 iterations of 64 trajectories bring L1 from above 1.5 to below 0.35 (0.04 to 0.21 is usual), and TB's log Z to the exact one."""
    spec = TrainingSpec(
        task=TASK,
        objective=Objective(name=name),
        policy=PolicySettings(gin_layers=1, gin_width=32),
        seeds=(0,),
        iterations=120,
        batch_size=64,
        learning_rate=5e-3,
    )
    trainer = Trainer(spec)
    target = target_distribution(TASK)
    assert float(l1(terminal_distribution(TASK, trainer.policy), target)) > 1.5
    while trainer.iteration < spec.iterations:
        trainer.step()
    assert float(l1(terminal_distribution(TASK, trainer.policy), target)) < 0.35
    assert name != "tb" or float(trainer.log_z.detach()) == pytest.approx(TASK.log_z, abs=0.3)
