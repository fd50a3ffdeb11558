"""All claims judged together: the summary, the pages that show it below the findings, and the command that writes both."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gfn
from gfn import cli
from gfn.study import verdicts
from gfn.study.claims import Evidence, difference, judge, over_seeds, ratio
from gfn.study.colophon import colophon
from gfn.study.evidence.registry import SOURCES, evidence_of
from gfn.study.experiments import FIGURES, figure_settings
from gfn.study.intervals import of_estimate, of_median
from gfn.study.paper import load_claims
from gfn.study.plotting import budget_panels
from gfn.study.presentation.verdicts import address
from gfn.study.verdicts import (
    MARKERS,
    TABLE,
    at_budgets,
    changes,
    gather,
    page_of,
    pages_of,
    summary,
    summary_for,
    texts_for,
    title_of,
    verdict_table,
    write_between,
)
from tests.helpers import made_up

ROOT = Path(gfn.__file__).parents[1]
TESTS = {"more": {"statement": "more", "at_least": 2}, "less": {"statement": "less", "at_most": 1, "budget": 512}}
CLAIMS = {
    "C1": {"claim": "It works.", "changed": "All of it.", "tests": TESTS},
    "C2": {"claim": "So.", "changed": "Nothing.", "tests": {}},
}


def ten(test, value, budget="whole", variate="both"):
    return over_seeds(test, f"{test} at {budget}", pd.Series(10 * [float(value)]), budget=budget, variate=variate)


EVIDENCE = [ten("more", 3), ten("less", 2, 512), ten("less", 0.5, 128)]
JOINT = [ten("more", 3, variate="joint"), ten("less", 0.5, 512, "joint"), ten("less", 0.5, 128, "joint")]
FOUND = {
    "C1": judge("C1", EVIDENCE, claims=CLAIMS, variations={"joint": JOINT}),
    "C2": judge("C2", [], claims=CLAIMS),
}
FROM = {"C1": ["fig3", "exact"], "C2": ["table1"]}
PLACES = {name: "\n".join(lines) for name, lines in MARKERS.items()}
EMPTY = f"# Page\n\n{PLACES['findings']}\n\nBetween.\n\n{PLACES['verdicts']}\n\n{PLACES['edition']}\n\nAfter, with \\1 and a | bar.\n"


@pytest.fixture
def untrained(monkeypatch):
    """Runs are made up, and what was asked for is noted."""
    asked = []
    for module in ("verdicts", "findings"):
        monkeypatch.setattr(
            f"gfn.study.{module}.obtain", lambda settings, store: asked.append(settings) or made_up(settings)
        )
    return asked


def test_the_summary_is_a_table_of_claims():
    """With outcomes, counts, what joint comes to, and links to the verdict and to the pages that it rests on."""
    assert summary(FOUND, FROM).splitlines() == [
        "| | Claim | Verdict | ✓ | ✗ | ? | With `joint` | Evidence |",
        "|---|---|---|--:|--:|--:|---|---|",
        "| [C1](paper/verdicts.ipynb#c1) | It works. | **partly supported** | 1 | 1 | 0 | supported (2 / 0 / 0) "
        "| [Figure 3](paper/fig3.ipynb), [Exact checks](theory/exact.ipynb) |",
        "| [C2](paper/verdicts.ipynb#c2) | So. | **not judged** | — | — | — | — | [Table 1](paper/table1.ipynb) |",
        "",
        "Not judged: C2. These runs have no measurement that its criteria ask for.",
    ]
    assert "(../paper/fig3.ipynb)" in summary(FOUND, FROM, "../{page}.ipynb")
    why = {claim: replace(verdict, outcome="not judged", note="Too small.") for claim, verdict in FOUND.items()}
    assert summary(why, FROM).splitlines()[-2:] == ["", "Not judged: C1, C2. Too small."]
    assert pages_of(FROM)["C1"] == [("Figure 3", "../paper/fig3.html"), ("Exact checks", "../theory/exact.html")]


def test_joint_in_place_of_the_linearised_baseline_is_another_question():
    """C11 is about a baseline that joint has not: what is measured is told, and no verdict on the claim."""
    claims = {"C11": CLAIMS["C1"]}
    other = judge("C11", EVIDENCE, claims=claims, variations={"joint": JOINT})
    row = summary({"C11": other}, {"C11": []}).splitlines()[2]
    assert "joint against the optimal baseline: 2 of 2 within the bounds" in row
    assert "supported (2" not in row
    small = judge("C11", EVIDENCE, "smoke", claims=claims, variations={"joint": JOINT})
    assert "joint against the optimal baseline: not judged" in summary({"C11": small}, {"C11": []})


def test_a_page_of_the_book_has_badges_and_the_table_folded():
    """Each claim leads to its verdict in both."""
    line, _, begin, *table, end = summary_for(ROOT / "book" / "intro.md", FOUND, FROM).splitlines()
    assert re.findall(r'href="([^"]+)"', line) == ["paper/verdicts.html#c1", "paper/verdicts.html#c2"]
    assert begin == ":::{dropdown} All 2 claims, with their evidence"
    assert end == ":::"
    assert table[2].startswith("| {ref}`C1 <c1>` | It works. |")
    assert (
        summary_for(ROOT / "README.md", FOUND, FROM)
        .splitlines()[2]
        .startswith("| [C1](book/paper/verdicts.ipynb#c1) |")
    )


@pytest.mark.parametrize(("page", "named"), [("verdicts", load_claims()), ("answers", load_claims("beyond"))])
def test_badges_lead_to_places_that_exist(page, named):
    """Each claim's in the page of verdicts, and each question's in that of answers."""
    text = (ROOT / "book" / f"{page_of(page)}.ipynb").read_text(encoding="utf-8")
    for name in named:
        assert address(name) == f"../{page_of(page)}.html#{name.lower()}"
        level = "##" if page == "verdicts" else "###"
        assert f'({name.lower()})=\\n",\n    "{level} {name}: ' in text


def test_changes_stand_beside_both_versions(monkeypatch):
    monkeypatch.setattr(verdicts, "load_claims", lambda: CLAIMS)
    *_, first, second = changes(FOUND).splitlines()
    assert first == "| C1 | holds, 18 of 29 | partly supported (1 / 1 / 0) | All of it. |"
    assert second == "| C2 | holds in part, 29 of 36 | not judged | Nothing. |"


def test_verdicts_at_budgets():
    """Of claims that were measured at several: what is judged elsewhere does not count."""
    table = at_budgets(FOUND).set_index("budget")
    assert table.claim.tolist() == 3 * ["C1"]
    assert table.outcome.to_dict() == {"whole": "supported", "512": "contradicted", "128": "supported"}
    assert table.loc["512", ["supported", "contradicted", "inconclusive"]].tolist() == [0, 1, 0]
    assert at_budgets({"C2": FOUND["C2"]}).empty


def test_every_number_is_in_the_table():
    """A row a measurement, a column a seed; of a variation what differs, and never as judged."""
    table = verdict_table(FOUND)
    seeds = [f"{name} {seed}" for name in ("seed",) for seed in range(10)]
    assert table.columns.tolist() == [*TABLE, *seeds]
    assert table.set_index(["budget", "variate"]).judged.to_dict() == {
        ("whole", "both"): True,
        (512, "both"): True,
        (128, "both"): False,
        (512, "joint"): False,
    }
    assert set(table.version) == {2}
    assert table["seed 0"].tolist() == table["seed 9"].tolist() == table["median"].tolist() == [3, 2, 0.5, 0.5]
    assert table.outcome.tolist() == ["supported", "contradicted", "supported", "supported"]


def test_seeds_have_columns_of_their_own():
    """Empty where a measurement has no such seed; an estimate has none, and is the median."""
    evidence = [
        over_seeds("more", "early", pd.Series({7: 1.0, 3: 2.0})),
        over_seeds("more", "late", pd.Series({3: 4.0, 9: 8.0})),
        Evidence("more", "an estimate", (5.0,), 0.1),
    ]
    table = verdict_table({"C1": judge("C1", evidence, claims=CLAIMS)}).set_index("subject")
    assert [row.dropna().to_dict() for _, row in table.filter(like="seed ").iterrows()] == [
        {"seed 7": 1, "seed 3": 2},
        {"seed 3": 4, "seed 9": 8},
        {},
    ]
    assert table["median"].tolist() == [1.5, 6, 5]


def test_verdicts_can_be_made_again_from_the_table(tmp_path):
    """By the rule of gfn.study.outcomes, from what is in the file alone: intervals, outcomes, and ratios from their numbers."""
    seeds = range(10)
    above, below = pd.Series(np.linspace(2, 5, 10), seeds), pd.Series(np.linspace(1, 2, 10), seeds)
    evidence = [
        ratio("more", "a", above, below, 0.5),
        ratio("more", "b", above, below),
        difference("less", "c", above, below, budget=512),
        Evidence("less", "an estimate", (0.7,), 0.1, budget=512),
    ]
    verdict_table({"C1": judge("C1", evidence, claims=CLAIMS)}).to_csv(tmp_path / "table.csv", index=False)
    table = pd.read_csv(tmp_path / "table.csv")
    assert table.comparison.tolist() == ["at least", "at least", "at most", "at most"]
    assert table.kind.tolist() == ["ratio", "ratio", "difference", "value"]
    for row in table.to_dict("records"):
        values = [row[f"seed {seed}"] for seed in seeds]
        up, down = ([row[f"{name} {seed}"] for seed in seeds] for name in ("above", "below"))
        if row["kind"] == "ratio":
            assert values == pytest.approx([(a + row["margin"]) / (b + row["margin"]) for a, b in zip(up, down)])
        elif row["kind"] == "difference":
            assert values == pytest.approx([a - b for a, b in zip(up, down)])
        estimate = not np.isnan(row["standard_error"])
        found = (
            of_estimate(row["median"], row["standard_error"], row["together"])
            if estimate
            else of_median(values, row["together"])
        )
        assert (found.low, found.high) == pytest.approx((row["low"], row["high"]))
        low, high = np.nan_to_num(row["at_least"], nan=-np.inf), np.nan_to_num(row["at_most"], nan=np.inf)
        outside = found.high < low or found.low > high
        inside = low <= found.low and found.high <= high
        assert row["outcome"] == ("supported" if inside else "contradicted" if outside else "inconclusive")
    assert len(set(table.outcome)) > 1


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
    assert len(links) == len(SOURCES) + 2 * (path.name == "README.md")
    assert all((path.parent / link.split("#")[0]).exists() for link in links)
    text = path.read_text(encoding="utf-8")
    assert [text.count(marker) for markers in MARKERS.values() for marker in markers] == [1] * 6
    summaries = ("| | Claim |", '<p class="gfn-badges">')
    for (first, last), start in zip(MARKERS.values(), ("1. **", summaries, "Edition of")):
        between = text.split(first)[1].split(last)[0].strip()
        assert not between or between.startswith(start)


def test_all_claims_are_gathered_from_all_figures(untrained):
    """Each claim by the evidence of every figure that bears on it, in the order of the paper."""
    found, figures = gather("smoke")
    assert list(found) == list(figures) == list(load_claims())
    assert [settings.profile for settings in untrained] == ["smoke"] * len(SOURCES)
    assert sorted(figure for named in figures.values() for figure in named) == sorted([*SOURCES, "fig3", "exact"])
    assert figures["C5"] == ["fig3"]
    assert figures["C6"] == ["fig5"]
    assert figures["C7"] == ["fig1", "fig9"]
    assert {verdict.outcome for verdict in found.values()} == {"not judged"}
    for claim, verdict in found.items():
        expected = []
        for figure in figures[claim]:
            settings = figure_settings(figure, "smoke")
            expected += evidence_of(figure, settings, made_up(settings))[claim]
        assert verdict.tests.subject.tolist() == [item.subject for item in expected]
        assert list(verdict.variations) == (["none", "joint"] if claim == "C7" else ["joint"])
        assert (verdict.variations["joint"] is None) == (claim in ("C5", "C9", "C10"))


def test_larger_profiles_are_judged(untrained, monkeypatch):
    """Nothing is left without a verdict."""
    monkeypatch.setattr(verdicts, "figure_settings", lambda figure, profile, device: figure_settings(figure, "smoke"))
    found, figures = gather("edition")
    assert "not judged" not in {verdict.outcome for verdict in found.values()}
    assert not any(verdict.note for verdict in found.values())
    assert "not judged" not in summary(found, figures)
    assert set(at_budgets(found).claim) == {"C1", "C2", "C6", "C8"}


@pytest.mark.parametrize("name", MARKERS)
def test_a_text_is_written_between_its_markers(name, tmp_path):
    """All else on the page stays; again, it is replaced; the same changes nothing."""
    page, (begin, end) = tmp_path / "page.md", MARKERS[name]
    page.write_text(EMPTY, encoding="utf-8")
    first, second = summary(FOUND, FROM), summary(FOUND, FROM).replace("It works.", r"It \1 works, by α.")
    for text in (first, second, first):
        assert write_between(name, text, page)
        assert page.read_text(encoding="utf-8") == EMPTY.replace(PLACES[name], f"{begin}\n{text}\n{end}")
        before = page.stat().st_mtime_ns
        assert not write_between(name, text, page)
        assert page.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", MARKERS)
@pytest.mark.parametrize("missing", ["first", "last", "both", "in order"])
def test_a_page_without_markers_is_refused(name, missing, tmp_path):
    """And left as it is."""
    page, (first, last) = tmp_path / "page.md", MARKERS[name]
    left = {"first": last, "last": first, "both": "", "in order": f"{last}\n{first}"}[missing]
    text = EMPTY.replace(PLACES[name], left)
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"page\.md has no place for the {name}"):
        write_between(name, "| table |", page)
    assert page.read_text(encoding="utf-8") == text


def test_a_page_has_findings_and_verdicts(monkeypatch):
    """From the same verdicts, profile and store; links are those of the page."""
    monkeypatch.setattr(verdicts, "findings", lambda *arguments: arguments)
    for page in ("README.md", "intro.md"):
        assert texts_for(Path("book") / page, FOUND, FROM, "smoke", Path("store")) == {
            "findings": (FOUND, "smoke", Path("store")),
            "verdicts": summary_for(Path("book") / page, FOUND, FROM),
            "edition": colophon(Path("store")).sentence,
        }


@pytest.fixture
def few(untrained, monkeypatch):
    """Two figures alone."""
    monkeypatch.setattr(verdicts, "SOURCES", {figure: SOURCES[figure] for figure in ("fig1", "fig8")})


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(list(map(str, arguments)))
    return (left.value.code, *capsys.readouterr())


def test_the_command_shows_the_summary_and_writes_the_findings_too(few, tmp_path, capsys):
    """Into each page that is named, and says whether it changed."""
    status, out, err = command(capsys, "verdicts", "--profile", "smoke")
    assert (status, err) == (0, "")
    assert out.startswith("| | Claim |")
    assert all(f"\n| [{claim}](" in out for claim in load_claims())
    readme, intro = tmp_path / "README.md", tmp_path / "intro.md"
    for page in (readme, intro):
        page.write_text(EMPTY, encoding="utf-8")
    pages = ("--write", readme, "--write", intro)
    status, out, err = command(capsys, "verdicts", "--profile", "smoke", *pages)
    assert (status, out, err) == (0, f"{readme}: changed\n{intro}: changed\n", "")
    assert "(book/paper/fig8.ipynb)" in readme.read_text(encoding="utf-8")
    assert "(paper/fig8.ipynb)" in intro.read_text(encoding="utf-8")
    shown = [page.read_text(encoding="utf-8").split(MARKERS["findings"][1])[0] for page in (readme, intro)]
    assert shown[0] == shown[1]
    assert "\n3. **" in shown[0]
    assert (
        command(capsys, "verdicts", "--profile", "smoke", *pages)[1] == f"{readme}: up to date\n{intro}: up to date\n"
    )


def test_the_command_refuses_a_page_without_markers(few, tmp_path, capsys):
    """In one sentence."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n", encoding="utf-8")
    status, out, err = command(capsys, "verdicts", "--profile", "smoke", "--write", page)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "has no place for the findings" in err


