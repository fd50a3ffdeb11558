"""Captured iterations: which there are, that they do what eager ones do, and when numbers that are not finite are noticed.

A graph that computes on the CPU stands in for CUDA's; what CUDA itself does is for the tests marked ``gpu``.
"""

from __future__ import annotations

import contextlib
from unittest.mock import MagicMock

import pytest
import torch

from gfn.environments import DAGs, GaussianMixture, Hypergrid, Sequences, Sets
from gfn.runs import capture, training
from gfn.runs.capture import CudaGraph, capturable
from gfn.runs.objective import Objective
from gfn.runs.training import Trainer, TrainingError
from gfn.study.experiments.tasks import paper_tasks
from tests.helpers import LEARNABLE
from tests.runs.test_training import OBJECTIVES, facts, interrupt_at, parameters, small

CAPTURABLE = {
    f"{name}, {profile}": task for profile in ("paper", "smoke") for name, task in paper_tasks(profile).items()
}
CAPTURABLE |= {
    "10 nodes": DAGs(nodes=10),
    "long words": Sequences(length=256),
    "large sets": Sets(universe=600, size=512),
}
EAGER = {"11 nodes": DAGs(nodes=11), "long walks": Hypergrid(side=600), "sets beyond": Sets(universe=600, size=513)}


@pytest.mark.parametrize("name", CAPTURABLE | EAGER)
def test_which_tasks_are_captured(name):
    """All of the paper; not those whose trajectories may be very long or whose rewards wait for a solver, and none on the CPU."""
    task = (CAPTURABLE | EAGER)[name]
    assert capturable(task, torch.device("cuda", 1)) == (name in CAPTURABLE)
    assert not capturable(task, torch.device("cpu"))


def test_captures_can_be_switched_off(monkeypatch):
    monkeypatch.setattr(training, "capturable", lambda task, device: True)
    assert Trainer(small()).make_graph is CudaGraph
    monkeypatch.setenv("GFN_CAPTURE", "0")
    assert Trainer(small()).make_graph is None


