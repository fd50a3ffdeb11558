"""The command line: every command does its work, and a bad value is one sentence and exit status 2."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gfn
from gfn import cli
from gfn.environments import TASKS
from gfn.estimators import CONTROL_VARIATES
from gfn.policies import PolicySettings
from gfn.runs.draws import Draws
from gfn.runs.objective import ALL_OBJECTIVES, Objective
from gfn.runs.off_policy import OffPolicy
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import TrainingError
from gfn.study.commands.listing import WORDS
from gfn.study.experiments import FIGURES, runs
from gfn.study.flags import idle
from gfn.study.results import load_or_train, read_run
from tests.bad_inputs import FLAG_VALUES, OWNERS

FAST = ["--universe", "4", "--size", "2", "--hidden", "4", "--iterations", "2", "--batch-size", "4", "--seeds", "0,1"]


@pytest.fixture
def gfn_command(capsys):
    """Run the command in this process: exit status, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(list(map(str, arguments)))
        seen = capsys.readouterr()
        return left.value.code, seen.out, seen.err

    return run


def refused(status, out, err):
    """One sentence on standard error, exit status 2, and nothing else."""
    return status == 2 and out == "" and err.startswith("gfn: ") and err.endswith("\n") and err.count("\n") == 1


def test_list_names_everything(gfn_command, monkeypatch):
    """Tasks with their settings, objectives, control variates, figures; on lines of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = gfn_command("list")
    assert (status, err) == (0, "")
    words = " ".join(out.split())
    for word in (*TASKS, *ALL_OBJECTIVES, *CONTROL_VARIATES, *FIGURES, "correlation = 0.9"):
        assert word in words
    counts = [(name, len(runs(name))) for name in FIGURES]
    found = re.findall(r"\((\d+) runs\)", words)
    assert [int(count) for count in found] == [count for _, count in counts]
    assert max(map(len, out.splitlines())) <= 80
    assert WORDS.keys() >= {*ALL_OBJECTIVES, *CONTROL_VARIATES}


@pytest.mark.parametrize("command", cli.cli.commands)
def test_every_command_explains_itself(command, gfn_command, monkeypatch):
    """On lines of 80 columns, with examples that it understands up to the work itself."""
    monkeypatch.setenv("COLUMNS", "80")
    for flag in ("--help", "-h"):
        status, out, err = gfn_command(command, flag)
        assert (status, err) == (0, "")
        assert out.startswith(f"Usage: gfn {command}")
        assert max(map(len, out.splitlines())) <= 80
    every = gfn_command("--help")[1]
    assert f"\n  {command} " in every
    assert "..." not in every.replace("COMMAND [ARGS]...", "")  # of what does not fit
    lines = [line.strip() for line in re.split(r"^ *Examples?:$", out, flags=re.M)[1].splitlines() if line.strip()]
    assert lines
    assert all(line.startswith("gfn ") for line in lines)
    assert any(line.startswith(f"gfn {command}") for line in lines)


EXAMPLES = sorted({line for command in cli.cli.commands.values() for line in getattr(command, "examples", ())})


MY_TASK = """
from tests.environments.test_contract import Bag


class MyTask(Bag):
    size: int = 2
