"""The page on orders: its runs, its choice among orders, its measurements, on made-up errors whose answers are known."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from gfn.runs.spec import GradientSpec
from gfn.runs.training import TrainingError
from gfn.study.claims import judge
from gfn.study.evidence.order_choice import answer, left_out, regrets, safest, schedule_table
from gfn.study.evidence.order_errors import against_joint, by_order, curve_frame, evidence, order_errors
from gfn.study.evidence.order_finds import least_batches, masses, modes_found, times
from gfn.study.evidence.order_variance import noise_to_signal, order_variance
from gfn.study.experiments import figure_settings, runs
from gfn.study.experiments.orders import OVERFLOWS, of_order
from gfn.study.experiments.tasks import estimator, paper_tasks, training
from gfn.study.intervals import rank
from gfn.study.paper import load_claims, margin
from gfn.study.plotting import order_curve_panels, order_error_panels, order_noise_panels
from gfn.study.results import Run, execute, to_frame

TASKS = ("sets", "hypergrid", "banana")
SETTINGS = figure_settings("orders", "edition")
SPECS = SETTINGS.specs()
SEEDS = range(10)


def run(key, error) -> Run:
    """A training whose seeds have this error from the start to the end."""
    metric = "jsd" if key[0] == "banana" else "l1"
    rows = [
        {"metric": metric, "seed": s, "iteration": i, "trajectories": 128 * i, "seconds": 1.0 * i, "value": error}
        for s in SEEDS
        for i in range(0, 513, 32)
    ]
    return Run(SPECS[key], pd.DataFrame(rows), {})


def made(errors) -> dict:
    """Trainings with the errors that a function gives, of a task, a family and an order."""
    return {key: run(key, errors(*key)) for key in SPECS if len(key) == 3 and key[0] in TASKS}


def worse_away_from(best):
    return lambda task, family, order: 0.1 * (1 + abs(order - best[task])) if family == "order" else 0.1


BEST = dict.fromkeys(TASKS, 0.5)


def test_runs_of_other_pages_are_shared():
    """Every line of Figure 3 and of Table 1 that is needed, but on the mixture, whose densities are kept here."""
    for profile in ("paper", "edition", "smoke"):
        others, found = runs("table1", profile), figure_settings("orders", profile).specs()
        shared = {key[1:] for key, spec in found.items() if spec.hash in others and key[0] == "sets"}
        half = {(family, 0.5) for family in ("order", "tsallis", "both")}
        assert shared == half | {("order", 0.0), ("order", 1.0), ("reference", "vargrad")}


def test_limits_are_the_kl_divergences():
    assert (of_order(0.0).name, of_order(1.0).name) == ("forward_kl", "reverse_kl")
    assert (of_order(0.5).name, of_order(0.5).control_variate) == ("renyi", "joint")


def test_the_best_order_has_no_regret():
    """Errors count with their margin, medians over seeds."""
    best = {"sets": 0.5, "hypergrid": 2.0, "banana": -1.0}
    table = regrets(made(worse_away_from(best)))
    assert table.idxmin(axis=1).to_dict() == best
    assert (table.min(axis=1) == 1).all()
    m = margin("l1")
    assert table.loc["hypergrid", 0.5] == pytest.approx((0.25 + m) / (0.1 + m))


def test_the_choice_is_tried_on_a_task_that_had_no_part_in_it():
    """One task alone wants another order: it is outvoted where it is left out."""
    table = pd.DataFrame(
        {0.5: [1.0, 1.0, 3.0], 1.0: [1.2, 1.2, 1.0], 2.0: [4.0, 4.0, 1.1]}, index=["sets", "sequences", "dags"]
    )
    assert safest(table) == 1.0
    out = left_out(table)
    assert out.chosen.to_dict() == {"sets": 1.0, "sequences": 1.0, "dags": 0.5}
    assert out.regret.to_dict() == {"sets": 1.2, "sequences": 1.2, "dags": 3.0}
    assert out.half.to_dict() == {"sets": 1.0, "sequences": 1.0, "dags": 3.0}


def test_orders_stand_against_one_half():
    frame = order_errors(made(worse_away_from(BEST)), (128, "whole"))
    assert set(frame.budget) == {"128", "whole"}
    assert (frame.against_half[frame.order == 0.5] == 1).all()
    two = frame[(frame.order == 2.0) & (frame.task == "sets")].against_half
    assert two.to_numpy() == pytest.approx((0.25 + margin("l1")) / (0.1 + margin("l1")))


def test_the_question_is_answered_by_its_criteria():
    """Where one half is best everywhere by far, with yes; where another order is, with no."""
    about = load_claims("beyond")
    yes = judge("Q1", evidence(SETTINGS, made(worse_away_from(BEST))), "edition", claims=about)
    assert yes.outcome == "supported"
    assert set(yes.tests.test) == set(about["Q1"]["tests"])
    far = made(worse_away_from(dict.fromkeys(TASKS, 3.0)))
    rows = judge("Q1", evidence(SETTINGS, far), "edition", claims=about).judged
    assert (rows[rows.test == "best_beyond"].outcome == "contradicted").mean() >= 0.5
    assert not (rows[rows.test == "safe_outside"].outcome == "supported").all()


def test_there_are_seeds_enough_for_all_intervals_of_a_criterion():
    """Seven tasks times its orders."""
    orders = pd.Series(SETTINGS.orders)
    inside = orders.between(0, 1, inclusive="neither").sum() - 1
    assert rank(len(SETTINGS.seeds), 7 * (len(orders) - 1 - inside)) > 0
    assert rank(len(SETTINGS.seeds), 7 * inside) > 0


def test_schedules_stand_against_fixed_orders():
    def errors(task, family, order):
        return {"falling": 0.2, "rising": 0.4}.get(order, 0.1 if order == 0.9 else 0.3)

    table, m = schedule_table(made(errors)), margin("l1")
    row = table.loc["falling", "sets"]
    assert row["½"] == pytest.approx((0.2 + m) / (0.3 + m))
    assert row["first"] == row["best fixed"] == pytest.approx((0.2 + m) / (0.1 + m))
    assert table.loc["rising", "sets"]["last"] == pytest.approx((0.4 + m) / (0.1 + m))


def test_other_estimates_stand_against_joint_at_the_same_order():
    def errors(task, family, order):
        return {"tsallis": 0.2, "both": 0.4}.get(family, 0.1)

    table, m = against_joint(made(errors)), margin("l1")
    assert list(table) == [
        ("tsallis", 0.25),
        ("tsallis", 0.5),
        ("tsallis", 2),
        ("both", -0.5),
        ("both", 0.5),
        ("both", 2),
    ]
    assert table.loc["sets", ("both", -0.5)] == pytest.approx((0.4 + m) / (0.1 + m))


def test_the_answer_names_the_order_and_the_tasks():
    best = {"sets": 0.5, "hypergrid": 0.5, "banana": 0.9}
    text = answer(SETTINGS, made(worse_away_from(best)))
    assert "least error over training on 2 of 3 tasks" in text
    assert "(elsewhere 0.9 on Banana)" in text
    assert "\n" not in text
    assert "is the safest order over all of training: its worst case, " in text
    assert re.search(r"Of \d+ comparisons, \d+ contradict the statement and \d+ are inconclusive\.$", text)


def test_times_say_who_does_not_arrive():
    """VarGrad's way ends where it starts, so half of it is its error: half the orders are below, half never."""
    found = times(made(lambda task, family, order: 0.1 if family == "reference" or order == 0.5 else 0.2))
    assert found.loc[0.5, "sets"] == "0k"
    assert found.loc[2.0, "sets"] == "≥\u00a065.5k (10)"


