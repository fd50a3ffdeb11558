"""Numbers and names as readers meet them in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from gfn.study.claims import OUTCOMES, Verdict, counts
from gfn.study.evidence.against import Against
from gfn.study.plotting.style import OBJECTIVES, TASKS
from gfn.study.presentation.digits import number

# In the middle of a sentence.
IN_TEXT = TASKS | {
    "sets": "sets",
    "sequences": "sequences",
    "phylogenetics": "phylogenetics",
    "hypergrid": "the hypergrid",
    "gaussian_mixture": "the Gaussian mixture",
    "banana": "the banana",
    "sequences_calibrated": "the calibrated sequences",
    "gaussian_mixture_calibrated": "the calibrated Gaussian mixture",
}


def task(name: str) -> str:
    """A task as it stands in a sentence."""
    return IN_TEXT.get(name, name)


def objective(name: str) -> str:
    """A line of a figure as it stands in a sentence."""
    article = "the " if name in ("reverse_kl", "forward_kl") else ""
    return article + OBJECTIVES.get(name, name)


def listed(items: Iterable[str]) -> str:
    """``a, b and c``."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def signed(number: float) -> str:
    """A number as short as it can be written, with a true minus sign."""
    return f"{number:g}".replace("-", "−")


def decimals(number: float, digits: int = 2) -> str:
    """A number with so many decimals and a true minus sign."""
    return f"{number:.{digits}f}".replace("-", "−")


def share(part: float) -> str:
    """A part of one in per cent."""
    percent = 100 * part
    return (f"{percent:.1g}" if 0 < abs(percent) < 0.95 else f"{percent:.0f}").replace("-", "−") + "\u00a0%"


def times(factor: float) -> str:
    """A factor with two significant digits; ``many`` where it has no end."""
    return number(float(factor), 2) if np.isfinite(factor) else "infinitely many"


def between(values: Iterable[float]) -> str:
    """The range of some factors."""
    found = list(values)
    low, high = times(min(found)), times(max(found))
    return low if low == high else f"{low} to {high}"


def rows(verdict: Verdict, *tests: str) -> pd.DataFrame:
    """The measurements of some criteria that a verdict rests on, with ``of``: what was measured, part by part."""
    chosen = verdict.judged[verdict.judged.test.isin(tests)]
    return chosen.assign(of=[subject.split(", ") for subject in chosen.subject])


def supported(found: pd.DataFrame) -> str:
    """How many of some measurements are supported, of how many: ``3 of 8``."""
    return f"{counts(found)[0]} of {len(found)}"


def against(found: pd.DataFrame) -> str:
    """In brackets what became of the measurements that are not supported, if there are any, after a blank: ``(3 contradicted, 1 inconclusive)``."""
    parts = [f"{many} {outcome}" for many, outcome in zip(counts(found)[1:], OUTCOMES[1:]) if many]
    return f" ({', '.join(parts)})" if parts else ""


def certainty(found: Against) -> str:
    """In how many cases an error is the larger one, and in how many its interval leaves no doubt."""
    sides = (("above", found.surely_worse), ("below", found.surely_better))
    clear = " and ".join(f"{side} one in {many}" for side, many in sides if many)
    sure = f"the whole interval is {clear}" if clear else "every interval contains one"
    return f"worse in {found.worse} of {found.cases} cases; {sure}"
