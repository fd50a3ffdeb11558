"""The page on measures of success: whose policies are ranked, and rankings on made-up numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from gfn.environments import Sets
from gfn.runs.spec import TrainingSpec
from gfn.study.evidence.measures import MEASURES, agreements, answer, evidence, measured
from gfn.study.experiments import figure_settings
from gfn.study.experiments.off_policy import ON
from gfn.study.paper import load_claims
from gfn.study.plotting import agreement_panel
from gfn.study.results import Run

SEEDS = range(10)
PAPER, SMOKE = (figure_settings("measures", profile) for profile in ("paper", "smoke"))
# By how far it is from the truth: measures that agree, that are turned around, and that say nothing.
AGREE, TURNED = ("subset_tv", "elbo_gap", "tb_loss"), ("spearman", "top_k")


def policy(error: float, without: tuple[str, ...] = ()) -> Run:
    """Final measures of an error: better ones the smaller it is, two where more is better, one that prefers the worse."""
    values = {"tv": error, **dict.fromkeys(AGREE, 2 * error), **dict.fromkeys(TURNED, -error)}
    values |= {"drawn_subset_tv": 0.5, "eubo_gap": -error}
    rows = [
        {"iteration": i, "seed": s, "metric": m, "cell": None, "value": v * (1 if i else 9)}
        for m, v in values.items()
        for i in (0, 8)
        for s in SEEDS
        if m not in without
    ]
    rows += [
        {"iteration": 8, "seed": s, "metric": "modes", "cell": cell, "value": -error * sign}
        for cell, sign in ((25, -1), (75, 1))
        for s in SEEDS
    ]
    return Run(TrainingSpec(task=Sets(universe=5, size=int(10 * error))), pd.DataFrame(rows), {})


MADE_UP = {("hypergrid", f"line {k}", ON): policy(k / 10) for k in (1, 2, 3, 4)}
MADE_UP |= {("sets", f"line {k}", ON): policy(k / 10, without=("tv",)) for k in (1, 2, 3)}


def test_policies_are_measured_at_their_end_where_the_truth_is_known():
    table = measured(MADE_UP)
    assert set(table.task) == {"hypergrid"}
    assert len(table) == 4 * 10
    first = table[(table.objective == "line 2") & (table.seed == 3)].iloc[0]
    assert (first.tv, first.subset_tv, first.spearman, first.modes) == (0.2, 0.4, -0.2, -0.2)


def test_rankings_are_compared_with_that_of_the_truth():
    """One for what agrees, whichever way it counts; zero for what tells none apart; below it for what prefers the worse."""
    found = agreements(measured(MADE_UP)).groupby("measure").value.agg(["min", "max"])
    assert set(found.index) == set(MEASURES)
    for name in (*AGREE, *TURNED, "modes"):
        assert found.loc[name].tolist() == pytest.approx([1, 1])
    assert found.loc["drawn_subset_tv"].tolist() == [0, 0]
    assert found.loc["eubo_gap"].tolist() == pytest.approx([-1, -1])


def test_evidence_is_of_every_measure_and_task():
    found = evidence(PAPER, MADE_UP)
    assert {(item.test, item.subject) for item in found} == {(name, "hypergrid") for name in MEASURES}
    assert set(MEASURES) == set(load_claims("beyond")["Q8"]["tests"])
    assert all(len(item.runs) == 4 and len(item.values) == 10 for item in found)


def test_the_answer_is_in_the_numbers_of_the_runs():
    said = answer(PAPER, MADE_UP)
    assert said.startswith(
        "Mostly: 6 of 8 criteria are met, and 2 are not. The median over tasks of the rank correlation"
    )
    assert "EUBO −1.00 (least −1.00)" in said
    assert "ELBO on 1 of 1" in said
    assert said.endswith("0 measurements are inconclusive.")
    assert answer(SMOKE, MADE_UP).startswith("Not judged at this scale.")


@pytest.mark.parametrize("profile", ["paper", "edition", "smoke"])
def test_policies_are_those_of_two_other_pages(profile):
    """All that recorded the measures."""
    specs = figure_settings("measures", profile).specs()
    others = {
        s.hash
        for page in ("f_losses", "off_policy")
        for s in figure_settings(page, profile).specs().values()
        if getattr(s, "measures", False)
    }
    assert {spec.hash for spec in specs.values()} == others
    assert all(spec.measures for spec in specs.values())


def test_a_line_of_marks_a_measure(figures):
    names = {name: label for name, (label, _) in MEASURES.items()}
    (axis,) = agreement_panel(agreements(measured(MADE_UP)), names).axes
    (marks,) = [line for line in axis.lines if line.get_label() == "Hypergrid"]
    assert [label.get_text() for label in axis.get_yticklabels()] == [names[name] for name in MEASURES][::-1]
    assert dict(zip(reversed(MEASURES), marks.get_xdata()))["elbo_gap"] == pytest.approx(1)
