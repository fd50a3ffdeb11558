"""Distances to the target: their bounds, closed cases, and the estimate of L1 against its exact value."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import Banana, GaussianMixture, Sequences, Sets
from gfn.environments.enumeration import target_distribution
from gfn.evaluation import accuracy as metrics
from gfn.evaluation.accuracy import accuracy, estimate_l1, jsd, l1, policy_density, target_density
from gfn.evaluation.exact import terminal_distribution
from gfn.policies import MixturePolicy, PolicySettings, make_policy
from gfn.policies.mixture import MIN_SCALE
from gfn.sampling import evaluate
from tests.helpers import small_policy, train

SIX = Sets(universe=6, size=3)
weights = st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any)


def distribution(values):
    return torch.tensor(values, dtype=torch.float64) / sum(values)


@given(weights, weights)
def test_l1_is_a_distance_between_0_and_2(one, other):
    """0 for equal ones alone, 2 for disjoint ones, symmetric."""
    size = max(len(one), len(other))
    p, q = (distribution(values + [0] * (size - len(values))) for values in (one, other))
    distance = float(l1(p, q))
    assert 0 <= distance <= 2 + 1e-12
    assert (distance < 1e-12) == torch.allclose(p, q, rtol=0, atol=1e-12)
    assert distance == float(l1(q, p))
    apart = [torch.cat(parts) for parts in ((p, 0 * q), (0 * p, q))]
    assert float(l1(*apart)) == pytest.approx(2)


def exact_l1(task, policy):
    return l1(terminal_distribution(task, policy), target_distribution(task))


@pytest.mark.parametrize("steps", [0, 40])
def test_the_estimate_of_l1_agrees_with_the_exact_value(steps):
    """Means of 20 estimates with many orders, within four standard errors (false-alarm rate 1e-4 each) and 1 % of bias."""
    policy = train(SIX, small_policy(SIX, [1]), steps)
    exact = float(exact_l1(SIX, policy))
    found = torch.cat([estimate_l1(SIX, policy, 200, 60, seed)[0] for seed in range(20)])
    error = float(found.std()) / math.sqrt(20)
    assert error < 0.02
    assert float(found.mean()) == pytest.approx(exact, abs=4 * error + 0.01 * exact)


def test_the_noise_of_few_orders_biases_the_estimate_upwards():
    """By more, the fewer they are; with a single one by far more than the noise."""
    policy = train(SIX, small_policy(SIX), 40)
    exact = float(exact_l1(SIX, policy))
    found = [torch.cat([estimate_l1(SIX, policy, 200, n, seed)[0] for seed in range(8)]).mean() for n in (1, 4, 60)]
    assert found[0] > found[1] > found[2]
    assert found[0] > 1.5 * exact


def test_the_estimate_is_zero_at_the_target():
    """Whatever the number of orders: a uniform policy on equal rewards."""
    task = Sets(universe=6, size=3, low=0.5, high=0.5)
    policy = small_policy(task, [0, 1])
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.zero_()
    torch.testing.assert_close(exact_l1(task, policy), torch.zeros(2).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(estimate_l1(task, policy, 10, 1)[0], torch.zeros(2).double(), rtol=0, atol=1e-12)


def test_the_estimate_repeats_and_its_chunks_do_not_matter(monkeypatch):
    """Equal seeds give equal estimates; with another chunk size other orders are drawn, of the same law."""
    policy = small_policy(SIX, [0, 1])
    one, same, other = (estimate_l1(SIX, policy, 100, 20, seed)[0] for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    whole = torch.stack([estimate_l1(SIX, policy, 100, 20, seed)[0] for seed in range(10)])
    monkeypatch.setattr(metrics, "ROWS", 1)
    split = torch.stack([estimate_l1(SIX, policy, 100, 20, seed)[0] for seed in range(10)])
    torch.testing.assert_close(split.mean(0), whole.mean(0), rtol=0, atol=0.03)


@pytest.mark.parametrize(
    ("task", "metric", "states"),
    [(SIX, "l1", 42), (Sequences(alphabet=2, length=2), "l1", 99), (SIX, "l1", 41), (Banana(), "jsd", 0)],
    ids=["exact", "exact sequences", "estimated", "quadrature"],
)
def test_accuracy_takes_the_best_there_is(task, metric, states, monkeypatch):
    """Quadrature in the plane; the exact distance up to so many states; the estimate for larger sets."""
    monkeypatch.setattr(metrics, "EXACT_STATES", states)
    policy = small_policy(task, [0, 1])
    found = accuracy(task, policy, l1_objects=20, l1_orders=3, resolution=20)
    name, values = next(iter(found.items()))
    assert name == metric
    assert ("l1_error" in found) == (states == 41)
    if metric == "jsd":
        expected = jsd(task, policy, 20)
    else:
        expected = exact_l1(task, policy) if states > 41 else estimate_l1(task, policy, 20, 3)[0]
    torch.testing.assert_close(values, expected, rtol=0, atol=0)


def gaussian_policy(means, scale, first=None):
    """The policy that draws each coordinate from equal Gaussians at ``means``, the first one from component ``first`` alone."""
    policy = MixturePolicy([0], 3, len(means), ()).double()
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.zero_()
        _, centres, spreads = policy.network.biases[0][0, 0].chunk(3)
        centres.copy_(torch.tensor(means))
        spreads.fill_(math.log(math.expm1(scale - MIN_SCALE)))
        if first is not None:
            policy.network.weights[0][0, 0, : len(means)] = -200.0
            policy.network.weights[0][0, 0, first] = 0.0
    return policy


HALF = 0.5 * math.log(4 / 3) + 0.25 * math.log(2 / 3) + 0.25 * math.log(2)
TWO = GaussianMixture(side=2, spacing=8.0)
CASES = {
    "equal": (GaussianMixture(side=1), gaussian_policy([0.0], 0.5), 0.0),
    "equal, four modes": (TWO, gaussian_policy([-4.0, 4.0], 0.5), 0.0),
    "disjoint within the box": (TWO, gaussian_policy([0.0], 0.5), math.log(2)),
    "disjoint, outside the box": (TWO, gaussian_policy([50.0], 0.5), math.log(2)),
    "two of four modes": (TWO, gaussian_policy([-4.0, 4.0], 0.5, first=0), HALF),
    "half of the mass outside": (GaussianMixture(side=1), gaussian_policy([0.0, 50.0], 0.5), None),
}


@pytest.mark.parametrize("case", CASES)
def test_jsd_in_closed_cases(case):
    """0 for equal densities, log 2 for disjoint ones, and where the policy has some of several equal modes."""
    task, policy, expected = CASES[case]
    if expected is None:
        # A quarter of the policy's mass lies on the whole target.
        expected = 0.5 * (0.25 * math.log(0.25 / 0.625) + 0.75 * math.log(2)) + 0.5 * math.log(1 / 0.625)
    assert float(jsd(task, policy, 200)) == pytest.approx(expected, abs=1e-5)


@given(st.integers(0, 1000), st.sampled_from([Banana(), GaussianMixture()]))
def test_jsd_lies_between_0_and_log_2(seed, task):
    """Spikes that the grid cannot resolve included."""
    policy = make_policy(task, PolicySettings(hidden=(8,), components=3), [seed, seed + 1])
    with torch.no_grad():
        policy.network.biases[-1][1] = -20.0
    found = jsd(task, policy, 16)
    assert found.shape == (2,)
    assert (found >= 0).all()
    assert (found <= math.log(2) + 1e-12).all()


@pytest.mark.parametrize("box", [None, ((-1.0, 2.0), (-3.0, 0.5))])
def test_densities_are_those_of_the_policy_and_of_the_task(box):
    """At the midpoints, the first axis being the first coordinate, for every replica."""
    task, side = Banana(), 6
    policy = small_policy(task, [0, 1])
    points = torch.cartesian_prod(*task.axes(side, box))
    states = [task.initial(2, side**2)]
    actions = [points[:, axis].expand(2, -1) for axis in (0, 1)]
    for action in actions:
        states.append(task.step(states[-1], action))
    expected = evaluate(task, policy, states, actions).log_pf.detach().exp()
    torch.testing.assert_close(policy_density(task, policy, side, box).flatten(1), expected, rtol=1e-10, atol=0)
    torch.testing.assert_close(target_density(task, side, box).flatten(), task.log_density(points).exp())


def test_every_seed_has_objects_of_its_own_and_the_estimate_an_error_that_fits():
    """One policy under many seeds: the estimates spread about the exact distance as much as each says by itself."""
    count = 200
    policy = small_policy(SIX, [3] * count)
    found = accuracy_of_estimates(policy, range(count))
    spread = found["l1"].std()
    assert len(found["l1"].unique()) > count / 2
    # The root mean square of 200 standard errors and a standard deviation of 200: each within a few per cent.
    assert 0.8 < found["l1_error"].square().mean().sqrt() / spread < 1.25
    shared = accuracy_of_estimates(policy, [7] * count)
    assert shared["l1"].std() < 0.8 * spread


def accuracy_of_estimates(policy, seeds):
    """Estimates of L1 with a seed for each replica, by :func:`accuracy` with enumeration ruled out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "EXACT_STATES", 0)
        return accuracy(SIX, policy, l1_objects=60, l1_orders=200, resolution=8, seeds=tuple(seeds))
