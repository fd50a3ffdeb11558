"""From runs to numbers: on made-up tables whose answers are known, and on tiny real runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from gfn.environments import GaussianMixture, Sets
from gfn.estimators import DIVERGENCES
from gfn.evaluation.accuracy import target_density
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.study.claims import judge
from gfn.study.evidence.convergence import (
    accuracy_metric,
    accuracy_ratios,
    by_task,
    comparison_frame,
    convergence,
    faster_and_steadier,
    final_table,
    large_batches,
    time_to_threshold,
)
from gfn.study.evidence.discovery import MODE, discovery, discovery_frame
from gfn.study.evidence.importance import l1_estimates
from gfn.study.evidence.planar import TENTH, banana_accuracy, mass_table, mode_seeking, sparse_targets
from gfn.study.evidence.registry import SOURCES, evidence_of, nearest_batch
from gfn.study.evidence.sensitivity import sensitivity_table, verdict_changes
from gfn.study.evidence.tables import density, final, learning_frame
from gfn.study.evidence.variance import (
    balance_variance,
    balance_variance_table,
    baseline_quality,
    bias_table,
    by_batch,
    unbiasedness,
    variance_reduction,
    variance_table,
)
from gfn.study.experiments import figure_settings
from gfn.study.experiments.tasks import DENSITY_CELLS, narrow_mixture
from gfn.study.paper import load_claims
from gfn.study.results import Run, execute, read_run, write_run
from tests.helpers import made_up

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
    task, wide = narrow_mixture(scale), GaussianMixture(side=2, scale=0.4)
    found = []
    for cells in (DENSITY_CELLS, 800):
        spec = PLANAR.model_copy(update={"task": task, "density": cells})
        points = torch.cartesian_prod(*task.axes(cells, task.window))
        values = wide.log_density(points).exp().view(cells, cells).numpy()
        found.append(mass_table({"wide": Run(spec, with_density(values).frame, {})}))
    for mass in ("missed", "stray"):
        assert found[1][mass].between(0.05, 0.95).all()
        assert found[0][mass].to_numpy() == pytest.approx(found[1][mass].to_numpy(), rel=0.02)


def test_mode_seeking_asks_what_the_runs_can_tell():
    """Accuracy against α = 0.5; masses only where -2 and 2 are both there."""
    wide = with_density(np.full((40, 40), 1 / 16), 0.3)
    runs = {-2.0: wide, 0.5: with_density(TARGET, 0.1), 2.0: with_density(0.9 * LEFT + 0.02 * TARGET, 0.2)}
    found = {(item.test, item.subject): item.estimate for item in mode_seeking(runs)}
    assert found["best", "α = -2"] == pytest.approx(3)
    assert found["best", "α = 2"] == pytest.approx(2)
    assert {key[0] for key in found} == {"best", "covering", "seeking"}
    assert [item.subject for item in mode_seeking({0.5: runs[0.5], 2.0: runs[2.0]})] == ["α = 2"]
    assert mode_seeking({2.0: runs[2.0]}) == []


def gradient_run(values, metric="variance", **more) -> Run:
    """A run of gradient measurements: ``(objective, variate, seed, stage, trajectories) → value``."""
    rows = [
        {"task": "sets", "objective": o, "control_variate": v, "seed": s, "iteration": i, "trajectories": n}
        | {"epsilon": 0.03, "metric": name, "value": x}
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
    assert noisy.low[0] == pytest.approx(0.1)


def test_variance_reduction_compares_within_one_batch_size_and_stage():
    """Without over with, the same seeds on both sides."""
    values = {
        ("renyi", v, s, 8, 4): x * (1 + s) for v, x in {"none": 60.0, "loo": 6.0, "both": 0.3}.items() for s in (0, 1)
    }
    other = {("renyi", v, 0, stage, n): 1.0 for v in ("none", "loo", "both") for stage, n in ((0, 4), (8, 2))}
    found = variance_reduction({"sets": gradient_run(values | other)}, 4, 8)
    assert [(item.test, item.subject) for item in found] == [("loo_alone", "sets, renyi"), ("both", "sets, renyi")]
    assert [item.estimate for item in found] == pytest.approx([10, 200])
    assert [item.low for item in found] == pytest.approx([10, 200])


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
    (found,) = unbiasedness(table.reset_index(), 4)
    assert (found.test, found.subject, found.estimate) == (
        "unbiased",
        "sets, tsallis",
        pytest.approx(0.1),
    )
    assert unbiasedness(table.reset_index(), 8) == []


def test_banana_accuracy_compares_with_the_better_of_tb_and_reverse_kl():
    finals = {"tb": 0.2, "reverse_kl": 0.1, "forward_kl": 0.05, "renyi": 0.1, "tsallis": 0.2}
    alike, better = banana_accuracy({name: curve([[value, value]]) for name, value in finals.items()})
    assert [item.estimate for item in alike] == pytest.approx([2])
    assert {item.subject: item.estimate for item in better} == pytest.approx(
        {"forward_kl": 2, "renyi": 1, "tsallis": 0.5}
    )


def test_faster_and_steadier_compare_whole_curves_and_their_second_halves():
    """Mean level, and mean step from one evaluation to the next; objectives without both ends are left out."""
    runs = {
        ("renyi", "none"): curve([[4, 4], [4, 4], [2, 2], [4, 4]], "l1"),
        ("renyi", "both"): curve([[4, 4], [1, 1], [1, 1], [0.5, 0.5]], "l1"),
        ("tsallis", "none"): curve([[1, 1], [1, 1]], "l1"),
    }
    found = faster_and_steadier(runs)
    assert [(item.test, item.subject) for item in found] == [("faster", "renyi"), ("stable", "renyi")]
    assert [item.estimate for item in found] == pytest.approx([14 / 6.5, 4])


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
        mean, error = map(float, row[2].split(" ± "))
        assert mean == pytest.approx(float(row[0]), abs=6 * error + 0.05)


def real(spec, tmp_path) -> Run:
    path = tmp_path / f"{spec.hash}.parquet"
    write_run(path, spec, execute(spec))
    return read_run(path)


def test_real_runs_of_planar_tasks_give_evidence(tmp_path):
    """Columns and types are those that the store gives; a verdict can be made and shown."""
    settings = figure_settings("fig1", "smoke", iterations=2, alpha=(-2.0, 0.5, 2.0))
    runs = {alpha: real(spec, tmp_path) for alpha, spec in settings.specs().items()}
    found = mode_seeking(runs)
    assert [item.test for item in found] == ["best", "best", "covering", "seeking"]
    assert "C7" in judge("C7", found)._repr_markdown_()
    assert density(runs[0.5], 1).shape == (DENSITY_CELLS, DENSITY_CELLS)


def test_real_measurements_give_evidence(tmp_path):
    objectives = [
        Objective(name=n, control_variate=v) for n in ("renyi", "reverse_kl") for v in ("none", "loo", "both")
    ]
    spec = GradientSpec(
        task=Sets(universe=4, size=2),
        objectives=tuple(objectives),
        policy=PolicySettings(hidden=(4,)),
        seeds=(0, 1),
        warmup=(0, 1),
        batch_sizes=(2, 4),
        replicates=8,
        exact=True,
    )
    runs = {"sets": real(spec, tmp_path)}
    variances = variance_table(runs)
    assert len(variances) == 6 * 2 * 2
    assert (variances.low < variances.value).all()
    found = variance_reduction(runs, 4, 1) + unbiasedness(bias_table(runs), 4)
    assert len(found) == 2 * 2 + 2 * 2
    assert len(judge("C3", found).tests) == 8


@pytest.mark.parametrize("tenth", [TENTH])
def test_a_tenth_is_a_tenth(tenth):
    """As the criteria in claims.yaml say."""
    assert tenth == 0.1
    assert torch.tensor(TARGET).sum() * (4 / 40) ** 2 == pytest.approx(1, abs=1e-3)


def task_runs(metric="l1", **errors):
    """Runs of made-up tasks: ``name={objective: one value an evaluation}``, for two seeds of which the second doubles all."""
    return {
        (task, name): curve([[value, 2 * value] for value in values], metric, name)
        for task, objectives in errors.items()
        for name, values in objectives.items()
    }


def estimates(found):
    return {(item.test, item.subject): item.estimate for item in found}


def test_convergence_compares_whole_curves_with_those_of_tb():
    """A ratio for each task and divergence, none for balance losses; and how many objectives are fastest somewhere."""
    runs = task_runs(
        sets={"tb": [4, 2, 2], "renyi": [2, 1, 1], "forward_kl": [8, 8, 0], "db": [4, 2, 1]},
        dags={"tb": [1, 1, 1], "renyi": [2, 2, 2], "vargrad": [0.5, 0.5, 0.5]},
    )
    found = estimates(convergence(runs))
    assert found == {
        ("faster", "sets, renyi"): pytest.approx(2),
        ("faster", "sets, forward_kl"): pytest.approx(0.5),
        ("faster", "dags, renyi"): pytest.approx(0.5),
        ("various", "fastest somewhere: renyi, vargrad"): 2,
    }
    assert (
        estimates(convergence(task_runs(sets={"tb": [1, 1], "renyi": [2, 2]})))["various", "fastest somewhere: tb"] == 1
    )


def test_accuracy_ratios_compare_final_values():
    """Of whichever accuracy a task has."""
    runs = task_runs(sets={"tb": [9, 2], "renyi": [1, 3], "db": [1, 1]})
    runs |= task_runs("jsd", banana={"tb": [9, 4], "tsallis": [1, 1]})
    assert estimates(accuracy_ratios(runs)) == {
        ("accurate", "sets, renyi"): pytest.approx(1.5),
        ("accurate", "banana, tsallis"): pytest.approx(0.25),
    }
    table = final_table(runs)
    assert table.metric.tolist() == ["l1"] * 3 + ["jsd"] * 2
    assert table["mean"].tolist() == pytest.approx([3, 4.5, 1.5, 6, 1.5])
    assert table.standard_deviation[0] == pytest.approx(2**0.5)
    assert (table.seeds == 2).all()


def test_large_batches_are_judged_at_both_ends():
    """Means over training of forward KL over TB's, whatever the order of the runs; sizes between are left out."""
    levels = {("tb", 8): 1.0, ("forward_kl", 8): 3.0, ("tb", 64): 9.0, ("forward_kl", 64): 9.0}
    levels |= {("forward_kl", 512): 0.6, ("tb", 512): 0.5}
    runs = {
        (name, size): curve([[level + 1] * 2, [level - 1] * 2], "l1", name) for (name, size), level in levels.items()
    }
    found = estimates(large_batches(runs))
    assert found == pytest.approx({("lags", "8 trajectories"): 3, ("catches_up", "512 trajectories"): 1.2})


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


