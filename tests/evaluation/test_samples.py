"""Measures of samples on pairs of laws for which their values are known in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from gfn.environments import Funnel, GaussianMixture, ManyWell, RandomMixture
from gfn.evaluation.samples import (
    mode_measures,
    resample,
    sample_measures,
    sliced_wasserstein,
    target_measures,
    weight_measures,
)

COUNT, LOG_Z = 100_000, 2.5
GAUSSIANS = [(0.0, 1.0), (0.5, 1.0), (-1.0, 0.8), (0.3, 1.2)]


def normal(count=COUNT, *shape, seed=0):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def log_weights(x, mean, scale):
    """Of the target exp(LOG_Z) N(0, 1) and the sampler N(mean, scale²)."""
    return LOG_Z - x.square() / 2 + ((x - mean) / scale).square() / 2 + math.log(scale)


@pytest.mark.parametrize(("mean", "scale"), GAUSSIANS)
def test_bounds_are_the_kl_divergences_of_gaussians(mean, scale):
    """Within five of the standard errors that are stated."""
    found = weight_measures(log_weights(mean + scale * normal(), mean, scale), LOG_Z)
    reverse = (scale**2 + mean**2 - 1) / 2 - math.log(scale)
    assert float(found["elbo_gap"]) == pytest.approx(reverse, abs=5 * float(found["elbo_gap_error"]) + 1e-12)
    back = target_measures(log_weights(normal(seed=1), mean, scale), LOG_Z)
    forward = (1 + mean**2) / (2 * scale**2) - 0.5 + math.log(scale)
    assert float(back["eubo_gap"]) == pytest.approx(forward, abs=5 * float(back["eubo_gap_error"]) + 1e-12)
    assert float(found["elbo_gap_error"]) < 0.01 > float(back["eubo_gap_error"])


@pytest.mark.parametrize(("mean", "scale"), [(0.0, 1.0), (0.5, 1.0), (0.3, 1.2)])
def test_effective_share_and_log_z_of_gaussians(mean, scale):
    """1 / E[w²] of normalised weights is a Gaussian integral."""
    found = weight_measures(log_weights(mean + scale * normal(), mean, scale), LOG_Z)
    narrow = 2 - 1 / scale**2
    second = scale / math.sqrt(narrow) * math.exp(mean**2 / scale**2 * (1 / (scale**2 * narrow) + 1) / 2)
    assert float(found["effective_share"]) == pytest.approx(1 / second, rel=0.03)
    assert float(found["log_z_error"]) < 0.02


def test_weights_by_hand():
    """Equal ones, one alone, and two rows at once."""
    rows = torch.tensor([[LOG_Z] * 4, [LOG_Z + math.log(4), *[-1e4] * 3]])
    found = weight_measures(rows, LOG_Z)
    assert found["effective_share"].tolist() == pytest.approx([1, 0.25])
    assert found["log_z_error"].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert found["elbo_gap"][0] == pytest.approx(0, abs=1e-6)


def test_distance_of_points_on_a_line():
    points = normal(500, 1)
    assert sliced_wasserstein(points, 2 * points) == pytest.approx(float(points.abs().mean()))
    assert sliced_wasserstein(points, points[torch.randperm(500)]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("size", [2, 10])
def test_distance_of_points_that_are_moved(size):
    """By |μ| E|θ₁| on average over lines θ, for which there is a formula."""
    points, move = normal(300, size), torch.zeros(size, dtype=torch.float64)
    move[1] = 3.0
    due = 3 * math.gamma(size / 2) / (math.sqrt(math.pi) * math.gamma((size + 1) / 2))
    found = [sliced_wasserstein(points, points + move, seed) for seed in range(10)]
    assert sum(found) / 10 == pytest.approx(due, rel=0.08)


def test_distance_of_scaled_gaussians():
    """N(0, 4 I) from N(0, I): on every line (2 − 1) E|x|."""
    found = sliced_wasserstein(normal(20_000, 3), 2 * normal(20_000, 3, seed=1))
    assert found == pytest.approx(math.sqrt(2 / math.pi), abs=0.03)


def test_modes_by_hand():
    task = RandomMixture(peaks=4, reach=1000)
    assert mode_measures(task, task.means) == pytest.approx({"mode_tv": 0, "missed": 0}, abs=1e-9)
    assert mode_measures(task, task.means[:1]) == pytest.approx({"mode_tv": 0.75, "missed": 0.75})
    several = task.means[[0, 0, 0, 0, 0, 1, 1, 2]]
    assert mode_measures(task, several) == pytest.approx({"mode_tv": 0.375, "missed": 0.25})
    assert mode_measures(Funnel(), torch.zeros(1, 10)) == {}


def test_modes_of_many_well_are_its_wells():
    """All points in the left ones: the right wells, which are the heavier, are missed."""
    task = ManyWell(pairs=3)
    right = float(task.mode_weights[0, 1])
    assert 0.5 < right < 1
    found = mode_measures(task, torch.tensor([[-1.7, 0.0] * 3] * 5, dtype=torch.float64))
    assert found == pytest.approx({"mode_tv": right, "missed": 0.5})


@pytest.mark.parametrize("task", [GaussianMixture(), Funnel(), ManyWell()], ids=lambda task: task.task)
def test_exact_samples_are_at_the_floor(task):
    """Their distance is that of two sets of exact samples, up to chance; that of others is not."""
    drawn = task.sample_target(2000, torch.Generator().manual_seed(5))
    found = [sample_measures(task, drawn, seed) for seed in range(3)]
    assert all(0.3 < each["sliced"] / each["sliced_floor"] < 3 for each in found)
    assert all(each.get("missed", 0) == 0 for each in found)
    assert sample_measures(task, drawn + 5, 0)["sliced"] > 3 * found[0]["sliced_floor"]


def test_the_floor_falls_with_the_root_of_the_number():
    floors = [
        sum(sample_measures(GaussianMixture(), torch.zeros(n, 2), seed)["sliced_floor"] for seed in range(8))
        for n in (50, 1250)
    ]
    assert floors[0] / floors[1] == pytest.approx(5, rel=0.4)


def test_resampled_points_have_the_weights():
    """Each at least as often as the whole part of its share, so that half of the weight is half of the points."""
    points, weights = torch.arange(8).unsqueeze(1), torch.tensor([4.0, 2.0, 1.0, 1.0, 0, 0, 0, 0])
    drawn = resample(points, weights.log(), torch.Generator().manual_seed(0)).flatten()
    assert drawn.bincount(minlength=8).tolist() == [4, 2, 1, 1, 0, 0, 0, 0]
