"""A forest plot of a criterion's measurements as inline SVG: intervals, medians and bounds, readable at any width.

Places along the axis are per cent of the width, so that letters and lines keep their size on a phone. Colours are
those of ``gfn-verdicts.css``, which knows light and dark; where that is missing, those written here.
"""

from __future__ import annotations

import re
from html import escape
from itertools import pairwise
from math import floor, isfinite, log10
from typing import Any

import pandas as pd

from gfn.study.outcomes import OUTCOMES, SIGNS, counts
from gfn.study.presentation.digits import RAISED, THIN, short
from gfn.study.presentation.measured import bounds_of, has_interval, interval, measured_on, reason, wanted
from gfn.study.presentation.names import capital

COLOURS = {"supported": "#0b64a0", "contradicted": "#b34700", "inconclusive": "#59636e"}
FEW = 2  # measurements whose plot is so low that words stand beside it
NAMED_UP_TO = 12  # rows that have a name each; more of them share those of their groups
LONG = 22  # letters of a name, from which on rows are so high that it goes over two lines
LEAST = 12  # px of the rows of a group, so that names of groups do not touch
COMMA = 6  # letters further from the middle a name is rather broken behind one
LETTER = 6.6  # width of a letter of 11 px, on average
TOP, BOTTOM, EDGE = 15, 18, 5.0  # px above and below the rows; per cent left free on either side
STEPS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))  # within a decade, the closest first
WIDTHS = (1, 2, 5, 10, 20, 50)


class Axis:
    """Where numbers stand along a plot, logarithmic or linear.

    Arguments:
        rows: the measurements, with ``low, median, high, kind``.
        bounds: of the criterion.
    """

    def __init__(self, rows: pd.DataFrame, bounds: tuple[float, ...]):
        ends = [x for name in ("low", "median", "high") for x in map(float, rows[name]) if isfinite(x)] + list(bounds)
        kinds = set(rows.kind)
        self.logarithmic = min(ends) > 0 and (kinds == {"ratio"} or (kinds == {"value"} and max(ends) > 20 * min(ends)))
        low, high = (self._scaled(end) for end in (min(ends), max(ends)))
        rest = max(0.06 * (high - low), 1e-9 + 0.02 * max(abs(low), abs(high)) * (high == low))
        self.low, self.high = low - rest, high + rest

    def _scaled(self, value: float) -> float:
        return log10(value) if self.logarithmic else value

    def place(self, value: float) -> float:
        """In per cent of the width; infinite numbers are at the edge."""
        if not isfinite(value) or (self.logarithmic and value <= 0):
            return 100.0 if value > 0 else 0.0
        share = (self._scaled(value) - self.low) / (self.high - self.low)
        return EDGE + (100 - 2 * EDGE) * share

    def ticks(self, width: float = 110) -> list[float]:
        """Round numbers within the axis, as many as have space in a plot of ``width`` px, four at most."""
        low, high = (10**end if self.logarithmic else end for end in (self.low, self.high))
        size = 10.0 ** (floor(log10(high - low)) - 1)
        tries = [
            [k * step for k in range(floor(low / step), floor(high / step) + 1)] for step in (size * n for n in WIDTHS)
        ]
        if self.logarithmic:
            decades = range(floor(self.low) - 1, floor(self.high) + 2)
            logs = [[step * 10.0**d for d in decades for step in steps] for steps in STEPS]
            logs += [[10.0**d for d in decades if d % jump == 0] for jump in (2, 3, 4)]
            tries = [each for each in logs if sum(low <= x <= high for x in each) >= 2] + tries
        inside = ([float(f"{x:.10g}") for x in each if low <= x <= high] for each in tries)
        return next((each for each in inside if len(each) <= 4 and self._apart(each, width)), [])

    def _apart(self, ticks: list[float], width: float) -> bool:
        """Whether letters of neighbours do not touch."""
        ends = [(self.place(x) / 100 * width, len(tick(x)) * LETTER / 2 + 2) for x in ticks]
        return all(x + half < y - other for (x, half), (y, other) in pairwise(ends))


def tick(value: float) -> str:
    """A number at an axis; large ones as powers of ten, where they are."""
    power = round(log10(value), 9) if value >= 1e4 else 0.5
    return f"10{str(int(power)).translate(RAISED)}" if power == int(power) else short(value)


