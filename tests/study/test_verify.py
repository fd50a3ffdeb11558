"""Making stored runs again: what agrees, what does not, and what the command says of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gfn import cli
from gfn.environments import Banana, GaussianMixture, Sequences, Sets
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, TrainingSpec
from gfn.study import verify
from gfn.study.results import ResultError, execute, load_or_train, to_frame, write_run
from gfn.study.verify import choose, compare

POLICY = PolicySettings(hidden=(4,), components=2)
SETS = TrainingSpec(task=Sets(universe=4, size=2), policy=POLICY, seeds=(0, 1, 2), iterations=3, batch_size=4)
PLANAR = TrainingSpec(task=GaussianMixture(), policy=POLICY, seeds=(0, 1, 2), iterations=3, batch_size=4, resolution=16)
LARGE = TrainingSpec(task=Sequences(length=9), policy=POLICY, seeds=(0, 1, 2), iterations=2, batch_size=4, l1_objects=8)
GRADIENTS = GradientSpec(
    task=Sets(universe=4, size=2),
    objectives=(Objective(), Objective(name="renyi")),
    policy=POLICY,
    warmup=(0,),
    batch_sizes=(2, 8),
    replicates=8,
)
COSTS = CostSpec(
    task=Sets(universe=4, size=2), objectives=(Objective(), Objective(name="db")), policy=POLICY, rounds=2, warmup=1
)
CHAINS = ReferenceSpec(task=Banana(correlation=0.0), seeds=(0,), samples=40, warmup=20)


def trained(spec, metric, finals, early=9.0):
    """A run of ``spec`` with these final values, a column a seed, after other ones."""
    records = [
        {"iteration": iteration, "seed": seed, "metric": metric, "value": value}
        for iteration, values in ((0, [early] * len(finals)), (spec.iterations, finals))
        for seed, value in zip(spec.seeds, values)
    ]
    return to_frame(spec, records)


@pytest.mark.parametrize(
    ("spec", "metric", "stored", "new", "agrees"),
    [
        (SETS, "l1", [0.1, 0.1, 0.1], [0.1, 0.1, 0.1], True),
        (SETS, "l1", [0.1, 0.1, 0.1], [0.109, 0.109, 0.109], True),
        (SETS, "l1", [0.1, 0.1, 0.1], [0.12, 0.12, 0.12], False),
        (SETS, "l1", [0.1, 0.1, 0.1], [0.08, 0.08, 0.08], False),
        (SETS, "l1", [0.1, 0.15, 0.2], [0.2, 0.1, 0.12], True),
        (SETS, "l1", [0.1, 0.11, 0.12], [0.2, 0.21, 0.22], False),
        (SETS, "l1", [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], True),
        (PLANAR, "jsd", [0.1, 0.1, 0.1], [0.3, 0.3, 0.3], False),
        (LARGE, "elbo", [-5.0, -5.0, -5.0], [-5.05, -5.05, -5.05], True),
        (LARGE, "elbo", [20.0, 20.0, 20.0], [20.5, 20.5, 20.5], False),
        (LARGE, "elbo", [20.0, 21.0, 22.0], [21.0, 22.0, 23.0], True),
    ],
)
def test_final_values_agree_within_their_spread_over_seeds(spec, metric, stored, new, agrees):
    """By a tenth in any case, and by four standard errors; what came before the end does not count."""
    (row,) = compare(trained(spec, metric, stored, early=1.0), trained(spec, metric, new), spec).to_dict("records")
    assert row["metric"] == metric
    assert row["agrees"] == agrees
    assert (row["stored"], row["new"]) == pytest.approx((np.mean(stored), np.mean(new)))
    assert (row["difference"] <= row["allowed"]) == agrees
    assert row["allowed"] >= verify.FREE


@pytest.mark.parametrize(
    "spec", [SETS, PLANAR, LARGE, GRADIENTS, CHAINS, COSTS], ids=lambda s: f"{s.kind} {s.task.task}"
)
def test_the_same_run_agrees_with_itself(spec):
    """Made twice on this machine: no difference, and something was compared."""
    table = compare(to_frame(spec, execute(spec)), to_frame(spec, execute(spec)), spec)
    assert len(table) == (2 if spec is CHAINS else 1)
    assert table.agrees.all()
    assert (table.difference < 1e-9).all()


@pytest.mark.parametrize(("factor", "agrees"), [(1.05, True), (1.3, False), (0.5, False)])
def test_measured_variances_are_compared_one_by_one(factor, agrees):
    """A common factor is seen, however far apart the variances of different estimates lie."""
    stored = to_frame(GRADIENTS, execute(GRADIENTS))
    stored["value"] *= 10.0 ** (np.arange(len(stored)) % 7)
    table = compare(stored, stored.assign(value=stored.value * factor), GRADIENTS)
    assert table.agrees.tolist() == [agrees]


@pytest.mark.parametrize(
    ("metric", "factor", "agrees"), [("memory", 1.05, True), ("memory", 2, False), ("seconds", 9, True)]
)
def test_of_costs_memory_alone_is_compared(metric, factor, agrees):
    """Seconds are the machine's."""
    stored = to_frame(COSTS, execute(COSTS))
    changed = stored.metric == metric
    assert changed.any()
    table = compare(stored, stored.assign(value=stored.value.where(~changed, factor * stored.value)), COSTS)
    assert table.metric.tolist() == ["memory"]
    assert table.agrees.tolist() == [agrees]


