"""Built pages in a browser: accessible to all, no wider than a phone, without errors, without requests elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import axe_playwright_python
import yaml

from tests.book.built import ROOT, each_book, needs_a_book, pages

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe*.js")).read_text(encoding="utf-8")
# Of the theme, each with the reason why it stays.
THEIRS = yaml.safe_load((ROOT / "tests/book/theme_violations.yaml").read_text(encoding="utf-8"))
# The head of a column may be a formula: axe does not count what MathJax writes for those who cannot see it.
RULES = """axe.run(document, {rules: {"label-content-name-mismatch": {enabled: true}},
    resultTypes: ["violations"], preload: false}).then(found => found.violations.flatMap(each =>
    each.nodes.filter(node => each.id !== "empty-table-header" || !document.querySelector(node.target[0])
        ?.querySelector("mjx-assistive-mml")).map(node => [each.id, node.target.join(" "), node.html.slice(0, 160)])))"""

# Shapes of a picture are nothing to those who cannot see it, but axe takes most of its time for them.
EMPTIED = """document.querySelectorAll("svg").forEach(each =>
    each.querySelector("a, foreignObject, [tabindex], [role], [aria-label], [aria-labelledby], [aria-describedby]")
    || each.replaceChildren(...each.querySelectorAll(":scope > title, :scope > desc")))"""

# Of rows and of names of the code that have the same elements with the same classes, a few stand for all.
ALIKE = """(() => {
    const seen = {};
    document.querySelectorAll("tbody > tr, dl.py").forEach(each => {
        const shape = [each, ...each.querySelectorAll("*")].map(part => part.tagName + part.className).join();
        seen[shape] = (seen[shape] ?? 0) + 1;
        if (seen[shape] > 3) each.remove();
    });
})()"""
WIDER = """() => {
    document.querySelectorAll("details").forEach(each => each.open = !each.closest("td, th"));
    return [...document.querySelectorAll(".gfn-table, .gfn-scroll")].filter(each => each.scrollWidth > each.clientWidth + 1)
        .map(each => [each.getAttribute("aria-label"), each.scrollWidth, each.clientWidth]);
}"""


@needs_a_book
@each_book
def test_pages_are_accessible_fit_a_phone_and_work(browser, book):
    """One test, so that each page is opened once: what axe finds, how wide it is, and what goes wrong."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, reduced_motion="reduce")
    page, found, wrong = context.new_page(), {}, []
    page.set_default_timeout(180_000)  # of a machine that does much else
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"no {request.url}"))
    page.on("request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or wrong.append(request.url))
    for path in pages(book):
        wrong.clear()
        page.goto(path.as_uri(), wait_until="load")
        page.evaluate("window.MathJax?.startup?.promise")  # formulas are there
        width = page.evaluate("document.documentElement.scrollWidth")
        page.evaluate(EMPTIED)
        page.evaluate(ALIKE)
        page.evaluate(AXE)
        problems = [each for each in page.evaluate(RULES) if each[0] not in THEIRS]
        problems += [*wrong, *([f"{width} pixels wide"] if width > 390 else [])]
        if problems:
            found[path.relative_to(book).as_posix()] = problems
    context.close()
    assert found == {}


@needs_a_book
@each_book
def test_tables_fit_a_wide_page(browser, book):
    """All of a table is seen at once, also of those that are folded; cells of the smoke profile may be longer, as they say what failed."""
    most = 1.25 if "smoke" in book.parts else 1
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, found = context.new_page(), {}
    for path in pages(book):
        if not re.search("gfn-table|gfn-scroll", path.read_text(encoding="utf-8")):
            continue
        page.goto(path.as_uri(), wait_until="load")
        if wider := [each for each in page.evaluate(WIDER) if each[1] > most * each[2] + 1]:
            found[path.relative_to(book).as_posix()] = wider
    context.close()
    assert found == {}


def test_every_exception_has_its_reason():
    assert all(len(reason.split()) > 5 for reason in THEIRS.values())


@needs_a_book
@each_book
def test_pages_are_found(book):
    """Each to which the contents of the first page lead, so that what looks at all pages leaves none out."""
    first = (book / "intro.html").read_text(encoding="utf-8")
    contents = re.search(r'<nav class="bd-links[^>]*>(.*?)</nav>', first, re.S)[1]
    led = set(re.findall(r'href="([^"#:]+\.html)', contents))
    assert len(led) > 5
    assert led <= {path.relative_to(book).as_posix() for path in pages(book)}
