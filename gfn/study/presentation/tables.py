"""One renderer for all tables of the book: pandas frames and series as HTML, and tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from gfn.study.presentation.digits import DASH, fixed, neat, number, short
from gfn.study.presentation.names import readable

# What may stand beside the digits in a cell that counts as a number.
BESIDE = re.compile(r"\b(to|of|never|nats|seeds?|ms|s|GB|GiB|MB|MiB|KB|KiB)\b|(?<=[\d. ])[kMx]\b")
SIGNS = re.compile(r"[\d\s.,±%×<>≤≥≈~→()\[\]⁻⁰¹²³⁴⁵⁶⁷⁸⁹∞–—−+/-]*")
EMPTY = (DASH, "—", "-", "", "nan")
ROW, NUMBER, WORDS = "gfn-table-row", "gfn-number", "gfn-words"
# Columns with cells of so many letters are never narrower than the stylesheet says.
LONG = ((60, "gfn-words gfn-text"), (12, "gfn-words gfn-phrase"), (0, WORDS))
PLACES = 8  # after the point; a column that needs more holds numbers as they were measured, not rounded ones
LETTER, BETWEEN, ROOM = 7, 13, 660  # px of a letter, between columns, and for a table, from which on it is set closer
BROKEN = 16  # letters of words that stay in one line


def html(frame: pd.DataFrame | pd.Series, label: str | None = None) -> str:
    """A table as HTML, in a region that scrolls by itself and can be reached by keyboard.

    Names are those of :func:`~gfn.study.presentation.names.readable`, numbers those of
    :mod:`~gfn.study.presentation.digits`. A line break in a text stays one.

    Arguments:
        frame: rows and columns may have several levels. A series is a table of one column.
        label: what the table is to those who hear it; by default the names of its rows and columns.
    """
    frame = frame.to_frame() if isinstance(frame, pd.Series) else frame
    levels = [_label_texts(frame.index.get_level_values(n)) for n in range(frame.index.nlevels)]
    cells = [_column_texts(frame.iloc[:, n]) for n in range(frame.shape[1])]
    kinds = [NUMBER if are_numbers(texts) else _words(texts) for texts in (*levels, *cells)]
    named = frame.index.nlevels > 1 or frame.index.name is not None or not isinstance(frame.index, pd.RangeIndex)
    if not named:  # rows are counted, which says nothing
        levels, kinds = [], kinds[1:]
    heads = _head(frame, len(levels), kinds)
    rows = _body(levels, cells, kinds)
    said = escape(label or _label(frame), quote=True)
    look = "gfn-table gfn-dense" if _width([*levels, *cells], kinds) > ROOM else "gfn-table"
    return (
        f'<div class="{look}" role="region" aria-label="{said}" tabindex="0">\n<table>\n'
        f"<thead>\n{heads}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>"
    )


def markdown(text: str) -> str:
    """A text with readers' names and numbers in the cells of its tables; all else, links and formulas too, as it is."""
    return "\n".join(_markdown_row(row) if row.startswith("|") else row for row in text.split("\n"))


def are_numbers(texts: Iterable[str]) -> bool:
    """Whether the texts of a column are numbers, with signs and units at most; a dash stands for one that is missing."""
    texts = [text for text in texts if text.strip() not in EMPTY]
    return bool(texts) and all(
        re.search(r"[\d∞]", text) is not None and SIGNS.fullmatch(BESIDE.sub("", text)) is not None for text in texts
    )


def register(formatters: Mapping[str, Any]) -> None:
    """Have IPython show frames, series and Markdown by the functions of this module.

    Arguments:
        formatters: of IPython's display formatter, by MIME type.
    """
    from IPython.display import Markdown

    for kind in (pd.DataFrame, pd.Series):
        formatters["text/html"].for_type(kind, html)
    formatters["text/markdown"].for_type(Markdown, lambda text: markdown(text.data))


def _words(texts: Sequence[str]) -> str:
    longest = max(map(len, texts), default=0)
    return next(kind for letters, kind in LONG if longest >= letters)


def _width(columns: Sequence[Sequence[str]], kinds: Sequence[str]) -> int:
    """About how wide a table would be, in px."""
    lines = [[line for text in texts for line in text.split("\n")] for texts in columns]
    longest = [max(map(len, each), default=0) for each in lines]
    letters = [many if kind == NUMBER else min(many, BROKEN) for many, kind in zip(longest, kinds)]
    return sum(LETTER * many + BETWEEN for many in letters)


