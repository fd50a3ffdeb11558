"""Streams of random numbers: every purpose and seed has its own, and nothing draws from anywhere else."""

from __future__ import annotations

import ast
import itertools
from hashlib import shake_256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

import gfn
from gfn import randomness
from gfn.environments import DAGs, Sequences, Sets
from gfn.evaluation import accuracy
from gfn.policies import PolicySettings
from gfn.randomness import stream, streams
from gfn.runs import draws, gradients, off_policy, rivals
from gfn.runs.objective import WITH_FLOW
from gfn.runs.reference import sample_reference
from gfn.runs.spec import GradientSpec, RivalSpec, TrainingSpec
from gfn.runs.training import Trainer
from gfn.settings import SettingsError
from gfn.study.experiments import FIGURES, runs
from tests.runs.test_training import OBJECTIVES, small

seeds = st.integers(0, 2**63 - 1)
APART = [2**31, 2**32, 2**33, 2**62]


def test_a_stream_is_the_mersenne_twister_of_a_hash():
    """NumPy's, with the hash for its state, draws the same: PyTorch keeps its state in the layout that is assumed."""
    state = np.frombuffer(shake_256(b"('training', 7, 1)").digest(8 + 4 * 624)[8:], dtype="<u4")
    twister = np.random.MT19937()
    twister.state = {"bit_generator": "MT19937", "state": {"key": state, "pos": 624}}
    expected = (twister.random_raw(2000) % 2**24 / 2**24).tolist()  # as PyTorch makes single precision of 32 bits
    assert torch.rand(2000, generator=stream("training", 7, 1)).tolist() == expected


@given(seeds, seeds, st.sampled_from(["training", "gradients"]), st.sampled_from(["training", "gradients"]))
@example(1, 1, "training", "gradients")
def test_a_stream_is_told_apart_by_its_purpose_and_its_numbers(one, other, first, second):
    """And the same name gives the same, of whatever type an integer is."""
    draws = [torch.rand(4, generator=g) for g in (stream(first, one), stream(second, other), stream(first, one, 0))]
    assert torch.equal(draws[0], draws[1]) == ((first, one) == (second, other))
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(draws[0], torch.rand(4, generator=stream(first, np.int64(one))))


def test_what_is_no_integer_names_no_stream():
    """Rather than to be rounded to one that another seed has."""
    with pytest.raises(TypeError, match="float"):
        stream("training", 1.5)


@pytest.mark.parametrize("apart", APART)
def test_seeds_that_share_their_low_bits_give_different_runs(apart):
    """Initial weights and the first batch."""
    trainer = Trainer(small(objective=OBJECTIVES["subtb"], seeds=(5, 5 + apart)))
    assert all((p[0] != p[1]).all() for p in trainer.trained)
    first, second = trainer.policy.noise(trainer.generators, 50)
    assert (first != second).all()


@pytest.mark.parametrize("apart", APART)
def test_task_seeds_that_share_their_low_bits_give_different_tasks(apart):
    sets, sequences, dags = ([model(task_seed=s) for s in (3, 3 + apart)] for model in (Sets, Sequences, DAGs))
    assert (sets[0].values != sets[1].values).all()
    assert (sequences[0].letter_values[:-2] != sequences[1].letter_values[:-2]).all()
    assert (sequences[0].position_weights != sequences[1].position_weights).all()
    assert (dags[0].observations != dags[1].observations).all()


@given(seeds)
@example(0)
def test_initial_weights_are_not_the_noise_of_the_first_batch(seed):
    """Nor are the weights of one network those of another."""
    trainer = Trainer(small(policy=PolicySettings(hidden=(64,)), objective=OBJECTIVES["subtb"], seeds=(seed,)))
    policy, flow = (network.weights[0][0].T for network in (trainer.policy.network, trainer.flow))
    drawn = [(weight.detach() * len(weight.T) ** 0.5 + 1).flatten() / 2 for weight in (policy, flow)]  # U[0, 1]
    drawn.append(trainer.policy.noise(trainer.generators, policy.numel()).flatten())
    for k, one in enumerate(drawn):
        assert 0.1 < one.mean() < 0.9
        assert all(((one - other).abs() > 1e-6).all() for other in drawn[:k])


def test_seeds_that_cannot_be_told_apart_are_refused(monkeypatch):
    """Equal ones, and those of which the hash is the same."""
    with pytest.raises(SettingsError, match=r"^seeds = \(3, 5, 3\) is not allowed: two of them [^\n.]+$"):
        streams("training", (3, 5, 3))
    monkeypatch.setattr(randomness, "shake_256", lambda name: SimpleNamespace(digest=bytes))
    with pytest.raises(SettingsError, match=r"^seeds = \(3, 5\) is not allowed"):
        Trainer(small(seeds=(3, 5)))


