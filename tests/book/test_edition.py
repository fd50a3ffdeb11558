"""The published edition: stored runs are those that the code makes now, and pages say what they say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

import gfn
from gfn.runs.provenance import source_fingerprint
from gfn.study.experiments import every_run, runs
from gfn.study.paper import load_criteria
from gfn.study.results import read_run
from gfn.study.verdicts import MARKERS, gather, texts_for

ROOT = Path(gfn.__file__).parents[1]
STORE = ROOT / "data" / "results"
STORED = sorted(STORE.glob("*.parquet"))
# The edition is of the paper's scale, with its seeds or with more.
EXPECTED = {profile: every_run(profile) for profile in ("paper", "edition")}
PROFILE = max(EXPECTED, key=lambda profile: sum(path.stem in EXPECTED[profile] for path in STORED))
PAGES = ("README.md", "book/intro.md")

published = pytest.mark.skipif(not STORED, reason="no results are stored in data/results")


@published
@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_every_stored_run_is_of_the_edition_and_of_this_code(path):
    """Named by the hash of its specification, which an experiment still asks for; whole, finite, and made by this source."""
    run = read_run(path)
    assert run.spec.hash == path.stem
    assert EXPECTED[PROFILE].get(path.stem) == run.spec
    assert run.provenance["source"] == source_fingerprint()
    assert set(run.frame.seed) == set(run.spec.seeds)
    assert (run.frame.value.notna() ^ run.frame.density.notna()).all()


@published
@pytest.mark.parametrize(("of", "page"), [("paper", "verdicts"), ("beyond", "answers")])
def test_every_run_is_later_than_the_criteria(of, page):
    """Those that it is judged by: they had to be frozen before any of it was made. Until it is remade, this fails."""
    frozen = datetime.fromisoformat(load_criteria(of)["frozen"])
    judged = [path for path in STORED if path.stem in runs(page, PROFILE)]
    assert judged
    written = {path.stem: datetime.fromisoformat(read_run(path).provenance["written"]) for path in judged}
    assert [name for name, when in written.items() if when <= frozen] == []


@published
def test_every_run_of_the_edition_is_stored():
    """So that the book builds without training; and nothing else lies there."""
    assert {path.stem for path in STORED} == EXPECTED[PROFILE].keys()
    assert sorted(STORE.iterdir()) == STORED


def between_markers():
    pages = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
    places = [(page, name, *lines) for page in PAGES for name, lines in MARKERS.items()]
    return {(page, name): pages[page].split(first)[1].split(last)[0].strip() for page, name, first, last in places}


@published
def test_pages_show_the_findings_and_the_verdicts_of_the_stored_runs(monkeypatch):
    """Word for word what comes out of them now; nothing is trained for it."""
    monkeypatch.setenv("GFN_RESULTS", str(STORE))
    monkeypatch.setattr("gfn.study.results.execute", None)
    found = gather(PROFILE)
    texts = {page: texts_for(ROOT / page, *found, PROFILE) for page in PAGES}
    assert between_markers() == {(page, name): text for page in PAGES for name, text in texts[page].items()}


def test_nothing_is_shown_without_runs():
    assert STORED or not any(between_markers().values())
