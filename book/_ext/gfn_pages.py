"""Mends what Sphinx and the theme write: markup that hinders screen readers, scripts that no page needs, links without an end."""

from __future__ import annotations

import re
from pathlib import Path

# Each with the reason why the theme's own is not good enough.
MENDED = (
    # Icons come from the font, so that the script with all of them (1.5 MB on every page) is not needed.
    (r'<script defer src="[^"]*fontawesome\.js[^"]*"></script>', ""),
    (r"<!-- So that users can add custom icons -->\s*", ""),
    # Preloaded scripts that nobody waits for take the line from the styles that everybody waits for.
    (r'<link rel="preload" as="script"[^>]*>', ""),
    (r"<!-- Pre-loaded scripts that we'll load fully later -->\s*", ""),
    # What starts kernels in a page, which no page does.
    (r'<script type="text/x-thebe-config">[\s\S]*?</script>\s*(<script>kernelName = [^<]*</script>)?\s*', ""),
    # The same line stands there three times.
    (r'(<meta name="viewport"[^>]*>)(?=[\s\S]*<meta name="viewport")', ""),
    # axe, empty-table-header: a cell without words heads nothing.
    (r"<th\b([^>]*)>\s*(?:<p>\s*</p>|&nbsp;|\s)*</th>", r"<td\1></td>"),
    # axe, region: the title of the book is in no landmark.
    (
        r'<div id="pst-primary-sidebar" class',
        '<div id="pst-primary-sidebar" role="region" aria-label="Title and search" class',
    ),
    # axe, aria-allowed-role, aria-deprecated-role and aria-required-children: references are not list items.
    (r' role="doc-biblioentry"', ""),
    (r'<div role="list" class="citation-list"', '<div class="citation-list"'),
    # axe, label-content-name-mismatch: what a button says is its name, and not another one.
    (r'(<button class="[^"]*search-button-field[^>]*?)\s+aria-label="[^"]*"', r"\1"),
)
MENDED = tuple((re.compile(pattern), text) for pattern, text in MENDED)
# Only the page of the search needs the index, which is large.
SEARCH = re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>')
HEAD = re.compile(r"<head>.*?</head>", re.S)
# Scripts wait for the page; those in the page that speak to one of them wait, too.
DEFERRED = (
    (re.compile(r'<script(?![^>]*\b(?:defer|async)\b)([^>]*\bsrc="[^"]*")'), r"<script defer\1"),
    (re.compile(r"<script>(?=DOCUMENTATION_OPTIONS\.)"), '<script type="module">'),
)


def mend(out: Path) -> None:
    """All pages of a book, each in its place.

    Arguments:
        out: the folder of the HTML.
    """
    for path in sorted(out.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        new = mended(text, search=path.name == "search.html")
        if new != text:
            path.write_text(new, encoding="utf-8")


def mended(text: str, search: bool = False) -> str:
    """A page as it should have been; one that is mended stays as it is.

    Arguments:
        text: the HTML.
        search: whether it is the page of the search.
    """
    for pattern, instead in MENDED:
        text = pattern.sub(instead, text)
    if not search:
        text = HEAD.sub(lambda head: SEARCH.sub("", head[0]), text, count=1)
    for pattern, instead in DEFERRED:
        text = pattern.sub(instead, text)
    return text
