"""Policies are distributions over what is allowed, sample from themselves, and keep their replicas apart."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Categorical, MixtureSameFamily, Normal
from torch.nn.functional import linear

from gfn.environments import Banana, GaussianMixture, Phylogenetics
from gfn.policies import CategoricalPolicy, PolicySettings, make_policy, sample_parent_action
from gfn.policies.categorical import BELOW_ONE, invert, line
from gfn.policies.network import ReplicatedMLP
from gfn.randomness import stream
from gfn.sampling import evaluate, rollout
from tests.helpers import SMALL_TASKS, frequencies_p, generators, small_policy

ALARM = 1e-4  # false-alarm rate of each chi-square test here
TREES = Phylogenetics(alignment=tuple(zip("abcd", ("ACGT", "ACGA", "TCGA", "TTGC"))))
ALL = {**SMALL_TASKS, "phylogenetics": TREES, "gaussian mixture": GaussianMixture(), "banana": Banana()}
seeds = st.integers(0, 2**32 - 1)


@st.composite
def masked_states(draw):
    """An observation, a mask with at least one allowed action, and logits up to any size."""
    actions = draw(st.integers(1, 7))
    mask = draw(st.lists(st.booleans(), min_size=actions, max_size=actions).filter(any))
    logits = draw(st.lists(st.floats(-1e6, 1e6), min_size=actions, max_size=actions))
    return torch.tensor(mask), torch.tensor(logits, dtype=torch.float64)


def policy_with(logits, dtype):
    """A categorical policy of one replica whose logits are given."""
    policy = CategoricalPolicy(ReplicatedMLP([0], [1, len(logits)])).to(dtype)
    with torch.no_grad():
        policy.network.biases[0].copy_(logits.to(dtype).view(1, 1, -1))
    return policy


def sample(policy, observation, masks, noise):
    """Actions as a rollout draws them."""
    return policy.choose(policy.distribution(policy.network(observation), ~masks), noise)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(state=masked_states(), seed=seeds)
def test_masked_actions_are_never_sampled(dtype, state, seed):
    """Nor those of probability zero, whatever the logits; the ends of the noise's range included."""
    mask, logits = state
    policy = policy_with(logits, dtype)
    noise = torch.rand(1, 50, generator=torch.Generator().manual_seed(seed), dtype=dtype).clamp(max=BELOW_ONE)
    noise[0, :3] = torch.tensor([0.0, BELOW_ONE, torch.finfo(dtype).tiny], dtype=dtype)
    observation, masks = torch.zeros(1, 50, 1, dtype=dtype), mask.expand(1, 50, -1)
    action = sample(policy, observation, masks, noise)
    assert masks.gather(-1, action.unsqueeze(-1)).all()
    assert policy.log_prob(observation, masks, action).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(state=masked_states())
def test_probabilities_sum_to_one_over_allowed_actions(dtype, state):
    mask, logits = state
    log_probs = policy_with(logits, dtype).log_probs(torch.zeros(1, 1, 1, dtype=dtype), mask.view(1, 1, -1))[0, 0]
    assert float(log_probs.detach().exp().sum()) == pytest.approx(1, abs=1e-6)
    assert (log_probs[~mask] == -math.inf).all()
    assert not log_probs.isnan().any()


def test_samples_follow_the_probabilities():
    """Chi-square of 50 000 actions (false-alarm rate 1e-4), with masked actions first, last and between."""
    mask = torch.tensor([False, True, True, False, True, True, False])
    policy = policy_with(torch.tensor([5.0, 0.0, 1.0, 9.0, -2.0, 0.5, 3.0]), torch.float32)
    observation, masks = torch.zeros(1, 50_000, 1), mask.expand(1, 50_000, -1)
    noise = policy.noise(generators(1), 1, 50_000)[:, 0]
    counts = torch.bincount(sample(policy, observation, masks, noise).flatten(), minlength=7)
    probabilities = policy.log_probs(observation[:, :1], masks[:, :1])[0, 0].detach().exp().double()
    assert frequencies_p(counts[mask], probabilities[mask]) > ALARM


def wide(environment, seeds=(0,)):
    """A policy with parameters far from their small initial values."""
    policy = small_policy(environment, seeds)
    with torch.no_grad():
        for p in policy.parameters():
            p.mul_(1.5)
    return policy


