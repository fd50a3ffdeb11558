"""A divergence and a control variate added from outside: objectives like any other, and in no figure of the book."""

from __future__ import annotations

import pytest
import torch

from gfn.environments import Sets
from gfn.estimators import CONTROL_VARIATES, DIVERGENCES, forward_kl, reverse_kl
from gfn.evaluation.exact import DEFINITIONS
from gfn.runs.gradients import measure_gradients
from gfn.runs.objective import Objective
from gfn.runs.provenance import source_fingerprint
from gfn.runs.spec import GradientSpec, TrainingSpec, parse_spec
from gfn.runs.training import Trainer
from gfn.settings import SettingsError
from gfn.study.experiments import every_run
from tests.helpers import exact_moments, small_policy, table

TASK = Sets(universe=4, size=2)


def jeffreys(log_pf, log_pb, log_reward, *, control_variate="joint", parameters=(), log_scale=0.0, **more):
    """The mean of both KL divergences, each estimated on its own."""
    both = {"control_variate": control_variate, "parameters": parameters}
    forward = forward_kl(log_pf, log_pb, log_reward, log_scale=log_scale, **both)
    return (reverse_kl(log_pf, log_pb, log_reward, **both) + forward) / 2


def halfway(terms):
    """Between no control variate and leave-one-out on the whole weight."""
    return (terms.whole + terms.centred(terms.whole)) / 2


def exact_jeffreys(log_p, log_q):
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1) / 2


@pytest.fixture
def added(monkeypatch):
    monkeypatch.setitem(DIVERGENCES, "jeffreys", jeffreys)
    monkeypatch.setitem(CONTROL_VARIATES, "halfway", halfway)
    monkeypatch.setitem(DEFINITIONS, "jeffreys", exact_jeffreys)


@pytest.mark.parametrize("variate", ["none", "loo", "joint", "halfway"])
@pytest.mark.parametrize("name", ["reverse_kl", "tsallis", "jeffreys"])
def test_they_are_estimated_without_bias(added, name, variate):
    """By all batches of three trajectories, as those of the package are."""
    trajectories = table(TASK, small_policy(TASK))
    goal = Objective(name=name, control_variate=variate)
    mean, _ = exact_moments(trajectories, 3, goal)
    torch.testing.assert_close(mean, trajectories.exact(name, goal.alpha), rtol=1e-9, atol=1e-10)


def test_they_train_and_are_measured(added):
    goal = Objective(name="jeffreys", control_variate="halfway")
    settings = {"task": TASK, "seeds": (0,)}
    records = Trainer(TrainingSpec(objective=goal, iterations=60, batch_size=32, **settings)).run()
    l1 = [record["value"] for record in records if record["metric"] == "l1"]
    assert l1[-1] < 0.6 * l1[0]
    sizes = {"warmup": (0,), "batch_sizes": (4,), "replicates": 8, "exact": True}
    metrics = {record["metric"] for record in measure_gradients(GradientSpec(objectives=(goal,), **settings, **sizes))}
    assert {"variance", "bias_squared", "whole"} <= metrics


def test_they_are_named_and_take_what_their_parameters_say(added):
    spec = TrainingSpec(task=TASK, objective=Objective(name="jeffreys", control_variate="halfway"))
    assert parse_spec(spec.model_dump_json()) == spec
    assert spec.objective.label == "jeffreys halfway"
    with pytest.raises(SettingsError, match=r"alpha = 2\.0 is not allowed with objective jeffreys joint"):
        Objective(name="jeffreys", alpha=2.0)


def test_unknown_ones_are_refused():
    with pytest.raises(
        SettingsError, match=r"name = 'jeffreys' is not allowed: one of tb, .*, tsallis, f_tb, js_tb, devgrad$"
    ):
        Objective(name="jeffreys")
    with pytest.raises(SettingsError, match=r"control_variate = 'halfway' is not allowed: one of none, .*, joint$"):
        Objective(name="renyi", control_variate="halfway")


def test_their_code_is_part_of_the_fingerprint(added, monkeypatch):
    spec = TrainingSpec(task=TASK, objective=Objective(name="jeffreys", control_variate="halfway"))
    before = source_fingerprint(spec)
    assert before == source_fingerprint(spec)
    monkeypatch.setitem(DIVERGENCES, "jeffreys", forward_kl)
    monkeypatch.setitem(CONTROL_VARIATES, "halfway", CONTROL_VARIATES["none"])
    assert source_fingerprint(spec) != before


def test_no_figure_has_them(added):
    """All runs of the book stay as they are."""
    objectives = set()
    for spec in every_run("smoke").values():
        objectives |= {getattr(spec, "objective", None), *getattr(spec, "objectives", ())} - {None}
    assert "jeffreys" not in {objective.name for objective in objectives}
    assert "halfway" not in {objective.control_variate for objective in objectives}
