"""A few kills of each kind, two commands at once, and disks that are full at each place that writes."""

from __future__ import annotations

import random
import resource
from contextlib import contextmanager

import pandas as pd
import pytest

from gfn import cli
from gfn.runs import training
from gfn.settings import SettingsError
from gfn.study.notebook import save_data
from gfn.study.results import read_run
from gfn.study.swap import alone, staging, swap
from gfn.study.verdicts import MARKERS, write_between
from tests import campaign
from tests.campaign import TINY

COUNT = 3


@pytest.mark.parametrize("part", ["train", "reproduce", "pairs"])
def test_kills_and_company_lose_nothing(part, tmp_path):
    """The command comes to its end with the results of an undisturbed one."""
    found = campaign.PARTS[part](tmp_path, COUNT, random.Random(part))
    assert (found["ended"], found["equal"], found["complained"]) == (COUNT, COUNT, 0)
    assert found["killed"] > 0 or part == "pairs"


@contextmanager
def full(room: int):
    """A disk on which no file can be longer than so many bytes: writing fails as it does where there is no room left."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(list(map(str, arguments)))
    return left.value.code, capsys.readouterr().err


def test_a_full_disk_is_told_before_training(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("gfn.study.results.execute", None)
    with full(0):
        status, said = command(capsys, "train", *TINY, "--out", tmp_path)
    assert status == 2
    assert said == f"gfn: out = '{tmp_path}' is not allowed: no results can be written there (File too large)\n"
    assert not list(tmp_path.iterdir())


def test_a_disk_too_full_for_checkpoints_is_told_once(capsys, tmp_path, monkeypatch):
    """Where the result still fits, the run is stored."""
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1)
    wide = ["--hidden", "64", "--iterations", "5", "--out", tmp_path]
    with full(2**14):
        status, said = command(capsys, "train", *TINY, *wide)
    assert (status, said.count("\n")) == (0, 1)
    assert "cannot be written, so that this run could not be resumed: " in said
    (path,) = tmp_path.iterdir()
    assert len(read_run(path).frame)


def test_a_disk_too_full_for_the_result_is_told(capsys, tmp_path):
    """In one sentence, with nothing half written; a run that is there stays whole."""
    long = ["train", *TINY, "--iterations", "400", "--evaluate-every", "1", "--out", tmp_path]
    with full(2**13):
        status, said = command(capsys, *long)
    assert (status, said) == (1, "gfn: File too large\n")
    assert not list(tmp_path.iterdir())
    assert command(capsys, *long) == (0, "")
    (path,) = tmp_path.iterdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gfn.study.results.source_fingerprint", lambda: "another")
        key = path.stem
        with full(2**13):
            assert command(capsys, "show", path) == (0, "")
    assert read_run(path).spec.hash == key


def test_pages_and_tables_stay_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("GFN_DATA_OUT", str(tmp_path))
    page = tmp_path / "page.md"
    page.write_text("\n".join(["before", *MARKERS["verdicts"], "after"]), encoding="utf-8")
    save_data("fig1", pd.DataFrame({"value": [1.0]}))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with full(16):
        with pytest.raises(OSError, match="File too large"):
            write_between("verdicts", "x" * 100, page)
        with pytest.raises(SettingsError, match="File too large"):
            save_data("fig1", pd.DataFrame({"value": range(100)}))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_is_published_stays_whole(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/old").write_text("old" * 100)
    (staging(tmp_path) / "data").mkdir()
    (tmp_path / ".edition.partial/new/data/new").write_text("new")
    with full(16), alone(tmp_path), pytest.raises(OSError, match="File too large"):
        swap(tmp_path, ["data"])
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["old"]
    assert (tmp_path / "data/old").read_text() == "old" * 100


def test_output_on_a_full_disk_is_told(capsys, tmp_path, monkeypatch):
    """Of a file that standard output goes to."""
    with (tmp_path / "out").open("w") as out, full(16):
        monkeypatch.setattr("sys.stdout", out)
        with pytest.raises(SystemExit) as left:
            cli.main(["list"])
        monkeypatch.undo()
    assert left.value.code == 1
    assert capsys.readouterr().err == "gfn: File too large\n"