class Graph:
    """Does what a CUDA graph does, on the CPU: runs nothing when it records, and replays into the same memory."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.batch, self.replays = device, None, 0

    def warm_up(self, iteration):
        for _ in range(3):
            iteration()

    def record(self, iteration, generators):
        self.iteration = iteration

    def replay(self):
        self.replays += 1
        batch = self.iteration()
        assert not batch.log_pf.requires_grad
        if self.batch is None:
            self.batch = batch
        self.batch.log_reward.copy_(batch.log_reward)
        self.batch.terminal.copy_(batch.terminal)
        return self.batch


def captured(spec) -> Trainer:
    """A training on the CPU through the stand-in."""
    trainer = Trainer(spec)
    trainer.make_graph = Graph
    return trainer


SPECS = [{"objective": objective} for objective in OBJECTIVES.values()]
SPECS += [{"task": task, "objective": Objective(name="db")} for task in LEARNABLE.values()]
SPECS += [
    {"task": GaussianMixture(), "objective": Objective(name="tsallis"), "density": 8},
    {"task": Sets(universe=20, size=3), "objective": Objective(name="subtb"), "l1_objects": 4, "l1_orders": 2},
]


@pytest.mark.parametrize("changes", SPECS, ids=str)
def test_captured_iterations_are_the_eager_ones(changes, tmp_path):
    """Bit for bit, warm-up and discoveries included, and when interrupted and resumed."""
    spec, checkpoint = small(**changes), tmp_path / "run.checkpoint"
    eager, whole = Trainer(spec), captured(spec)
    expected = eager.run()
    assert facts(whole.run()) == facts(expected)
    assert torch.equal(parameters(whole), parameters(eager))
    with pytest.raises(KeyboardInterrupt):
        captured(spec).run(checkpoint, interrupt_at(4))
    resumed = captured(spec)
    assert facts(resumed.run(checkpoint)) == facts(expected)
    assert torch.equal(parameters(resumed), parameters(eager))


def test_a_capture_is_made_once_and_again_after_a_restart(tmp_path):
    """Since a checkpoint brings its own memory."""
    trainer, found = captured(small()), []
    trainer.step()
    trainer.save(tmp_path / "start.checkpoint")
    for already in (1, 0):
        for _ in range(3):
            trainer.step()
        found.append(parameters(trainer))
        assert trainer.capture.replay.__self__.replays == already + 3
        trainer.load(tmp_path / "start.checkpoint")
        assert trainer.capture is None
    assert torch.equal(*found)


def spoil(trainer, at, seed):
    """A parameter of one seed that is no number, after some iterations."""

    def progress(done, total):
        if done == at:
            with torch.no_grad():
                trainer.policy.network.biases[0][trainer.spec.seeds.index(seed)] = float("nan")

    return progress


@pytest.mark.parametrize(("every", "check", "noticed"), [(3, 99, 6), (99, 16, 16), (99, 5, 5), (99, 99, 20)])
def test_numbers_that_are_not_finite_are_noticed_later_and_named_rightly(every, check, noticed, monkeypatch):
    """At the next check or evaluation, with the iteration and the seed that an eager run names."""
    monkeypatch.setattr(training, "CHECK_EVERY", check)
    spec = small(seeds=(10, 11, 12), iterations=20, evaluate_every=every)
    messages = []
    for trainer in (Trainer(spec), captured(spec)):
        with pytest.raises(TrainingError) as caught:
            trainer.run(progress=spoil(trainer, 4, 11))
        messages.append(str(caught.value))
        assert {record["iteration"] for record in caught.value.records} == ({0, 3} if every == 3 else {0})
    assert messages[0] == messages[1]
    assert messages[0].endswith("seed 11, iteration 5")
    assert trainer.iteration == noticed


def test_the_first_iteration_that_is_not_finite_is_named(monkeypatch):
    """One seed after another, and two in the same iteration."""
    trainer = captured(small(seeds=(10, 11, 12), iterations=40))
    for iteration in range(1, 8):
        trainer.step()
        for seed in {2: [12], 4: [10, 11]}.get(iteration, []):
            spoil(trainer, iteration, seed)(iteration, 40)
    with pytest.raises(TrainingError, match=r"seed 12, iteration 3$"):
        trainer.check()
    trainer = captured(small(seeds=(10, 11, 12)))
    trainer.step()
    for seed in (12, 10):
        spoil(trainer, 1, seed)(1, 8)
    trainer.step()
    with pytest.raises(TrainingError, match=r"seed 10, 12, iteration 2$"):
        trainer.check()


def test_what_is_not_finite_is_not_saved(tmp_path):
    trainer = captured(small())
    trainer.step()
    trainer.save(tmp_path / "run.checkpoint")
    before = (tmp_path / "run.checkpoint").read_bytes()
    spoil(trainer, 1, 0)(1, 8)
    trainer.step()
    with pytest.raises(TrainingError, match=r"seed 0, iteration 2$"):
        trainer.save(tmp_path / "run.checkpoint")
    assert (tmp_path / "run.checkpoint").read_bytes() == before


def test_cuda_is_told_of_everything_in_order(monkeypatch):
    """Warm-up aside and waited for; every generator known before the recording, which is on the same stream."""
    cuda, told = MagicMock(), []
    cuda.Stream.return_value.wait_stream = lambda other: told.append("side waits")
    cuda.current_stream.return_value.wait_stream = lambda other: told.append("current waits")
    cuda.CUDAGraph.return_value.register_generator_state = lambda generator: told.append(generator)
    cuda.CUDAGraph.return_value.replay = lambda: told.append("replay")

    @contextlib.contextmanager
    def block(name, *arguments, **options):
        told.append((name, *options.values()))
        yield
        told.append(f"end of {name}")

    cuda.graph = lambda graph, stream: block("graph", stream=stream)
    cuda.stream = lambda stream: block("stream", stream=stream)
    monkeypatch.setattr(capture.torch, "cuda", cuda)
    graph, side = CudaGraph(torch.device("cuda", 0)), cuda.Stream.return_value
    graph.warm_up(lambda: told.append("iteration"))
    graph.record(lambda: told.append("iteration") or "batch", ["one", "two"])
    assert graph.replay() == "batch"
    warm = ["side waits", ("stream", side), *["iteration"] * 3, "end of stream", "current waits"]
    assert told == [*warm, "one", "two", ("graph", side), "iteration", "end of graph", "replay"]
