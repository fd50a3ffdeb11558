"""The benchmarks: parts that need no other package, counts of arithmetic, targets, and the page with its picture."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from matplotlib.text import Text
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import __main__, edition, evaluation, lines, objectives, processes, settings, suite, whole
from benchmarks.arithmetic import per_state
from benchmarks.differences import DIFFERENCES
from benchmarks.environments import PEERS, pinned, requirements
from benchmarks.gains import description, summary
from benchmarks.measure import alternate, ratio, spread
from benchmarks.page import page, write
from benchmarks.picture import WIDTH, picture, save
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import COMPARISONS, COSTED, FULL, GIN_WIDTH, QUICK, Scale, sizes, training
from benchmarks.suite import ON_REQUEST, PARTS, ResultsError
from benchmarks.targets import REASONS, TARGETS, look_up, missed, reasons, rows
from benchmarks.words import folded, listed, number, table
from gfn.environments import TASKS, Hypergrid, Phylogenetics, Sets
from gfn.policies import PolicySettings, make_policy
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.study.experiments.tasks import paper_tasks

TINY = Scale(profile="smoke", rounds=2, seconds=0.001, evaluations=1)
ALONE = ("limit", "objectives", "scaling", "evaluation", "source")


@pytest.fixture
def command(capsys):
    """Run the command in this process: exit status, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            __main__.main(list(map(str, arguments)))
        seen = capsys.readouterr()
        return left.value.code, seen.out, seen.err

    return run


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Everything that the suite builds goes to a folder of the test's own."""
    for module in (suite, processes, __main__):
        monkeypatch.setattr(module, "BUILD", tmp_path / "build")
    return tmp_path


def a_spread(value):
    return {"median": value, "low": 0.9 * value, "high": 1.1 * value}


def made_up(quick=False):
    """Results with every kind of row, each quantity a number of its own; and a row of each part that failed."""
    against = [
        {
            "task": c.task,
            "batch": c.batch,
            "seeds": c.seeds,
            "peer": peer,
            "iterations": 3,
            "first": 2.5,
            "core_share": 1.0,
        }
        | {"ours": a_spread(3), "theirs": a_spread(30), "ratio": a_spread(0.1), "cpu_ratio": a_spread(0.11)}
        for c in COMPARISONS
        for peer in c.contenders
    ]
    limits = [
        {"task": task, "states": 2048, "operations": 142_000_000, "gflops": a_spread(98), "limit": a_spread(2.9)}
        | {"time": a_spread(4.1), "share": a_spread(0.71), "core_share": 1.0}
        for task in TASKS
    ]
    costs = [
        {"task": task, "objective": name, "time": a_spread(4), "ratio": a_spread(1.03), "memory": 6.05}
        | {"core_share": 0.99}
        for task in COSTED
        for name in settings.objectives()
    ]
    growth = [
        {"axis": size.axis, "value": size.value, "time": a_spread(7.7), "core_share": 1.0} for size in sizes(FULL)
    ]
    evaluations = [
        {"task": task, "metric": "l1", "seconds": a_spread(0.28), "first": 0.4, "seeds": 3, "evaluations": [2, 17]}
        | {"run_seconds": a_spread(0.8), "runs": 8, "iterations": 4096, "time": a_spread(30), "share": a_spread(0.14)}
        for task in TASKS
    ]
    growth.append({"axis": "taxa", "value": "99", "reason": "MemoryError: too large"})
    source = [{"folder": "gfn", "files": 4, "lines": 360}, {"folder": "gfn/runs", "files": 9, "lines": 1154}]
    book = {"profile": "paper", "cores": 2, "seeds": 3, "runs": 159, "minutes": spread([7.5]), "cpu_minutes": 14.4}
    book |= {"largest": spread([1.25]), "training": {"sets": {"runs": 20, "minutes": 5.5}}}
    longer = book | {"profile": "edition", "seeds": 10, "minutes": spread([18])}
    made = dict(zip(PARTS, (against, limits, costs, growth, evaluations, source, [book], [longer])))
    about = {"date": "2026-01-02T03:04:05+00:00", "minutes": 1.5, "rounds": 15, "load": 0.1, "machine": suite.machine()}
    about |= {"versions": {"torch": "2.13.0", "gfnx": "0.0.1", "source": "abc"}}
    return {"quick": quick, "parts": {name: about | {"rows": found} for name, found in made.items()}}


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
    assert [row["task"] for row in rows(parts, "limit")] == list(TASKS)
    assert len(rows(parts, "objectives")) == len(costed) * (len(settings.objectives()) + 1)
    assert len(rows(parts, "scaling")) == len(sizes(TINY))
    assert all(0 < row["share"]["median"] < 1 for name in ("limit", "evaluation") for row in rows(parts, name))
    assert all(row["memory"] > 0 for row in rows(parts, "objectives"))
    metrics = {row["task"]: row["metric"] for row in rows(parts, "evaluation")}
    assert metrics == {task: "jsd" if task in ("banana", "gaussian_mixture") else "l1" for task in TASKS}
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
    assert asked == [("edition", None, FULL, settings.ROOT / "build" / "edition")]
    makefile = (settings.ROOT / "Makefile").read_text(encoding="utf-8")
    assert "EDITION ?= edition\n" in makefile
    assert "build/$(EDITION)/results" in makefile
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