def forest(rows: pd.DataFrame) -> str:
    """The forest plot of one criterion, in HTML.

    Arguments:
        rows: its measurements as :func:`gfn.study.claims.measure` gives them, one at least.
    """
    groups = _groups(rows)
    named = len(rows) <= NAMED_UP_TO
    height = 15 if len(rows) <= 4 else 13 if named else 5 if len(rows) < 6 * len(groups) else 4.5
    if named and max(len(name) for name, _ in groups) > LONG:
        height = 24
    axis, names, plot, signs, y = Axis(rows, bounds_of(rows.iloc[0])), [], [], [], float(TOP)
    for name, members in groups:
        space = max(LEAST, height * len(members))
        step, middle = space / len(members), y + space / 2
        names.append(_label(name, middle, space))
        signs.append(_signs(members, middle))
        if names[1:] and not named:
            plot.append(f'<line class="gfn-rule-line" x1="0" x2="100%" y1="{y:g}" y2="{y:g}"/>')
        for row in members.itertuples():
            plot.append(_row(row, axis, y + step / 2, min(3.5, height / 2 - 0.4)))
            y += step
    total = y + BOTTOM
    lines = [line for name, members in groups for line in _lines(name, max(LEAST, height * len(members)))]
    wide = max(map(len, lines)) * LETTER + 8
    column = 16 if named else max(len(_tally(members)) for _, members in groups) * LETTER + 8
    width = 230 if len(rows) <= FEW else 110  # of the plot at least, in px
    words = f"Forest plot on a {'logarithmic' if axis.logarithmic else 'linear'} axis. {_spoken(rows)}"
    return (
        f'<div class="gfn-forest">{_svg(names, wide, total)}'
        f'<svg class="gfn-plot" role="img" aria-label="{escape(words)}" width="100%" height="{total:g}">'
        f"{_frame(axis, (rows.at_least.iloc[0], rows.at_most.iloc[0]), y, width)}"
        f'<g stroke="currentColor" fill="none">{"".join(plot)}</g></svg>{_svg(signs, column, total)}</div>'
    )


