"""The rule that makes an outcome out of measurements: for one measurement, for a criterion, and for a claim.

Whoever wants to follow it from the columns of ``verdicts.csv`` needs nothing else:

1. *Interval.* A measurement has a value for each of n seeds. Its interval runs from the k-th smallest to the k-th largest
   value. It misses the median with probability 2 P(Binomial(n, ½) < k) at most. With m measurements of the same
   criterion, budget and control variate (column ``together``), k is the largest number for which m times that is at most 0.10;
   if not even k = 1 will do, or if a seed has no value, there is no interval: it reaches from minus to plus infinity.
   An estimate with a standard error s (column ``standard_error``) in place of seeds has the interval
   estimate ± z s, where z is the normal quantile at 1 − 0.10 / (2 m). See :mod:`gfn.study.intervals`.
2. *Measurement.* ``supported`` if at_least ≤ low and high ≤ at_most; ``contradicted`` if high < at_least or
   low > at_most; else ``inconclusive``. A bound that is not given is infinite.
3. *Criterion.* Met if the number of its supported measurements is at least ``share`` times the number of all of them.
4. *Claim.* Of a premise that is not met: ``inconclusive`` if one of its measurements is, else ``premise not met``.
   ``supported`` if all criteria are met. If not, and no measurement (premises left out) is supported:
   ``contradicted`` if one is contradicted, else ``inconclusive``. In all other cases ``partly supported``.

Ratios are (above + margin) / (below + margin) of one seed.
"""

from __future__ import annotations

from math import ceil

import pandas as pd

OUTCOMES = ("supported", "contradicted", "inconclusive")
MET, MISSED, OPEN = "met", "not met", "open"
SIGNS = dict(zip(OUTCOMES, "✓✗?"))


def counts(rows: pd.DataFrame) -> tuple[int, int, int]:
    """How many measurements are supported, contradicted and inconclusive."""
    return tuple(int((rows.outcome == outcome).sum()) for outcome in OUTCOMES)


def needed(rows: pd.DataFrame) -> int:
    """How many of a criterion's measurements must be supported."""
    return ceil(rows.share.iloc[0] * len(rows))


def met(rows: pd.DataFrame) -> bool:
    """Whether the demanded share of a criterion's measurements is supported."""
    return counts(rows)[0] >= needed(rows)


def standing(rows: pd.DataFrame) -> str:
    """What came of a criterion: ``MET``, ``MISSED``, or ``OPEN`` where inconclusive measurements could still meet it."""
    supported, _, unsure = counts(rows)
    return MET if met(rows) else OPEN if supported + unsure >= needed(rows) else MISSED


def decide(rows: pd.DataFrame) -> str:
    """A claim's outcome from all its measurements at one budget; the premise alone supports nothing."""
    for _, premise in rows[rows.premise].groupby("test"):
        if not met(premise):
            return "inconclusive" if counts(premise)[2] else "premise not met"
    supported, contradicted, _ = counts(rows[~rows.premise])
    if all(met(part) for _, part in rows.groupby("test")):
        return "supported"
    if not supported:
        return "contradicted" if contradicted else "inconclusive"
    return "partly supported"


def because(rows: pd.DataFrame) -> str:
    """Why :func:`decide` says what it says, in a sentence or two."""
    parts = [part for _, part in rows.groupby("test", sort=False)]
    outcome, fulfilled = decide(rows), sum(map(met, parts))
    supported, contradicted, _ = counts(rows[~rows.premise])
    open_premise = any(part.premise.iloc[0] and not met(part) for part in parts)
    if open_premise:
        doubt = "is not met" if outcome == "premise not met" else "may or may not be met"
        return f"Its premise {doubt}. Without the premise there is nothing to judge, whatever the other criteria give."
    if outcome == "supported":
        return "Its criterion is met." if len(parts) == 1 else f"All {len(parts)} criteria are met."
    if outcome == "partly supported":
        some = (
            f"{fulfilled} of its {len(parts)} criteria {'is' if fulfilled == 1 else 'are'} met"
            if len(parts) > 1
            else "Its criterion is not met"
        )
        has = "measurement supports" if supported == 1 else "measurements support"
        return f"{some}; {supported} {has} it, {contradicted} contradict{'s' if contradicted == 1 else ''} it."
    against = (
        f"{contradicted} contradict{'s' if contradicted == 1 else ''} it" if contradicted else "none contradicts it"
    )
    return f"No measurement supports it, and {against}."
