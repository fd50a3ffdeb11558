"""Policies kept beside their runs: read back as they were, sampled from, drawn, and refused where they do not belong."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys

import pytest
import torch
from safetensors.torch import load_file, save

import gfn.study
from gfn import cli
from gfn.environments import Banana, DAGs, Hypergrid, Phylogenetics, Sequences, Sets, load_task
from gfn.environments.enumeration import state_graph
from gfn.environments.forests import all_trees
from gfn.evaluation.accuracy import l1
from gfn.evaluation.exact import terminal_distribution
from gfn.evaluation.structure import marginals
from gfn.policies import PolicySettings
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import Trainer
from gfn.settings import SettingsError
from gfn.study import results
from gfn.study.forms import written
from gfn.study.learned import Trees, exact_edges, exact_trees, learned_edges, learned_trees
from gfn.study.results import ResultError, load_or_train, read_run, result_path
from gfn.study.saved import policy_path
from gfn.study.trained import Trained, load

ALIGNED = (("a", "ACGTAC"), ("b", "ACTTAA"), ("c", "CCATAC"), ("d", "CCATGG"), ("o'e", "GCATGC"))
TASKS = {
    "sets": Sets(universe=5, size=2),
    "sequences": Sequences(alphabet=3, length=3),
    "phylogenetics": Phylogenetics(alignment=ALIGNED),
    "dags": DAGs(nodes=3),
    "hypergrid": Hypergrid(side=3),
    "banana": Banana(),
}
LEARNED = ("sets", "dags")


def spec_of(task, seeds=(3, 1), **others):
    backward = "learned" if task.task in LEARNED else "uniform"
    shape = PolicySettings(hidden=(4,), gin_width=4, components=2, backward=backward)
    few = {"iterations": 2, "batch_size": 4, "evaluate_every": 2, "resolution": 8, "policy": shape}
    return TrainingSpec(task=task, seeds=seeds, **few, **others)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A run of every task, with its policy."""
    place = tmp_path_factory.mktemp("runs")
    for task in TASKS.values():
        load_or_train(spec_of(task), place, keep=True)
    return place


@pytest.fixture
def gfn_command(capsys):
    """Run the command; its exit status, standard output and standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        return left.value.code, *capsys.readouterr()

    return run


def path_of(name, store):
    return result_path(spec_of(TASKS[name]), store)


def copied(name, store, folder):
    """A run with its policy in a folder of its own."""
    path = path_of(name, store)
    for each in (path, policy_path(path)):
        shutil.copy(each, folder)
    return folder / path.name


# ---- kept and read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
def test_a_policy_comes_back_as_it_was(name, store):
    """Bit for bit that of a training held in memory; task and settings as well."""
    trainer = Trainer(spec_of(TASKS[name]))
    trainer.run()
    found = load(path_of(name, store))
    assert (found.task, found.spec, found.seeds) == (TASKS[name], trainer.spec, (3, 1))
    assert gfn.study.load is load
    for network, due in ((found.policy, trainer.policy), (found.backward, trainer.backward)):
        assert (network is None) == (due is None)
        if network is not None:
            held, wanted = network.state_dict(), due.state_dict()
            assert held.keys() == wanted.keys()
            assert all(torch.equal(held[key], wanted[key]) for key in held)
    assert torch.equal(found.log_z, trainer.log_z.detach().squeeze(1))


def test_one_seed_of_several(store):
    """Is its replica alone, which draws what it draws beside the other."""
    path = path_of("dags", store)
    both, one = load(path), load(path, 1)
    assert one.seeds == (1,)
    assert torch.equal(one.sample(50)[0], both.sample(50)[1])
    assert not torch.equal(both.sample(50)[0], both.sample(50)[1])
    assert not torch.equal(one.sample(50, 1), one.sample(50))
    with pytest.raises(SettingsError, match=r"^seed = 2 is not allowed: run \w+ has 3, 1$"):
        load(path, 2)


def test_the_run_its_file_and_that_of_its_policy_are_the_same(store, monkeypatch):
    path = path_of("sets", store)
    monkeypatch.setenv("GFN_RESULTS", str(store))
    for each in (str(path), policy_path(path), read_run(path)):
        assert load(each).spec == spec_of(TASKS["sets"])


def test_a_policy_is_not_kept_unless_that_is_asked_for(tmp_path):
    """And one from before does not stay beside another run."""
    spec = spec_of(TASKS["sets"])
    path = result_path(spec, tmp_path)
    policy_path(path).write_bytes(b"old")
    load_or_train(spec, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    with pytest.raises(
        ResultError, match=r"was not kept: gfn train with the same settings and --out .* trains it again"
    ):
        load(path)


def test_a_run_stored_without_its_policy_is_made_again_and_that_is_said(tmp_path, capsys):
    spec = spec_of(TASKS["sets"])
    first, path = load_or_train(spec, tmp_path), result_path(spec, tmp_path)
    again = load_or_train(spec, tmp_path, keep=True)
    assert capsys.readouterr().err == f"{path} was stored without its policy; making it again\n"
    assert again.frame.drop(columns="seconds").equals(first.frame.drop(columns="seconds"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "execute", lambda *arguments: pytest.fail("made again"))
        load_or_train(spec, tmp_path, keep=True)
        load_or_train(spec, tmp_path)
    assert policy_path(path).exists()


def test_measurements_have_no_policy(tmp_path):
    task = TASKS["sets"]
    spec = GradientSpec(task=task, objectives=(spec_of(task).objective,), seeds=(0,), warmup=(0,), batch_sizes=(2,))
    load_or_train(spec.model_copy(update={"replicates": 2}), tmp_path, keep=True)
    (path,) = tmp_path.iterdir()
    with pytest.raises(ResultError, match=r"has no policy: it is a measurement \(gradient\), not a training$"):
        load(path)


def change(content, what):
    """A policy's file with other metadata, and its checksum as it was."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    about = json.loads(header["__metadata__"]["gfn"]) | what
    header["__metadata__"]["gfn"] = json.dumps(about)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


