"""Words that the answers to all questions beyond the paper are made of."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from gfn.study.claims import Verdict, counts

ANSWERS = {
    "supported": "Yes",
    "contradicted": "No",
    "inconclusive": "Not decided",
    "premise not met": "Not decided",
    "not judged": "Not judged at this scale",
}


def word(verdict: Verdict) -> str:
    """The answer in a word, from the verdict on a question's statement; where it is supported in part, by its measurements."""
    if verdict.outcome != "partly supported":
        return f"{ANSWERS[verdict.outcome]}."
    supported, contradicted, _ = counts(verdict.judged)
    if 2 * contradicted > len(verdict.judged):
        return "Mostly not."
    return "Mostly." if 2 * supported > len(verdict.judged) else "In part."


def listed(parts: Iterable[str], last_link: str = " and ") -> str:
    """``a, b and c``."""
    *first, last = parts
    return f"{', '.join(first)}{last_link}{last}" if first else last


def spread(values: pd.Series) -> str:
    """The median, and in brackets the range: ``0.95 (0.80 to 1.10)``."""
    low, middle, high = map(decimals, (values.min(), values.median(), values.max()))
    return f"{middle} ({low} to {high})"


def decimals(number: float) -> str:
    """Two decimals and a true minus sign."""
    return f"{number:.2f}".replace("-", "−")


def signed(number: float) -> str:
    """A number as short as it can be written, with a true minus sign."""
    return f"{number:g}".replace("-", "−")


def percent(share: float) -> str:
    """Rounded, but never to all or nothing where it is not, with a true minus sign and a space."""
    digits = 0 if abs(share) < 0.99 or abs(share) >= 1 else 1 if abs(share) < 0.999 else 2
    return f"{100 * share:.{digits}f}\u00a0%".replace("-", "−")


def three(verdict: Verdict, test: str) -> tuple[int, int, int]:
    """How many measurements of a criterion are supported, contradicted and inconclusive."""
    judged = verdict.judged
    return counts(judged[judged.test == test])
