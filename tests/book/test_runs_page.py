"""From a number to its run in two clicks; and the page of all runs, with and without a script."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gfn.environments import Sets
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.study.experiments import figure_settings, runs
from gfn.study.presentation import all_runs, sources
from gfn.study.results import load_or_train

SPECS = [
    TrainingSpec(
        task=Sets(universe=4, size=2),
        objective=Objective(name=name),
        policy=PolicySettings(hidden=(4,)),
        iterations=2,
        batch_size=4,
    )
    for name in ("tb", "reverse_kl", "renyi")
]
USERS = {spec.hash: pages for spec, pages in zip(SPECS, (["fig3", "verdicts"], ["table1", "verdicts"], ["table1"]))}
PAGE = '<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{body}'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three small runs in a store."""
    store = tmp_path_factory.mktemp("store")
    return store, {spec.hash: load_or_train(spec, store) for spec in SPECS}


@pytest.fixture
def book(made, tmp_path, monkeypatch):
    """A page with sources beside the page of all runs, as the book has them."""
    store, found = made
    monkeypatch.setattr(all_runs, "profile_of", lambda store: "smoke")
    monkeypatch.setattr(all_runs, "users", lambda profile, pages: USERS)
    monkeypatch.setattr(sources, "_known", lambda settings: {spec.hash: spec for spec in SPECS})
    settings = figure_settings("table1", "smoke")
    bodies = {"paper/table1.html": sources.sources(settings, found).data, "guide/runs.html": all_runs.html(store)}
    for name, body in bodies.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(PAGE.format(title=name, body=body), encoding="utf-8")
    return tmp_path


def test_the_theme_has_nothing_to_measure_in_hundreds_of_rows(book):
    """It looks at each block of code, and lays the page out anew every time."""
    text = (book / "guide/runs.html").read_text(encoding="utf-8")
    assert text.count("<details><summary>specification</summary><div>") == len(SPECS)
    assert "<pre" not in text


def test_two_clicks_lead_from_a_page_to_a_run(book, browser):
    page = browser.new_page()
    page.goto((book / "paper/table1.html").as_uri())
    page.click("details.gfn-sources summary")
    key = SPECS[1].hash
    page.click(f"a:has-text('{key}')")
    row = page.locator(f"#r-{key}")
    row.wait_for(state="visible")
    assert "reverse KL" in row.inner_text()
    assert row.locator("details").get_attribute("open") is not None, "its specification is open at once"
    assert f"gfn reproduce table1 --profile smoke --only {key}" in row.inner_text()
    page.close()


def test_words_and_pages_are_searched(book, browser):
    page = browser.new_page()
    page.goto((book / "guide/runs.html").as_uri())

    def shown():
        page.wait_for_timeout(300)
        return [row.get_attribute("id")[2:] for row in page.locator("#all-runs tbody tr:visible").all()]

    assert shown() == list(USERS)
    for words, kept in {
        "rényi sets": [2],
        "page:table1": [1, 2],
        "KL page:verdicts": [1],
        "nothing like it": [],
    }.items():
        page.fill("#gfn-find", words)
        assert shown() == [SPECS[k].hash for k in kept]
        assert page.inner_text("#gfn-found") == f"{len(kept)} of 3 runs"
    page.goto((book / "guide/runs.html").as_uri() + "?page=fig3")
    assert shown() == [SPECS[0].hash]
    page.close()


def test_without_a_script_all_rows_are_there(book, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((book / "guide/runs.html").as_uri())
    assert page.locator("#all-runs tbody tr:visible").count() == 3
    assert not page.locator(".gfn-find").is_visible()
    context.close()


def test_the_page_says_where_files_are_and_names_each_run_so_that_it_can_be_linked(made, monkeypatch):
    """gfn_site makes a link of such a name where the repository has an address."""
    store, _ = made
    monkeypatch.setattr(all_runs, "profile_of", lambda store: "smoke")
    monkeypatch.setattr(all_runs, "users", lambda profile, pages: USERS)
    shown = all_runs.html(store, shown="some/where")
    assert "<code>some/where/</code>" in shown
    assert all(f"<code>{spec.hash}</code>" in shown for spec in SPECS)


def test_values_are_escaped(made, monkeypatch):
    """Whatever a file or a setting says."""
    store, found = made
    about = dict.fromkeys(next(iter(found.values())).provenance, "<b>")
    monkeypatch.setattr(all_runs, "profile_of", lambda store: "<b>")
    monkeypatch.setattr(all_runs, "users", lambda profile, pages: USERS)
    monkeypatch.setattr(all_runs, "read_run", lambda path: replace(found[path.stem], provenance=about))
    for name in ("title_of", "page_of", "task_words", "error_words"):
        monkeypatch.setattr(all_runs, name, lambda *given: "<b>")
    page = all_runs.html(store, shown="<b>")
    assert "<b>" not in page
    assert page.count("&lt;b&gt;") > 20


def test_runs_are_those_of_the_pages_that_the_book_has(tmp_path):
    """Every run of a page names it; without stored runs the page says so."""
    named = all_runs.users("smoke", {"paper/fig8", "paper/table1"})
    assert named.keys() == {**runs("fig8", "smoke"), **runs("table1", "smoke")}.keys()
    assert {name for names in named.values() for name in names} == {"fig8", "table1"}
    assert all_runs.html(tmp_path) == "<p>No runs are stored.</p>"