BROKEN = {
    "is not a policy of this project, or is truncated": [
        lambda content: b"",
        lambda content: content[:30],
        lambda content: b"\xff" * 100,
        lambda content: save({"weights": torch.zeros(2)}),
        lambda content: save({"weights": torch.zeros(2)}, {"gfn": "[]"}),
    ],
    "is damaged or was edited": [
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content[:-4],
        lambda content: change(content, {"run": "0" * 16}),
    ],
}


@pytest.mark.parametrize(("says", "spoil"), [(says, each) for says, every in BROKEN.items() for each in every])
def test_a_file_that_is_not_whole_is_refused(says, spoil, store, tmp_path):
    path = copied("sets", store, tmp_path)
    kept = policy_path(path)
    kept.write_bytes(spoil(kept.read_bytes()))
    with pytest.raises(ResultError, match=says) as refused:
        load(path)
    assert str(refused.value).count("\n") == 0


def test_a_policy_of_another_run_or_of_other_code_is_refused(store, tmp_path, monkeypatch):
    path = copied("sets", store, tmp_path)
    shutil.copy(policy_path(path_of("dags", store)), policy_path(path))
    with pytest.raises(ResultError, match=r"is the policy of run \w{16}, not of the run beside it$"):
        load(path)
    (tmp_path / "other").mkdir()
    monkeypatch.setattr("gfn.study.saved.source_fingerprint", lambda spec: "0123456789ab")
    load_or_train(spec_of(TASKS["sets"]), tmp_path / "other", keep=True)
    path = copied("sets", store, tmp_path)
    shutil.copy(policy_path(tmp_path / "other" / path.name), tmp_path)
    with pytest.raises(ResultError, match="is the policy of a run that other code made"):
        load(path)


def test_a_damaged_policy_is_made_again_by_a_training_that_keeps_it(store, tmp_path, capsys):
    path = copied("sets", store, tmp_path)
    policy_path(path).write_bytes(b"")
    load_or_train(spec_of(TASKS["sets"]), tmp_path, keep=True)
    assert capsys.readouterr().err.endswith("is not a policy of this project, or is truncated; making it again\n")
    assert load_file(policy_path(path)).keys() == load_file(policy_path(path_of("sets", store))).keys()


OWN = """
from tests.environments.test_contract import Bag


class Kept(Bag):
    def log_reward(self, state):
        return 1.0 * state[..., :-1].sum(-1).double()
"""


def test_a_task_of_ones_own(tmp_path, monkeypatch, gfn_command):
    """Its policy is refused once its code has changed; its objects are the numbers of their state."""
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "kept_task.py"
    file.write_text(OWN, encoding="utf-8")
    sys.modules.pop("kept_task", None)
    spec = spec_of(load_task("kept_task:Kept")())
    load_or_train(spec, tmp_path, keep=True)
    path = result_path(spec, tmp_path)
    status, out, _ = gfn_command("sample", path, "--task", "kept_task:Kept", "--count", 5)
    header, *rows = csv.reader(io.StringIO(out))
    assert (status, len(rows), header[0], header[-2:]) == (0, 5, "state_1", ["log_reward", "log_p"])
    file.write_text(OWN.replace("1.0", "2.0"), encoding="utf-8")
    with pytest.raises(ResultError, match="was made by other code of task kept_task:Kept than is here now"):
        load(path)
    sys.modules.pop("kept_task", None)


# ---- sampled ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sets", "sequences", "phylogenetics", "dags", "hypergrid"])
def test_probabilities_are_those_of_objects(name, store):
    """Exact ones as by enumeration, estimated ones within their noise, whatever the length of a trajectory."""
    found = load(path_of(name, store))
    objects = state_graph(found.task).objects.expand(2, *state_graph(found.task).objects.shape)
    exact = terminal_distribution(found.task, found.policy)
    torch.testing.assert_close(found.log_prob(objects).exp(), exact)
    with torch.no_grad():
        estimated = found._estimated(objects).exp()
    assert (l1(estimated, exact) < 0.15).all()
    if name == "sequences":  # one trajectory each
        torch.testing.assert_close(estimated, exact, rtol=1e-4, atol=1e-6)


