"""Continuous tasks of any dimension: their states, and hard targets against closed forms and the standard library's laws."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from gfn.environments import Banana, ContinuousEnvironment, Funnel, GaussianMixture, ManyWell, RandomMixture
from gfn.environments.contract import check_task
from gfn.environments.enumeration import exact_log_z
from gfn.environments.planar import cell_area
from gfn.settings import SettingsError

ALARM = 1e-4
HARD = [Funnel(), Funnel(dimensions=2, spread=0.5), ManyWell(), ManyWell(pairs=1), RandomMixture()]
HARD += [RandomMixture(peaks=3, reach=2, task_seed=4)]
MODES = [GaussianMixture(), RandomMixture(), ManyWell(pairs=3)]
hard = pytest.mark.parametrize("task", HARD, ids=str)


def samples(task, count=4000, seed=0):
    return task.sample_target(count, torch.Generator().manual_seed(seed))


@given(st.integers(1, 4), st.lists(st.integers(1, 3), max_size=2), st.integers(0, 2**30))
def test_a_state_is_the_coordinates_that_were_drawn_and_their_number(pairs, batch, seed):
    task = ManyWell(pairs=pairs)
    points = torch.randn(*batch, 2 * pairs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    state = task.initial(*batch)
    for number, coordinate in enumerate(points.unbind(-1)):
        assert not task.is_terminal(state).any()
        seen = task.observe(state)
        assert seen.shape == (*batch, task.observation_size)
        assert (seen[..., :-1].reshape(*batch, -1)[..., number] == 1).all()
        assert (seen[..., : 2 * pairs].sum(-1) == 1).all()
        known = torch.where(torch.arange(2 * pairs) < number, points, 0)
        assert torch.equal(seen[..., 2 * pairs :], known[..., :-1])
        state = task.step(state, coordinate)
        assert (task.log_parents(state) == 0).all()
    assert task.is_terminal(state).all()
    assert torch.equal(task.step(state, coordinate), state)
    assert torch.equal(state[..., :-1], points)
    assert torch.equal(task.log_reward(state), task.log_density(points))


@hard
def test_they_keep_the_contract(task):
    assert check_task(task)[0] == []


@hard
def test_they_take_any_leading_axes(task):
    points = samples(task, 12)
    together = task.log_density(points.view(2, 3, 2, -1))
    torch.testing.assert_close(together, task.log_density(points).view(2, 3, 2))


def test_the_funnel_is_a_product_of_normal_laws():
    """Its density by those of torch, its samples, once straightened, by Kolmogorov-Smirnov."""
    task = Funnel()
    points = samples(task)
    first, others = points[:, :1], points[:, 1:]
    due = Normal(0.0, 3.0).log_prob(first).sum(1) + Normal(0.0, (first / 2).exp()).log_prob(others).sum(1)
    torch.testing.assert_close(task.log_density(points), due)
    straight = torch.cat([first / 3, others * (-first / 2).exp()], 1)
    assert all(kstest(column.numpy(), "norm").pvalue > ALARM for column in straight.T)
    assert (straight.T.corrcoef() - torch.eye(10)).abs().max() < 0.1
    assert task.log_z == 0


def test_many_well_is_the_published_polynomial():
    points = samples(ManyWell(pairs=2), 50)
    x, y = points[:, ::2], points[:, 1::2]
    due = (-(x**4) + 6 * x**2 + x / 2 - y**2 / 2).sum(1)
    torch.testing.assert_close(ManyWell(pairs=2).log_density(points), due)


def test_log_z_of_many_well():
    """The constant of Midgley et al. for one factor, and quadrature in the plane."""
    assert ManyWell().log_z == pytest.approx(16 * (math.log(11784.50927) + 0.5 * math.log(2 * math.pi)), abs=1e-6)
    task, side = ManyWell(pairs=1), 800
    x, y = (-6 + 12 * (torch.arange(side, dtype=torch.float64) + 0.5) / side for _ in range(2))
    mass = task.log_density(torch.cartesian_prod(x, y)).exp().sum() * cell_area(((-6, 6), (-6, 6)), side)
    assert math.log(mass) == pytest.approx(task.log_z, abs=1e-8)
    assert exact_log_z(task) == task.log_z


def test_samples_of_many_well_are_exact():
    """Wells by Kolmogorov-Smirnov against the cumulated density, each of the others against the normal law; all independent."""
    points = samples(ManyWell(pairs=4), 5000)
    x = torch.linspace(-5, 5, 20_001, dtype=torch.float64)
    cumulated = (-(x**4) + 6 * x**2 + x / 2).exp().cumsum(0)
    law = lambda at: (cumulated / cumulated[-1])[((torch.from_numpy(at) + 5) * 2000).round().long()].numpy()  # noqa: E731
    assert all(kstest(column.numpy(), law).pvalue > ALARM for column in points[:, ::2].T)
    assert all(kstest(column.numpy(), "norm").pvalue > ALARM for column in points[:, 1::2].T)
    assert (points.T.corrcoef() - torch.eye(8)).abs().max() < 0.08


def test_the_random_mixture_is_torchs():
    task = RandomMixture(task_seed=2)
    assert task.means.shape == (40, 2)
    assert task.means.abs().max() <= 40
    assert not torch.equal(task.means, RandomMixture().means)
    law = MixtureSameFamily(Categorical(torch.ones(40).double()), Independent(Normal(task.means, 1.3133), 1))
    points = samples(task, 200)
    torch.testing.assert_close(task.log_density(points), law.log_prob(points))


@pytest.mark.parametrize("task", MODES, ids=str)
def test_the_mean_of_mode_shares_is_their_weight(task):
    """Of exact samples, within five standard errors each."""
    shares = task.mode_shares(samples(task, 20_000))
    assert shares.shape[1:] == task.mode_weights.shape
    torch.testing.assert_close(shares.sum(-1), torch.ones_like(shares[..., 0]))
    torch.testing.assert_close(task.mode_weights.sum(-1), torch.ones_like(task.mode_weights[:, 0]))
    error = shares.std(0) / math.sqrt(len(shares))
    assert ((shares.mean(0) - task.mode_weights).abs() <= 5 * error).all()


def test_what_a_target_has_not_is_refused():
    class Bare(ContinuousEnvironment):
        dimension = property(lambda self: 3)
        box = property(lambda self: ((-5.0, 5.0),) * 3)

        def log_density(self, points):
            return -points.abs().sum(-1)

    assert check_task(Bare()) == ([], "looked at its density, and nothing is wrong")
    assert not Bare().has_samples
    with pytest.raises(SettingsError, match="it has no sample_target"):
        Bare().sample_target(1, torch.Generator())
    assert Banana().mode_weights is None
    with pytest.raises(SettingsError, match="it has no mode_shares"):
        Banana().mode_shares(torch.zeros(1, 2))
    with pytest.raises(SettingsError, match="exact log Z is asked for"):
        exact_log_z(Bare())


class Wide(Funnel):
    """A funnel whose samples, density or box is another's."""

    task: str = None


BROKEN = {
    "Metropolis steps change how coordinate 1": {
        "sample_target": lambda self, count, generator: 1.2 * Funnel.sample_target(self, count, generator)
    },
    "of the samples lie outside": {"box": property(lambda self: ((0.0, 20.0), *[(-3e3, 3e3)] * 9))},
    "is not 10 pairs": {"box": property(lambda self: ((-20.0, 20.0),) * 9)},
    "is not finite where sample_target draws": {
        "log_density": lambda self, points: Funnel.log_density(self, points) + (points[..., 0] < 1).log()
    },
    "log_density is not a number": {"log_density": lambda self, points: Funnel.log_density(self, points).sqrt()},
    "gives torch.float32": {
        "sample_target": lambda self, count, generator: Funnel.sample_target(self, count, generator).float()
    },
    "of points (16384, 10) has the shape": {"log_density": lambda self, points: points.square()},
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_what_is_wrong_is_named(sentence):
    wrong = type("Unsound", (Wide,), {"__module__": __name__, **BROKEN[sentence]})()
    assert any(sentence in problem for problem in check_task(wrong)[0]), check_task(wrong)
