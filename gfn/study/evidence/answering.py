"""Words that the answers to all questions beyond the paper are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from gfn.study.claims import Verdict
from gfn.study.outcomes import MET, MISSED, OPEN, counts, standing

ANSWERS = {
    "supported": "Yes",
    "contradicted": "No",
    "inconclusive": "Not decided",
    "premise not met": "Not decided",
    "not judged": "Not judged at this scale",
}


def standings(verdict: Verdict) -> dict[str, str]:
    """What came of each criterion: ``met``, ``not met``, or ``open`` where inconclusive measurements could still meet it."""
    return {test: standing(rows) for test, rows in verdict.judged.groupby("test", sort=False)}


def in_a_word(verdict: Verdict) -> str:
    """``Yes``, ``No`` and so on; where a statement is supported in part, what holds for more than half of its criteria.

    Measurements are not counted for it: a criterion has as many as there are cases, whatever it is worth.
    """
    if verdict.outcome != "partly supported":
        return ANSWERS[verdict.outcome]
    found = list(standings(verdict).values())
    if 2 * found.count(MISSED) > len(found):
        return "Mostly not"
    return "Mostly" if 2 * found.count(MET) > len(found) else "In part"


def word(verdict: Verdict) -> str:
    """:func:`in_a_word` as a sentence; where a statement is supported in part, with how many of its criteria are met."""
    if verdict.outcome != "partly supported":
        return f"{in_a_word(verdict)}."
    return f"{in_a_word(verdict)}: {criteria_met(verdict)}."


def criteria_met(verdict: Verdict) -> str:
    """``1 of 4 criteria is met, 1 is not, and 2 are open``."""
    found = list(standings(verdict).values())
    many, missed, unsure = (found.count(each) for each in (MET, MISSED, OPEN))
    parts = [f"{many or 'none'} of {len(found)} criteria {'are' if many > 1 else 'is'} met"]
    parts += [f"{missed} {_are(missed)} not"] if missed and (many or unsure) else []
    parts += [f"{unsure} {_are(unsure)} open"] if unsure else []
    return f"{', '.join(parts[:-1])}, and {parts[-1]}" if len(parts) > 1 else parts[0]


def by_criterion(verdict: Verdict, said: Mapping[str, str]) -> str:
    """Each criterion with what came of it: ``at most 1.1 times TB's memory in 34 of 42 (not met, 8 contradicted)``.

    Arguments:
        verdict: on a question's statement.
        said: what each criterion demands, in the order to tell; those that were not measured are left out.
    """
    found = standings(verdict)
    return "; ".join(f"{words} in {_held(verdict, test, found[test])}" for test, words in said.items() if test in found)


def _held(verdict: Verdict, test: str, came: str) -> str:
    many = three(verdict, test)
    against = f", {many[1]} contradicted" if many[1] else ""
    return f"{many[0]} of {sum(many)} ({came}{against})"


def _are(many: int) -> str:
    return "is" if many == 1 else "are"


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
