"""Figures of notebooks say in words what their cells say of them: the text of ``mystnb.image.alt`` becomes their label."""

from __future__ import annotations

import html
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

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


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", relabel)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
