"""The leagues: which runs they ask for, which step size is chosen, and who is ahead, of made-up numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gfn.rivals import LEAGUES, PICTURES, RIVALS
from gfn.runs.spec import RivalSpec
from gfn.study.evidence.leagues import (
    YARDSTICKS,
    beside,
    chosen,
    curves,
    diverged,
    ended,
    final,
    floors,
    interval,
    points,
    standings,
)
from gfn.study.experiments import figure_settings
from gfn.study.experiments.leagues import GFLOWNETS, TABLES, LeagueStudy, hard_targets
from gfn.study.intervals import of_median
from gfn.study.plotting import league_panels, sample_panels
from gfn.study.plotting.leagues import RIVAL_LINES, SAMPLERS
from gfn.study.results import Run, to_frame

SIZES = {"budget": 64, "batch_size": 16, "hidden": (4,), "components": 2, "points": 16, "marks": 2, "seeds": (0, 1, 2)}
STUDY = LeagueStudy(profile="smoke", rates=(1e-3, 1e-2), **SIZES)
SPECS = STUDY.specs()


def run(spec: RivalSpec, gap: float, sliced: float) -> Run:
    """Measures that are ``gap`` and ``sliced`` at the end for the middle seed, twice as large before."""
    values = {"sliced": sliced, "sliced_floor": 0.1} | ({} if spec.model in ("nuts", "gan") else {"elbo_gap": gap})
    records = [
        {"seed": seed, "iteration": mark, "trajectories": 32 * mark, "seconds": 1.5 * mark, "metric": metric}
        | {"value": value * (3 - mark) + 0.01 * (seed - 1)}
        for seed in spec.seeds
        for mark in (1, 2)
        for metric, value in values.items()
    ]
    about = {"seed": spec.seeds[0], "iteration": 2, "trajectories": 64, "seconds": 3.0}
    records += [
        {**about, "metric": f"x{axis}", "cell": cell, "value": axis + cell} for axis in (1, 2, 3) for cell in range(5)
    ]
    return Run(spec, to_frame(spec, records), {})


def test_every_sampler_meets_every_target_with_every_step():
    """But chains, which find theirs by themselves, have one; the step of leaps is its own."""
    targets = hard_targets("smoke")
    assert {task for task, *_ in SPECS} == set(targets)
    for task in targets:
        tries = {}
        for name, sampler, _ in SPECS:
            if name == task:
                tries[sampler] = tries.get(sampler, 0) + 1
        assert set(tries) == {*GFLOWNETS, *LEAGUES["density"], *LEAGUES["samples"]}
        assert {sampler: 2 for sampler in tries} | {"nuts": 1} == tries
    assert SPECS["funnel", "annealed", 1e-3].learning_rate == pytest.approx(0.1)
    assert SPECS["funnel", "tb_batch", 1e-3].objective == GFLOWNETS["tb_batch"]
    assert len({spec.hash for spec in SPECS.values()}) == len(SPECS)


def test_on_digits_rivals_are_those_for_pictures():
    """The GFlowNets are the same."""
    for profile in ("smoke", "paper", "edition"):
        settings = figure_settings("digits", profile)
        specs = settings.specs()
        assert {(task, sampler) for task, sampler, _ in specs} == {("digits", name) for name in (*GFLOWNETS, *PICTURES)}
        assert len(specs) == (len(GFLOWNETS) + len(PICTURES)) * len(settings.rates)
    assert specs["digits", "bit_gan", 1e-2].task.side == 8


def test_all_of_a_league_have_the_same_budget():
    assert {spec.budget for spec in SPECS.values()} == {64}
    assert not set(TABLES["density"]) & set(TABLES["samples"])


def test_at_the_papers_scale_targets_are_those_of_the_literature():
    found = {name: task.dimension for name, task in hard_targets("paper").items()}
    assert found == {"random_mixture": 2, "grid_mixture": 2, "banana": 2, "funnel": 10, "many_well": 32}


@pytest.fixture
def runs():
    """On one target; the larger step is the better one for TB alone."""
    gaps = {"tb_batch": (3.0, 2.0), "vargrad": (1.0, 4.0), "path_integral": (5.0, 6.0), "nuts": (0, 0), "gan": (0, 0)}
    found = {}
    for (task, sampler, rate), spec in SPECS.items():
        if task == "funnel" and sampler in gaps:
            which = STUDY.rates.index(rate)
            found[task, sampler, rate] = run(spec, gaps[sampler][which], 0.5 + which)
    return found


def test_the_step_with_the_best_bound_is_chosen(runs):
    """Even where samples are farther; of a sampler without a bound the one whose samples are the nearest."""
    rates = chosen(runs)
    assert rates["funnel", "tb_batch"] == 1e-2
    assert rates["funnel", "vargrad"] == rates["funnel", "gan"] == rates["funnel", "nuts"] == 1e-3
    lost = runs["funnel", "vargrad", 1e-3]
    part = lost.frame[~((lost.frame.metric == "elbo_gap") & (lost.frame.seed == 2))]
    runs["funnel", "vargrad", 1e-3] = Run(lost.spec, part, {})
    assert chosen(runs)["funnel", "vargrad"] == 1e-2


def test_standings(runs):
    """Ranks within each league, of those that learn and have the number; seconds and floors beside them."""
    table = standings(runs, "elbo_gap")
    assert table.sampler.tolist() == ["vargrad", "tb_batch", "path_integral"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["median"].tolist() == pytest.approx([1, 2, 5])
    assert table.seconds.tolist() == pytest.approx([3, 3, 3])
    table = standings(runs, "sliced")
    assert set(table[table.league == "samples"].sampler) == {"gan"}
    assert table[table.sampler == "gan"]["rank"].item() == 1
    density = table[table.league == "density"]
    assert density.sampler.tolist() == ["vargrad", "path_integral", "tb_batch", "nuts"]
    assert density["rank"].tolist()[:3] == [1, 1, 3]
    assert pd.isna(density["rank"].iloc[3])
    assert set(YARDSTICKS) < set(TABLES["density"])
    assert table.floor.tolist() == pytest.approx([0.1] * 5)


def test_intervals_are_the_range_where_seeds_are_few():
    assert interval([3, 1, 2]) == (2, 1, 3)
    many = list(range(10))
    found = of_median(many)
    assert interval(many) == (found.middle, found.low, found.high) == (4.5, 1, 8)


def test_curves_are_those_of_the_chosen_step(runs):
    found = curves(runs, "elbo_gap")
    tb = found[(found.sampler == "tb_batch") & (found.seed == 1)].sort_values("used")
    assert tb.value.tolist() == pytest.approx([4, 2])
    assert tb.used.tolist() == [32, 64]
    assert set(found.sampler) == {"tb_batch", "vargrad", "path_integral"}
    assert final(runs["funnel", "gan", 1e-3], "elbo_gap").empty


def test_who_diverged_is_told(runs):
    """And is missing where seeds are paired."""
    key = "funnel", "path_integral", 1e-2
    frame = runs[key].frame.astype({"metric": object})
    frame.loc[(frame.seed == 1) & (frame.metric == "elbo_gap") & (frame.iteration == 2), "metric"] = "diverged"
    runs[key] = Run(runs[key].spec, frame, {})
    assert diverged(runs).to_numpy().tolist() == [["funnel", "path_integral", 1e-2, 1]]
    assert ended(runs[key], "elbo_gap").isna().tolist() == [False, True, False]
    assert chosen(runs)["funnel", "path_integral"] == 1e-3


def test_points_that_are_kept(runs):
    """A row each; a target's samplers beside its exact samples, one that diverged with none."""
    run_ = runs["funnel", "gan", 1e-3]
    assert points(run_).to_numpy().tolist() == [[1 + cell, 2 + cell, 3 + cell] for cell in range(5)]
    runs["funnel", "gan", 1e-3] = Run(run_.spec, run_.frame[~run_.frame.metric.str.startswith("x")], {})
    exact, drawn, axes, first = beside(runs, "funnel")
    assert exact.shape == (256, 3)
    assert list(drawn) == ["tb_batch", "vargrad", "path_integral", "nuts", "gan"]
    assert (len(drawn["nuts"]), len(drawn["gan"]), axes, first) == (5, 0, (0, 1), 4)


