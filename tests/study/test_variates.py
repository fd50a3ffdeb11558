"""The page of control variates one by one: its runs, and its numbers on made-up runs whose answers are known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.study.claims import judge
from gfn.study.evidence import variates as page
from gfn.study.evidence.answering import percent
from gfn.study.experiments import figure_settings, runs
from gfn.study.experiments.checks import MEASURED_TASKS
from gfn.study.experiments.tasks import contender, estimator, paper_tasks, variates
from gfn.study.paper import DIVERGENCES, load_claims
from gfn.study.plotting import CONTROL_VARIATES, OBJECTIVES, TASKS, removal_panels, speed_panels
from gfn.study.results import Run

SEEDS = range(10)
# How many times smaller the variance is with a control variate, and how fast the logarithm of the error falls.
REMOVED = {"none": 1.0, "loo": 4.0, "score": 0.5, "both": 8.0, "joint": 16.0}
SPEED = {"none": 1.0, "loo": 2.0, "score": 0.5, "both": 2.0, "joint": 4.0}


def training(speed: float, seconds: float = 1.0) -> Run:
    """An error that falls from one by this power of ten an evaluation, of forty trajectories."""
    rows = [
        {"iteration": 4 * i, "trajectories": 40 * i, "seconds": seconds * i, "seed": seed, "metric": "l1"}
        | {"value": 10.0 ** (-speed * i)}
        for i in range(9)
        for seed in SEEDS
    ]
    return Run(TrainingSpec(), pd.DataFrame(rows), {})


def measurement(name: str, removed: dict[str, float], sizes: tuple[int, ...] = (2, 128)) -> Run:
    """Variances at two stages, of which the second has twice the gain; other sizes of batch have other ones."""
    of = {"both": removed["loo"]} if "both" not in variates(name) else {}
    rows = [
        {"objective": name, "control_variate": variate, "iteration": stage, "trajectories": size, "seed": seed}
        | {"metric": metric, "value": (1 + seed) / (gain * (1 + (stage > 0) * (variate != "none"))) * (128 / size)}
        for variate, gain in ({v: removed[v] for v in variates(name)} | of).items()
        for stage in (0, 8)
        for size in sizes
        for metric in ("variance", "variance_error")
        for seed in SEEDS
    ]
    objectives = tuple(estimator(name, variate) for variate in variates(name))
    return Run(GradientSpec(objectives=objectives, batch_sizes=sizes), pd.DataFrame(rows), {})


def settings(profile: str = "edition") -> SimpleNamespace:
    """What the page's functions ask of its settings."""
    return SimpleNamespace(profile=profile, batch_size=128)


def made_up(speed: dict[str, float] = SPEED) -> dict[tuple[str, str, str, str], Run]:
    found = {}
    for task in ("sets", "banana"):
        found["training", task, "vargrad", ""] = training(1)
        for name in DIVERGENCES:
            found["variance", task, name, ""] = measurement(name, REMOVED)
            for variate in variates(name):
                # Seconds: the control variate of the score function costs three times as much.
                found["training", task, name, variate] = training(speed[variate], 3 if variate == "both" else 1)
    return found


def test_gains_in_variance_are_ratios_at_the_same_policy():
    """At the size of training, seed by seed; along training the geometric mean over stages."""
    removed = page.removals(page.variances(made_up(), 100))
    assert set(removed.control_variate[removed.objective == "forward_kl"]) == {"loo", "score"}
    assert set(removed.control_variate[removed.objective == "renyi"]) == {"loo", "score", "both", "joint"}
    for row in removed.itertuples():
        assert row.value == pytest.approx(REMOVED[row.control_variate] * (2 if row.iteration else 1))
    along = page.along_training(removed)
    assert len(along) == len(removed) / 2
    for row in along.itertuples():
        assert row.value == pytest.approx(REMOVED[row.control_variate] * np.sqrt(2))


