"""All claims judged together: the summary, the pages that show it, and the command that writes it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import gfn
from gfn import cli
from gfn.study import verdicts
from gfn.study.claims import Verdict
from gfn.study.evidence.registry import SOURCES, evidence_of
from gfn.study.experiments import FIGURES, figure_settings
from gfn.study.paper import load_claims
from gfn.study.verdicts import MARKERS, gather, page_of, summary, summary_for, title_of, write_summary
from tests.helpers import made_up

ROOT = Path(gfn.__file__).parents[1]
TESTS = pd.DataFrame({"criterion": ["a", "a", "b"], "passed": [True, False, True]})
FOUND = {
    "C1": Verdict("C1", "It works.", "holds in part", TESTS),
    "C2": Verdict("C2", "So.", "not judged", pd.DataFrame()),
}
FROM = {"C1": ["fig3", "exact"], "C2": ["table1"]}
EMPTY = f"# Page\n\nBefore.\n\n{MARKERS[0]}\n{MARKERS[1]}\n\nAfter, with \\1 and a | bar.\n"


@pytest.fixture
def untrained(monkeypatch):
    """Runs are made up, and what was asked for is noted."""
    asked = []
    monkeypatch.setattr(verdicts, "obtain", lambda settings, store: asked.append(settings) or made_up(settings))
    return asked


def test_the_summary_is_a_table_of_claims():
    """With outcomes, how many tests passed, and links to the pages that they rest on."""
    assert summary(FOUND, FROM).splitlines() == [
        "| | Claim | Verdict | Passed | Evidence |",
        "|---|---|---|---|---|",
        "| C1 | It works. | **holds in part** | 2 of 3 | [Figure 3](paper/fig3.ipynb), [Exact checks](theory/exact.ipynb) |",
        "| C2 | So. | **not judged** | none made | [Table 1](paper/table1.ipynb) |",
    ]
    assert "(../paper/fig3.ipynb)" in summary(FOUND, FROM, "../{page}.ipynb")


def test_every_figure_has_a_page_and_a_title():
    """The page is a notebook of the book."""
    for figure in FIGURES:
        assert (ROOT / "book" / f"{page_of(figure)}.ipynb").exists()
    assert [title_of(figure) for figure in ("fig1", "fig9", "table1", "exact")] == [
        "Figure 1",
        "Figure 9",
        "Table 1",
        "Exact checks",
    ]


@pytest.mark.parametrize("page", ["README.md", "book/intro.md"])
def test_links_of_the_summary_lead_to_pages_of_the_book(page):
    """From where the page is; the page has the markers, once, with nothing but a summary between them."""
    path = ROOT / page
    links = re.findall(r"\]\(([^)]+)\)", summary_for(path, FOUND, {"C1": list(SOURCES), "C2": []}))
    assert len(links) == len(SOURCES)
    assert all((path.parent / link).exists() for link in links)
    text = path.read_text(encoding="utf-8")
    assert [text.count(marker) for marker in MARKERS] == [1, 1]
    between = text.split(MARKERS[0])[1].split(MARKERS[1])[0].strip()
    assert not between or between.startswith("| | Claim |")


def test_all_claims_are_gathered_from_all_figures(untrained):
    """Each claim by the evidence of every figure that bears on it, in the order of the paper."""
    found, figures = gather("smoke")
    assert list(found) == list(figures) == list(load_claims())
    assert [settings.profile for settings in untrained] == ["smoke"] * len(SOURCES)
    assert sorted(figure for named in figures.values() for figure in named) == sorted([*SOURCES, "fig5", "exact"])
    assert figures["C7"] == ["fig1", "fig9"]
    assert {verdict.outcome for verdict in found.values()} == {"not judged"}
    for claim, verdict in found.items():
        expected = []
        for figure in figures[claim]:
            settings = figure_settings(figure, "smoke")
            expected += evidence_of(figure, settings, made_up(settings))[claim]
        assert verdict.tests.subject.tolist() == [item.subject for item in expected]


def test_larger_profiles_are_judged(untrained, monkeypatch):
    """Nothing is left without a verdict."""
    monkeypatch.setattr(verdicts, "figure_settings", lambda figure, profile, device: figure_settings(figure, "smoke"))
    found, figures = gather("edition")
    assert "not judged" not in {verdict.outcome for verdict in found.values()}
    assert "none made" not in summary(found, figures)


def test_the_summary_is_written_between_the_markers(tmp_path):
    """All else on the page stays; again, it is replaced; the same changes nothing."""
    page = tmp_path / "page.md"
    page.write_text(EMPTY, encoding="utf-8")
    first, second = summary(FOUND, FROM), summary(FOUND, FROM).replace("It works.", r"It \1 works, by α.")
    for text in (first, second, first):
        assert write_summary(text, page)
        assert page.read_text(encoding="utf-8") == EMPTY.replace(f"\n{MARKERS[1]}", f"\n{text}\n{MARKERS[1]}")
        before = page.stat().st_mtime_ns
        assert not write_summary(text, page)
        assert page.stat().st_mtime_ns == before


@pytest.mark.parametrize("missing", [*MARKERS, "both", "in order"])
def test_a_page_without_markers_is_refused(missing, tmp_path):
    """And left as it is."""
    page, text = tmp_path / "page.md", EMPTY
    for marker in MARKERS if missing in ("both", "in order") else [missing]:
        text = text.replace(marker, "")
    if missing == "in order":
        text += f"{MARKERS[1]}\n{MARKERS[0]}\n"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"page\.md has no place for the verdicts"):
        write_summary("| table |", page)
    assert page.read_text(encoding="utf-8") == text


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(list(map(str, arguments)))
    return (left.value.code, *capsys.readouterr())


def test_the_command_shows_and_writes_the_summary(untrained, tmp_path, capsys):
    """Into each page that is named, and says whether it changed."""
    status, out, err = command(capsys, "verdicts", "--profile", "smoke")
    assert (status, err) == (0, "")
    assert out.startswith("| | Claim |")
    assert all(f"\n| {claim} |" in out for claim in load_claims())
    readme, intro = tmp_path / "README.md", tmp_path / "intro.md"
    for page in (readme, intro):
        page.write_text(EMPTY, encoding="utf-8")
    pages = ("--write", readme, "--write", intro)
    status, out, err = command(capsys, "verdicts", "--profile", "smoke", *pages)
    assert (status, out, err) == (0, f"{readme}: changed\n{intro}: changed\n", "")
    assert "(book/paper/fig3.ipynb)" in readme.read_text(encoding="utf-8")
    assert "(paper/fig3.ipynb)" in intro.read_text(encoding="utf-8")
    assert (
        command(capsys, "verdicts", "--profile", "smoke", *pages)[1] == f"{readme}: up to date\n{intro}: up to date\n"
    )


def test_the_command_refuses_a_page_without_markers(untrained, tmp_path, capsys):
    """In one sentence."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n", encoding="utf-8")
    status, out, err = command(capsys, "verdicts", "--profile", "smoke", "--write", page)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "has no place for the verdicts" in err
