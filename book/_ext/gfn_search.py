"""Sphinx extension: a search that finds Rényi as renyi, and the words of tables and figures as such."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from docutils import nodes
from sphinx.search.en import SearchEnglish

SCORER = Path(__file__).resolve().parent / "scorer.js"
# Sphinx takes the tags of raw HTML out and leaves nothing in their place: the cells of a table would be one word.
# Behind the end of these no blank is seen.
NEXT = re.compile(r"(</(?:t[dhr]|text|div|p|li|summary|caption)>)(?=<)")


class Folded(SearchEnglish):
    """English, where a word with accents is found without them, too: Rényi and renyi."""

    def split(self, input: str) -> list[str]:
        words = super().split(input)
        return words + [plain for word in words if (plain := fold(word)) != word]


def fold(word: str) -> str:
    """A word without its accents."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))


def apart(app, doctree, docname) -> None:
    """A blank between what stands side by side in raw HTML."""
    for raw in doctree.findall(nodes.raw):
        if "html" in raw.get("format", "").split():
            raw[:] = [nodes.Text(NEXT.sub(r"\1 ", raw.astext()))]
            raw.rawsource = raw.astext()


def configure(app, config) -> None:
    config.html_search_scorer = str(SCORER)


def setup(app):
    app.add_search_language(Folded)
    app.connect("config-inited", configure, priority=900)
    app.connect("doctree-resolved", apart)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
