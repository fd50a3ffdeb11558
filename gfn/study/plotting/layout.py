"""Where panels go: in the rows of a wide figure, and one or two abreast in a narrow one, for a phone."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

NARROW: ContextVar[bool] = ContextVar("narrow", default=False)
WIDTH = 3.7  # inches of a narrow figure; on a screen of 390 pixels a point of type is 1.3 pixels then
LEGEND_ROW = 0.17  # inches
LEAST = 7.2  # points of type there
PANEL = 0.85  # of the height of a row of panels, what the label of its axis may take
LETTER = 0.55  # of the size of type, what a letter is wide at least
TYPE = {
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 8,
    "axes.titlepad": 4,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "xtick.minor.size": 2,
    "ytick.minor.size": 2,
}


def responsive(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """A function that draws a figure, which is then drawn twice: what it returns has a narrow version as ``figure.narrow``."""

    @wraps(draw)
    def both(*args: Any, **options: Any) -> Figure:
        figure = draw(*args, **options)
        token = NARROW.set(True)
        try:
            with mpl.rc_context(TYPE):
                figure.narrow = draw(*args, **options)
                legible(figure.narrow)
        finally:
            NARROW.reset(token)
        return figure

    return both


def versions(figure: Figure) -> list[Figure]:
    """The figure and its narrow version, if it has one."""
    return [figure, figure.narrow] if hasattr(figure, "narrow") else [figure]


@contextmanager
def type_of(figure: Figure) -> Iterator[None]:
    """A context in which more is drawn into a figure, in the sizes of type of its version, wide or narrow."""
    narrow = figure.get_figwidth() == WIDTH
    token = NARROW.set(narrow)
    try:
        with mpl.rc_context(TYPE if narrow else {}):
            yield
    finally:
        NARROW.reset(token)


def wrapped(
    count: int, columns: int, each: tuple[float, float], more: float = 0.0, narrow: int = 2, **shared: Any
) -> tuple[Figure, np.ndarray]:
    """A figure with ``count`` panels in rows, and the grid of all its places, of which the last may be switched off.

    Arguments:
        count: panels.
        columns: of a wide figure, at most.
        each: width and height of a panel there, in inches.
        more: height for what stands below them.
        narrow: columns of a narrow figure, at most.
        shared: ``sharex`` and ``sharey`` as of ``pyplot.subplots``.
    """
    columns = min(count, columns, narrow) if NARROW.get() else min(count, columns)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=_size(rows, columns, each, more), squeeze=False, **shared)
    for axis in axes.flat[count:]:
        axis.set_axis_off()
    return figure, axes


def grid(
    rows: int, columns: int, each: tuple[float, float], narrow: int = 2, sharex: bool | str = False, **shared: Any
) -> tuple[Figure, np.ndarray]:
    """A figure with ``rows`` times ``columns`` panels; in a narrow one, a row that is too long goes on in the next.

    Arguments:
        rows, columns: of what is returned.
        each: width and height of a panel of a wide figure, in inches.
        narrow: columns of a narrow figure, at most.
        sharex, shared: ``sharex`` and ``sharey`` as of ``pyplot.subplots``.

    Returns:
        The figure and its panels ``[rows, columns]``.
    """
    across = min(columns, narrow) if NARROW.get() else columns
    if across == columns:
        return plt.subplots(
            rows, columns, figsize=_size(rows, columns, each, 0.0), squeeze=False, sharex=sharex, **shared
        )
    deep = -(-columns // across)
    figure = plt.figure(figsize=_size(rows * deep, across, each, 0.0))
    places = figure.add_gridspec(rows * deep, across)
    axes = np.empty((rows, columns), object)
    for row, column in np.ndindex(axes.shape):
        alike = {True: axes[0, 0], "all": axes[0, 0], "row": axes[row, 0], "col": axes[0, column]}
        place = places[row * deep + column // across, column % across]
        share = {"sharex": alike.get(sharex), "sharey": alike.get(shared.get("sharey", False))}
        axes[row, column] = axis = figure.add_subplot(place, **share)
        if share["sharey"] is not None and column % across:
            axis.tick_params(labelleft=False)
        # What shares its horizontal axis with one below it needs no numbers of its own.
        if sharex in (True, "all") and not (row == rows - 1 and column + across >= columns):
            axis.tick_params(labelbottom=False)
    return figure, axes


def one(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with a single panel, its size in inches for a wide screen."""
    figure, axes = wrapped(1, 1, (width, height))
    return figure, axes[0, 0]


def name_rows(axis: Axes, names: Sequence[str]) -> None:
    """Name the rows of a panel, from below, at 0, 1, 2 and so on, with lines between them; in a narrow figure names are broken."""
    broken = [textwrap.fill(name, 17) for name in names] if NARROW.get() else names
    axis.set_yticks(range(len(names)), broken)
    axis.set_ylim(-0.5, len(names) - 0.5)
    axis.set_yticks([place + 0.5 for place in range(len(names) - 1)], minor=True)
    axis.tick_params(axis="y", which="minor", length=0)
    axis.grid(axis="y", visible=False)
    axis.grid(axis="y", which="minor")


def legend_beside(axis: Axes, **options: Any) -> None:
    """The legend of a single panel on its right, or below where there is no room for it."""
    if NARROW.get():
        legend_below(axis.figure, np.array([axis]))
    else:
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1), **options)