def test_discovery_compares_with_the_best_balance_loss():
    """Rewards as geometric means, modes under the definition that is judged; the hypergrid is a test of its own."""
    balance = {"tb": finds([0, 0], [8], [2]), "db": finds([1, 3], [9], [4])}
    balance |= {name: finds([-5, -5], [1], [1]) for name in ("subtb", "vargrad")}
    divergences = {name: finds([2, 2 + 2 * np.log(2)], [7], [6]) for name in DIVERGENCES}
    runs = {(task, name): run for task in ("sets", "hypergrid") for name, run in (balance | divergences).items()}
    found = estimates(discovery(runs))
    assert len(found) == 2 * 2 * 4
    for name in DIVERGENCES:
        assert found["reward", f"sets, {name}"] == found["reward_hypergrid", f"hypergrid, {name}"] == pytest.approx(2)
        assert found["modes", f"sets, {name}"] == found["modes_hypergrid", f"hypergrid, {name}"] == pytest.approx(1.5)
    verdict = judge("C8", discovery(runs))
    assert verdict.outcome == "holds in part"
    assert set(verdict.tests.test[verdict.tests.passed]) == {"reward", "modes"}


def test_discoveries_are_one_table():
    """Of one metric, under one definition if asked for."""
    runs = {("sets", "tb"): finds([0, 1], [3, 5], [2, 4]), ("dags", "db"): finds([2], [1])}
    assert discovery_frame(runs, "top_k").value.tolist() == [0, 0, 1, 1, 2, 2]
    half = discovery_frame(runs, "modes", MODE)
    assert (half.label.unique().tolist(), half.value.tolist()) == (["sets", "dags"], [2, 2, 4, 4, 1, 1])
    assert len(discovery_frame(runs, "modes")) == 3 * 6


