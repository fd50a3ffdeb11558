"""What cells show, in words: the label of a figure is ``mystnb.image.alt`` of its cell, and no two regions have one name."""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

REGION = re.compile(r'( role="region" aria-label=")([^"]*)(?=")')
OPEN = '<details class="gfn-plots" open="open">'
LABEL = re.compile(r'(<svg [^>]*?role="img" aria-label=")[^"]*(")')


def relabel(app: Sphinx, document: nodes.document) -> None:
    """Write the words of each cell into the figures that it shows."""
    for cell in list(document.findall(nodes.container)):
        words = (cell.get("cell_metadata") or {}).get("mystnb", {}).get("image", {}).get("alt")
        escaped = html.escape(words or "").replace("\\", r"\\")
        for raw in list(cell.findall(nodes.raw)) if words else ():
            if "gfn-figure" in raw.astext():
                _show(raw, LABEL.sub(rf"\g<1>{escaped}\g<2>", raw.astext()))


def number(app: Sphinx, document: nodes.document) -> None:
    """Tables that would have the same name are counted, from the top of the page: the second is ``… (2)``."""
    seen: Counter[str] = Counter()

    def counted(found: re.Match[str]) -> str:
        seen[found[2]] += 1
        return found[0] + (f" ({seen[found[2]]})" if seen[found[2]] > 1 else "")

    for raw in list(document.findall(nodes.raw)):
        if REGION.search(raw.astext()):
            _show(raw, REGION.sub(counted, raw.astext()))


def widen(app: Sphinx, document: nodes.document) -> None:
    """Wide tables have the margin, too, as the theme's tag ``full-width`` gives it."""
    for cell in list(document.findall(nodes.container)):
        if cell.get("nb_element") == "cell_code" and any(
            "gfn-dense" in raw.astext() for raw in cell.findall(nodes.raw)
        ):
            cell["classes"] += [name for name in ("tag_full-width",) if name not in cell["classes"]]


def fold(app: Sphinx, document: nodes.document) -> None:
    """A page that begins with an overview of verdicts has their plots folded: a link to one unfolds it (gfn-pages.js)."""
    raws = list(document.findall(nodes.raw))
    if any("gfn-overview" in raw.astext() for raw in raws):
        for raw in raws:
            if OPEN in raw.astext():
                _show(raw, raw.astext().replace(OPEN, OPEN.replace(' open="open"', "")))


def _show(raw: nodes.raw, text: str) -> None:
    raw.replace_self(nodes.raw("", text, format=raw["format"], classes=raw["classes"]))


def unnumbered(app: Sphinx, config: Config) -> None:
    """Captions have no numbers of their own beside those of the paper; Jupyter Book's part for LaTeX turns them on."""
    config["numfig"] = False


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", relabel)
    app.connect("doctree-read", number)
    app.connect("doctree-read", fold)
    app.connect("doctree-read", widen)
    app.connect("config-inited", unnumbered, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
