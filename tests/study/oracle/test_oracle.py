"""The oracle tells what losses descend: known ones at 0 degrees, and mistakes of four kinds."""

from __future__ import annotations

import math

import pandas as pd
import pytest
import torch

from gfn.environments import GaussianMixture, Hypergrid, Sets
from gfn.environments.enumeration import target_distribution
from gfn.estimators import DIVERGENCES
from gfn.evaluation.exact import all_probabilities, divergence, terminal_distribution
from gfn.policies import CategoricalPolicy
from gfn.runs.objective import WITH_ALPHA
from gfn.settings import SettingsError
from gfn.study.oracle import MEMBERS, SMALL, examine, losses
from gfn.study.oracle.called import loss_of
from gfn.study.oracle.family import angle, gradient
from gfn.study.oracle.moments import _symmetric, moments
from gfn.study.oracle.situations import SAMPLINGS, situation
from gfn.study.oracle.tables import POLICIES, Table, policy_named

PAIRS = Sets(universe=5, size=2)
GRID = Hypergrid(side=3)
ORDERS = {"reverse_kl": 1.0, "forward_kl": 0.0, "renyi": 0.5, "tsallis": 0.5}


@pytest.mark.parametrize("task", SMALL.values(), ids=list(SMALL))
def test_the_target_is_a_table(task):
    """Its trajectories follow P̄_B, and its objects the target."""
    policy = policy_named(task, "target")
    every = all_probabilities(task, policy)
    torch.testing.assert_close(every.log_pf, (every.log_pb + every.log_reward).log_softmax(-1))
    torch.testing.assert_close(terminal_distribution(task, policy)[0], target_distribution(task))


def test_scores_are_gradients_of_probabilities():
    """Their mean is zero, and flows lead from Z to the reward."""
    at = situation(GRID, "lost")
    torch.testing.assert_close(at.drawn @ at.scores, torch.zeros(at.scores.shape[1], dtype=torch.float64))
    torch.testing.assert_close(at.step_pf.sum(1), at.log_pf)
    torch.testing.assert_close(at.log_flow[:, 0], torch.full_like(at.log_pf, GRID.log_z))
    at = situation(GRID, "target")
    along = at.log_flow + (at.step_pf - at.step_pb).cumsum(1) - (at.step_pf - at.step_pb)
    torch.testing.assert_close(at.log_flow + 0 * along, at.log_flow)
    ends = torch.where(at.going, at.log_flow + at.step_pf - at.step_pb, 0)
    following = torch.cat([at.log_flow[:, 1:], torch.zeros(len(at.log_pf), 1, dtype=torch.float64)], 1)
    last = at.going & ~torch.cat([at.going[:, 1:], torch.zeros(len(at.log_pf), 1, dtype=torch.bool)], 1)
    torch.testing.assert_close(ends, torch.where(last, at.log_reward.unsqueeze(1), following) * at.going)


@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize("policy", ["start", "lost"])
def test_the_family_has_the_exact_gradients(name, policy):
    """Those of the divergences by their definition, from automatic differentiation; Rényi's and Tsallis' are parallel."""
    chosen = policy_named(GRID, policy)
    value = divergence(name, all_probabilities(GRID, chosen), 0.5 if name in WITH_ALPHA else None).sum()
    (exact,) = torch.autograd.grad(value, list(chosen.parameters()))
    assert angle(exact.flatten(), gradient(ORDERS[name], situation(GRID, policy))) < 1e-5


@pytest.mark.parametrize("member", ["jensen_shannon", "total_variation"])
def test_the_two_others_have_theirs(member):
    chosen = policy_named(GRID, "lost")
    every = all_probabilities(GRID, chosen)
    p, q = every.log_pf[0].exp(), (every.log_pb + every.log_reward)[0].softmax(0)
    middle = (p + q) / 2
    value = (p - q).abs().sum() / 2
    if member == "jensen_shannon":
        value = ((p * (p / middle).log()).sum() + (q * (q / middle).log()).sum()) / 2
    (exact,) = torch.autograd.grad(value, list(chosen.parameters()))
    torch.testing.assert_close(exact.flatten(), gradient(member, situation(GRID, "lost")))


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_papers_estimates_descend_their_divergences(name):
    """At 0 degrees where they are sums over single trajectories."""
    alpha = 0.5 if name in ("renyi", "tsallis") else None
    found = examine(losses.divergence(name, "none", alpha), GRID, batch_size=2, replicates=256)
    if name == "renyi":  # normalised by the batch
        assert not found.table["computed"].eq("each trajectory").any()
        return
    assert found.nearest == ORDERS[name]
    assert found.worst < 1e-5
    assert found.table["computed"].eq("each trajectory").all()
    assert found.descends
    assert found.has_target
    assert not any(found.fixed_off.values())  # made for trajectories of the policy
    assert "but not with uniform actions" in str(found)


