"""Verdicts: every outcome on made-up evidence, and the criteria that are in force."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from gfn.study.claims import BUDGETS, Evidence, difference, judge, over_seeds, ratio
from gfn.study.evidence.questions import QUESTIONS
from gfn.study.outcomes import because, needed
from gfn.study.paper import checksum, first_verdicts, load_claims, load_criteria, margin, printed

CLAIMS = {
    "C1": {"claim": "It works.", "where": "Fig. 1"},
    "C2": {
        "claim": "It works well.",
        "where": "Fig. 2",
        "tests": {
            "more": {"statement": "twice as much", "why": "Two is more than one.", "at_least": 2},
            "less": {"statement": "half as much", "at_most": 0.5},
        },
    },
    "C3": {"claim": "Mostly.", "tests": {"most": {"statement": "above one", "at_least": 1, "share": 0.5}}},
    "C4": {
        "claim": "Because.",
        "tests": {
            "there": {"statement": "it is there", "at_least": 1, "premise": True},
            "gone": {"statement": "it goes", "at_most": 0.5},
        },
    },
    "C5": {
        "claim": "Alike.",
        "tests": {"alike": {"statement": "near one", "at_least": 0.8, "at_most": 1.25, "budget": 512}},
    },
}


def ten(test, low, high, subject="sets", **about):
    """Ten seeds from one number to another, of which the interval of few measurements leaves out either end."""
    return over_seeds(test, subject, pd.Series([low / 9, *np.linspace(low, high, 8), 9 * high]), **about)


GOOD, BAD, OPEN = ten("more", 2, 4), ten("more", 1, 1.9), ten("more", 1.9, 4)
LESS, NOT_LESS, OPEN_LESS = (ten("less", low, high, "words") for low, high in ((0.1, 0.5), (0.6, 0.9), (0.4, 0.6)))


@pytest.mark.parametrize(
    ("evidence", "outcome", "found"),
    [
        ([GOOD, LESS], "supported", "+ +"),
        ([GOOD], "supported", "+"),
        ([GOOD, NOT_LESS], "partly supported", "+ -"),
        ([GOOD, OPEN_LESS], "partly supported", "+ ?"),
        ([BAD, LESS], "partly supported", "- +"),
        ([BAD, NOT_LESS], "contradicted", "- -"),
        ([BAD, OPEN_LESS], "contradicted", "- ?"),
        ([OPEN, OPEN_LESS], "inconclusive", "? ?"),
        ([], "not judged", ""),
    ],
)
def test_outcomes(evidence, outcome, found):
    """The whole interval decides about a measurement, on either side of the bound."""
    verdict = judge("C2", evidence, claims=CLAIMS)
    assert (verdict.claim, verdict.text, verdict.outcome) == ("C2", "It works well.", outcome)
    words = {"+": "supported", "-": "contradicted", "?": "inconclusive"}
    assert verdict.tests.outcome.tolist() == [words[sign] for sign in found.split()]
    assert verdict.counted == (" / ".join(str(found.count(sign)) for sign in words) if found else "—")


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(0.8, 1.25, "supported"), (0.5, 0.79, "contradicted"), (1.26, 2, "contradicted"), (0.7, 1, "inconclusive")],
)
def test_two_bounds(low, high, outcome):
    assert judge("C5", [ten("alike", low, high, budget=512)], claims=CLAIMS).outcome == outcome


@pytest.mark.parametrize(
    ("supported", "contradicted", "outcome"),
    [(2, 0, "supported"), (1, 1, "supported"), (1, 2, "partly supported"), (0, 1, "contradicted")],
)
def test_a_share_of_measurements_is_enough_where_the_criterion_says_so(supported, contradicted, outcome):
    evidence = [ten("most", 1, 3, f"task {k}") for k in range(supported)]
    evidence += [ten("most", 0.1, 0.9, f"task {supported + k}") for k in range(contradicted)]
    assert judge("C3", evidence, claims=CLAIMS).outcome == outcome


@pytest.mark.parametrize(
    ("there", "gone", "outcome"),
    [
        ((1, 2), (0.1, 0.4), "supported"),
        ((1, 2), (0.6, 0.9), "contradicted"),
        ((1, 2), (0.4, 0.6), "inconclusive"),
        ((0.5, 0.9), (0.1, 0.4), "premise not met"),
        ((0.9, 1.1), (0.1, 0.4), "inconclusive"),
    ],
)
def test_without_its_premise_a_claim_says_nothing(there, gone, outcome):
    """And the premise alone supports nothing."""
    assert judge("C4", [ten("there", *there), ten("gone", *gone)], claims=CLAIMS).outcome == outcome


def test_three_seeds_are_too_few():
    few = over_seeds("more", "sets", pd.Series([3.0, 4.0, 5.0]))
    verdict = judge("C2", [few], claims=CLAIMS)
    assert verdict.short == "inconclusive (0 / 0 / 1)"


def test_a_criterion_holds_all_its_intervals_together():
    """More measurements of one criterion at one budget make each interval wider; those of others do not."""
    alone, crowd = judge("C2", [OPEN], claims=CLAIMS), [ten("more", 2, 4, f"task {k}") for k in range(8)]
    assert alone.tests.low[0] == pytest.approx(1.9)
    together = judge("C2", [OPEN, *crowd, LESS], claims=CLAIMS)
    assert together.tests.low[0] == pytest.approx(1.9 / 9)
    assert together.tests.low.iloc[-1] == pytest.approx(0.1)
    elsewhere = [Evidence(item.test, item.subject, item.values, budget=128, seeds=item.seeds) for item in crowd]
    assert judge("C2", [OPEN, *elsewhere], claims=CLAIMS).tests.low[0] == alone.tests.low[0]
    assert together.tests.together.tolist() == [*9 * [9], 1]
    text = together._repr_html_()
    assert f"hold with at least {math.floor(100 * (1 - 9 * 2 / 1024))}&nbsp;%." in text
    assert f"hold together with at least {math.floor(100 * (1 - 9 * 2 / 1024 - 22 / 1024))}&nbsp;%." in text


def test_estimates_are_judged_by_their_standard_errors():
    """Two of them: each misses in one case of twenty."""
    found = [Evidence("less", "a", (0.3,), 0.1), Evidence("less", "b", (0.3,), 0.11)]
    verdict = judge("C2", found, claims=CLAIMS)
    assert verdict.tests.high.tolist() == pytest.approx([0.3 + 1.96 * 0.1, 0.3 + 1.96 * 0.11], abs=1e-4)
    assert verdict.tests.outcome.tolist() == ["supported", "inconclusive"]
    assert verdict.tests.standard_error.tolist() == [0.1, 0.11]


def test_other_budgets_are_shown_and_not_judged():
    """A claim is judged at the budget of its criterion alone, and each budget has its verdict."""
    evidence = [
        ten("alike", 0.9, 1.1, budget=512),
        ten("alike", 2, 3, budget=128),
        ten("alike", 0.5, 1, budget="whole"),
    ]
    verdict = judge("C5", evidence, claims=CLAIMS)
    assert verdict.short == "supported (1 / 0 / 0)"
    assert verdict.at(128).short == "contradicted (0 / 1 / 0)"


def test_variations_say_what_another_control_variate_would_come_to():
    """Where it is the same evidence, it plays no part."""
    other = [ten("more", 1, 1.5, variate="joint")]
    same = [ten("more", 2, 4, variate="none")]
    verdict = judge("C2", [GOOD], claims=CLAIMS, variations={"joint": other, "none": same})
    assert verdict.outcome == "supported"
    assert verdict.variations["none"] is None
    assert verdict.variations["joint"].short == "contradicted (0 / 1 / 0)"


@pytest.mark.parametrize("evidence", [[], [GOOD], [BAD]])
def test_small_profiles_are_not_judged(evidence):
    """The measurements are shown all the same, and the note says why."""
    verdict = judge("C2", evidence, "smoke", CLAIMS)
    assert (verdict.outcome, verdict.short, verdict.counted) == ("not judged", "not judged", "—")
    assert "smoke" in verdict.note
    assert len(verdict.tests) == len(evidence)


def test_a_claim_without_criteria_is_not_judged():
    assert judge("C1", [], claims=CLAIMS).outcome == "not judged"


def test_what_is_not_judged_says_why():
    """There are no measurements, or those of another part of training than the criteria ask for."""
    none = judge("C2", [], claims=CLAIMS)
    assert none.note == "These runs have no measurement that its criteria ask for."
    early = judge("C2", [replace(GOOD, budget=128), replace(GOOD, budget=256)], claims=CLAIMS)
    assert early.outcome == "not judged"
    assert early.note == (
        "Its criteria ask for the whole of training, and these runs were measured over the first 128 iterations and"
        " the first 256 iterations."
    )
    assert early.note in early._repr_html_()
    assert judge("C2", [GOOD], claims=CLAIMS).note == ""


def test_a_page_may_have_a_part_of_the_criteria():
    assert judge("C2", [GOOD], claims=CLAIMS).part == (1, 2)
    assert judge("C2", [GOOD, LESS], claims=CLAIMS).part is None
    assert repr(judge("C2", [GOOD], claims=CLAIMS)) == "Verdict(C2: supported (1 / 0 / 0))"


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ([GOOD, LESS], "All 2 criteria are met."),
        ([GOOD], "Its criterion is met."),
        ([GOOD, NOT_LESS], "1 of its 2 criteria is met; 1 measurement supports it, 1 contradicts it."),
        ([BAD, NOT_LESS], "No measurement supports it, and 2 contradict it."),
        ([OPEN, OPEN_LESS], "No measurement supports it, and none contradicts it."),
    ],
)
def test_an_outcome_has_a_reason(evidence, words):
    assert because(judge("C2", evidence, claims=CLAIMS).tests) == words


@pytest.mark.parametrize(("there", "words"), [((0.5, 0.9), "is not met"), ((0.9, 1.1), "may or may not be met")])
def test_a_premise_is_a_reason(there, words):
    verdict = judge("C4", [ten("there", *there), ten("gone", 0.1, 0.4)], claims=CLAIMS)
    assert because(verdict.tests).startswith(f"Its premise {words}.")


def test_as_many_are_needed_as_the_share_says():
    """Rounded up, and one whole share is all."""
    rows = judge("C3", [ten("most", 1, 3, f"task {k}") for k in range(5)], claims=CLAIMS).tests
    assert needed(rows) == 3
    assert needed(rows.assign(share=1)) == 5


def test_ratios_and_differences_are_of_the_same_seeds():
    """Whatever their order; other seeds are refused; the margin is added on both sides."""
    above, below = pd.Series([2.0, 6.0], [0, 1]), pd.Series([2.0, 1.0], [1, 0])
    assert ratio("more", "sets", above, below) == Evidence("more", "sets", (2.0, 3.0), seeds=(0, 1))
    found = ratio("more", "sets", above, below, 1.0, budget=128)
    assert found.values == pytest.approx((1.5, 7 / 3))
    assert (found.kind, found.above, found.below, found.margin) == ("ratio", (2, 6), (1, 2), 1)
    assert difference("more", "sets", above, below, variate="joint").values == (1.0, 4.0)
    with pytest.raises(ValueError, match=r"seeds \[0, 1\] and \[1, 2\] cannot be paired"):
        ratio("more", "sets", above, pd.Series([1.0, 1.0], [1, 2]))


@pytest.mark.filterwarnings("error")
def test_a_ratio_over_zero_is_infinite():
    """And nothing over nothing is nothing to go by."""
    tens = pd.Series(np.ones(10)), pd.Series(np.zeros(10))
    assert judge("C2", [ratio("more", "sets", *tens)], claims=CLAIMS).outcome == "supported"
    assert judge("C2", [ratio("more", "sets", tens[1], tens[1])], claims=CLAIMS).outcome == "inconclusive"


def test_the_papers_claims_are_complete():
    """C1 to C11, each with where it is from and what changed; each criterion with a statement, a reason and a bound."""
    claims = load_claims()
    assert list(claims) == list(first_verdicts().index) == [f"C{number}" for number in range(1, 12)]
    for claim in claims.values():
        assert claim["claim"].endswith(".")
        assert claim["changed"].endswith(".")
        assert claim["where"]
    for claim in [*claims.values(), *load_claims("beyond").values()]:
        for test in claim["tests"].values():
            assert test["statement"]
            assert test["why"].endswith(".")
            assert {"at_least", "at_most"} & test.keys()
            known = {"statement", "why", "for_each", "at_least", "at_most", "share", "budget", "premise"}
            assert test.keys() <= known
            assert 0 < test.get("share", 1) <= 1
            assert test.get("budget", "whole") in BUDGETS


def test_margins_have_reasons():
    for name, about in load_criteria()["margins"].items():
        assert margin(name) > 0
        assert about["why"].endswith(".")


def test_the_questions_are_complete():
    """Each is a statement, where it is answered, and criteria; and each has a page that answers it."""
    questions = load_claims("beyond")
    assert list(questions) == list(QUESTIONS)
    for question in questions.values():
        assert question["claim"].endswith(".")
        assert question["where"]
        assert question["tests"]


@pytest.mark.parametrize("of", ["paper", "beyond"])
def test_criteria_are_frozen(of):
    """Whoever changes one has to put a new date and a new checksum; prose about a claim may be corrected."""
    criteria = load_criteria(of)
    claim, test = next((claim, test) for claim, about in criteria["claims"].items() for test in about["tests"])
    assert datetime.fromisoformat(criteria["frozen"]).utcoffset().total_seconds() == 0
    found = checksum(criteria)
    assert criteria["checksum"] == found, (
        f"criteria changed after {criteria['frozen']}: give a new date, then {found} or what it gives"
    )
    for change in (
        lambda c: c["claims"][claim]["tests"][test].update(at_least=1.05),
        lambda c: c["margins"].setdefault("l1", {}).update(value=0.01),
        lambda c: c.update(frozen="2027-01-01T00:00:00+00:00"),
    ):
        changed = deepcopy(criteria)
        change(changed)
        assert checksum(changed) != found
    prose = deepcopy(criteria)
    prose["claims"][claim]["changed"] = "Nothing."
    assert checksum(prose) == found


def test_printed_numbers_of_the_paper():
    """Those that are known of Table 1."""
    assert printed("sets").text.to_dict() == {"tb": "0.07 ± 0.00"} | dict.fromkeys(
        ["reverse_kl", "forward_kl", "renyi", "tsallis"], "0.03 ± 0.00"
    )
    assert printed("sequences")["mean"].to_dict() == {"tb": 0.28, "reverse_kl": 0.16}
    assert printed("gaussian_mixture")["standard_deviation"].to_dict() == {"tb": 0.08, "forward_kl": 0.10}
    assert printed("banana").empty
