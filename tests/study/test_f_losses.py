"""The page on f-divergence losses: what is trained, and its numbers on made-up runs."""

from __future__ import annotations

import pandas as pd
import pytest

from gfn.runs.objective import F_LOSSES, Objective
from gfn.runs.spec import TrainingSpec
from gfn.study.evidence.f_losses import PAIRS, answer, evidence, furthest, relative_errors
from gfn.study.experiments import figure_settings, runs
from gfn.study.experiments.f_losses import BESIDE, F_LINES, OVERFLOWS
from gfn.study.experiments.tasks import contender, paper_tasks
from gfn.study.paper import load_claims, margin
from gfn.study.results import Run

SEEDS = range(10)
PAPER, SMOKE = (figure_settings("f_losses", profile) for profile in ("paper", "smoke"))
ERRORS = {
    "tb_batch": 0.4,
    "vargrad": 0.4,
    "reverse_kl": 0.4,
    "forward_kl": 0.2,
    "renyi_joint": 0.1,
    "tsallis_joint": 0.1,
}
ERRORS |= {"f_tb_0": 0.2, "f_tb_half": 0.1, "f_tb_2": 0.8, "js_tb": 0.1, "devgrad": 0.1}


def training(error: float) -> Run:
    """An error that differs between seeds and stays, after a start that all have in common."""
    rows = [
        {"iteration": i, "seed": seed, "metric": "l1", "value": 1.5 if i == 0 else error * (1 + seed / 100)}
        for i in range(9)
        for seed in SEEDS
    ]
    return Run(TrainingSpec(), pd.DataFrame(rows), {})


MADE_UP = {(task, line): training(error) for task in ("sets", "dags") for line, error in ERRORS.items()}


def test_evidence_holds_lines_against_each_other():
    """Seed by seed, with a margin, for every criterion of the question."""
    found = {(item.test, item.subject): item for item in evidence(PAPER, MADE_UP)}
    assert found.keys() == {(test, task) for test in load_claims("beyond")["Q6"]["tests"] for task in ("sets", "dags")}
    least = margin("l1")
    for (test, _), item in found.items():
        above, below = (ERRORS[line] for line in PAIRS[test])
        due = [(above * (1 + s / 100) + least) / (below * (1 + s / 100) + least) for s in SEEDS]
        assert item.values == pytest.approx(due)


def test_errors_are_relative_to_tb():
    table = relative_errors(MADE_UP).set_index(["task", "objective"])
    assert table.ratio["sets", "tb_batch"] == table.late_ratio["dags", "tb_batch"] == 1
    assert table.ratio["sets", "f_tb_half"] == pytest.approx(table.late_ratio["sets", "f_tb_half"])
    assert table.ratio["sets", "f_tb_half"] < 0.3
    assert table.error["sets", "f_tb_2"] == pytest.approx(0.8 * 1.045)


def test_two_trainings_are_as_far_apart_as_their_errors():
    """The largest relative difference, at the first evaluation and of all."""
    moved = MADE_UP["sets", "renyi_joint"].frame.copy()
    moved.loc[(moved.iteration == 5) & (moved.seed == 3), "value"] *= 2
    runs_ = MADE_UP | {("sets", "renyi_joint"): Run(TrainingSpec(), moved, {})}
    found = furthest(runs_)
    assert found.loc["sets"].tolist() == pytest.approx([0, 0.5])
    assert found.loc["dags"].tolist() == [0, 0]


def test_the_answer_is_in_the_numbers_of_the_runs():
    said = answer(PAPER, MADE_UP)
    assert said.startswith("Yes. Over training, the error is ")
    assert "2 of 2 against TB, 2 of 2 late in training and 2 of 2 against VarGrad" in said
    assert "0 measurements in all are inconclusive" in said
    assert answer(SMOKE, MADE_UP).startswith("Not judged at this scale.")


@pytest.mark.parametrize("profile", ["paper", "edition", "smoke"])
def test_every_loss_is_trained_on_every_task(profile):
    """But for what cannot be; with what is measured at the end. All others are other pages' runs."""
    settings, tasks = figure_settings("f_losses", profile), paper_tasks(profile)
    specs, others = settings.specs(), runs("table1", profile)
    assert specs.keys() == {(task, line) for task in tasks for line in (*BESIDE, *settings.losses)} - OVERFLOWS
    assert set(settings.losses) <= set(F_LINES)
    assert set(settings.losses) == set(F_LINES) or profile != "edition"
    for (task, line), spec in specs.items():
        assert spec.task == tasks[task]
        assert spec.objective == (F_LINES[line] if line in F_LINES else contender(line))
        assert spec.measures == (line in F_LINES)
        assert (spec.hash in others) == (line not in F_LINES)
    assert {objective.name for objective in F_LINES.values()} == set(F_LOSSES)
    assert {F_LINES[line].alpha for line in F_LINES} == {0.0, 0.5, 2.0, None}
    assert contender("tb_batch") == Objective(log_z="batch")
