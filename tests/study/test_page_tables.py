"""Tables of Figures 4 and 8, Table 1, the calibration and the sensitivity: on made-up runs whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gfn.environments import Hypergrid, Sequences, Sets
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.study.evidence.calibration import calibration_table, mixture_grid, nearest
from gfn.study.evidence.convergence import batch_table, beside_paper, error_grid, final_table, last_grid
from gfn.study.evidence.counting import best_log_rewards, mode_counts
from gfn.study.evidence.discovery import (
    FLAT_MODE,
    MODE,
    best_possible,
    mode_of,
    mode_shares,
    mode_table,
    target_table,
)
from gfn.study.evidence.importance import estimate_noise
from gfn.study.evidence.sensitivity import sensitivity_table
from gfn.study.evidence.tables import mean_spread_median, with_median
from gfn.study.experiments import figure_settings
from gfn.study.experiments.comparisons import DISCOVERY_TASKS
from gfn.study.experiments.tasks import found, paper_tasks, peaked_sequences
from gfn.study.paper import DIVERGENCES, printed
from gfn.study.presentation.digits import spread
from gfn.study.results import Run, execute, to_frame

SPEC = TrainingSpec(task=Sets(universe=4, size=2))


def curve(values, metric="l1", spec=SPEC, cell=None) -> Run:
    """A run whose metric takes these values: a row an evaluation, a column a seed."""
    rows = [
        {"iteration": i, "trajectories": 2 * i, "seconds": 3.0 * i, "seed": seed, "metric": metric, "value": value}
        for i, row in enumerate(values)
        for seed, value in enumerate(row)
    ]
    return Run(spec, pd.DataFrame(rows).assign(objective="tb", cell=cell), {})


def joined(*runs) -> Run:
    """Several metrics of one run."""
    return Run(runs[0].spec, pd.concat([run.frame for run in runs], ignore_index=True), {})


def test_final_accuracy_is_that_of_the_last_quarter():
    """Averaged for each seed first; the median tells one lost seed from three slow ones, and the last value is beside it."""
    run = curve([[9] * 3, [9] * 3, [9] * 3, [9] * 3, [9] * 3, [9] * 3, [9] * 3, [0.1, 0.2, 0.9], [0.3, 0.2, 0.9]])
    (row,) = final_table({("sets", "tb"): run}).to_dict("records")
    assert (row["mean"], row["median"], row["last"]) == pytest.approx((1.3 / 3, 0.2, 0.3))
    assert row["standard_deviation"] == pytest.approx(np.std([0.2, 0.2, 0.9], ddof=1))
    assert row["shown"] == "0.433\u00a0±\u00a00.404 (0.200)"
    assert (row["metric"], row["seeds"]) == ("l1", 3)


def test_table_1_has_objectives_as_rows_and_its_numbers_in_a_stack():
    """What was not trained has a dash, and nothing that can be told from zero is shown as zero."""
    runs = {("sets", "tb"): curve([[2e-5, 4e-5]] * 4), ("sequences", "db"): curve([[0.2, 0.4]] * 4)}
    table = final_table(runs)
    grid = error_grid(table, ("tb", "db"))
    assert grid.loc["tb"].tolist() == ["3.00 × 10⁻⁵\n± 1.41 × 10⁻⁵\n(3.00 × 10⁻⁵)", "–"]
    assert grid.loc["db"].tolist() == ["–", "0.300\n± 0.141\n(0.300)"]
    assert (grid.index.name, grid.columns.name) == ("objective", "task")
    assert last_grid(table, ("db",)).loc["db", "sequences"] == pytest.approx(0.3)


def test_cells_of_the_paper_stand_beside_ours():
    """Of a range the middle is compared; tasks of which no cell is known have no rows."""
    runs = {("sets", "tb"): curve([[0.14] * 2] * 4), ("sets", "db"): curve([[1.0] * 2] * 4)}
    found = beside_paper(final_table(runs), {"sets": printed("sets")}, ["tb"])
    assert found.index.tolist() == [("sets", "tb")]
    assert found.loc[("sets", "tb"), "ours / paper"] == pytest.approx(2)
    assert found.loc[("sets", "tb"), "paper"] == "0.07 ± 0.00"


def test_small_errors_are_shown_in_powers_of_ten():
    assert (
        mean_spread_median(pd.Series([2e-5, 4e-5]))
        == "(3.00\u00a0±\u00a01.41)\u00a0×\u00a010⁻⁵ (3.00\u00a0×\u00a010⁻⁵)"
    )
    assert mean_spread_median(pd.Series([0.01, 0.03])) == "0.0200\u00a0±\u00a00.0141 (0.0200)"
    assert with_median(0.433, 0.404, 0.000456) == "0.433\u00a0±\u00a00.404 (4.56\u00a0×\u00a010⁻⁴)"


def test_batches_are_compared_seed_by_seed():
    """Sizes in order; the start does not count; how many seeds are behind."""
    runs = {
        ("tb", 64): curve([[9] * 3, [2, 2, 2]]),
        ("forward_kl", 64): curve([[0] * 3, [1, 4, 8]]),
        ("tb", 8): curve([[9] * 3, [1, 2, 4], [3, 2, 4]]),
        ("forward_kl", 8): curve([[9] * 3, [8, 4, 5], [8, 8, 5]]),
    }
    table = batch_table(runs)
    assert table.index.tolist() == [8, 64]
    assert table.loc[8].to_dict() == pytest.approx(
        {"tb": 2, "forward_kl": 6, "ratio": 3, "low": 1.25, "high": 4, "behind": 3, "seeds": 3}
    )
    assert table.loc[64].to_dict() == pytest.approx(
        {"tb": 2, "forward_kl": 4, "ratio": 2, "low": 0.5, "high": 4, "behind": 2, "seeds": 3}
    )


GRID = TrainingSpec(task=Hypergrid(), top_k=36)
WORDS = TrainingSpec(task=peaked_sequences(3.0, "smoke"), mode_fractions=(0.5, 0.75, 0.9))


def finds(spec, **modes) -> Run:
    """A run that has found so many modes: ``p50=[[…]]`` under the definition of 50 per cent."""
    return joined(*(curve(values, "modes", spec, int(key[1:])) for key, values in modes.items()))


def test_modes_found_are_shares_of_those_there_are():
    """Each task by its own definition; the hypergrid has four modes under all of them."""
    four = finds(GRID, p25=[[0, 1], [1, 3]], p50=[[0, 1], [2, 4]], p75=[[0, 0], [2, 3]])
    runs = {("hypergrid", "tb"): four, ("hypergrid", "db"): finds(GRID, p50=[[4, 4]], p25=[[4, 4]], p75=[[4, 4]])}
    total = mode_counts(WORDS.task, WORDS.mode_fractions)
    runs["sequences", "tb"] = finds(WORDS, p50=[[1, 1]], p75=[[1, 1]], p90=[[1, 0]])
    shares = mode_shares(runs)
    grid = shares[(shares.label == "hypergrid") & (shares.objective == "tb")]
    assert grid.value.tolist() == [0, 25, 50, 100]
    words = shares[shares.label == "sequences"]
    assert words.value.tolist() == pytest.approx([100 / total[0.9], 0])
    table = mode_table(runs)
    assert table.loc[("hypergrid", 50), ["all", "tb", "db"]].tolist() == ["4", "3 (75%)", "4 (100%)"]
    assert table.loc[("hypergrid", 75), "tb"] == "2.5 (62%)"
    assert table.loc[("sequences", 50), "all"] == f"{total[0.5]:,}"
    assert table.index.tolist() == [
        (t, c) for t, cells in (("hypergrid", (25, 50, 75)), ("sequences", (50, 75, 90))) for c in cells
    ]


def test_what_there_is_to_find():
    """Objects, best ones and modes; a dash under definitions that a task is not counted by."""
    runs = {("hypergrid", "tb"): curve([[0]], "top_k", GRID), ("sequences", "tb"): curve([[0]], "top_k", WORDS)}
    table = target_table(runs)
    assert table.columns.tolist() == ["objects", "best", 25, 50, 75, 90]
    assert table.loc["hypergrid"].tolist() == ["144", "36", "4", "4", "4", "—"]
    assert table.loc["sequences", ["objects", "best", 25]].tolist() == ["85", "100", "—"]
    best = best_possible(runs)
    rewarded = [GRID.task.r0 + GRID.task.r1] * 32 + [GRID.task.r0 + GRID.task.r1 + GRID.task.r2] * 4
    assert best["hypergrid"] == pytest.approx(np.log(rewarded).mean())
    assert best["sequences"] == pytest.approx(float(best_log_rewards(WORDS.task, 100).mean()))


def test_a_mode_is_rare_on_every_task():
    """By the definition of each, among the objects of the paper's size; half of the highest is common on flat sequences."""
    specs = figure_settings("fig4").specs()
    for task in DISCOVERY_TASKS:
        spec = specs[task, "tb"]
        assert mode_of(task) in {round(100 * f) for f in spec.mode_fractions}
    assert (mode_of("sequences"), mode_of("sequences_calibrated"), mode_of("sets")) == (FLAT_MODE, MODE, MODE)
    task = paper_tasks("paper")["sequences"]
    counts = mode_counts(task, found(task)["mode_fractions"])
    assert counts[MODE / 100] > 5000 > 500 > counts[FLAT_MODE / 100]