"""


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_are_understood(line, tmp_path, monkeypatch):
    """Every flag and value is one that there is."""
    (tmp_path / "my_task.py").write_text(MY_TASK, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    _, command, *arguments = shlex.split(line)
    values = cli.cli.commands[command].make_context(command, arguments, resilient_parsing=True).params
    assert values or not arguments
    parser = cli.cli.commands[command].make_parser(
        cli.cli.commands[command].make_context(command, [], resilient_parsing=True)
    )
    assert parser.parse_args(args=arguments)


def shown_flags(text):
    return set(re.findall(r"^  (--[\w-]+)", text, re.M))


def own_flags(model, *but):
    return {f"--{name.replace('_', '-')}" for name in model.model_fields.keys() - {*but}}


def test_help_shows_a_flag_for_every_setting(gfn_command):
    """Of the training, the objective, the policy and every task: each in the help of some task."""
    every = set.union(*(shown_flags(gfn_command("train", "--task", task, "--help")[1]) for task in TASKS))
    for model in (TrainingSpec, Draws, OffPolicy, Objective, PolicySettings, *TASKS.values()):
        assert own_flags(model, "kind", "name", "task", "policy", "draws", "off_policy", "measures") <= every


@pytest.mark.parametrize("task", TASKS)
def test_the_help_of_a_task_shows_its_flags_alone(task, gfn_command):
    """With what they mean there, wherever the task stands on the line; and none that changes nothing there."""
    out = gfn_command("train", "--help", "--task", task)[1]
    assert out == gfn_command("train", "--task", task, "--help")[1]
    seed = {"--task-seed"} if TASKS[task].drawn else set()
    own = own_flags(TASKS[task], "task", "task_seed") | seed
    others = set.union(*(own_flags(other, "task") for other in TASKS.values())) - own
    found = shown_flags(out)
    assert own <= found
    assert not found & others
    assert not found & {f"--{name.replace('_', '-')}" for name in idle(TASKS[task])}
    words = " ".join(out.split())
    for name, field in TASKS[task].model_fields.items():
        if name not in ("task", "task_seed"):
            assert " ".join(field.description.split()) in words
    assert f"{task}: " not in words.replace("Task: ", "")


def test_the_help_without_a_task_shows_what_most_tasks_have(gfn_command):
    """In groups, and says how to see the rest."""
    out = gfn_command("train", "--help")[1]
    found = shown_flags(out)
    assert {"--task", "--objective", "--alpha", "--hidden", "--iterations", "--scheme", "--out", "--help"} - {
        "--help"
    } <= found
    own = set.union(*(own_flags(task, "task", "task_seed") for task in TASKS.values()))
    assert not found & own
    assert not found & {"--gin-width", "--resolution", "--l1-orders"}
    groups = re.findall(r"^(\w[\w ]*):$", out, re.M)
    assert groups == ["Task", "Objective", "Policy", "Training", "Draws of a batch", "Off policy", "Other", "Examples"]
    assert "gfn train --task sets --help" in out


def test_the_help_of_no_task_is_refused(gfn_command):
    status, out, err = gfn_command("train", "--task", "chess", "--help")
    assert refused(status, out, err)
    assert "task = 'chess' is not allowed: one of sets, " in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_a_script_for_completion(shell, gfn_command, monkeypatch):
    monkeypatch.setenv("_GFN_COMPLETE", f"{shell}_source")
    status, out, err = gfn_command()
    assert status == 0
    assert "_GFN_COMPLETE" in out
    assert "gfn" in out
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("line", "place", "found"),
    [
        ("gfn tr", 1, {"train"}),
        ("gfn train --task hyper", 3, {"hypergrid"}),
        ("gfn train --objective ren", 3, {"renyi"}),
        ("gfn train --dtype ", 3, {"float32", "float64"}),
        ("gfn train --control-variate ", 3, set(CONTROL_VARIATES)),
        ("gfn reproduce fig", 2, {name for name in FIGURES if name.startswith("fig")}),
        ("gfn train --mode", 2, {"--mode-fractions"}),
    ],
)
def test_shells_get_what_a_word_may_become(line, place, found, gfn_command, monkeypatch):
    for name, value in {"_GFN_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(place)}.items():
        monkeypatch.setenv(name, value)
    status, out, _ = gfn_command()
    assert status == 0
    assert {row.split(",")[1] for row in out.split()} == found


def test_version_and_no_arguments(gfn_command):
    assert gfn_command("--version")[:2] == (0, f"gfn, version {gfn.__version__}\n")
    status, out, _ = gfn_command()
    assert status == 2
    assert out.startswith("Usage: gfn")


def test_train_stores_a_run_and_reads_it_the_next_time(gfn_command, tmp_path, monkeypatch):
    """The table and the file's name on standard output, nothing on standard error where nobody watches."""
    status, out, err = gfn_command("train", *FAST, "--objective", "tsallis", "--alpha", "2", "--out", tmp_path)
    assert (status, err) == (0, "")
    path, policy = sorted(tmp_path.iterdir())
    assert policy.name == f"{path.stem}.safetensors"
    assert out.endswith(f"stored in {path}\n")
    assert "tsallis" in out
    spec = read_run(path).spec
    assert (spec.objective.alpha, spec.seeds, spec.policy.hidden) == (2.0, (0, 1), (4,))
    monkeypatch.setattr("gfn.study.results.execute", None)
    again = gfn_command("train", *FAST, "--objective", "tsallis", "--alpha", "2.0", "--out", tmp_path)
    assert again == (0, out, "")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("objective", ALL_OBJECTIVES)