def test_what_is_saved_is_a_ratio_of_times_to_the_same_error():
    """Half of VarGrad's way down, so that twice the speed is half of the time; seconds have the price of an iteration."""
    limit = page.thresholds(made_up())["sets"]
    assert limit == pytest.approx(np.sqrt(np.mean([1e-7, 1e-8])))
    table = page.times(made_up()).set_index(["task", "objective", "control_variate", "seed"])
    assert table.trajectories["sets", "renyi", "none", 3] == pytest.approx(-40 * np.log10(limit))
    saved = page.savings(page.times(made_up()))
    assert not saved.bound.any()
    for row in saved.itertuples():
        assert row.trajectories == pytest.approx(SPEED[row.control_variate])
        assert row.seconds == pytest.approx(SPEED[row.control_variate] / (3 if row.control_variate == "both" else 1))
    joint = page.savings(page.times(made_up()), "both").query("control_variate == 'joint'")
    assert joint.trajectories.to_list() == pytest.approx([2.0] * len(joint))
    assert page.times(made_up(), with_seconds=False).seconds.isna().all()


def test_what_nobody_reaches_is_not_compared_and_one_side_is_a_bound():
    slow = page.savings(page.times(made_up(SPEED | {"none": 0.1, "score": 0.1})))
    assert slow.trajectories[slow.control_variate == "score"].isna().all()
    assert not slow.bound[slow.control_variate == "score"].any()
    assert slow.bound[slow.control_variate == "loo"].all()
    assert (slow.trajectories[slow.control_variate == "loo"] > 2).all()
    worth = page.worth(page.along_training(page.removals(page.variances(made_up(), 128))), slow)
    assert np.isnan(worth.trajectories["renyi", "score"])
    assert worth.pays["renyi", "score"] == 0
    found = page.evidence(settings(), made_up(SPEED | {"none": 0.1, "score": 0.1}))
    verdict = judge("Q3", found, claims=load_claims("beyond"))
    assert set(verdict.tests.outcome[verdict.tests.test == "score_pays"]) == {"inconclusive"}
    assert "none: a seed has no value" in verdict._repr_html_()


def test_variance_and_speed_belong_together_by_ranks():
    """Perfectly where every rank is the same, and the other way round."""
    along = page.along_training(page.removals(page.variances(made_up(), 128)))
    saved = page.savings(page.times(made_up({**SPEED, "loo": 1.5})))
    assert page.correlations(along, saved).to_list() == pytest.approx([1.0] * 10)
    saved["trajectories"] = 1 / saved.trajectories
    assert page.correlations(along, saved).to_list() == pytest.approx([-1.0] * 10)
    saved["trajectories"] = np.nan
    assert page.correlations(along, saved).isna().sum() == 10


def test_evidence_answers_every_criterion():
    found = page.evidence(settings(), made_up())
    assert {item.test for item in found} == set(load_claims("beyond")["Q3"]["tests"])
    by = {(item.test, item.subject): item.values for item in found}
    assert by["loo_variance", "sets, tsallis"] == pytest.approx([4 * np.sqrt(2)] * 10)
    assert by["score_pays", "banana, reverse_kl"] == pytest.approx([0.5] * 10)
    assert {subject for test, subject in by if test == "joint_over_both"} == {
        f"{task}, {name}" for task in ("sets", "banana") for name in ("renyi", "tsallis")
    }
    verdict = judge("Q3", found, claims=load_claims("beyond"))
    assert verdict.outcome == "partly supported"
    outcomes = verdict.tests.groupby("test").outcome.unique()
    expected = {"loo_variance", "loo_pays", "loo_seconds", "joint_over_both", "variance_and_speed"}
    assert {test for test, each in outcomes.items() if list(each) == ["supported"]} == expected
    small = {item.test for item in page.evidence(settings("smoke"), made_up())}
    assert {item.test for item in found} - small == {"loo_seconds", "score_seconds"}


def test_the_answer_says_what_is_worth_having():
    """The best of each divergence, the shares of each alone, and how closely variance and speed belong together."""
    text = page.answer(settings(), made_up())
    assert text.startswith("Mostly: 5 of 8 criteria are met, and 3 are not. The control variate that saves most")
    assert "leave-one-out on the whole weight for Rényi (4.00 times)" in text
    assert "leave-one-out for the reverse KL (2.00 times" in text
    assert "Alone, leave-one-out multiplies the variance along training by 0.177 (the reverse KL)" in text
    assert "the score-function baseline by 1.41 (the reverse KL)" in text
    assert "the criterion is met" in text
    assert (
        "8 of 8 cases for leave-one-out and 0 of 8 cases for the score-function baseline, and inconclusive in 0 and 0."
        in text
    )
    small = page.answer(settings("smoke"), made_up())
    assert small.startswith("Not judged at this scale.")
    assert "none for Rényi" in page.answer(settings(), made_up(dict.fromkeys(SPEED, 1.0)))


