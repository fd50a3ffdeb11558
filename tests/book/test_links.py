"""Every link inside a built book has an end: pages, anchors, pictures, downloads, styles and scripts."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from tests.book.built import each_book, needs_a_book

TARGET = re.compile(r"""<(a|link|script|img|source|object|iframe)\b[^>]*?\s(?:href|src|data)=("[^"]*"|'[^']*')""")
ANCHOR = re.compile(r"""\s(?:id|name)=("[^"]+"|'[^']+')""")
OUTSIDE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.I)
SCRIPTS = re.compile(r"<script\b[^>]*>.*?</script>|<style\b.*?</style>|<!--.*?-->", re.S)


def broken(book: Path) -> list[str]:
    """A line for each link without an end."""
    found, anchors, checked = [], {}, set()
    for page in sorted(book.rglob("*.html")):
        text = SCRIPTS.sub(lambda script: script[0].partition(">")[0] + ">", page.read_text(encoding="utf-8"))
        anchors[page.resolve()] = {unescape(each[1:-1]) for each in ANCHOR.findall(text)}
        for _, quoted in TARGET.findall(text):
            target = unescape(quoted[1:-1])
            if not OUTSIDE.match(target):
                checked.add((page, target))
    assert len(checked) > 100
    for page, target in sorted(checked):
        path, _, anchor = target.partition("#")
        path = unquote(path.partition("?")[0])
        place = (book / path.lstrip("/") if path.startswith("/") else page.parent / path) if path else page
        place = place / "index.html" if place.is_dir() else place
        if not place.exists():
            found.append(f"{page.relative_to(book)}: {target} is not there")
        elif anchor and place.suffix == ".html" and unquote(anchor) not in anchors.get(place.resolve(), set()):
            found.append(f"{page.relative_to(book)}: {target} has no such anchor")
    return found


@needs_a_book
@each_book
def test_every_link_has_an_end(book):
    assert broken(book) == []


@needs_a_book
@each_book
def test_styles_ask_for_files_that_are_there(book):
    sheets = sorted((book / "_static").glob("*.css"))
    assert sheets
    for sheet in sheets:
        for target in re.findall(r"url\(['\"]?(?!data:|#)([^'\")]+)['\"]?\)", sheet.read_text(encoding="utf-8")):
            if not target.endswith((".ttf", ".ttf?")):  # browsers take the first format, which is there
                assert (sheet.parent / target.partition("?")[0].partition("#")[0]).exists(), target


def test_a_broken_link_is_noticed(tmp_path):
    """A file, an anchor and a picture that are not there, among many that are."""
    good = "".join(f'<a href="b.html#p{n}">x</a><i id="p{n}"></i>' for n in range(120))
    (tmp_path / "b.html").write_text(good, encoding="utf-8")
    bad = (
        '<a href="b.html#q"></a><a class="x" href="c.html"></a><img alt="" src="d.png"><a href="https://e.org/f">y</a>'
    )
    (tmp_path / "a.html").write_text(bad, encoding="utf-8")
    assert broken(tmp_path) == [
        "a.html: b.html#q has no such anchor",
        "a.html: c.html is not there",
        "a.html: d.png is not there",
    ]
