"""Tables as the book shows them: names, alignment, escaping, and in the browser accessibility and width."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from IPython.core.formatters import DisplayFormatter
from IPython.display import Markdown
from matplotlib_inline.config import InlineBackend
from traitlets.config import Configurable

import gfn
from gfn.environments import PAPER_TASKS
from gfn.study import presentation
from gfn.study.evidence.convergence import error_grid, final_table, time_to_threshold
from gfn.study.evidence.sensitivity import sensitivity_table
from gfn.study.experiments import figure_settings
from gfn.study.notebook import settings_table
from gfn.study.plotting.style import CONTROL_VARIATES, OBJECTIVES, TASKS
from gfn.study.presentation.names import METRICS, NAMES, readable
from gfn.study.presentation.tables import are_numbers, html, markdown, register
from tests.study.test_page_tables import curve

STYLE = Path(gfn.__file__).parents[1] / "book" / "_static" / "gfn-tables.css"
CODE = {name for name in (*OBJECTIVES, *TASKS, *CONTROL_VARIATES, *METRICS) if NAMES[name] != name}
LINES = ("tb", "db", "subtb", "vargrad", "reverse_kl", "forward_kl", "renyi", "tsallis")


def texts(table: str) -> list[str]:
    return re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", table)


def kinds(table: str) -> list[str]:
    """How the cells of the last row are aligned."""
    last = table[table.rindex("<tr") :]
    return ["number" if "gfn-number" in each else "words" for each in re.findall(r'<t[hd][^>]*class="([^"]*)"', last)]


def wide() -> pd.DataFrame:
    """Table 1 in full: every objective on every task of the paper, on two of them with powers of ten."""
    beyond = {*figure_settings("leagues", "paper").targets(), *figure_settings("digits", "paper").targets()}
    tasks = [task for task in TASKS if task not in beyond - PAPER_TASKS.keys()]
    sizes = {task: 3e-5 if task in ("banana", "gaussian_mixture") else 0.0123 for task in tasks}
    runs = {(task, name): curve([[sizes[task] * n, 2e-5]] * 4) for task in tasks for n, name in enumerate(LINES, 1)}
    return error_grid(final_table(runs), LINES)


@pytest.mark.parametrize("name", sorted(CODE))
def test_every_code_name_has_one_for_readers(name):
    (cell,) = texts(html(pd.Series([name], name="x").to_frame().reset_index(drop=True)))[1:]
    assert cell == NAMES[name] != name


def test_names_stand_in_labels_level_names_and_cells():
    index = pd.MultiIndex.from_tuples([("gaussian_mixture_calibrated", "loo")], names=["task", "control_variate"])
    shown = html(pd.DataFrame({"reverse_kl": ["tb, forward_kl over db"], "log_z": [1.5]}, index=index))
    assert {"Gaussian mixture, calibrated", "leave-one-out", "reverse KL", "log Z"} <= set(texts(shown))
    assert "TB, forward KL over DB" in texts(shown)
    assert "control variate" in texts(shown)
    assert not re.search(r"[a-z]_[a-z]", shown)


def test_what_evidence_returns_has_no_code_names():
    runs = {(task, name): curve([[0.3, 0.2]] * 4) for task in ("sets", "gaussian_mixture") for name in LINES}
    choices = {("iterations", "1", name): curve([[0.3, 0.2]]) for name in LINES}
    tables = [
        final_table(runs),
        time_to_threshold(runs),
        error_grid(final_table(runs), LINES),
        sensitivity_table(choices),
    ]
    for table in [*tables, *(settings_table(figure_settings(name, "smoke")) for name in ("fig1", "fig2", "table1"))]:
        shown = html(table)
        assert not CODE & set(texts(shown))
        assert not re.search(r"[a-z]_[a-z]", shown)


def test_words_within_sentences_stay():
    assert readable("both of them, on sets of eight") == "both of them, on sets of eight"
    assert readable("less accurate: renyi than tb_batch") == "less accurate: renyi than TB, log Z from a batch"
    assert readable("see gfn/study/my_file.py") == "see gfn/study/my_file.py"


@pytest.mark.parametrize(
    ("text", "is_number"),
    [
        ("0.123 ± 0.045", True),
        ("12k\u00a0(5\u00a0s)", True),
        ("95\u202f%", True),
        ("1.2×", True),
        ("<\u00a00.003", True),
        ("(3.00 ± 1.40) × 10⁻⁵ (3.00 × 10⁻⁵)", True),
        ("12.0k\u00a0(3\u00a0s), 2\u00a0of\u00a010\u00a0never", True),
        ("0.10 to 0.20", True),
        ("Sets", False),
        ("never", False),
        ("none", False),
        ("TB", False),
    ],
)
def test_what_counts_as_a_number(text, is_number):
    assert are_numbers([text, "–"]) is is_number


def test_columns_and_heads_are_aligned_alike():
    frame = pd.DataFrame({"n": ["0.1 ± 0.2", "–"], "w": ["loo", "0.1"]}, index=pd.Index([0.5, -1.0], name="alpha"))
    shown = html(frame)
    assert kinds(shown) == ["number", "number", "words"]
    assert re.findall(r'scope="col" class="(gfn-\w+)', shown) == ["gfn-number", "gfn-number", "gfn-words"]


def test_digits_of_columns():
    frame = pd.DataFrame(
        {"a": [4.0, 1234.0], "b": [0.07, 1.5], "c": [1 / 3, np.nan], "d": [1.1e-4 / 3, 2e3 / 3]}, ["x", "y"]
    )
    rows = [row for row in re.findall(r"<tr>(.*?)</tr>", html(frame)) if '<td class="gfn-number"' in row]
    assert [texts(row)[1:] for row in rows] == [
        ["4", "0.07", "0.333", "3.67\u00a0×\u00a010⁻⁵"],
        ["1\u202f234", "1.50", "–", "667"],
    ]


def test_cells_are_escaped():
    shown = html(
        pd.DataFrame({"<i>": ["<script>alert(1)</script>", "a & b"]}, index=pd.Index(['"', ">"], name="'<b>'"))
    )
    assert "<script>" not in shown
    assert "<i>" not in shown
    assert "<b>" not in shown
    assert "a &amp; b" in shown


def test_wide_tables_are_set_closer_and_numbers_do_not_break():
    frame = pd.DataFrame({f"n{n}": ["(1.0 ± 0.5) × 10⁻⁵ (1.0 × 10⁻⁵)"] for n in range(10)})
    assert 'class="gfn-table gfn-dense"' in html(frame)
    assert "gfn-dense" not in html(frame.iloc[:, :2])
    assert "<br>±\u00a0" in html(wide())
    assert "(1.0\u00a0±\u00a00.5)\u00a0×\u00a010⁻⁵ (1.0\u00a0×\u00a010⁻⁵)" in html(frame)


def test_a_table_is_the_same_every_time_and_a_series_is_one():
    assert html(wide()) == html(wide())
    series = pd.Series([1.5], ["tb"], name="log_z")
    assert html(series) == html(series.to_frame())
    assert html(pd.DataFrame()).count("<table>") == 1


def test_tables_in_markdown_have_names_but_links_stay():
    text = "sets_a here\n\n| sets, reverse_kl | [fig_x](a_b.ipynb) | $x_t$ | -2 |\n|---|---|---|---|"
    assert markdown(text).split("\n")[2] == "| Sets, reverse KL | [fig x](a_b.ipynb) | $x_t$ | −2 |"
    assert markdown(text).split("\n")[0] == "sets_a here"


def test_ipython_shows_tables_this_way(monkeypatch):
    """Within IPython frames and series, the same at every time; outside it nothing is done."""
    formatter, frame = DisplayFormatter(), pd.DataFrame({"a": [0.5]}, ["tb"])
    shell = Configurable()  # figures are registered with the shell, too, and want its settings
    shell.display_formatter = formatter
    for kind in InlineBackend._walk_mro():
        monkeypatch.setattr(kind, "_instance", None)
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    presentation.install()
    assert html(frame) != formatter.format(frame)[0]["text/html"]
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    presentation.install()
    first, second = (formatter.format(frame)[0]["text/html"] for _ in range(2))
    assert first == second == html(frame)
    assert formatter.format(Markdown("| tb |"))[0]["text/markdown"] == "| TB |"
    register(formatter.formatters)
    assert formatter.format(frame.a)[0]["text/html"] == first


def page_of(width: int, *tables: str) -> str:
    """A page whose content is so wide at most, without the theme."""
    body = "\n".join(f"<p>Words.</p>{table}" for table in tables)
    return (
        f'<!doctype html><html lang="en"><head><title>Tables</title><meta name="viewport" content="width=device-width">'
        f"<style>body {{margin: 0 auto; max-width: {width}px; font: 16px sans-serif}} {STYLE.read_text('utf-8')}</style>"
        f"</head><body><main><h1>Tables</h1>{body}</main></body></html>"
    )


def several() -> list[str]:
    groups = pd.DataFrame(
        np.arange(8.0).reshape(2, 4) / 3, ["tb", "db"], pd.MultiIndex.from_product([["sets", "dags"], ["a", "b"]])
    )
    return [
        html(wide()),
        html(groups.rename_axis(index="objective", columns=["task", "alpha"])),
        html(settings_table(figure_settings("table1", "paper"))),
        html(pd.Series([0.5], name="x")),
    ]


def test_tables_are_accessible(browser):
    page = browser.new_page()
    page.set_content(page_of(932, *several()))
    found = Axe().run(page).response["violations"]
    page.close()
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


@pytest.mark.parametrize("width", [932, 390])
def test_pages_are_never_wider_than_the_screen(browser, width):
    """At the width of the book's content Table 1 fits as a whole; on a phone it scrolls within, its first column in place."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_content(page_of(width, *several()))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.evaluate("[...document.querySelectorAll('.gfn-table')].map(t => [t.scrollWidth, t.clientWidth])")
    first = page.locator(".gfn-table").first
    before = first.locator("tbody th").first.bounding_box()["x"]
    first.evaluate("table => { table.scrollLeft = 200 }")
    after = first.locator("tbody th").first.bounding_box()["x"]
    page.close()
    assert before == after
    if width == 932:
        assert all(inner <= outer for inner, outer in sizes), sizes
    else:
        assert sizes[0][0] > sizes[0][1]
