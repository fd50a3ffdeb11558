"""The edition is published whole or not at all: what was built is checked first, and nothing is deleted before."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

import gfn
from gfn.environments import Sets
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.study import crate, edition, verdicts
from gfn.study.claims import Evidence, judge
from gfn.study.edition import publish
from gfn.study.results import ResultError, load_or_train, read_run, write_run
from gfn.study.swap import ASIDE, PARTIAL
from gfn.study.verdicts import MARKERS, texts_for

ROOT = Path(gfn.__file__).parents[1]
POLICY = PolicySettings(hidden=(4,))
SPECS = [
    TrainingSpec(
        task=Sets(universe=4, size=2), objective=Objective(name=name), policy=POLICY, iterations=2, batch_size=4
    )
    for name in ("tb", "reverse_kl")
]
RUNS = {spec.hash: spec for spec in SPECS}
FIRST = f"results/{SPECS[0].hash}.parquet"
PAGE = "\n\n".join(["# Page", *("\nold\n".join(lines) for lines in MARKERS.values()), "End.\n"])
CLAIM = {"claim": "It works.", "where": "here", "tests": {"works": {"statement": "It works", "at_least": 1}}}
MEASURED = [Evidence("works", "a task", (2.0,) * 10, seeds=tuple(range(10)))]
FOUND = {"C1": judge("C1", MEASURED, "edition", {"C1": CLAIM})}
KEPT = (
    "Snakefile",
    "CITATION.cff",
    "data/paper/claims.yaml",
    "data/beyond/questions.yaml",
)  # what describes an edition
PICTURE = b"\x89PNG\r\n\x1a\n..."


def notebook(*counts, output="stream"):
    cells = [{"cell_type": "markdown", "source": "# Title"}]
    cells += [{"cell_type": "code", "execution_count": n, "outputs": [{"output_type": output}]} for n in counts]
    return json.dumps({"cells": cells, "nbformat": 4})


def fill(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def contents(root):
    files = {path.relative_to(root): path for path in root.rglob("*") if path.is_file()}
    return {n.as_posix(): p.read_bytes() for n, p in files.items() if n.parts[0] not in (PARTIAL, "build")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Both runs, by their names."""
    store = tmp_path_factory.mktemp("made")
    for spec in SPECS:
        load_or_train(spec, store)
    return {path.name: path.read_bytes() for path in store.iterdir()}


@pytest.fixture
def root(tmp_path, monkeypatch, made):
    """A small checkout with an older edition, and what was built beside it: two runs, two figures with data, one without."""
    monkeypatch.setattr(edition, "every_run", lambda profile: RUNS)
    monkeypatch.setattr(edition, "FIGURES", ("fig1", "exact", "tasks"))
    monkeypatch.setattr(edition, "TABLES", ["fig1", "exact"])
    monkeypatch.setattr(edition, "gather", lambda profile, store: (FOUND, {"C1": ["fig1"]}))
    monkeypatch.setattr(verdicts, "findings", lambda found, profile, store: "1. **Found.**")
    older = {"README.md": PAGE, "book/intro.md": PAGE, "data/results/older.parquet": "older", "data/results/stray": "?"}
    older |= {"book/paper/fig1.ipynb": notebook(7), "book/paper/fig1.csv": "value\n7\n", "gfn/code.py": "pass\n"}
    older |= {name: (ROOT / name).read_bytes() for name in KEPT}
    built = {f"notebooks/{name}.ipynb": notebook(1, 2) for name in ("fig1", "exact", "tasks")}
    built |= {f"notebooks/{name}.csv": "value\n1\n" for name in ("fig1", "exact")}
    fill(tmp_path, older)
    fill(tmp_path / "build", built | {"results.png": PICTURE, "results.html": "<div></div>"})
    fill(tmp_path / "build" / "results", made | {"of_another_figure.parquet": "not asked for"})
    return tmp_path


