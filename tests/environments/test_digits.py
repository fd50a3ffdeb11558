"""Digits: the pictures as they are shipped, the fit to them, and density and samples that are those of the fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gfn.environments import Digits, digits
from gfn.environments.contract import check_task
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.evaluation.samples import mode_measures
from gfn.randomness import stream
from gfn.settings import SettingsError

SMALL = Digits(side=3, prototypes=4)


def test_the_pictures_are_the_digits():
    """Their number, how much ink there is, and one that is known: the first is a nought."""
    every = digits.pictures(8)
    assert every.shape == (1797, 64)
    assert set(every.unique().tolist()) == {0, 1}
    nought = ["...##...", "..#####.", "..#..##.", "..#...#.", "..#...#.", "..#..##.", "..#.##..", "...###.."]
    found = ["".join(".#"[int(bit)] for bit in row) for row in every[0].view(8, 8)]
    assert sum(a != b for one, other in zip(found, nought) for a, b in zip(one, other)) <= 6
    assert torch.equal(digits.pictures(2), every.view(-1, 8, 8)[:, 3:5, 3:5].flatten(1))


def test_a_changed_file_is_refused(tmp_path, monkeypatch):
    changed = bytearray(digits.DATA.read_bytes())
    changed[0] ^= 1
    (tmp_path / "digits.bits").write_bytes(changed)
    monkeypatch.setattr(digits, "DATA", tmp_path / "digits.bits")
    with pytest.raises(ValueError, match="has been changed: install the package again"):
        digits.pictures.__wrapped__(8)


@pytest.mark.parametrize("task", [SMALL, Digits(side=2), Digits(side=1, prototypes=2), Digits(side=3, floor=0.3)])
def test_the_density_adds_up_to_one(task):
    """Over all pictures, each of which is the product of its pixels' probabilities in a mixture."""
    objects = state_graph(task).objects
    assert len(objects) == 2**task.side**2
    assert float(task.log_reward(objects).logsumexp(0)) == pytest.approx(0, abs=1e-12)
    ink = (objects > 0).unsqueeze(1)
    each = torch.where(ink, task.ink, 1 - task.ink).prod(-1) @ task.weights
    torch.testing.assert_close(task.log_reward(objects).exp(), each, atol=1e-14, rtol=1e-10)
    assert float(task.weights.sum()) == pytest.approx(1, abs=1e-12)
    assert task.floor - 1e-7 <= float(task.ink.min()) <= float(task.ink.max()) <= 1 - task.floor + 1e-7


def test_samples_follow_it():
    """By a chi-squared test, at six standard deviations."""
    count, expected = 20_000, 20_000 * target_distribution(SMALL)
    keys = SMALL.key(state_graph(SMALL).objects)
    drawn = SMALL.key(SMALL.sample_target(count, stream("test", 0)))
    found = (drawn.unsqueeze(1) == keys).sum(0)
    assert int(found.sum()) == count
    statistic = float(((found - expected).square() / expected).sum())
    # Of cells with few expected pictures the variance is more than two.
    variance = float((2 + 1 / expected).sum())
    assert abs(statistic - (len(keys) - 1)) < 6 * math.sqrt(variance)


def test_shares_of_parts_are_the_weights_on_average():
    objects, p = state_graph(SMALL).objects, target_distribution(SMALL)
    shares = SMALL.mode_shares(objects.double())
    torch.testing.assert_close(shares.sum(-1), torch.ones(len(objects), 1, dtype=torch.float64))
    torch.testing.assert_close(torch.einsum("n,nfk->fk", p, shares), SMALL.mode_weights)
    found = mode_measures(Digits(), Digits().sample_target(4000, stream("test", 1)))
    assert found["mode_tv"] < 0.06
    assert found["missed"] == 0


def test_the_fit_is_a_maximum_of_likelihood():
    """Better than one part alone, and no probability of a pixel can be changed for the better."""
    data = 2 * digits.pictures(8) - 1
    whole, one = Digits(), Digits(prototypes=1)
    assert float(whole.log_reward(data).mean()) > float(one.log_reward(data).mean()) + 5
    torch.testing.assert_close(one.ink[0], digits.pictures(8).mean(0).clamp(0.01, 0.99), atol=1e-6, rtol=0)
    shares = whole.mode_shares(data)[:, 0]
    again = (shares.T @ digits.pictures(8) / shares.sum(0).unsqueeze(1)).clamp(0.01, 0.99)
    torch.testing.assert_close(again, whole.ink, atol=2e-3, rtol=0)


def test_the_task_seed_says_where_it_starts():
    first, second = Digits(task_seed=1), Digits(task_seed=2)
    assert torch.equal(first.ink, Digits(task_seed=1).ink)
    digits._fit.cache_clear()
    assert torch.equal(first.ink, Digits(task_seed=1).ink)
    assert not torch.equal(first.ink, second.ink)


def test_it_keeps_its_contract_at_full_size():
    task = Digits()
    problems, done = check_task(task)
    assert problems == []
    assert "walks" in done
    assert not task.countable
    assert task.state_count == 2**65 - 1
    with pytest.raises(ValueError, match="8 × 8 pixels are too many to enumerate"):
        task.key(task.initial(1))
    assert Digits(side=6).countable


@pytest.mark.parametrize("field", [{"side": 0}, {"side": 9}, {"prototypes": 0}, {"floor": 0}, {"floor": 0.5}])
def test_other_sizes_are_refused(field):
    with pytest.raises(SettingsError, match=next(iter(field))):
        Digits(**field)


def test_a_picture_is_written_in_reading_order():
    task = Digits(side=2)
    state = task.initial(1)
    for action in (1, 0, 0, 1):
        assert not task.is_terminal(state)
        state = task.step(state, torch.tensor([action]))
    assert state.tolist() == [[1, -1, -1, 1]]
    assert np.array_equal(task.step(state, torch.tensor([0])), state)
