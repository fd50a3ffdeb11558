"""Specifications: their hash names them, JSON keeps them whole, and what does not fit together is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import Banana, GaussianMixture, Sequences, Sets
from gfn.estimators import CONTROL_VARIATES, DIVERGENCES
from gfn.policies import PolicySettings
from gfn.runs.draws import Draws
from gfn.runs.objective import Objective
from gfn.runs.off_policy import OffPolicy
from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, TrainingSpec, parse_spec
from gfn.settings import SettingsError

SPECS = [
    TrainingSpec(),
    TrainingSpec(task=Banana(), objective=Objective(name="renyi", alpha=-2), seeds=(5,), density=10),
    GradientSpec(objectives=(Objective(), Objective(name="tsallis", alpha=0.1)), task=Sequences()),
    ReferenceSpec(samples=7),
]


def number(low, high):
    """Numbers without -0.0, which equals 0.0 and is written in another way."""
    return st.floats(low, high).map(lambda x: x + 0.0)


tasks = st.one_of(
    st.builds(
        Sets, universe=st.integers(6, 40), size=st.integers(1, 6), low=number(-3, 0), task_seed=st.integers(0, 9)
    ),
    st.builds(Sequences, alphabet=st.integers(1, 9), length=st.integers(1, 9), g_high=number(0, 5)),
    st.builds(GaussianMixture, side=st.integers(1, 5), spacing=number(0.1, 5), scale=number(0.1, 5)),
    st.builds(Banana, correlation=number(-0.9, 0.9)),
)
objectives = st.one_of(
    st.builds(Objective, log_z=st.sampled_from(["known", "batch"])),
    st.builds(Objective, log_z_start=number(-9, 9)),
    st.builds(
        Objective,
        name=st.sampled_from(["renyi", "tsallis"]),
        alpha=number(-5, -0.1) | number(1.1, 5),
        control_variate=st.sampled_from(["none", "loo", "joint"]),
    ),
    st.builds(
        Objective,
        name=st.sampled_from(["reverse_kl", "tsallis"]),
        control_variate=st.sampled_from(["score", "both"]),
        epsilon=number(0, 2),
    ),
)
common = {
    "policy": st.builds(PolicySettings, hidden=st.lists(st.integers(1, 99), max_size=3).map(tuple)),
    "seeds": st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=4, unique=True).map(tuple),
}
trainings = st.builds(
    TrainingSpec,
    task=tasks,
    objective=objectives,
    iterations=st.integers(1, 999),
    batch_size=st.integers(2, 99),
    learning_rate=number(1e-9, 1),
    dtype=st.sampled_from(["float32", "float64"]),
    **common,
)
measurable = st.lists(objectives.filter(lambda o: o.log_z in (None, "known")), min_size=1, max_size=3).map(tuple)
gradients = st.builds(
    GradientSpec, task=tasks, objectives=measurable, trainer=objectives, centred=st.booleans(), **common
)
references = st.builds(ReferenceSpec, task=st.builds(Banana), seeds=common["seeds"], samples=st.integers(4, 99))
discrete_or_not = objectives.filter(lambda o: o.baseline != "last")
costs = st.builds(
    CostSpec,
    task=tasks,
    objectives=st.lists(discrete_or_not, min_size=1, max_size=3, unique=True).map(tuple),
    seeds=st.integers(0, 2**63 - 1).map(lambda seed: (seed,)),
    batch_size=st.integers(2, 99),
    rounds=st.integers(1, 99),
)
specs = st.one_of(trainings, gradients, references, costs)


@given(specs)
def test_json_keeps_a_specification_whole(spec):
    """Equal, of the same kind, under the same hash, from text and from bytes."""
    for text in (
        spec.model_dump_json(),
        spec.model_dump_json().encode(),
        json.dumps(json.loads(spec.model_dump_json())),
    ):
        again = parse_spec(text)
        assert type(again) is type(spec)
        assert again == spec
        assert again.hash == spec.hash


@given(specs, specs)
def test_hashes_are_equal_for_equal_specifications_alone(one, other):
    assert (one == other) == (one.hash == other.hash)
    assert len(one.hash) == 16
    assert int(one.hash, 16) >= 0


CHANGES = {
    "task": Sets(task_seed=1),
    "objective": Objective(log_z="known"),
    "policy": PolicySettings(components=15),
    "seeds": (0, 2, 1),
    "iterations": 513,
    "batch_size": 129,
    "draws": Draws(scheme="common"),
    "off_policy": OffPolicy(exploration=0.1),
    "measures": True,
    "learning_rate": 0.001 + 1e-12,
    "log_z_learning_rate": 0.2,
    "evaluate_every": 17,
    "l1_objects": 130,
    "l1_orders": 33,
    "resolution": 257,
    "top_k": 99,
    "mode_fractions": (0.5, 0.25, 0.75),
    "dtype": "float64",
}


@pytest.mark.parametrize("start", [1e39, -1e39])
def test_log_z_starts_within_the_precision_of_the_networks(start):
    objective = Objective(log_z_start=start)
    with pytest.raises(
        SettingsError, match=r"^log_z_start = -?1e\+39 is not allowed with dtype float32: at most 3.4e\+38"
    ):
        TrainingSpec(objective=objective)
    assert TrainingSpec(objective=objective, dtype="float64").objective.log_z_start == start
    assert TrainingSpec(objective=Objective(log_z_start=start / 10))


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.251, 0.25), (0.1, 0.9, 0.104), (0.001, 0.004), (0.999, 1)])
def test_mode_fractions_differ_in_whole_per_cent(fractions):
    """By which their records are told apart."""
    with pytest.raises(
        SettingsError, match=r"^mode_fractions = \(.+\) is not allowed: they must differ in whole per cent$"
    ):
        TrainingSpec(mode_fractions=fractions)
    assert TrainingSpec(mode_fractions=(0.1, 0.106, 0.99, 1))


def test_every_setting_counts_in_the_hash():
    """The density, which needs a planar task, on one; and every kind is another specification."""
    assert CHANGES.keys() == TrainingSpec.model_fields.keys() - {"kind", "density"}
    found = {TrainingSpec(**{name: value}).hash for name, value in CHANGES.items()}
    found |= {TrainingSpec(task=Banana(), density=d).hash for d in (0, 1)} | {spec.hash for spec in SPECS}
    assert len(found) == len(CHANGES) + 2 + len(SPECS)


def test_the_order_in_which_settings_are_given_does_not_count():
    assert TrainingSpec(iterations=3, seeds=[1]).hash == TrainingSpec(seeds=(1,), iterations=3).hash
    assert (
        TrainingSpec(objective=Objective(name="renyi", alpha=2)).hash
        == TrainingSpec(objective={"alpha": 2.0, "name": "renyi"}).hash
    )


def test_hashes_are_the_same_in_every_process():
    """Whatever Python's own hashes are seeded with."""
    script = "import sys; from gfn.runs.spec import parse_spec; [print(parse_spec(line).hash) for line in sys.stdin]"
    lines = "\n".join(spec.model_dump_json() for spec in SPECS)
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert done.stdout.split() == [spec.hash for spec in SPECS]


