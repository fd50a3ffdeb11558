"""What training costs: ratios round by round, seconds until an error is reached, and the answer, by hand on made-up runs."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from gfn.environments import Banana, Sets
from gfn.runs.objective import OBJECTIVES
from gfn.runs.spec import CostSpec, TrainingSpec
from gfn.study.claims import judge
from gfn.study.evidence import costs
from gfn.study.evidence.costs import against_tb, answer, cost_frame, evidence, spread_table, taken, tb_table, trainings
from gfn.study.experiments import PROFILES, figure_settings, runs
from gfn.study.experiments.costs import measured_lines, trained_lines
from gfn.study.experiments.tasks import contender, paper_tasks
from gfn.study.paper import DIVERGENCES, load_claims
from gfn.study.plotting import line_label, price_panels
from gfn.study.results import Run, to_frame

TASK = paper_tasks("smoke")["sets"]
LINES = measured_lines(TASK)
ERRORS = {  # at iterations 0, 8, 16: VarGrad's half way is at an error of 0.1
    "vargrad": [1.0, 0.1, 0.01],
    "tb": [1.0, 1.0, 0.001],
    "renyi": [1.0, 0.01, 0.01],
    "renyi_joint": [1.0, 0.01, 0.01],
    "tsallis": [1.0, 1.0, 1.0],
}


def cost_run(times: dict[str, list[float]], memory: dict[str, int]) -> Run:
    """An iteration of every line takes these milliseconds, by default two, and bytes, by default 2 ** 20."""
    spec = CostSpec(task=TASK, objectives=tuple(map(contender, LINES)), batch_size=4, rounds=3)
    rows = []
    for cell, line in enumerate(LINES):
        about = {"objective": spec.objectives[cell], "cell": cell, "seed": 0, "trajectories": 4}
        rows.append({**about, "metric": "memory", "iteration": 0, "value": memory.get(line, 2**20)})
        for turn, value in enumerate(times.get(line, [2.0, 2.0, 2.0]), 1):
            rows += [
                {**about, "metric": "processor_seconds", "iteration": turn, "value": value / 1000},
                {**about, "metric": "seconds", "iteration": turn, "value": value / 100},
            ]
    return Run(spec, to_frame(spec, rows), {})


def training_run(line: str) -> Run:
    """Two seeds with the same errors, four trajectories an iteration."""
    settings = {"seeds": (0, 1), "iterations": 16, "evaluate_every": 8, "batch_size": 4}
    spec = TrainingSpec(task=TASK, objective=contender(line), **settings)
    rows = [
        {"metric": "l1", "seed": seed, "iteration": i, "trajectories": 4 * i, "seconds": 9.0, "value": value}
        for seed in (0, 1)
        for i, value in zip((0, 8, 16), ERRORS[line])
    ]
    return Run(spec, to_frame(spec, rows), {})


@pytest.fixture
def found() -> dict:
    times = {"tb": [1.0, 2.0, 4.0], "renyi_joint": [1.5, 1.0, 4.0], "vargrad": [3.0, 3.0, 3.0]}
    made = {("cost", "sets", ""): cost_run(times, {"tb": 2**21, "renyi": 3 * 2**20})}
    return made | {("training", "sets", line): training_run(line) for line in ERRORS}


def test_ratios_are_those_of_the_same_round(found):
    table = cost_frame(found).set_index(["metric", "objective", "iteration"]).sort_index()
    assert table.ratio["processor_seconds", "renyi_joint"].tolist() == [1.5, 0.5, 1.0]
    assert table.ratio["seconds", "tsallis"].tolist() == [2.0, 1.0, 0.5]
    assert table.value["processor_seconds", "vargrad"].tolist() == [0.003] * 3
    assert table.ratio["memory", "renyi"].tolist() == [1.5]
    assert (table.ratio[:, "tb"] == 1).all()


def test_tables_show_medians_and_quartiles(found):
    shown = spread_table(cost_frame(found))
    assert shown.index.tolist() == list(LINES)
    assert shown.sets["renyi_joint"] == "1.00\u00a0±\u00a00.25"
    assert spread_table(cost_frame(found), "memory").sets["renyi"] == "1.50"
    assert tb_table(cost_frame(found)).loc["sets"].tolist() == [2.0, 20.0, 2.0]


def test_lines_that_a_task_lacks_are_a_dash_in_its_column(found):
    planar = paper_tasks("smoke")["banana"]
    lines = measured_lines(planar)
    spec = CostSpec(task=planar, objectives=tuple(map(contender, lines)), batch_size=4, rounds=1)
    rows = [
        {"objective": o, "cell": cell, "seed": 0, "metric": "processor_seconds", "iteration": 1, "value": 1.0}
        for cell, o in enumerate(spec.objectives)
    ]
    shown = spread_table(cost_frame({("cost", "banana", ""): Run(spec, to_frame(spec, rows), {}), **found}))
    assert shown.index.tolist() == list(LINES)
    assert shown.banana["tb_last"] == "–"
    assert (shown.banana.drop("tb_last") == "1.00").all()


def test_seconds_are_iterations_until_the_error_times_what_one_takes(found):
    """The crossing lies between evaluations; who does not reach the error counts as the whole."""
    table = taken(found).set_index(["objective", "seed"])
    assert table.threshold.unique() == pytest.approx([0.1])
    assert table.trajectories["vargrad", 0] == pytest.approx(32)
    assert table.seconds["vargrad", 0] == pytest.approx(8 * 0.003)
    crossing = 8 * np.log(0.1) / np.log(0.01)  # iterations of the straight line from 1 to 0.01
    assert table.seconds["renyi_joint", 1] == pytest.approx(crossing * 0.0015)
    assert table.seconds["tsallis", 0] == pytest.approx(16 * 0.002)
    assert table.never.groupby("objective").max().to_dict() == {name: 2 * (name == "tsallis") for name in ERRORS}
    assert table.iteration_cost["vargrad", 0] == 1.5


def test_medians_beside_tb(found):
    table = against_tb(taken(found)).set_index("objective")
    assert table.trajectory_ratio["tb"] == table.time_ratio["tb"] == 1
    tb = 8 + 8 * np.log(0.1) / np.log(0.001)
    assert table.trajectory_ratio["vargrad"] == pytest.approx(8 / tb)
    assert table.time_ratio["vargrad"] == pytest.approx(8 * 3 / (tb * 2))
    assert table.never["tsallis"] == table.seeds["tsallis"] == 2


class Paper:
    profile = "paper"


class Smoke:
    profile = "smoke"


def test_evidence_is_for_every_criterion(found):
    given = {(item.test, item.subject): item for item in evidence(Paper, found)}
    assert {test for test, _ in given} == load_claims("beyond")["Q4"]["tests"].keys() == costs.DEMANDED.keys()
    assert given["joint_cheap", "sets, renyi_joint"].values == (1.5, 0.5, 1.0)
    assert given["joint_cheap", "sets, renyi_joint"].seeds == (1, 2, 3)
    assert given["both_cheap", "sets, tsallis"].values == (2.0, 1.0, 0.5)
    memory = given["memory", "sets, renyi"]
    assert (memory.values, memory.error) == ((1.5,), 0.0)
    crossing = 8 * np.log(0.1) / np.log(0.01)
    assert given["time", "sets"].values == pytest.approx([crossing * 1.5 / 24] * 2)
    assert {item.test for item in evidence(Smoke, found)} == {"memory"}


def test_exact_memory_is_judged_without_an_interval(found):
    table = judge("Q4", evidence(Paper, found), claims=load_claims("beyond")).tests
    memory = table[table.test == "memory"].set_index("subject").outcome
    assert memory["sets, renyi"] == "contradicted"
    assert memory["sets, renyi_joint"] == "supported"


def test_the_answer_has_the_numbers(found):
    text = answer(Paper, found)
    assert "\n" not in text
    assert "1.00 (1.00 to 1.00) times TB's processor time with leave-one-out" in text
    assert "0.50 (0.50 to 0.50) and 1.00 (0.50 to 1.50) times TB's memory" in text
    assert f"Rényi takes {8 * np.log(0.1) / np.log(0.01) * 1.5 / 24:.2f} (" in text
    memory = re.search(r"at most 1.1 times TB's memory with either in (.+?)[;.]", text)[1]
    assert memory == "5 of 6 (not met, 1 contradicted)"


def test_the_smallest_profile_answers_with_what_repeats(found):
    """No time is in it, and it says that nothing is judged."""
    text, slower = (
        answer(Smoke, found),
        {**found, ("cost", "sets", ""): cost_run({}, {"tb": 2**21, "renyi": 3 * 2**20})},
    )
    assert text.startswith("Not judged")
    assert text == answer(Smoke, slower) != answer(Paper, found)


def test_all_objectives_with_all_control_variates_are_measured():
    """Each once, TB's starts and baselines among them; what is trained is measured, too."""
    for task in (Sets(), Banana()):
        lines = measured_lines(task)
        assert lines[0] == "tb"
        assert len({contender(line) for line in lines}) == len(lines) == 25 - isinstance(task, Banana)
        assert set(OBJECTIVES) <= set(lines)
        assert set(trained_lines(task)) <= set(lines)
        assert ("tb_last" in lines) == isinstance(task, Sets)
        for name in DIVERGENCES:
            variates = {contender(line).control_variate for line in lines if contender(line).name == name}
            assert variates >= {"none", "both", "score"}


