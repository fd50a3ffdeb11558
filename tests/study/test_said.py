"""Pages say what their runs say, and the same as the introduction: on made-up runs, and in the pages that are there."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import gfn
from gfn.environments import PAPER_TASKS
from gfn.study import findings
from gfn.study.claims import Verdict, judge, over_seeds
from gfn.study.evidence.registry import SOURCES, evidence_of
from gfn.study.experiments import figure_settings
from gfn.study.experiments.tasks import calibrated_tasks, paper_tasks
from gfn.study.paper import printed
from gfn.study.presentation.opening import opening
from gfn.study.said import finding, words
from gfn.study.said.accuracy import fastest, sparse
from gfn.study.said.pages import FINDINGS, TOO_SMALL
from gfn.study.said.tables import known_cells, sensitive
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


def test_negative_orders_have_the_numbers_of_the_introduction():
    """Of Figure 9, on made-up runs."""
    _, runs, verdict = given("fig9")
    landing, said = findings.baseline_of_the_batch(runs), sparse(None, runs, verdict)
    assert re.findall(r"(\d+\.\d\d) times", said) == re.findall(r"(\d+\.\d\d) times", landing)
    assert re.findall(r"worse in (\d+)", said) == re.findall(r"worse in (\d+)", landing)


def test_the_start_of_log_z_has_the_numbers_of_the_introduction():
    """Of Figure 3, on made-up runs in which TB lags, and on others in which it does not."""
    settings, runs, *verdicts = given("fig3")
    slow = {
        (task, line): replace(run, frame=run.frame.assign(value=run.frame.value.abs() * (9 if line == "tb" else 1)))
        for (task, line), run in runs.items()
    }
    for made in (runs, slow):
        landing, said = findings.start_of_log_z(made), fastest(settings, made, *verdicts)
        many = re.search(r"of the (\d+) of (\d+) tasks", landing)
        assert ("vanishes" in said) == bool(many)
        if many:
            assert f"({many[1]} of {many[2]} tasks)" in said
            assert re.search(r"(\S+)\s% of", landing)[1] == re.search(r"(\S+)\s% of its", said)[1]
    assert many


def test_rewards_and_modes_are_told_of_their_own_tasks():
    """Figure 4 compares them on different sequences."""
    text = FINDINGS["fig4"](*given("fig4"))
    rewards, modes = re.search(
        r"comparisons on (.+?), and at least nine tenths as many modes .+? on (.+?)[.] On", text
    ).groups()
    assert {*re.split(", | and ", rewards)} == {"sets", "sequences", "DAGs"}
    assert {*re.split(", | and ", modes)} == {"sets", "the calibrated sequences", "DAGs"}


def test_what_owes_its_factor_to_the_unit_of_the_reward_says_so():
    """Where the number of the reverse KL stands."""
    settings, runs, verdict = given("fig6")
    log_z = runs["reverse_kl", "none"].spec.task.log_z
    assert f"(the reverse KL, whose variance without them contains the square of log Z = {log_z:.1f}," in FINDINGS[
        "fig6"
    ](settings, runs, verdict)
    assert "its own contains the square of log Z" in FINDINGS["fig7"](*given("fig7"))


def test_every_half_of_a_claim_is_answered():
    """TB's variance against VarGrad's and against the reverse KL's, and both mixtures."""
    _, _, verdict = given("fig7")
    said = FINDINGS["fig7"](*given("fig7"))
    for test in ("little", "little_batch", "low", "low_batch"):
        assert words.supported(words.rows(verdict, test)) in said
    said = FINDINGS["fig1"](*given("fig1"))
    assert len(re.findall("(?:missed|stray) mass is", said)) == 4
    assert "where they lie apart, missed" in said
    assert "where modes overlap, missed" in said


def test_sparse_targets_are_judged_with_each_estimator():
    """As the verdict is, for the paper's, and as its variations are, for the others."""
    settings, runs, verdict = given("fig9")
    said = sparse(settings, runs, verdict)
    for variate, name in (
        ("both", "with the paper's `both`"),
        ("none", "without control variates"),
        ("joint", "with our"),
    ):
        own = judge("C7", evidence_of("fig9", settings, runs, variate)["C7"])
        for test in ("sparse", "sparse_best"):
            many = words.supported(words.rows(own, test))
            assert f"{many} comparisons {name}" in said or f"{many} comparisons with each estimator" in said
    assert "Gaussian mixture, α" not in said
    assert {of[0] for of in words.rows(verdict, "sparse").of} == {"hypergrid", "gaussian_mixture_calibrated"}


def test_settings_that_are_the_same_runs_count_once():
    """The values in force stand in the table once for each choice."""
    settings, runs = given("sensitivity")
    hashes: dict = {}
    for (choice, value, _), run in runs.items():
        hashes.setdefault((choice, value), set()).add(run.spec.hash)
    different = {frozenset(own) for own in hashes.values()}
    assert len(different) < len(hashes)
    assert f"of the {len(different)} different settings tried" in sensitive(settings, runs)


def test_what_is_not_supported_is_told():
    found = [over_seeds("faster", f"sets, {k}", pd.Series(10 * [value])) for k, value in enumerate((9.0, 0.1, 0.1))]
    assert words.against(words.rows(judge("C4", found), "faster")) == " (2 contradicted)"
    assert words.against(words.rows(judge("C4", found[:1]), "faster")) == ""


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
    assert words.share(0.0004) == "0.04\u00a0%"
    assert words.share(0.953) == "95\u00a0%"
    assert words.share(-0.07) == "−7\u00a0%"
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
    row = re.search(rf"^\| [^|]*\b{claim}\b[^|]*\|.*$", (BOOK / "intro.md").read_text(encoding="utf-8"), re.M)[0]
    outcome, *numbers = re.search(r"\*\*(.+?)\*\* \| (\d+) [/|] (\d+) [/|] (\d+)", row).groups()
    counts = " / ".join(numbers)
    assert f"{claim}: {outcome} ({counts})" in shown(WHOLE[claim])


def test_pages_repeat_the_numbers_of_the_introduction():
    """Of Figures 3 and 9, as they stand in the book."""
    landing = (BOOK / "intro.md").read_text(encoding="utf-8")
    orders = re.search(r"^2\. .*$", landing, re.M)[0]
    said = re.search(r"At negative orders .*", shown("fig9"))[0]
    assert re.findall(r"(\d+\.\d\d) times", said) == re.findall(r"(\d+\.\d\d) times", orders)
    assert re.findall(r"worse in (\d+)", said) == re.findall(r"worse in (\d+)", orders)
    share = re.search(r"(\S+)\s?% of", re.search(r"^1\. .*$", landing, re.M)[0])[1]
    assert re.search(rf"\b{share}\s% of its deficit vanishes", shown("fig3"))
