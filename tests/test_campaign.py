"""A few kills of each kind, two commands at once, and disks that are full at each place that writes."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pandas as pd
import pytest

from gfn import cli
from gfn.runs import training
from gfn.settings import SettingsError
from gfn.study.notebook import save_data
from gfn.study.results import read_run, write_run
from gfn.study.saved import policy_path
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


SPECS = [campaign.SPECS[0].model_copy(update={"iterations": 2, "seeds": (seed,)}) for seed in range(3)]
# In place of the Makefile: `make.py EXPECTED TARGET` makes what lies in EXPECTED, and publishes it.
MAKE = """
import shutil, sys, time
from pathlib import Path
from gfn.study.saved import policy_path
from gfn.study.swap import alone, staging, swap
expected, target = Path(sys.argv[1]), sys.argv[2]

def lay(path, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    content, partial = path.read_bytes(), target.with_name(".partial") if WHOLE else target
    partial.write_bytes(content[:100])
    time.sleep(0.1 if WHOLE else 1)
    partial.write_bytes(content)
    partial.replace(target)

for path in sorted(path.relative_to(expected) for path in (expected / "build").rglob("*.*")):
    if not path.exists():
        lay(expected / path, path)
if target == "edition":
    with alone(Path()):
        new = staging(Path()) if WHOLE else Path()
        for path in sorted(Path("build/smoke/results").iterdir()):
            lay(path, new / "data/results" / path.name)
        if WHOLE:
            swap(Path(), ["data/results"])
"""


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """A function: what a chain of kills finds of a Makefile that writes files at once, or not."""
    expected, place = tmp_path / "expected", tmp_path / "copy"
    (place / "data/results").mkdir(parents=True)
    for number, spec in enumerate(SPECS):
        path = expected / campaign.STORE / f"{spec.hash}.parquet" if number else place / "data/results/old.parquet"
        write_run(path, spec, campaign.execute(spec))
    for name in (
        "made/0.mark",
        "results.png",
        "notebooks/fig1.ipynb",
        "notebooks/fig1.csv",
        "book/_build/html/index.html",
    ):
        (expected / "build/smoke" / name).parent.mkdir(parents=True, exist_ok=True)
        (expected / "build/smoke" / name).write_text(name)
    for command in ("init --quiet --initial-branch main", "add --all", "commit --quiet --message all"):
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *command.split()], cwd=place, check=True, stdout=subprocess.DEVNULL)
    (place / ".git/info/exclude").write_text("build\nmake.py\n.edition*\n")
    monkeypatch.setattr(campaign, "call", lambda target: [sys.executable, "make.py", str(expected), target.split()[0]])
    monkeypatch.setattr(campaign, "variables", lambda place: os.environ | {"PYTHONPATH": str(campaign.ROOT)})
    monkeypatch.setattr(campaign, "JOB", 0.1)

    def found(target, aims, whole=True):
        (place / "make.py").write_text(MAKE.replace("WHOLE", str(whole)))
        return campaign.chained(place, target, aims, expected, random.Random(0))

    return found


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_chain_of_kills_comes_to_its_end(chain):
    """Every kill finds it a little further, the edition is the old one until it is the new one, and all is there at the end."""
    found = chain("edition EDITION=smoke", [1, 2, ".edition.partial/new", ".edition.partial/new"])
    assert found["killed"] == found["old edition"] + found["new edition"] >= 3
    for what in ("ended", "equal runs", "right edition", "equal tables and pages"):
        assert found[what] == 1
    assert (found["torn edition"], found["damaged a run"], found["failed after a kill"]) == (0, 0, 0)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_chain_of_kills_notices_what_is_torn(chain):
    """Where files are written in place."""
    name = f"results/{SPECS[-1].hash}.parquet"
    found = chain("edition EDITION=smoke", [f"build/smoke/{name}", f"data/{name}"], whole=False)
    assert (found["killed"], found["damaged a run"], found["torn edition"]) == (2, 2, 1)
    assert (found["equal runs"], found["right edition"]) == (0, 0)


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
    (path,) = tmp_path.glob("*.parquet")
    assert len(read_run(path).frame)


def test_a_disk_too_full_for_the_result_is_told(capsys, tmp_path):
    """In one sentence, with nothing half written; a run that is there stays whole."""
    long = ["train", *TINY, "--iterations", "400", "--evaluate-every", "1", "--out", tmp_path]
    with full(2**13):
        status, said = command(capsys, *long)
    assert (status, said) == (1, "gfn: File too large\n")
    assert not list(tmp_path.iterdir())
    assert command(capsys, *long) == (0, "")
    (path,) = tmp_path.glob("*.parquet")
    assert policy_path(path).exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gfn.study.results.source_fingerprint", lambda spec: "another")
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