def test_all_that_was_built_is_published(root, monkeypatch):
    """Runs, notebooks, tables, the picture; verdicts and findings by the very runs that come; what is not of the edition
    stays.
    """
    judged = []

    def gather(profile, store):
        judged.append((profile, {path.stem: read_run(path).spec for path in store.iterdir()}))
        return FOUND, {"C1": ["fig1"]}

    def findings(found, profile, store):
        return f"1. **{found['C1'].outcome} by {len(list(store.iterdir()))} runs of {profile}**"

    monkeypatch.setattr(edition, "gather", gather)
    monkeypatch.setattr(verdicts, "findings", findings)
    before = contents(root)
    changed = publish(root, "edition", root / "build")
    assert judged == [("edition", RUNS)]
    after = contents(root)
    results = {
        f"data/{path.relative_to(root / 'build')}" for path in (root / "build/results").glob("????????????????.*")
    }
    assert {name for name in after if name.startswith("data/")} - {*KEPT, crate.FILE} == results
    named = {entity["@id"] for entity in json.loads(after[crate.FILE])["@graph"]}
    assert {f"results/{key}.parquet" for key in RUNS} | {"../book/paper/fig1.ipynb", "../Snakefile", "#C1"} <= named
    assert all(after[name] == (root / "build" / name.removeprefix("data/")).read_bytes() for name in results)
    for name, page in {"fig1": "paper/fig1", "exact": "theory/exact", "tasks": "theory/tasks"}.items():
        assert after[f"book/{page}.ipynb"] == notebook(1, 2).encode()
        assert (f"book/{page}.csv" in after) == (name != "tasks")
    assert after["book/_static/results.png"] == PICTURE
    assert after["book/_static/results.html"] == b"<div></div>"
    for page, link in {"README.md": "book/paper/fig1.ipynb", "book/intro.md": "paper/fig1.ipynb"}.items():
        summed_up = texts_for(Path(page), FOUND, {"C1": ["fig1"]}, "edition", root / "build/results")["verdicts"]
        assert summed_up in after[page].decode()
        assert "**supported**" in summed_up and f"[Figure 1]({link})" in summed_up
    for page in edition.PAGES:
        assert f"{MARKERS['findings'][0]}\n1. **supported by 2 runs of edition**\n" in after[page].decode()
        assert ": 2 runs, made on " in after[page].decode()
        assert "old" not in after[page].decode()
    assert after["gfn/code.py"] == before["gfn/code.py"]
    assert set(changed) == {name for name in before | after if before.get(name) != after.get(name)}
    assert publish(root, "edition", root / "build") == []


def test_runs_are_judged_where_they_are_laid_out(root, monkeypatch):
    """By the real judgement of one figure: what is asked for is read there, and nothing is made."""
    from gfn.study.experiments import runs

    planned = runs("fig1", "smoke")
    monkeypatch.undo()
    for spec in planned.values():
        load_or_train(spec, root / "build" / "results")
    monkeypatch.setattr(edition, "every_run", lambda profile: planned)
    monkeypatch.setattr(edition, "FIGURES", ("fig1",))
    monkeypatch.setattr(edition, "TABLES", ["fig1"])
    monkeypatch.setattr(verdicts, "SOURCES", {"fig1": verdicts.SOURCES["fig1"]})
    monkeypatch.setattr(verdicts, "findings", lambda found, profile, store: "1. **Found.**")
    monkeypatch.setattr("gfn.study.results.execute", None)
    publish(root, "smoke", root / "build")
    assert {path.stem for path in (root / "data/results").iterdir()} == planned.keys()
    assert "[Figure 1](book/paper/fig1.ipynb)" in (root / "README.md").read_text()