def test_train_takes_every_task_and_objective(task, objective, gfn_command, monkeypatch, tmp_path):
    """What is asked for reaches the training, with the defaults of the specification."""
    asked = []

    def stub(spec, store, device, current, keep):
        assert (current, keep) == (False, True)
        asked.append((spec, store, device))
        raise TrainingError("enough", [])

    monkeypatch.setattr("gfn.study.results.load_or_train", stub)
    assert gfn_command("train", "--task", task, "--objective", objective, "--out", tmp_path)[0] == 1
    assert asked == [(TrainingSpec(task=TASKS[task](), objective=Objective(name=objective)), tmp_path, "cpu")]


def test_large_universes_of_small_sets_train(gfn_command, tmp_path):
    """Their sets cannot be told apart by a number, so that L1 must be estimated."""
    sizes = ("--universe", "63", "--size", "3", "--l1-objects", "8", "--hidden", "4", "--iterations", "2")
    assert gfn_command("train", *sizes, "--out", tmp_path)[0] == 0


def test_reproduce_makes_what_is_missing(gfn_command, tmp_path, monkeypatch):
    """All runs of a figure, or those that ``--only`` names, each reported with its file."""
    key, other = list(runs("fig6", "smoke"))[:2]
    arguments = ("reproduce", "fig6", "--profile", "smoke", "--out", tmp_path)
    status, out, err = gfn_command(*arguments, "--only", key)
    assert (status, err) == (0, "")
    assert out == f"sets, reverse_kl none: {tmp_path / key}.parquet\n"
    assert [path.stem for path in tmp_path.iterdir()] == [key]
    asked = []
    monkeypatch.setattr(
        "gfn.study.results.load_or_train", lambda spec, *arguments: asked.append((spec.hash, *arguments[-2:]))
    )
    gfn_command(*arguments, "--only", key, "--only", other, "--current")
    assert asked == [(key, True, False), (other, True, False)]
    asked.clear()
    gfn_command(*arguments, "--policy")
    assert asked == [(key, False, True) for key in runs("fig6", "smoke")]


FAILURES = {
    "no number": TrainingError("no number", []),
    "No space left on device": OSError(28, "No space left on device"),
    "there is not enough memory": MemoryError(),
    "there is not enough memory: DefaultCPUAllocator": RuntimeError("DefaultCPUAllocator: can't allocate memory: no"),
    "unexpected KeyError in test_cli.py, line": KeyError("none"),
}


@pytest.mark.parametrize("said", FAILURES)
def test_reproduce_names_the_run_that_fails(said, gfn_command, tmp_path, monkeypatch):
    """Task, objective and hash in one sentence; a traceback before it where one is asked for."""
    error = FAILURES[said]

    def failing(*arguments):
        raise error

    monkeypatch.setattr("gfn.study.results.execute", failing)
    key, spec = list(runs("fig6", "smoke").items())[1]
    status, out, err = gfn_command("reproduce", "fig6", "--profile", "smoke", "--only", key, "--out", tmp_path)
    assert (status, out) == (1, "")
    assert err.startswith(f"gfn: run {key} failed ({spec.task.task}, {spec.objective.label}): {said}")
    assert err.count("\n") == 1
    monkeypatch.setenv("GFN_TRACEBACK", "1")
    assert "Traceback" in gfn_command("reproduce", "fig6", "--profile", "smoke", "--only", key, "--out", tmp_path)[2]


def parts(text):
    """What stands above a table, by name, and its rows."""
    words = dict(re.findall(r"(\w+) = (\S+?),?(?= |$)", text.partition("metric")[0].replace("\n", " ")))
    start = next(n for n, line in enumerate(text.splitlines()) if "metric" in line.split())
    header, *rows = text.splitlines()[start:]
    names = header.split()
    return words, [dict(zip(names, row.split())) for row in rows if len(row.split()) == len(names)]