def _column_texts(column: pd.Series) -> list[str]:
    """The cells of a column; rounded numbers have as many places as the column was rounded to, and whole ones none."""
    values = list(column)
    floats = [float(v) for v in values if _is_number(v) and np.isfinite(v)]
    needed = next((n for n in range(PLACES + 1) if all(round(v, n) == v for v in floats)), None) if floats else None
    return [_text(value, needed) for value in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _text(value: Any, places: int | None = None) -> str:
    if value is None or value is pd.NaT or value is pd.NA:
        return DASH
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if _is_number(value):
        if not np.isfinite(value) or places is None:
            return number(float(value))
        if places == 0 or isinstance(value, int | np.integer):
            return fixed(value, 0)
        shown = number(float(value))
        digits = len(shown.partition(".")[2])
        return shown if "×" in shown or digits <= places else fixed(value, places)
    return DASH if str(value) == "nan" else neat(readable(str(value)))


def _label_texts(values: Iterable[Hashable]) -> list[str]:
    """Labels of rows or columns; numbers among them are settings, and have no more digits than they need."""
    return [_label_text(value) for value in values]


def _label_text(value: Hashable) -> str:
    if _is_number(value) and np.isfinite(value):  # type: ignore[arg-type]
        return short(value)  # type: ignore[arg-type]
    return _text(value)


def _head(frame: pd.DataFrame, stubs: int, kinds: Sequence[str]) -> str:
    """The rows of the head: over all columns what they are, then their labels, with the names of the rows' labels last."""
    columns = frame.columns
    above = ", ".join(_label_text(name) for name in columns.names if name not in (None, ""))
    wide = f'colspan="{len(columns)}" scope="colgroup"'
    lines = [_cell("th", above, "gfn-over", wide)] if above and len(columns) else []
    lines += [_level(frame, level, kinds[stubs:]) for level in range(columns.nlevels)]
    corner = f'<td colspan="{stubs}" class="{ROW}"></td>' if stubs else ""
    names = [_label_text(name) if name not in (None, "") else "" for name in frame.index.names][:stubs]
    own = "".join(
        _cell("th", text, kinds[n], 'scope="col"', n) if text else f'<td class="{_sticky(n)}"></td>'
        for n, text in enumerate(names)
    )
    starts = [corner] * (len(lines) - 1) + [own]
    return "".join(f"<tr>{start}{line}</tr>\n" for start, line in zip(starts, lines))


def _level(frame: pd.DataFrame, level: int, kinds: Sequence[str]) -> str:
    """One level of the columns' labels: a label that repeats itself, under the same labels above, spans what it is for."""
    columns, deep = frame.columns, frame.columns.nlevels
    keys = [key if isinstance(key, tuple) else (key,) for key in columns]
    cells, place = "", 0
    while place < len(keys):
        end = place + 1
        while level < deep - 1 and end < len(keys) and keys[end][: level + 1] == keys[place][: level + 1]:
            end += 1
        text = _label_text(keys[place][level])
        wide = f'colspan="{end - place}" scope="colgroup"' if end - place > 1 else 'scope="col"'
        kind = kinds[place] if end - place == 1 else "gfn-group"
        cells += _cell("th", text, kind, wide) if text.strip() else "<td></td>"
        place = end
    return cells


def _body(levels: Sequence[Sequence[str]], cells: Sequence[Sequence[str]], kinds: Sequence[str]) -> str:
    """Rows; a label that repeats itself in an outer level spans its rows."""
    lines = []
    height = len(levels[0]) if levels else len(cells[0]) if cells else 0
    keys = list(zip(*levels)) if levels else [()] * height
    for row in range(height):
        line = ""
        for n in range(len(levels)):
            inner = n == len(levels) - 1
            if not inner and row and keys[row][: n + 1] == keys[row - 1][: n + 1]:
                continue
            end = row + 1
            while not inner and end < height and keys[end][: n + 1] == keys[row][: n + 1]:
                end += 1
            scope = f'rowspan="{end - row}" scope="rowgroup"' if end - row > 1 else 'scope="row"'
            text = keys[row][n]
            line += _cell("th", text, kinds[n], scope, n) if text.strip() else f'<td class="{_sticky(n)}"></td>'
        line += "".join(_cell("td", column[row], kind) for column, kind in zip(cells, kinds[len(levels) :]))
        first = len(levels) > 1 and row and keys[row][0] != keys[row - 1][0]
        start = '<tr class="gfn-first">' if first else "<tr>"
        lines.append(f"{start}{line}</tr>\n")
    return "".join(lines)


def _cell(tag: str, text: str, kind: str, about: str = "", stub: int | None = None) -> str:
    # Only the first column stays in place: two would leave no room on a phone.
    classes = f"{kind} {ROW}" if stub == 0 else kind
    if kind == NUMBER:  # of which each is in one line
        text = re.sub(r" ?[×±] |(?<=\d) to (?=[\d−])", lambda sign: sign[0].replace(" ", "\u00a0"), text)
    shown = "<br>".join(escape(line) for line in text.split("\n"))
    return f'<{tag}{" " + about if about else ""} class="{classes}">{shown}</{tag}>'


def _sticky(stub: int) -> str:
    return ROW if stub == 0 else WORDS


def _label(frame: pd.DataFrame) -> str:
    names = [_label_text(name) for name in (*frame.index.names, *frame.columns.names) if name not in (None, "")]
    columns = [" ".join(map(_label_text, key if isinstance(key, tuple) else (key,))) for key in frame.columns]
    about = ", ".join(columns[:4]) + (f" and {len(columns) - 4} more" if len(columns) > 4 else "")
    return f"Table{' by ' + ' and '.join(names) if names else ''}: {about}"


def _markdown_row(row: str) -> str:
    if re.fullmatch(r"[|:\s-]+", row):
        return row
    cells = row.split("|")
    return "|".join(_markdown_cell(cell) for cell in cells)


def _markdown_cell(cell: str) -> str:
    """Words and numbers of a cell, but for links, code and formulas."""
    parts = re.split(r"(\]\([^)]*\)|\{[^}]*\}`[^`]*`|`[^`]*`|\$[^$]*\$)", cell)
    return "".join(part if n % 2 else _spaced(part) for n, part in enumerate(parts))


def _spaced(part: str) -> str:
    inner = part.strip()
    start = part.index(inner) if inner else 0
    return part[:start] + neat(readable(inner)) + part[start + len(inner) :]