def test_densities_are_those_of_points(store):
    """They integrate to one over the window and what is beside it, and are those of the policy's own mixture."""
    found = load(path_of("banana", store), 3)
    points = found.sample(5)
    source = found.task.initial(1, 5)
    first = found.policy.log_prob(found.task.observe(source), None, points[..., 0])
    then = found.task.step(source, points[..., 0])
    second = found.policy.log_prob(found.task.observe(then), None, points[..., 1])
    torch.testing.assert_close(found.log_prob(points), (first + second).double())


def test_objects_are_drawn_as_the_policy_has_it(store):
    found = load(path_of("sets", store))
    drawn = found.task.key(found.sample(4000))
    keys = found.task.key(state_graph(found.task).objects)
    shares = (drawn.unsqueeze(-1) == keys).double().mean(1)
    assert (l1(shares, terminal_distribution(found.task, found.policy)) < 0.1).all()


def text_of(name, store, count=20):
    found = load(path_of(name, store), 1)
    objects = found.sample(count)
    return found, objects[0], written(found.task, objects[0], found.log_prob(objects)[0])


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("name", ["sets", "sequences", "hypergrid", "banana"])
def test_objects_as_csv(name, store):
    """With a header; read again they are the objects, with their logs."""
    found, objects, text = text_of(name, store)
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


def test_words_of_many_letters_are_numbers():
    task = Sequences(alphabet=30, length=3)
    assert written(task, torch.tensor([[29, 0, 30], [30, -1, -1]]), torch.zeros(2)).splitlines()[1:] == [
        f"29-0,{task.log_reward(torch.tensor([29, 0, 30])):.10g},0",
        ",0,0",
    ]


def test_graphs_are_lists_of_edges(store):
    """Of each by its number; one without edges has a line, too."""
    found, objects, text = text_of("dags", store, 200)
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


def test_trees_are_newick_with_their_logs(store):
    """A line each, with names in quotes where they need them, and an annotation that readers of Newick know."""
    found, objects, text = text_of("phylogenetics", store)
    for line, tree, log_p in zip(text.splitlines(), objects, found.log_prob(objects[None])[0]):
        newick, reward, said = re.fullmatch(r"(.*)\[&log_reward=(.*),log_p=(.*)\];", line).groups()
        assert f"{newick};" == found.task.to_newick(tree)
        assert "'o''e'" in newick
        assert (float(reward), float(said)) == pytest.approx((float(found.task.log_reward(tree)), float(log_p)))


def test_the_command_draws_from_the_first_seed_and_says_so(store, tmp_path, gfn_command):
    path = path_of("sets", store)
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


def test_edges_without_listing_graphs():
    """As by listing them."""
    for task in (DAGs(nodes=2), DAGs(nodes=4, prior="uniform", task_seed=3)):
        torch.testing.assert_close(exact_edges(task), marginals(task)["edges"])
    assert exact_edges(DAGs(nodes=11)) is None


def test_large_tasks_are_sampled(store):
    """What a sample says of trees and edges is near what enumeration says."""
    for name, look in (("dags", learned_edges), ("phylogenetics", learned_trees)):
        found = load(path_of(name, store), 3)
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
def test_pictures_of_runs(what, store, tmp_path, gfn_command, figures, monkeypatch):
    """Curves of all runs in one picture; what policies learned beside what is exact, named by the seed."""
    monkeypatch.chdir(tmp_path)
    paths = [path_of(name, store) for name in PICTURES[what]]
    status, out, err = gfn_command("plot", *paths, "--of", what)
    assert (status, out) == (0, f"drawn to {what}.svg\n")
    assert err.count("the policy of seed 3") == (what != "curves")
    assert "<svg" in (tmp_path / f"{what}.svg").read_text(encoding="utf-8")
    assert gfn_command("plot", *paths, "--of", what, "--picture", "x.PNG", "--seed", 1)[0] == 0
    assert (tmp_path / "x.PNG").read_bytes().startswith(b"\x89PNG")


def test_pictures_of_policies_are_of_one_task(store, tmp_path, gfn_command):
    other = spec_of(DAGs(nodes=4))
    load_or_train(other, tmp_path)
    status, out, err = gfn_command(
        "plot", path_of("dags", store), result_path(other, tmp_path), "--of", "edges", "--picture", tmp_path / "x.svg"
    )
    assert (status, out) == (2, "")
    assert "of = edges is not allowed for runs of 2 tasks" in err
    assert not (tmp_path / "x.svg").exists()


def test_runs_are_told_apart(store):
    """By their objective, and by other settings in which they differ."""
    from gfn.study.commands.plot import labels
    from tests.made_up import made_up

    specs = [spec_of(TASKS["sets"]), spec_of(TASKS["sets"], learning_rate=0.5), spec_of(TASKS["sets"], (0,))]
    found = labels([made_up(spec) for spec in specs])
    assert len(set(found)) == 3
    assert all(each.startswith("tb") for each in found)
    assert "learning_rate 0.5" in found[1]
