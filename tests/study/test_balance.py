"""The page of baselines for trajectory balance: what is measured where, and its numbers on made-up runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.study.evidence.balance import answer, evidence, late_errors, of_kind, relative_variances, times
from gfn.study.experiments import figure_settings, runs
from gfn.study.experiments.balance import BASELINES
from gfn.study.experiments.tasks import contender, paper_tasks
from gfn.study.paper import load_claims, margin
from gfn.study.plotting import OBJECTIVES, TASKS, relative_variance_panels
from gfn.study.results import Run

SEEDS = range(10)
PAPER, SMOKE = (figure_settings("balance", profile) for profile in ("paper", "smoke"))


def training(times_error: float, seconds: float = 1.0) -> Run:
    """An error that falls by a factor of ten an evaluation, from one, times a number."""
    rows = [
        {"iteration": 4 * i, "trajectories": 40 * i, "seconds": seconds * i, "seed": seed, "metric": "l1"}
        | {"value": times_error**i * 10.0**-i}
        for i in range(5)
        for seed in SEEDS
    ]
    return Run(TrainingSpec(), pd.DataFrame(rows), {})


def measurement(variances: dict[str, float], batch: int = 2) -> Run:
    """Variances at one stage by line: ``tb`` is the line in question."""
    names = {"tb": ("tb", None), "tb_known": ("tb", "known"), "vargrad": ("vargrad", None)}
    rows = [
        {"objective": names[name][0], "log_z": names[name][1], "iteration": 8, "trajectories": batch, "seed": seed}
        | {"metric": metric, "value": value * (1 + seed)}
        for name, value in variances.items()
        for metric in ("variance", "variance_error")
        for seed in SEEDS
    ]
    return Run(GradientSpec(objectives=(contender("tb"),)), pd.DataFrame(rows), {})


MADE_UP = {
    ("training", "sets", "vargrad"): training(1),
    ("training", "sets", "tb"): training(2),
    ("training", "sets", "tb_scalar"): training(0.5, seconds=3),
    ("training", "dags", "vargrad"): training(1),
    ("training", "dags", "tb_scalar"): training(1),
    ("variance", "sets", "tb_scalar"): measurement({"tb": 8, "vargrad": 4}),
    ("variance", "sets", "tb_batch"): measurement({"tb": 32, "tb_known": 16, "vargrad": 4}),
    ("variance", "dags", "tb_scalar"): measurement({"tb": 32, "vargrad": 4}),
}


def test_variances_are_relative_to_that_of_vargrad_at_the_same_policy():
    """VarGrad's gradient is half as long with two trajectories, so its variance counts four times; each seed on its own."""
    table = relative_variances(of_kind("variance", MADE_UP)).set_index(["task", "objective", "seed"])
    expected = {("sets", "tb_scalar"): 0.5, ("sets", "tb_batch"): 2, ("sets", "tb_known"): 1, ("dags", "tb_scalar"): 2}
    assert {key[:2] for key in table.index} == expected.keys()
    assert table.value.to_dict() == {(*key, seed): value for key, value in expected.items() for seed in SEEDS}
    assert table.yardstick["sets", "tb_batch", 1] == 32
    assert table.variance["sets", "tb_batch", 1] == 64


def test_times_are_held_against_those_of_vargrad():
    """Half of its way down; of the slow line twice as far on a logarithmic scale."""
    trainings = of_kind("training", MADE_UP)
    found = times(trainings).set_index(["task", "objective"])
    threshold = found.threshold["sets", "tb"]
    assert threshold == pytest.approx(1e-2)
    assert found.taken["sets", "vargrad"] == pytest.approx(80)
    assert found.taken["sets", "tb"] == pytest.approx(80 / (1 - np.log10(2)))
    assert found.ratio["sets", "tb_scalar"] == pytest.approx(1 / (1 + np.log10(2)))
    assert times(trainings, "seconds").set_index(["task", "objective"]).ratio["sets", "tb_scalar"] == pytest.approx(
        3 / (1 + np.log10(2))
    )
    assert found.ratio["dags", "tb_scalar"] == 1
    assert set(found.never) == {0}
    errors = late_errors(trainings).set_index(["task", "objective"])
    assert errors.error["sets", "tb"] == pytest.approx(2**4 * 1e-4)
    assert errors.ratio["sets", "tb"] == pytest.approx((2**4 * 1e-4 + margin("l1")) / (1e-4 + margin("l1")))


def test_the_start_is_not_judged():
    """There nothing has been learned yet."""
    early = {key: run for key, run in MADE_UP.items() if key[0] == "training"}
    run = MADE_UP["variance", "sets", "tb_scalar"]
    early["variance", "sets", "tb_scalar"] = Run(run.spec, run.frame.assign(iteration=0), {})
    assert "less_variance" not in {item.test for item in evidence(PAPER, early)}


