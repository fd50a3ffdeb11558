"""Tensors stay on one device, wherever it is, and shapes do not depend on data: what a GPU and its capture need."""

from __future__ import annotations

import pytest
import torch

from gfn.environments import Banana, DAGs, DiscreteEnvironment, GaussianMixture, Hypergrid, PlanarEnvironment, Sets
from gfn.evaluation.accuracy import accuracy, policy_density
from gfn.policies import PolicySettings
from gfn.runs import gradients
from gfn.runs.objective import BALANCE_LOSSES, F_LOSSES, Objective
from gfn.runs.spec import GradientSpec
from gfn.runs.training import Trainer
from gfn.sampling import engine, rollout, static
from gfn.study.experiments.tasks import all_estimators, paper_tasks
from tests.device import MetaGenerator, NoMixture, OneDevice, on_meta
from tests.helpers import DISCRETE
from tests.runs.test_training import small

TASKS = DISCRETE | {
    "sets 20 choose 4": Sets(universe=20, size=4),
    "dags of 11 nodes": DAGs(nodes=11),
    "gaussian mixture": GaussianMixture(),
    "banana": Banana(),
}
CHECKED = {"dags of 11 nodes"}  # whose linear solver checks its result on the host


def exercise(task, state):
    """Every function of a task at one state, and the next state."""
    task.observe(state)
    task.is_terminal(state)
    task.log_parents(state)
    if not isinstance(task, DiscreteEnvironment):
        return task.step(state, torch.zeros(state.shape[:-1], device=state.device))
    task.mask(state)
    task.backward_mask(state)
    action = torch.zeros(state.shape[:-1], dtype=torch.long, device=state.device)
    task.undo(state, action)
    if task.countable:
        task.key(state)
    return task.step(state, action)


@pytest.mark.parametrize("name", TASKS)
def test_environments_stay_on_the_device_of_their_states(name):
    """Once their constants are there."""
    task = TASKS[name]
    task.log_reward(exercise(task, task.initial(2, 3, device="meta")))
    with OneDevice():
        state = exercise(task, task.initial(2, 3, device="meta"))
        found = task.log_reward(state)
    assert (state.device.type, found.device.type, found.shape) == ("meta", "meta", (2, 3))


OBJECTIVES = [*(Objective(name=name) for name in (*BALANCE_LOSSES, *F_LOSSES)), *all_estimators(0.5)]
SPECS = {name: task for name, task in TASKS.items() if name not in CHECKED}


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.label)
@pytest.mark.parametrize("name", SPECS)
def test_iterations_stay_on_one_device_and_never_ask_for_a_value(name, objective):
    """Every task and estimator: from noise to gradients, all that a CUDA graph could not hold is absent."""
    trainer = on_meta(Trainer(small(task=SPECS[name], objective=objective)))
    trainer._iteration()
    with OneDevice():
        finite, batch = trainer._iteration()
    assert (finite.device.type, finite.shape, batch.log_reward.shape) == ("meta", (2,), (2, 8))
    assert {p.grad.device.type for p in (*trainer.parameters, *trainer.flow.parameters())} == {"meta"}
    if trainer.log_z.requires_grad:
        assert trainer.log_z.grad.shape == (2, 1)


def test_the_check_finds_what_a_graph_cannot_hold():
    """Constants of the CPU, a number sent to the device, and every way to look at a value."""
    x = torch.zeros(3, device="meta")
    spoilt = [
        lambda: torch.zeros(3)[x.long()],
        lambda: x.gather(0, torch.zeros(3, dtype=torch.long)),
        lambda: x + torch.arange(3),
        lambda: torch.tensor(1.0).to("meta"),
        lambda: bool((x == 0).all()),
        lambda: x[x == 0],
        lambda: x.unique(),
        lambda: x.tolist(),
    ]
    for operation in spoilt:
        with pytest.raises((AssertionError, RuntimeError, NotImplementedError)), OneDevice():
            operation()
    with OneDevice():
        torch.where(x > 0, x, 0) * 2.0 + torch.tensor(1.0)