def balanced(tb, vargrad, kl, stage=8, batch=4):
    values = {("tb", None): tb, ("vargrad", None): vargrad, ("reverse_kl", "none"): kl, ("reverse_kl", "loo"): kl / 50}
    return {(o, v, seed, stage, batch): x * (1 + seed) for (o, v), x in values.items() for seed in (0, 1)}


def test_variance_of_balance_losses_is_on_the_scale_of_reverse_kl():
    """A quarter of TB's, whose gradient is twice the divergence's; at one batch size and stage."""
    values = balanced(8.0, 4.0, 60.0) | balanced(1.0, 1.0, 1.0, stage=0) | balanced(1.0, 1.0, 1.0, batch=2)
    runs = {"sets": gradient_run(values, variance_error=0.01)}
    found = estimates(balance_variance(runs, 4, 8))
    assert found == pytest.approx({("low", "sets"): 30, ("little", "sets"): 2})
    table = balance_variance_table(runs)
    table = table[(table.iteration == 8) & (table.trajectories == 4)].set_index(["objective", "control_variate"])
    assert table.value.to_dict() == pytest.approx(
        {("tb", "none"): 3, ("vargrad", "none"): 1.5, ("reverse_kl", "none"): 90, ("reverse_kl", "loo"): 1.8}
    )
    error = 1.96 * 0.01 / 2**0.5
    assert table.high["tb", "none"] == pytest.approx(3 + error / 4)
    assert table.low["reverse_kl", "none"] == pytest.approx(90 - error)