def test_vargrad_is_the_reverse_kl_on_policy():
    """Over all pairs of trajectories, exactly, at 2 (N - 1) / N times its length; as TB at twice it."""
    for loss, length in ((losses.variance, 1.0), (losses.squared, 2.0)):
        found = examine(loss, PAIRS, batch_size=2)
        assert found.nearest == 1.0
        assert found.worst < 1e-5
        assert found.table["length"].to_numpy() == pytest.approx([length] * len(POLICIES))
        assert found.has_target
        assert found.descends
    assert found.table["computed"].eq("each trajectory").all()


def correct(log_pf, log_pb, log_reward, log_z):
    t = log_pb + log_reward - log_pf - log_z
    return t.exp() - t - 1


def test_a_planted_sign_error_is_told():
    """Linex of log p_F/p_B in place of the opposite: half a χ², which seeks modes, and not the forward KL."""
    found = examine(correct, GRID)
    assert (found.nearest, found.is_nearest) == (0.0, True)
    assert found.worst < 1e-5

    def passed(log_pf, log_pb, log_reward, log_z):
        t = log_pf - log_pb - log_reward + log_z
        return t.exp() - t - 1

    turned = examine(passed, GRID)
    assert (turned.nearest, turned.is_nearest, turned.has_target) == (2.0, True, True)
    assert turned.worst < 1e-5
    assert turned.table["length"].to_numpy() == pytest.approx([1.0] * len(POLICIES))  # of half a χ²
    assert turned.angles[0.0].max() > 45
    assert "descends χ² (α = 2)" in str(turned)
    assert "descends forward KL (α = 0)" in str(found)


def test_a_missing_detach_is_told():
    """A surrogate whose weight is differentiated, too."""

    def right(log_pf, log_pb, log_reward):
        return (log_pf - log_pb - log_reward).detach() * log_pf

    def wrong(log_pf, log_pb, log_reward):
        return (log_pf - log_pb - log_reward) * log_pf

    found, mistaken = examine(right, GRID), examine(wrong, GRID)
    assert (found.nearest, found.is_nearest, found.has_target) == (1.0, True, True)
    assert not mistaken.is_nearest
    assert mistaken.worst > 10
    assert not mistaken.has_target
    assert "no fixed point" in str(mistaken)


def test_a_forgotten_log_pb_is_told():
    """On the grid, where p_B differs between trajectories; on sets it is a constant, which is another log Z."""

    def forgotten(log_pf, log_pb, log_reward, log_z):
        return (log_z + log_pf - log_reward).square()

    found = examine(forgotten)
    assert not found.is_nearest
    assert not found.has_target
    assert not found.fixed["hypergrid"]
    assert found.fixed["sets"]
    assert found.angles.loc["sets", 1.0].max() < 1e-5


def test_a_loss_that_climbs_is_told():
    found = examine(lambda log_pf, log_pb, log_reward: -(log_pf - log_pb - log_reward).detach() * log_pf, GRID)
    assert not found.descends
    assert found.angles[1.0].min() > 179
    assert "does not fall" in str(found)


def test_a_loss_that_learns_nothing_is_told():
    """Its expected gradient is that of a constant."""
    found = examine(lambda log_pf, log_pb, log_reward: log_pf, GRID)
    assert found.nearest is None
    assert not found.is_nearest
    assert "nothing is learned" in str(found)
    assert found.table["needed"].eq(math.inf).all()


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_f_balance_descends_its_order(alpha):
    found = examine(losses.f_balance(alpha), GRID)
    assert (found.nearest, found.has_target) == (alpha, True)
    assert found.worst < 1e-5
    assert found.table["length"].to_numpy() == pytest.approx([1.0] * len(POLICIES))


EXACTLY = {
    "Jensen–Shannon": (losses.jensen_shannon, "jensen_shannon"),
    "absolute": (losses.absolute, "total_variation"),
    "Linex of half": (losses.linex(0.5), 0.5),
    "Linex of half, turned": (losses.linex(0.5, sign=1), 1.5),
}


@pytest.mark.parametrize("case", EXACTLY)
def test_other_losses_descend_what_was_derived(case):
    loss, member = EXACTLY[case]
    found = examine(loss, GRID)
    assert found.nearest == member
    assert found.worst < 1e-5


