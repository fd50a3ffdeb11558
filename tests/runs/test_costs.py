"""What an iteration costs: the peak of memory where it is known, the same batch for all, and records that fit."""

from __future__ import annotations

import time
from itertools import accumulate

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from gfn.environments import Banana, Hypergrid, Sequences, Sets
from gfn.policies import PolicySettings
from gfn.runs.costs import measure_costs, peak_memory, still
from gfn.runs.objective import Objective
from gfn.runs.spec import CostSpec
from gfn.runs.training import Trainer
from gfn.sampling import rollout

CPU = torch.device("cpu")
POLICY = PolicySettings(hidden=(8,), components=2, gin_width=4)
GOALS = (
    Objective(),
    Objective(log_z="batch"),
    Objective(baseline="state"),
    Objective(name="db"),
    Objective(name="renyi", control_variate="both"),
    Objective(name="renyi", control_variate="joint"),
)
SETTINGS = {"policy": POLICY, "batch_size": 16, "rounds": 3, "warmup": 1}


def numbers(count: int) -> torch.Tensor:
    """So many of four bytes each."""
    return torch.ones(count)


def two_at_once():
    first = numbers(1000)
    second = first + 1  # 8 000 bytes, and a number, are held here
    del first
    third = numbers(500)  # and less here
    return second, third


def one_after_the_other():
    for _ in range(5):
        numbers(1000)


def in_a_function_of_autograd():
    """Forward 4 000 bytes that the backward pass needs, 4 of the sum; then the gradient beside what is saved."""
    weights = torch.nn.Parameter(HELD[0])
    weights.square().sum().backward()


HELD = [torch.ones(1000)]


@pytest.mark.parametrize(("step", "least"), [(two_at_once, 8000), (one_after_the_other, 4000), (lambda: None, 0)])
def test_the_peak_of_known_tensors(step, least):
    """But for single numbers, such as the one that is added."""
    assert least <= peak_memory(step, CPU) <= least + 16


def test_what_is_held_before_does_not_count():
    held = numbers(10**6)
    assert peak_memory(lambda: held.add_(1).sum(), CPU) <= 16


def test_memory_of_a_backward_pass():
    """The square, which its sum does not keep, then the gradient of the square, and that of the weights beside it."""
    peak = peak_memory(in_a_function_of_autograd, CPU)
    assert 8000 <= peak <= 12100
    HELD[0] = HELD[0][:500].clone()
    assert peak_memory(in_a_function_of_autograd, CPU) < 0.6 * peak


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.label)
def test_memory_of_an_iteration_is_what_another_profiler_sees(goal):
    """To the byte: of the same iteration with the same noise."""
    spec = CostSpec(task=Sets(universe=8, size=4), objectives=(goal,), **SETTINGS)
    still(spec, goal, "cpu").step()  # tasks keep what they compute first
    one, other = (still(spec, goal, "cpu") for _ in range(2))
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=False) as seen:
        other.step()
    events = [(e.start_ns(), e.nbytes()) for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    changes = [change for _, change in sorted(events, key=lambda event: event[0])]
    assert peak_memory(one.step, CPU) == max(accumulate(changes))


def test_making_adams_state_changes_no_weight():
    """And leaves no gradient, which the first iteration would free."""
    spec = CostSpec(task=Sets(universe=8, size=4), objectives=GOALS, **SETTINGS)
    for goal in GOALS:
        ready, other = still(spec, goal, "cpu"), Trainer(spec.training(goal))
        assert all(map(torch.equal, ready.trained, other.trained))
        assert torch.equal(ready.log_z, other.log_z)
        assert ready.optimiser.state_dict()["state"]
        assert all(p.grad is None for group in ready.optimiser.param_groups for p in group["params"])


def test_all_objectives_draw_the_same_trajectories():
    """In every iteration, though some draw a batch before the first, and all take steps."""
    spec = CostSpec(task=Sequences(alphabet=3, length=4), objectives=GOALS, **SETTINGS)
    trainers = [still(spec, goal, "cpu") for goal in GOALS]
    for _ in range(2):
        drawn = [rollout(t.spec.task, t.policy, 16, [g.clone_state() for g in t.generators]).log_pf for t in trainers]
        assert all(torch.equal(each, drawn[0]) for each in drawn)
        for trainer in trainers:
            trainer.step()
    assert not torch.equal(drawn[0], rollout(spec.task, trainers[0].policy, 16, trainers[0].generators).log_pf)


@pytest.mark.parametrize("task", [Sets(universe=6, size=3), Hypergrid(side=3), Banana()], ids=lambda task: task.task)
def test_every_objective_has_all_rounds_and_one_memory(task):
    spec, seen = CostSpec(task=task, objectives=GOALS, seeds=(5,), **SETTINGS), []
    records = measure_costs(spec, lambda *now: seen.append(now))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    keys = [(r["metric"], r["cell"], r["iteration"]) for r in records]
    due = {("memory", cell, 0) for cell in range(len(GOALS))}
    times = ("seconds", "processor_seconds")
    due |= {(name, cell, turn) for name in times for cell in range(len(GOALS)) for turn in (1, 2, 3)}
    assert sorted(keys) == sorted(due)
    assert all(r["value"] > 0 and r["seed"] == 5 and r["trajectories"] == 16 for r in records)
    assert all(r["objective"] == GOALS[r["cell"]] for r in records)


def test_objectives_take_turns_there_and_back(monkeypatch):
    order = []
    monkeypatch.setattr(Trainer, "step", lambda trainer: order.append(GOALS.index(trainer.spec.objective)))
    measure_costs(CostSpec(task=Sets(universe=6, size=3), objectives=GOALS[:3], **SETTINGS))
    assert order[:6] == [0, 0, 1, 1, 2, 2]  # of which memory is measured
    assert order[6:] == [2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2]


def test_time_is_that_of_one_iteration(monkeypatch):
    """Sleep counts for the clock and not for the processor; work counts for both."""

    def step(trainer):
        if trainer.spec.objective.name == "tb":
            time.sleep(0.03)
        else:
            until = time.process_time() + 0.03
            while time.process_time() < until:
                pass

    monkeypatch.setattr(Trainer, "step", step)
    goals = (Objective(), Objective(name="vargrad"))
    records = measure_costs(CostSpec(task=Sets(universe=6, size=3), objectives=goals, **SETTINGS))
    spent = {(r["cell"], r["metric"]): r["value"] for r in records}
    assert spent[0, "processor_seconds"] < 0.015 < 0.03 <= spent[0, "seconds"]
    assert 0.03 <= spent[1, "processor_seconds"] < 0.045
    assert spent[1, "seconds"] >= 0.03


def test_memory_is_the_same_every_time():
    spec = CostSpec(task=Sequences(alphabet=3, length=4), objectives=GOALS, **SETTINGS)
    memory = [[r["value"] for r in measure_costs(spec) if r["metric"] == "memory"] for _ in range(2)]
    assert memory[0] == memory[1]
    assert memory[0][GOALS.index(Objective(name="db"))] > memory[0][0]  # another network, and its activations
