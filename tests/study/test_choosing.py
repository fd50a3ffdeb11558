"""The page on what to take: its runs are those of other pages, and its numbers on made-up runs whose answers are known."""

from __future__ import annotations

import pandas as pd
import pytest

from gfn.environments import Banana, Hypergrid, Sets
from gfn.runs.spec import TrainingSpec
from gfn.study.evidence.choosing import choice_table, collapses, factors
from gfn.study.experiments import figure_settings, runs
from gfn.study.experiments.tasks import contender
from gfn.study.paper import margin
from gfn.study.results import Run
from gfn.study.said.choosing import chosen

TASKS = {"sets": (Sets(universe=6, size=3), "l1"), "hypergrid": (Hypergrid(side=6), "l1"), "banana": (Banana(), "jsd")}
# The error at the end, by objective and task: TB is the best once, VarGrad never far from the best, SubTB collapses once.
ERRORS = {
    "tb": {"sets": 0.8, "hypergrid": 0.1, "banana": 0.04},
    "tb_batch": {"sets": 0.2, "hypergrid": 0.11, "banana": 0.04},
    "vargrad": {"sets": 0.11, "hypergrid": 0.12, "banana": 0.02},
    "subtb": {"sets": 0.1, "hypergrid": 1.5, "banana": 0.02},
}


def run(task, metric, line, error):
    """Two seeds, of which the second is a tenth worse, after a start from far away."""
    rows = [
        {"metric": metric, "seed": seed, "iteration": done, "value": error * (1 + seed / 10) if done else 0.65}
        for done in range(0, 17)
        for seed in (0, 1)
    ]
    spec = TrainingSpec(task=task, objective=contender(line), seeds=(0, 1), iterations=16, evaluate_every=1)
    return Run(spec, pd.DataFrame(rows).assign(density=None, cell=None), {})


MADE = {
    (name, line): run(task, metric, line, errors[name])
    for line, errors in ERRORS.items()
    for name, (task, metric) in TASKS.items()
}


def test_factors_are_over_the_best_of_a_task():
    """Of medians over seeds, with a margin on both sides."""
    table = factors(MADE)
    extra = margin("l1")
    assert table.loc["tb", "sets"] == pytest.approx((0.84 + extra) / (0.105 + extra))
    assert table.loc["tb", "hypergrid"] == 1
    assert table.min().tolist() == [1, 1, 1]
    assert table.loc["tb", "banana"] == pytest.approx((0.042 + margin("jsd")) / (0.021 + margin("jsd")))


def test_the_safest_comes_first():
    """With its worst task, how often it is close, and how many seeds collapse."""
    table = choice_table(MADE)
    assert table.index.tolist() == ["vargrad", "tb_batch", "tb", "subtb"]
    assert table.on[["tb", "tb_batch", "subtb"]].tolist() == ["sets", "banana", "hypergrid"]
    assert table.close.to_dict() == {"vargrad": 3, "tb_batch": 1, "tb": 1, "subtb": 2}
    assert table.collapsed.to_dict() == {"vargrad": 0, "tb_batch": 0, "tb": 0, "subtb": 2}
    assert set(table.seeds) == {6}
    assert collapses(MADE).loc["subtb"].to_dict() == {"sets": 0, "hypergrid": 2, "banana": 0}


def test_the_page_says_what_the_table_has():
    said = chosen(None, MADE)
    assert said.startswith("If you know nothing of your task, take VarGrad: ")
    assert "in the median over 3 tasks 1.08 times" in said
    assert "(0 of 6 seeds), the most with SubTB (2)" in said


@pytest.mark.parametrize("profile", ["smoke", "edition"])
def test_no_run_is_made_for_this_page_alone(profile):
    """They are all Table 1's."""
    assert runs("which", profile).keys() <= runs("table1", profile).keys()
    lines = {line for _, line in figure_settings("which", profile).specs()}
    assert {"tb", "tb_batch", "reverse_kl", "renyi_joint"} <= lines