def test_evidence_is_of_the_baselines_alone_and_large_where_they_gain():
    """VarGrad over the line, seed by seed."""
    found = {(item.test, item.subject): item for item in evidence(PAPER, MADE_UP)}
    subjects = ("sets, tb_scalar", "dags, tb_scalar")
    expected = {("less_variance", f"{subject}, after 8 iterations") for subject in subjects}
    assert found.keys() == expected | {(t, s) for t in ("faster", "seconds", "accurate") for s in subjects}
    assert found["less_variance", "sets, tb_scalar, after 8 iterations"].values == (2,) * 10
    assert found["less_variance", "dags, tb_scalar, after 8 iterations"].values == (0.5,) * 10
    assert found["faster", "sets, tb_scalar"].values == pytest.approx((1 + np.log10(2),) * 10)
    assert found["seconds", "sets, tb_scalar"].values[0] < 1 < found["accurate", "sets, tb_scalar"].values[0]
    assert not {item.test for item in evidence(SMOKE, MADE_UP)} & {"seconds"}
    assert {test for test, _ in found} == set(load_claims("beyond")["Q2"]["tests"])


def test_the_answer_is_in_the_numbers_of_the_runs():
    """Three sentences after the word itself; of criteria that are met on one task of two."""
    said = answer(PAPER, MADE_UP)
    assert said.startswith("In part: 2 of 4 criteria are met, and 2 are not. At the same policy")
    assert ") times VarGrad's variance with the best scalar baseline: medians" in said
    assert "has 1.25 (" in said
    assert "training takes 0.88 (" in said
    held = "1 of 2 measurements of the variance, 1 of 2 of trajectories, 0 of 2 of seconds and 0 of 2 of the error"
    assert f"is certain in {held}; 0, 0, 0 and 0 are inconclusive" in said
    assert said.count(". ") == 3
    small = answer(SMOKE, MADE_UP)
    assert "of seconds" not in small
    assert small.startswith("Not judged at this scale.")


@pytest.mark.parametrize("profile", ["paper", "smoke"])
def test_every_line_is_measured_along_its_own_training(profile):
    """Beside VarGrad, in batches as large as those of training; a known log Z along TB from a first batch."""
    settings = figure_settings("balance", profile)
    tasks, specs = paper_tasks(profile), settings.specs()
    assert {task for _, task, _ in specs} == set(TASKS) & set(tasks)
    for (kind, task, line), spec in specs.items():
        assert spec.task == tasks[task]
        if kind == "training":
            assert spec.objective == contender(line)
            assert (("variance", task, line) in specs) == (line not in ("tb", "tb_known", "vargrad"))
            continue
        beside = ["tb_known", "vargrad"] if line == "tb_batch" else ["vargrad"]
        assert spec.trainer == contender(line)
        assert spec.objectives == tuple(map(contender, (line, *beside)))
        dear = task in ("sets", "phylogenetics")
        assert spec.warmup == (settings.stages[:-1] if dear else settings.stages)
        assert (spec.batch_sizes, spec.replicates) == ((settings.batch_size,), settings.replicates // (1 + dear))
    lines = {task: {line for _, name, line in specs if name == task} for task in tasks}
    every = {"tb", "tb_batch", "tb_known", "vargrad", *BASELINES}
    assert {task for task in tasks if lines[task] == every} == set(tasks) - {"gaussian_mixture", "banana"}
    assert lines["banana"] == lines["gaussian_mixture"] == every - {"tb_last"}


def test_other_starts_are_those_of_table_1():
    """Nothing is trained twice."""
    table1 = runs("table1")
    for (kind, _, line), spec in figure_settings("balance").specs().items():
        if kind == "training":
            assert (spec.hash in table1) == (line not in BASELINES)


def test_a_panel_a_task_and_a_line_a_baseline(figures):
    """Medians over seeds at stages that stand side by side; the yardstick is one."""
    rows = [
        {"task": task, "objective": line, "iteration": stage, "seed": seed, "value": (1 + stage) * (1 + seed)}
        for task in ("sets", "dags")
        for line in ("tb_scalar", "tb_batch")
        for stage in (0, 128, 512)
        for seed in (0, 1, 2)
    ]
    figure = relative_variance_panels(pd.DataFrame(rows), "vargrad")
    assert [axis.get_title() for axis in figure.axes] == [TASKS["sets"], TASKS["dags"]]
    one, *lines = figure.axes[0].lines
    assert set(one.get_ydata()) == {1}
    assert [line.get_label() for line in lines] == [OBJECTIVES["tb_batch"], OBJECTIVES["tb_scalar"]]
    for line in lines:
        np.testing.assert_array_equal(line.get_xydata(), [[0, 2], [1, 258], [2, 1026]])
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["0", "128", "512"]
