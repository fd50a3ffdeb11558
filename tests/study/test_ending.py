"""How the command ends: signals, full disks and closed streams, each with its status and at most one sentence."""

from __future__ import annotations

import ast
import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pandas as pd
import pytest

import gfn
from gfn import checkout, cli
from gfn.runs.interrupts import Terminated
from gfn.runs.training import TrainingError
from gfn.settings import SettingsError
from gfn.study import ending
from gfn.study.experiments import FIGURES
from gfn.study.results import ResultError, StoreError, UnreadableError, read_run
from tests.processes import Command, usual_signals

FAST = ["--universe", "4", "--size", "2", "--hidden", "4", "--batch-size", "4", "--seeds", "0,1"]
TRAIN = ["train", *FAST, "--iterations", "2"]
LONG = ["train", *FAST, "--iterations", "200", "--evaluate-every", "10"]


def ended(error, *arguments, resumable=()):
    """Status and standard error of a command that raises this."""

    @click.group()
    def group():
        pass

    @group.command()
    def work():
        raise error

    err = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as left:
            ending.end(group, ["work", *arguments], resumable)
    return left.value.code, err.getvalue()


SENTENCES = [
    (SettingsError("alpha = 1 is not allowed"), 2, "alpha = 1 is not allowed"),
    (StoreError("out = 'x' is not allowed"), 2, "out = 'x' is not allowed"),
    (ResultError("x does not exist"), 2, "x does not exist"),
    (UnreadableError("x is a folder"), 2, "x is a folder"),
    (TrainingError("no number", []), 1, "no number"),
    (click.UsageError("No such option"), 2, "No such option"),
    (FileNotFoundError("no folder data/paper"), 2, "no folder data/paper"),
    (OSError(errno.ENAMETOOLONG, "File name too long", "x"), 2, "x: File name too long"),
    (PermissionError(errno.EACCES, "Permission denied", "x"), 2, "x: Permission denied"),
    (OSError(errno.ENOSPC, "No space left on device"), 1, "No space left on device"),
    (OSError(errno.EROFS, "Read-only file system", "x"), 1, "x: Read-only file system"),
    (OSError("disk full"), 1, "disk full"),
    (MemoryError(), 1, "there is not enough memory"),
    (
        RuntimeError("can't allocate memory: 9 bytes\nat x"),
        1,
        "there is not enough memory: can't allocate memory: 9 bytes",
    ),
    (EOFError("no more\ninput"), 1, "unexpected EOFError in test_ending.py, line"),
    (RuntimeError("a\nb"), 1, "unexpected RuntimeError in test_ending.py, line"),
    (RecursionError(), 1, "unexpected RecursionError in test_ending.py, line"),
    (KeyboardInterrupt(), 130, "interrupted"),
    (Terminated(15), 143, "terminated"),
    (Terminated(1), 129, "terminated"),
    (BrokenPipeError(), 141, None),
]


@pytest.mark.parametrize(("error", "status", "sentence"), SENTENCES, ids=[repr(error) for error, *_ in SENTENCES])
def test_every_error_is_one_sentence(error, status, sentence):
    """And none, where nobody listens any more."""
    found, said = ended(error)
    assert found == status
    assert said.count("\n") == (sentence is not None)
    assert said.startswith(f"gfn: {sentence}" if sentence else "")
    assert "Traceback" not in said
    assert "interrupted" not in said or status == 130


def test_what_goes_on_says_so():
    """After an interrupt alone, and of those commands that do."""
    assert ended(KeyboardInterrupt(), resumable=["work"]) == (130, "gfn: interrupted; the same command resumes\n")
    assert ended(Terminated(15), resumable=["work"]) == (143, "gfn: terminated; the same command resumes\n")
    assert ended(OSError("disk full"), resumable=["work"]) == (1, "gfn: disk full\n")


def test_handlers_of_signals_are_put_back():
    every = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in every]
    ended(KeyboardInterrupt())
    assert [signal.getsignal(number) for number in every] == before


def test_no_statement_is_left_out_by_optimisation():
    """``python -O`` leaves out assert statements; -OO docstrings, too."""
    for path in Path(gfn.__file__).parent.rglob("*.py"):
        assert not [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assert)]


def test_lists_need_no_docstrings(monkeypatch, tmp_path):
    for model in FIGURES.values():
        monkeypatch.setattr(model, "__doc__", None)
    with pytest.raises(SystemExit) as left:
        cli.main(["list"])
    assert left.value.code == 0


def to(stream: str, kind: str, monkeypatch) -> None:
    """Standard output or error that is broken in some way."""
    if kind == "absent":
        broken = None
    elif kind == "full":
        broken = open("/dev/full", "w")  # noqa: SIM115
    else:
        read, write = os.pipe()
        os.close(read)
        broken = os.fdopen(write, "w")
    monkeypatch.setattr(sys, stream, broken)