def test_shifted_cosh_is_the_sum_of_two_divergences():
    """Forward KL and half a χ², at every policy; so it is none of the family."""
    for policy in POLICIES:
        at = situation(GRID, policy)
        found = moments(loss_of(losses.shifted_cosh), at, at.log_z, 1).mean
        torch.testing.assert_close(found, gradient(0.0, at) + gradient(2.0, at))
    assert not examine(losses.shifted_cosh, GRID).is_nearest


def test_linex_of_half_is_what_its_authors_wrote():
    t = torch.linspace(-3, 3, 13, dtype=torch.float64)
    zero = torch.zeros_like(t)
    torch.testing.assert_close(losses.linex(0.5)(-t, zero, zero, 0.0), 4 * (t / 2).exp() - 2 * t - 4)


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 0.5, 2.0])
def test_dev_grad_has_the_least_log_z(alpha):
    """Which makes its gradient the same with and without a detach, and its weights sum to zero."""
    generator = torch.Generator().manual_seed(0)
    level = torch.randn(6, dtype=torch.float64, generator=generator).requires_grad_()
    zero = torch.zeros_like(level)
    (found,) = torch.autograd.grad(losses.dev_grad(alpha)(level, zero, zero).mean(), level)
    assert float(found.sum().abs()) < 1e-12
    power = alpha - 1
    least = -(torch.logsumexp(power * level, -1) - math.log(6)) / power
    (through,) = torch.autograd.grad(losses.order_value(alpha, level + least).mean(), level)
    torch.testing.assert_close(found, through)


def test_the_slope_of_jensen_shannon_is_its_derivative():
    """Of f(u) = u log u - (u + 1) log ((u + 1) / 2), twice the divergence, f'(e^t) = log (2 / (1 + e^{-t}))."""
    t = torch.linspace(-3, 3, 7, dtype=torch.float64).requires_grad_()
    u = t.exp()
    (by_u,) = torch.autograd.grad((u * u.log() - (u + 1) * ((u + 1) / 2).log()).sum(), t)
    zero = torch.zeros(7, dtype=torch.float64)
    (slope,) = torch.autograd.grad(losses.jensen_shannon(t, zero, zero, 0.0).sum(), t)
    torch.testing.assert_close(by_u / u.detach(), slope)


def test_batches_that_are_drawn_agree_with_all_of_them():
    """Mean and covariance, within their standard errors, and those of single trajectories with the closed form."""
    at = situation(GRID, "start")
    loss = loss_of(losses.variance)
    whole = moments(loss, at, 0.0, 2)
    assert whole.how == "all batches"
    assert whole.exact
    drawn = moments(loss, at, 0.0, 8, replicates=4096)
    assert drawn.how == "4096 batches"
    exact = 2 * 7 / 8 * gradient(1.0, at)
    torch.testing.assert_close(whole.mean, gradient(1.0, at))
    assert float((drawn.mean - exact).norm()) < 4 * drawn.error
    # A mean of independent terms.
    single = moments(loss_of(losses.squared), at, GRID.log_z, 4)
    other = loss_of(lambda a, b, c, log_z: (a - b - c + log_z).square().mean() + 0 * a.var(correction=0))
    many = moments(other, at, GRID.log_z, 2)
    assert many.covariance * 2 == pytest.approx(single.covariance * 4)


def test_batches_are_listed_once_whatever_their_order():
    """With the probability of all their orders; a function to which order matters is listed in all of them."""
    at = situation(Hypergrid(side=2), "lost")
    found = moments(loss_of(losses.variance), at, 0.0, 3)

    def ordered(log_pf, log_pb, log_reward):
        level = log_pf - log_pb - log_reward
        return (level - level.mean()).square().mean() + (level[0] - level[-1]).detach() * (log_pf[0] - log_pf[-1])

    assert _symmetric(loss_of(losses.variance), at, 0.0, 3)
    assert not _symmetric(loss_of(ordered), at, 0.0, 3)
    other = moments(loss_of(ordered), at, 0.0, 3)
    assert found.how == other.how == "all batches"
    # The first term is VarGrad's, and the second the mean of Δ s over a pair, twice.
    torch.testing.assert_close(found.mean, 2 * 2 / 3 * gradient(1.0, at))
    torch.testing.assert_close(other.mean, found.mean + 2 * gradient(1.0, at))


