"""Measurements in words and figures for readers: names, numbers, intervals, and why one is supported or not."""

from __future__ import annotations

import re
from math import isfinite, isinf, isnan
from typing import Any

from gfn.study.plotting.style import OBJECTIVES, TASKS

NAMES = TASKS | OBJECTIVES | {"reverse_kl_centred": "reverse KL, rewards over Z", "loo": "leave-one-out"}
WORD = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
THIN = "\N{NARROW NO-BREAK SPACE}"


def readable(subject: str) -> str:
    """What was measured, with readers' names in place of those of the code: ``Sets, reverse KL``."""
    named = WORD.sub(lambda word: NAMES.get(word[0], word[0].replace("_", " ")), subject)
    return capital(minus(named))


def minus(text: str) -> str:
    """A text in which hyphens before digits are true minus signs, as those of criteria are: they are kept as they were written."""
    return re.sub(r"(?<![\w)])-(?=\d)", "−", text)


def capital(text: str) -> str:
    """With a capital, but for Greek letters, which are symbols."""
    return text[:1].upper() + text[1:] if text[:1].isascii() else text


def number(value: float, *bounds: float) -> str:
    """A number with three significant digits, or with as many more as it takes to see on which side of a bound it is."""
    if isnan(value):
        return "—"
    if isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    digits = next((n for n in range(3, 12) if _same_side(value, float(f"{value:.{n}g}"), bounds)), 12)
    shown = float(f"{value:.{digits}g}")
    if shown and not 1e-4 <= abs(shown) < 1e6:
        mantissa, exponent = f"{shown:.{digits - 1}e}".split("e")
        text = f"{mantissa.rstrip('0').rstrip('.')} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    else:
        plain = f"{shown:.{digits}g}"
        text = f"{shown:,.0f}".replace(",", THIN) if "e" in plain or abs(shown) >= 1e4 else plain
    return text.replace("-", "−", 1)


def _same_side(value: float, shown: float, bounds: tuple[float, ...]) -> bool:
    return all((value < bound, value > bound) == (shown < bound, shown > bound) for bound in bounds if isfinite(bound))


def bounds_of(row: Any) -> tuple[float, ...]:
    """The finite bounds of a measurement's criterion, none, one or two."""
    return tuple(bound for bound in (row.at_least, row.at_most) if isfinite(bound))


def wanted(row: Any) -> str:
    """What a criterion demands of an interval: ``at least 1.1``, ``0.8 to 1.25``."""
    if len(bounds_of(row)) == 2:
        return f"from {number(row.at_least)} to {number(row.at_most)}"
    return f"at least {number(row.at_least)}" if isfinite(row.at_least) else f"at most {number(row.at_most)}"


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
    low, high = (number(end, *bounds_of(row)) for end in (row.low, row.high))
    if isinf(row.low):
        return "infinite in nearly every seed" if row.low > 0 else f"{high} or less, without end"
    return f"{low} or more, without end" if isinf(row.high) else f"{low} to {high}"


def reason(row: Any) -> str:
    """Why a measurement is supported, contradicted or inconclusive: the end of its interval against the bound."""
    if not has_interval(row):
        return "no interval"
    low, high = (number(end, *bounds_of(row)) for end in (row.low, row.high))
    least, most = number(row.at_least), number(row.at_most)
    below, above = row.low < row.at_least, row.high > row.at_most
    if row.outcome == "contradicted":
        return f"{high} < {least}" if row.high < row.at_least else f"{low} > {most}"
    if row.outcome == "supported":
        ends = [f"{low} ≥ {least}"] * isfinite(row.at_least) + [f"{high} ≤ {most}"] * isfinite(row.at_most)
        return " and ".join(ends)
    sides = [f"{low} < {least} ≤ {high}"] * below + [f"{low} ≤ {most} < {high}"] * above
    return " and ".join(sides)
