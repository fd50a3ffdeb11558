"""Sphinx extension: the directive ``all-runs``, a table of the stored runs that pages of this book use.

Runs are those of the published edition, or of the store that the environment variable GFN_RESULTS names.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from gfn.study.paper import project_folder
from gfn.study.presentation.all_runs import html
from gfn.study.results import published_store


class AllRuns(SphinxDirective):
    """The table, as HTML; other formats go without."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        store, root = published_store().resolve(), project_folder().resolve()
        shown = store.relative_to(root).as_posix() if store.is_relative_to(root) else store.name
        table = html(store, self.env.found_docs, shown)
        return [nodes.raw("", table, format="html")]


def setup(app):
    app.add_directive("all-runs", AllRuns)
    return {"parallel_read_safe": True}
