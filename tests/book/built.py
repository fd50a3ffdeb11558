"""The books that there are to look at: what ``make test`` has built at the smoke profile, and a preview."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import gfn

ROOT = Path(gfn.__file__).parents[1]
VARIABLE = "GFN_BOOK"  # another book, for whoever writes
PLACES = {"smoke": ROOT / "build/smoke/book/_build/html", "preview": ROOT / "build/preview/book/_build/html"}
if given := os.environ.get(VARIABLE):
    PLACES = {"given": Path(given)}
BUILT = {
    name: place for name, place in PLACES.items() if (place / "intro.html").exists() and (place / "404.html").exists()
}

needs_a_book = pytest.mark.skipif(not BUILT, reason="no book is built: make test builds one, and so does make preview")
each_book = pytest.mark.parametrize("book", BUILT.values() or [None], ids=list(BUILT) or ["none"])


def pages(book: Path) -> list[Path]:
    """What a reader comes to."""
    found = [path for path in sorted(book.rglob("*.html")) if "_static" not in path.parts]
    return [path for path in found if path.name not in ("index.html", "404.html")]
