"""Sizes of trainings: the smallest of every task train under every objective; what cannot fit or end is refused at once."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import Banana, DAGs, GaussianMixture, Hypergrid, Phylogenetics, Sequences, Sets
from gfn.estimators import CONTROL_VARIATES
from gfn.policies import PolicySettings
from gfn.runs.objective import ALL_OBJECTIVES, Objective
from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, TrainingSpec
from gfn.runs.training import Trainer
from gfn.settings import SettingsError
from gfn.study import size
from gfn.study.paper import DIVERGENCES
from gfn.study.size import check_size, estimate

SMALLEST = [
    Sets(universe=1, size=1),
    Sets(universe=2, size=1),
    Sets(universe=2, size=2),
    Sequences(alphabet=1, length=1),
    Sequences(alphabet=2, length=1),
    Hypergrid(side=2, dimensions=1),
    DAGs(nodes=2, samples=3),
    Phylogenetics(alignment=(("a", "A"), ("b", "C"), ("c", "-"))),
    GaussianMixture(side=1),
    Banana(),
]
GOALS = [Objective(name=name) for name in ALL_OBJECTIVES if name not in DIVERGENCES]
GOALS += [Objective(name="tb", log_z=log_z) for log_z in ("known", "batch")]
GOALS += [Objective(name=name, control_variate=variate) for name in DIVERGENCES for variate in CONTROL_VARIATES]
SMALL = {"iterations": 1, "resolution": 8, "l1_objects": 4, "l1_orders": 1, "top_k": 1, "dtype": "float64"}


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.label)
@pytest.mark.parametrize("task", SMALLEST, ids=str)
def test_the_smallest_sizes_train(task, goal):
    """With one hidden unit and without any, one seed and two, and the smallest batch that is allowed."""
    for hidden, seeds, least in (((1,), (0,), 1), ((), (0, 1), 2)):
        batch = least if goal.hindrance(least) is None else 2
        policy = PolicySettings(hidden=hidden, components=1, gin_width=1)
        spec = TrainingSpec(task=task, objective=goal, policy=policy, seeds=seeds, batch_size=batch, **SMALL)
        assert check_size(spec) is None
        assert all(math.isfinite(record["value"]) for record in Trainer(spec).run())


@pytest.mark.parametrize("task", [{"universe": 0}, {"universe": 1, "size": 2}, {"size": 0}])
def test_sizes_below_are_refused(task):
    with pytest.raises(SettingsError, match=r"^(universe|size) = \d is not allowed: "):
        Sets(**task)


@pytest.mark.parametrize("taxa", [0, 1, 2])
def test_two_taxa_have_one_tree(taxa):
    with pytest.raises(SettingsError, match=f"^alignment of {taxa} taxa is not allowed: from 3 to 62$"):
        Phylogenetics(alignment=tuple((name, "A") for name in "ab"[:taxa]))


LARGEST = {
    "hidden": ({"policy": PolicySettings(hidden=(65536, 65536))}, r"hidden = \(65536, 65536\)"),
    "words": ({"task": Sequences(alphabet=256, length=256)}, "batch_size = 128"),
    "grid": ({"task": Hypergrid(side=4096, dimensions=64)}, "batch_size = 128"),
    "batch": ({"batch_size": 1_000_000}, "batch_size = 1000000"),
    "pairs of steps": (
        {"task": Hypergrid(side=4096, dimensions=2), "objective": Objective(name="subtb")},
        "batch_size = 128",
    ),
    "quadrature": ({"task": GaussianMixture(side=32), "resolution": 4096}, "resolution = 4096"),
    "objects": ({"l1_objects": 10**9}, "l1_objects = 1000000000"),
    "orders": ({"l1_orders": 10**9}, "l1_orders = 1000000000"),
    "evaluations": ({"iterations": 10**7, "evaluate_every": 1}, "evaluate_every = 1"),
    "seeds": ({"seeds": tuple(range(200_000))}, "batch_size = 128"),
    "graph network": (
        {
            "task": Phylogenetics(alignment=tuple((f"t{k}", "A") for k in range(62))),
            "policy": PolicySettings(gin_width=65536),
        },
        "(gin_width|batch_size) = ",
    ),
}


@pytest.mark.parametrize("case", LARGEST)
def test_what_does_not_fit_is_refused_before_anything_is_made(case, monkeypatch):
    """In one sentence with the setting to which most is due, at once."""
    given_, setting = LARGEST[case]
    monkeypatch.setattr(size, "memory_of", lambda device: 24e9)
    started = time.perf_counter()
    with pytest.raises(SettingsError, match=rf"^{setting}[^\n]* needs some [\d,]+ GB of memory, and there are 24$"):
        check_size(TrainingSpec(**given_))
    assert time.perf_counter() - started < 2


def test_what_does_not_end_is_refused_or_announced(monkeypatch):
    monkeypatch.setattr(size, "memory_of", lambda device: 24e9)
    monkeypatch.setattr(size.torch, "get_num_threads", lambda: 1)
    spec = TrainingSpec(task=Sets(universe=1024, size=512), iterations=10_000_000, evaluate_every=10_000_000)
    with pytest.raises(SettingsError, match=r"^iterations = 10000000 is not allowed: [^\n]+ days, at most 30$"):
        check_size(spec)
    spec = TrainingSpec(task=GaussianMixture(), density=1024, resolution=4096)
    assert check_size(spec).endswith("hours, mostly for resolution = 4096")


def test_memory_is_that_of_the_container(monkeypatch, tmp_path):
    whole = size.memory_of("cpu")
    assert whole > 1e8
    monkeypatch.setattr(size, "LIMIT", tmp_path / "limit")
    (tmp_path / "limit").write_text("1000\n")
    assert size.memory_of("cpu") == 1000
    (tmp_path / "limit").write_text("max\n")
    assert size.memory_of("cpu") >= whole


tasks = st.one_of(
    st.integers(1, 1024).flatmap(lambda n: st.builds(Sets, universe=st.just(n), size=st.integers(1, n))),
    st.builds(Sequences, alphabet=st.integers(1, 256), length=st.integers(1, 256)),
    st.builds(Hypergrid, side=st.integers(2, 4096), dimensions=st.integers(1, 64)),
    st.builds(DAGs, nodes=st.integers(2, 32)),
    st.builds(GaussianMixture, side=st.integers(1, 32)),
    st.builds(Banana),
    st.integers(3, 62).map(lambda n: Phylogenetics(alignment=tuple((f"t{k}", "A") for k in range(n)))),
)
specs = st.builds(
    TrainingSpec,
    task=tasks,
    objective=st.sampled_from([Objective(name=name) for name in ALL_OBJECTIVES]),
    policy=st.builds(
        PolicySettings,
        hidden=st.lists(st.integers(1, 65536), max_size=3).map(tuple),
        components=st.integers(1, 1024),
        gin_layers=st.integers(1, 16),
        gin_width=st.integers(1, 65536),
    ),
    batch_size=st.integers(2, 10**6),
    iterations=st.integers(1, 10**7),
    evaluate_every=st.integers(1, 10**9),
    l1_objects=st.integers(4, 10**9),
    l1_orders=st.integers(1, 10**9),
    resolution=st.integers(8, 4096),
    dtype=st.sampled_from(["float32", "float64"]),
)


@given(specs, st.sampled_from(["batch_size", "iterations", "l1_objects", "resolution", "seeds"]))
def test_every_size_has_an_estimate_which_grows(spec, setting):
    """Finite, positive, and of a larger setting no less; refused or not, in one sentence."""
    larger = {"resolution": 4096, "seeds": (0, 1, 2, 3)}.get(setting, 10**6 if setting == "batch_size" else 10**7)
    more = spec.model_copy(update={setting: max(larger, getattr(spec, setting))})
    for amounts, grown in zip(estimate(spec), estimate(more)):
        assert all(0 <= amount < math.inf for amount in amounts.values())
        assert 0 < sum(amounts.values()) <= sum(grown.values()) * (1 + 1e-9)
    try:
        check_size(spec)
    except SettingsError as error:
        assert "\n" not in str(error)


MEASURED = {  # bytes, seconds of one core: what a run took, once
    "table": (TrainingSpec(task=Sets(universe=18, size=9), iterations=4, evaluate_every=2), 338e6, 2.3),
    "wide": (
        TrainingSpec(policy=PolicySettings(hidden=(6000, 6000)), iterations=3, seeds=(0,), batch_size=8),
        1019e6,
        91,
    ),
    "density": (TrainingSpec(task=GaussianMixture(), resolution=2048, density=512, iterations=2), 1478e6, 10.4),
    "large sets": (
        TrainingSpec(task=Sets(universe=1024, size=128), batch_size=32, iterations=2, evaluate_every=9, seeds=(0,)),
        821e6,
        36.3,
    ),
    "batch": (TrainingSpec(batch_size=20000, iterations=2, seeds=(0,), evaluate_every=9), 911e6, 3.5),
    "costs": (
        CostSpec(objectives=(Objective(name="subtb"), Objective(name="renyi"), Objective()), batch_size=8192, rounds=5),
        712e6,
        19.1,
    ),
    "gradients": (
        GradientSpec(
            task=Sets(),
            objectives=(Objective(name="renyi"), Objective()),
            seeds=(0,),
            warmup=(0,),
            batch_sizes=(256,),
            replicates=512,
        ),
        756e6,
        10.6,
    ),
}


@pytest.mark.parametrize("case", MEASURED)
def test_estimates_are_near_what_was_measured(case):
    """Within a factor of six."""
    spec, memory, seconds = MEASURED[case]
    for amounts, measured in zip(estimate(spec), (memory, seconds)):
        assert 1 / 6 < sum(amounts.values()) / measured < 6


def test_nothing_of_the_paper_is_refused_or_large(monkeypatch):
    from gfn.study.experiments import FIGURES, PROFILES, runs

    monkeypatch.setattr(size, "memory_of", lambda device: 2e9)
    monkeypatch.setattr(size.torch, "get_num_threads", lambda: 1)
    specs = {key: spec for name in FIGURES for profile in PROFILES[name] for key, spec in runs(name, profile).items()}
    assert {spec.kind for spec in specs.values()} == {"training", "gradient", "reference", "cost", "rival"}
    assert {check_size(spec) for spec in specs.values()} == {None}


MEASUREMENT = GradientSpec(task=Sets(), objectives=(Objective(),))


@pytest.mark.parametrize(
    ("spec", "setting"),
    [
        (MEASUREMENT.model_copy(update={"replicates": 10**9}), "replicates = 1000000000"),
        (MEASUREMENT.model_copy(update={"batch_sizes": (2, 10**9)}), r"batch_sizes = \(2, 1000000000\)"),
        (ReferenceSpec(samples=10**9), "samples = 1000000000"),
        (CostSpec(objectives=(Objective(),), batch_size=10**6), "batch_size = 1000000"),
    ],
)
def test_measurements_and_chains_have_sizes_too(spec, setting, monkeypatch):
    """Which no limit of a setting bounds."""
    monkeypatch.setattr(size, "memory_of", lambda device: 24e9)
    with pytest.raises(SettingsError, match=rf"^{setting} is not allowed here: it needs some [\d,]+ GB of memory"):
        check_size(spec)
