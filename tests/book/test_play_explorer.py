"""The explorer judges as Python does: at the book's settings every measurement and claim, and at others, too."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from gfn.study.claims import counts, decide, measure
from gfn.study.intervals import LEVEL, of_median, rank
from gfn.study.paper import load_claims
from gfn.study.presentation.digits import neat
from gfn.study.presentation.measured import measured_on
from tests.book.play import ROOT, TABLE, extension, opened, write_page

CLAIMS = load_claims()
DATA = extension("play_data")
ROWS = DATA.read_table(TABLE)
SIZE = len(DATA.seeds_of(ROWS))


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    with opened(browser, write_page("explorer", tmp_path_factory.mktemp("explorer"))) as found:
        yield found


def in_browser(page, claim, **changes):
    """What the page makes of a claim; numbers that are not finite come as words."""
    ask = """([claim, changes]) => { const found = gfnExplorer.judgeClaim(claim, changes);
        return [found.outcome, found.counts, found.rows.map(r => [r.test, r.subject, r.outcome, ...[r.middle, r.low, r.high].map(String)])] }"""
    return page.evaluate(ask, [claim, changes])


def chosen(claim, budget="own", variate="both", seeds=SIZE):
    """The rows of the table that are judged together."""
    of_variate: dict[str, dict] = {"both": {}, variate: {}}
    for row in ROWS[ROWS.claim == claim].to_dict("records"):
        wanted = CLAIMS[claim]["tests"][row["test"]].get("budget", "whole") if budget == "own" else budget
        if row["budget"] == wanted and row["variate"] in of_variate:
            of_variate[row["variate"]][row["test"], row["subject"]] = row
    rows = [of_variate[variate].get(key, row) for key, row in of_variate["both"].items()]
    left_out = [f"{prefix} {each}" for prefix in ("seed", "above", "below") for each in range(seeds, SIZE)]
    return pd.DataFrame(rows, columns=ROWS.columns).drop(columns=left_out)


def in_python(claim, factors=None, share=None, margins=1.0, **changes):
    """The same by the package: rows as it measures them, and the claim's outcome."""
    rows = chosen(claim, **changes)
    tests = {name: dict(test) for name, test in CLAIMS[claim]["tests"].items()}
    for test in tests.values():
        for key in ("at_least", "at_most"):
            if factors and key in test:
                test[key] *= factors
        if share:
            test["share"] = share
    table = measure(DATA.evidence(rows, margins), tests)
    return decide(table), counts(table), table, tests


def same(js, outcome, numbers, table):
    assert js[0] == outcome
    assert tuple(js[1]) == numbers
    found = pd.DataFrame(js[2], columns=["test", "subject", "outcome", "middle", "low", "high"])
    assert len(found) == len(table)
    keys = [(test, measured_on(subject)) for test, subject in zip(table.test, table.subject)]
    assert len(set(keys)) == len(keys)
    by_key = dict(zip(keys, table.to_dict("records")))
    for row in found.to_dict("records"):
        python = by_key[row["test"], row["subject"]]
        assert row["outcome"] == python["outcome"], row
        # The table has rounded a standard error and the ends of its interval, each for itself.
        size = max(abs(python["low"]), abs(python["high"]))
        near = {"rel": 1e-9} if python["seeds"] else {"rel": 1e-5, "abs": 1e-5 * size}
        for js_name, name in (("middle", "median"), ("low", "low"), ("high", "high")):
            assert float(row[js_name].replace("Infinity", "inf")) == pytest.approx(python[name], nan_ok=True, **near)


