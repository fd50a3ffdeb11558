"""Verdicts as readers see them: a plot a criterion with its rule, all measurements folded below, badges, and the overview.

Nothing is said by colour alone: each outcome has a sign (✓ ✗ ?), a shape of its own in the plots, and its word for those
who listen. The style is ``book/_static/gfn-verdicts.css``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from gfn.study.outcomes import OUTCOMES, SIGNS, because, counts, needed, standing
from gfn.study.presentation.digits import beside, neat
from gfn.study.presentation.forest import FEW, forest
from gfn.study.presentation.measured import bounds_of, interval, measured_on, reason, wanted
from gfn.study.presentation.names import capital

CLASSES = {
    "supported": "gfn-supported",
    "partly supported": "gfn-partly",
    "contradicted": "gfn-contradicted",
    "inconclusive": "gfn-inconclusive",
    "premise not met": "gfn-inconclusive",
    "not judged": "gfn-unjudged",
}
# What another control variate is held against where it has not what a claim is about: joint has no linearised baseline.
OTHERS = {("C11", "joint"): "joint against the optimal baseline"}
# Where the verdict of a claim of the paper is, and that of a question beyond it, from a page one folder deep.
PAGES = {"C": "../paper/verdicts.html", "Q": "../beyond/answers.html"}
KEY = (
    '<span class="gfn-key"><span class="gfn-is-supported"><span aria-hidden="true">● ✓</span> supported</span>'
    '<span class="gfn-is-contradicted"><span aria-hidden="true">✗</span> contradicted</span>'
    '<span class="gfn-is-inconclusive"><span aria-hidden="true">○ ?</span> inconclusive</span></span>'
)
LINES = (
    "<p>In the plots a line is an interval, its mark the median over seeds or the estimate, the dashed line the bound, and the"
    " shaded side is the wanted one. A measurement is supported if all of its interval is on the wanted side, contradicted"
    " if all of it is on the other side, and inconclusive if the bound is inside.</p>"
)


class Html(str):
    """A text of HTML that a notebook shows as such."""

    def _repr_html_(self) -> str:
        return str(self)


def address(claim: str, deep: bool = True) -> str:
    """Where the verdict of a claim or a question stands.

    Arguments:
        claim: ``C4``, ``Q1``.
        deep: from a page one folder deep, or from one at the top of the book.
    """
    return f"{PAGES[claim[0]]}#{claim.lower()}".removeprefix("" if deep else "../")


def html(verdict: Any) -> str:
    """A :class:`~gfn.study.claims.Verdict` in HTML, the same at every time."""
    judged = verdict.judged
    parts = [_head(verdict)]
    if len(judged):
        groups = [rows for _, rows in judged.groupby("test", sort=False)]
        low = sum(len(rows) <= FEW for rows in groups)
        beside = low == 1  # alone, such a plot has a line to itself
        columns = {0: 1, 4: 2}.get(len(groups) - beside, min(len(groups) - beside, 3))
        was = verdict.outcome != "not judged"
        cards = [_criterion(rows, was, beside and len(rows) <= FEW) for rows in groups]
        plots = f'<div class="gfn-criteria gfn-columns-{columns}">{"".join(cards)}</div>'
        many = f"{len(cards)} criteria, a plot each" if len(cards) > 1 else "criterion, with its plot"
        # The page of all verdicts folds this, see book/_ext/figure_words.py.
        parts.append(
            f'<details class="gfn-plots" open="open"><summary>Its {many}</summary>'
            f"{plots}{_folded(judged, _elsewhere(verdict))}</details>"
        )
    return f'<div class="gfn-verdict {CLASSES[verdict.outcome]}">{"".join(parts)}</div>'


def badge(verdict: Any, deep: bool = True) -> Html:
    """Outcome and counts as a link to the verdict: ``C4 partly supported · 4 ✓ 0 ✗ 4 ?``.

    Arguments:
        verdict: a :class:`~gfn.study.claims.Verdict`; of a part of a claim's criteria the badge says so.
        deep: as for :func:`address`.
    """
    part = f' <span class="gfn-part">({_part(verdict)})</span>' if verdict.part else ""
    tally = "" if verdict.outcome == "not judged" else f' · <span class="gfn-tally">{_tally(verdict.judged)}</span>'
    return Html(
        f'<a class="gfn-badge {CLASSES[verdict.outcome]}" href="{escape(address(verdict.claim, deep))}">'
        f"<strong>{escape(verdict.claim)}</strong>{part} {escape(verdict.outcome)}{tally}</a>"
    )


def badges(verdicts: Iterable[Any], deep: bool = True) -> Html:
    """Several badges in a line; arguments as :func:`badge`."""
    return Html(f'<p class="gfn-badges">{" ".join(badge(verdict, deep) for verdict in verdicts)}</p>')


def overview(verdicts: Mapping[str, Any], pages: Mapping[str, Sequence[tuple[str, str]]] | None = None) -> Html:
    """A bar a claim, of how many measurements support it, contradict it, or are inconclusive.

    Arguments:
        verdicts: by claim, in the order to show.
        pages: titles and addresses of the pages that each rests on.
    """
    rows = []
    for claim, verdict in verdicts.items():
        links = ", ".join(f'<a href="{escape(to)}">{escape(title)}</a>' for title, to in (pages or {}).get(claim, ()))
        judged = verdict.outcome != "not judged"
        rows.append(
            f'<li><a class="gfn-claim" href="{escape(address(claim))}">{escape(claim)}</a>'
            f'<span class="gfn-text">{escape(verdict.text)} <span class="gfn-pages">{links}</span></span>'
            f'<span class="gfn-result"><span class="gfn-word {CLASSES[verdict.outcome]}">{escape(verdict.outcome)}</span>'
            f" {_tally(verdict.judged) if judged else ''}</span>{_bar(verdict.judged) if judged else ''}</li>"
        )
    return Html(f'<ol class="gfn-overview">{"".join(rows)}</ol>')


def _tally(rows: pd.DataFrame) -> str:
    """``4 ✓ 0 ✗ 4 ?``, with words for those who do not see the signs."""
    signs = zip(counts(rows), SIGNS.items())
    return " ".join(
        f'{n}&nbsp;<span aria-hidden="true">{sign}</span><span class="gfn-unseen"> {name},</span>'
        for n, (name, sign) in signs
    )


def _bar(rows: pd.DataFrame) -> str:
    found, left, parts = counts(rows), 0.0, []
    for outcome, n in zip(OUTCOMES, found):
        share = 100 * n / max(1, sum(found))
        parts.append(f'<rect class="gfn-bar-{outcome}" x="{left:.2f}%" width="{share:.2f}%" height="100%"/>' * (n > 0))
        left += share
    return f'<svg class="gfn-bar" aria-hidden="true" width="100%" height="14">{"".join(parts)}</svg>'


def _part(verdict: Any) -> str:
    here, of = verdict.part
    return f"{here} of {of} criteria"


def _head(verdict: Any) -> str:
    """The outcome in words and why, the claim, and what it comes to elsewhere."""
    judged, lines = verdict.outcome != "not judged", []
    name = f"{verdict.claim} ({_part(verdict)})" if verdict.part else verdict.claim
    tally = f' <span class="gfn-tally">{_tally(verdict.judged)}</span>' if judged else ""
    outcome = f'<span class="gfn-word {CLASSES[verdict.outcome]}">{escape(verdict.outcome)}</span>{tally}'
    why = [escape(because(verdict.judged))] if judged else []
    if verdict.part:
        there = f'<a href="{escape(address(verdict.claim))}">its verdict</a>'
        why.append(
            f"This is not the verdict on the claim: its other criteria are measured on other pages, see {there}."
        )
    note = [escape(verdict.note)] if verdict.note else []
    lines.append(
        f'<p class="gfn-head"><strong>{escape(name)}:</strong> {outcome} <span>{escape(verdict.text)}</span></p>'
    )
    note += [with_other(variate, other) for variate, other in verdict.variations.items() if other]
    lines.append(f'<p class="gfn-note">{" ".join([*why, *note])}</p>' if why or note else "")
    return "".join(lines)


def _elsewhere(verdict: Any) -> str:
    """What the claim comes to at other budgets, and with which control variates nothing changes."""
    budgets = dict.fromkeys(verdict.tests.budget[~verdict.tests.judged])
    there = ", ".join(f"{_until(budget)} {escape(verdict.at(budget).short)}" for budget in budgets)
    text = [f"At other budgets of iterations: {there}."] if budgets and verdict.outcome != "not judged" else []
    text += [with_other(variate, other) for variate, other in verdict.variations.items() if other is None]
    return f"<p>{' '.join(text)}</p>" if text else ""


def _until(budget: Any) -> str:
    return "whole training:" if budget == "whole" else f"{escape(str(budget))}:"


def with_other(name: str, other: Any) -> str:
    """What a claim comes to with other control variates of Rényi and Tsallis, in a sentence."""
    if other is not None and (other.claim, name) in OTHERS:
        return f"Not part of this claim: {escape(other_question(other, name))}."
    start = f"With <code>{escape(name)}</code> in place of <code>both</code>"
    if other is None:
        return f"{start} nothing changes: no gradient of Rényi or Tsallis plays a part in this claim."
    return f"{start}: {escape(other.short)}."


def other_question(other: Any, name: str) -> str:
    """What is measured with another control variate where it is not what the claim speaks of, and how often it is within the bounds."""
    if other.outcome == "not judged":
        return f"{OTHERS[other.claim, name]}: not judged"
    return f"{OTHERS[other.claim, name]}: {counts(other.judged)[0]} of {len(other.judged)} within the bounds"


def _criterion(rows: pd.DataFrame, judged: bool, beside: bool) -> str:
    """A criterion in words, its rule and what came of it, and its plot."""
    kind = "Premise: " if rows.premise.iloc[0] else ""
    place = "gfn-criterion gfn-beside" if beside else "gfn-criterion"
    return (
        f'<div class="{place}"><p><strong>{kind}{escape(capital(neat(rows.criterion.iloc[0])))}.</strong> {_rule(rows)}'
        f" {_came(rows) if judged else ''}</p>{forest(rows)}</div>"
    )


def _rule(rows: pd.DataFrame) -> str:
    """When a measurement counts as supported, and how many must."""
    first, many = rows.iloc[0], len(rows)
    must = f"all {many} must" if first.share == 1 else f"{needed(rows)} of {many} must ({100 * first.share:.0f}&nbsp;%)"
    text = f"Supported when all of the interval is {wanted(first)}"
    return f"{text}; {must}." if many > 1 else f"{text}."


def _came(rows: pd.DataFrame) -> str:
    """What came of a criterion."""
    return f'<span class="gfn-came">{_tally(rows)}: <strong>{standing(rows)}</strong>.</span>'


def _folded(judged: pd.DataFrame, first: str) -> str:
    """All measurements in a table a criterion, folded away."""
    tables = [_table(rows) for _, rows in judged.groupby("test", sort=False)]
    together = (
        f"<p>All intervals of this verdict hold together with at least {_level(judged)}.</p>"
        if judged.error.any()
        else ""
    )
    many = f"all {len(judged)} measurements" if len(judged) > 1 else "the measurement"
    return f'<details class="gfn-rows"><summary>Show {many} in numbers {KEY}</summary>{first}{LINES}{"".join(tables)}{together}</details>'


def _table(rows: pd.DataFrame) -> str:
    first, body = rows.iloc[0], []
    for row in rows.itertuples():
        sign = f'<span aria-hidden="true">{SIGNS[row.outcome]}</span> {row.outcome}'
        cells = [beside(row.median, *bounds_of(row)), interval(row), reason(row)]
        body.append(
            f'<tr><th scope="row">{escape(measured_on(row.subject))}</th>'
            f"{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}"
            f'<td class="gfn-is-{row.outcome}">{sign}</td></tr>'
        )
    heads = ["measured on", "median" if first.seeds else "estimate", "interval", "against the bound", "outcome"]
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    many = "Together these intervals hold" if len(rows) > 1 else "The interval holds"
    level = f" {many} with at least {_level(rows)}." if rows.error.any() else ""
    return (
        f"<p><strong>{escape(neat(first.criterion))}</strong> ({wanted(first)}). {escape(neat(first.why))}{level}</p>"
        f'<div class="gfn-scroll" tabindex="0" role="group" aria-label="{escape(neat(first.criterion))}">'
        f'<table class="gfn-measurements"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def _level(rows: pd.DataFrame) -> str:
    """How sure intervals hold together, rounded down."""
    return f"{max(0, int(100 * (1 - rows.error.sum()) + 1e-9))}&nbsp;%"
