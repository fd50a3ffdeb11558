"""Figures of notebooks: their label is what ``mystnb.image.alt`` of their cell says, and their captions have no numbers."""

from __future__ import annotations

import html
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

LABEL = re.compile(r'(<svg [^>]*?role="img" aria-label=")[^"]*(")')


def relabel(app: Sphinx, document: nodes.document) -> None:
    """Write the words of each cell into the figures that it shows."""
    for cell in document.findall(nodes.container):
        words = (cell.get("cell_metadata") or {}).get("mystnb", {}).get("image", {}).get("alt")
        escaped = html.escape(words or "").replace("\\", r"\\")
        for raw in cell.findall(nodes.raw) if words else ():
            if "gfn-figure" in raw.astext():
                shown = LABEL.sub(rf"\g<1>{escaped}\g<2>", raw.astext())
                raw.replace_self(nodes.raw("", shown, format="html", classes=raw["classes"]))


def unnumbered(app: Sphinx, config: Config) -> None:
    """Captions have no numbers of their own beside those of the paper; Jupyter Book's part for LaTeX turns them on."""
    config["numfig"] = False


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", relabel)
    app.connect("config-inited", unnumbered, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
