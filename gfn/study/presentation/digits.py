"""Numbers as readers see them: three significant digits, thin spaces, true minus signs, powers of ten."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

THIN = "\u202f"  # a narrow space at which no line breaks
DASH, MINUS = "–", "−"
SMALL, LARGE = 1e-3, 1e6  # outside, powers of ten
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PLAIN = re.compile(r"(?<![\w.])-(?=[\d.])|(?<=e)-(?=\d)")  # a hyphen that is a minus
POWER = re.compile(r"(?<![\w.])([-−]?\d+(?:\.\d+)?)e([+-]?\d+)\b")
INTEGER = re.compile(r"(?<![\w.,])\d{5,}(?![\w.])")
COMMAS = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,])")
PER_CENT = re.compile(r"(?<=\d)[ \u00a0]?%")


def exponent(value: float) -> int:
    """The power of ten of a number's first digit; 0 for zero."""
    return int(f"{value:e}".split("e")[1]) if value else 0


def number(value: float, digits: int = 3) -> str:
    """A number in so many significant digits, as text: ``1 230``, ``0.120``, ``1.10 × 10⁻⁴``, ``−2.00``, and a dash for none.

    Whole numbers of the type ``int`` are shown in full.
    """
    if isinstance(value, int) or value == 0:
        return fixed(value, 0)
    if math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    rounded = float(f"{value:.{digits - 1}e}")
    first = exponent(rounded)
    if rounded and not SMALL <= abs(rounded) < LARGE:
        return f"{fixed(value / 10.0**first, digits - 1)} × 10{str(first).translate(RAISED)}"
    return fixed(rounded, max(0, digits - 1 - first))


def short(value: float) -> str:
    """A setting, a bound or a tick, as it was chosen: with no more digits than it needs, six at most."""
    if not math.isfinite(value):
        return number(value)
    text = f"{value:.6g}"
    return neat(text) if "e" in text else fixed(float(text), len(text.partition(".")[2]))


def beside(value: float, *bounds: float) -> str:
    """A number in three significant digits, or in as many more as it takes to see on which side of each bound it is."""
    finite = [bound for bound in bounds if math.isfinite(bound)]
    sides = [(value < bound, value > bound) for bound in finite]
    for digits in range(3, 12):
        shown = float(f"{value:.{digits}g}")
        if [(shown < bound, shown > bound) for bound in finite] == sides:
            return number(float(value), digits)
    return number(float(value), 12)


def fixed(value: float, places: int) -> str:
    """A number with so many places after the point, thousands apart, and a true minus that zero never has."""
    text = f"{value:,.{places}f}"
    text = text.replace(",", THIN)
    return text.replace("-", MINUS if text.strip("-0.") else "")


def together(values: Sequence[float], digits: int = 3) -> tuple[list[str], str]:
    """Numbers that are read together, such as a mean and its standard deviation: with the same places after the point.

    The largest has so many significant digits, and every other but zero at least one. Small ones have one power of ten in
    common, which is the second part of the result, ready to be set behind them, or empty.
    """
    sizes = [abs(value) for value in values if math.isfinite(value) and value]
    if not sizes:
        return [number(value) if not math.isfinite(value) else "0" for value in values], ""
    first, last = exponent(float(f"{max(sizes):.{digits - 1}e}")), exponent(min(sizes))
    power = first if not SMALL <= float(f"{max(sizes):.{digits - 1}e}") < LARGE else 0
    places = min(max(digits - 1 - first, -last), digits + 1 - first) + power
    shown = [fixed(v / 10.0**power, max(0, places)) if math.isfinite(v) else number(v) for v in values]
    lost = [bool(v) and not text.strip("0.−") for v, text in zip(values, shown)]
    if power and any(lost):  # they have no power in common
        return [number(v, digits) for v in values], ""
    shown = [number(v, 1) if gone else text for v, text, gone in zip(values, shown, lost)]
    return shown, f" × 10{str(power).translate(RAISED)}" if power else ""


def spread(mean: float, deviation: float, middle: float | None = None, digits: int = 3, parted: str = " ") -> str:
    """``mean ± deviation``, with a median in brackets behind it where there is one: ``(1.20 ± 0.10) × 10⁻⁵ (1.19 × 10⁻⁵)``.

    Arguments:
        mean: any number.
        deviation: its spread; none is shown where it is missing.
        middle: the median.
        digits: significant digits of the largest of them.
        parted: what is between the parts; a line break makes a stack, where each line has its power of ten.
    """
    values = [mean, deviation, *([] if middle is None else [middle])]
    shown, power = together(values, digits)
    alone = math.isnan(deviation)
    if parted == "\n" or not power:
        parts = [shown[0] + power, *([] if alone else [f"± {shown[1]}{power}"])]
    else:
        parts = [shown[0] + power] if alone else [f"({shown[0]} ± {shown[1]}){power}"]
    parts += [] if middle is None else [f"({shown[2]}{power})"]
    # Only before the median may the line of a cell break.
    return (
        parted.join(parts)
        if parted == "\n"
        else "\u00a0".join(parts[:-1] if middle is not None else parts).replace(" ", "\u00a0")
        + ("" if middle is None else " " + parts[-1].replace(" ", "\u00a0"))
    )


def neat(text: str) -> str:
    """The numbers in a text with true minus signs, powers of ten, thousands apart and a space before a per cent sign."""
    text = POWER.sub(lambda found: number(float(found[0].replace(MINUS, "-")), _significant(found[1])), text)
    text = COMMAS.sub(lambda found: found[0].replace(",", THIN), text)
    text = INTEGER.sub(lambda found: fixed(int(found[0]), 0), text)
    return PER_CENT.sub(f"{THIN}%", PLAIN.sub(MINUS, text))


def _significant(mantissa: str) -> int:
    return max(1, len(mantissa.strip("-−").replace(".", "").lstrip("0")))
