"""The page on few and dependent trajectories: what is measured and trained, and its numbers on made-up runs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from gfn.runs.draws import Draws
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.study.evidence.draws import advice, answer, curves, evidence, gradients, span, subtracting, trainings
from gfn.study.experiments import figure_settings
from gfn.study.experiments.draws import HALF, INDEPENDENT, OTHER, SUBTRACTING, small_tasks
from gfn.study.experiments.tasks import estimator
from gfn.study.paper import load_claims
from gfn.study.plotting import few_panels, scheme_curves, scheme_panels
from gfn.study.results import Run

PAPER, SMOKE = (figure_settings("draws", profile) for profile in ("paper", "smoke"))
SEEDS = range(10)
OLD = Draws(scheme="replayed", share=0.5, age=PAPER.age)
BIAS = {"independent": 0.0, "common": 0.04, "prefix": 0.09, "distinct": 0.0016, "replayed": 0.0001}


def measurement(draws: Draws, size: int, squared: float, plain: bool = False) -> Run:
    """Every estimate has a gradient of squared length 4, this squared bias relative to it, and a relative variance of 8 / N."""
    values = {"gradient_squared": 4, "bias_squared": 4 * squared, "bias_squared_error": 4e-6, "variance": 32 / size}
    values["bias_along"] = -4 * math.sqrt(squared)
    chosen = {name: "none" for name in ("reverse_kl", "tsallis")} if plain else SUBTRACTING
    rows = [
        {"objective": name, "control_variate": variate, "trajectories": size, "metric": metric, "value": value}
        for name, variate in chosen.items()
        for metric, value in values.items()
    ]
    spec = GradientSpec(task=small_tasks()["sets"], objectives=(estimator("reverse_kl"),), draws=draws, warmup=(128,))
    return Run(spec, pd.DataFrame(rows), {})


def training(error: float, batch: int = 8) -> Run:
    """An error that differs between seeds, and ends at a number."""
    rows = [
        {"iteration": i, "seed": seed, "metric": "l1", "value": error * (1 + seed) * (9 - i)}
        for i in range(9)
        for seed in SEEDS
    ]
    return Run(TrainingSpec(batch_size=batch), pd.DataFrame(rows), {})


MADE_UP = {("few", "sets", size): measurement(INDEPENDENT, size, 0.0, plain=size == 1) for size in (1, 2, 8)}
for _draws in (INDEPENDENT, *HALF.values(), *OTHER.values(), OLD):
    _squared = 0.25 if _draws == OLD else BIAS[_draws.scheme]
    MADE_UP["drawn", "sets", 8, _draws.label] = measurement(_draws, 8, _squared)
MADE_UP["drawn", "sets", 32, "independent"] = measurement(INDEPENDENT, 32, 0.5)
MADE_UP["drawn", "sets", 8, "all one"] = measurement(Draws(scheme="common", share=1), 8, 1.0)
for _scheme, _error in {
    "independent": 1,
    "common": 1.5,
    "prefix": 2,
    "distinct": 0.5,
    "replayed": 1,
    "fewer": 1.4,
}.items():
    for _name in ("reverse_kl", "renyi"):
        MADE_UP["training", "sets", _name, _scheme] = training(_error, batch=5 if _scheme == "fewer" else 8)
MADE_UP["training", "sets", "reverse_kl", "one"] = training(10, batch=1)


def test_gradients_are_relative_to_the_exact_one():
    """With the root of the squared bias, and nothing below zero."""
    table = gradients("drawn", MADE_UP)
    row = table[(table.scheme == "prefix") & (table.objective == "renyi")].iloc[0]
    assert row.squared == pytest.approx(0.09)
    assert row.error == pytest.approx(1e-6)
    assert (row.value, row.along, row.variance) == pytest.approx((0.3, -0.3, 1))
    assert row.mean_square == pytest.approx(1.09)
    assert row.low < 0.3 < row.high
    assert row.high**2 == pytest.approx(0.09 + 1.96e-6)
    none = table[(table.scheme == "independent") & (table.trajectories == 8)]
    assert set(none.value) == set(none.low) == {0}
    assert set(table.age.dropna()) == {1, PAPER.age}
    plain = gradients("few", MADE_UP)
    assert set(subtracting(plain).trajectories) == {2, 8}


def test_evidence_is_of_what_the_criteria_ask_for():
    """Rényi is no measure of leave-one-out; half in common alone; single trajectories and fewer play no part."""
    found = {(item.test, item.subject): item for item in evidence(PAPER, MADE_UP)}
    few = {f"sets, {name}, {size} trajectories" for name in ("reverse_kl", "forward_kl", "tsallis") for size in (2, 8)}
    halves = {f"sets, {name}, {scheme} 8 trajectories" for name in SUBTRACTING for scheme in HALF}
    trained = {scheme: {f"sets, {name}, {scheme}" for name in ("reverse_kl", "renyi")} for scheme in (*HALF, *OTHER)}
    assert found.keys() == (
        {("small_n", subject) for subject in few}
        | {("correlated_bias", subject) for subject in halves}
        | {("training", subject) for scheme in HALF for subject in trained[scheme]}
        | {("harmless", subject) for scheme in OTHER for subject in trained[scheme]}
    )
    assert found["correlated_bias", "sets, tsallis, prefix 8 trajectories"].values == pytest.approx((0.09,))
    assert found["training", "sets, renyi, prefix"].values == pytest.approx((2,) * 10)
    assert found["harmless", "sets, renyi, distinct"].values == pytest.approx((0.5,) * 10)
    assert {test for test, _ in found} == set(load_claims("beyond")["Q5"]["tests"])


def test_the_answer_is_in_the_numbers_of_the_runs():
    said = answer(PAPER, MADE_UP)
    assert said.startswith("Yes. With 2 to 8 independent trajectories")
    assert "of the gradient in 6 of 6 measurements; a single trajectory" in said
    assert "has 2 times the variance" in said
    plain = said.replace("\u00a0", " ")
    assert "the bias is 20 % of the gradient, and where half of the steps are in common 30 %" in plain
    assert "ends with 1.50 and 2.00 times the error of independent trajectories, by a fifth or more in 4 of 4" in plain
    old = f"(from {PAPER.age} iterations before 50 %; independent trajectories have 0 %, Rényi's own)"
    assert f"the bias is 4 %, and with half replayed from the batch before 1 % {old}" in plain
    assert "Nothing" not in " ".join(advice(PAPER, MADE_UP)["what to do"])
    assert "0.50 and 1.00 times the error; that it is no worse by a fifth is certain in 4 of 4 measurements." in plain
    assert answer(SMOKE, MADE_UP).startswith("Not judged at this scale.")


def test_the_answer_says_what_is_not_certain():
    worse = MADE_UP | {("training", "sets", "renyi", "distinct"): training(3)}
    assert answer(PAPER, worse).endswith("is certain in 3 of 4 measurements (1 contradicted).")
    assert answer(PAPER, worse).startswith("Mostly: 3 of 4 criteria are met, and 1 is not.")


def test_advice_has_what_was_measured():
    """Of half of a batch; replays are told apart by their age, and only the recent ones were trained with."""
    table = advice(PAPER, MADE_UP)
    assert list(table.index[:3]) == [
        "independent",
        "independent, as many as differ where half are one",
        "half are one trajectory",
    ]
    bias, variance, error, words = (table[column].tolist() for column in table)
    assert bias == ["0", "–", "0.200", "0.300", "0.0400", "0.0100", "0.500"]
    assert variance == ["1.00", "–", *["1.00"] * 5]
    assert error == ["1.00", "1.40", "1.50", "2.00", "0.500", "1.00", "–"]
    assert all(words)
    assert span(pd.Series([0.1, 0.25])) == "0.100 to 0.250"
    assert span(pd.Series([0.001, 0.004])) == "0.00100 to 0.00400"


def test_trainings_are_held_against_independent_ones():
    """Seed by seed."""
    table = trainings(PAPER, MADE_UP).set_index(["objective", "scheme"])
    assert table.ratio["reverse_kl", "one"] == table.low["reverse_kl", "one"] == pytest.approx(10)
    assert table.batch["renyi", "fewer"] == 5
    assert table.error["renyi", "independent"] == pytest.approx(np.median(1 + np.arange(10)) * 1.5)


@pytest.mark.parametrize("profile", ["paper", "edition", "smoke"])
def test_what_is_measured_and_trained(profile):
    """As many trajectories at every small size; every scheme at every size that the task has trajectories for."""
    settings = figure_settings("draws", profile)
    specs, tasks = settings.specs(), small_tasks()
    labels = {draws.label for draws in settings.schemes()}
    for (kind, task, *key), spec in specs.items():
        assert spec.task == tasks[task]
        if kind == "training":
            name, scheme = key
            assert (spec.objective.name, spec.seeds) == (name, settings.seeds)
            assert spec.batch_size == {"fewer": settings.batch - HALF["common"].part(settings.batch) + 1, "one": 1}.get(
                scheme, settings.batch
            )
            assert spec.draws == ({**HALF, **OTHER}.get(scheme, INDEPENDENT))
            continue
        assert (spec.exact, spec.warmup, spec.seeds) == (True, (settings.warmup,), settings.seeds[:1])
        assert spec.batch_sizes == (key[0],)
        if kind == "few":
            assert spec.replicates == settings.trajectories // max(2, key[0])
            assert spec.draws == INDEPENDENT
    for task, count in (("sets", 60), ("sequences", 39)):
        for size in settings.batch_size:
            found = {
                label
                for kind, name, *key in specs
                if (kind, name, key[0]) == ("drawn", task, size)
                for label in key[1:]
            }
            assert found == (labels if size <= count else labels - {"distinct"})


def test_pictures(figures):
    """A row a task; bias and variance side by side; schemes in their order, from the top."""
    figure = few_panels(gradients("few", MADE_UP))
    assert len(figure.axes) == 2
    line = next(line for line in figure.axes[1].lines if line.get_label() == "reverse KL, leave-one-out")
    np.testing.assert_allclose(line.get_xydata(), [[2, 4], [8, 1]])
    figure = scheme_panels(subtracting(gradients("drawn", MADE_UP)).query("trajectories == 8"))
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert names == [
        "independent",
        "half are one",
        "all are one",
        "half of the steps in common",
        "without replacement",
        "half replayed from 1 before",
        f"half replayed from {PAPER.age} before",
    ]
    assert figure.axes[0].yaxis_inverted()
    figure = scheme_curves(curves(MADE_UP))
    assert [axis.get_title() for axis in figure.axes] == ["Sets, reverse KL", "Sets, Rényi"]
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert labels[:3] == ["independent", "independent, fewer", "a single one, no baseline"]
