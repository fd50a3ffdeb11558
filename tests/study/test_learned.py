"""Objects drawn from policies that were kept, and pictures of what they learned."""

from __future__ import annotations

import csv
import io
import re

import pytest
import torch

from gfn.environments import DAGs, Digits, Phylogenetics, Sequences
from gfn.environments.enumeration import state_graph
from gfn.environments.forests import all_trees
from gfn.evaluation.accuracy import l1
from gfn.evaluation.exact import terminal_distribution
from gfn.study.forms import written
from gfn.study.learned import Trees, exact_trees, learned_edges, learned_trees
from gfn.study.results import load_or_train, result_path
from gfn.study.trained import Trained, load
from tests.study.small_runs import TASKS, path_of, spec_of

# ---- sampled ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sets", "sequences", "phylogenetics", "dags", "hypergrid"])
def test_probabilities_are_those_of_objects(name, policies):
    """Exact ones as by enumeration, estimated ones within their noise, whatever the length of a trajectory."""
    found = load(path_of(name, policies))
    objects = state_graph(found.task).objects.expand(2, *state_graph(found.task).objects.shape)
    exact = terminal_distribution(found.task, found.policy)
    torch.testing.assert_close(found.log_prob(objects).exp(), exact)
    with torch.no_grad():
        estimated = found._estimated(objects).exp()
    assert (l1(estimated, exact) < 0.15).all()
    if name == "sequences":  # one trajectory each
        torch.testing.assert_close(estimated, exact, rtol=1e-4, atol=1e-6)


def test_densities_are_those_of_points(policies):
    """Those of the mixtures from which the coordinates are drawn, one after the other."""
    found = load(path_of("banana", policies), 3)
    points = found.sample(5)
    source = found.task.initial(1, 5)
    first = found.policy.log_prob(found.task.observe(source), None, points[..., 0])
    then = found.task.step(source, points[..., 0])
    second = found.policy.log_prob(found.task.observe(then), None, points[..., 1])
    torch.testing.assert_close(found.log_prob(points), (first + second).double())


def test_objects_are_drawn_as_the_policy_has_it(policies):
    found = load(path_of("sets", policies))
    drawn = found.task.key(found.sample(4000))
    keys = found.task.key(state_graph(found.task).objects)
    shares = (drawn.unsqueeze(-1) == keys).double().mean(1)
    assert (l1(shares, terminal_distribution(found.task, found.policy)) < 0.1).all()


def text_of(name, policies, count=20):
    found = load(path_of(name, policies), 1)
    objects = found.sample(count)
    return found, objects[0], written(found.task, objects[0], found.log_prob(objects)[0])


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("name", ["sets", "sequences", "hypergrid", "banana"])
def test_objects_as_csv(name, policies):
    """With a header; read again they are the objects, with their logs."""
    found, objects, text = text_of(name, policies)
    rows = rows_of(text)
    assert len(rows) == 20
    if name == "sets":
        again = torch.zeros_like(objects)
        for row, state in zip(rows, again):
            state[[int(row["element_1"]), int(row["element_2"])]] = True
    elif name == "sequences":
        letters = [["ABC".index(letter) for letter in row["word"]] for row in rows]
        again = torch.tensor([[*each, *([3] if len(each) < 3 else []), -1, -1, -1][:3] for each in letters])
    elif name == "hypergrid":
        again = torch.tensor([[int(row["x1"]), int(row["x2"]), 1] for row in rows])
    else:
        again = torch.tensor([[float(row["x1"]), float(row["x2"]), 2] for row in rows], dtype=torch.float64)
    torch.testing.assert_close(again, objects)
    logs = {"log_reward": found.task.log_reward(objects), "log_p": found.log_prob(objects[None])[0]}
    for column, due in logs.items():
        torch.testing.assert_close(torch.tensor([float(row[column]) for row in rows]).double(), due.double())


def test_pictures_are_rows_of_points_and_hashes():
    task = Digits(side=2, prototypes=2)
    found = written(task, torch.tensor([[1, -1, -1, 1]], dtype=torch.int8), torch.zeros(1)).splitlines()
    assert found[0] == "picture,log_reward,log_p"
    assert found[1].startswith("#./.#,-")


def test_words_of_many_letters_are_numbers():
    task = Sequences(alphabet=30, length=3)
    assert written(task, torch.tensor([[29, 0, 30], [30, -1, -1]]), torch.zeros(2)).splitlines()[1:] == [
        f"29-0,{task.log_reward(torch.tensor([29, 0, 30])):.10g},0",
        ",0,0",
    ]


def test_graphs_are_lists_of_edges(policies):
    """Of each by its number; one without edges has a line, too."""
    found, objects, text = text_of("dags", policies, 200)
    graphs = torch.zeros(200, 3, 3, dtype=torch.bool)
    rows = rows_of(text)
    for row in rows:
        if row["from"]:
            graphs[int(row["graph"]), int(row["from"]), int(row["to"])] = True
    assert torch.equal(graphs, found.task.adjacency(objects))
    assert [int(row["graph"]) for row in rows if not row["from"]] == (
        ~graphs.any(-1).any(-1)
    ).nonzero().flatten().tolist()
    assert {int(row["graph"]) for row in rows} == set(range(200))


def test_trees_are_newick_with_their_logs(policies):
    """A line each, with names in quotes where they need them, and an annotation that readers of Newick know."""
    found, objects, text = text_of("phylogenetics", policies)
    for line, tree, log_p in zip(text.splitlines(), objects, found.log_prob(objects[None])[0]):
        newick, reward, said = re.fullmatch(r"(.*)\[&log_reward=(.*),log_p=(.*)\];", line).groups()
        assert f"{newick};" == found.task.to_newick(tree)
        assert "'o''e'" in newick
        assert (float(reward), float(said)) == pytest.approx((float(found.task.log_reward(tree)), float(log_p)))


