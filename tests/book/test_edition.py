"""The published edition: stored runs are those that the code makes now, and pages say what they say."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import gfn
from gfn.runs.provenance import source_fingerprint
from gfn.study import crate
from gfn.study.edition import TABLES
from gfn.study.evidence.tables import final, late
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

read = cache(read_run)  # once, whatever is asked of it

published = pytest.mark.skipif(not STORED, reason="no results are stored in data/results")


@published
@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_every_stored_run_is_of_the_edition_and_of_this_code(path):
    """Named by the hash of its specification, which an experiment still asks for; whole, finite, and made by this source."""
    run = read(path)
    assert run.spec.hash == path.stem
    assert EXPECTED[PROFILE].get(path.stem) == run.spec
    assert run.provenance["source"] == source_fingerprint(run.spec)
    assert set(run.frame.seed) == set(run.spec.seeds)
    assert (run.frame.value.notna() ^ run.frame.density.notna()).all()


@published
@pytest.mark.parametrize(("of", "page"), [("paper", "verdicts"), ("beyond", "answers")])
def test_every_run_is_later_than_the_criteria(of, page):
    """Those that it is judged by: they had to be frozen before any of it was made. Until it is remade, this fails."""
    frozen = datetime.fromisoformat(load_criteria(of)["frozen"])
    asked = runs(page, PROFILE)
    written = {p.stem: datetime.fromisoformat(read(p).provenance["written"]) for p in STORED if p.stem in asked}
    assert written
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


@cache
def judged():
    """All verdicts by the stored runs; nothing is trained for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gfn.study.results.execute", None)
        return gather(PROFILE, store=STORE)


@published
def test_pages_show_the_findings_and_the_verdicts_of_the_stored_runs(monkeypatch):
    """Word for word what comes out of them now."""
    monkeypatch.setenv("GFN_RESULTS", str(STORE))
    found = judged()
    texts = {page: texts_for(ROOT / page, *found, PROFILE) for page in PAGES}
    assert between_markers() == {(page, name): text for page in PAGES for name, text in texts[page].items()}


@published
def test_the_edition_is_described_as_it_is(tmp_path):
    """The crate names the stored runs, the tables and the verdicts that there are now."""
    for name in ("data/results", "book"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    assert crate.write(ROOT, tmp_path, PROFILE, *judged()).read_text() == (ROOT / crate.FILE).read_text()


@published
def test_every_row_of_a_table_names_stored_runs():
    """In a column ``run`` one, in ``runs`` all that it is from; and together those that the page has."""
    tables = {path.stem: pd.read_csv(path, low_memory=False) for path in sorted((ROOT / "book").rglob("*.csv"))}
    assert tables.keys() == set(TABLES)
    with_runs = {figure: table for figure, table in tables.items() if runs(figure, PROFILE)}
    assert tables.keys() - with_runs.keys() == {"atlas"}  # computed on its page
    for figure, table in with_runs.items():
        column = table["runs" if "runs" in table else "run"]
        assert column.notna().all(), figure
        named = {name for text in column.unique() for name in text.split()}
        assert named <= runs(figure, PROFILE).keys(), figure


@published
def test_tables_hold_the_numbers_of_the_runs_that_they_name():
    """Table 1's errors, and the divergences of Figure 1, from the files with these names."""
    table = pd.read_csv(ROOT / "book/paper/table1.csv")
    for row in table.iloc[:: max(1, len(table) // 12)].itertuples():
        error = late(read(STORE / f"{row.run}.parquet"), row.metric)
        assert (row.mean, row.median) == pytest.approx((error.mean(), error.median()), rel=1e-5)
    for name, part in list(pd.read_csv(ROOT / "book/paper/fig1.csv").groupby("run"))[::6]:
        jsd = final(read(STORE / f"{name}.parquet"), "jsd")
        assert part.jsd.to_numpy() == pytest.approx(jsd[part.seed].to_numpy(), rel=1e-5)


def test_findings_and_verdicts_are_shown_where_there_are_runs_and_nowhere_else():
    assert {bool(text) for text in between_markers().values()} == {bool(STORED)}