def test_noise_of_the_estimate_stands_beside_the_spread_over_seeds():
    """At the end alone; a run whose distance is exact has no row."""
    estimated = joined(curve([[9, 9], [0.1, 0.3]]), curve([[9, 9], [0.03, 0.04]], "l1_error"))
    table = estimate_noise({"tb": estimated, "db": curve([[1, 2]])})
    assert table.index.tolist() == ["tb"]
    row = table.loc["tb"]
    assert (row.l1, row.deviation, row.error) == pytest.approx((0.2, 0.02**0.5, 0.00125**0.5))
    assert row.share == pytest.approx(0.00125 / 0.02)
    assert estimate_noise({"db": curve([[1, 2]])}).empty


def test_noise_is_recorded_of_sets_that_are_too_many():
    """A short real training on the paper's sets."""
    spec = TrainingSpec(
        objective=Objective(name="tb"), seeds=(0, 1), iterations=1, batch_size=4, l1_objects=8, l1_orders=2
    )
    table = estimate_noise({"tb": Run(spec, to_frame(spec, execute(spec)), {})})
    assert 0 < table.error["tb"] < 1


def test_cells_of_the_paper_may_be_ranges():
    """Of phylogenetics a range is known in place of cells, for trajectory balance and every divergence."""
    trees = printed("phylogenetics")
    assert trees.text.to_dict() == dict.fromkeys(["tb", *DIVERGENCES], "0.21–0.22")
    assert trees["mean"].isna().all()
    assert (trees.low < trees.high).all()
    assert printed("sets").low.isna().all()
    assert printed("sets").text["tb"] == "0.07 ± 0.00"


