"""Verdicts on the paper's claims, computed from measurements and the criteria in ``data/paper/claims.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd

from gfn.study.intervals import of_estimate, of_median
from gfn.study.outcomes import OUTCOMES, counts, decide, met
from gfn.study.paper import load_claims

Budget = int | Literal["whole"]
Numbers = TypeVar("Numbers", pd.Series, pd.DataFrame)
BUDGETS: tuple[Budget, ...] = (128, 256, 512, "whole")  # iterations at which claims on training are judged, or shown
TOO_SMALL = "The smoke profile is too small to tell."
OWN = ["test", "subject", "budget", "variate", "seeds", "values", "runs"]
OWN += ["kind", "above", "below", "margin", "standard_error"]
COLUMNS = [*OWN, "together", "median", "low", "high", "error", "outcome", "judged"]
COLUMNS += ["criterion", "why", "at_least", "at_most", "share", "premise"]
__all__ = [
    "BUDGETS",
    "OUTCOMES",
    "Evidence",
    "Verdict",
    "counts",
    "decide",
    "difference",
    "from_runs",
    "judge",
    "measure",
    "met",
    "over_seeds",
    "ratio",
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
        kind: ``ratio``, ``difference`` or ``value``; ratios are drawn on a logarithmic axis.
        above, below: the two numbers of each seed that were compared, empty where there are none.
        margin: what was added to both sides of a ratio.
    """

    test: str
    subject: str
    values: tuple[float, ...]
    error: float | None = None
    runs: tuple[str, ...] = field(default=(), compare=False)
    budget: Budget = "whole"
    variate: str = "both"
    seeds: tuple[int, ...] = ()
    kind: str = field(default="value", compare=False)
    above: tuple[float, ...] = field(default=(), compare=False, repr=False)
    below: tuple[float, ...] = field(default=(), compare=False, repr=False)
    margin: float = field(default=0.0, compare=False)

    @property
    def standard_error(self) -> float:
        """The estimate's standard error; not a number where there are seeds."""
        return np.nan if self.error is None else self.error


def ratio(test: str, subject: str, above: pd.Series, below: pd.Series, margin: float = 0.0, **about: Any) -> Evidence:
    """(above + margin) / (below + margin) for each seed, see :func:`gfn.study.paper.margin`."""
    above, below = _paired(above, below)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (above + margin) / (below + margin)
    return over_seeds(test, subject, values, **_compared("ratio", above, below), margin=margin, **about)


def difference(test: str, subject: str, first: pd.Series, second: pd.Series, **about: Any) -> Evidence:
    """The first less the second for each seed."""
    first, second = _paired(first, second)
    return over_seeds(test, subject, first - second, **_compared("difference", first, second), **about)


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


def _compared(kind: str, first: pd.Series, second: pd.Series) -> dict[str, Any]:
    return {"kind": kind, "above": tuple(first.astype(float)), "below": tuple(second.astype(float))}


@dataclass(frozen=True, repr=False)
class Verdict:
    """A claim with its measurements, each supported, contradicted or inconclusive.

    Attributes:
        claim: its number, C1 to C11.
        text: the claim.
        outcome: ``supported``, ``partly supported``, ``contradicted``, ``inconclusive``, ``premise not met`` or ``not judged``.
        tests: a row for each measurement; the verdict rests on those that are ``judged``, others are of other budgets.
        note: why it was not judged, or what limits the judgement.
        variations: the verdict with other control variates, by their name; None where these play no part in the claim.
        criteria: how many the claim has, on whatever page they are measured; None for as many as there are here.
    """

    claim: str
    text: str
    outcome: str
    tests: pd.DataFrame
    note: str = ""
    variations: Mapping[str, Verdict | None] = field(default_factory=dict)
    criteria: int | None = None

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

    @property
    def part(self) -> tuple[int, int] | None:
        """How many of how many criteria are measured here; None where it is all of them."""
        here = self.judged.test.nunique()
        return (here, self.criteria) if self.criteria and here < self.criteria else None

    @property
    def badge(self) -> str:
        """Outcome and counts as a link to the claim's verdict, in HTML: see :func:`gfn.study.presentation.verdicts.badge`."""
        from gfn.study.presentation.verdicts import badge

        return badge(self)

    def _repr_html_(self) -> str:
        from gfn.study.presentation.verdicts import html  # here, for it comes after all that gives evidence

        return html(self)

    def __repr__(self) -> str:
        return f"Verdict({self.claim}: {self.short})"


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
    judged = table[table.judged]
    note = TOO_SMALL if profile == "smoke" else _unmeasured(table, tests) if judged.empty else ""
    outcome = "not judged" if profile == "smoke" or judged.empty else decide(judged)
    others = {
        name: judge(claim, found, profile, claims) if _differ(found, evidence) else None
        for name, found in (variations or {}).items()
    }
    return Verdict(claim, about["claim"], outcome, table, note, others, len(tests))


def _unmeasured(table: pd.DataFrame, tests: Mapping[str, Mapping[str, Any]]) -> str:
    """Why there is nothing to judge, in a sentence."""
    if table.empty:
        return "These runs have no measurement that its criteria ask for."
    asked = (test.get("budget", "whole") for name, test in tests.items() if name in set(table.test))
    asked, there = (" and ".join(dict.fromkeys(map(_spoken, budgets))) for budgets in (asked, table.budget))
    return f"Its criteria ask for {asked}, and these runs were measured over {there}."


def _spoken(budget: Budget) -> str:
    return "the whole of training" if budget == "whole" else f"the first {budget} iterations"


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
        supported, outside = low <= given.low and given.high <= high, given.high < low or given.low > high
        row = {name: getattr(item, name) for name in OWN} | {"together": many}
        row |= {"median": given.middle, "low": given.low, "high": given.high, "error": given.error}
        row |= {"outcome": "supported" if supported else "contradicted" if outside else "inconclusive"}
        row |= {"judged": item.budget == test.get("budget", "whole"), "criterion": test["statement"]}
        row |= {"why": test.get("why", ""), "at_least": low, "at_most": high, "share": test.get("share", 1)}
        rows.append(row | {"premise": test.get("premise", False)})
    return pd.DataFrame(rows, columns=COLUMNS).astype({"judged": bool, "premise": bool, "budget": object})
