"""What users make is kept apart from what is published: that is read first, and nothing but ``make edition`` writes it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gfn
from gfn import cli
from gfn.environments import Sets
from gfn.policies import PolicySettings
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer, TrainingError
from gfn.study import results, verdicts
from gfn.study.experiments import runs
from gfn.study.results import default_store, load_or_train, published_store, read_run, write_run
from tests.study.test_results import spoil as spoil_training

ROOT = Path(gfn.__file__).parents[1]
SPEC = TrainingSpec(task=Sets(universe=4, size=2), policy=PolicySettings(hidden=(4,)), iterations=3, batch_size=4)
OTHER = SPEC.model_copy(update={"learning_rate": 0.002})
NAME = f"{SPEC.hash}.parquet"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout around the working folder, with nothing published yet."""
    for variable in ("GFN_RESULTS", "GFN_DATA_OUT"):
        monkeypatch.delenv(variable, raising=False)
    for folder in ("data/paper", "data/results", "book/paper"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copytree(ROOT / "data" / "paper", tmp_path / "data" / "paper", dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def published(checkout, spec=SPEC):
    path = checkout / "data" / "results" / f"{spec.hash}.parquet"
    write_run(path, spec, Trainer(spec).run())
    return path


def forbid_training(monkeypatch):
    monkeypatch.setattr(results, "execute", None)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_new_runs_go_to_the_build_folder_and_are_read_from_there(checkout, monkeypatch):
    """Also from a folder within the checkout, as Jupyter starts notebooks."""
    monkeypatch.chdir(checkout / "book" / "paper")
    made = load_or_train(SPEC)
    assert [path.name for path in (checkout / "build/results").iterdir()] == [NAME]
    forbid_training(monkeypatch)
    monkeypatch.chdir(checkout)
    assert load_or_train(SPEC).provenance == made.provenance
    assert files(checkout / "data/results") == {}
    assert files(checkout / "book") == {}


def test_published_runs_are_read_first(checkout, monkeypatch, capsys):
    """Where there are both, and where nothing can be written."""
    path = published(checkout)
    write_run(checkout / "build/results" / NAME, SPEC, [])
    forbid_training(monkeypatch)
    assert len(load_or_train(SPEC).frame) == len(read_run(path).frame) > 0
    (checkout / "build/results" / NAME).unlink()
    load_or_train(SPEC)
    assert files(checkout / "build") == {}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", ["truncated", "empty", "foreign", "failed", "another"])
def test_a_published_file_that_is_no_result_stays_as_it_is(kind, checkout, monkeypatch, capsys):
    """It is reported each time; the run is made once, and stored with the new ones."""
    path, own = checkout / "data/results" / NAME, checkout / "build/results" / NAME
    if kind == "another":
        write_run(path, OTHER, Trainer(OTHER).run())
    else:
        spoil_training(path, kind)
    before = path.read_bytes()
    for _ in range(2):
        assert load_or_train(SPEC).spec == SPEC
        report = capsys.readouterr().err
        assert report.startswith(f"{path} ")
        assert report.endswith(f"; it stays as it is, and {own} takes its place\n")
        assert report.count("\n") == 1
        forbid_training(monkeypatch)
    assert files(checkout / "data/results") == {NAME: before}
    assert [path.name for path in own.parent.iterdir()] == [NAME]


def test_a_published_run_of_other_code_stays_as_it_is(checkout, monkeypatch, capsys):
    """Where runs of the present code are asked for; else it is read."""
    with monkeypatch.context() as patch:
        patch.setattr("gfn.runs.provenance.source_fingerprint", lambda spec: "another")
        path = published(checkout)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        forbid_training(patch)
        load_or_train(SPEC)
        assert capsys.readouterr().err == ""
    run = load_or_train(SPEC, current=True)
    assert run.provenance["source"] == results.source_fingerprint(SPEC) != read_run(path).provenance["source"]
    assert "was made by other code; it stays as it is" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize("error", [TrainingError("no number", []), KeyboardInterrupt()], ids=repr)
def test_what_ends_early_leaves_its_files_with_the_new_ones(error, checkout, monkeypatch):
    """Failed runs and checkpoints."""
    evaluate = Trainer.evaluate

    def ending(trainer):
        evaluate(trainer)
        if trainer.iteration:
            raise error

    monkeypatch.setattr(Trainer, "evaluate", ending)
    with pytest.raises(type(error)):
        load_or_train(SPEC)
    assert len(files(checkout / "build/results")) == 1
    assert files(checkout / "data/results") == {}


def test_a_store_that_is_named_is_the_only_one(checkout, tmp_path, monkeypatch):
    """By the environment or by the caller: read and written. An empty name is none."""
    path = published(checkout)
    monkeypatch.setenv("GFN_RESULTS", str(checkout / "named"))
    assert default_store() == published_store() == checkout / "named"
    load_or_train(SPEC)
    monkeypatch.delenv("GFN_RESULTS")
    load_or_train(SPEC, checkout / "given")
    for name in ("named", "given"):
        assert [path.name for path in (checkout / name).iterdir()] == [NAME]
        assert (checkout / name / NAME).read_bytes() != path.read_bytes()
    monkeypatch.setenv("GFN_RESULTS", "")
    assert (published_store(), default_store()) == (checkout / "data/results", checkout / "build/results")


def test_without_a_checkout_runs_stay_in_the_working_folder(tmp_path, monkeypatch):
    def none():
        raise FileNotFoundError

    monkeypatch.delenv("GFN_RESULTS", raising=False)
    monkeypatch.setattr("gfn.study.paper.paper_data", none)
    monkeypatch.chdir(tmp_path)
    load_or_train(SPEC)
    assert list(files(tmp_path)) == [f"build/results/{NAME}"]


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(list(map(str, arguments)))
    return (left.value.code, *capsys.readouterr())


def test_verify_draws_from_published_runs_alone(checkout, capsys):
    load_or_train(OTHER)
    status, out, err = command(capsys, "verify")
    assert (status, out, err) == (
        2,
        "",
        f"gfn: {checkout / 'data/results'} holds no results: name a folder that does, or run inside a checkout of this project\n",
    )
    published(checkout)
    status, out, err = command(capsys, "verify")
    assert (status, err) == (0, "")
    assert SPEC.hash in out
    assert OTHER.hash not in out
    assert out.endswith("1 of 1 runs agree\n")


def test_verdicts_leave_the_published_runs_alone(checkout, capsys, monkeypatch):
    """One is published, of one figure; the others are made."""
    monkeypatch.setattr(verdicts, "SOURCES", {"fig1": verdicts.SOURCES["fig1"]})
    first, *others = runs("fig1", "smoke").values()
    path = published(checkout, first)
    before = path.read_bytes()
    status, out, err = command(capsys, "verdicts", "--profile", "smoke")
    assert (status, err) == (0, "")
    assert "[Figure 1]" in out
    assert files(checkout / "data/results") == {path.name: before}
    assert {path.stem for path in (checkout / "build/results").iterdir()} == {spec.hash for spec in others}


LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".snakemake", "build", "__pycache__", ".*_cache", ".hypothesis", ".edition*", "*.egg-info"
)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_notebook_of_the_readme_leaves_the_checkout_as_it_is(tmp_path):
    """Its own command, in a copy: git sees no change, and what was made is in the build folder."""
    (line,) = re.findall(r"^papermill .+$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    assert line in (ROOT / "book" / "guide" / "install.md").read_text(encoding="utf-8")
    copy = shutil.copytree(ROOT, tmp_path / "checkout", ignore=LEFT_OUT)

    def git(*arguments):
        call = [
            "git",
            "-c",
            "user.name=test",
            "-c",
            "user.email=test@localhost",
            "-c",
            "core.compression=0",
            *arguments,
        ]
        return subprocess.run(call, cwd=copy, check=True, capture_output=True, text=True).stdout

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--no-gpg-sign", "--message", "all")
    published_before = files(copy / "data")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GFN_")}
    subprocess.run(
        [sys.executable, "-m", *shlex.split(line)],
        cwd=copy,
        env=environment | {"PYTHONPATH": str(copy)},
        check=True,
        capture_output=True,
    )
    assert git("status", "--porcelain") == ""
    assert files(copy / "data") == published_before
    made = {f"results/{key}.parquet" for key in runs("fig1", "smoke")}
    assert files(copy / "build").keys() == {*made, "data/fig1.csv"}