def test_costs_are_the_same_for_any_seeds_and_trainings_those_of_other_pages():
    for profile in PROFILES["costs"]:
        settings = figure_settings("costs", profile)
        specs = settings.specs()
        assert [key[1] for key in specs if key[0] == "cost"] == list(paper_tasks(profile))
        assert {spec.seeds for key, spec in specs.items() if key[0] == "cost"} == {(0,)}
        shared = runs("table1", profile).keys()
        own = {spec.hash: key[2] for key, spec in specs.items() if key[0] == "training" and spec.hash not in shared}
        assert set(own.values()) == {"tb_scalar", "tb_state", "tb_last"}
        assert len(trainings(specs)) == len(specs) - len(paper_tasks(profile))


def test_every_line_has_words():
    assert len({line_label(line) for line in LINES}) == len(LINES)
    assert line_label("renyi_loo") == "Rényi, leave-one-out"


@pytest.mark.usefixtures("figures")
def test_points_stand_where_the_table_has_them():
    """Hollow where an error was not reached, with lines of equal time below and above."""
    table = pd.DataFrame(
        {
            "task": ["sets"] * 3 + ["banana"] * 2,
            "objective": ["tb", "renyi_joint", "db", "tb", "renyi"],
            "iteration_cost": [1.0, 1.1, 2.0, 1.0, 1.5],
            "trajectory_ratio": [1.0, 0.25, 1.0, 1.0, 4.0],
            "never": [0, 0, 3, 0, 0],
        }
    )
    figure = price_panels(table)
    sets, banana = (axis for axis in figure.axes if axis.get_title())
    assert (sets.get_title(), banana.get_title()) == ("Sets", "Banana")
    points = {line.get_label(): line for line in sets.lines if not re.match("_", line.get_label())}
    assert list(points) == ["TB", "DB", "Rényi, joint (ours)"]
    assert points["Rényi, joint (ours)"].get_xydata().tolist() == [[0.25, 1.1]]
    assert [line.get_markerfacecolor() == "none" for line in points.values()] == [False, True, False]
    diagonals = [line.get_xydata().prod(axis=1) for line in sets.lines if line.get_label().startswith("_")]
    assert all(ends[0] == pytest.approx(ends[1]) for ends in diagonals)
    assert any(ends[0] == pytest.approx(1) for ends in diagonals)
    assert sets.get_xscale() == sets.get_yscale() == "log"