@pytest.mark.parametrize(
    ("share", "shown"), [(0.5, "50 %"), (0.9949, "99.5 %"), (0.99996, "100.00 %"), (-3, "−300 %"), (0, "0 %")]
)
def test_shares_are_not_rounded_to_all_of_it_too_soon(share, shown):
    assert percent(share) == shown.replace(" ", "\u00a0")


def test_times_as_text():
    """Trajectories, seconds, and who does not get there; of both KLs leave-one-out has two more names."""
    table = page.time_texts(page.times(made_up(SPEED | {"score": 0.1})))
    assert list(table.columns) == ["none", "loo", "score", "both", "joint"]
    assert list(table.index[:4]) == [("sets", name) for name in DIVERGENCES]
    assert table.loc[("sets", "renyi"), "score"] == "0.320k\u00a0(8\u00a0s),\u00a010\u00a0of\u00a010\u00a0never"
    assert table.loc[("sets", "reverse_kl"), "joint"] == "–"
    plain = page.time_texts(page.times(made_up(), with_seconds=False))
    assert plain.loc[("sets", "renyi"), "none"] == "0.145k"


@pytest.mark.parametrize("profile", ["paper", "edition", "smoke"])
def test_runs_are_those_of_the_paper_and_what_it_has_not_alone(profile):
    """Nothing is trained or measured twice; eight lines are new where Figure 6 has not got them."""
    given = figure_settings("variates", profile)
    specs, tasks = given.specs(), paper_tasks(profile)
    shared = {key for figure in ("fig2", "fig3", "fig6", "table1") for key in runs(figure, profile)}
    new = {key for key, spec in specs.items() if spec.hash not in shared}
    alone = {(name, v) for name in ("reverse_kl", "forward_kl") for v in ("none", "score")}
    alone |= {(name, v) for name in ("renyi", "tsallis") for v in ("loo", "score")}
    expected = {("training", task, *line) for task in tasks if task != "sets" for line in alone}
    expected |= {("variance", task, name, "") for task in tasks if task not in MEASURED_TASKS for name in DIVERGENCES}
    assert new == expected
    for (kind, task, name, variate), spec in specs.items():
        assert spec.task == tasks[task]
        if kind == "training":
            assert spec.objective.name == name
            assert name == "vargrad" or spec.objective.control_variate in (variate, "both")
        else:
            assert spec.trainer == contender(name)
            assert {each.control_variate for each in spec.objectives} == {*variates(name), "both"}
            assert given.batch_size in spec.batch_sizes
            assert spec.warmup == given.stages


def test_a_panel_a_stage_and_a_point_a_task(figures):
    frame = page.removals(page.variances(made_up(), 128))
    figure = removal_panels(frame)
    assert [axis.get_title() for axis in figure.axes] == ["at the start", "after 8 iterations"]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == [OBJECTIVES[name] for name in DIVERGENCES]
    points = [line for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert len(points) == 2 * (2 + 2 + 4 + 4)
    assert sorted({line.get_ydata()[0] for line in points}) == pytest.approx([0.5, 4, 8, 16])
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == [CONTROL_VARIATES[v][0] for v in page.REDUCING] + [TASKS["sets"], TASKS["banana"]]


def test_points_of_speed_are_hollow_where_they_are_bounds_and_absent_where_unknown(figures):
    along = page.along_training(page.removals(page.variances(made_up(), 128)))
    figure = speed_panels(along, page.savings(page.times(made_up(SPEED | {"none": 0.1, "score": 0.1}))))
    assert [axis.get_title() for axis in figure.axes] == [OBJECTIVES[name] for name in DIVERGENCES]
    points = [line for line in figure.axes[2].lines if line.get_marker() != "None"]
    assert len(points) == 2 * 3
    assert all(line.get_markerfacecolor() == "white" for line in points)
    plain = speed_panels(along, page.savings(page.times(made_up())))
    points = [line for line in plain.axes[0].lines if line.get_marker() != "None"]
    places = {(round(float(line.get_xdata()[0]), 3), round(float(line.get_ydata()[0]), 3)) for line in points}
    assert places == {(round(4 * np.sqrt(2), 3), 2.0), (round(0.5 * np.sqrt(2), 3), 0.5)}
    assert not any(line.get_markerfacecolor() == "white" for line in points)
