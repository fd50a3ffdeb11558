"""Pages say what their runs say, and the same as the introduction: on made-up runs, and in the pages that are there."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import gfn
from gfn.environments import TASKS as PAPER_TASKS
from gfn.study import findings
from gfn.study.claims import Verdict, judge
from gfn.study.evidence.registry import SOURCES, evidence_of
from gfn.study.experiments import figure_settings
from gfn.study.experiments.tasks import calibrated_tasks, paper_tasks
from gfn.study.paper import printed
from gfn.study.presentation.opening import opening
from gfn.study.said import finding, words
from gfn.study.said.accuracy import fastest, sparse
from gfn.study.said.pages import FINDINGS, TOO_SMALL
from gfn.study.said.tables import final_accuracy, known_cells
from gfn.study.verdicts import page_of
from tests.helpers import made_up

BOOK = Path(gfn.__file__).parents[1] / "book"


def given(page: str) -> tuple:
    """Settings, made-up runs and verdicts of a page, judged as if they were of the paper's scale."""
    settings = figure_settings(page, "smoke")
    if page == "tasks":
        tasks = paper_tasks("smoke")
        return settings, {name: tasks[name] for name in ("sequences", "hypergrid")} | {
            "sequences_calibrated": calibrated_tasks("smoke")["sequences_calibrated"]
        }
    runs = made_up(settings)
    if page == "exact":  # where what is made up would have squares below zero
        runs = {key: replace(run, frame=run.frame.assign(value=run.frame.value.abs())) for key, run in runs.items()}
    found = evidence_of(page, settings, runs) if page in SOURCES else {}
    return settings, runs, *(judge(claim, evidence, "paper") for claim, evidence in found.items())


@pytest.mark.parametrize("page", FINDINGS)
def test_every_page_says_something_in_short(page):
    """In two sentences at least, without names of the code, with numbers that are numbers."""
    text = FINDINGS[page](*given(page))
    assert 1 <= len(re.findall(r"[.] [A-Z]", text)) <= 4
    assert len(text) < 900
    assert not re.search(r"\bnan\b|\binf\b|_kl|_mixture|_joint|-\d|\d%", text)
    assert text.endswith(".")


@pytest.mark.parametrize("page", FINDINGS)
def test_nothing_is_claimed_at_the_scale_of_smoke(page):
    assert finding(page, figure_settings(page, "smoke"), {}) == TOO_SMALL


def numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", text)


def test_control_variates_have_the_numbers_of_the_introduction():
    """Of Figure 9 and Table 1, on made-up runs."""
    (_, table1, verdict), (_, fig9, claim) = given("table1"), given("fig9")
    paper = {key: run for key, run in table1.items() if key[0] in PAPER_TASKS}
    landing = findings.baseline_of_the_batch(paper, fig9)
    factors = re.findall(r"(\d+\.\d+) times|(\d+\.\d+) \(", landing)
    both, joint, renyi, tsallis = ("".join(pair) for pair in factors[:2] + factors[2:4])
    said = sparse(None, fig9, claim)
    assert f"`both` ends with {both} times" in said
    assert f"`joint` ends with {joint} times" in said
    worse = re.findall(r"worse in (\d+)", landing)
    assert re.findall(r"worse in\s+(\d+)", said) == worse
    assert f"{renyi} (Rényi) and {tsallis} (Tsallis)" in final_accuracy(None, table1, verdict)


def test_the_start_of_log_z_has_the_numbers_of_the_introduction():
    settings, runs, *verdicts = given("fig3")
    landing, said = findings.start_of_log_z(runs), fastest(settings, runs, *verdicts)
    many = re.search(r"every seed on (\d+) of (\d+) tasks", landing)
    if many is None:
        assert "vanishes" not in said
        return
    assert f"({many[1]} of {many[2]} tasks)" in said
    assert re.search(r"Of this deficit (\S+) ", landing)[1] in said


def test_the_known_cells_are_counted():
    """Those with a number of their own, among the paper's tasks and objectives."""
    known = sum(printed(task)["mean"].notna().sum() for task in PAPER_TASKS)
    assert f"only {known} of 35 cells" in known_cells()


def test_the_opening_shows_badges_before_words(monkeypatch):
    verdicts = [Verdict(name, "So.", "supported", pd.DataFrame()) for name in ("C1", "C5")]
    monkeypatch.setattr(Verdict, "badge", property(lambda self: f"<b>{self.claim}</b>"), raising=False)
    assert opening("It is so.", *verdicts).data == "<b>C1</b> <b>C5</b>\n\n**Finding.** It is so."
    assert opening("It is so.").data == "**Finding.** It is so."


def test_words_are_those_of_readers():
    assert words.share(0.0004) == "0.04\u202f%"
    assert words.share(0.953) == "95\u202f%"
    assert words.share(-0.07) == "−7\u202f%"
    assert words.signed(-2.0) == "−2"
    assert words.decimals(-0.125, 1) == "−0.1"
    assert words.between([1.0, 2.0]) == "1.0 to 2.0"
    assert words.between([2.0, 2.0]) == "2.0"
    assert words.listed(["a", "b", "c"]) == "a, b and c"


# Claims whose measurements are all on one page: that page and the introduction count the same.
WHOLE = {
    "C1": "fig3",
    "C2": "table1",
    "C4": "fig6",
    "C5": "fig3",
    "C6": "fig5",
    "C8": "fig4",
    "C9": "fig7",
    "C10": "fig8",
}


def shown(page: str) -> str:
    """All that the cells of a page put out."""
    cells = json.loads((BOOK / f"{page_of(page)}.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    kinds = ("text/markdown", "text/html", "text/plain")
    return "\n".join("".join(data[kind]) for data in outputs for kind in kinds if kind in data)


@pytest.mark.parametrize("claim", WHOLE)
def test_a_page_and_the_introduction_count_the_same(claim):
    row = re.search(rf"^\| {claim} \|.*$", (BOOK / "intro.md").read_text(encoding="utf-8"), re.M)[0]
    outcome, counts = re.search(r"\*\*(.+?)\*\* \| (\d+ / \d+ / \d+)", row).groups()
    assert f"{claim}: {outcome} ({counts})" in shown(WHOLE[claim])


def test_pages_repeat_the_numbers_of_the_introduction():
    """Of Figure 9 and Table 1, as they stand in the book."""
    landing = (BOOK / "intro.md").read_text(encoding="utf-8")
    both, worse, cases, joint = re.search(
        r"ends with (\S+) times the error of no control.*?worse in (\d+) of (\d+) cases.*?ends with (\S+) times",
        landing,
        re.S,
    ).groups()
    assert (
        f"`both` ends with {both} times the error of no control variate at all, and is worse in {worse} of {cases}"
        in (shown("fig9"))
    )
    assert f"`joint` ends with {joint} times that error" in shown("fig9")
    half = re.search(r"(\S+) \(Rényi\) and (\S+) \(Tsallis\)", landing)[0]
    assert half in shown("table1")