def test_show_prints_runs_and_folders(gfn_command, tmp_path):
    """A row for each metric; a file that is no result is reported and left out."""
    for objective in ("tb", "renyi"):
        gfn_command("train", *FAST, "--objective", objective, "--out", tmp_path)
    path = next(p for p in tmp_path.glob("*.parquet") if read_run(p).spec.objective.name == "renyi")
    status, out, err = gfn_command("show", path)
    assert (status, err) == (0, "")
    above, rows = parts(out)
    assert above | {"alpha": "0.5", "control_variate": "joint", "run": path.stem} == above
    assert "l1" in {row["metric"] for row in rows}
    (tmp_path / "foreign.parquet").write_bytes(b"no")
    status, out, err = gfn_command("show", tmp_path)
    assert status == 0
    assert err == f"{tmp_path / 'foreign.parquet'} is truncated or not a Parquet file\n"
    _, rows = parts(out)
    assert {row["objective"] for row in rows} == {"tb", "renyi"}
    assert {row["metric"] for row in rows} >= {"log_z", "l1"}


def test_show_has_a_column_for_every_setting_that_differs(gfn_command, tmp_path):
    """Of the training, the objective, the policy, the draws and the task; what is the same stands above, once."""
    changes = {"--batch-size": "5", "--learning-rate": "0.01", "--hidden": "3", "--low": "-2", "--seeds": "2,3"}
    changes |= {"--log-z-start": "1", "--top-k": "3"}
    stores = [tmp_path / str(n) for n in range(len(changes) + 1)]
    for store, change in zip(stores, [(), *changes.items()]):
        gfn_command("train", *FAST, *change, "--out", store)
    status, out, err = gfn_command("show", *stores)
    assert (status, err) == (0, "")
    above, rows = parts(out)
    names = {"batch_size", "learning_rate", "hidden", "low", "spec_seeds", "log_z_start", "top_k", "run"}
    assert names <= rows[0].keys()
    assert not names & above.keys()
    assert above | {"task": "sets", "objective": "tb", "seeds": "2", "iteration": "2"} == above
    assert {row["spec_seeds"] for row in rows} == {"0,1", "2,3"}
    assert {row["learning_rate"] for row in rows} == {"0.001", "0.01"}
    assert "universe" not in out


def test_show_reads_a_run_once(gfn_command, tmp_path):
    """However often it is named."""
    gfn_command("train", *FAST, "--out", tmp_path)
    (path,) = tmp_path.glob("*.parquet")
    assert gfn_command("show", tmp_path, path) == gfn_command("show", path)


def test_show_writes_the_table_in_full(gfn_command, tmp_path):
    """As CSV, a row for each run and metric, with every setting that differs."""
    for rate in ("0.001", "0.002"):
        gfn_command("train", *FAST, "--learning-rate", rate, "--out", tmp_path / "store")
    status, out, err = gfn_command("show", tmp_path / "store", "--csv", tmp_path / "new" / "x.csv")
    assert (status, err) == (0, "")
    assert out.endswith(f"written to {tmp_path / 'new' / 'x.csv'}\n")
    table = pd.read_csv(tmp_path / "new" / "x.csv")
    for path in (tmp_path / "store").glob("*.parquet"):
        run = read_run(path)
        last = run.frame[(run.frame.iteration == 2) & (run.frame.metric == "l1")].value
        (row,) = table[(table.run == path.stem) & (table.metric == "l1")].itertuples()
        assert row.mean == pytest.approx(last.mean(), rel=1e-12)
        assert row.learning_rate == run.spec.learning_rate
        assert (row.task, row.objective, row.iteration) == ("sets", "tb", 2)


def test_show_gives_means_over_seeds_at_the_last_iteration(gfn_command, tmp_path):
    gfn_command("train", *FAST, "--evaluate-every", "1", "--out", tmp_path)
    (path,) = tmp_path.glob("*.parquet")
    frame = read_run(path).frame
    last = frame[(frame.iteration == 2) & (frame.metric == "l1")].value
    above, rows = parts(gfn_command("show", path)[1])
    (shown,) = [row for row in rows if row["metric"] == "l1"]
    assert float(shown["mean"]) == pytest.approx(last.mean(), rel=1e-5)
    assert float(shown["std"]) == pytest.approx(last.std(), rel=1e-5)
    assert (above["seeds"], above["iteration"], above["trajectories"]) == ("2", "2", "8")