@pytest.mark.parametrize("claim", CLAIMS)
def test_at_the_books_settings_all_is_as_in_the_book(claim, page):
    """Outcomes and intervals are those of the table, and the verdict is that of the README."""
    js = in_browser(page, claim)
    outcome, numbers, table, _ = in_python(claim)
    same(js, outcome, numbers, table)
    rows = ROWS[(ROWS.claim == claim) & ROWS.judged]
    stored = {(r["test"], measured_on(r["subject"])): r for r in rows.to_dict("records")}
    assert len(stored) == len(js[2])
    for test, subject, outcome_, middle, low, high in js[2]:
        row = stored[test, subject]
        assert outcome_ == row["outcome"]
        ends = [float(each.replace("Infinity", "inf")) for each in (middle, low, high)]
        np.testing.assert_allclose(ends, [row["median"], row["low"], row["high"]], rtol=2e-5)
    verdict = DATA.verdicts(ROWS)[claim]
    assert (js[0], tuple(js[1])) == (verdict.outcome, counts(verdict.judged))
    line = next(
        x for x in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if x.startswith(f"| [{claim}](")
    )
    shown = re.search(r"\*\*([^*]+)\*\* \| (\d+) [|/] (\d+) [|/] (\d+) \|", line)
    assert shown.groups() == (js[0], *map(str, js[1]))


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("factors", [0.7, 1.3])
def test_with_other_bounds(claim, factors, page):
    *python, tests = in_python(claim, factors)
    same(in_browser(page, claim, tests={name: _bounds(test) for name, test in tests.items()}), *python)


def _bounds(test):
    return {key: test[key] for key in ("at_least", "at_most", "share") if key in test}


@pytest.mark.parametrize("claim", dict.fromkeys(ROWS.claim[ROWS.margin > 0]))
@pytest.mark.parametrize("margins", [0.0, 0.1, 3.0, 10.0])
def test_with_other_margins(claim, margins, page):
    """Also none at all, with fewer seeds, and beside other bounds."""
    names = CLAIMS[claim]["tests"]
    *python, _ = in_python(claim, margins=margins)
    js = in_browser(page, claim, tests={name: {"margin": margins} for name in names})
    same(js, *python)
    assert js[2] != in_browser(page, claim)[2]
    *python, tests = in_python(claim, 1.2, margins=margins, seeds=8)
    same(in_browser(page, claim, seeds=8, tests={n: {**_bounds(tests[n]), "margin": margins} for n in names}), *python)


def test_the_books_margins_give_the_values_of_the_table():
    """The two numbers of a seed and the margin make its value, whatever the table has rounded."""
    rows = ROWS[ROWS.margin > 0]
    above, below, values = (rows.filter(regex=f"^{name} ").to_numpy() for name in ("above", "below", "seed"))
    margin = rows.margin.to_numpy()[:, None]
    assert values.shape == (len(rows), SIZE) and len(rows) > 100
    np.testing.assert_allclose((above + margin) / (below + margin), values, rtol=3e-5)


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("seeds", [3, 7, 9])
def test_with_fewer_seeds(claim, seeds, page):
    *python, _ = in_python(claim, seeds=seeds)
    same(in_browser(page, claim, seeds=seeds), *python)


@pytest.mark.parametrize("claim", CLAIMS)
def test_with_another_share(claim, page):
    *python, tests = in_python(claim, share=0.6)
    same(in_browser(page, claim, tests={name: _bounds(test) for name, test in tests.items()}), *python)


@pytest.mark.parametrize(
    ("claim", "budget"), list(dict.fromkeys(zip(ROWS.claim, ROWS.budget))), ids=lambda value: str(value)
)
def test_at_other_budgets(claim, budget, page):
    *python, _ = in_python(claim, budget=budget)
    same(in_browser(page, claim, budget=budget), *python)


@pytest.mark.parametrize("claim", dict.fromkeys(ROWS.claim[ROWS.variate == "joint"]))
def test_with_other_control_variates(claim, page):
    """Each measurement that the table has of them comes out as it stands there."""
    *python, _ = in_python(claim, variate="joint")
    js = in_browser(page, claim, variate="joint")
    same(js, *python)
    assert js != in_browser(page, claim)


def test_intervals(page):
    """Ranks for all numbers of seeds and of intervals; seeds without a value, and endless ones."""
    asked = [[count, tests] for count in range(1, 31) for tests in (1, 2, 4, 9, 28, 48)]
    found = page.evaluate("([asked, level]) => asked.map(([c, t]) => gfnJudge.rank(c, t, level))", [asked, LEVEL])
    assert found == [rank(*each) for each in asked]
    assert len(set(found)) > 5
    values = np.random.default_rng(0).normal(size=12)
    js = page.evaluate("([v, level]) => gfnJudge.interval(v, 2, level)", [values.tolist(), LEVEL])
    python = of_median(values, 2)
    assert [js["middle"], js["low"], js["high"]] == pytest.approx([python.middle, python.low, python.high])
    ask = "v => { const i = gfnJudge.interval([...v, NaN], 1, 0.9); return [i.middle, i.low, i.high].map(String) }"
    assert page.evaluate(ask, values.tolist()) == ["NaN", "-Infinity", "Infinity"]