@given(st.sampled_from(SPECS), st.data())
def test_what_is_no_specification_is_refused_in_a_sentence(spec, data):
    """A broken text, an unknown kind, an unknown setting, a wrong type."""
    values = json.loads(spec.model_dump_json())
    text = spec.model_dump_json()
    broken = {
        "truncated": text[: data.draw(st.integers(0, len(text) - 1))],
        "no kind": json.dumps({name: value for name, value in values.items() if name != "kind"}),
        "unknown kind": json.dumps({**values, "kind": "dream"}),
        "unknown setting": json.dumps({**values, "momentum": 0.9}),
        "wrong type": json.dumps({**values, "seeds": {"a": 1}}),
        "a list": "[]",
    }
    kind = data.draw(st.sampled_from(sorted(broken)))
    with pytest.raises(SettingsError) as caught:
        parse_spec(broken[kind])
    assert "\n" not in str(caught.value)


LOO, BOTH = (Objective(name="reverse_kl", control_variate=variate) for variate in ("loo", "both"))
LAST = Objective(name="tb", baseline="last")
REFUSED = [
    (TrainingSpec, {"batch_size": 1, "objective": LOO}, "batch_size = 1", "leave-one-out needs at least 2"),
    (TrainingSpec, {"batch_size": 1, "objective": BOTH}, "batch_size = 1", "control variate both"),
    (TrainingSpec, {"density": 8}, "density = 8", "task sets"),
    (TrainingSpec, {"density": 8, "task": Sequences()}, "density = 8", "task sequences"),
    (TrainingSpec, {"seeds": ()}, "seeds = ()", "at least one"),
    (TrainingSpec, {"seeds": (1, 2, 1)}, "seeds = (1, 2, 1)", "must differ"),
    (TrainingSpec, {"seeds": (2**63,)}, "seeds.0", "less than"),
    (TrainingSpec, {"seeds": 3}, "seeds = 3", "tuple"),
    (TrainingSpec, {"task": {"task": "chess"}}, "task", "chess"),
    (TrainingSpec, {"objective": {"name": "renyi", "alpha": 1}}, "alpha = 1", "reverse KL"),
    (GradientSpec, {"objectives": (LOO,), "exact": True, "task": Banana()}, "exact = True", "task banana"),
    (
        GradientSpec,
        {"objectives": (LOO, Objective(name="tb", baseline="scalar")), "exact": True},
        "baseline = scalar",
        "only the training of the same objective has that baseline",
    ),
    (
        GradientSpec,
        {"objectives": (Objective(name="renyi", alpha_end=0.25),)},
        "alpha_end = 0.25",
        "gradients have one order",
    ),
    (
        GradientSpec,
        {"objectives": (LAST,), "trainer": LAST, "centred": True},
        "centred = True",
        "it has the rewards as they are",
    ),
    (
        TrainingSpec,
        {"objective": LAST, "task": Banana()},
        "baseline = last is not allowed for task banana",
        "its last choice is among infinitely many",
    ),
    (GradientSpec, {}, "objectives", "missing"),
    (
        GradientSpec,
        {"objectives": (LOO,), "batch_sizes": (8, 1)},
        "batch_sizes with 1",
        "leave-one-out needs at least 2",
    ),
    (GradientSpec, {"objectives": (LOO,), "batch_sizes": (8, 0)}, "batch_sizes.1 = 0", "greater than or equal to 1"),
    (GradientSpec, {"objectives": (LOO,), "replicates": 1}, "replicates = 1", "greater than or equal to 2"),
    (GradientSpec, {"objectives": (Objective(name="subtb"),)}, "objectives with subtb", "whole trajectories"),
    (GradientSpec, {"objectives": (Objective(log_z="batch"),)}, "log_z = batch", "with trainer tb: "),
    (GradientSpec, {"objectives": (Objective(),), "trainer": LOO}, "log_z = learned", "log_z = known needs none"),
    (CostSpec, {"objectives": ()}, "objectives", "at least 1 item"),
    (CostSpec, {"objectives": (LOO, LOO)}, "objectives", "name one twice"),
    (CostSpec, {"objectives": (LOO,), "batch_size": 1}, "batch_size = 1", "leave-one-out needs at least 2"),
    (CostSpec, {"objectives": (LAST,), "task": Banana()}, "baseline = last", "task banana"),
    (CostSpec, {"objectives": (LOO,), "seeds": (0, 1)}, "seeds = (0, 1)", "at most 1 item"),
    (CostSpec, {"objectives": (LOO,), "rounds": 0}, "rounds = 0", "greater than or equal to 1"),
    (ReferenceSpec, {"task": Sets()}, "task", "Banana"),
    (ReferenceSpec, {"samples": 3}, "samples = 3", "greater than or equal to 4"),
    (ReferenceSpec, {"seeds": (0, 0)}, "seeds = (0, 0)", "must differ"),
]


@pytest.mark.parametrize(("kind", "settings", "value", "allowed"), REFUSED, ids=lambda x: getattr(x, "__name__", None))
def test_what_does_not_fit_together_is_refused(kind, settings, value, allowed):
    """One sentence with the value and what is wrong about it."""
    with pytest.raises(SettingsError) as caught:
        kind(**settings)
    assert value in str(caught.value)
    assert allowed in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("variate", CONTROL_VARIATES)
@pytest.mark.parametrize("name", DIVERGENCES)
def test_single_trajectories_are_allowed_without_leave_one_out(name, variate):
    objective = Objective(name=name, control_variate=variate)
    if variate in ("none", "score") and name != "renyi":
        assert TrainingSpec(batch_size=1, objective=objective).batch_size == 1
    else:
        with pytest.raises(SettingsError, match="at least 2 trajectories"):
            TrainingSpec(batch_size=1, objective=objective)