@pytest.mark.parametrize(
    ("kind", "status", "sentence"),
    [("absent", 0, ""), ("full", 1, "gfn: No space left on device\n"), ("gone", 141, "")],
)
def test_output_that_cannot_be_put_out(kind, status, sentence, monkeypatch, capsys):
    """A closed one is not missed, a full disk is told, a reader who went away is not."""
    to("stdout", kind, monkeypatch)
    with pytest.raises(SystemExit) as left:
        cli.main(["list"])
    assert left.value.code == status
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize("kind", ["absent", "full", "gone"])
def test_standard_error_may_be_closed(kind, monkeypatch, tmp_path):
    """Work is done, and a refusal has its status."""
    to("stderr", kind, monkeypatch)
    for arguments, status in (([*TRAIN, "--out", str(tmp_path)], 0), (["show", str(tmp_path / "nothing")], 2)):
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        assert left.value.code == status
    assert len(list(tmp_path.glob("*.parquet"))) == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_that_lacks_a_character(encoding, monkeypatch, tmp_path):
    """In a name, say: it is written as an escape."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    for arguments in ([*TRAIN, "--out", str(tmp_path / "Σ")], ["show", str(tmp_path / "Σ/no")]):
        with pytest.raises(SystemExit):
            cli.main(arguments)
    assert "stored in" in out.buffer.getvalue().decode("utf-8" if encoding == "ascii" else encoding)
    assert err.buffer.getvalue().decode(encoding) == f"gfn: {tmp_path}/\\u03a3/no does not exist\n"
    assert len(list((tmp_path / "Σ").glob("*.parquet"))) == 1


def test_without_a_checkout_commands_work_or_say_what_they_need(tmp_path, monkeypatch, capsys):
    """As where the package was installed from a wheel."""
    monkeypatch.delenv("GFN_RESULTS", raising=False)
    monkeypatch.chdir(tmp_path)
    for module in (checkout, gfn.study.paper):
        monkeypatch.setattr(module, "__file__", str(tmp_path / "site/gfn/checkout.py"))
    found = {}
    for arguments in (["list"], [*TRAIN, "--out", "store"], ["verify"], ["verdicts"], ["verify", "store"]):
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        found[" ".join(arguments[:2])] = (left.value.code, *capsys.readouterr())
    assert [status for status, *_ in found.values()] == [0, 0, 2, 2, 0]
    assert "(runs that need data of a checkout)" in found["list"][1]
    for name in ("verify", "verdicts"):
        assert found[name][1] == ""
        assert found[name][2].count("\n") == 1
        assert "run inside a checkout of this project" in found[name][2]


def same(one: Path, other: Path) -> None:
    pd.testing.assert_frame_equal(*(read_run(p).frame.drop(columns="seconds") for p in (one, other)), check_exact=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    store = tmp_path_factory.mktemp("undisturbed")
    assert Command(store, [*LONG, "--out", str(store / "store")]).end() == (0, "")
    (path,) = (store / "store").glob("*.parquet")
    return path


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_a_signal_saves_and_the_same_command_resumes(number, status, word, undisturbed, tmp_path):
    """With the result of an undisturbed run, bit for bit."""
    store, arguments = tmp_path / "store", [*LONG, "--out", str(tmp_path / "store")]
    stopped = Command(tmp_path, arguments, at=70, signals=[number])
    assert stopped.end() == (status, f"gfn: {word}; the same command resumes\n")
    assert [path.suffix for path in store.iterdir()] == [".checkpoint"]
    assert Command(tmp_path, arguments).end() == (0, "")
    policy = undisturbed.with_suffix(".safetensors")
    assert {path.name for path in store.iterdir()} == {undisturbed.name, policy.name}
    same(store / undisturbed.name, undisturbed)
    assert (store / policy.name).read_bytes() == policy.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_what_the_parent_ignores_stays_ignored(number, tmp_path):
    """As of nohup, or of a job in the background."""
    arguments = [*TRAIN, "--out", str(tmp_path / "store")]
    assert Command(tmp_path, arguments, at=1, signals=[number], ignored=[number]).end() == (0, "")


@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)], ids=str)
def test_a_second_signal_leaves_at_once(numbers, tmp_path):
    """Amid an iteration, without a checkpoint of it."""
    stopped = Command(tmp_path, [*LONG, "--out", str(tmp_path / "store")], at=70, signals=numbers)
    assert stopped.end() == (128 + numbers[-1], "gfn: interrupted; the same command resumes\n")
    assert not list((tmp_path / "store").iterdir())


LOADING = """
import builtins, os, signal, sys
original = builtins.__import__

def signalled(name, *arguments, **options):
    if name == "torch":
        builtins.__import__ = original
        os.kill(os.getpid(), int(sys.argv.pop(1)))
    return original(name, *arguments, **options)

builtins.__import__ = signalled
from gfn.__main__ import main
main()
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_libraries_load_is_one_sentence(number, status):
    environment = os.environ | {"PYTHONPATH": str(Path(gfn.__file__).parents[1])}
    command = [sys.executable, "-c", LOADING, str(int(number)), "list"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=usual_signals)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "gfn: interrupted\n")