def legend_below(figure: Figure, axes: np.ndarray) -> None:
    """One legend for the lines of all panels, under the figure, in as many columns as it has room for."""
    entries = {label: line for axis in axes.flat for line, label in zip(*axis.get_legend_handles_labels())}
    put_legend(figure, list(entries.values()), list(entries))


def put_legend(figure: Figure, marks: Sequence[Any], labels: Sequence[str]) -> None:
    """A legend of these marks under a figure; a narrow one becomes higher by it."""
    for old in list(figure.legends):
        old.remove()
    columns = legend_columns(figure, labels)
    figure.legend(marks, labels, loc="outside lower center", ncols=columns)
    if NARROW.get():
        rows = -(-len(labels) // columns)
        figure.set_figheight(figure.get_figheight() + LEGEND_ROW * (rows - getattr(figure, "legend_rows", 0)))
        figure.legend_rows = rows


def legend_columns(figure: Figure, labels: Sequence[str]) -> int:
    """In how many columns a legend with these labels fits under a figure."""
    size = FontProperties(size=mpl.rcParams["legend.fontsize"]).get_size_in_points() / 11
    widest = (0.7 + 0.085 * max(map(len, labels), default=0)) * size  # inches, of a line and its label
    fit = max(1 if NARROW.get() else 2, min(len(labels), int(figure.get_figwidth() / widest)))
    return min(fit, -(-len(labels) // -(-len(labels) // fit)))  # in rows of nearly the same length


def colour_bar(figure: Figure, image: Any, axes: np.ndarray | Axes, label: str) -> None:
    """What the colours of an image mean, at the right of a wide figure and below a narrow one."""
    place = {"shrink": 0.8}
    if NARROW.get():
        place |= {"location": "bottom", "aspect": 30}
        place |= {} if isinstance(image.norm, LogNorm) else {"ticks": MaxNLocator(5)}
    figure.colorbar(image, ax=axes, label=label, **place)


def label_grid(axes: np.ndarray, along: str, up: str) -> None:
    """Label panels that lie in a grid: the lowest of each of its columns, and the first of each of its rows.

    What is longer than a panel is high goes over two lines, so that it does not meet the label of the next row.
    """
    lowest = lowest_panels(axes)
    for axis in lowest:
        axis.set_xlabel(along)
        axis.xaxis.set_tick_params(labelbottom=True)
    for axis in first_panels(axes):
        axis.set_ylabel(_broken(axis, up))


def _broken(axis: Axes, label: str) -> str:
    """A label of the vertical axis in lines that are no longer than the panel is high, but for formulas."""
    rows = axis.get_subplotspec().get_gridspec().nrows
    high = PANEL * axis.figure.get_figheight() / rows * 72
    room = max(12, int(high / (LETTER * axis.yaxis.label.get_fontsize())))
    return label if "$" in label else "\n".join(_evenly(line, room) for line in label.split("\n"))


def _evenly(text: str, room: int) -> str:
    """A text in as few lines as have room for it, of nearly the same length."""
    lines = len(textwrap.wrap(text, room))
    tries = (textwrap.fill(text, width) for width in range(max(1, len(text) // max(1, lines)), room + 1))
    return next((found for found in tries if found.count("\n") < lines), text)


def lowest_panels(axes: np.ndarray) -> list[Axes]:
    """The lowest panel of each column of the figure, from the left."""
    shown = [axis for axis in axes.flat if axis.axison]
    columns = sorted({axis.get_subplotspec().colspan.start for axis in shown})
    under = {axis.get_subplotspec().colspan.start: axis for axis in sorted(shown, key=_depth)}
    return [under[column] for column in columns]


def first_panels(axes: np.ndarray) -> list[Axes]:
    """The panels in the first column of the figure, from above."""
    return [axis for axis in axes.flat if axis.axison and axis.get_subplotspec().is_first_col()]


def legible(figure: Figure) -> None:
    """Make no text of a narrow figure smaller than can be read, and break titles that are wider than their panel."""
    for axis in figure.axes:
        for each in (axis.xaxis, axis.yaxis):
            each.set_tick_params(labelsize=_at_least(each.get_ticklabels()))
        title = axis.title
        columns = 1 if axis.get_subplotspec() is None else axis.get_subplotspec().get_gridspec().ncols
        room = int(0.87 * WIDTH / columns * 72 / (LETTER * title.get_fontsize()))
        title.set_text("\n".join(textwrap.fill(line, room) for line in title.get_text().split("\n")))
    if figure._suptitle is not None:
        heading = figure._suptitle
        heading.set_text(textwrap.fill(heading.get_text(), int(WIDTH * 72 / (LETTER * heading.get_fontsize()))))
    for text in figure.findobj(Text):
        text.set_fontsize(max(text.get_fontsize(), LEAST))


def _at_least(labels: Sequence[Text]) -> float:
    return max(LEAST, labels[0].get_fontsize()) if labels else LEAST


def _depth(axis: Axes) -> int:
    return axis.get_subplotspec().rowspan.start


def _size(rows: int, columns: int, each: tuple[float, float], more: float) -> tuple[float, float]:
    """Of a figure in inches; panels of a narrow one are as wide as they can be, and nearly of the same shape."""
    width, height = each
    if not NARROW.get():
        return width * columns, height * rows + more
    room = WIDTH / columns
    return WIDTH, min(1.2, max(0.9 if columns > 1 else 0.6, height / width)) * room * rows + 0.35 + more / 2
