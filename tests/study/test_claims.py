"""Verdicts: every outcome on made-up evidence, and the interval of a ratio."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from gfn.study.claims import Evidence, judge, ratio
from gfn.study.paper import load_claims, printed

CLAIMS = {
    "C1": {"claim": "It works.", "where": "Fig. 1"},
    "C2": {
        "claim": "It works well.",
        "where": "Fig. 2",
        "tests": {
            "more": {"statement": "twice as much", "at_least": 2},
            "less": {"statement": "half as much", "at_most": 0.5},
        },
    },
}
GOOD, BAD = Evidence("more", "sets", 3, 2, 4), Evidence("more", "sets", 3, 1.99, 4)
LESS, NOT_LESS = Evidence("less", "words", 0.3, 0.1, 0.5), Evidence("less", "words", 0.4, 0.3, 0.51)
UNKNOWN = Evidence("less", "words", math.nan, math.nan, math.nan)


@pytest.mark.parametrize(
    ("evidence", "outcome", "passed"),
    [
        ([GOOD, LESS], "holds", [True, True]),
        ([GOOD], "holds", [True]),
        ([GOOD, NOT_LESS], "holds in part", [True, False]),
        ([BAD, LESS], "holds in part", [False, True]),
        ([BAD, NOT_LESS], "does not hold here", [False, False]),
        ([GOOD, UNKNOWN], "holds in part", [True, False]),
        ([], "not judged", []),
    ],
)
def test_outcomes(evidence, outcome, passed):
    """Intervals count, not estimates: their lower end against ``at_least``, their upper end against ``at_most``."""
    verdict = judge("C2", evidence, claims=CLAIMS)
    assert (verdict.claim, verdict.text, verdict.outcome) == ("C2", "It works well.", outcome)
    assert [row.passed for row in verdict.tests.itertuples()] == passed


SHARED = {"C3": {"claim": "Mostly.", "tests": {"most": {"statement": "above one", "at_least": 1, "share": 0.5}}}}
SHARED["C3"]["tests"]["all"] = {"statement": "below nine", "at_most": 9}


@pytest.mark.parametrize(
    ("passing", "failing", "others", "outcome"),
    [
        (2, 0, [], "holds"),
        (1, 1, [], "holds"),
        (1, 2, [], "holds in part"),
        (0, 1, [], "does not hold here"),
        (1, 1, [8], "holds"),
        (1, 1, [8, 10], "holds in part"),
        (0, 2, [8], "holds in part"),
        (0, 2, [10], "does not hold here"),
    ],
)
def test_a_share_of_measurements_is_enough_where_the_criterion_says_so(passing, failing, others, outcome):
    """Of that test alone: another one without a share still wants all."""
    evidence = [Evidence("most", f"task {k}", 2, 1, 3) for k in range(passing)]
    evidence += [Evidence("most", f"task {passing + k}", 2, 0.9, 3) for k in range(failing)]
    evidence += [Evidence("all", f"task {value}", value, value, value) for value in others]
    verdict = judge("C3", evidence, claims=SHARED)
    assert verdict.outcome == outcome
    assert verdict.tests.passed.sum() == passing + sum(value <= 9 for value in others)
    assert "(≥ 1 by 50% of all)" in verdict._repr_markdown_()
    assert not others or "(≤ 9)" in verdict._repr_markdown_()


@pytest.mark.parametrize("evidence", [[], [GOOD], [BAD]])
def test_small_profiles_are_not_judged(evidence):
    """The measurements are shown all the same, and the note says why."""
    verdict = judge("C2", evidence, "smoke", CLAIMS)
    assert verdict.outcome == "not judged"
    assert "smoke" in verdict.note
    assert len(verdict.tests) == len(evidence)


def test_a_claim_without_criteria_is_not_judged():
    assert judge("C1", [], claims=CLAIMS).outcome == "not judged"


def test_a_verdict_reads_as_a_table():
    """With the outcome, the claim, every criterion, its bound, the interval, and whether it passed."""
    text = judge("C2", [GOOD, NOT_LESS], claims=CLAIMS)._repr_markdown_()
    assert text.startswith("**C2: holds in part.** It works well.")
    first, second = text.split("*Criterion: ")[1:]
    assert first.startswith("twice as much (≥ 2); 1 of 1 passed.*")
    assert "| sets | 3 | 2 to 4 | yes |" in first
    assert second.startswith("half as much (≤ 0.5); 0 of 1 passed.*")
    assert "| words | 0.4 | 0.3 to 0.51 | no |" in second
    assert "|" not in judge("C2", [], claims=CLAIMS)._repr_markdown_()


def test_a_ratio_of_one_seed_has_no_width():
    assert ratio("more", "sets", [3.0], [1.5]) == Evidence("more", "sets", 2.0, 2.0, 2.0)


@pytest.mark.filterwarnings("error")
def test_a_ratio_over_zero_is_infinite():
    """And passes for large; nothing over nothing passes for nothing."""
    found = ratio("more", "sets", [1.0, 2.0, 3.0], [0.0, 0.0, 0.0])
    assert (found.estimate, found.low, found.high) == (math.inf, math.inf, math.inf)
    assert judge("C2", [found], claims=CLAIMS).outcome == "holds"
    nothing = ratio("more", "sets", [0.0, 0.0], [0.0, 0.0])
    assert math.isnan(nothing.low)
    assert judge("C2", [nothing], claims=CLAIMS).outcome == "does not hold here"


def test_a_ratio_resamples_the_same_seeds_above_and_below():
    """Numbers in proportion have no spread; the interval holds the estimate, and repeats."""
    exact = ratio("more", "sets", [2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (exact.estimate, exact.low, exact.high) == pytest.approx((2, 2, 2))
    above, below = [2.0, 5.0, 9.0], [1.0, 2.0, 2.0]
    found = ratio("more", "sets", pd.Series(above), pd.Series(below))
    assert found.estimate == pytest.approx(16 / 5)
    assert 2.0 <= found.low < found.estimate < found.high <= 4.5
    assert found == ratio("more", "sets", above, below)


def test_the_interval_of_a_ratio_covers_the_truth():
    """The 95 % interval over 30 seeds holds the ratio of the expectations about that often, in 100 simulations."""
    generator = np.random.default_rng(0)
    covered = []
    for _ in range(100):
        below = 1 + generator.random(30)
        found = ratio("more", "sets", 2 * below + generator.normal(size=30), below)
        covered.append(found.low <= 2 <= found.high)
    assert 0.85 < np.mean(covered) <= 1


def test_the_papers_claims_are_complete():
    """C1 to C11, each with where it is from, and each criterion with a statement and a bound."""
    claims = load_claims()
    assert list(claims) == [f"C{number}" for number in range(1, 12)]
    for claim in claims.values():
        assert claim["claim"].endswith(".")
        assert claim["where"]
        for test in claim.get("tests", {}).values():
            assert test["statement"]
            assert len({"at_least", "at_most"} & test.keys()) == 1
            assert test.keys() <= {"statement", "for_each", "at_least", "at_most", "share"}
            assert 0 < test.get("share", 1) <= 1


def test_printed_numbers_of_the_paper():
    """Those that are known of Table 1."""
    assert printed("sets").text.to_dict() == {"tb": "0.07 ± 0.00"} | dict.fromkeys(
        ["reverse_kl", "forward_kl", "renyi", "tsallis"], "0.03 ± 0.00"
    )
    assert printed("sequences")["mean"].to_dict() == {"tb": 0.28, "reverse_kl": 0.16}
    assert printed("gaussian_mixture")["standard_deviation"].to_dict() == {"tb": 0.08, "forward_kl": 0.10}
    assert printed("banana").empty