def test_negative_orders_need_larger_batches_with_leave_one_out_on_a_part():
    table = least_batches((-1.0, -0.5, 0.0, 0.5))
    assert table.index.tolist() == [-1.0, -0.5, 0.5]
    assert table.loc[-0.5].to_dict() == {"none": 2, "loo": 4, "score": 2, "both": 4, "joint": 2}
    assert (table.loc[0.5] == 2).all()


@pytest.fixture(scope="module")
def smoke():
    """All orders at the smallest scale on two tasks, and the measurements beside exact gradients."""
    settings = figure_settings("orders", "smoke")
    wanted = ("hypergrid", "order"), ("banana", "order"), ("exact", "sets"), ("exact", "sequences")
    kept = {key: spec for key, spec in settings.specs().items() if key[:2] in wanted}
    return {key: Run(spec, to_frame(spec, execute(spec)), {}) for key, spec in kept.items()}


def test_what_is_found_and_missed(smoke):
    assert list(modes_found(smoke)) == ["hypergrid"]
    assert list(masses(smoke)) == [("banana", "missed"), ("banana", "stray")]
    assert masses(smoke).index.tolist() == list(by_order(smoke)["banana"])


def test_noise_is_measured_against_the_exact_gradient(smoke):
    measured = {key[1]: run for key, run in smoke.items() if key[0] == "exact"}
    table = noise_to_signal(measured)
    assert set(table.task) == {"sets", "sequences"}
    assert (table.value > 0).all()
    frame = measured["sets"].frame
    one = (
        frame[(frame.objective == "reverse_kl") & (frame.seed == 0) & (frame.iteration == 0)].set_index("metric").value
    )
    chosen = (table.task == "sets") & (table.order == 1) & (table.seed == 0) & (table.iteration == 0)
    assert table.value[chosen].item() == pytest.approx(one.variance / one.gradient_squared)