def test_points_of_seeds_that_raced_alone(runs):
    """All of them have some; those of the first count."""
    run_ = runs["funnel", "gan", 1e-3]
    others = run_.frame[run_.frame.metric.str.startswith("x")].assign(seed=2, value=99.0)
    assert points(Run(run_.spec, pd.concat([run_.frame, others]), {})).equals(points(run_))


def test_floors(runs):
    assert floors(runs, "sliced") == {"funnel": pytest.approx(0.1)}


def test_a_panel_a_sampler(figures, runs):
    figure = sample_panels(*beside(runs, "funnel"))
    titles = [axis.get_title().replace("\n", " ") for axis in figure.axes if axis.get_title()]
    assert titles == ["exact samples", "TB, log Z from a batch", "VarGrad", "path integral sampler", "NUTS", "GAN"]
    shown = [line for axis in figure.axes for line in axis.lines]
    assert len(shown) == 6
    assert shown[1].get_color() == shown[4].get_color() != shown[5].get_color()
    np.testing.assert_allclose(shown[1].get_xdata(), [1, 2, 3, 4, 5])


def test_a_panel_without_points_says_why(figures):
    exact = np.random.default_rng(0).normal(size=(50, 2))
    figure = sample_panels(exact, {"gan": exact + 99, "nuts": exact[:0], "vargrad": exact}, (0, 1), 1)
    said = [[text.get_text() for text in axis.texts] for axis in figure.axes if axis.get_title()]
    assert said == [[], ["all outside"], ["diverged"], []]


def test_a_panel_a_target_and_a_line_a_sampler(figures, runs):
    """With the floor; what is far off is drawn at the end of the scale."""
    frame = curves(runs, "elbo_gap")
    frame.loc[frame.sampler == "vargrad", "value"] = 1e200
    (axis,) = [axis for axis in league_panels(frame, "elbo_gap", {"funnel": 0.1}).axes if axis.get_title()]
    assert axis.get_title() == "Funnel"
    lines = {line.get_label(): line for line in axis.lines}
    assert set(lines) == {"exact samples", *(SAMPLERS[name] for name in ("tb_batch", "vargrad", "path_integral"))}
    assert lines["TB, log Z from a batch"].get_ydata() == pytest.approx([4, 2])
    assert lines["VarGrad"].get_ydata() == pytest.approx([1e4, 1e4])
    assert set(RIVAL_LINES) == set(RIVALS)
