"""From runs to numbers: on made-up tables whose answers are known, and on tiny real runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from gfn.environments import GaussianMixture
from gfn.evaluation.accuracy import target_density
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.study.evidence.convergence import (
    accuracy_metric,
    by_task,
    comparison_frame,
    final_table,
    time_to_threshold,
)
from gfn.study.evidence.discovery import MODE, discovery_frame
from gfn.study.evidence.importance import l1_estimates, share_away
from gfn.study.evidence.planar import mass_table
from gfn.study.evidence.tables import density, final, learning_frame
from gfn.study.evidence.variance import bias_table, by_batch, variance_table
from gfn.study.experiments.tasks import DENSITY_CELLS, spread_mixture
from gfn.study.results import Run, execute, read_run, write_run

PLANAR = TrainingSpec(task=GaussianMixture(side=1), seeds=(0, 1), iterations=4, batch_size=2, density=40)


def curve(values, metric="jsd", objective="tb", variate=None, spec=PLANAR) -> Run:
    """A run whose metric takes these values, one row an evaluation, one column a seed."""
    rows = [
        {"iteration": i, "trajectories": 2 * i, "seed": seed, "metric": metric, "value": value}
        for i, row in enumerate(values)
        for seed, value in enumerate(row)
    ]
    return Run(spec, pd.DataFrame(rows).assign(objective=objective, control_variate=variate, cell=None), {})


def with_density(values, jsd=0.1) -> Run:
    """A run whose final density is ``values`` for both seeds."""
    run = curve([[jsd, jsd]])
    spec = run.spec.model_copy(update={"density": len(values)})
    rows = [{"seed": seed, "iteration": 4, "metric": "density", "density": values.flatten()} for seed in (0, 1)]
    return Run(spec, pd.concat([run.frame, pd.DataFrame(rows)]), {})


def test_final_is_the_last_value_of_each_seed():
    run = curve([[9, 8], [3, 4], [1, 2]])
    assert final(run, "jsd").to_dict() == {0: 1, 1: 2}
    table = final_table({("a", "tb"): run, ("b", "tb"): curve([[5, 5], [5, 5]])}).set_index("task")
    shown = table.loc["a", ["mean", "standard_deviation", "seeds"]].to_dict()
    assert shown == pytest.approx({"mean": 1.5, "standard_deviation": 0.5**0.5, "seeds": 2})
    assert table.loc["b", "standard_deviation"] == 0


def test_densities_keep_their_axes():
    """x1 first, of each seed its own."""
    values = np.arange(16.0).reshape(4, 4)
    np.testing.assert_array_equal(density(with_density(values), 1), values)


TARGET = target_density(PLANAR.task, 40, PLANAR.task.window).numpy()
LEFT = np.where(np.arange(40)[:, None] < 20, 2 * TARGET, 0)


def test_masses_missed_and_stray():
    """None at the target; half of it missed by a policy on its left half; all astray for one that is elsewhere."""
    far = np.zeros((40, 40))
    far[0, 0] = 100.0
    table = mass_table({"same": with_density(TARGET), "left": with_density(LEFT), "far": with_density(far)})
    means = table.groupby("run").mean()
    assert len(table) == 6
    assert means.missed.to_dict() == pytest.approx({"same": 0, "left": 0.5, "far": 1}, abs=1e-3)
    assert means.stray.to_dict() == pytest.approx({"same": 0, "left": 0, "far": 100 * (4 / 40) ** 2}, abs=1e-9)


@pytest.mark.parametrize("scale", [0.5, 0.2])
def test_stored_densities_are_fine_enough_for_masses(scale):
    """Missed and stray mass of a policy that covers some modes too widely are those on a fine grid, within 2 %."""
    task, wide = spread_mixture(2.0, scale), GaussianMixture(side=2, scale=0.4)
    found = []
    for cells in (DENSITY_CELLS, 800):
        spec = PLANAR.model_copy(update={"task": task, "density": cells})
        points = torch.cartesian_prod(*task.axes(cells, task.window))
        values = wide.log_density(points).exp().view(cells, cells).numpy()
        found.append(mass_table({"wide": Run(spec, with_density(values).frame, {})}))
    for mass in ("missed", "stray"):
        assert found[1][mass].between(0.05, 0.95).all()
        assert found[0][mass].to_numpy() == pytest.approx(found[1][mass].to_numpy(), rel=0.02)


def gradient_run(values, metric="variance", **more) -> Run:
    """A run of gradient measurements: ``(objective, variate, seed, stage, trajectories) → value``."""
    rows = [
        {"task": "sets", "objective": o, "control_variate": v, "seed": s, "iteration": i, "trajectories": n}
        | {"epsilon": 0.03, "log_z": None, "metric": name, "value": x}
        for (o, v, s, i, n), value in values.items()
        for name, x in {metric: value, **more}.items()
    ]
    return Run(GradientSpec(objectives=(Objective(),)), pd.DataFrame(rows), {})


def test_variances_are_means_over_seeds():
    """With an error from the replicated estimates of all seeds."""
    run = gradient_run({("renyi", "loo", 0, 8, 4): 1.0, ("renyi", "loo", 1, 8, 4): 3.0}, variance_error=0.2)
    (row,) = variance_table({"sets": run}).to_dict("records")
    assert (row["task"], row["objective"], row["control_variate"]) == ("sets", "renyi", "loo")
    error = 1.96 * 0.2 / 2**0.5
    assert (row["value"], row["low"], row["high"]) == pytest.approx((2, 2 - error, 2 + error))
    noisy = variance_table({"sets": gradient_run({("renyi", "loo", 0, 8, 4): 1.0}, variance_error=9.0)})
    assert noisy.low[0] == pytest.approx(1 - 1.96 * 9), (
        "the end of the interval itself, though a picture cannot show it"
    )


def test_biases_are_relative_and_keep_the_sign_of_their_square():
    """Intervals end at zero, and what reaches it is shown as an upper bound; stages are told apart."""
    values = {("tsallis", v, 0, 0, 4): x for v, x in {"loo": 0.04, "both": -0.01}.items()}
    more = {"bias_squared_error": 0.01, "gradient_squared": 4.0, "variance": 1.0, "bias_along": -2.0, "away": 0.25}
    stages = bias_table({"sets": gradient_run(values | {("tsallis", "loo", 0, 8, 4): 1.0}, "bias_squared", **more)})
    assert sorted(stages.iteration) == [0, 0, 8]
    table = stages[stages.iteration == 0].set_index("control_variate")
    assert table.value.to_dict() == pytest.approx({"loo": 0.1, "both": -0.05})
    assert table.low["both"] == 0
    assert table.shown.to_dict() == {"loo": "0.100", "both": "< 0.049"}
    assert table.along.tolist() == [-0.5, -0.5]
    assert table.away.tolist() == [0.25, 0.25]
    wide = by_batch(stages, "shown", "bias")
    assert wide.columns.names == ["", "bias at N ="]
    loo, both = ("sets", "tsallis, loo"), ("sets", "tsallis, both, ε = 0.03")
    assert wide["at the start", 4].to_dict() == {loo: "0.100", both: "<\u00a00.049"}
    assert wide["after 8 iterations", 4].dropna().to_dict() == {loo: "0.500"}
    assert table.low["loo"] == pytest.approx(np.sqrt((0.04 - 0.0196) / 4))
    assert table.high["both"] == pytest.approx(np.sqrt((-0.01 + 0.0196) / 4))
    assert table.deviation.to_dict() == pytest.approx({"loo": 0.5, "both": 0.5})


def test_learning_frames_hold_one_metric_of_all_runs():
    runs = {
        ("a", "none"): curve([[1, 2]], "l1"),
        ("b", "none"): curve([[3, 4]], "log_z"),
        ("c", "none"): curve([[5, 6]], "l1"),
    }
    assert learning_frame(runs, "l1").value.tolist() == [1, 2, 5, 6]


def test_estimates_of_l1_stand_beside_the_exact_distance():
    """On the small profile, with few repeats: exact and estimated agree, and fall in training."""
    table = l1_estimates("smoke", repeats=2)
    assert list(table.columns) == ["exact", "8 orders", "32 orders"]
    assert table.index.tolist() == [0, 4]
    for row in table.itertuples(index=False):
        mean, error = map(float, row[2].split("\u00a0±\u00a0"))
        assert mean == pytest.approx(float(row[0]), abs=6 * error + 0.05)


def real(spec, tmp_path) -> Run:
    path = tmp_path / f"{spec.hash}.parquet"
    write_run(path, spec, execute(spec))
    return read_run(path)


def task_runs(metric="l1", **errors):
    """Runs of made-up tasks: ``name={objective: one value an evaluation}``, for two seeds of which the second doubles all."""
    return {
        (task, name): curve([[value, 2 * value] for value in values], metric, name)
        for task, objectives in errors.items()
        for name, values in objectives.items()
    }


def test_time_to_a_threshold_is_when_it_is_kept():
    """The first evaluation from which the mean stays at or below; none where it does not; seconds beside trajectories."""
    runs = task_runs(
        sets={"tb": [8, 1, 8, 2, 2], "renyi": [8, 2, 2, 2, 1], "db": [8, 8, 8, 8, 8], "forward_kl": [1, 1, 1, 1, 1]}
    )
    runs = {key: Run(run.spec, run.frame.assign(seconds=10.0 * run.frame.iteration), {}) for key, run in runs.items()}
    table = time_to_threshold(runs).set_index("objective")
    assert table.threshold.tolist() == pytest.approx([3.0] * 4)
    assert table.trajectories.to_dict() == pytest.approx(
        {"tb": 6, "renyi": 2, "db": np.nan, "forward_kl": 0}, nan_ok=True
    )
    assert table.seconds.to_dict() == pytest.approx({"tb": 30, "renyi": 10, "db": np.nan, "forward_kl": 0}, nan_ok=True)
    assert time_to_threshold(runs, 16).trajectories.tolist() == pytest.approx([0, 0, 0, 0])


def test_comparisons_are_one_table():
    """With the accuracy of each task alone, and its name as the label."""
    runs = task_runs(sets={"tb": [2, 1]}) | task_runs("jsd", banana={"renyi": [3, 1]})
    runs["sets", "db"] = Run(PLANAR, pd.concat([runs["sets", "tb"].frame, curve([[5, 5]], "log_z").frame]), {})
    frame = comparison_frame(runs)
    assert frame.groupby(["label", "objective"], sort=False).metric.unique().map(list).to_dict() == {
        ("sets", "tb"): ["l1"],
        ("banana", "renyi"): ["jsd"],
        ("sets", "db"): ["l1"],
    }
    assert frame.value.tolist() == [2, 4, 1, 2, 3, 6, 1, 2, 2, 4, 1, 2]
    assert by_task(runs).keys() == {"sets", "banana"}
    assert accuracy_metric(runs["banana", "renyi"]) == "jsd"


def finds(top_k, modes, half=None) -> Run:
    """A run whose evaluations found these, both seeds alike; ``modes`` under every definition, or ``half`` under one half."""
    frames = [curve([[v, v] for v in top_k], "top_k").frame]
    for cell in (25, 50, 75):
        values = half if cell == 50 and half is not None else modes
        frames.append(curve([[v, v] for v in values], "modes").frame.assign(cell=cell))
    return Run(PLANAR, pd.concat(frames, ignore_index=True), {})


def test_discoveries_are_one_table():
    """Of one metric, under one definition if asked for."""
    runs = {("sets", "tb"): finds([0, 1], [3, 5], [2, 4]), ("dags", "db"): finds([2], [1])}
    assert discovery_frame(runs, "top_k").value.tolist() == [0, 0, 1, 1, 2, 2]
    half = discovery_frame(runs, "modes", MODE)
    assert (half.label.unique().tolist(), half.value.tolist()) == (["sets", "dags"], [2, 2, 4, 4, 1, 1])
    assert len(discovery_frame(runs, "modes")) == 3 * 6


def test_at_a_negative_order_the_baseline_of_the_batch_turns_estimates_round():
    """On the small profile: some of those with a negligible ε point away, of leave-one-out on the whole weight none."""
    table = share_away("smoke")
    assert table.columns.tolist() == ["none", "joint", "both", "both, ε = 1e-8"]
    assert {order for _, order in table.index} == {"-1"}
    for row in table.to_dict("records"):
        assert row["joint"] == "0.0%"
        assert float(row["both, ε = 1e-8"].rstrip("%")) > 0