def test_noise_in_measured_variances_is_allowed():
    """Each off by a third, up or down: no common factor."""
    stored = to_frame(GRADIENTS, execute(GRADIENTS))
    noise = np.exp(0.3 * np.random.default_rng(0).normal(size=len(stored)))
    assert compare(stored, stored.assign(value=stored.value * noise), GRADIENTS).agrees.all()


@pytest.mark.parametrize(("shift", "agrees"), [(0.0, True), (0.05, True), (3.0, False)])
def test_chains_are_compared_by_their_means(shift, agrees):
    draws = np.random.default_rng(1).normal(size=(2, 2, 400))
    frames = []
    for run in draws:
        rows = [
            {"seed": 0, "cell": c, "metric": m, "value": run[k, c]}
            for k, m in enumerate(("x1", "x2"))
            for c in range(400)
        ]
        frames.append(to_frame(CHAINS, rows))
    frames[1]["value"] += shift
    assert compare(*frames, CHAINS).agrees.tolist() == [agrees] * 2


def test_a_sample_of_the_store_is_random_and_repeats(tmp_path):
    """Without failed runs; all runs where there are fewer."""
    names = [f"{k:016x}" for k in range(20)]
    for name in (*names, "0.failed"):
        (tmp_path / f"{name}.parquet").touch()
    (tmp_path / "0.checkpoint").touch()
    chosen = choose(tmp_path, 5, 0)
    assert len({path.stem for path in chosen} & set(names)) == 5
    assert chosen == choose(tmp_path, 5, 0) != choose(tmp_path, 5, 1)
    assert {path.stem for path in choose(tmp_path, 99, 0)} == set(names)


@pytest.mark.parametrize("kind", ["empty", "absent", "failed runs alone"])
def test_a_store_without_results_is_refused(kind, tmp_path):
    store = tmp_path / "store"
    if kind != "absent":
        store.mkdir()
    if kind == "failed runs alone":
        (store / "0.failed.parquet").touch()
    with pytest.raises(ResultError, match="holds no results"):
        choose(store, 5, 0)


@pytest.fixture
def store(tmp_path):
    for spec in (SETS, PLANAR, GRADIENTS):
        load_or_train(spec, tmp_path)
    return tmp_path


def run_command(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(list(map(str, arguments)))
    return (left.value.code, *capsys.readouterr())


def test_the_command_makes_runs_again(store, capsys, monkeypatch):
    """Names each, shows the tables, and leaves the store alone; the default store is the published one."""
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    status, out, err = run_command(capsys, "verify", store, "--count", "2", "--seed", "3")
    assert (status, err) == (0, "")
    assert out.endswith("2 of 2 runs agree\n")
    assert out.count("allowed") == 2
    monkeypatch.setenv("GFN_RESULTS", str(store))
    status, out, err = run_command(capsys, "verify")
    assert out.endswith("3 of 3 runs agree\n")
    assert all(spec.hash in out for spec in (SETS, PLANAR, GRADIENTS))
    assert {path.name: path.read_bytes() for path in store.iterdir()} == before


def test_the_command_leaves_with_status_1_where_a_run_disagrees(store, capsys):
    """And says how many do agree."""
    path = store / f"{SETS.hash}.parquet"
    records = [record | {"value": 10 * record["value"]} for record in execute(SETS)]
    write_run(path, SETS, records)
    status, out, err = run_command(capsys, "verify", store)
    assert (status, err) == (1, "")
    assert out.endswith("2 of 3 runs agree\n")
    assert "False" in out


def test_the_command_refuses_what_is_no_store(store, capsys):
    """One sentence and status 2; a file that is no result too."""
    for path in (store / "absent", store / f"{SETS.hash}.parquet"):
        status, out, err = run_command(capsys, "verify", path)
        assert (status, out, err.count("\n")) == (2, "", 1)
    for path in store.iterdir():
        path.write_bytes(b"no")
    status, out, err = run_command(capsys, "verify", store)
    assert (status, out) == (2, "")
    assert err.startswith("gfn: ")
    assert "truncated or not a Parquet file" in err


def test_a_comparison_agrees_if_all_metrics_do():
    for values, agrees in (([True, True], True), ([True, False], False)):
        assert verify.Comparison(None, pd.DataFrame({"agrees": values})).agrees == agrees
