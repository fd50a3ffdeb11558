"""Tables of the pages of Figures 1, 2, 5, 6, 7 and 9: on made-up runs whose answers are known, and on tiny real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gfn.environments import GaussianMixture, Hypergrid
from gfn.evaluation.accuracy import policy_density
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import Trainer
from gfn.study.evidence.gradient_tables import balance_variances, divergence_variances, plainly, reductions
from gfn.study.evidence.order_tables import order_densities, order_frame, order_table, start_density
from gfn.study.evidence.periods import median_seed, periods, typical
from gfn.study.results import Run, execute, to_frame

SMALL = {"policy": PolicySettings(hidden=(8,), components=2), "iterations": 2, "batch_size": 4, "evaluate_every": 1}
MIXTURE = TrainingSpec(task=GaussianMixture(side=2), seeds=(5, 3), density=12, resolution=16, **SMALL)
GRADIENTS = GradientSpec(objectives=(Objective(),))


def curve(values, metric="l1") -> Run:
    """A run whose metric takes these values, one row an evaluation, one column a seed."""
    rows = [
        {"iteration": i, "seed": seed, "metric": metric, "value": float(value)}
        for i, row in enumerate(values)
        for seed, value in enumerate(row)
    ]
    return Run(MIXTURE, pd.DataFrame(rows), {})


def measured(values, centred=False, **about) -> Run:
    """A run of gradient measurements: ``(objective, variate, log Z, stage, trajectories)`` to a variance, for two seeds."""
    rows = [
        {"objective": o, "control_variate": v, "log_z": z, "seed": s, "iteration": i, "trajectories": n}
        | {"metric": name, "value": x}
        for (o, v, z, i, n), value in values.items()
        for s, times in enumerate((0.5, 1.5))
        for name, x in {"variance": times * value, "variance_error": 0.1}.items()
    ]
    frame = pd.DataFrame(rows).assign(epsilon=np.nan, **about)
    return Run(GRADIENTS.model_copy(update={"centred": centred}), frame, {})


def test_a_start_is_the_policy_before_training():
    """Of each seed its own, whichever others are trained with it; x1 first."""
    policy = Trainer(MIXTURE).policy
    expected = policy_density(MIXTURE.task, policy, 12, MIXTURE.task.window).numpy()
    for seed, density in zip(MIXTURE.seeds, expected):
        np.testing.assert_allclose(start_density(MIXTURE, seed), density, rtol=1e-5)
    assert not np.allclose(expected[0], expected[1])


def test_orders_have_errors_and_masses():
    """A row a seed; masses where a density was kept."""
    grid = TrainingSpec(task=Hypergrid(side=3), seeds=(5, 3), **SMALL)
    specs = {("gaussian_mixture", "joint", 0.5): MIXTURE, ("hypergrid", "none", -1.0): grid}
    runs = {key: Run(spec, to_frame(spec, execute(spec)), {}) for key, spec in specs.items()}
    panels, notes = order_densities(runs, "gaussian_mixture", "joint", 3)
    assert list(panels) == ["target", "start", "α = 0.5"]
    np.testing.assert_array_equal(panels["start"], start_density(MIXTURE, 3))
    jsd = runs["gaussian_mixture", "joint", 0.5].frame.query("metric == 'jsd' and seed == 3").value
    assert notes == {"start": f"JSD {jsd.iloc[0]:.3f}", "α = 0.5": f"JSD {jsd.iloc[-1]:.3f}"}
    assert all(panel.shape == (12, 12) for panel in panels.values())
    table = order_table(runs)
    assert list(table.columns) == [
        *("task", "control_variate", "alpha", "seed", "error", "start", "missed", "stray", "run")
    ]
    assert table.task.tolist() == ["gaussian_mixture"] * 2 + ["hypergrid"] * 2
    assert table.alpha.tolist() == [0.5, 0.5, -1, -1]
    assert table.missed.notna().tolist() == table.stray.notna().tolist() == [True, True, False, False]
    frame = order_frame(runs)
    last = frame[frame.iteration == 2].set_index(["label", "seed"]).value
    for row in table.itertuples():
        assert row.error == last[row.task, row.seed]
    assert set(frame.metric) == {"jsd", "l1"}


def test_the_median_seed_is_the_one_in_the_middle():
    assert median_seed(curve([[9, 9, 9], [1, 3, 2]]), "l1") == 2
    assert median_seed(curve([[4, 1, 3, 2]]), "l1") == 3


def test_periods_leave_the_start_out():
    """The last quarter of the evaluations, at least one."""
    run = curve([[100], *([i] for i in range(8, 0, -1))])
    found = {name: values.item() for name, values in periods(run, "l1").items()}
    assert found == {"averaged over training": 4.5, "over the last quarter": 1.5, "at the end": 1}
    assert periods(curve([[7], [3]]), "l1")["over the last quarter"].item() == 3


def test_what_is_typical_is_a_median():
    """And not a number where it was not recorded."""
    assert typical(curve([[8, 8, 8], [1, 2, 9]]), "l1") == 2
    assert np.isnan(typical(curve([[1]]), "l1_error"))


def test_reductions_are_ratios_of_mean_variances():
    """In the order of the runs, for each stage; what is missing is leave-one-out under another name."""
    none, loo = {}, {}
    for stage, reduction in ((0, 4.0), (8, 20.0)):
        none |= {("renyi", v, None, stage, 4): 12 / r for v, r in {"none": 1, "loo": 2, "joint": reduction}.items()}
        loo |= {("reverse_kl", v, None, stage, 4): 12 / r for v, r in {"none": 1, "loo": 3}.items()}
    other = {("renyi", v, None, 0, 2): 1.0 for v in ("none", "loo", "joint")}
    runs = {
        ("sets", "renyi"): measured(none | other, task="sets"),
        ("sets", "reverse_kl"): measured(loo, task="sets"),
        ("sets", "reverse_kl_centred"): measured({k: v / 6 for k, v in loo.items()}, centred=True, task="sets"),
    }
    table = divergence_variances(runs)
    assert table.rewards.unique().tolist() == ["as they are", "divided by Z"]
    assert table.value[(table.trajectories == 4) & (table.control_variate == "none")].tolist() == [12] * 4 + [2, 2]
    found = reductions(table, 4)
    names = [("renyi", "as they are"), ("reverse_kl", "as they are"), ("reverse_kl", "divided by Z")]
    assert found.index.tolist() == [("sets", *name) for name in names]
    assert found.columns.tolist() == [(0, "loo"), (0, "joint"), (8, "loo"), (8, "joint")]
    np.testing.assert_allclose(found, [[2, 4, 2, 20], [3, np.nan, 3, np.nan], [3, np.nan, 3, np.nan]])


def test_balance_losses_are_on_the_scale_of_the_reverse_kl():
    """A quarter of TB's and VarGrad's, whose gradients are twice the divergence's; the exact log Z told from TB's own."""
    runs = {
        ("sets", start): measured(
            {
                ("tb", None, log_z, 8, 4): 80.0,
                ("tb", None, "known", 8, 4): 8.0,
                ("vargrad", None, None, 8, 4): 4.0,
                ("reverse_kl", "none", None, 8, 4): 60.0,
                ("reverse_kl", "loo", None, 8, 4): 1.5,
            },
            task="sets",
        )
        for start, log_z in (("tb", "learned"), ("tb_batch", "batch"))
    }
    table = balance_variances(runs)
    for start in ("tb", "tb_batch"):
        found = table[table.start == start].set_index(["objective", "control_variate"])
        expected = {("tb", "none"): 20, ("tb_known", "none"): 2, ("vargrad", "none"): 1}
        assert found.value.to_dict() == expected | {("reverse_kl", "none"): 60, ("reverse_kl", "loo"): 1.5}
        error = 1.96 * 0.1 / 2**0.5
        assert found.high["tb", "none"] == pytest.approx(20 + error / 4)
        assert found.low["reverse_kl", "none"] == pytest.approx(60 - error)


def test_real_measurements_fit_the_tables():
    """TB with its own log Z and the exact one, from one training."""
    others = (Objective(name="tb", log_z="known"), Objective(name="vargrad"), Objective(name="reverse_kl"))
    settings = {"policy": PolicySettings(hidden=(8,)), "seeds": (0,), "warmup": (0, 1), "batch_sizes": (4,)}
    spec = GradientSpec(task=Hypergrid(side=3), objectives=(Objective(), *others), replicates=4, **settings)
    table = balance_variances({("hypergrid", "tb"): Run(spec, to_frame(spec, execute(spec)), {})})
    assert sorted(table.objective.unique()) == ["reverse_kl", "tb", "tb_known", "vargrad"]
    assert (table.value > 0).all()
    assert len(table) == 2 * 4


@pytest.mark.parametrize(
    ("number", "text"),
    [(1234.5, "1,200"), (12.34, "12"), (1.26, "1.3"), (0.98765, "0.99"), (0.0123, "0.012"), (0.0, "0"), (np.nan, "–")],
)
def test_numbers_have_two_digits(number, text):
    assert plainly(number) == text