@pytest.mark.parametrize("task", TASKS)
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
    suite.run(TINY, ("peers", "edition"), out)
    assert made == [*usual, "peers", "edition"]
    assert list(suite.read(out)["parts"]) == list(PARTS)
    stored = suite.read(out)["parts"]["edition"]
    suite.run(TINY, (), out)
    assert made == [*usual, "peers", "edition", *usual]  # what is measured on request stays
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


@pytest.mark.parametrize("task", paper_tasks("paper").values(), ids=TASKS)
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


def unfolded(text):
    """What a reader sees before opening anything."""
    return re.sub(r"^````\{dropdown\}.*?^````$", "", text, flags=re.MULTILINE | re.DOTALL)


def test_targets_are_judged():
    """By the median, from the right side, by the most costly of several; what was not measured is not judged."""
    results = made_up()
    parts = results["parts"]
    assert "missed" not in page(results)
    assert f"Of {len(TARGETS)} targets, {len(TARGETS)} are met." in page(results)
    found = {target.name: target for target in TARGETS}
    (tsallis,) = rows(parts, "objectives", task="sets", objective="tsallis loo")
    tsallis["ratio"] = a_spread(1.2)
    (limit,) = rows(parts, "limit", task="sets")
    limit["share"] = a_spread(0.5)
    (made,) = rows(parts, "book")
    made["minutes"] = spread([8.5])
    parts["source"]["rows"].append({"folder": "gfn/more", "files": 1, "lines": 4800})
    names = {"objectives sets loo", "limit sets", "book minutes", "source lines"}
    assert missed(parts) == names
    assert found["objectives sets loo"].find(parts) == (a_spread(1.2), "Tsallis")
    assert found["source lines"].find(parts)[0]["median"] == 360 + 1154 + 4800
    assert not found["limit sets"].met(a_spread(0.5))
    text = page(results)
    assert unfolded(text).count("**missed**") == len(names)
    assert f"Of {len(TARGETS)} targets, {len(TARGETS) - len(names)} are met." in text
    quick = page(results | {"quick": True})
    assert "missed" not in quick
    assert "are met" not in quick
    del parts["peers"]
    assert found["peers sets 128 torchgfn"].find(parts) == (None, "")
    assert missed(parts) == names
    del parts["book"]  # which the reasons of other targets name
    assert missed(parts) == names - {"book minutes"}
    assert "**missed**" in page(results)


