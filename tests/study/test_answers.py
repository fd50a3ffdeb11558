"""Questions beyond the paper judged together: from the runs of their pages, in the words of their pages."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gfn.study import answers
from gfn.study.answers import gather_answers, in_short, outcome_counts
from gfn.study.claims import judge, over_seeds
from gfn.study.evidence.answering import by_criterion, in_a_word, standings, word
from gfn.study.evidence.questions import QUESTIONS, Question
from gfn.study.experiments import BEYOND, FIGURES
from gfn.study.paper import load_criteria
from gfn.study.plotting import outcome_panel
from gfn.study.verdicts import verdict_table

CLAIMS = {
    "Q1": {"claim": "It works.", "tests": {"more": {"statement": "more", "at_least": 2}}},
    "Q2": {"claim": "It is cheap.", "tests": {"less": {"statement": "less", "at_most": 1}}},
}


def measured(test, *values):
    return [over_seeds(test, f"task {k}", pd.Series(10 * [float(value)])) for k, value in enumerate(values)]


@pytest.fixture
def found(monkeypatch):
    """Two questions of one page whose runs are made up, and what was asked for."""
    asked = []
    registry = {
        "Q1": Question("orders", lambda settings, runs: measured("more", *runs), lambda settings, runs: "It *does*."),
        "Q2": Question(
            "orders", lambda settings, runs: measured("less", *runs), lambda settings, runs: f"{len(runs)}."
        ),
    }
    monkeypatch.setattr(answers, "QUESTIONS", registry)
    monkeypatch.setattr(answers, "load_claims", lambda of: {"beyond": CLAIMS}[of])
    monkeypatch.setattr(
        answers, "figure_settings", lambda page, profile, device: asked.append((page, profile, device)) or page
    )
    monkeypatch.setattr(
        answers, "obtain", lambda settings, store: asked.append((settings, store)) or {3: None, 1: None}
    )
    return lambda profile: (gather_answers(profile, "cuda", Path("store")), asked)


def test_every_question_is_judged_from_the_runs_of_its_page(found):
    """Which are read once, however many questions a page answers."""
    given, asked = found("edition")
    assert asked == [("orders", "edition", "cuda"), ("orders", Path("store"))]
    expected = {
        "Q1": judge("Q1", measured("more", 3, 1), claims=CLAIMS),
        "Q2": judge("Q2", measured("less", 3, 1), claims=CLAIMS),
    }
    assert list(given) == ["Q1", "Q2"]
    for name, answer in given.items():
        assert (answer.page, answer.verdict.short) == ("orders", expected[name].short)
        assert answer.verdict.text == CLAIMS[name]["claim"]
        pd.testing.assert_frame_equal(answer.verdict.tests, expected[name].tests)
    assert [answer.text for answer in given.values()] == ["It *does*.", "2."]
    assert {answer.verdict.outcome for answer in found("smoke")[0].values()} == {"not judged"}


def test_the_index_says_each_answer_in_a_word(found):
    given, _ = found("edition")
    start, end = (
        "Each of 2 questions is put as a statement. Is it true?",
        "In brackets: how many of its criteria are met.",
    )
    assert in_short(given) == f"{start} Mostly not: Q1 (0 of 1), Q2 (0 of 1). {end}"
    assert in_short(found("smoke")[0]) == f"{start} Not judged at this scale: Q1, Q2. {end}"


def test_outcomes_are_stacked_shares(found):
    frame = outcome_counts(found("edition")[0])
    assert frame.to_dict("records") == [
        {"question": name, "outcome": "partly supported", "supported": 1, "contradicted": 1, "inconclusive": 0}
        for name in ("Q1", "Q2")
    ]
    (axis,) = outcome_panel(frame).axes
    heights = {bars.get_label(): [bar.get_height() for bar in bars] for bars in axis.containers}
    assert heights == {"supported": [0.5, 0.5], "inconclusive": [0, 0], "contradicted": [0.5, 0.5]}
    assert [text.get_text() for text in axis.texts] == 2 * ["partly\nsupported"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["Q1", "Q2"]


def test_every_number_is_in_the_table(found):
    """With the version of the questions' own criteria."""
    table = verdict_table({name: each.verdict for name, each in found("edition")[0].items()}, "beyond")
    assert table.claim.tolist() == ["Q1", "Q1", "Q2", "Q2"]
    assert table["median"].tolist() == table["seed 9"].tolist() == [3, 1, 3, 1]
    assert set(table.version) == {load_criteria("beyond")["version"]}


def test_questions_have_pages():
    """Each page is of the part beyond the paper, and is known as a figure is."""
    assert list(QUESTIONS) == [f"Q{number + 1}" for number in range(len(QUESTIONS))]
    assert all(question.page in FIGURES and question.page in BEYOND for question in QUESTIONS.values())


def judged(*criteria, share=1.0):
    """A verdict on criteria of which each has these measurements: met ``+``, contradicted ``-`` or inconclusive ``?``."""
    values = {"+": [3.0], "-": [1.0], "?": [1.0, 3.0]}
    tests = {f"t{n}": {"statement": "more", "at_least": 2, "share": share} for n in range(len(criteria))}
    found = [
        over_seeds(f"t{n}", f"task {k}", pd.Series(values[sign] * (10 // len(values[sign]))))
        for n, signs in enumerate(criteria)
        for k, sign in enumerate(signs)
    ]
    return judge("Q1", found, claims={"Q1": {"claim": "It works.", "tests": tests}})


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        (("+", "++"), "Yes."),
        (("+", "+", "-"), "Mostly: 2 of 3 criteria are met, and 1 is not."),
        (("+", "+", "?"), "Mostly: 2 of 3 criteria are met, and 1 is open."),
        (("+", "-"), "In part: 1 of 2 criteria is met, and 1 is not."),
        (("+", "?", "-", "?"), "In part: 1 of 4 criteria is met, 1 is not, and 2 are open."),
        (("+-", "-", "?"), "Mostly not: none of 3 criteria is met, 2 are not, and 1 is open."),
        (("+-", "-"), "Mostly not: none of 2 criteria is met."),
        (("-", "-"), "No."),
        (("?", "?"), "Not decided."),
    ],
)
def test_the_answer_in_a_word_goes_by_criteria(criteria, said):
    """Where a statement is supported in part."""
    assert word(judged(*criteria)) == said


def test_many_measurements_of_one_criterion_do_not_outweigh_the_others():
    """Pooled, 34 of 37 measurements support the statement; by criteria it is one of four."""
    verdict = judged(34 * "+", "?", "?", "-")
    assert verdict.counted == "34 / 1 / 2"
    assert in_a_word(verdict) == "In part"


def test_a_criterion_is_open_where_it_could_still_be_met():
    """With the share of measurements that it demands."""
    found = judged("+?--", "+---", "++--", share=0.5)
    assert standings(found) == {"t0": "open", "t1": "not met", "t2": "met"}
    told = by_criterion(found, {"t2": "cheap", "t0": "fast", "absent": "dear"})
    assert told == "cheap in 2 of 4 (met, 2 contradicted); fast in 1 of 4 (open, 2 contradicted)"