def test_show_leaves_densities_out(gfn_command, tmp_path):
    """They are no numbers to average; accuracy and log Z are there."""
    sizes = ("--task", "banana", "--density", "4", "--resolution", "8", "--hidden", "4", "--components", "2")
    gfn_command("train", *sizes, "--iterations", "2", "--batch-size", "4", "--out", tmp_path)
    status, out, err = gfn_command("show", tmp_path)
    assert (status, err) == (0, "")
    assert [row["metric"] for row in parts(out)[1]] == ["jsd", "log_z"]


def test_show_gives_gradients_at_the_largest_batch(gfn_command, tmp_path):
    """The last stage, a row for each estimate."""
    objectives = (Objective(name="renyi", control_variate="none"), Objective(name="renyi", control_variate="both"))
    settings = {"warmup": (0, 1), "batch_sizes": (2, 4), "replicates": 3, "policy": PolicySettings(hidden=(4,))}
    spec = GradientSpec(task=TASKS["sets"](universe=4, size=2), objectives=objectives, **settings)
    frame = load_or_train(spec, tmp_path).frame
    chosen = frame[(frame.iteration == 1) & (frame.trajectories == 4) & (frame.metric == "variance")]
    above, rows = parts(gfn_command("show", tmp_path)[1])
    rows = [row for row in rows if row["metric"] == "variance"]
    assert (above["trajectories"], above["iteration"]) == ("4", "1")
    assert [row["control_variate"] for row in rows] == ["none", "both"]
    for row in rows:
        values = chosen[chosen.control_variate == row["control_variate"]].value
        assert float(row["mean"]) == pytest.approx(values.mean(), rel=1e-4)


@pytest.mark.parametrize("kind", ["nothing", "empty folder", "no result"])
def test_show_refuses_what_is_no_result(kind, gfn_command, tmp_path):
    path = {"nothing": tmp_path / "absent", "empty folder": tmp_path, "no result": tmp_path / "file"}[kind]
    if kind == "no result":
        path.write_bytes(b"seed,value")
    assert refused(*gfn_command("show", path))


def test_every_flag_has_bad_values():
    """So that a new setting is not forgotten."""
    for command in cli.cli.commands:
        options = [p for p in cli.cli.commands[command].params if p.opts[0].startswith("--") and not p.is_flag]
        flags = {p.opts[0].removeprefix("--") for p in options}
        assert flags == {flag for name, flag in FLAG_VALUES if name == command}


FOREIGN = [
    (task, flag) for flag in sorted(OWNERS) for task in TASKS if flag.replace("-", "_") not in TASKS[task].model_fields
]


@pytest.mark.parametrize(("task", "flag"), FOREIGN)
def test_a_flag_of_another_task_is_refused(task, flag, gfn_command, tmp_path):
    """Naming those that the task has."""
    status, out, err = gfn_command("train", "--task", task, f"--{flag}", "1", "--out", tmp_path)
    assert refused(status, out, err)
    known = ", ".join(name for name in TASKS[task].model_fields if name != "task")
    assert err == f"gfn: --{flag} does not belong to task {task}, which has: {known}\n"