def test_every_missed_target_has_its_number_and_its_reason_folded_below(tmp_path, monkeypatch):
    """Targets with the same reason together; one without a reason says so."""
    results = made_up()
    for row in rows(results["parts"], "peers", task="hypergrid"):
        row["ratio"] = a_spread(3)
    for row in rows(results["parts"], "evaluation", task="banana"):
        row["share"] = a_spread(0.4)
    path = tmp_path / "reasons.yaml"
    names = [target.name for target in TARGETS if target.name.startswith("peers hypergrid")]
    path.write_text("\n".join(f"{name}: Steps are many, arithmetic {{limit|sets|share|.0%}}." for name in names))
    monkeypatch.setattr(reasons, "__defaults__", (path, None))
    text = page(results)
    peers, evaluations = re.findall(r"^````\{dropdown\} \d+ targets? missed, and why$(.*?)^````$", text, re.M | re.S)
    assert peers.count("3.00 (2.70–3.30), target ≤") == len(names) == 4
    assert peers.count("Steps are many, arithmetic 71\u00a0%.") == 1
    assert "**Banana, evaluation's share of the runs**: 40\u00a0% (36–44), target ≤\u00a015\u00a0%" in evaluations
    assert "No reason has been measured yet." in evaluations
    assert "Steps are many" not in unfolded(text)


def test_of_two_ways_to_use_a_peer_the_faster_counts():
    """In its target as in the first sentences; and seeds trained together are no comparison of one seed."""
    results = made_up()
    (row,) = rows(results["parts"], "peers", task="hypergrid", batch=16, peer="gfnx, one pass")
    row["ratio"] = a_spread(0.7)
    (target,) = [target for target in TARGETS if target.name == "peers hypergrid 16 gfnx"]
    assert target.find(results["parts"]) == (a_spread(0.7), "")
    assert "1.4 on Hypergrid with 16 trajectories" in summary(results["parts"], judge=True)
    (many,) = rows(results["parts"], "peers", task="sets", seeds=10)
    many["ratio"] = a_spread(2)
    assert "peers sets 128 torchgfn" not in missed(results["parts"])
    assert "10 of them take 2.00 times as long as one takes with torchgfn (Sets)" in summary(
        results["parts"], judge=True
    )


def test_what_a_user_gains_is_said_of_what_was_measured():
    """Each sentence leaves with its part, and the picture's description too; what is slower is said as plainly."""
    parts = made_up()["parts"]
    said = {
        "peers": "times as quick as that of torchgfn",
        "objectives": "a divergence takes at most",
        "book": "159 runs",
    }
    for name, words in said.items():
        assert words in summary(parts, judge=False)
        assert words not in summary({other: part for other, part in parts.items() if other != name}, judge=False)
    assert summary({}, judge=True) == description({}) == ""
    for row in rows(parts, "peers", task="sequences"):
        row["ratio"] = a_spread(2)
    assert "10 on DAGs and 0.50 on Sequences." in summary(parts, judge=False)
    (costly,) = rows(parts, "objectives", task="dags", objective="renyi both")
    costly["ratio"] = a_spread(1.44)
    assert "1.44 with both control variates (Rényi on DAGs)" in summary(parts, judge=False)


def test_reasons_take_their_numbers_from_the_results(tmp_path):
    """A number that was not measured is refused, in one sentence."""
    parts, path = made_up()["parts"], tmp_path / "reasons.yaml"
    path.write_text("limit sets: '{limit|sets|share|.0%} of it, {objectives|sets|tb|memory|.1f} MiB'")
    assert reasons(parts, path) == {"limit sets": "71\u00a0% of it, 6.0 MiB"}
    for place in ("limit|nowhere|share|.0%", "limit|sets|nothing|.1f", "scaling|taxa|99|time|.1f", "nothing|share|.0%"):
        with pytest.raises(ValueError, match="was not measured"):
            look_up(parts, place)


