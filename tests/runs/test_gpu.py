"""On a GPU: the CPU's results in their statistics, captured iterations like eager ones, and every task and objective."""

from __future__ import annotations

import math

import pytest
import torch

from gfn.environments import DAGs, Digits, DiscreteEnvironment, Funnel, GaussianMixture, ManyWell, Sets
from gfn.evaluation.accuracy import accuracy
from gfn.runs.capture import CudaGraph
from gfn.runs.gradients import measure_gradients
from gfn.runs.objective import BALANCE_LOSSES, F_LOSSES, Objective
from gfn.runs.spec import GradientSpec
from gfn.runs.training import Trainer, TrainingError
from gfn.sampling import rollout
from gfn.study.experiments.everything import figure_settings
from gfn.study.experiments.tasks import SMALL_POLICY, all_estimators, paper_tasks
from tests.helpers import some_actions
from tests.runs.test_training import facts, interrupt_at, of, parameters, small

DEVICE = "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

HARD = figure_settings("leagues", "smoke").targets() | figure_settings("digits", "smoke").targets()
TASKS = paper_tasks("smoke") | {name: HARD[name] for name in ("random_mixture", "funnel", "many_well", "digits")}
LARGE = {"10-dimensional funnel": Funnel(), "32-dimensional wells": ManyWell(), "64-pixel digits": Digits()}
ALL = (
    TASKS
    | LARGE
    | {f"{name}, paper": task for name, task in paper_tasks("paper").items()}
    | {"11 nodes": DAGs(nodes=11)}
)
OBJECTIVES = [*(Objective(name=name) for name in (*BALANCE_LOSSES, *F_LOSSES)), *all_estimators(0.5)]
COMPARED = {
    "sets": (Sets(universe=8, size=4), Objective(name="renyi"), "l1"),
    "sets, estimated": (Sets(universe=20, size=4), Objective(), "log_z"),
    "gaussian mixture": (GaussianMixture(side=2), Objective(name="reverse_kl"), "jsd"),
}


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Of two means, in standard errors."""
    return float((one.mean() - other.mean()).abs() / math.sqrt(one.var() / len(one) + other.var() / len(other)))


def everything(task, state):
    """All that a task says of states."""
    said = [task.observe(state), task.is_terminal(state), task.log_parents(state)]
    if isinstance(task, DiscreteEnvironment):
        said += [task.mask(state), task.backward_mask(state), *([task.key(state)] if task.countable else [])]
    return said


@pytest.mark.parametrize("name", ALL)
def test_environments_say_the_same_on_both_devices(name):
    """Along random trajectories and back again."""
    task, draw = ALL[name], torch.Generator().manual_seed(0)
    one, other = (task.initial(2, 50, device=device) for device in ("cpu", DEVICE))
    for _ in range(task.max_steps):
        action = some_actions(task, one, draw)
        before, one, other = one, task.step(one, action), task.step(other, action.to(DEVICE))
        for x, y in zip(everything(task, one), everything(task, other), strict=True):
            torch.testing.assert_close(x, y.cpu(), rtol=1e-12, atol=1e-12)
        if isinstance(task, DiscreteEnvironment):
            moved = ~task.is_terminal(before)
            assert torch.equal(task.undo(other, action.to(DEVICE)).cpu()[moved], before[moved])
    assert task.is_terminal(other).all()
    torch.testing.assert_close(task.log_reward(one), task.log_reward(other).cpu(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.label)
@pytest.mark.parametrize("name", TASKS)
def test_every_task_and_objective_runs_captured(name, objective):
    """Past the first check of captured iterations, to finite results."""
    settings = {"policy": SMALL_POLICY, "iterations": 20, "evaluate_every": 10, "density": 0}
    trainer = Trainer(small(task=TASKS[name], objective=objective, **settings), DEVICE)
    records = trainer.run()
    assert trainer.capture is not None
    assert all(math.isfinite(record["value"]) for record in records)
    assert {parameter.device.type for parameter in trainer.parameters} == {"cuda"}


def test_a_task_that_cannot_be_captured_runs():
    """Its rewards wait for a linear solver."""
    trainer = Trainer(small(task=DAGs(nodes=11), l1_objects=4), DEVICE)
    assert trainer.make_graph is None
    assert all(math.isfinite(record["value"]) for record in trainer.run())


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("objective", ["subtb", "renyi"])
def test_captured_iterations_are_the_eager_ones(objective, name):
    """The same draws from the same seeds, and after ten iterations the same parameters up to rounding."""
    found = []
    for graph in (CudaGraph, None):
        trainer = Trainer(small(task=TASKS[name], objective=Objective(name=objective), dtype="float64"), DEVICE)
        trainer.make_graph = graph
        for _ in range(10):
            trainer.step()
        trainer.check()
        found.append((parameters(trainer).cpu(), torch.stack([g.get_state() for g in trainer.generators])))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-6, atol=1e-8)
    assert torch.equal(found[0][1], found[1][1])


@pytest.mark.parametrize("name", COMPARED)
def test_log_weights_of_one_policy_agree_with_the_cpu(name):
    """Their mean over 4000 trajectories of the same network, within four and a half standard errors."""
    task, _, _ = COMPARED[name]
    spec, means = small(task=task), []
    for device in ("cpu", DEVICE):
        trainer = Trainer(spec, device)
        drawn = rollout(task, trainer.policy, 4000, trainer.generators)
        means.append((drawn.log_pb + drawn.log_reward - drawn.log_pf).detach().double().cpu())
    for one, other in zip(*means, strict=True):
        assert difference(one, other) < 4.5


@pytest.mark.parametrize("name", COMPARED)
def test_trained_accuracy_agrees_with_the_cpu(name):
    """Its mean over twelve seeds after 100 iterations, within four and a half standard errors."""
    task, objective, metric = COMPARED[name]
    settings = {"iterations": 100, "evaluate_every": 100, "batch_size": 32, "learning_rate": 0.01, "resolution": 48}
    spec = small(task=task, objective=objective, seeds=tuple(range(12)), l1_objects=4, **settings)
    cpu, gpu = (Trainer(spec, device).run() for device in ("cpu", DEVICE))
    one, other = (torch.tensor([of(r, metric, seed)[-1] for seed in spec.seeds]).double() for r in (cpu, gpu))
    assert difference(one, other) < 4.5
    first, last = (torch.tensor([of(gpu, metric, seed)[i] for seed in spec.seeds]) for i in (0, -1))
    assert difference(first, last) > 4.5


@pytest.mark.parametrize("name", COMPARED)
def test_accuracy_of_one_policy_is_the_cpus(name):
    """Where it is exact; where it is estimated, nearly."""
    task, _, metric = COMPARED[name]
    settings = {"l1_objects": 256, "l1_orders": 64, "resolution": 48}
    found = [accuracy(task, Trainer(small(task=task), device).policy, **settings) for device in ("cpu", DEVICE)]
    one, other = (next(iter(each.values())) for each in found)
    assert other.device.type == "cpu"
    torch.testing.assert_close(one, other, rtol=0.2 if metric == "log_z" else 1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["sets", "dags", "gaussian_mixture"])
def test_an_interrupted_run_resumes_to_the_same_result(name, tmp_path):
    """Generators of the GPU and Adam's state come back from a checkpoint."""
    spec, checkpoint = small(task=TASKS[name], dtype="float64"), tmp_path / "run.checkpoint"
    whole = Trainer(spec, DEVICE)
    expected = whole.run()
    with pytest.raises(KeyboardInterrupt):
        Trainer(spec, DEVICE).run(checkpoint, interrupt_at(4))
    resumed, done = Trainer(spec, DEVICE), []
    records = resumed.run(checkpoint, lambda now, total: done.append(now))
    assert done == [5, 6, 7, 8]
    torch.testing.assert_close(parameters(resumed), parameters(whole), rtol=1e-6, atol=1e-8)
    for one, other in zip(facts(records), facts(expected), strict=True):
        assert one == other | {"value": pytest.approx(other["value"], rel=1e-5, abs=1e-8)}


