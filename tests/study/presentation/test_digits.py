"""Numbers as readers see them."""

from __future__ import annotations

import math

import pytest

from gfn.study.presentation.digits import beside, neat, number, short, spread, together


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.12, "0.120"),
        (1123.4, "1\u202f120"),
        (999.9, "1\u202f000"),
        (1.1e-4, "1.10 × 10⁻⁴"),
        (1.5e7, "1.50 × 10⁷"),
        (0.0009999, "0.00100"),
        (-2.0, "−2.00"),
        (12345, "12\u202f345"),
        (0.0, "0"),
        (math.nan, "–"),
        (-math.inf, "−∞"),
    ],
)
def test_three_significant_digits(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1, "0.1"),
        (1.25, "1.25"),
        (-2.0, "−2"),
        (16384, "16\u202f384"),
        (1e-5, "1 × 10⁻⁵"),
        (2.5e6, "2.5 × 10⁶"),
        (0.0, "0"),
        (math.inf, "∞"),
    ],
)
def test_settings_have_no_more_digits_than_they_need(value, shown):
    assert short(value) == shown


@pytest.mark.parametrize(
    ("value", "bounds", "shown"),
    [
        (1.23456, (), "1.23"),
        (-0.5, (), "−0.500"),
        (1.0999, (1.1,), "1.0999"),
        (1.1, (1.1,), "1.10"),
        (1.2496, (0.8, 1.25), "1.2496"),
        (1.2496, (-math.inf, 2), "1.25"),
        (163462, (), "163\u202f000"),
        (0.00001234, (), "1.23 × 10⁻⁵"),
        (0.00010004, (0.0001,), "1.0004 × 10⁻⁴"),
        (math.inf, (1,), "∞"),
        (math.nan, (1,), "–"),
    ],
)
def test_numbers_show_on_which_side_of_a_bound_they_are(value, bounds, shown):
    assert beside(value, *bounds) == shown


def test_mean_and_deviation_have_places_and_power_in_common():
    assert spread(3e-5, 1.4e-5, 3e-5) == "(3.00\u00a0±\u00a01.40)\u00a0×\u00a010⁻⁵ (3.00\u00a0×\u00a010⁻⁵)"
    assert spread(0.433, 0.404, 0.2) == "0.433\u00a0±\u00a00.404 (0.200)"
    assert spread(1234.0, 12.0) == "1\u202f234\u00a0±\u00a012"
    assert spread(0.5, math.nan) == "0.500"
    assert spread(0.1, 0.01, 0.1, parted="\n") == "0.100\n± 0.010\n(0.100)"


@pytest.mark.parametrize("small", [1e-2, 1e-4, 1e-5, 1e-9, 1e-30])
@pytest.mark.parametrize("large", [1e-6, 0.5, 30.0, 2e4, 3e8])
def test_what_is_not_zero_is_never_shown_as_zero(small, large):
    shown, _ = together([large, small * large])
    assert all(any(digit in "123456789" for digit in text) for text in shown), shown


def test_numbers_within_a_text():
    assert neat("1.1e+03 to -2, 12,345 of 20000, 95%") == ("1\u202f100 to −2, 12\u202f345 of 20\u202f000, 95\u202f%")
    assert neat("2026-11-26, set-based, 3-seed") == "2026-11-26, set-based, 3-seed"
