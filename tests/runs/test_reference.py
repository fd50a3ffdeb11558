"""Hamiltonian Monte Carlo and the exact sampler draw from the same banana."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch

from gfn.environments import Banana
from gfn.runs.reference import sample_nuts, sample_reference
from gfn.runs.spec import ReferenceSpec
from gfn.study.evidence.planar import compare_samples, reference_samples
from gfn.study.results import Run, read_run, write_run

SPEC = ReferenceSpec(task=Banana(correlation=0.0), seeds=(0, 1), samples=300, warmup=100)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    path = tmp_path_factory.mktemp("reference") / "run.parquet"
    write_run(path, SPEC, sample_reference(SPEC))
    return read_run(path)


def test_both_samplers_agree(run):
    """Kolmogorov-Smirnov distances below the point of 1 in 1000 and means within 3 standard errors, for the effective size."""
    table = compare_samples(run)
    assert list(table.index) == ["x1", "x2"]
    for row, mean, variance in zip(table.to_dict("index").values(), (0, -2), (1, 3), strict=True):
        assert row["effective draws"] > 40
        assert row["KS distance"] < 1.95 / 1.358 * row["5 % point"]
        assert row["HMC mean"] == pytest.approx(mean, abs=3 * (variance / row["effective draws"]) ** 0.5)
        assert row["exact mean"] == pytest.approx(mean, abs=3 * (variance / 600) ** 0.5)


def test_the_comparison_can_tell_bananas_apart(run):
    """Against draws shifted by two standard deviations the distance is far beyond its critical point."""
    shifted = run.frame.assign(value=run.frame.value + 2)
    table = compare_samples(Run(run.spec, shifted, {}))
    assert table["KS distance"]["x1"] > 2 * table["5 % point"]["x1"]


def test_records_are_the_draws_of_every_chain():
    """Both coordinates of each, in order; chains differ with their seeds and repeat with them."""
    spec = ReferenceSpec(seeds=(3, 1), samples=6, warmup=5)
    chains = [sample_nuts(spec.task, seed, 6, 5).tolist() for seed in spec.seeds]
    records = iter(sample_reference(spec))
    for seed, chain in zip(spec.seeds, chains, strict=True):
        for cell, point in enumerate(chain):
            for metric, value in zip(("x1", "x2"), point, strict=True):
                assert next(records) == {"seed": seed, "cell": cell, "metric": metric, "value": value}
    assert next(records, None) is None
    assert chains[0] != chains[1]


def test_draws_have_the_energy_of_the_density(run):
    """Without correlation E[-log r] is 1 + log 2π: a chain for another temperature would give another mean."""
    samples = torch.tensor(reference_samples(run))
    assert samples.shape == (600, 2)
    energy = -SPEC.task.log_density(samples) - math.log(2 * math.pi)
    assert float(energy.mean()) == pytest.approx(1, abs=0.3)


def test_global_randomness_is_left_alone():
    """And the largest seed works."""
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    seen = []
    sample_reference(ReferenceSpec(seeds=(2**63 - 1,), samples=4, warmup=4), lambda *now: seen.append(now))
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert seen == [(1, 1)]
