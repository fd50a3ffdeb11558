"""Equations have numbers within a chapter: a link to one of another chapter names the chapter."""

from __future__ import annotations

import json
import re
from pathlib import Path

import gfn

BOOK = Path(gfn.__file__).parents[1] / "book"


def paragraphs(path: Path) -> list[str]:
    """Of a page of Markdown, or of the Markdown cells of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    return text.split("\n\n")


def test_links_to_equations_of_other_chapters_name_the_chapter():
    """In the same paragraph, as a link."""
    pages = [*BOOK.rglob("*.md"), *BOOK.rglob("*.ipynb")]
    homes = {
        label: page.stem
        for page in pages
        for label in re.findall(r"^:label: (eq-\S+)$", page.read_text(encoding="utf-8"), re.M)
    }
    silent, linked = [], 0
    for page in pages:
        for paragraph in paragraphs(page):
            for label in re.findall(r"\{eq\}`([^`]+)`", paragraph):
                linked += 1
                named = re.search(rf"\{{doc\}}`[^`]*\b{homes[label]}>?`", paragraph)
                if homes[label] != page.stem and not named:
                    silent.append(f"{page.relative_to(BOOK)}: {label}")
    assert linked > 20
    assert not silent
