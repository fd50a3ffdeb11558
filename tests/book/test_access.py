"""Built pages in a browser: accessible to all, no wider than a phone, without errors, without requests elsewhere."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
import pytest
import yaml

from tests.book.built import BUILT, ROOT, each_book, needs_a_book, pages

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe*.js")).read_text(encoding="utf-8")
# Of the theme, each with the reason why it stays.
THEIRS = yaml.safe_load((ROOT / "tests/book/theme_violations.yaml").read_text(encoding="utf-8"))
RULES = """axe.run(document, {rules: {"label-content-name-mismatch": {enabled: true}},
    resultTypes: ["violations"], preload: false}).then(found => found.violations.flatMap(each =>
    each.nodes.map(node => [each.id, node.target.join(" "), node.html.slice(0, 160)])))"""
WIDTH = "document.documentElement.scrollWidth"
SEEN: dict[Path, dict[str, dict]] = {}


def look(browser, book: Path) -> dict[str, dict]:
    """All pages of a book, once each, on a phone: what axe finds, how wide they are, and what goes wrong."""
    if book in SEEN:
        return SEEN[book]
    context = browser.new_context(viewport={"width": 390, "height": 800}, reduced_motion="reduce")
    page, found, wrong = context.new_page(), {}, []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"no {request.url}"))
    page.on("request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or wrong.append(request.url))
    for path in pages(book):
        wrong.clear()
        page.goto(path.as_uri(), wait_until="load")
        about = {"width": page.evaluate(WIDTH)}
        page.evaluate(AXE)
        about["axe"] = [each for each in page.evaluate(RULES) if each[0] not in THEIRS]
        found[path.relative_to(book).as_posix()] = about | {"wrong": list(wrong)}
    context.close()
    SEEN[book] = found
    return found


@needs_a_book
@each_book
@pytest.mark.xdist_group("pages")
@pytest.mark.parametrize("what", ["axe", "wrong"])
def test_pages_are_accessible_and_work(browser, book, what):
    found = {name: about[what] for name, about in look(browser, book).items() if about[what]}
    assert found == {}


@needs_a_book
@each_book
@pytest.mark.xdist_group("pages")
def test_no_page_is_wider_than_a_phone(browser, book):
    assert {name: about["width"] for name, about in look(browser, book).items() if about["width"] > 390} == {}


def test_every_exception_has_its_reason():
    assert all(len(reason.split()) > 5 for reason in THEIRS.values())


@needs_a_book
def test_pages_are_found():
    assert all(len(pages(book)) > 5 for book in BUILT.values())