def test_verdicts_at_budgets_are_stacked_shares():
    """A panel a claim, a bar a budget whose parts add up to one, the verdict above; kinds differ in more than colour."""
    rows = [
        ("C1", "128", "partly supported", 2, 1, 1),
        ("C1", "whole", "supported", 4, 0, 0),
        ("C2", "512", "contradicted", 0, 1, 3),
    ]
    frame = pd.DataFrame(rows, columns=["claim", "budget", "outcome", "supported", "contradicted", "inconclusive"])
    figure = budget_panels(frame)
    first, second = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["C1", "C2"]
    heights = {bars.get_label(): [bar.get_height() for bar in bars] for bars in first.containers}
    assert heights == {"supported": [0.5, 1], "inconclusive": [0.25, 0], "contradicted": [0.25, 0]}
    assert [bar.get_y() for bar in first.containers[2]] == [0.75, 1]
    assert [text.get_text() for text in first.texts] == ["partly\nsupported", "supported"]
    assert [text.get_text() for text in second.texts] == ["contradicted"]
    assert [label.get_text() for label in first.get_xticklabels()] == ["128", "whole"]
    assert len({bars[0].get_facecolor() for bars in first.containers}) == 3
    assert len({bars[0].get_hatch() for bars in first.containers}) == 2
