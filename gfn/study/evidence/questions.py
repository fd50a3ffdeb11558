"""Which page answers which question beyond the paper, by which measurements, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from gfn.study.claims import Evidence
from gfn.study.evidence import (
    balance,
    costs,
    draws,
    f_losses,
    league_questions,
    measures,
    off_policy,
    order_choice,
    order_errors,
    variates,
)
from gfn.study.results import Run

Runs = Mapping[Hashable, Run]


@dataclass(frozen=True)
class Question:
    """How a question of ``data/beyond/questions.yaml`` is answered.

    Attributes:
        page: a key of ``gfn.study.experiments.FIGURES``.
        evidence: of the page's settings and runs, everything that the criteria judge.
        answer: of the same, the answer in a few sentences of Markdown, with what is inconclusive; without links and headings.
    """

    page: str
    evidence: Callable[[Any, Runs], list[Evidence]]
    answer: Callable[[Any, Runs], str]


# In the order in which the index shows them.
QUESTIONS: dict[str, Question] = {
    "Q1": Question("orders", order_errors.evidence, order_choice.answer),
    "Q2": Question("balance", balance.evidence, balance.answer),
    "Q3": Question("variates", variates.evidence, variates.answer),
    "Q4": Question("costs", costs.evidence, costs.answer),
    "Q5": Question("draws", draws.evidence, draws.answer),
    "Q6": Question("f_losses", f_losses.evidence, f_losses.answer),
    "Q7": Question("off_policy", off_policy.evidence, off_policy.answer),
    "Q8": Question("measures", measures.evidence, measures.answer),
    "Q9": Question("leagues", league_questions.against_tb, league_questions.answer_tb),
    "Q10": Question("leagues", league_questions.against_rivals, league_questions.answer_rivals),
    "Q11": Question("leagues", league_questions.failures, league_questions.answer_failures),
}
