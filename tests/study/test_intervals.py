"""Intervals hold as often as they say, whatever the seeds' distribution is, one by one and together."""

from __future__ import annotations

from itertools import product
from math import inf

import numpy as np
import pytest

from gfn.study.intervals import LEVEL, of_estimate, of_median, rank, rank_error

SEEDS = 10
SIMULATIONS = 4000
SLACK = 3 * 0.5 / SIMULATIONS**0.5  # three standard errors of a share

MEDIANS = {"normal": 1.0, "skewed": 1.0, "bimodal": None}


def seeds(kind: str, draw: np.random.Generator, *shape: int) -> np.ndarray:
    """Ratios of errors around one: normal, log-normal, or of seeds of which 30 % are five times worse."""
    if kind == "normal":
        return 1 + 0.1 * draw.normal(size=shape)
    if kind == "skewed":
        return np.exp(draw.normal(size=shape))
    return np.where(draw.random(shape) < 0.3, 5.0, 1.0) * (1 + 0.1 * draw.normal(size=shape))


def true_median(kind: str) -> float:
    return MEDIANS[kind] or float(np.median(seeds(kind, np.random.default_rng(99), 4_000_000)))


@pytest.mark.parametrize(("kind", "tests", "dependent"), [*product(MEDIANS, (1, 4, 36), (False, True))])
def test_intervals_of_medians_hold_together(kind, tests, dependent):
    """All of a criterion at the level, each as often as its own error says; tests on one seed may be one and the same."""
    draw = np.random.default_rng(tests)
    values = seeds(kind, draw, SIMULATIONS, 1 if dependent else tests, SEEDS)
    k = rank(SEEDS, tests)
    ordered = np.sort(values, axis=-1)
    found = [of_median(row, tests) for row in values[0]]
    np.testing.assert_allclose([i.low for i in found], ordered[0, :, k - 1])
    np.testing.assert_allclose([i.high for i in found], ordered[0, :, SEEDS - k])
    holds = (ordered[..., k - 1] <= true_median(kind)) & (true_median(kind) <= ordered[..., SEEDS - k])
    assert holds.mean() >= 1 - rank_error(SEEDS, k) - SLACK
    assert holds.all(axis=1).mean() >= 1 - tests * rank_error(SEEDS, k) - SLACK >= LEVEL - SLACK
    # The bound of a single one is met exactly where the distribution is continuous.
    assert holds.mean() <= 1 - rank_error(SEEDS, k) + SLACK


def test_the_bootstrap_of_version_1_was_too_narrow():
    """Percentiles of bootstrapped ratios of means, ten bimodal seeds above and below: 95 % are far less, over and over."""
    draw = np.random.default_rng(0)
    above, below = (seeds("bimodal", draw, 600, SEEDS) for _ in range(2))
    chosen = draw.integers(SEEDS, size=(600, 800, SEEDS))
    means = [np.take_along_axis(part[:, None], chosen, 2).mean(2) for part in (above, below)]
    low, high = np.quantile(means[0] / means[1], (0.025, 0.975), axis=1)
    covered = np.mean((low <= 1) & (high >= 1))
    assert covered < 0.95 - 3 * (0.95 * 0.05 / 600) ** 0.5
    # The median of paired ratios is one, too, and its interval is as good as it says.
    assert (
        np.mean([(i := of_median(row)).low <= 1 <= i.high for row in above / below])
        >= 1 - rank_error(SEEDS, rank(SEEDS, 1)) - 0.04
    )


@pytest.mark.parametrize(
    ("count", "tests", "k"),
    [(10, 1, 2), (10, 4, 2), (10, 5, 1), (10, 51, 1), (10, 52, 0), (3, 1, 0), (1, 1, 0), (5, 1, 1), (20, 1, 6)],
)
def test_the_narrowest_pair_that_is_sure_enough(count, tests, k):
    """The next narrower one would not be."""
    assert rank(count, tests) == k
    assert k == 0 or tests * rank_error(count, k) <= 1 - LEVEL
    assert tests * rank_error(count, k + 1) > 1 - LEVEL


def test_errors_of_ranks_are_binomial():
    assert rank_error(10, 1) == 2 / 1024
    assert rank_error(10, 2) == 22 / 1024
    assert rank_error(3, 1) == 1 / 4


def test_three_seeds_have_no_interval():
    """Which never misses; nor has anything that is not a number."""
    for values in ([1.0, 2.0, 3.0], [*range(9), np.nan]):
        interval = of_median(values)
        assert (interval.low, interval.high, interval.error) == (-inf, inf, 0)
    assert of_median([3.0, 1.0, 2.0]).middle == 2


def test_order_statistics_do_not_see_logarithms():
    values = np.exp(np.random.default_rng(1).normal(size=10))
    plain, logs = of_median(values, 3), of_median(np.log(values), 3)
    assert np.log([plain.low, plain.high]) == pytest.approx([logs.low, logs.high])


@pytest.mark.parametrize("tests", [1, 16])
def test_intervals_of_estimates_hold_together(tests):
    """Estimates with known standard errors: the normal interval, wider for several."""
    draw = np.random.default_rng(tests)
    noise = 0.5 * draw.normal(size=(SIMULATIONS, tests))
    reach = of_estimate(2.0, 0.5, tests)
    assert (reach.middle, reach.error) == (2, pytest.approx((1 - LEVEL) / tests))
    assert reach.high - 2 == pytest.approx(2 - reach.low)
    together = (np.abs(noise) <= reach.high - 2).all(axis=1).mean()
    assert LEVEL - SLACK <= together <= LEVEL + SLACK + 0.01