def _groups(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Rows with a name each, or those of a task together; what all names have in common is left out."""
    if len(rows) <= NAMED_UP_TO:
        parts = [_short(measured_on(subject)).split(", ") for subject in rows.subject]
        common = set.intersection(*map(set, parts)) if len(parts) > 1 else set()
        names = [", ".join(part for part in each if part not in common) for each in parts]
        names = names if all(names) else [", ".join(each) for each in parts]
        return [(capital(name), rows.iloc[[k]]) for k, name in enumerate(names)]
    first = rows.subject.str.split(", ").str[0]
    runs = (first != first.shift()).cumsum()
    return [(measured_on(part.subject.iloc[0].split(", ")[0]), part) for _, part in rows.groupby(runs, sort=False)]


def _short(name: str) -> str:
    """As it is written in a plot, where space is short; the table has all of it."""
    name = re.sub(rf"after ([\d{THIN}]+) iterations", r"after \1", name.replace("at the start", "start"))
    return re.sub(r"^(\w+), (sparser|calibrated)\b", r"\1 (\2)", name.replace("Gaussian mixture", "Mixture"))


def _lines(name: str, space: float) -> list[str]:
    """A long name in two lines where there is space."""
    if len(name) <= 16 or space < 20 or " " not in name[6:]:
        return [name]
    spaces = [k for k, letter in enumerate(name) if letter == " "]
    cut = min(spaces, key=lambda k: abs(k - len(name) / 2) - COMMA * (name[k - 1] == ","))
    return [name[:cut], name[cut + 1 :]]


def _label(name: str, middle: float, space: float) -> str:
    lines = _lines(name, space)
    top = middle - 5 * (len(lines) - 1)
    return "".join(f'<text x="0" y="{top + 10 * k + 3.5:g}">{escape(line)}</text>' for k, line in enumerate(lines))


def _tally(members: pd.DataFrame) -> str:
    return " ".join(f"{n} {sign}" for n, sign in zip(counts(members), SIGNS.values()) if n)


def _signs(members: pd.DataFrame, middle: float) -> str:
    """The sign of a row, or how often a group has each."""
    found = [(outcome, n) for outcome, n in zip(OUTCOMES, counts(members)) if n]
    parts = [
        f'<tspan class="gfn-is-{o}" fill="{COLOURS[o]}">{f"{n} " if len(members) > 1 else ""}{SIGNS[o]}</tspan>'
        for o, n in found
    ]
    return f'<text x="4" y="{middle + 3.5:g}">{" ".join(parts)}</text>'


def _row(row: Any, axis: Axis, y: float, size: float) -> str:
    """An interval with its median: a disc, a cross or a ring, for what is supported, contradicted and inconclusive."""
    left, right, middle = (axis.place(x) for x in (row.low, row.high, row.median))
    parts = [f"<title>{escape(f'{measured_on(row.subject)}: {interval(row)}; {reason(row)}')}</title>"]
    if has_interval(row):
        parts.append(f'<line x1="{left:.2f}%" x2="{right:.2f}%" y1="{y:g}" y2="{y:g}" stroke-width="1.6"/>')
        for end, value, turn in ((right, row.high, 1), (left, row.low, -1)):
            if not isfinite(value):
                parts.append(
                    f'<svg x="{end:.2f}%" y="{y:g}" overflow="visible"><path d="M{-4 * turn}-3L0 0L{-4 * turn} 3"/></svg>'
                )
    if row.median == row.median:
        shape = {
            "supported": f'<circle r="{size:g}" fill="currentColor"/>',
            "contradicted": f'<path d="M-{size:g}-{size:g}L{size:g} {size:g}M-{size:g} {size:g}L{size:g}-{size:g}" stroke-width="1.8"/>',
            "inconclusive": f'<circle class="gfn-ring" r="{size:g}" fill="white" stroke-width="1.4"/>',
        }[row.outcome]
        parts.append(f'<svg x="{middle:.2f}%" y="{y:g}" overflow="visible">{shape}</svg>')
    colour = COLOURS[row.outcome]
    return f'<g class="gfn-is-{row.outcome}" color="{colour}">{"".join(parts)}</g>'


def _frame(axis: Axis, ends: tuple[float, float], bottom: float, width: float) -> str:
    """The wanted side of the bound, the bound itself, and the axis with its ticks."""
    bounds = [bound for bound in ends if isfinite(bound)]
    left, right = (axis.place(end) for end in ends)
    parts = [
        f'<rect class="gfn-wanted" x="{left:.2f}%" width="{right - left:.2f}%" y="{TOP - 3}" height="{bottom - TOP + 3:g}"'
        ' fill="currentColor" fill-opacity=".07"/>'
    ]
    for bound in bounds:
        x = axis.place(bound)
        parts.append(
            f'<line class="gfn-bound" x1="{x:.2f}%" x2="{x:.2f}%" y1="{TOP - 3}" y2="{bottom:g}" stroke="currentColor" stroke-dasharray="4 2"/>'
        )
        side = "start" if x < 20 else "end" if x > 80 else "middle"
        if len(bounds) == 2:
            side = "end" if bound == ends[0] else "start"
        parts.append(
            f'<text class="gfn-bound-text" x="{x:.2f}%" y="{TOP - 5}" text-anchor="{side}">{short(bound)}</text>'
        )
    parts.append(f'<line class="gfn-axis" x1="0" x2="100%" y1="{bottom:g}" y2="{bottom:g}" stroke="currentColor"/>')
    for value in axis.ticks(width):
        x = axis.place(value)
        parts.append(
            f'<line class="gfn-axis" x1="{x:.2f}%" x2="{x:.2f}%" y1="{bottom:g}" y2="{bottom + 3:g}" stroke="currentColor"/>'
        )
        parts.append(f'<text x="{x:.2f}%" y="{bottom + 14:g}" text-anchor="middle">{tick(value)}</text>')
    return "".join(parts)


def _spoken(rows: pd.DataFrame) -> str:
    many = f"{len(rows)} measurement{'s' if len(rows) > 1 else ''}, wanted: {wanted(rows.iloc[0])}."
    return f"{many} {', '.join(f'{n} {outcome}' for n, outcome in zip(counts(rows), OUTCOMES) if n)}."


def _svg(parts: list[str], width: float, height: float) -> str:
    return f'<svg aria-hidden="true" width="{width:.0f}" height="{height:g}">{"".join(parts)}</svg>'
