"""What training finds: the best objects and the modes, against a record of everything that was sampled."""

from __future__ import annotations

import math

import pytest
import torch
from safetensors.torch import load_file, save_file

from gfn.environments import Banana, DAGs, GaussianMixture, Phylogenetics, Sets, enumeration
from gfn.environments.enumeration import state_graph
from gfn.policies import PolicySettings
from gfn.runs import draws
from gfn.runs.discoveries import Discoveries
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.sampling import Trajectories
from tests.helpers import DISCRETE, TINY_TASKS

FRACTIONS = (0.25, 0.5, 0.75)
SETS = Sets(universe=7, size=3)
TREES = DISCRETE["phylogenetics of 4 taxa"]


def batches(task, count, size=6, replicas=2, seed=0, favour=0.0):
    """Batches of objects, drawn uniformly or in proportion to a power of the reward, as trajectories."""
    generator = torch.Generator().manual_seed(seed)
    objects = state_graph(task).objects
    log_reward = task.log_reward(objects)
    weights = (favour * log_reward).softmax(0)
    for _ in range(count):
        drawn = torch.multinomial(weights, replicas * size, replacement=True, generator=generator).view(replicas, size)
        nothing = torch.zeros(replicas, size)
        yield Trajectories(nothing, nothing, log_reward[drawn], objects[drawn])


class Everything:
    """The same by brute force: a dictionary of all that was seen, nothing forgotten."""

    def __init__(self, task, replicas):
        self.task, self.found = task, [{} for _ in range(replicas)]

    def add(self, batch):
        for found, keys, values in zip(self.found, self.task.key(batch.terminal).tolist(), batch.log_reward.tolist()):
            found.update(zip(keys, values))

    def best(self, top_k):
        highest = [sorted(found.values(), reverse=True)[:top_k] for found in self.found]
        return [sum(values) / len(values) for values in highest]

    def modes(self, fraction):
        highest = max(self.task.log_reward(state_graph(self.task).objects).tolist())
        least = highest + math.log(fraction) - 1e-9
        return [sum(value >= least for value in found.values()) for found in self.found]


@pytest.mark.parametrize("favour", [0.0, 1.5])
@pytest.mark.parametrize("top_k", [1, 4, 1000])
@pytest.mark.parametrize("name", DISCRETE)
def test_best_objects_and_modes_are_those_of_everything_sampled(name, top_k, favour):
    """After every few batches, so that what was forgotten on the way was not needed; each replica by itself."""
    task = DISCRETE[name]
    found, every = Discoveries(task, 2, top_k, FRACTIONS), Everything(task, 2)
    for number, batch in enumerate(batches(task, 12, favour=favour)):
        found.add(batch)
        every.add(batch)
        if number % 3 == 2:
            assert found.best().tolist() == pytest.approx(every.best(top_k), rel=1e-12)
            assert {f: modes.tolist() for f, modes in found.modes().items()} == {f: every.modes(f) for f in FRACTIONS}


def test_an_object_counts_once():
    """However often it comes, in one batch or in several."""
    found = Discoveries(SETS, 2, 3, FRACTIONS)
    (batch,) = batches(SETS, 1)
    found.add(batch)
    once = found.best(), found.modes()
    for _ in range(3):
        found.add(batch)
        found.add(batch)
    assert torch.equal(found.best(), once[0])
    assert all(torch.equal(found.modes()[f], once[1][f]) for f in FRACTIONS)
    assert all(len(keys.unique()) == len(keys) for keys in found.keys)


def test_all_modes_are_found_where_all_objects_are_seen():
    """And the best K are the best there are."""
    objects = state_graph(SETS).objects
    log_reward = SETS.log_reward(objects)
    found = Discoveries(SETS, 1, 5, (0.5, 1.0))
    found.add(Trajectories(log_reward[None], log_reward[None], log_reward[None], objects[None]))
    assert float(found.best()) == pytest.approx(float(log_reward.topk(5).values.mean()))
    assert found.modes()[0.5].item() == int((log_reward >= log_reward.max() + math.log(0.5)).sum())
    assert found.modes()[1.0].item() == 1


def test_the_best_object_is_a_mode_in_single_precision():
    """At ρ = 1, whatever the rewards: of 20 tasks whose best object was sampled, all know it."""
    known = []
    for seed in range(20):
        task = Sets(universe=7, size=3, task_seed=seed)
        objects = state_graph(task).objects
        log_reward = task.log_reward(objects).float()
        found = Discoveries(task, 1, 5, (1.0,))
        found.add(Trajectories(log_reward[None], log_reward[None], log_reward[None], objects[None]))
        known.append(found.modes()[1.0].item())
    assert known == [1] * 20