def test_numbers_that_are_not_finite_are_named():
    """The seed, and the iteration, some of which follow before it is noticed."""
    trainer = Trainer(small(seeds=(10, 11, 12), iterations=40, evaluate_every=40), DEVICE)

    def spoil(done, total):
        if done == 4:
            with torch.no_grad():
                trainer.policy.network.biases[0][1] = float("nan")

    with pytest.raises(TrainingError, match=r"seed 11, iteration 5$"):
        trainer.run(progress=spoil)


def test_gradients_agree_with_the_cpu():
    """Their variance, within a third; their bias is measured against the exact gradient on the GPU too."""
    settings = {"policy": SMALL_POLICY, "seeds": (0,), "warmup": (0, 4), "batch_sizes": (16,), "replicates": 512}
    spec = GradientSpec(task=Sets(universe=5, size=2), objectives=tuple(all_estimators(0.5)), exact=True, **settings)
    cpu, gpu = measure_gradients(spec), measure_gradients(spec, device=DEVICE)
    for one, other in zip(cpu, gpu, strict=True):
        assert (one["metric"], one["objective"], one["iteration"]) == tuple(
            other[key] for key in ("metric", "objective", "iteration")
        )
        assert math.isfinite(other["value"])
        if one["metric"] == "variance" and one["iteration"] == 0:
            assert abs(math.log(one["value"] / other["value"])) < 0.3
        if one["metric"] == "gradient_squared" and one["iteration"] == 0:
            assert other["value"] == pytest.approx(one["value"], rel=1e-6)