def test_quality_of_the_baseline_is_a_ratio_with_its_error():
    """A piece of evidence for each ε at the asked batch size, none for other control variates."""
    values = {("tsallis", "both", 0, 8, n): 1.0 for n in (4, 8)} | {("tsallis", "loo", 0, 8, 4): 1.0}
    more = {"bias_squared_error": 0.01, "gradient_squared": 4.0, "variance": 1.0}
    run = gradient_run(values, "bias_squared", **more, optimal=1.2, optimal_error=0.1)
    run.frame.loc[(run.frame.control_variate == "loo") & run.frame.metric.str.startswith("optimal"), "value"] = np.nan
    (found,) = baseline_quality(bias_table({"sets": run}), 4)
    assert (found.test, found.subject) == ("good_enough", "sets, tsallis, ε = 0.03")
    assert (found.estimate, found.low, found.high) == pytest.approx((1.2, 1.2 - 0.196, 1.2 + 0.196))
    without = gradient_run({("tsallis", "both", 0, 0, 4): 1.0}, "bias_squared", **more)
    assert baseline_quality(bias_table({"sets": without}), 4) == []


def test_sparse_targets_compare_orders_on_each_task():
    """One half over every negative order, every order above one over one half; nothing without one half."""
    finals = {-1.0: 2.0, -0.5: 4.0, 0.5: 8.0, 2.0: 12.0}
    runs = {("hypergrid", a): curve([[9, 9], [v, v]], "l1") for a, v in finals.items()}
    runs |= {("gaussian_mixture", a): curve([[v, v]], "jsd") for a, v in {-1.0: 1.0, 0.7: 3.0}.items()}
    assert estimates(sparse_targets(runs)) == pytest.approx(
        {
            ("sparse", "hypergrid, α = -1"): 4,
            ("sparse", "hypergrid, α = -0.5"): 2,
            ("sparse_best", "hypergrid, α = 2"): 1.5,
        }
    )


def test_sensitivity_judges_each_choice_alone():
    """Final errors of every choice, the verdict it would give, and who fails there."""
    finals = {("rate", "0.1", "tb"): 4.0, ("rate", "0.1", "renyi"): 4.0, ("rate", "0.1", "tsallis"): 8.0}
    finals |= {("rate", "0.2", "tb"): 4.0, ("rate", "0.2", "renyi"): 1.0}
    finals |= {("reach", "3", "tb"): 1.0, ("reach", "3", "renyi"): 2.0}
    runs = {key: curve([[9, 9], [value, 2 * value]], "l1") for key, value in finals.items()}
    table = sensitivity_table(runs)
    assert table.set_index(["choice", "value", "objective"])["mean"].to_dict() == {
        k: 1.5 * v for k, v in finals.items()
    }
    changes = verdict_changes(runs)
    assert changes.verdict.to_dict() == {
        ("rate", "0.1"): "holds in part",
        ("rate", "0.2"): "holds",
        ("reach", "3"): "does not hold here",
    }
    assert changes["worse than TB"].tolist() == ["tsallis", "", "renyi"]


def test_every_source_of_evidence_answers_tests_of_its_claims():
    """From smoke runs that are made up: every test that a figure answers is a test of that claim, and every test has one."""
    claims, answered = load_claims(), set()
    for figure in SOURCES:
        settings = figure_settings(figure, "smoke")
        for claim, found in evidence_of(figure, settings, made_up(settings)).items():
            assert found
            assert {item.test for item in found} <= claims[claim]["tests"].keys()
            assert len({(item.test, item.subject) for item in found}) == len(found)
            answered |= {(claim, item.test) for item in found}
    wanted = {(claim, test) for claim, about in claims.items() for test in about["tests"]}
    assert wanted == answered


@pytest.mark.parametrize(("batch_size", "nearest"), [((2, 16, 128), 128), ((2, 8, 32), 32), ((64, 1024), 64)])
def test_variances_are_judged_at_the_batch_of_training(batch_size, nearest):
    """Or at what was measured nearest to it."""
    assert nearest_batch(figure_settings("fig2", "smoke", batch_size=batch_size)) == nearest
