"""The benchmarks: parts that need no other package, counts of arithmetic, targets, and the page they end up on."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import __main__, objectives, processes, settings, suite, whole
from benchmarks.arithmetic import per_state
from benchmarks.differences import DIFFERENCES
from benchmarks.environments import PEERS, requirements
from benchmarks.measure import alternate, ratio, spread
from benchmarks.page import number, page
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import COMPARISONS, COSTED, FULL, GIN_WIDTH, QUICK, Scale, sizes, training
from benchmarks.suite import PARTS, ResultsError
from benchmarks.targets import REASONS, TARGETS, look_up, missed, reasons, rows
from gfn.environments import TASKS, Hypergrid, Phylogenetics, Sets
from gfn.policies import PolicySettings, make_policy
from gfn.study.experiments.tasks import paper_tasks

TINY = Scale(profile="smoke", rounds=2, seconds=0.001, evaluations=1)
ALONE = ("limit", "objectives", "scaling", "evaluation")


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
        {"task": c.task, "batch": c.batch, "peer": peer, "iterations": 3, "first": 2.5, "core_share": 1.0}
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
        {"task": task, "metric": "l1", "seconds": a_spread(0.28), "first": 0.4, "seeds": 3, "evaluations": 17}
        | {"run_seconds": a_spread(0.8), "iterations": 512, "time": a_spread(30), "share": a_spread(0.14)}
        for task in TASKS
    ]
    growth.append({"axis": "taxa", "value": "99", "reason": "MemoryError: too large"})
    whole = {"profile": "paper", "cores": 2, "seeds": 3, "runs": 159, "minutes": a_spread(9.5), "cpu_minutes": 18.4}
    whole |= {"largest": a_spread(1.25), "training": {"sets": {"runs": 20, "minutes": 5.5}}}
    made = dict(zip(PARTS, (against, limits, costs, growth, evaluations, [whole])))
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
    assert "not measured" in text  # the part of the peers
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
    assert made == list(PARTS)
    suite.run(TINY, ("peers",), out)
    assert made == [*PARTS, "peers"]
    assert list(suite.read(out)["parts"]) == list(PARTS)
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


def test_targets_are_judged():
    """By the median, from the right side, by the dearest of several; what was not measured is not judged."""
    results = made_up()
    text = page(results)
    assert "missed" not in text
    found = {target.name: target for target in TARGETS}
    (tsallis,) = rows(results["parts"], "objectives", task="sets", objective="tsallis loo")
    tsallis["ratio"] = a_spread(1.2)
    (limit,) = rows(results["parts"], "limit", task="sets")
    limit["share"] = a_spread(0.5)
    assert found["loo sets"].find(results["parts"]) == (a_spread(1.2), "tsallis loo")
    assert not found["limit sets"].met(a_spread(0.5))
    assert page(results).count("**missed** |") == 2
    assert page(results).count("**missed** | none measured yet") == sum(
        n not in reasons(results["parts"]) for n in ("loo sets", "limit sets")
    )
    assert page(results | {"quick": True}).count("not\u00a0judged |") == len(TARGETS)
    del results["parts"]["peers"]
    assert found["sets 128 torchgfn"].find(results["parts"]) == (None, "")
    assert missed(results["parts"]) == {"loo sets", "limit sets"}
    del results["parts"]["book"]  # which the reasons of other targets name
    assert "**missed**" in page(results)


def test_of_two_ways_to_use_a_peer_the_faster_counts():
    results = made_up()
    (row,) = rows(results["parts"], "peers", task="hypergrid", batch=16, peer="gfnx, one pass")
    row["ratio"] = a_spread(0.7)
    (target,) = [target for target in TARGETS if target.name == "hypergrid 16 gfnx"]
    assert target.find(results["parts"]) == (a_spread(0.7), "gfnx, one pass")


def test_reasons_take_their_numbers_from_the_results(tmp_path):
    """A number that was not measured is refused, in one sentence."""
    parts, path = made_up()["parts"], tmp_path / "reasons.yaml"
    path.write_text("limit sets: '{limit|sets|share|.0%} of it, {objectives|sets|tb|memory|.1f} MiB'")
    assert reasons(parts, path) == {"limit sets": "71% of it, 6.0 MiB"}
    for place in ("limit|nowhere|share|.0%", "limit|sets|nothing|.1f", "scaling|taxa|99|time|.1f", "nothing|share|.0%"):
        with pytest.raises(ValueError, match="was not measured"):
            look_up(parts, place)


def test_the_page_has_every_row():
    """With plain numbers, its head and its machine; a failure with its reason."""
    text = page(made_up())
    lines = text.splitlines()
    assert lines[1] == "# Speed"
    assert "MemoryError: too large" in text
    assert "| sets, 128: torchgfn | 3.00 (2.70–3.30) | 30.0 (27.0–33.0) | 0.100 (0.090–0.110) |" in text
    assert "| sets | 2,048 | 142 | 2.90 (2.61–3.19) | 4.10 (3.69–4.51) | 71\u00a0% (64–78) |" in text
    assert "17 for 512 iterations of 3 seeds" in text
    assert suite.machine()["processor"] in text
    assert "gfnx 0.0.1, torch 2.13.0; source abc" in text
    assert "On 2 cores, with 3 seeds and 159 runs, it took 9.50 minutes, 18.4 minutes of processor time." in text
    assert "| sets | 20 | 5.50 |" in text
    for size in sizes(FULL):
        assert f"| {size.axis} | {size.value} | 7.70" in text
    table_rows = [line for line in lines if line.startswith("|")]
    assert all(line.endswith(" |") and "\n" not in line for line in table_rows)


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


def test_the_committed_page_is_that_of_the_committed_results():
    """Word for word."""
    assert settings.PAGE.read_text(encoding="utf-8") == page(suite.read(settings.RESULTS))


def test_committed_reasons_belong_to_targets():
    assert reasons(suite.read(settings.RESULTS)["parts"]).keys() <= {target.name for target in TARGETS}
    assert REASONS.exists()


def test_the_command_explains_itself(command):
    for arguments in (("--help",), ("run", "-h"), ("page", "-h")):
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
    assert target.read_text(encoding="utf-8") == page(made_up())


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
