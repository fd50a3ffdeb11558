"""What larger pictures would take, against what the digits do take."""

from __future__ import annotations

import pytest

from gfn.environments import Digits
from gfn.policies import PolicySettings, make_policy
from gfn.study.evidence.scale import needs


def test_the_digits_are_those_of_the_task():
    """Steps, bits and weights of the policy that there is."""
    row, task = needs((64, 32), 64, 1000).set_index("pictures").loc["digits"], Digits()
    assert row.steps == row.bits == task.max_steps
    policy = make_policy(task, PolicySettings(hidden=(64, 32)), (0,))
    assert row.weights == sum(parameter.numel() for parameter in policy.parameters())


def test_larger_pictures_take_more():
    """With the square of the number of steps, where the first layer is what is dear."""
    table = needs((64, 64), 64, 1000).set_index("pictures")
    assert table.steps.tolist() == [64, 3072, 12_288]
    assert table.bits.tolist() == [64, 24_576, 98_304]
    for column in ("products", "batch_bytes", "core_hours", "gpu_hours"):
        assert table[column].is_monotonic_increasing
    assert table.products["CelebA"] / table.products["CIFAR-10"] == pytest.approx(16, rel=0.2)
    assert needs((64, 64), 64, 2000).core_hours.sum() == pytest.approx(2 * table.core_hours.sum())
