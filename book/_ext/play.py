"""Sphinx extension: the pages to play with. Their scripts, styles and data are linked from these pages alone.

The directive ``{play} NAME`` puts a still picture and the same facts in words on the page; the script NAME.js takes
their place where scripts run. All that scripts need lies in files beside the book, so it works from a disk, too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from docutils import nodes
from play_data import densities_script, verdicts_script
from play_stills import STILLS
from sphinx.util.docutils import SphinxDirective

FOLDER = "play"  # of the pages, their scripts and their style
TABLE = "paper/verdicts.csv"
SCRIPTS = {
    "alpha": ("common.js", "densities.js", "alpha.js"),
    "cloud": ("common.js", "estimators.js", "cloud.js"),
    "explorer": ("common.js", "verdicts.js", "judge.js", "explorer.js"),
}


def html(name: str, table: Path) -> str:
    """What stands on a page until its script starts: an element of its own with a picture and a table.

    Arguments:
        name: a key of ``SCRIPTS``.
        table: the book's ``verdicts.csv``.
    """
    note = '<p class="gfn-play-note">A still picture: sliders take its place where scripts run.</p>'
    return f'<div class="gfn-play" id="gfn-{name}"><div class="gfn-play-still">{STILLS[name](table)}{note}</div></div>'


class Play(SphinxDirective):
    """``{play} NAME``: the place of a thing to play with."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Raw HTML; the page is read again when the table or the code of pictures changes."""
        table = Path(self.env.srcdir) / TABLE
        for path in (table, Path(__file__).with_name("play_stills.py")):
            self.env.note_dependency(str(path))
        return [nodes.raw("", html(self.arguments[0], table), format="html")]


def link(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Only a page to play with loads what it needs, after it has been shown."""
    folder, _, name = pagename.rpartition("/")
    if folder == FOLDER and name in SCRIPTS:
        app.add_css_file("play/gfn-play.css")  # by this name the sheet is taken whole: scripts make its classes
        for script in SCRIPTS[name]:
            app.add_js_file(f"play/{script}", loading_method="defer")


def write(source: Path, folder: Path) -> None:
    """Scripts, style and data of a book.

    Arguments:
        source: where the book's pages are.
        folder: where all of it goes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((source / FOLDER).glob("*.js")) + sorted((source / FOLDER).glob("*.css")):
        shutil.copy(path, folder)
    (folder / "verdicts.js").write_text(verdicts_script(source / TABLE), encoding="utf-8")
    (folder / "densities.js").write_text(densities_script(), encoding="utf-8")


def finish(app, exception: Exception | None) -> None:
    """Put the files where Sphinx has those of all pages."""
    if exception is None and app.builder.format == "html":
        write(Path(app.srcdir), Path(app.outdir) / "_static" / "play")


def setup(app):
    app.add_directive("play", Play)
    app.connect("html-page-context", link)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