FAULTS = {
    "a run is missing": (FIRST, None, "does not exist"),
    "a run is cut off": (FIRST, b"PAR1", "is truncated or not a Parquet file"),
    "a run is another": (FIRST, "another", "holds another run than its name says"),
    "a run failed": (FIRST, "failed", "is the part of a run that failed"),
    "a notebook is missing": ("notebooks/exact.ipynb", None, "exact.ipynb"),
    "a notebook is cut off": ("notebooks/exact.ipynb", notebook(1)[:-9], "exact.ipynb is not a notebook"),
    "a notebook is none": ("notebooks/exact.ipynb", "[]", "exact.ipynb is not a notebook"),
    "a notebook is no text": ("notebooks/exact.ipynb", b"\xff", "exact.ipynb is not a notebook"),
    "a notebook is not executed": ("notebooks/tasks.ipynb", notebook(1, None), "was not executed to its end"),
    "a notebook is without code": ("notebooks/tasks.ipynb", notebook(), "was not executed to its end"),
    "a notebook failed": ("notebooks/tasks.ipynb", notebook(1, output="error"), "was not executed to its end"),
    "a table is missing": ("notebooks/fig1.csv", None, "fig1.csv"),
    "a table is empty": ("notebooks/fig1.csv", "", "fig1.csv is not a table with data"),
    "a table has no rows": ("notebooks/fig1.csv", "value\n", "fig1.csv is not a table with data"),
    "the picture is missing": ("results.png", None, "results.png"),
    "the picture is none": ("results.png", "", "results.png is no picture"),
    "the page's picture is missing": ("results.html", None, "results.html"),
    "the page's picture is none": ("results.html", "", "results.html is no picture"),
    "a page has no markers": ("../README.md", "# Page\n", "has no place for the findings"),
    "a page has half of them": ("../README.md", PAGE.replace(MARKERS["verdicts"][1], ""), "no place for the verdicts"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_not_whole_is_not_published(kind, root, monkeypatch, capsys):
    """One sentence that names the file, status 1; the edition before it stays to the byte."""
    name, content, sentence = FAULTS[kind]
    path = root / "build" / name
    path.unlink()
    if content == "another":
        shutil.copy(path.with_name(f"{SPECS[1].hash}.parquet"), path)
    elif content == "failed":
        write_run(path, SPECS[0], [], status="failed")
    elif content is not None:
        fill(root / "build", {name: content})
    before = contents(root)
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["edition", "edition", "build"])
    with pytest.raises(SystemExit) as left:
        edition.main()
    assert left.value.code.startswith("gfn: ")
    assert sentence in left.value.code
    assert left.value.code.endswith("; nothing was published")
    assert "\n" not in left.value.code
    assert contents(root) == before
    assert not (root / ASIDE).exists()


def test_runs_of_other_code_are_not_published(root, monkeypatch):
    monkeypatch.setattr("gfn.study.results.source_fingerprint", lambda spec: "another")
    before = contents(root)
    with pytest.raises(ResultError, match="was made by other code"):
        publish(root, "edition", root / "build")
    assert contents(root) == before


def test_an_end_while_all_is_laid_out_changes_nothing(root, monkeypatch):
    """At every copy; the next one starts anew and publishes."""
    before, original = contents(root), shutil.copyfile
    for step in count():
        copies = count()

        def ending(source, target, copies=copies, step=step, **options):
            if next(copies) == step:
                raise KeyboardInterrupt
            return original(source, target, **options)

        monkeypatch.setattr(shutil, "copyfile", ending)
        try:
            publish(root, "edition", root / "build")
            break
        except KeyboardInterrupt:
            assert contents(root) == before
    assert step > 10
    assert not (root / "data/results/older.parquet").exists()


def test_an_edition_that_is_half_there_is_said_to_be(root, monkeypatch):
    """Where even going back fails, the sentence says what helps, and it does."""
    before, original, moves = contents(root), Path.replace, count()

    def failing(path, target):
        if ASIDE in path.parts and next(moves) > 2:
            raise OSError("disk gone")
        return original(path, target)

    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["edition", "edition", "build"])
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(Path, "replace", failing)
        edition.main()
    assert left.value.code == "gfn: disk gone; the same command puts the published edition back"
    (root / "build/results.png").write_bytes(b"")
    with pytest.raises(SystemExit, match="nothing was published"):
        edition.main()
    assert contents(root) == before


STUB = """#!/bin/sh
echo "{name} $*" >> {log}
{action}
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("status", [1, 0])
def test_make_changes_nothing_that_is_published_before_all_is_made(status, tmp_path):
    """Where the graph fails, nothing else is started; where nothing was built, nothing is published."""
    root, log = tmp_path / "a checkout", tmp_path / "log"
    fill(root, {"data/results/older.parquet": "older", "README.md": PAGE, "book/intro.md": PAGE, "pyproject.toml": ""})
    fill(root, {"constraints.txt": "", "Makefile": (ROOT / "Makefile").read_bytes(), "data/paper/claims.yaml": "{}"})
    stubs = {"snakemake": f"exit {status}", "python": f'exec "{sys.executable}" "$@"'}
    for name, action in stubs.items():
        fill(root, {f".venv/bin/{name}": STUB.format(name=name, log=log, action=action)})
        (root / ".venv/bin" / name).chmod(0o755)
    fill(
        root,
        {
            ".gfn.lock": '{"command": "", "processes": [], "tokens": []}',
            ".venv/.ready": "",
            "requirements.txt": "",
            "scripts/alone.py": (ROOT / "scripts/alone.py").read_bytes(),
        },
    )
    later = time.time() + 60
    os.utime(root / ".venv/.ready", (later, later))
    before = contents(root)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "GFN_"))}
    made = subprocess.run(
        ["make", "edition", "EDITION=smoke"],
        cwd=root,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 2
    called = [line.split(" --")[0] for line in log.read_text().splitlines()]
    last = [] if status else ["python -m gfn.study.edition smoke build/smoke"]
    assert called == ["python -m gfn.study.swap", "python scripts/alone.py snakemake", "snakemake", *last]
    assert ("does not exist; nothing was published" in made.stderr) == (not status)
    assert contents(root) == before