def test_calibration_measures_the_distance_from_the_printed_cell():
    """Of mean and of standard deviation, added; the nearest value is found; the chosen pair is marked."""
    cell = printed("gaussian_mixture").loc["tb"]
    mean, deviation = cell["mean"], cell.standard_deviation

    def seeds(centre, spread):
        return curve([[centre - spread / 2**0.5, centre + spread / 2**0.5]], "jsd")

    runs = {
        ("gaussian_mixture", 2.0, 0.5): seeds(mean, 0.0),
        ("gaussian_mixture", 2.0, 0.3): seeds(mean + 0.01, deviation),
        ("gaussian_mixture", 3.0, 0.5): seeds(0.0, 0.0),
        ("gaussian_mixture", 3.0, 0.3): seeds(mean - 0.02, deviation + 0.02),
        ("sequences", 1.0): curve([[0.1, 0.1]]),
        ("sequences", 8.0): curve([[0.2, 0.2]]),
    }
    table = calibration_table(runs)
    assert table.distance.tolist() == pytest.approx(
        [deviation, 0.01, mean + deviation, 0.04, 0.28 - 0.1 + 0.06, 0.28 - 0.2 + 0.06]
    )
    assert nearest(table, "gaussian_mixture") == (2.0, 0.3)
    assert nearest(table, "sequences") == (8.0,)
    grid = mixture_grid(table, (2.0, 0.3))
    assert (grid.index.tolist(), grid.columns.tolist()) == ([2, 3], [0.5, 0.3])
    assert grid.loc[2.0, 0.3] == f"→ {spread(mean + 0.01, deviation)}"
    assert sum(text.startswith("→") for text in grid.to_numpy().flatten()) == 1


def test_sensitivity_shows_mean_spread_and_median():
    runs = {("rate", "0.1", "tb"): curve([[9] * 3, [1, 2, 6]])}
    (row,) = sensitivity_table(runs).to_dict("records")
    assert (row["mean"], row["median"], row["shown"]) == (3, 2, "3.00\n± 2.65\n(2.00)")


def test_words_of_a_flat_law_are_alike():
    """The reason for a definition of its own: the best word is not much better than a typical one."""
    flat, peaked = Sequences(), peaked_sequences(18.0, "paper")
    half = [mode_counts(task, (0.5,))[0.5] for task in (flat, peaked)]
    assert half[0] > 20 * half[1]