def test_the_command_draws_from_the_first_seed_and_says_so(policies, tmp_path, gfn_command):
    path = path_of("sets", policies)
    status, out, err = gfn_command("sample", path, "--count", 3)
    assert (status, err) == (0, "gfn: drawn from the policy of seed 3\n")
    assert out == text_of_seed(path, 3)
    status, said, err = gfn_command("sample", path, "--count", 3, "--seed", 1, "--out", tmp_path / "x" / "sets.csv")
    assert (status, err) == (0, "")
    assert said == f"3 objects written to {tmp_path / 'x' / 'sets.csv'}, drawn from the policy of seed 1\n"
    assert (tmp_path / "x" / "sets.csv").read_text() == text_of_seed(path, 1) != out
    assert gfn_command("sample", path, "--count", 3, "--draw", 1)[1] != out
    status, out, err = gfn_command("sample", path, "--seed", 7)
    assert (status, out) == (2, "")
    assert err.startswith("gfn: seed = 7 is not allowed: run ")


def text_of_seed(path, seed):
    found = load(path, seed)
    objects = found.sample(3)
    return written(found.task, objects[0], found.log_prob(objects)[0])


# ---- drawn -----------------------------------------------------------------------------------------------------------


def test_large_tasks_are_sampled(policies):
    """What a sample says of trees and edges is near what enumeration says."""
    for name, look in (("dags", learned_edges), ("phylogenetics", learned_trees)):
        found = load(path_of(name, policies), 3)
        sampled = Sampled(*(getattr(found, field) for field in Trained.__dataclass_fields__))
        exact, estimated = look(found), look(sampled)
        if name == "dags":
            torch.testing.assert_close(estimated, exact, atol=0.03, rtol=0)
        else:
            clades = estimated.clades()
            assert all(clades.get(clade, 0) == pytest.approx(mass, abs=0.03) for clade, mass in exact.clades().items())


class Sampled(Trained):
    """As if the task were too large to enumerate."""

    exact = False


def test_clades_and_consensus():
    """Of three trees on four leaves, two of which have the clade of the first two."""
    trees = all_trees(4)
    inside = [tree for tree in trees if 0b0011 in tree.tolist()]
    outside = next(tree for tree in trees if 0b0110 in tree.tolist() and 0b1110 in tree.tolist())
    found = Trees(torch.stack([*inside[:2], outside]), torch.tensor([0.35, 0.35, 0.3], dtype=torch.float64))
    assert found.clades()[0b0011] == pytest.approx(0.7)
    assert found.clades()[0b1111] == pytest.approx(1)
    assert found.consensus() == pytest.approx({0b0011: 0.7, 0b1111: 1.0})
    assert found.probability(outside) == pytest.approx(0.3)
    assert found.probability(inside[2]) == 0


def test_the_exact_posterior_is_normalised_and_ordered():
    found = exact_trees(TASKS["phylogenetics"])
    assert len(found.trees) == 105
    assert found.probabilities.sum() == pytest.approx(1)
    assert (found.probabilities.diff() <= 0).all()
    large = Phylogenetics(alignment=tuple((f"t{k}", "ACGT"[k % 4 :] + "ACGT"[: k % 4]) for k in range(10)))
    assert exact_trees(large) is None


PICTURES = {"curves": ("sets", "dags"), "trees": ("phylogenetics",), "edges": ("dags",), "densities": ("banana",)}


@pytest.mark.parametrize("what", PICTURES)
def test_pictures_of_runs(what, policies, tmp_path, gfn_command, figures, monkeypatch):
    """Curves of all runs in one picture; what policies learned beside what is exact, named by the seed."""
    monkeypatch.chdir(tmp_path)
    paths = [path_of(name, policies) for name in PICTURES[what]]
    status, out, err = gfn_command("plot", *paths, "--of", what)
    assert (status, out) == (0, f"drawn to {what}.svg\n")
    assert err.count("the policy of seed 3") == (what != "curves")
    assert "<svg" in (tmp_path / f"{what}.svg").read_text(encoding="utf-8")
    assert gfn_command("plot", *paths, "--of", what, "--picture", "x.PNG", "--seed", 1)[0] == 0
    assert (tmp_path / "x.PNG").read_bytes().startswith(b"\x89PNG")


def test_pictures_of_policies_are_of_one_task(policies, tmp_path, gfn_command):
    other = spec_of(DAGs(nodes=4))
    load_or_train(other, tmp_path)
    status, out, err = gfn_command(
        "plot",
        path_of("dags", policies),
        result_path(other, tmp_path),
        "--of",
        "edges",
        "--picture",
        tmp_path / "x.svg",
    )
    assert (status, out) == (2, "")
    assert "of = edges is not allowed for runs of 2 tasks" in err
    assert not (tmp_path / "x.svg").exists()


def test_runs_are_told_apart(policies):
    """By their objective, and by other settings in which they differ."""
    from gfn.study.commands.plot import labels
    from tests.made_up import made_up

    specs = [spec_of(TASKS["sets"]), spec_of(TASKS["sets"], learning_rate=0.5), spec_of(TASKS["sets"], (0,))]
    found = labels([made_up(spec) for spec in specs])
    assert len(set(found)) == 3
    assert all(each.startswith("tb") for each in found)
    assert "learning_rate 0.5" in found[1]
