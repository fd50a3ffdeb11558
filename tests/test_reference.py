"""Hamiltonian Monte Carlo and the exact sampler draw from the same banana."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from gfn.environments import Banana
from gfn.evidence import compare_samples, reference_samples
from gfn.reference import sample_nuts, sample_reference
from gfn.results import Run, read_run, write_run
from gfn.spec import ReferenceSpec

SPEC = ReferenceSpec(task=Banana(correlation=0.5), seeds=(0, 1), samples=150, warmup=60)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    path = tmp_path_factory.mktemp("reference") / "run.parquet"
    write_run(path, SPEC, sample_reference(SPEC))
    return read_run(path)


def test_both_samplers_agree(run):
    """Kolmogorov-Smirnov distances below the point of 1 in 1000, means within 4 standard errors, for the effective size."""
    table = compare_samples(run)
    assert list(table.index) == ["x1", "x2"]
    for row in table.to_dict("index").values():
        assert row["effective draws"] > 20
        assert row["KS distance"] < 1.95 / 1.358 * row["5 % point"]
        error = row["exact sd"] * np.sqrt(1 / row["effective draws"] + 1 / 300)
        assert row["HMC mean"] == pytest.approx(row["exact mean"], abs=4 * error)


def test_the_comparison_can_tell_bananas_apart(run):
    """Against draws shifted by two standard deviations the distance is far beyond its critical point."""
    shifted = run.frame.assign(value=run.frame.value + 2)
    table = compare_samples(Run(run.spec, shifted, {}))
    assert table["KS distance"]["x1"] > 2 * table["5 % point"]["x1"]


def test_records_are_the_draws_of_every_chain(run):
    """Both coordinates of each, in order; chains differ with their seeds and repeat with them."""
    samples = reference_samples(run)
    assert samples.shape == (300, 2)
    again = sample_nuts(SPEC.task, 1, 150, 60).numpy()
    np.testing.assert_array_equal(samples[150:], again)
    assert not np.array_equal(samples[:150], samples[150:])


def test_global_randomness_is_left_alone():
    """And the largest seed works."""
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    seen = []
    sample_reference(ReferenceSpec(seeds=(2**63 - 1,), samples=4, warmup=4), lambda *now: seen.append(now))
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert seen == [(1, 1)]