def test_memory_is_bounded():
    """Nothing is kept but the best K and the modes of the lowest fraction, settled or in a checkpoint."""
    found = Discoveries(SETS, 1, 4, (0.9,))
    for batch in batches(SETS, 20, replicas=1):
        found.add(batch)
    kept = found.tensors()
    assert len(kept["keys.0"]) == len(kept["log_rewards.0"]) == max(4, found.modes()[0.9].item()) < 35
    assert found.pending == []


def test_without_a_known_highest_reward_there_are_no_modes(monkeypatch):
    """The best objects are reported all the same."""
    monkeypatch.setattr(enumeration, "MAX_STATES", 3)
    found = Discoveries(TREES, 2, 2, FRACTIONS)
    monkeypatch.undo()
    every = Everything(TREES, 2)
    for batch in batches(TREES, 5):
        found.add(batch)
        every.add(batch)
    assert found.modes() == {}
    assert found.best().tolist() == pytest.approx(every.best(2))


def test_a_checkpoint_carries_everything_on(tmp_path):
    """Restored from a file, the rest of the batches leads to the same as without the interruption."""
    whole, first, second = (Discoveries(SETS, 2, 3, FRACTIONS) for _ in range(3))
    for number, batch in enumerate(batches(SETS, 10)):
        whole.add(batch)
        (first if number < 4 else second).add(batch)
        if number == 3:
            save_file(first.tensors(), tmp_path / "found")
            second.restore(load_file(tmp_path / "found"))
    assert torch.equal(second.best(), whole.best())
    for name, value in whole.tensors().items():
        assert torch.equal(second.tensors()[name], value)


@pytest.mark.parametrize(
    ("task", "possible"),
    [
        (SETS, True),
        (Sets(universe=63, size=31), False),
        (DAGs(), True),
        (DAGs(nodes=9, samples=20), False),
        (Phylogenetics(alignment=tuple(zip("abcdefghi", ["ACGT"] * 9))), False),
        (Banana(), False),
        (GaussianMixture(), False),
    ],
    ids=lambda x: getattr(x, "task", None),
)
def test_objects_must_be_told_apart_by_a_number(task, possible):
    assert Discoveries.possible(task) == possible
    names = {record["metric"] for record in trained(task, iterations=1)[0]}
    assert ("top_k" in names) == ("modes" in names) == possible


def trained(task, **changes):
    """The records of a short training, and all batches that its policy drew."""
    settings = {"iterations": 7, "evaluate_every": 3, "batch_size": 8, "seeds": (0, 1), "l1_objects": 4, "l1_orders": 1}
    settings |= {"policy": PolicySettings(hidden=(8,), gin_width=8), "resolution": 16, "top_k": 3}
    trainer, seen = Trainer(TrainingSpec(task=task, **settings | changes)), []
    with pytest.MonkeyPatch.context() as patch:
        original = draws.rollout
        patch.setattr(
            draws, "rollout", lambda *arguments, **others: seen.append(original(*arguments, **others)) or seen[-1]
        )
        return trainer.run(), seen


@pytest.mark.parametrize("name", DISCRETE)
def test_training_records_what_it_found(name):
    """At every evaluation but the first, of all batches until then, for every seed and fraction."""
    task = DISCRETE[name]
    records, seen = trained(task, dtype="float64")
    for iteration in (3, 6, 7):
        every = Everything(task, 2)
        for batch in seen[:iteration]:
            every.add(batch)
        now = [r for r in records if r["iteration"] == iteration]
        assert [r["value"] for r in now if r["metric"] == "top_k"] == pytest.approx(every.best(3), rel=1e-12)
        modes = {(r["cell"], r["seed"]): r["value"] for r in now if r["metric"] == "modes"}
        assert modes == {(round(100 * f), seed): every.modes(f)[seed] for f in FRACTIONS for seed in (0, 1)}
    assert not any(r["metric"] in ("top_k", "modes") for r in records if r["iteration"] == 0)


@pytest.mark.parametrize("name", TINY_TASKS)
def test_a_resumed_training_finds_the_same(name, tmp_path):
    """As one that was never interrupted: the same numbers at the same iterations."""
    task = TINY_TASKS[name]
    expected, _ = trained(task)
    spec = TrainingSpec(
        task=task,
        policy=PolicySettings(hidden=(8,), gin_width=8),
        **{"iterations": 7, "evaluate_every": 3, "batch_size": 8, "seeds": (0, 1), "l1_objects": 4, "l1_orders": 1},
        resolution=16,
        top_k=3,
    )

    def stop(done, total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trainer(spec).run(tmp_path / "run.checkpoint", stop)
    resumed = Trainer(spec)
    assert resumed.load(tmp_path / "run.checkpoint")
    found = [
        [(r["iteration"], r["seed"], r["cell"], r["value"]) for r in records if r["metric"] in ("top_k", "modes")]
        for records in (resumed.run(), expected)
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 3 * 2 * (1 + len(FRACTIONS))
