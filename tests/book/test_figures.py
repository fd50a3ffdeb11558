"""Figures in a browser: they follow the page's colours and width, and are enlarged by a click or a key."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from gfn.study.plotting import comparison_panels, density_panels, use_style
from gfn.study.presentation.colours import LIGHT_PAGE, TEXT_CONTRAST, contrast, on_dark
from gfn.study.presentation.figures import html
from tests.study.test_plotting import compared

STATIC = Path(__file__).parents[2] / "book" / "_static"
# Of the theme, what figures read of it.
THEME = """
html[data-theme=light] { --pst-color-text-base: #222832; --pst-color-background: #ffffff; }
html[data-theme=dark] { --pst-color-text-base: #ced6dd; --pst-color-background: #121212; }
body { margin: 24px; background: var(--pst-color-background); }
html[data-theme=dark] .bd-content div.cell_output .text_html:not(:has(table.dataframe)) { background-color: #ced6dd; }
"""
PAGE = """<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Figures</title><style>{theme}</style>{more}</head>
<body><main class="bd-content"><div class="cell_output">{figures}</div></main></body></html>"""
PARTS = '<link rel="stylesheet" href="gfn-figures.css"><script src="gfn-figures.js" defer></script>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages with two figures: ``page.html``, and ``bare.html`` without stylesheet and script."""
    with mpl.rc_context():
        plt.switch_backend("agg")
        use_style()
        named = {title: [[0.0, 1.0], [0.5, 0.2]] for title in ("target", "α = −1", "α = 2")}
        drawn = [
            comparison_panels(compared(["sets", "dags", "banana", "sequences"], ["tb", "renyi"])),
            density_panels(named, ((0.0, 1.0), (0.0, 1.0))),
        ]
        figures = "".join(f'<div class="output text_html">{html(each)}</div>' for each in drawn)
    folder = tmp_path_factory.mktemp("figures")
    for name in ("gfn-figures.css", "gfn-figures.js"):
        shutil.copy(STATIC / name, folder)
    for name, more in (("page", PARTS), ("bare", "")):
        (folder / f"{name}.html").write_text(PAGE.format(theme=THEME, more=more, figures=figures), encoding="utf-8")
    return folder


@pytest.fixture
def page(browser, folder):
    """Opens a page at a width; errors of scripts fail the test."""
    contexts, errors = [], []

    def opened(width=1280, name="page", **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(error))
        page.goto((folder / f"{name}.html").as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def colour(page, selector, property_="fill"):
    """A colour in force, as ``#rrggbb``."""
    found = page.locator(selector).first.evaluate(f"each => getComputedStyle(each).{property_}")
    return "#" + "".join(f"{int(part):02x}" for part in found[found.index("(") + 1 : -1].split(",")[:3])


def green_line(shown):
    """Where a line in the green of the palette is: a selector, by the class whose rule has this colour."""
    rules = shown.locator(".gfn-wide style").first.evaluate("each => each.textContent")
    mark, name = re.search(r"\.(g\w+) \.(s\d+)\{[^}]*stroke:var\(--gfn-029e73", rules).groups()
    return f".gfn-wide.{mark} path.{name}"


def test_figures_follow_the_page(page):
    """Text, lines and background, at once and without drawing again."""
    shown = page()
    line = green_line(shown)
    assert contrast(colour(shown, ".gfn-wide text"), LIGHT_PAGE) >= TEXT_CONTRAST
    assert colour(shown, line, "stroke") == "#029e73"
    assert shown.locator(".gfn-wide image").first.evaluate("each => getComputedStyle(each).filter") == "none"
    shown.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert colour(shown, ".gfn-wide text") == "#ced6dd"
    assert colour(shown, ".gfn-wide > path") == "#121212"
    assert colour(shown, line, "stroke") == on_dark("#029e73")
    assert "invert" in shown.locator(".gfn-wide image").first.evaluate("each => getComputedStyle(each).filter")
    sheet = shown.locator(".text_html").first.evaluate("each => getComputedStyle(each).backgroundColor")
    assert sheet == "rgba(0, 0, 0, 0)"


def test_print_is_dark_on_white(page):
    """Whatever the page is on the screen."""
    shown = page()
    shown.evaluate("document.documentElement.dataset.theme = 'dark'")
    shown.emulate_media(media="print")
    assert colour(shown, ".gfn-wide text") == "#262626"
    assert colour(shown, green_line(shown), "stroke") == "#029e73"
    assert shown.locator(".gfn-enlarge").first.is_hidden()


@pytest.mark.parametrize("name", ["page", "bare"])
def test_a_phone_shows_the_narrow_version(page, name):
    """Within the screen, and with letters of nine pixels; a wide screen shows the other. No stylesheet is needed."""
    for width, kind, other in ((390, "gfn-narrow", "gfn-wide"), (1280, "gfn-wide", "gfn-narrow")):
        shown = page(width, name)
        assert [each.is_visible() for each in shown.locator(f".{kind}").all()] == [True, True]
        assert [each.is_visible() for each in shown.locator(f".{other}").all()] == [False, False]
        assert shown.evaluate("document.documentElement.scrollWidth") == width
        least = """texts => Math.min(...texts.filter(t => t.getAttribute('style') || t.getAttribute('class')).map(t =>
            parseFloat(getComputedStyle(t).fontSize) * Math.hypot(t.getCTM().a, t.getCTM().b)))"""
        if name == "page":
            assert shown.locator(f".{kind} text").evaluate_all(least) >= 9


def test_figures_are_there_without_a_script(page):
    shown = page(java_script_enabled=False)
    assert [each.is_visible() for each in shown.locator(".gfn-wide").all()] == [True, True]
    assert shown.locator("button").count() == 0


@pytest.mark.parametrize("how", ["click on the figure", "click on the button", "enter"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_figure_is_enlarged_and_goes_back(page, how, width):
    """By mouse, touch or key; larger than the window, to be scrolled; Escape closes, and all is as it was."""
    shown = page(width)
    before = shown.locator("main").inner_html()
    figure, button = shown.locator(".gfn-figure").first, shown.locator(".gfn-enlarge").first
    heights = [figure.bounding_box()["height"]]
    if how == "enter":
        button.focus()
        shown.keyboard.press("Enter")
    elif how == "click on the button":
        button.click()
    else:
        figure.click(position={"x": 150, "y": 60})
    dialog = shown.locator("dialog[open]")
    assert dialog.is_visible()
    large = dialog.locator("svg.gfn-wide")
    assert large.bounding_box()["width"] > width
    heights.append(figure.evaluate("each => each.getBoundingClientRect().height"))
    pan = dialog.locator(".gfn-pan")
    assert pan.evaluate("each => document.activeElement === each")
    shown.keyboard.press("ArrowRight")
    shown.wait_for_function("document.querySelector('.gfn-pan').scrollLeft > 0")
    shown.keyboard.press("Escape")
    assert not shown.locator("dialog[open]").count()
    assert heights[1] == pytest.approx(heights[0], abs=1)
    assert button.evaluate("each => document.activeElement === each")
    assert shown.locator("main").inner_html().replace(' style=""', "") == before


def test_the_button_closes_an_enlarged_figure(page):
    """And a second figure can be enlarged after the first."""
    shown = page()
    for number in (0, 1):
        shown.locator(".gfn-enlarge").nth(number).click()
        assert shown.locator("dialog[open] svg").count() == 1
        shown.get_by_role("button", name="Close the enlarged figure").click()
        assert not shown.locator("dialog[open]").count()
