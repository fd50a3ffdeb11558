"""Verdicts on the paper's claims, computed from measurements and the criteria in ``data/paper/claims.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd

from gfn.study.intervals import of_estimate, of_median
from gfn.study.paper import load_claims

Budget = int | Literal["whole"]
Numbers = TypeVar("Numbers", pd.Series, pd.DataFrame)
BUDGETS: tuple[Budget, ...] = (128, 256, 512, "whole")  # iterations at which claims on training are judged, or shown
OUTCOMES = ("supported", "contradicted", "inconclusive")
COLUMNS = [
    "test",
    "subject",
    "budget",
    "variate",
    "judged",
    "seeds",
    "values",
    "median",
    "low",
    "high",
    "error",
    "runs",
]


@dataclass(frozen=True)
class Evidence:
    """A measurement: a paired ratio or difference for each seed, or one estimate with its standard error.

    Attributes:
        test: which criterion of the claim it answers, a key of the claim's ``tests``.
        subject: what was measured, for example a task and a divergence.
        values: a number for each seed; or the estimate alone.
        error: the estimate's standard error; None where there are seeds.
        runs: from which runs the values are, by their hash.
        budget: up to which iteration was measured, ``whole`` for all of a training.
        variate: the control variates of Rényi's and Tsallis' gradients, where they have any.
        seeds: whose values they are.
    """

    test: str
    subject: str
    values: tuple[float, ...]
    error: float | None = None
    runs: tuple[str, ...] = field(default=(), compare=False)
    budget: Budget = "whole"
    variate: str = "both"
    seeds: tuple[int, ...] = ()


def ratio(test: str, subject: str, above: pd.Series, below: pd.Series, margin: float = 0.0, **about: Any) -> Evidence:
    """(above + margin) / (below + margin) for each seed, see :func:`gfn.study.paper.margin`."""
    above, below = _paired(above, below)
    with np.errstate(divide="ignore", invalid="ignore"):
        return over_seeds(test, subject, (above + margin) / (below + margin), **about)


def difference(test: str, subject: str, first: pd.Series, second: pd.Series, **about: Any) -> Evidence:
    """The first less the second for each seed."""
    first, second = _paired(first, second)
    return over_seeds(test, subject, first - second, **about)


def over_seeds(test: str, subject: str, values: pd.Series, **about: Any) -> Evidence:
    """Evidence from one number for each seed; seeds are the index, and runs those that :func:`from_runs` has noted."""
    about.setdefault("runs", values.attrs.get("runs", ()))
    return Evidence(test, subject, tuple(values.astype(float)), seeds=tuple(map(int, values.index)), **about)


def _paired(first: pd.Series, second: pd.Series) -> tuple[pd.Series, pd.Series]:
    if set(first.index) != set(second.index):
        raise ValueError(
            f"seeds {sorted(first.index)} and {sorted(second.index)} cannot be paired: they must be the same"
        )
    runs = tuple(dict.fromkeys(first.attrs.get("runs", ()) + second.attrs.get("runs", ())))
    return tuple(from_runs(runs, values) for values in (first, second.loc[first.index]))


def from_runs(runs: Iterable[str], values: Numbers) -> Numbers:
    """The same numbers with a note of the runs that they are from, by hash, which arithmetic with one number keeps."""
    noted = values.copy(deep=False)
    noted.attrs["runs"] = tuple(runs)
    return noted


@dataclass(frozen=True)
class Verdict:
    """A claim with its measurements, each supported, contradicted or inconclusive.

    Attributes:
        claim: its number, C1 to C11.
        text: the claim.
        outcome: ``supported``, ``partly supported``, ``contradicted``, ``inconclusive``, ``premise not met`` or ``not judged``.
        tests: a row for each measurement; the verdict rests on those that are ``judged``, others are of other budgets.
        note: why it was not judged, or what limits the judgement.
        variations: the verdict with other control variates, by their name; None where these play no part in the claim.
    """

    claim: str
    text: str
    outcome: str
    tests: pd.DataFrame
    note: str = ""
    variations: Mapping[str, Verdict | None] = field(default_factory=dict)

    @property
    def judged(self) -> pd.DataFrame:
        """The measurements that the verdict rests on."""
        return self.tests[self.tests.judged]

    @property
    def counted(self) -> str:
        """How many measurements are supported, contradicted and inconclusive."""
        return " / ".join(map(str, counts(self.judged))) if self.outcome != "not judged" else "—"

    @property
    def short(self) -> str:
        """Outcome and counts."""
        return self.outcome if self.outcome == "not judged" else f"{self.outcome} ({self.counted})"

    def at(self, budget: Budget) -> Verdict:
        """The verdict at another budget, at which something was measured."""
        rows = self.tests[self.tests.budget == budget]
        outcome = self.outcome if self.outcome == "not judged" else decide(rows)
        return Verdict(self.claim, self.text, outcome, rows.assign(judged=True))

    def _repr_markdown_(self) -> str:
        was_judged = self.outcome != "not judged"
        lines = [f"**{self.claim}: {self.short}.** {self.text} {self.note}".strip()]
        elsewhere = dict.fromkeys(self.tests.budget[~self.tests.judged]) if was_judged else ()
        if elsewhere:
            there = ", ".join(f"{budget}: {self.at(budget).short}" for budget in elsewhere)
            lines += ["", f"At other budgets of iterations: {there}."]
        lines += [text for name, other in self.variations.items() for text in ("", with_other(name, other))]
        for _, rows in self.judged.groupby("test", sort=False):
            lines += ["", _criterion(rows, was_judged), ""]
            lines += [f"| measured on | {'median' if rows.seeds.iloc[0] else 'estimate'} | interval | outcome |"]
            lines += ["|---|---|---|---|", *map(_line, rows.itertuples())]
        if self.judged.error.any():
            lines += ["", f"All intervals of this verdict hold together with at least {_level(self.judged)}."]
        return "\n".join(lines)


def with_other(name: str, other: Verdict | None) -> str:
    """What a claim comes to with other control variates of Rényi and Tsallis, in a sentence."""
    start = f"With `{name}` in place of `both`"
    return (
        f"{start}: {other.short}."
        if other
        else f"{start} nothing changes: no gradient of Rényi or Tsallis plays a part in this claim."
    )


def _criterion(rows: pd.DataFrame, was_judged: bool) -> str:
    """A criterion, why it is there, and what came of it, in a line."""
    first = rows.iloc[0]
    demanded = f", by {first.share:.0%} of the measurements at least" if first.share < 1 else ""
    text = f"*{'Premise' if first.premise else 'Criterion'}: {first.criterion} ({first.wanted}{demanded}).* {first.why}"
    if was_judged:
        came = ", ".join(f"{number} {outcome}" for number, outcome in zip(counts(rows), OUTCOMES) if number)
        text += f" *{came}: {'met' if met(rows) else 'not met'}.*"
    many = "Together these intervals hold" if len(rows) > 1 else "The interval holds"
    return f"{text} {many} with at least {_level(rows)}." if rows.error.any() else text


def _line(row: Any) -> str:
    interval = f"{row.low:.3g} to {row.high:.3g}"
    if np.isinf([row.low, row.high]).all():
        interval = f"none: {'not every seed has a value' if np.isnan(row.median) else 'too few seeds'}"
    return f"| {row.subject} | {row.median:.3g} | {interval} | {row.outcome} |"


def _level(rows: pd.DataFrame) -> str:
    """How sure intervals hold together, rounded down."""
    return f"{max(0, int(100 * (1 - rows.error.sum()) + 1e-9))} %"


def counts(rows: pd.DataFrame) -> tuple[int, int, int]:
    """How many measurements are supported, contradicted and inconclusive."""
    return tuple(int((rows.outcome == outcome).sum()) for outcome in OUTCOMES)


def met(rows: pd.DataFrame) -> bool:
    """Whether the demanded share of a criterion's measurements is supported."""
    return counts(rows)[0] >= rows.share.iloc[0] * len(rows)


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