def test_the_page_has_every_row():
    """With plain numbers, its head and its machine; a failure with its reason."""
    text = page(made_up())
    lines = text.splitlines()
    assert lines[1] == "# Speed"
    assert "MemoryError: too large" in text
    assert "| Sets, 128 | torchgfn | 0.100 | ≤\u00a00.20 |" in text
    assert "| Sets, 128: torchgfn | 3.00 (2.70–3.30) | 30.0 (27.0–33.0) | 0.100 (0.090–0.110) |" in text
    assert "| Sets, 128: 10 seeds, theirs one | torchgfn | 0.100 |  |" in text
    assert "| Sets | 2,048 | 142 | 2.90 | 4.10 | 71\u00a0% (64–78) |" in text
    assert "| Sets | 0.280 | 2 to 17 | 14\u00a0% (13–15) |" in text
    assert suite.machine()["processor"] in text
    assert "gfnx 0.0.1, torch 2.13.0." in text
    assert "| abc |" in text
    assert "Nothing here was measured on a GPU." in text
    assert "`make book`: 159 runs with 3 seeds on 2 cores, 14.4 minutes of processor time." in text
    assert "| `make book` | 7.50\u00a0minutes | ≤\u00a08\u00a0minutes |" in text
    assert "| `make edition` | 18.0\u00a0minutes | ≤\u00a020\u00a0minutes |" in text
    assert "| Code that makes the results | 1,514\u00a0lines | ≤\u00a04,800\u00a0lines |" in text
    assert "| Sets | 20 | 5.50 |" in text
    for size in sizes(FULL):
        assert f"| {size.axis} | {size.value} | 7.70" in text
    table_rows = [line for line in lines if line.startswith("|")]
    assert all(line.endswith(" |") and "\n" not in line for line in table_rows)


@pytest.mark.parametrize("results", [made_up(), suite.read(settings.RESULTS)], ids=["made up", "committed"])
def test_the_page_is_no_wall(results):
    """A picture before the first table; in each section at most one table that is not folded, of short cells and full rows."""
    text = unfolded(page(results))
    head, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    assert "{image}" in head
    assert "| --- |" not in head
    assert len(sections) == 7
    for section in sections:
        found = re.findall(r"(?:^\|.*\n?)+", section, flags=re.MULTILINE)
        assert len(found) <= 1
        for line in "".join(found).splitlines():
            cells = line.strip("| ").split(" | ")
            assert len(cells) <= 6
            assert max(map(len, cells)) <= 60
    for block in re.findall(r"(?:^\|.*\n?)+", page(results), flags=re.MULTILINE):
        assert len({line.count(" | ") for line in block.splitlines()}) == 1


def test_the_edition_is_listed_only_where_it_was_measured():
    results = made_up()
    del results["parts"]["edition"]
    assert "make edition" not in unfolded(page(results))


def test_the_picture_shows_the_numbers():
    """Bars end where the results say, on a telephone every letter is large enough, and nothing is cut off."""
    parts = made_up()["parts"]
    for value, row in enumerate(rows(parts, "peers"), 1):
        row["ratio"] = a_spread(value / 10)
    figure = picture(parts)
    packages, seeds, divergences = figure.axes
    ends = [bar.get_x() + bar.get_width() for bar in packages.patches]
    shown = [1 / row["ratio"]["median"] for row in rows(parts, "peers", seeds=1)]
    assert all(min(abs(end - time) for time in shown) < 1e-9 for end in ends)
    assert len(ends) == len({(c.task, c.batch, p.split(",")[0]) for c in COMPARISONS for p in c.contenders})
    assert [bar.get_width() for bar in seeds.patches] == [30, 3, 3]
    assert all(line.get_xdata()[0] == pytest.approx(1.03) for line in divergences.lines if line.get_label()[0] != "_")
    assert WIDTH * 96 <= 390
    figure.draw_without_rendering()
    words = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert min(text.get_fontsize() for text in words) >= 9
    titles = [part.get_suptitle() for part in figure.subfigs]
    boxes = [text.get_window_extent() for text in words if text.get_text() in titles]
    assert len(boxes) == 3
    for box in boxes + [axis.get_tightbbox() for axis in figure.axes]:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_the_picture_is_the_same_for_the_same_results(tmp_path):
    """Byte for byte, another one for others, and none where nothing was measured."""
    parts, path = made_up()["parts"], tmp_path / "speed.svg"
    save(parts, path)
    first = path.read_bytes()
    save(parts, path)
    assert path.read_bytes() == first
    rows(parts, "peers", task="dags")[0]["ratio"] = a_spread(0.5)
    save(parts, path)
    assert path.read_bytes() != first
    save({}, path)
    assert not path.exists()
    assert "{image}" not in page({"quick": False, "parts": {}})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.00123, "0.0012"),
        (0.0449, "0.045"),
        (0.9996, "1.00"),
        (9.996, "10.0"),
        (99.96, "100"),
        (1234, "1,234"),
    ],
)
def test_numbers_are_plain(value, text):
    assert number(value) == text