def test_tasks_too_large_to_enumerate_train(gfn_command, tmp_path):
    """Their accuracy is the evidence lower bound."""
    sizes = ("--task", "sequences", "--length", "9")
    status, out, err = gfn_command(
        "train", *sizes, "--hidden", "4", "--iterations", "2", "--l1-objects", "8", "--out", tmp_path
    )
    assert (status, err) == (0, "")
    assert "elbo" in out.split()


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--objective", "tb", "--alpha", "2"),
        ("train", "--objective", "tb", "--decay", "0.9"),
        ("train", "--objective", "vargrad", "--log-z", "known"),
        ("train", "--task", "dags", "--nodes", "5", "--samples", "5"),
        ("train", "--task", "dags", "--weight-low", "1"),
        ("train", "--task", "hypergrid", "--side", "1"),
        ("train", "--task", "hypergrid", "--side", "4097"),
        ("train", "--objective", "renyi", "--log-z", "known"),
        ("train", "--objective", "renyi", "--epsilon", "0.1"),
        ("train", "--objective", "tb", "--log-z", "batch", "--log-z-start", "1"),
        ("train", "--objective", "renyi", "--batch-size", "1"),
        ("train", "--task", "banana", "--universe", "4"),
        ("train", "--colour", "red"),
        ("train", "--seeds"),
        ("train", "stray"),
        ("reproduce",),
        ("reproduce", "fig10", "--out", "x"),
        ("reproduce", "fig1"),
        ("show",),
        ("fly",),
    ],
    ids=" ".join,
)
def test_what_does_not_fit_together_is_one_sentence(arguments, gfn_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(*gfn_command(*arguments))
    assert not any(tmp_path.rglob("*.parquet"))


def test_numbers_that_are_not_finite_are_one_sentence_and_status_1(gfn_command, tmp_path):
    status, out, err = gfn_command("train", *FAST, "--low", "1e30", "--high", "1e31", "--out", tmp_path)
    assert (status, out) == (1, "")
    assert err.startswith("gfn: the gradient is not finite: task sets, objective tb, seed 0, 1, iteration 1; ")
    assert err.count("\n") == 1


def test_an_interrupt_is_one_sentence_and_status_130(gfn_command, monkeypatch, tmp_path):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("gfn.study.results.load_or_train", interrupted)
    status, out, err = gfn_command("train", "--out", tmp_path)
    assert (status, out) == (130, "")
    assert err.strip() == "gfn: interrupted; the same command resumes"


FLAGS = sorted({f"--{flag}" for command, flag in FLAG_VALUES if command == "train"} - {"--out", "--device"})
# What a shell can hand over: no zero bytes, and what is no UTF-8 as lone surrogates.
argument = st.text(st.characters(exclude_characters="\0"), max_size=12) | st.integers().map(str) | st.floats().map(str)


def answer(*arguments):
    """The command must leave by itself, with a sentence where it refuses."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    assert left.value.code == 0 or refused(left.value.code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """Training left out: every run is a table of no rows."""
    store = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gfn.study.results.execute", lambda *arguments: [])
        yield store


@given(flags=st.lists(st.tuples(st.sampled_from(FLAGS), argument), max_size=3))
def test_no_flags_give_a_traceback(untrained, flags):
    """Any text for any flags: taken, or refused in a sentence."""
    answer("train", "--out", str(untrained), *(part for pair in flags for part in pair))


@given(words=st.lists(argument, max_size=3))
def test_no_words_give_a_traceback(untrained, words):
    """Any words after each command."""
    for command in ("list", "reproduce", "show"):
        answer(command, *words)


def test_a_process_of_its_own_is_quiet(tmp_path):
    """Where standard error is no terminal: no progress bar and no warning, on import neither."""
    command = [sys.executable, "-c", "from gfn.cli import main; main()", "train", *FAST, "--out", tmp_path]
    environment = {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "stored in" in done.stdout


@pytest.mark.parametrize("task", TASKS)
def test_a_task_seed_is_refused_where_nothing_is_random(task, gfn_command, tmp_path):
    """It would change the name of the run, and nothing else."""
    if TASKS[task].drawn:
        assert TASKS[task](task_seed=1) != TASKS[task]()
    else:
        status, out, err = gfn_command("train", "--task", task, "--task-seed", "1", "--out", tmp_path)
        assert (status, out) == (2, "")
        assert err == f"gfn: task_seed = 1 is not allowed for task {task}: nothing of its reward is random\n"


def test_a_task_seed_beside_data_is_refused(gfn_command, tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1.5,2\n3,1\n0,9\n")
    status, out, err = gfn_command("train", "--task", "dags", "--data", tmp_path / "x.csv", "--task-seed", "1")
    assert (status, out) == (2, "")
    assert err == "gfn: task_seed = 1 is not allowed beside data: it belongs to simulated ones\n"


def test_what_cannot_fit_is_refused_before_it_starts(gfn_command, tmp_path):
    status, out, err = gfn_command("train", "--hidden", "65536,65536,65536,65536,65536", "--out", tmp_path / "store")
    assert (status, out) == (2, "")
    assert err.startswith("gfn: hidden = (65536, 65536, 65536, 65536, 65536) is not allowed here: it needs some")
    assert not (tmp_path / "store").exists()