def test_near_the_target_all_orders_have_one_gradient():
    """The statement on which the picture of variances rests: divided by the order, squared lengths are alike."""
    spec = SPECS["exact", "sets"]
    orders = (-1.0, 0.0, 0.5, 1.0, 2.0)
    objectives = tuple(map(of_order, orders))
    changes = {"seeds": (0,), "warmup": (512,), "replicates": 16, "objectives": objectives}
    near = GradientSpec(**spec.model_dump() | changes | {"trainer": of_order(0.5)})
    frame = to_frame(near, execute(near))
    frame = frame[frame.metric == "gradient_squared"]
    squared = frame.value / frame.alpha.fillna(1.0) ** 2
    assert squared.max() / squared.min() < 1.3


def test_variances_are_those_of_the_divergence_over_its_order(smoke):
    run = smoke["exact", "sets"]
    table = order_variance({"sets": run})
    assert (table.value[(table.family == "renyi") & (table.order == 0.5)] == 1).all()
    frame = run.frame[(run.frame.metric == "variance") & (run.frame.seed == 0) & (run.frame.iteration == 0)]
    two, half = (frame.value[(frame.objective == "renyi") & (frame.alpha == a)].item() for a in (2.0, 0.5))
    chosen = (table.family == "renyi") & (table.order == 2) & (table.seed == 0) & (table.iteration == 0)
    assert table.value[chosen].item() == pytest.approx(two / 4 / (half / 0.25))


@pytest.mark.usefixtures("figures")
def test_pictures_have_a_panel_a_task(smoke):
    errors = order_errors(smoke, (2, 8))
    figure = order_error_panels(errors, regrets(smoke), ("two", "eight"))
    assert [axis.get_title() for axis in figure.axes if axis.get_title()][:-1] == ["Hypergrid", "Banana"]
    assert {line.get_label() for line in figure.axes[0].lines} >= {"two", "eight"}
    noise = order_noise_panels(noise_to_signal({k[1]: r for k, r in smoke.items() if k[0] == "exact"}), "noise")
    assert [axis.get_title() for axis in noise.axes] == ["Sets", "Sequences"]
    frame = curve_frame(smoke)
    frame = frame[frame.family == "order"].astype({"order": float})
    curves = order_curve_panels(frame)
    assert len(curves.axes[0].lines) == frame.order.nunique()
    assert np.isclose(curves.axes[0].lines[2].get_linewidth(), 3)


def test_what_is_left_out_cannot_be_trained():
    page = figure_settings("orders", "edition")
    for name, family, order in OVERFLOWS:
        assert (name, family, order) not in page.trainings()
        spec = training(page, paper_tasks("edition")[name], estimator(family, "joint", order))
        first = spec.model_copy(update={"seeds": (0,), "iterations": 1, "evaluate_every": 1})
        with pytest.raises(TrainingError, match="not finite"):
            execute(first)
