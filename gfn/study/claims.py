"""Verdicts on the paper's claims, computed from measurements and the criteria in ``data/paper/claims.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from gfn.randomness import stream
from gfn.study.paper import load_claims

RESAMPLES = 4000


@dataclass(frozen=True)
class Evidence:
    """A measured number with its 95 % interval.

    Attributes:
        test: which test of the claim it answers, a key of the claim's ``tests``.
        subject: what was measured, for example a divergence.
        estimate, low, high: the number and the ends of its interval.
    """

    test: str
    subject: str
    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """A claim with its tests, each passed or not.

    Attributes:
        claim: its number, C1 to C11.
        text: the claim.
        outcome: ``holds``, ``holds in part``, ``does not hold here`` or ``not judged``.
        tests: one row for each piece of evidence.
        note: why it was not judged, or what limits the judgement.
    """

    claim: str
    text: str
    outcome: str
    tests: pd.DataFrame
    note: str = ""

    def _repr_markdown_(self) -> str:
        lines = [f"**{self.claim}: {self.outcome}.** {self.text} {self.note}".strip()]
        for (criterion, wanted), rows in (
            self.tests.groupby(["criterion", "wanted"], sort=False) if len(self.tests) else ()
        ):
            lines += ["", f"*Criterion: {criterion} ({wanted}); {rows.passed.sum()} of {len(rows)} passed.*", ""]
            lines += ["| measured on | value | 95 % interval | passed |", "|---|---|---|---|"]
            for row in rows.itertuples():
                passed = "yes" if row.passed else "no"
                lines.append(f"| {row.subject} | {row.estimate:.3g} | {row.low:.3g} to {row.high:.3g} | {passed} |")
        return "\n".join(lines)


def judge(
    claim: str, evidence: Sequence[Evidence], profile: str = "paper", claims: dict[str, dict] | None = None
) -> Verdict:
    """Hold a claim's criteria against what was measured.

    Arguments:
        claim: its number, for example ``C3``.
        evidence: what was measured; criteria without evidence are left to other figures.
        profile: at the scale of ``smoke`` nothing is judged.
        claims: as :func:`gfn.study.paper.load_claims` gives them.
    """
    about = (claims or load_claims())[claim]
    tests = about.get("tests", {})
    rows = []
    for item in evidence:
        test = tests[item.test]
        bounds = [
            f"{'≥' if side == 'at_least' else '≤'} {test[side]:g}" for side in ("at_least", "at_most") if side in test
        ]
        if "share" in test:
            bounds.append(f"by {test['share']:.0%} of all")
        passed = item.low >= test.get("at_least", -np.inf) and item.high <= test.get("at_most", np.inf)
        rows.append(
            {"test": item.test, "criterion": test["statement"], "subject": item.subject}
            | {"wanted": " ".join(bounds), "passed": passed}
            | {"estimate": item.estimate, "low": item.low, "high": item.high}
        )
    if profile == "smoke":
        return Verdict(
            claim, about["claim"], "not judged", pd.DataFrame(rows), "(The smoke profile is too small to tell.)"
        )
    if not rows:
        return Verdict(claim, about["claim"], "not judged", pd.DataFrame())
    table = pd.DataFrame(rows)
    met = [passed.mean() >= tests[test].get("share", 1) for test, passed in table.groupby("test").passed]
    outcome = "holds" if all(met) else "holds in part" if table.passed.any() else "does not hold here"
    return Verdict(claim, about["claim"], outcome, table)


def ratio(test: str, subject: str, numerator: Sequence[float], denominator: Sequence[float]) -> Evidence:
    """A ratio of means over seeds, with a bootstrap interval over seeds (the same seeds above and below).

    It is infinite where the denominator is zero, and not a number where both are.
    """
    above, below = np.asarray(numerator, float), np.asarray(denominator, float)
    drawn = torch.randint(len(above), (RESAMPLES, len(above)), generator=stream("bootstrap over seeds", 0)).numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = above.mean() / below.mean()
        ratios = above[drawn].mean(1) / below[drawn].mean(1)
    low, high = np.quantile(ratios, (0.025, 0.975), method="inverted_cdf")
    return Evidence(test, subject, float(estimate), float(low), float(high))