def test_a_bound_is_moved_with_the_keyboard(browser, tmp_path):
    """The verdict follows, and the button brings the book's back."""
    with opened(browser, write_page("explorer", tmp_path)) as page:
        live, strict = page.locator(".gfn-play-live"), page.get_by_label("bound: at least")
        book = live.get_attribute("data-outcome")
        page.get_by_label("claim", exact=True).select_option("C11")
        page.get_by_label("claim", exact=True).select_option("C1")
        assert live.get_attribute("data-outcome") == book == DATA.verdicts(ROWS)["C1"].outcome
        for criterion in page.get_by_label("criterion", exact=True).locator("option").all():
            page.get_by_label("criterion", exact=True).select_option(criterion.get_attribute("value"))
            strict.press("Home")
        assert live.get_attribute("data-outcome") == "supported"
        page.get_by_role("button", name="Back to").press("Enter")
        assert live.get_attribute("data-outcome") == book
        seeds = page.get_by_label("seeds: the first")
        seeds.press("Home")
        assert live.get_attribute("data-outcome") == "inconclusive"


def test_the_margin_is_moved_with_the_keyboard(browser, tmp_path):
    """It shows the margins of the criterion, from none to ten times the book's, and where no ratio has one it is not there."""
    with opened(browser, write_page("explorer", tmp_path)) as page:
        page.get_by_label("claim", exact=True).select_option("C2")
        margin, forest = page.get_by_label("margin", exact=True), page.locator(".gfn-play-forest")
        own = sorted(set(ROWS.margin[(ROWS.claim == "C2") & (ROWS.test == "accurate")]))
        assert len(own) > 1

        def read():
            return sorted(float(each) for each in margin.get_attribute("aria-valuetext").split(", "))

        book = forest.inner_text()
        assert read() == own
        margin.press("End")
        assert read() == pytest.approx([10 * each for each in own])
        wide = forest.inner_text()
        margin.press("Home")
        assert margin.get_attribute("aria-valuetext") == "none"
        assert len({book, wide, forest.inner_text()}) == 3
        page.get_by_role("button", name="Back to").press("Enter")
        assert (read(), forest.inner_text()) == (own, book)
        page.get_by_label("claim", exact=True).select_option("C3")
        assert not margin.is_visible()


def test_a_row_leads_to_its_run(browser, tmp_path):
    """Where the table says which."""
    table = pd.read_csv(TABLE).assign(runs="0123456789abcdef fedcba9876543210")
    path = write_page("explorer", tmp_path)
    table.to_csv(tmp_path / "verdicts.csv", index=False)
    (tmp_path / "verdicts.js").write_text(DATA.verdicts_script(tmp_path / "verdicts.csv"), encoding="utf-8")
    with opened(browser, path) as page:
        links = page.locator(".gfn-play-forest a")
        assert links.count() == page.locator(".gfn-play-forest li").count() > 5
        assert links.first.get_attribute("href") == "../guide/runs.html#r-0123456789abcdef"


def test_labels_are_no_names_of_the_code():
    """Every subject, as a reader sees it."""
    shown = {measured_on(subject) for subject in DATA.read_table(ROOT / "book/paper/verdicts.csv").subject}
    script = DATA.verdicts_script(ROOT / "book/paper/verdicts.csv")
    assert shown and all(label in script for label in shown)
    assert [label for label in shown if re.search(r"[a-z]_[a-z]", label)] == []


def test_criteria_are_named_by_what_they_say(browser, tmp_path):
    """To be chosen, and in the list of what came of each."""
    with opened(browser, write_page("explorer", tmp_path)) as page:
        said = [neat(CLAIMS["C1"]["tests"][name]["statement"]) for name in dict.fromkeys(ROWS.test[ROWS.claim == "C1"])]
        assert page.get_by_label("criterion", exact=True).locator("option").all_inner_texts() == said
        marks = page.locator(".gfn-play-criteria li").all_inner_texts()
        assert [mark.startswith(text) for mark, text in zip(marks, said, strict=True)] == [True] * len(said)
