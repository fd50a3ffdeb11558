"""Figures as a page shows them: one SVG for a wide screen and one for a phone, in the colours of the page."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from gfn.study.presentation.svg import for_page

MANY = 300  # marks that are drawn as a picture, since each would be an element of its own
WRITING = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "gfn",
    "svg.image_inline": True,
    "path.simplify": True,
    "path.simplify_threshold": 0.3,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.03,
}
DOTS = 150  # of such a picture, an inch
NOTHING = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def html(figure: Figure) -> str:
    """A figure as HTML: an SVG of it, and one of ``figure.narrow``, where it has that, for narrow screens.

    The stylesheet and the script of the book (``gfn-figures``) show one of the two, and enlarge it; without them the wide
    one is shown in light colours.
    """
    label = words(figure)
    narrow = getattr(figure, "narrow", None)
    shown = [for_page(_svg(figure), label, "gfn-wide")]
    if narrow is not None:
        shown.append(for_page(_svg(narrow), label, "gfn-narrow"))
    kind = "gfn-figure" if narrow is None else "gfn-figure gfn-both"
    return f'<div class="{kind}">{"".join(shown)}</div>'


def alone(figure: Figure, label: str) -> str:
    """A figure as one SVG, for a file that pages take in: it follows their colours, and is light where there is no page.

    Arguments:
        figure: which.
        label: what it shows, for those who do not see it.
    """
    return for_page(_svg(figure), label, "gfn-wide")


def words(figure: Figure) -> str:
    """What a figure shows in words, from the titles of its panels, the labels of their axes and its legend."""
    panels = [axis for axis in figure.axes if axis.axison and axis.get_label() != "<colorbar>"]
    titles = [_line(axis.get_title() or axis.get_title(loc="left")) for axis in panels]
    titles = [title for title in titles if title]
    along, up = (_first(panels, name) for name in ("get_xlabel", "get_ylabel"))
    named = {_line(text.get_text()): None for legend in _legends(figure) for text in legend.get_texts()}
    said = [f"{len(panels)} panels" if len(panels) > 1 else "One panel"]
    said[0] += f": {'; '.join(titles)}" if titles else ""
    said += [f"Across: {along}"] if along else []
    said += [f"Up: {up}"] if up else []
    said += [f"Shown: {'; '.join(named)}"] if named else []
    return ". ".join(said) + "."


def register(shell: Any) -> None:
    """Let a notebook show figures this way, and no other."""
    # When a kernel's backend is first loaded, it takes away what figures are shown by: so it is loaded here.
    from matplotlib_inline import backend_inline
    from matplotlib_inline.config import InlineBackend

    del backend_inline
    InlineBackend.instance(parent=shell).figure_formats = set()
    for formatter in shell.display_formatter.formatters.values():
        formatter.pop(Figure, None)
    shell.display_formatter.formatters["text/html"].for_type(Figure, html)


def _svg(figure: Figure) -> str:
    for axis in figure.axes:
        for marks in axis.lines:
            if marks.get_marker() not in (None, "None", "none", "", " ") and len(marks.get_xdata()) > MANY:
                marks.set_rasterized(True)
        for cloud in axis.collections:
            if len(cloud.get_offsets()) > MANY:
                cloud.set_rasterized(True)
    with mpl.rc_context(WRITING):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", dpi=DOTS, transparent=False, metadata=NOTHING)
    return buffer.getvalue()


def _legends(figure: Figure) -> list[Any]:
    inner = (axis.get_legend() for axis in figure.axes)
    return [*figure.legends, *(legend for legend in inner if legend is not None)]


def _first(panels: list[Axes], name: str) -> str:
    return next((_line(label) for label in (getattr(axis, name)() for axis in panels) if label), "")


def _line(text: str | Text) -> str:
    return " ".join(str(text).replace("$", "").split())