@pytest.mark.parametrize("name", SPECS)
def test_no_look_at_the_data_changes_nothing(name, monkeypatch):
    """Rollouts to the last step with every state evaluated by itself, as on a GPU: the same objects, losses and gradients."""
    found = []
    for fixed in (False, True):
        monkeypatch.setattr(engine, "static", lambda environment, device, fixed=fixed: fixed)
        for objective in (Objective(name="subtb"), Objective(name="renyi")):
            trainer = Trainer(small(task=SPECS[name], objective=objective, dtype="float64"))
            finite, batch = trainer._iteration()
            gradients = [p.grad for p in (*trainer.parameters, *trainer.flow.parameters())]
            found.append([finite, batch.terminal, batch.log_pf, batch.log_pb, batch.log_reward, *gradients])
    for one, other in zip(found[:2], found[2:], strict=True):
        for x, y in zip(one, other, strict=True):
            torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-11)


def test_long_trajectories_end_early_wherever_they_are():
    """Where the longest would take thousands of steps; others never look."""
    assert not static(Hypergrid(side=4096), torch.device("cuda"))
    for task in paper_tasks("paper").values():
        assert static(task, torch.device("cuda"))
        assert not static(task, torch.device("cpu"))


@pytest.mark.parametrize("name", TASKS)
def test_evaluations_take_results_to_the_cpu_and_mix_nothing(name, monkeypatch):
    """Accuracy, what was discovered, and the density of planar tasks."""
    task, settings = TASKS[name], {"l1_objects": 4, "l1_orders": 2, "resolution": 16}
    trainer = Trainer(small(task=task))
    expected = accuracy(task, trainer.policy, **settings)
    on_meta(trainer)
    monkeypatch.setattr(torch, "Generator", MetaGenerator)
    with NoMixture():
        values = accuracy(task, trainer.policy, **settings)
        if isinstance(task, PlanarEnvironment):
            assert policy_density(task, trainer.policy, 8).device.type == "cpu"
        if trainer.discoveries is not None:
            trainer.discoveries.add(rollout(task, trainer.policy, 4, trainer.generators))
            assert trainer.discoveries.best().device.type == "cpu"
    assert {name: (value.device.type, value.shape) for name, value in values.items()} == {
        name: ("cpu", value.shape) for name, value in expected.items()
    }


GRADIENTS = {"policy": PolicySettings(hidden=(4,)), "seeds": (0,), "batch_sizes": (4,), "replicates": 3}


@pytest.mark.parametrize("task", [DISCRETE["sequences 3 letters length 3"], Sets(universe=4, size=2)], ids=str)
def test_gradients_are_measured_on_the_device_of_the_policy(task, monkeypatch):
    """Of all objectives, and the exact gradient that they are compared with."""
    spec = GradientSpec(task=task, objectives=tuple(all_estimators(0.5)), exact=True, **GRADIENTS)
    policy = next(gradients.stages(spec)).policy.to("meta")
    monkeypatch.setattr(torch, "Generator", MetaGenerator)
    monkeypatch.setattr(gradients.Remembered, "_is_new", lambda *sizes: True)  # a look at values, once an estimate
    with NoMixture():
        baselines = {spec.objectives[-1]: {"optimal": 0.5, "whole": 0.5}}
        estimates, best = gradients.replicated_gradients(spec, policy, 4, 0, baselines)
        exact_ones = [gradients.exact_gradient(spec, policy, objective) for objective in spec.objectives]
    count = sum(p.numel() for p in policy.parameters())
    assert {(g.device.type, g.shape) for g in (*estimates.values(), *best[spec.objectives[-1]].values())} == {
        ("meta", (3, count))
    }
    assert {(g.device.type, g.shape) for g in exact_ones} == {("meta", (count,))}