def judge(
    claim: str,
    evidence: Sequence[Evidence],
    profile: str = "paper",
    claims: dict[str, dict] | None = None,
    variations: Mapping[str, Sequence[Evidence]] | None = None,
) -> Verdict:
    """Hold a claim's criteria against what was measured.

    Arguments:
        claim: its number, for example ``C3``.
        evidence: what was measured; criteria without evidence are left to other pages.
        profile: at the scale of ``smoke`` nothing is judged.
        claims: as :func:`gfn.study.paper.load_claims` gives them.
        variations: evidence with other control variates than the paper's, by their name.
    """
    about = (claims or load_claims())[claim]
    tests = about.get("tests", {})
    table = measure(evidence, tests)
    judged, notes = table[table.judged], []
    absent = [name for name in tests if name not in set(judged.test)]
    if absent and len(judged):
        notes.append(f"(This page's part of the claim: {len(tests) - len(absent)} of {len(tests)} criteria.)")
    if profile == "smoke":
        notes.append("(The smoke profile is too small to tell.)")
    outcome = "not judged" if profile == "smoke" or judged.empty else decide(judged)
    others = {
        name: judge(claim, found, profile, claims) if _differ(found, evidence) else None
        for name, found in (variations or {}).items()
    }
    return Verdict(claim, about["claim"], outcome, table, " ".join(notes), others)


def _differ(first: Sequence[Evidence], second: Sequence[Evidence]) -> bool:
    return [replace(item, variate="") for item in first] != [replace(item, variate="") for item in second]


def measure(evidence: Sequence[Evidence], tests: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Every measurement with its interval and outcome; those of one criterion at one budget hold together."""
    together: dict[tuple[str, Budget], int] = {}
    for item in evidence:
        together[item.test, item.budget] = together.get((item.test, item.budget), 0) + 1
    rows = []
    for item in evidence:
        test, many = tests[item.test], together[item.test, item.budget]
        given = of_median(item.values, many) if item.error is None else of_estimate(item.values[0], item.error, many)
        low, high = test.get("at_least", -np.inf), test.get("at_most", np.inf)
        supported = low <= given.low and given.high <= high
        outcome = (
            "supported" if supported else "contradicted" if given.high < low or given.low > high else "inconclusive"
        )
        own = ("test", "subject", "budget", "variate", "seeds", "values", "runs")
        row = {name: getattr(item, name) for name in own}
        row |= {"median": given.middle, "low": given.low, "high": given.high, "error": given.error, "outcome": outcome}
        row |= {"judged": item.budget == test.get("budget", "whole"), "criterion": test["statement"]}
        row |= {"why": test.get("why", ""), "wanted": _wanted(test), "share": test.get("share", 1)}
        rows.append(row | {"premise": test.get("premise", False)})
    columns = [*COLUMNS, "outcome", "criterion", "why", "wanted", "share", "premise"]
    return pd.DataFrame(rows, columns=columns).astype({"judged": bool, "premise": bool, "budget": object})


def _wanted(test: Mapping[str, Any]) -> str:
    if {"at_least", "at_most"} <= test.keys():
        return f"{test['at_least']:g} to {test['at_most']:g}"
    return f"≥ {test['at_least']:g}" if "at_least" in test else f"≤ {test['at_most']:g}"
