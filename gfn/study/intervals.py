"""Intervals for a median over seeds, and for an estimate with a standard error, that hold several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, inf
from statistics import NormalDist

import numpy as np

LEVEL = 0.90  # that all intervals of one criterion hold together


@dataclass(frozen=True)
class Interval:
    """A number with its interval.

    Attributes:
        middle: the median over seeds, or the estimate.
        low, high: the ends; infinite where the seeds are too few for an interval.
        error: an upper bound for the probability that the interval misses what it is for.
    """

    middle: float
    low: float
    high: float
    error: float


def rank(count: int, tests: int) -> int:
    """The largest k for which the ``tests`` intervals from the k-th smallest to the k-th largest of ``count`` values
    hold together with probability ``LEVEL``; 0 if not even those from the smallest to the largest do.
    """
    fitting = [k for k in range(1, count // 2 + 1) if tests * rank_error(count, k) <= 1 - LEVEL]
    return max(fitting, default=0)


def rank_error(count: int, k: int) -> float:
    """How often the interval from the k-th smallest to the k-th largest of ``count`` values misses the median, at most.

    It does where fewer than k values lie on one side of the median, and each lies there with probability ½ at most:
    2 P(Binomial(count, ½) < k). So it holds for every distribution, and equally for a quantity and its logarithm.
    """
    return 2 * sum(comb(count, below) for below in range(k)) / 2**count


def of_median(values: Sequence[float], tests: int = 1) -> Interval:
    """The interval of the median of what ``values``, one for each seed, are drawn from.

    Arguments:
        values: independent, of any distribution. Where one is not a number, there is no interval.
        tests: how many such intervals are to hold together (Bonferroni: whatever depends on what).
    """
    ordered = np.sort(np.asarray(values, float))
    middle, k = float(np.median(ordered)), rank(len(ordered), tests)
    if k == 0 or np.isnan(ordered).any():
        return Interval(middle, -inf, inf, 0.0)
    return Interval(middle, float(ordered[k - 1]), float(ordered[-k]), rank_error(len(ordered), k))


def of_estimate(value: float, error: float, tests: int = 1) -> Interval:
    """The normal interval of an estimate with a standard error, one of ``tests`` that are to hold together."""
    share = (1 - LEVEL) / tests
    reach = NormalDist().inv_cdf(1 - share / 2) * error
    return Interval(value, value - reach, value + reach, share)
