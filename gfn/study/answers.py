"""All questions beyond the paper judged from the runs of their pages, and the index of their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gfn.study.claims import OUTCOMES, Verdict, counts, judge
from gfn.study.evidence.answering import in_a_word, standings
from gfn.study.evidence.questions import QUESTIONS
from gfn.study.experiments import figure_settings
from gfn.study.notebook import obtain
from gfn.study.outcomes import MET
from gfn.study.paper import load_claims

ORDERED = ("Yes", "Mostly", "In part", "Mostly not", "No")


@dataclass(frozen=True)
class Answer:
    """What came of a question.

    Attributes:
        page: the figure that answers it.
        verdict: of its criteria.
        text: the answer in words.
    """

    page: str
    verdict: Verdict
    text: str


def gather_answers(profile: str, device: str = "cpu", store: Path | None = None) -> dict[str, Answer]:
    """Every question with its verdict and its answer, from stored runs (missing ones are made).

    Arguments:
        profile: whose runs.
        device: where to train, if need be.
        store: the one store to read and to write, by default those of :func:`gfn.study.results.load_or_train`.
    """
    claims, found = load_claims("beyond"), {}
    pages = dict.fromkeys(question.page for question in QUESTIONS.values())
    settings = {page: figure_settings(page, profile, device=device) for page in pages}
    runs = {page: obtain(each, store) for page, each in settings.items()}
    for name, question in QUESTIONS.items():
        given = settings[question.page], runs[question.page]
        verdict = judge(name, question.evidence(*given), profile, claims)
        found[name] = Answer(question.page, verdict, question.answer(*given))
    return found


def outcome_counts(answers: Mapping[str, Answer]) -> pd.DataFrame:
    """Columns ``question, outcome``, and how many measurements are supported, contradicted and inconclusive."""
    rows = [
        {"question": name, "outcome": each.verdict.outcome} | dict(zip(OUTCOMES, counts(each.verdict.judged)))
        for name, each in answers.items()
    ]
    return pd.DataFrame(rows, columns=["question", "outcome", *OUTCOMES])


def in_short(answers: Mapping[str, Answer]) -> str:
    """The answer to each question in a word, and how many of its criteria are met: a sentence of Markdown."""
    words = {name: in_a_word(each.verdict) for name, each in answers.items()}
    order = [each for each in ORDERED if each in words.values()] + sorted(set(words.values()) - set(ORDERED))
    many = {name: _criteria(each.verdict) for name, each in answers.items()}
    told = [f"{each}: {', '.join(f'{q}{many[q]}' for q, said in words.items() if said == each)}." for each in order]
    return (
        f"Each of {len(answers)} questions is put as a statement. Is it true? {' '.join(told)} In brackets: how many of"
        " its criteria are met."
    )


def _criteria(verdict: Verdict) -> str:
    """How many criteria are met, of how many; nothing where nothing is judged."""
    found = list(standings(verdict).values())
    return "" if verdict.outcome == "not judged" else f" ({found.count(MET)} of {len(found)})"
