"""Objectives as settings: what is filled in, what is refused, what is kept."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gfn.estimators import (
    CONTROL_VARIATES,
    DIVERGENCES,
    detailed_balance,
    devgrad,
    f_trajectory_balance,
    forward_kl,
    jensen_shannon_balance,
    log_partition_variance,
    renyi,
    reverse_kl,
    subtrajectory_balance,
    trajectory_balance,
    tsallis,
)
from gfn.estimators.control_variates import EPSILON
from gfn.runs.objective import ALL_OBJECTIVES, DECAY, Objective
from gfn.sampling import rollout
from gfn.settings import SettingsError
from tests.helpers import SMALL_TASKS, generators, gradients, small_policy

OWN = {name: {"control_variate": "joint"} for name in DIVERGENCES}
OWN |= {
    "tb": {"log_z": "learned", "log_z_start": 0.0, "baseline": None},
    "db": {"log_z": "learned", "log_z_start": 0.0},
    "subtb": {"log_z": "learned", "log_z_start": 0.0, "decay": DECAY},
    "vargrad": {},
    "f_tb": {"alpha": 0.5, "log_z": "batch"},
    "js_tb": {"log_z": "batch"},
    "devgrad": {"alpha": 0.5},
}
for _name in ("renyi", "tsallis"):
    OWN[_name] |= {"alpha": 0.5, "alpha_end": None}
GIVEN = {
    "alpha": -2.0,
    "alpha_end": 0.25,
    "control_variate": "loo",
    "epsilon": 0.5,
    "log_z": "known",
    "log_z_start": 3.0,
    "baseline": "last",
    "decay": 0.4,
}


@pytest.mark.parametrize("name", ALL_OBJECTIVES)
def test_defaults_are_filled(name):
    """Own settings get their defaults, all others are None, and saying None is saying nothing."""
    filled = Objective(name=name)
    assert filled.model_dump() == {"name": name, **dict.fromkeys(GIVEN), **OWN[name]}
    assert Objective(name=name, **dict.fromkeys(GIVEN)) == filled


def test_the_default_objective_is_tb():
    assert Objective() == Objective(name="tb", log_z="learned", log_z_start=0)


@pytest.mark.parametrize(("name", "foreign"), [(n, f) for n in ALL_OBJECTIVES for f in GIVEN if f not in OWN[n]])
def test_foreign_settings_are_refused(name, foreign):
    """In one sentence with the setting, its value and the objective."""
    with pytest.raises(
        SettingsError,
        match=rf"^{foreign} = {GIVEN[foreign]!r} is not allowed with objective {name}[^:\n]*: it takes [^\n]+$",
    ):
        Objective(name=name, **{foreign: GIVEN[foreign]})


@pytest.mark.parametrize(("name", "own"), [(n, o) for n in ALL_OBJECTIVES for o in GIVEN if o in OWN[n]])
def test_own_settings_are_kept(name, own):
    assert getattr(Objective(name=name, **{own: GIVEN[own]}), own) == GIVEN[own]


@pytest.mark.parametrize("alpha", [0, 1, -3.0, 1 + 1e-9])
@pytest.mark.parametrize("name", ["f_tb", "devgrad"])
def test_losses_have_every_order(name, alpha):
    """Those of divergences, 0 and 1, too."""
    assert Objective(name=name, alpha=alpha).alpha == alpha


@pytest.mark.parametrize("name", ["f_tb", "js_tb"])
def test_a_learned_log_z_of_a_loss_has_a_start(name):
    """If it is asked for; by default it is that of a first batch."""
    assert Objective(name=name, log_z="learned") == Objective(name=name, log_z="learned", log_z_start=0)
    with pytest.raises(SettingsError, match=f"^log_z_start = 1.0 is not allowed with objective {name} batch: "):
        Objective(name=name, log_z_start=1.0)


@pytest.mark.parametrize("variate", CONTROL_VARIATES)
@pytest.mark.parametrize("name", DIVERGENCES)
def test_epsilon_belongs_to_the_score_control_variate(name, variate):
    """There it has a default and can be given; elsewhere it is None, and refused."""
    if variate in ("score", "both"):
        assert Objective(name=name, control_variate=variate).epsilon == EPSILON
        assert Objective(name=name, control_variate=variate, epsilon=0.0).epsilon == 0
    else:
        assert Objective(name=name, control_variate=variate).epsilon is None
        sentence = f"epsilon = 0.0 is not allowed with objective {name} {variate}: it takes "
        with pytest.raises(SettingsError, match=f"^{sentence}"):
            Objective(name=name, control_variate=variate, epsilon=0.0)


@pytest.mark.parametrize("log_z", ["known", "batch"])
def test_only_a_learned_log_z_has_a_start(log_z):
    assert Objective(log_z=log_z).log_z_start is None
    with pytest.raises(SettingsError, match=f"^log_z_start = 0.0 is not allowed with objective tb {log_z}: "):
        Objective(log_z=log_z, log_z_start=0.0)


BAD = [
    ({"name": "renyi", "alpha": 1}, "alpha", "reverse KL"),
    ({"name": "tsallis", "alpha": 1.0}, "alpha", "reverse KL"),
    ({"name": "tsallis", "alpha": 0}, "alpha", "0"),
    ({"name": "renyi", "alpha": float("nan")}, "alpha", "nan"),
    ({"name": "renyi", "alpha": float("inf")}, "alpha", "inf"),
    ({"name": "renyi", "alpha": "half"}, "alpha", "half"),
    ({"name": "reverse_kl", "control_variate": "vargrad"}, "control_variate", "vargrad"),
    ({"name": "reverse_kl", "control_variate": "vargrad", "epsilon": 0.1}, "control_variate", "vargrad"),
    ({"name": "reverse_kl", "control_variate": "both", "epsilon": -0.1}, "epsilon", "-0.1"),
    ({"name": "tb", "log_z": "guessed", "log_z_start": 1.0}, "log_z", "guessed"),
    ({"name": "tb", "log_z_start": float("inf")}, "log_z_start", "inf"),
    ({"name": "tb", "log_z": "guessed"}, "log_z", "guessed"),
    ({"name": "jensen_shannon"}, "name", "jensen_shannon"),
    ({"name": None}, "name", "None"),
    (
        {"name": "tb", "beta": 3},
        "beta",
        "known settings: alpha, alpha_end, baseline, control_variate, decay, epsilon, log_z, log_z_start, name",
    ),
]


@pytest.mark.parametrize(("settings", "field", "value"), BAD, ids=str)
def test_bad_settings(settings, field, value):
    """One sentence, naming the field and the value or what is allowed."""
    with pytest.raises(SettingsError) as caught:
        Objective(**settings)
    message = str(caught.value)
    assert field in message
    assert value in message
    assert "\n" not in message


@st.composite
def objectives(draw):
    name = draw(st.sampled_from(ALL_OBJECTIVES))
    values = {
        "alpha": st.floats(-5, 5).filter(lambda a: abs(a) > 1e-6 and a != 1),
        "control_variate": st.sampled_from(list(CONTROL_VARIATES)),
        "epsilon": st.floats(0, 10),
        "log_z": st.sampled_from(["learned", "known", "batch"]),
        "log_z_start": st.floats(-9, 9),
        "alpha_end": st.floats(-5, 5).filter(lambda a: abs(a) > 1e-6 and a != 1),
        "baseline": st.sampled_from(["scalar", "state", "last"]),
        "decay": st.floats(0.1, 2),
    }
    found = {key: draw(values[key]) for key in (*OWN[name], "epsilon") if draw(st.booleans())}
    if found.get("control_variate") not in ("score", "both"):
        found.pop("epsilon", None)
    if found.get("baseline") == "scalar":
        found.pop("log_z", None)
    if found.get("log_z", OWN[name].get("log_z") if "baseline" not in found else "batch") != "learned":
        found.pop("log_z_start", None)
    if any((found.get("alpha", 0.5) < c) != (found.get("alpha_end", 0.5) < c) for c in (0, 1)):
        found.pop("alpha_end", None)
    return {"name": name, **found}


@given(objectives())
def test_equal_settings_are_equal_objects(settings):
    """Equality, hash, and a round trip through JSON."""
    one, other = Objective(**settings), Objective(**dict(reversed(settings.items())))
    assert one == other
    assert hash(one) == hash(other)
    again = Objective.model_validate_json(one.model_dump_json())
    assert again == one
    assert hash(again) == hash(one)


@given(objectives(), objectives())
def test_different_settings_are_different_objects(settings, others):
    one, other = Objective(**settings), Objective(**others)
    assert (one == other) == (one.model_dump() == other.model_dump())
    assert one != Objective(name="tb" if one.name != "tb" else "reverse_kl")


@given(objectives())
def test_labels_tell_what_is_estimated(settings):
    one = Objective(**settings)
    assert one.label.startswith(one.name)
    assert one.control_variate is None or one.label.endswith(f" {one.control_variate}")
    assert (one.alpha is None) == ("alpha=" not in one.label)
    assert (one.log_z in (None, "learned")) == ("log_z=" not in one.label)
    assert "\n" not in one.label


@pytest.mark.parametrize("name", ALL_OBJECTIVES)
def test_loss_is_the_function_of_its_name(name):
    """Every setting, and log Z or the log-scale where there is one, reaches the estimator."""
    task = SMALL_TASKS["sets 5 choose 3"]
    policy = small_policy(task, [0, 1])
    parameters, t = list(policy.parameters()), rollout(task, policy, 8, generators(2))
    three = (t.log_pf, t.log_pb, t.log_reward)
    options = {"control_variate": "score", "epsilon": 0.5, "parameters": parameters}
    log_flow = torch.randn(t.steps.going.shape, dtype=torch.float64)
    along = (t.steps.log_pf, t.steps.log_pb, log_flow, t.log_reward, t.steps.going)
    expected = {
        "tb": lambda: trajectory_balance(*three, 4.0),
        "reverse_kl": lambda: reverse_kl(*three, **options),
        "forward_kl": lambda: forward_kl(*three, **options, log_scale=3.0),
        "renyi": lambda: renyi(*three, 2.0, **options),
        "tsallis": lambda: tsallis(*three, 2.0, **options, log_scale=3.0),
        "vargrad": lambda: log_partition_variance(*three),
        "db": lambda: detailed_balance(*along),
        "subtb": lambda: subtrajectory_balance(*along, 0.4),
        "f_tb": lambda: f_trajectory_balance(*three, 4.0, 2.0),
        "js_tb": lambda: jensen_shannon_balance(*three, 4.0),
        "devgrad": lambda: devgrad(*three, 2.0),
    }[name]()
    values = {"control_variate": "score", "epsilon": 0.5, "alpha": 2.0, "log_z": "known", "decay": 0.4}
    own = OWN[name].keys() | ({"epsilon"} if name in DIVERGENCES else set())
    settings = {key: value for key, value in values.items() if key in own}
    loss = Objective(name=name, **settings).loss(t, parameters, log_z=4.0, log_scale=3.0, log_flow=log_flow)
    assert loss.shape == (2,)
    torch.testing.assert_close(gradients(loss, parameters), gradients(expected, parameters), rtol=0, atol=0)
