"""The findings say what runs say: on made-up runs whose answers are known."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gfn.environments import Sets
from gfn.runs.spec import TrainingSpec
from gfn.study import findings as module
from gfn.study.claims import Verdict
from gfn.study.evidence.against import against_none
from gfn.study.experiments import figure_settings
from gfn.study.findings import ORDERED, baseline_of_the_batch, counted, findings, percent, start_of_log_z
from gfn.study.paper import margin
from gfn.study.results import Run
from tests.helpers import made_up

SPEC = TrainingSpec(task=Sets(universe=4, size=2))
MARGIN = margin("l1")


def level(*seeds) -> Run:
    """Errors that stay where they are, but for the start, which does not count."""
    rows = [
        {"iteration": iteration, "seed": seed, "metric": "l1", "value": value if iteration else 9.0}
        for iteration in range(0, 40, 8)
        for seed, value in enumerate(seeds)
    ]
    return Run(SPEC, pd.DataFrame(rows), {})


def times(*factors) -> Run:
    """Errors that are these factors of 1, the margin added to both."""
    return level(*(factor * (1 + MARGIN) - MARGIN for factor in factors))


def deficit(tb, batch, task="sets"):
    """TB's error is ``tb`` times the reverse KL's, with log Z from a first batch ``batch`` times."""
    errors = {"tb": tb, "tb_batch": batch, "tb_known": 1.0, "reverse_kl": 1.0}
    return {(task, line): level(error, error) for line, error in errors.items()}


@pytest.mark.parametrize(
    ("batch", "much", "share"),
    [(2.0, "Most", "75"), (4.0, "Most", "50"), (8.0, "Part", "25"), (14.0, "Little", "5")],
)
def test_how_much_is_the_start_of_log_z(batch, much, share):
    """Half of the deficit or more is most of it, less than a fifth is little."""
    text = start_of_log_z(deficit(16.0, batch))
    assert text.startswith(f"**{much} of what trajectory balance lacks")
    one = f"{share}\u00a0%"
    assert f"{one} of TB's deficit against the reverse KL vanishes (median of the 1 of 1 tasks that have one)." in text
    assert text.endswith(f"are {one} to {one}; seeds differ most on sets, from {one} to {one}.")


def test_the_start_is_judged_by_the_middle_task():
    runs = deficit(16.0, 15.0) | deficit(16.0, 2.0, "dags") | deficit(16.0, 1.0, "sequences")
    assert start_of_log_z(runs).startswith("**Most")
    assert start_of_log_z(runs | deficit(16.0, 16.0, "sequences")).startswith("**Little")


def test_the_range_over_seeds_is_told_where_it_is_widest():
    """The medians of tasks hide it: half of the deficit on a scale of logarithms, and from none to all of it by seed."""
    runs = deficit(16.0, 4.0) | deficit(16.0, 2.0, "dags")
    runs["phylogenetics", "tb_batch"] = times(16.0, 4.0, 1.0)
    runs |= {("phylogenetics", line): times(1.0, 1.0, 1.0) for line in ("tb_known", "reverse_kl")}
    runs["phylogenetics", "tb"] = times(16.0, 16.0, 16.0)
    text = start_of_log_z(runs)
    assert text.endswith("seeds differ most on phylogenetics, from 0\u00a0% to 100\u00a0%.")


def test_where_nothing_lacks_no_share_is_told():
    assert start_of_log_z(deficit(1.0, 1.0)).startswith("**Trajectory balance lacks nothing**: on no task")


@pytest.mark.parametrize(("share", "shown"), [(0.954, "95\u00a0%"), (-0.07, "−7\u00a0%"), (1.072, "107\u00a0%")])
def test_shares_have_a_true_minus_and_a_space(share, shown):
    assert percent(share) == shown


def sparse(both, joint):
    """Errors over those without a control variate, a case each of ten seeds; other orders play no part."""
    runs = {}
    for alpha, *factors in zip((-2.0, -1.0, -0.5), both, joint):
        for variate, factor in zip(("none", "both", "joint"), (1.0, *factors)):
            runs["hypergrid", variate, alpha] = times(*10 * [factor])
    return runs | {("hypergrid", variate, 0.5): times(99.0, 99.0) for variate in ("none", "both", "joint")}


@pytest.mark.parametrize(
    ("both", "joint", "told"),
    [
        (
            (3.0, 1.25, 1.5),
            (0.5, 0.75, 1.125),
            ("1.50", "1.25 to 3.00", (3, 3, 0), "0.75", "0.50 to 1.12", (1, 1, 2)),
        ),
        ((0.5, 1.0, 4.0), (2.0, 2.5, 3.0), ("1.00", "0.50 to 4.00", (1, 1, 1), "2.50", "2.00 to 3.00", (3, 3, 0))),
    ],
)
def test_cases_that_are_worse_are_counted(both, joint, told):
    """Beside the median over them and their range, at negative orders; equal is not worse."""
    text, (middle, ends, many, other, others, less) = baseline_of_the_batch(sparse(both, joint)), told
    assert f"ends with {middle} times the error of training without them" in text
    assert f"(median of the cases, which are {ends}; {certain(*many)})" in text
    assert f"with {other} times ({others}; {certain(*less)}). An interval is over seeds" in text


def certain(worse, above, below):
    parts = [f"{side} one in {many}" for side, many in (("above", above), ("below", below)) if many]
    return f"worse in {worse} of 3 cases; the whole interval is {' and '.join(parts)}"


def test_a_median_whose_interval_contains_one_is_not_certain():
    """Eight seeds of ten are worse and two are better."""
    runs = sparse((2.0, 2.0, 2.0), (2.0, 2.0, 2.0))
    runs["hypergrid", "both", -2.0] = times(*[2.0] * 8, 0.5, 0.5)
    both, joint = (against_none(runs, variate) for variate in ("both", "joint"))
    assert (both.worse, both.surely_worse, joint.worse, joint.surely_worse) == (3, 2, 3, 3)
    assert against_none({key: run for key, run in runs.items() if key[2] > 0}, "both") is None
    with pytest.raises(ValueError, match="must be negative"):
        baseline_of_the_batch({key: run for key, run in runs.items() if key[2] > 0})


def verdicts(*outcomes):
    return {f"C{n}": Verdict(f"C{n}", "So.", outcome, pd.DataFrame()) for n, outcome in enumerate(outcomes, 1)}


def test_claims_are_counted_by_outcome():
    """In a fixed order; outcomes of no claim are left out, and no claim is."""
    text = counted(verdicts("contradicted", "supported", "inconclusive", "supported"))
    assert text == "**The paper's 4 claims:** 2 supported (C2, C4), 1 contradicted (C1), 1 inconclusive (C3)."
    assert all(f"1 {outcome} (" in counted(verdicts(*reversed(ORDERED))) for outcome in ORDERED)


def test_claims_that_follow_each_other_are_told_by_their_ends():
    """Three or more of them, and no claim is counted in that is not theirs."""
    one, other = "supported", "contradicted"
    text = counted(verdicts(one, one, one, one, other, one, one, other, other, other))
    assert text.endswith("6 supported (C1 to C4, C6, C7), 4 contradicted (C5, C8 to C10).")


def test_findings_are_of_the_papers_tasks(monkeypatch):
    """Numbered; runs come from the store that is named; calibrated tasks are no tasks of the paper."""
    asked = []

    def obtain(settings, store):
        asked.append((settings, store))
        return made_up(settings)

    monkeypatch.setattr(module, "obtain", obtain)
    found = verdicts("supported", "contradicted")
    text = findings(found, "smoke", Path("store"))
    table1, fig9 = (figure_settings(figure, "smoke") for figure in ("table1", "fig9"))
    assert asked == [(table1, Path("store")), (fig9, Path("store"))]
    runs = made_up(table1)
    paper = {key: run for key, run in runs.items() if not key[0].endswith("_calibrated")}
    assert len({task for task, _ in paper}) == 7 < len({task for task, _ in runs})
    points = [start_of_log_z(paper), baseline_of_the_batch(made_up(fig9)), counted(found)]
    assert text.split("\n\n") == [f"{number}. {point}" for number, point in enumerate(points, 1)]
