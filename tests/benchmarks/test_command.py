"""The command: what it says, writes and refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from benchmarks import __main__, settings
from benchmarks.page import page, write
from benchmarks.suite import PARTS
from tests.benchmarks.results import a_spread, made_up


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
    (image,) = re.findall(r"^:file: (.*)", (tmp_path / "guide" / "speed.md").read_text(encoding="utf-8"), re.M)
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
