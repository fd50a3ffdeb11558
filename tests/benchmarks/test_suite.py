"""The benchmarks: parts that need no other package, and counts of arithmetic."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import edition, evaluation, lines, objectives, settings, suite, whole
from benchmarks.arithmetic import per_state
from benchmarks.differences import DIFFERENCES
from benchmarks.environments import PEERS, pinned, requirements
from benchmarks.measure import alternate, ratio, spread
from benchmarks.page import page
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import COMPARISONS, FULL, GIN_WIDTH, QUICK, Scale, sizes, training
from benchmarks.suite import ON_REQUEST, PARTS, ResultsError
from benchmarks.targets import rows
from gfn.environments import PAPER_TASKS, Hypergrid, Phylogenetics, Sets
from gfn.policies import PolicySettings, make_policy
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.study.experiments.tasks import paper_tasks

TINY = Scale(profile="smoke", rounds=2, seconds=0.001, evaluations=1)
ALONE = ("limit", "objectives", "scaling", "evaluation", "source")


def test_parts_without_peers_measure_everything(elsewhere, monkeypatch):
    """At the smallest scale: every row has its time, and all comes out on a page."""
    costed = ("sets", "phylogenetics")  # the others take as long and are no different
    monkeypatch.setattr(objectives, "COSTED", costed)
    out = elsewhere / "results.json"
    results = suite.run(TINY, ALONE, out)
    assert json.loads(out.read_text()) == results
    parts = results["parts"]
    assert tuple(parts) == ALONE
    for name in ALONE:
        assert len(parts[name]["rows"]) == len(rows(parts, name)), f"a row of {name} has no number"
    assert [row["task"] for row in rows(parts, "limit")] == list(PAPER_TASKS)
    assert len(rows(parts, "objectives")) == len(costed) * (len(settings.objectives()) + 1)
    assert len(rows(parts, "scaling")) == len(sizes(TINY))
    assert all(0 < row["share"]["median"] < 1 for name in ("limit", "evaluation") for row in rows(parts, name))
    assert all(row["memory"] > 0 for row in rows(parts, "objectives"))
    metrics = {row["task"]: row["metric"] for row in rows(parts, "evaluation")}
    assert metrics == {task: "jsd" if task in ("banana", "gaussian_mixture") else "l1" for task in PAPER_TASKS}
    text = page(results)
    assert "quick scale" in text
    assert "Not measured." in text  # the part of the peers
    assert not list((elsewhere / "build" / "parts").iterdir())


def test_the_whole_is_measured_by_running_it(elsewhere, monkeypatch):
    """Wall-clock and processor time and memory of all processes below; a failure is a row with its reason."""
    monkeypatch.setattr(whole, "BUILD", elsewhere / "build")
    store = elsewhere / "build" / "book" / "results"
    grandchild = "x = bytearray(300 * 2**20); [i * i for i in range(3_000_000)]"
    train = f"{Path(sys.executable).with_name('gfn')} train --iterations 3 --universe 8 --size 4 --hidden 4 --seeds 0,1 --out {store}"
    monkeypatch.setattr(
        whole, "command", lambda *arguments: ["bash", "-c", f"{sys.executable} -c '{grandchild}' && {train}"]
    )
    with Workers() as workers:
        (row,) = whole.measure("paper", workers, TINY)
        monkeypatch.setattr(whole, "command", lambda *arguments: ["bash", "-c", "exit 3"])
        (failed,) = whole.measure("paper", workers, TINY)
    assert (row["runs"], row["seeds"], row["training"]["sets"]["runs"]) == (1, 2, 1)
    assert 0 < row["training"]["sets"]["minutes"] < row["minutes"]["median"]
    assert row["cpu_minutes"] > 0
    assert row["largest"]["median"] > 0.28
    assert failed["reason"].startswith("make book failed, see ")


def test_the_edition_is_measured_where_it_is_made_again(monkeypatch):
    """So that the command that publishes it has nothing left to make."""
    asked = []
    monkeypatch.setattr(whole, "measure", lambda *arguments: asked.append(arguments) or [])
    (unit,) = edition.units(FULL)
    edition.measure(unit, None, FULL)
    assert asked == [("edition", None, FULL, settings.ROOT / "build" / "edition", "all")]
    makefile = (settings.ROOT / "Makefile").read_text(encoding="utf-8")
    assert "EDITION ?= edition\n" in makefile
    assert '"build/$(EDITION)"' in makefile
    assert edition.units(QUICK) == []


def test_lines_of_all_files_but_those_that_only_look_at_results_are_counted_once(elsewhere):
    files = [p for p in lines.PACKAGE.rglob("*.py") if p.relative_to(lines.PACKAGE).parts[0] != lines.APART]
    with Workers() as workers:
        found = [row for unit in lines.units(FULL) for row in lines.measure(unit, workers, FULL)]
    assert sum(row["files"] for row in found) == len(files)
    assert sum(row["lines"] for row in found) == sum(p.read_bytes().count(b"\n") for p in files)
    assert {"gfn", "gfn/environments", "gfn/runs"} < {row["folder"] for row in found}


@pytest.mark.parametrize(("iterations", "every"), [(6, 2), (5, 2), (3, 8)])
def test_a_run_evaluates_as_often_as_its_share_counts(iterations, every):
    spec = TrainingSpec(task=Sets(universe=4, size=2), seeds=(0,), iterations=iterations, evaluate_every=every)
    records = Trainer(spec).run()
    assert evaluation.evaluations(spec) == sum(record["metric"] == "l1" for record in records)


@pytest.mark.parametrize("task", PAPER_TASKS)
def test_the_share_of_evaluation_is_that_of_runs_as_the_book_makes_them(task):
    """All with the batch of the first, in which trajectory balance has a learning curve."""
    first, *others = found = evaluation.published_runs(task, "paper")
    assert (first.task.task, first.objective.name) == (task, "tb")
    assert len({spec.hash for spec in found}) == len(found) > 1
    assert {(spec.task.task, spec.batch_size) for spec in others} == {(task, first.batch_size)}
    assert evaluation.evaluations(first) == max(map(evaluation.evaluations, found))


def test_an_interrupted_suite_goes_on_after_its_last_finished_part(elsewhere, monkeypatch):
    """And measures what was finished again only if asked to, or at other settings."""
    made, broken = [], True

    def measure(name, workers, scale):
        if name == "limit" and broken:
            raise KeyboardInterrupt
        made.append(name)
        return {"rows": []}

    monkeypatch.setattr(suite, "measure", measure)
    out = elsewhere / "results.json"
    with pytest.raises(KeyboardInterrupt):
        suite.run(TINY, (), out)
    assert made == ["peers"]
    assert not out.exists()
    broken = False
    suite.run(TINY, (), out)
    usual = [name for name in PARTS if name not in ON_REQUEST]
    assert made == usual
    suite.run(TINY, ("peers", *ON_REQUEST), out)
    assert made == [*usual, "peers", *ON_REQUEST]
    assert list(suite.read(out)["parts"]) == list(PARTS)
    stored = suite.read(out)["parts"]["edition"]
    suite.run(TINY, (), out)
    assert made == [*usual, "peers", *ON_REQUEST, *usual]  # what is measured on request stays
    assert suite.read(out)["parts"]["edition"] == stored
    with pytest.raises(ResultsError, match="was made with --quick"):
        suite.run(FULL, ("peers",), out)


def test_a_worker_says_in_one_sentence_what_failed(elsewhere):
    """And lives on; one that dies is said to have died, and the next question starts another."""
    with Workers() as workers:
        worker = workers["ours"]
        with pytest.raises(WorkerError, match="task"):
            worker.ask("make", name="bad", spec={"task": {"task": "nothing"}})
        assert worker.ask("about")["torch"] == torch.__version__
        worker.process.kill()
        with pytest.raises(WorkerError, match="ended with signal 9"):
            worker.ask("about")
        assert worker.ask("about")["gfn"]
        process = worker.process
    assert process.poll() is not None


def test_what_cannot_be_measured_is_a_row_with_its_reason(elsewhere):
    with Workers() as workers:
        unit = settings.Size("seeds", "none", (("seeds", ()),))
        (row,) = PARTS["scaling"].measure(unit, workers, TINY)
    assert row["axis"] == "seeds"
    assert "give at least one" in row["reason"]


def test_states_that_a_batch_meets_again_and_again_count_once(elsewhere):
    """As the arithmetic limit has it: on a grid of nine cells no more than nine, of sets nearly all are new."""
    with Workers() as workers:
        counts = {}
        for task in (Hypergrid(side=3), Sets()):
            workers["ours"].ask("make", name="counted", spec=training(task, batch_size=8))
            counts[task.task] = workers["ours"].ask("states", name="counted", batches=2)["states"]
    assert 1 <= counts["hypergrid"] <= 9
    assert counts["sets"] == 8 * Sets().size


def test_contenders_take_turns_and_make_the_same_iterations():
    """In both orders; the slowest sets the pace."""
    calls = []

    def contender(name, seconds):
        def run(iterations):
            calls.append((name, iterations))
            return {"wall": seconds, "cpu": seconds}

        return run

    scale = Scale("smoke", rounds=3, seconds=0.1, evaluations=1)
    iterations, rounds = alternate({"a": contender("a", 0.01), "b": contender("b", 0.001)}, scale)
    assert iterations == 10
    assert calls[2:] == [(name, 10) for name in "abbaab"]
    assert ratio(rounds["a"], rounds["b"])["median"] == pytest.approx(10)


def test_spread_is_median_and_quartiles():
    assert spread([5, 1, 2, 4, 3]) == {"median": 3, "low": 2, "high": 4}
    assert spread([7]) == {"median": 7, "low": 7, "high": 7}


STRUCTURE = {"phylogenetics": lambda task: (2 * len(task.taxa) - 1) ** 2 * (2 * len(task.taxa) + 2)}


@pytest.mark.parametrize("task", paper_tasks("paper").values(), ids=PAPER_TASKS)
def test_counts_of_arithmetic_are_those_of_the_network(task):
    """As PyTorch counts them; the products by which a forest's graph and its sums are found are done once for all."""
    policy = make_policy(task, PolicySettings(), (0,))
    states = task.initial(1, 8)
    discrete = hasattr(task, "action_count")
    action = task.mask(states).int().argmax(-1) if discrete else torch.zeros(1, 8)
    mask = task.mask(states) if discrete else None
    with FlopCounterMode(display=False) as counter:
        policy.log_prob(task.observe(states), mask, action).sum().backward()
    graph = STRUCTURE.get(task.task, lambda task: 0)(task)
    assert counter.get_total_flops() == 2 * 8 * (per_state(task, PolicySettings()) + graph)