def test_lists_read_as_sentences():
    assert [listed(list("abc")[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_folded_blocks_hold_tables():
    """Fenced by more marks than anything within."""
    block = folded("All", f"{table(['a'], [['1']])}\n\n```{{note}}\nwords\n```\n")
    assert block.startswith("````{dropdown} All\n| a |")
    assert block.endswith("\n```\n````")


def test_the_committed_page_is_that_of_the_committed_results():
    """Word for word, and its picture shows what it says of it."""
    results = suite.read(settings.RESULTS)
    assert settings.PAGE.read_text(encoding="utf-8") == page(results)
    drawn = settings.PICTURE.read_text(encoding="utf-8")
    (said,) = re.findall(r"<dc:description>(.*?)</dc:description>", drawn, flags=re.DOTALL)
    assert said == description(results["parts"])
    assert f":alt: {said}\n" in page(results)


def test_committed_reasons_belong_to_targets():
    assert reasons(suite.read(settings.RESULTS)["parts"]).keys() <= {target.name for target in TARGETS}
    assert REASONS.exists()


def test_the_command_explains_itself(command):
    for arguments in (("--help",), ("run", "-h"), ("page", "-h"), ("look", "-h")):
        status, out, err = command(*arguments)
        assert (status, err) == (0, "")
        assert out.startswith("Usage: python -m benchmarks")


def test_the_command_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], cwd=settings.ROOT, capture_output=True)
    assert done.returncode == 0


def test_the_page_is_written_from_stored_results(command, tmp_path):
    results, target = tmp_path / "results.json", tmp_path / "speed.md"
    results.write_text(json.dumps(made_up()))
    assert command("page", "--results", results, "--page", target)[0] == 0
    assert target.read_text(encoding="utf-8") == page(made_up(), "speed.svg")
    assert (tmp_path / "speed.svg").exists()


def test_the_book_has_the_picture_where_its_page_looks_for_it(monkeypatch, tmp_path):
    monkeypatch.setattr("benchmarks.page.PAGE", tmp_path / "guide" / "speed.md")
    monkeypatch.setattr("benchmarks.page.PICTURE", tmp_path / "_static" / "speed.svg")
    write(made_up(), tmp_path / "guide" / "speed.md")
    (image,) = re.findall(r"\{image\} (.*)", (tmp_path / "guide" / "speed.md").read_text(encoding="utf-8"))
    assert (tmp_path / "guide" / image).resolve() == tmp_path / "_static" / "speed.svg"
    assert (tmp_path / "_static" / "speed.svg").exists()


def test_a_look_measures_what_is_named_and_stores_nothing(command, elsewhere, monkeypatch):
    """Of a part the rows that have all the words; words that fit none are refused in one sentence."""
    asked = []

    def measure(unit, workers, scale):
        asked.append((str(unit), scale.rounds))
        return [{"task": unit.task, "ratio": a_spread(0.25)}]

    monkeypatch.setattr(PARTS["peers"], "measure", measure)
    status, out, err = command("look", "peers", "hypergrid", "--rounds", 2)
    assert (status, out) == (0, "task hypergrid, ratio 0.250 (0.225–0.275)\n" * 2)
    assert asked == [("hypergrid 16", 2), ("hypergrid 128", 2)]
    assert not (elsewhere / "build").exists()
    status, out, err = command("look", "peers", "chess")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "'chess' is not allowed: words of one of sets 128, " in err


@pytest.mark.parametrize("content", [None, "no JSON", "[]", "{}"])
def test_a_bad_file_of_results_is_one_sentence(content, command, tmp_path):
    results = tmp_path / "results.json"
    if content is not None:
        results.write_text(content)
    status, out, err = command("page", "--results", results, "--page", tmp_path / "speed.md")
    assert (status, out) == (2, "")
    assert err.startswith("benchmarks: ")
    assert err.count("\n") == 1


def test_an_interrupt_is_one_sentence(command, monkeypatch):
    monkeypatch.setattr(__main__, "run_suite", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
    status, out, err = command("run", "--quick")
    assert (status, out, err.strip()) == (130, "", "benchmarks: interrupted; the same command resumes")
