"""Measurements in words and figures for readers: what was measured, its interval, and why it is supported or not."""

from __future__ import annotations

from math import isfinite, isinf, isnan
from typing import Any

from gfn.study.presentation.digits import beside, neat, short
from gfn.study.presentation.names import capital, readable

# How trajectories were drawn: in a subject alone, since elsewhere these words may mean something else.
DRAWN = {
    "explored": "exploration",
    "tempered": "temperature",
    "replayed": "replay",
    "lagging": "lag",
    "explored_replayed": "exploration and replay",
    "common": "half are one",
    "prefix": "half of the steps in common",
    "distinct": "without replacement",
}


def measured_on(subject: str) -> str:
    """What was measured, with readers' names in place of those of the code: ``Sets, reverse KL``."""
    return capital(neat(readable(", ".join(map(_drawn, subject.split(", "))))))


def _drawn(part: str) -> str:
    """A part of a subject; behind a way of drawing may stand how many trajectories there are."""
    name, _, rest = part.partition(" ")
    return ", ".join(filter(None, (DRAWN[name], rest))) if name in DRAWN else part


def bounds_of(row: Any) -> tuple[float, ...]:
    """The finite bounds of a measurement's criterion, none, one or two."""
    return tuple(bound for bound in (row.at_least, row.at_most) if isfinite(bound))


def wanted(row: Any) -> str:
    """What a criterion demands of an interval: ``at least 1.1``, ``0.8 to 1.25``."""
    if len(bounds_of(row)) == 2:
        return f"from {short(row.at_least)} to {short(row.at_most)}"
    return f"at least {short(row.at_least)}" if isfinite(row.at_least) else f"at most {short(row.at_most)}"


def has_interval(row: Any) -> bool:
    """Whether there is an interval at all; it may still have an infinite end."""
    return not (row.low == -float("inf") and row.high == float("inf"))


def interval(row: Any) -> str:
    """An interval in words; where there is none, why."""
    if not has_interval(row):
        few = len(row.seeds) if row.seeds else 1
        return (
            "none: a seed has no value"
            if isnan(row.median)
            else f"none: {few} seed{'s are' if few > 1 else ' is'} too few"
        )
    low, high = (beside(end, *bounds_of(row)) for end in (row.low, row.high))
    if isinf(row.low):
        return "infinite in nearly every seed" if row.low > 0 else f"{high} or less, without end"
    return f"{low} or more, without end" if isinf(row.high) else f"{low} to {high}"


def reason(row: Any) -> str:
    """Why a measurement is supported, contradicted or inconclusive: the end of its interval against the bound."""
    if not has_interval(row):
        return "no interval"
    low, high = (beside(end, *bounds_of(row)) for end in (row.low, row.high))
    least, most = short(row.at_least), short(row.at_most)
    below, above = row.low < row.at_least, row.high > row.at_most
    if row.outcome == "contradicted":
        return f"{high} < {least}" if row.high < row.at_least else f"{low} > {most}"
    if row.outcome == "supported":
        ends = [f"{low} ≥ {least}"] * isfinite(row.at_least) + [f"{high} ≤ {most}"] * isfinite(row.at_most)
        return " and ".join(ends)
    sides = [f"{low} < {least} ≤ {high}"] * below + [f"{low} ≤ {most} < {high}"] * above
    return " and ".join(sides)
