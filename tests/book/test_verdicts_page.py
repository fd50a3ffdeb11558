"""A page of verdicts in a browser: nothing that hinders a reader, on a phone or at a desk, in the light or in the dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from gfn.study.presentation.verdicts import badges, overview
from tests.study.test_verdicts_shown import KINDS

STYLE = Path(__file__).parents[2] / "book" / "_static" / "gfn-verdicts.css"
DARK = "html { background: #14181e; color: #ced6dd; --pst-color-background: #14181e; --pst-color-text-muted: #9ca4af; }"
DARK += " html { --pst-color-link: #6cb8ee; --pst-color-border: #48566b; } a { color: #6cb8ee; }"


def page(theme: str) -> str:
    """Verdicts of every kind, below each other, with badges and the overview."""
    verdicts = {f"C{n}": verdict for n, verdict in enumerate(KINDS.values(), 1)}
    shown = enumerate((verdict._repr_html_() for verdict in KINDS.values()), 1)
    parts = [f'<section><h2 id="c{n}">C{n}</h2><div class="cell">{text}</div></section>' for n, text in shown]
    style = STYLE.read_text(encoding="utf-8") + (DARK if theme == "dark" else "")
    return (
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Verdicts</title>'
        f"<style>body {{ margin: 10px; font: 16px sans-serif }} {style}</style></head><body><main><h1>Verdicts</h1>"
        f"{badges(verdicts.values())}{overview(verdicts)}{''.join(parts)}</main></body></html>"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_hinders_readers(browser, width, theme):
    """All folded tables open; the page is no wider than the screen."""
    tab = browser.new_page(viewport={"width": width, "height": 800})
    tab.set_content(page(theme))
    tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    found = Axe().run(tab).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()


def test_a_link_to_a_verdict_unfolds_its_plots(browser, tmp_path):
    """And those of no other one, where the page has them folded."""
    script = (STYLE.parent / "gfn-pages.js").read_text(encoding="utf-8")
    text = page("light").replace(' open="open"', "").replace("</body>", f"<script>{script}</script></body>")
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    tab = browser.new_page()
    for claim in ("c4", "c1"):
        tab.goto(f"{(tmp_path / 'page.html').as_uri()}#{claim}")
        tab.locator(f"section:has(#{claim}) .gfn-criteria").wait_for(state="visible")
    assert tab.locator("details.gfn-plots[open]").count() == 2
    assert tab.locator(".gfn-plots").count() > 5
    tab.close()


def test_criteria_stand_side_by_side_where_there_is_space(browser):
    """And below each other on a phone; measurements are folded."""
    for width, aside in ((1280, True), (390, False)):
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.set_content(page("light"))
        boxes = [each.bounding_box() for each in tab.locator(".gfn-criterion").all()[:2]]
        assert (boxes[0]["x"] < boxes[1]["x"]) == aside
        assert not tab.locator("table").first.is_visible()
        tab.close()
