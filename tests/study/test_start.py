"""What the start of log Z costs TB: on made-up runs whose answers are known, and on small real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gfn.environments import GaussianMixture, Sets
from gfn.policies import PolicySettings
from gfn.runs.spec import TrainingSpec
from gfn.study.evidence import start
from gfn.study.evidence.start import (
    ARRIVED,
    arrivals,
    deficit_sentence,
    deficit_table,
    deficits,
    errors,
    log_z_frame,
    true_log_z,
)
from gfn.study.evidence.tables import late, over_training
from gfn.study.experiments.tasks import contender
from gfn.study.paper import margin
from gfn.study.plotting.style import TASKS
from gfn.study.results import Run, execute, to_frame

SPEC = TrainingSpec(task=Sets(universe=4, size=2))
PLANAR = TrainingSpec(task=GaussianMixture(side=1))


@pytest.fixture(autouse=True)
def no_margin(monkeypatch):
    """Made-up errors count as they are."""
    monkeypatch.setattr(start, "margin", lambda metric: 0.0)


def curve(values, metric="l1", spec=SPEC) -> Run:
    """A run whose metric takes these values: a row an evaluation, 8 iterations apart, a column a seed."""
    rows = [
        {"iteration": 8 * i, "trajectories": 16 * i, "seed": seed, "metric": metric, "value": value}
        for i, row in enumerate(values)
        for seed, value in enumerate(row)
    ]
    return Run(spec, pd.DataFrame(rows).assign(objective="tb", cell=None), {})


def level(*seeds) -> Run:
    """Errors that stay where they are, but for the start, which does not count."""
    return curve([[9.0] * len(seeds), *([list(seeds)] * 4)])


def test_errors_are_averaged_after_the_start():
    """Over the whole of training, or over what comes after three quarters of its iterations."""
    run = curve([[100, 200], [8, 16], [4, 8], [2, 4], [2, 0]])
    assert errors(run).tolist() == [4, 7] == over_training(run, "l1").tolist()
    assert errors(run, at_end=True).tolist() == [2, 0] == late(run, "l1").tolist()
    long = curve([[9.0]] + [[float(n)] for n in range(1, 17)])
    assert late(long, "l1").tolist() == [(13 + 14 + 15 + 16) / 4]


def test_shares_are_of_the_same_seeds_logarithms():
    """All of the deficit where a remedy is as good as the reverse KL, none where it is TB, half at the geometric mean."""
    runs = {
        ("sets", "tb"): level(4.0, 9.0),
        ("sets", "reverse_kl"): level(1.0, 1.0),
        ("sets", "tb_known"): level(1.0, 1.0),
        ("sets", "tb_batch"): level(2.0, 9.0),
    }
    table = deficits(runs)
    assert table.columns.tolist() == ["task", "start", "seed", "deficit", "tb_batch", "tb_known"]
    np.testing.assert_allclose(table.deficit, np.log([4, 9]))
    np.testing.assert_allclose(table.tb_known, [1, 1])
    np.testing.assert_allclose(table.tb_batch, [0.5, 0], atol=1e-12)
    shown = deficit_table(runs).loc[("sets", "tb")]
    assert shown.to_dict() == {
        "factor": "6.50 (4.00 to 9.00)",
        "tb_batch": "25 % (0 % to 50 %)",
        "tb_known": "100 % (100 % to 100 %)",
    }
    assert "behind the reverse KL in every seed on 1 of 1 tasks (Sets)" in deficit_sentence(runs, TASKS)
    assert "Of this deficit 25 % (25 % to 25 %) vanishes with log Z from a first batch, and 100 %" in deficit_sentence(
        runs, TASKS
    )


def test_a_deficit_within_the_noise_is_none():
    """Where a seed of TB is ahead, no share is shown; other starts of the same task are rows of their own."""
    runs = {
        ("banana", "tb"): level(2.0, 0.5),
        ("banana", "tb_away"): level(2.0, 3.0),
        ("banana", "reverse_kl"): level(1.0, 1.0),
        ("banana", "tb_batch"): level(1.0, 1.0),
        ("banana", "tb_known"): level(1.0, 1.0),
        ("dags", "reverse_kl"): level(1.0, 1.0),
    }
    table = deficit_table(runs)
    assert table.index.tolist() == [("banana", "tb"), ("banana", "tb_away")]
    assert table.loc[("banana", "tb"), ["tb_batch", "tb_known"]].tolist() == ["no deficit"] * 2
    assert table.loc[("banana", "tb_away"), "tb_known"] == "100 % (100 % to 100 %)"
    assert deficit_sentence(runs, TASKS).endswith("on no task.")


def test_the_last_quarter_is_judged_by_itself():
    """A deficit that is made up for in time."""
    runs = {
        ("sets", "tb"): curve([[9.0], [8], [4], [2], [1]]),
        ("sets", "reverse_kl"): curve([[9.0], [1], [1], [1], [1]]),
        ("sets", "tb_batch"): curve([[9.0], [1], [1], [1], [1]]),
        ("sets", "tb_known"): curve([[9.0], [1], [1], [1], [1]]),
    }
    assert deficits(runs).deficit.tolist() == pytest.approx([np.log(15 / 4)])
    assert deficits(runs, at_end=True).deficit.tolist() == [0]
    assert deficit_sentence(runs, TASKS, at_end=True).startswith("In the last quarter of training, TB")


def test_log_z_has_arrived_where_it_stays():
    """From the first evaluation on after which the median over seeds is near the truth for good; at once, or never."""
    truth = GaussianMixture(side=1).log_z
    travels = {
        "tb": [[truth], [truth + 3], [truth + ARRIVED / 2], [truth]],
        "tb_away": [[truth - 20], [truth], [truth - 1], [truth - 1]],
        "tb_batch": [[truth + 0.1], [truth], [truth], [truth - 0.1]],
    }
    runs = {("gaussian_mixture", line): curve(values, "log_z", PLANAR) for line, values in travels.items()}
    runs["gaussian_mixture", "tb_known"] = curve([[0.1]], "jsd", PLANAR)
    table = arrivals(runs).set_index("line")
    assert table.iteration.to_dict() == pytest.approx({"tb": 16, "tb_away": np.nan, "tb_batch": 0}, nan_ok=True)
    assert table["first"].tolist() == pytest.approx([truth, truth - 20, truth + 0.1])
    assert table["last"].tolist() == pytest.approx([truth, truth - 1, truth - 0.1])
    assert true_log_z(runs) == {"gaussian_mixture": pytest.approx(0, abs=1e-9)}
    frame = log_z_frame(runs)
    assert frame.groupby("objective").size().to_dict() == {"tb": 4, "tb_away": 4, "tb_batch": 4}
    assert set(frame.label) == {"gaussian_mixture"}


def test_real_runs_tell_the_starts_apart():
    """TB with Z known has no travel; from a batch it starts nearer to the truth than from 0."""
    task, runs = Sets(universe=8, size=4), {}
    for line in ("tb", "tb_batch", "tb_known", "reverse_kl"):
        spec = TrainingSpec(
            task=task,
            objective=contender(line),
            policy=PolicySettings(hidden=(8,)),
            seeds=(0, 1),
            iterations=4,
            batch_size=16,
            evaluate_every=1,
        )
        runs["sets", line] = Run(spec, to_frame(spec, execute(spec)), {})
    table = arrivals(runs).set_index("line")
    assert table.index.tolist() == ["tb", "tb_batch"]
    assert table["first"]["tb"] == 0
    assert abs(table["first"]["tb_batch"] - task.log_z) < abs(task.log_z) / 2
    found = deficits(runs)
    assert found.seed.tolist() == [0, 1]
    assert np.isfinite(found.drop(columns=["task", "start"])).all(axis=None)


def test_errors_as_small_as_noise_make_no_deficit(monkeypatch):
    """Twice nearly nothing is nothing; twice a large error is nearly that."""
    monkeypatch.setattr(start, "margin", margin)
    tiny, large = ({("sets", "tb"): level(2 * e), ("sets", "reverse_kl"): level(e)} for e in (1e-4, 1.0))
    small, big = (deficits(runs).deficit.item() for runs in (tiny, large))
    assert small < 0.01
    assert np.log(1.9) < big < np.log(2)