@given(seed=st.integers(0, 1000))
def test_mixture_density_is_that_of_torch(seed):
    """Against torch.distributions, component by component."""
    policy = wide(Banana(), [seed])
    observation = torch.randn(1, 9, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    log_weights, means, scales = policy.mixture(observation)
    reference = MixtureSameFamily(Categorical(logits=log_weights), Normal(means, scales))
    action = torch.linspace(-3, 3, 9, dtype=torch.float64)[None]
    torch.testing.assert_close(policy.log_prob(observation, None, action), reference.log_prob(action))


def test_mixture_components_cannot_collapse():
    """However far the network goes, standard deviations stay above 1e-3 and log-densities finite."""
    policy = small_policy(Banana())
    with torch.no_grad():
        policy.network.biases[-1].fill_(-200.0)
    observation = torch.zeros(1, 1, 3, dtype=torch.float64)
    _, means, scales = policy.mixture(observation)
    assert scales.min() >= 1e-3
    assert policy.log_prob(observation, None, means[..., 0]).isfinite().all()


def density(environment, policy, points):
    """log p_T at points of the plane: each has one trajectory."""
    states = [environment.initial(1, len(points))]
    actions = [points[None, :, axis] for axis in (0, 1)]
    for action in actions:
        states.append(environment.step(states[-1], action))
    return evaluate(environment, policy, states, actions).log_pf[0].detach()


@pytest.mark.parametrize("environment", [Banana(), GaussianMixture()], ids=lambda e: e.task)
def test_planar_policies_integrate_to_one_and_sample_themselves(environment):
    """Quadrature of p_T on a wide grid; chi-square of rollouts on its cells (false-alarm rate 1e-4)."""
    policy, n, reach = wide(environment), 480, 18.0
    axis = -reach + 2 * reach / n * (torch.arange(n, dtype=torch.float64) + 0.5)
    mass = density(environment, policy, torch.cartesian_prod(axis, axis)).exp() * (2 * reach / n) ** 2
    assert float(mass.sum()) == pytest.approx(1, abs=1e-4)
    coarse = mass.view(40, n // 40, 40, n // 40).sum((1, 3)).flatten()
    points = rollout(environment, policy, 20_000, generators(1)).terminal[0, :, :2]
    place = ((points + reach) / (2 * reach) * 40).floor().long()
    counts = torch.bincount(place[:, 0] * 40 + place[:, 1], minlength=1600)
    assert frequencies_p(counts, coarse / coarse.sum()) > ALARM


@pytest.mark.parametrize("name", ALL)
def test_all_parameters_get_gradients(name):
    """Every tensor of every replica, with finite values."""
    policy = make_policy(ALL[name], PolicySettings(hidden=(8, 8)), [0, 1])
    rollout(ALL[name], policy, 64, generators(2)).log_pf.square().sum().backward()
    for p in policy.parameters():
        assert p.grad.isfinite().all()
        assert (p.grad.flatten(1).abs().sum(1) > 0).all()


@pytest.mark.parametrize("name", ALL)
def test_a_replica_does_not_depend_on_its_neighbours(name):
    """Its parameters, samples and gradients are those it has when trained alone."""
    together, alone = small_policy(ALL[name], [3, 1, 4]), small_policy(ALL[name], [1])
    three = rollout(ALL[name], together, 16, [generators(1, first)[0] for first in (7, 8, 9)])
    one = rollout(ALL[name], alone, 16, generators(1, 8))
    torch.testing.assert_close(three.terminal[1], one.terminal[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(three.log_pf[1], one.log_pf[0], rtol=1e-12, atol=1e-12)
    three.log_pf.square().sum().backward()
    one.log_pf.square().sum().backward()
    for p, q in zip(together.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(p[1], q[0], rtol=0, atol=0)
        torch.testing.assert_close(p.grad[1], q.grad[0], rtol=1e-10, atol=1e-10)


def test_network_is_a_stack_of_torch_networks():
    """Initialised and evaluated as torch.nn.Sequential is, from the same stream, and float32."""
    network = ReplicatedMLP([5, 6], [3, 4, 2])
    x = torch.randn(2, 7, 3)
    for r, seed in enumerate((5, 6)):
        torch.set_rng_state(stream("weights: policy", seed, 0).get_state())
        plain = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(), nn.Linear(4, 2))
        torch.testing.assert_close(network(x)[r], plain(x[r]))
    assert {p.dtype for p in network.parameters()} == {torch.float32}


@pytest.mark.parametrize("width", [1, 3, 9, 31, 32, 33])
def test_narrow_and_wide_outputs_are_affine(width):
    """Values and gradients against torch.nn.functional.linear, evaluated at once and as sampling does it."""
    network = ReplicatedMLP([0, 1], [5, width]).double()
    x = torch.randn(2, 7, 5, dtype=torch.float64)
    plain = torch.stack([linear(x[r], network.weights[0][r].T, network.biases[0][r, 0]) for r in range(2)])
    weights = torch.randn_like(plain)
    expected = torch.autograd.grad((weights * plain).sum(), network.parameters())
    tape = network.tape(9)
    with torch.no_grad():
        tape.ask(x[:, :3])
        tape.ask(x[:, 3:])
    for found in (network(x), tape.output()):
        torch.testing.assert_close(found, plain, rtol=1e-12, atol=1e-12)
        for one, other in zip(torch.autograd.grad((weights * found).sum(), network.parameters()), expected):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_actions_are_the_first_whose_cumulative_probability_exceeds_the_noise(dtype):
    """Against a search by hand, equal neighbours and the ends among them; what is not a number gives an action all the same."""
    mask = torch.rand(1, 400, 6, generator=torch.Generator().manual_seed(0)) < 0.5
    mask[..., 2] = True
    policy = policy_with(torch.randn(6, generator=torch.Generator().manual_seed(1)), dtype)
    table = policy.distribution(torch.randn(1, 400, 6, generator=torch.Generator().manual_seed(1)).to(dtype), ~mask)
    noise = torch.linspace(0, BELOW_ONE, 400, dtype=dtype).view(1, 400)
    chosen = invert(table, noise)
    assert mask.gather(-1, chosen.unsqueeze(-1)).all()
    for c, row, t in zip(chosen[0].tolist(), table[0].cumsum(-1).tolist(), noise[0].tolist()):
        assert c == next(place for place, value in enumerate(row) if value > t * row[-1])
    assert torch.equal(invert(table[:, :1], noise), invert(table[:, :1].expand(1, 400, 6), noise))
    assert set(invert(torch.full((1, 400, 6), math.nan), noise).flatten().tolist()) <= set(range(6))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_search_on_a_line_finds_row_and_action(dtype):
    """As a search in each row does; in the last of many rows, with all noise there is, and where nothing is a number."""
    policy, rows = policy_with(torch.zeros(6), dtype), 1000
    mask = torch.rand(1, rows, 6, generator=torch.Generator().manual_seed(0)) < 0.5
    mask[..., 2] = True
    table = policy.distribution(
        3 * torch.randn(1, rows, 6, generator=torch.Generator().manual_seed(1)).to(dtype), ~mask
    )
    noise = torch.linspace(0, BELOW_ONE, rows, dtype=dtype).view(1, rows)
    for share in (noise, noise.flip(1)):
        place = torch.searchsorted(line(table), torch.arange(rows) + share.double(), right=True)
        assert torch.equal(place // 6, torch.arange(rows).expand(1, rows))
        assert mask.flatten(1).gather(1, place).all()
        assert (place % 6 == invert(table, share)).double().mean() > 0.999  # rounding may part them at a border
    nowhere = torch.searchsorted(
        line(torch.full_like(table, math.nan)), torch.arange(rows) + noise.double(), right=True
    )
    assert ((nowhere >= 0) & (nowhere < 6 * rows)).all()


def test_making_a_policy_leaves_the_global_randomness_alone():
    before = torch.get_rng_state()
    small_policy(Banana(), [1, 2, 3])
    assert torch.equal(torch.get_rng_state(), before)


def test_backward_policy_is_uniform_over_parents():
    """Chi-square of the removed element (false-alarm rate 1e-4), and nothing but members is removed."""
    task = SMALL_TASKS["sets 5 choose 3"]
    state = torch.tensor([True, False, True, True, False]).expand(1, 30_000, 5)
    counts = torch.bincount(sample_parent_action(task, state, torch.Generator().manual_seed(0)).flatten(), minlength=5)
    assert counts[[1, 4]].sum() == 0
    assert frequencies_p(counts[[0, 2, 3]], torch.full((3,), 1 / 3).double()) > ALARM