def test_a_sum_over_the_batch_is_a_longer_mean():
    found = examine(lambda a, b, c, log_z: (a - b - c + log_z).square().sum(), PAIRS, batch_size=3)
    assert found.table["computed"].eq("each trajectory").all()
    assert found.table["length"].to_numpy() == pytest.approx([6.0] * len(POLICIES))
    mean = examine(losses.squared, PAIRS, batch_size=3)
    pd.testing.assert_series_equal(found.table["needed"], mean.table["needed"])


def test_a_function_that_takes_one_batch_at_a_time_is_taken_one_by_one():
    """With a number taken out of a tensor, which many batches at once do not allow."""

    def slow(log_pf, log_pb, log_reward):
        level = log_pf - log_pb - log_reward
        return (level - level.mean().item()).square().mean()

    at = situation(Hypergrid(side=2), "lost")
    quick, taken = (moments(loss_of(loss), at, 0.0, 2) for loss in (losses.variance, slow))
    torch.testing.assert_close(quick.mean, taken.mean)
    assert quick.covariance == pytest.approx(taken.covariance)


def test_the_score_control_variate_gets_parameters():
    """A function that takes them, for one batch and for many: the same gradients."""
    one, many = losses.divergence("reverse_kl", "score"), losses.divergence("reverse_kl", "score")
    one.stacked = False
    at = situation(Hypergrid(side=2), "lost")
    found = [moments(loss_of(each), at, at.log_z, 2) for each in (one, many)]
    torch.testing.assert_close(found[0].mean, found[1].mean)
    assert found[0].covariance == pytest.approx(found[1].covariance)


@pytest.mark.parametrize("loss", [losses.detailed, losses.subtrajectory()], ids=["DB", "SubTB"])
def test_losses_of_steps_know_the_target(loss):
    """Their flows are those of the target: on policy and off, it is a fixed point."""
    for sampling in ("on_policy", "uniform"):
        found = examine(loss, Hypergrid(side=2), batch_size=2, sampling=sampling)
        assert found.has_target
        assert found.descends


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_every_way_to_draw_is_a_distribution(sampling):
    at = situation(GRID, "lost", sampling)
    assert float(at.drawn.sum()) == pytest.approx(1)
    assert (at.drawn > 0).all()
    assert bool(torch.allclose(at.drawn, at.log_pf.exp())) == (sampling == "on_policy")


def test_a_constant_log_z_matters_off_policy_only():
    """On policy it changes noise and nothing else; off policy a wrong one moves the target."""
    on = examine(losses.squared, GRID, log_z=GRID.log_z + 3)
    exact = examine(losses.squared, GRID)
    assert on.worst < 1e-5
    assert on.has_target
    assert (on.table["needed"] > exact.table["needed"]).any()
    assert not examine(losses.squared, GRID, sampling="uniform", log_z=GRID.log_z + 3).has_target
    assert examine(losses.squared, GRID, sampling="uniform").has_target
    learned = examine(losses.squared, GRID, log_z="mean")
    assert (learned.table["covariance"] < on.table["covariance"]).all()


def test_a_trained_policy_can_be_given():
    """In place of the named ones."""
    policy = CategoricalPolicy(Table(GRID, torch.ones(9, 3)))
    found = examine(losses.squared, GRID, policies={"mine": policy})
    assert list(found.table["policy"]) == ["mine"]
    assert found.nearest == 1.0


def test_it_is_shown_as_a_table_and_a_picture():
    found = examine(losses.squared, GRID)
    html = found._repr_html_()
    assert "<table>" in html
    assert "reverse KL (α = 1)" in html
    assert len(found.figure().axes) == 1
    assert list(found.angles.columns) == list(MEMBERS)
    assert found.shown().index.names == ["task", "policy"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tasks": Sets()}, "task sets has"),
        ({"tasks": GaussianMixture()}, "task = 'gaussian_mixture' is not allowed"),
        ({"tasks": Hypergrid(side=40)}, "at most 1024 trajectories"),
        ({"sampling": "elsewhere"}, "sampling = 'elsewhere' is not allowed: one of"),
        ({"policies": ("best",)}, "policy = 'best' is not allowed: one of"),
        ({"log_z": "large"}, "log_z = 'large' is not allowed: exact, mean or a finite number"),
        ({"log_z": math.nan}, "log_z = nan is not allowed"),
        ({"batch_size": 0}, "batch_size = 0 is not allowed"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_impossible_arguments_are_refused(options, said):
    with pytest.raises(SettingsError, match=said):
        examine(losses.squared, **({"tasks": GRID} | options))