class Enough(Exception):
    """Raised in place of work, once the streams that it needs are there."""


@pytest.fixture
def names(monkeypatch) -> list[bytes]:
    """The names of all streams made since the start of the test; no state is counted and no gradient estimated in it."""

    def noted(name):
        found.append(name)
        return shake_256(name)

    def enough(*_, **__):
        raise Enough

    found: list[bytes] = []
    monkeypatch.setattr(randomness, "shake_256", noted)
    for module in (draws, off_policy):
        monkeypatch.setattr(module, "rollout", enough)
    monkeypatch.setattr(draws, "all_probabilities", enough)
    monkeypatch.setattr(gradients, "ROWS", 2**40)  # all replicates at once
    monkeypatch.setattr(accuracy, "EXACT_STATES", 0)
    return found


def distinct_runs(profile):
    """All runs but those that differ only in what no stream depends on, and costs, whose trainings have those of trainings."""
    found = {}
    for spec in [spec for figure in FIGURES for spec in runs(figure, profile).values() if spec.kind != "cost"]:
        kinds = {
            "training": lambda spec: (spec.task, spec.policy, spec.objective.name in WITH_FLOW),
            "rival": lambda spec: (spec.task, spec.model),
        }
        found[kinds.get(spec.kind, lambda spec: spec.hash)(spec)] = spec
    return found.values()


def test_no_two_streams_of_the_edition_are_alike(names):
    """No run has two of one name, but for those that stages of training share, and no two names give the same numbers."""
    for spec in distinct_runs("edition"):
        start = len(names)
        if isinstance(spec, TrainingSpec):
            trainer = Trainer(spec.model_copy(update={"l1_objects": 4, "l1_orders": 1, "resolution": 8}))
            made = names[start:]
            assert len(made) >= 2 * len(spec.seeds)
            trainer.evaluate()
        elif isinstance(spec, GradientSpec):
            at_start = {"warmup": (0,), "draws": draws.Draws(), "off_policy": None}
            (first,) = gradients.stages(spec.model_copy(update=at_start))
            policy = gradients.replicate(first.policy, 1)
            for seed, size in itertools.product(spec.seeds, spec.batch_sizes):
                with pytest.raises(Enough):
                    gradients.replicated_gradients(spec, policy, size, seed)
            made = names[start:]
            assert len(made) > len(spec.seeds) * len(spec.batch_sizes) * spec.replicates
        elif isinstance(spec, RivalSpec):
            rivals._rivals(spec)
            made = names[start:]
            assert len(made) >= len(spec.seeds)
        else:
            sample_reference(spec.model_copy(update={"samples": 4, "warmup": 1}))
            made = names[start:]
            assert len(made) == len(spec.seeds)
        assert len(set(made)) == len(made)
    different = [ast.literal_eval(name.decode()) for name in set(names)]
    laws = {
        "sets: f",
        "sequences: f",
        "sequences: g",
        "linear-Gaussian network",
        "random_mixture: means",
        "digits: start",
    }
    models = {"spline flow", "path integral sampler", "denoising diffusion", "adversarial", "masked diffusion"}
    networks = {f"weights: {name}" for name in ("policy", "flow", *models)} | {"rival", "rival: chain"}
    measures = {"L1: policy's objects", "L1: target's objects", "L1: backward orders", "evidence lower bound"}
    assert {name[0] for name in different} == {*laws, *networks, *measures, "training", "gradients", "reference chain"}
    drawn = {tuple(torch.rand(4, generator=stream(*name)).tolist()) for name in different}
    assert len(drawn) == len(different)


DRAWS = {"rand", "randn", "randint", "randperm", "multinomial", "bernoulli", "normal"}
DRAWS |= {f"{name}_" for name in ("random", "uniform", "normal", "exponential", "bernoulli")}
SOURCES = {"Generator", "default_rng", "RandomState", "Random", "seed", "manual_seed", "SeedSequence"}


@pytest.mark.parametrize("path", sorted(Path(gfn.__file__).parent.rglob("*.py")), ids=lambda path: path.stem)
def test_all_randomness_is_made_in_one_place(path):
    """No module but that of streams makes a generator, and all that draws is given one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", None))
            assert called not in SOURCES or path.name == "randomness.py", f"line {node.lineno}"
            assert called not in DRAWS or "generator" in {k.arg for k in node.keywords}, f"line {node.lineno}"