def test_default_training_is_what_the_page_says():
    assert PolicySettings().hidden == settings.HIDDEN
    assert PolicySettings().gin_width == GIN_WIDTH
    assert training(Sets())["seeds"] == (0,)


def test_sizes_grow_to_what_was_asked_for():
    """On every axis, one size after the other; the quick scale has the first ones."""
    found = [size.spec()["task"] for size in sizes(FULL)]
    assert max(task.universe for task in found if isinstance(task, Sets)) == 256
    assert Hypergrid(side=20, dimensions=4) in found
    assert max(len(task.taxa) for task in found if isinstance(task, Phylogenetics)) == 27
    assert max(task.nodes for task in found if task.task == "dags") == 20
    assert {size.axis for size in sizes(FULL)} >= {"batch", "seeds", "network width"}
    assert set(map(str, sizes(QUICK))) <= set(map(str, sizes(FULL)))


def test_every_comparison_says_what_differs():
    assert {(peer, c.task) for c in COMPARISONS for peer in c.contenders} == DIFFERENCES.keys()


@pytest.mark.parametrize("peer", PEERS)
def test_peers_are_pinned(peer):
    """The peer itself among them, and PyTorch as this project has it."""
    lines = [line for line in requirements(peer).read_text().splitlines() if not line.startswith("#")]
    assert all(line.count("==") == 1 for line in lines)
    pins = dict(line.split("==") for line in lines)
    assert peer in pins
    assert pins.get("torch", version("torch").split("+")[0]) == version("torch").split("+")[0]
    assert pinned(peer) == pins[peer]


def test_the_loss_of_another_package_is_what_the_page_says_it_is():
    """On policy, e^t - t - 1 of t = log p_F / p* has the gradient of half a chi-squared divergence; of -t, that of forward KL."""
    logits, target = (
        torch.randn(7, dtype=torch.float64, requires_grad=True),
        torch.randn(7, dtype=torch.float64).softmax(0),
    )
    log_pf, log_target = logits.log_softmax(0), target.log()
    t = log_pf - log_target

    def gradient(value):
        return torch.autograd.grad(value, logits, retain_graph=True)[0]

    def on_policy(t):
        return gradient((log_pf.exp().detach() * (t.exp() - t - 1)).sum())

    chi_squared = gradient((log_pf.exp().square() / target).sum() - 1)
    forward_kl = gradient((target * (log_target - log_pf)).sum())
    torch.testing.assert_close(on_policy(t), chi_squared / 2)
    torch.testing.assert_close(on_policy(-t), forward_kl)
    assert not torch.allclose(on_policy(t), forward_kl, atol=1e-2)
