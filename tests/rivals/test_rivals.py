"""Every rival: weights that are right whatever it has learned, a budget that is kept, and targets that it comes near."""

from __future__ import annotations

import math

import pytest
import torch

from gfn.environments import ContinuousEnvironment, ManyWell
from gfn.evaluation.samples import sliced_wasserstein
from gfn.randomness import stream
from gfn.rivals import LEAGUES, Shape
from gfn.rivals.flow import SplineFlow

RIVALS = {name: kind for league in LEAGUES.values() for name, kind in league.items()}
LOG_Z = 1.25
SLOPE, WIDTH = 0.3, 0.9  # so near to the standard normal law that weights from it have a variance
NEEDS = {"flow_reverse_kl": "zuko", "flow_likelihood": "zuko", "nuts": "pyro"}
CASES = [("denoising", 32_000)]
CASES += [(name, n) for name in RIVALS if name not in ("nuts", "gan", "denoising") for n in (640, 6400)]
QUICK = ("flow_reverse_kl", "flow_likelihood", "path_integral")
STEP = {"annealed": 0.3, "gan": 2e-3}


class Normal(ContinuousEnvironment):
    """exp(LOG_Z) times a normal law with correlated coordinates, away from the origin."""

    dimension = property(lambda self: 2)
    box = property(lambda self: ((-5.0, 6.0), (-7.0, 5.0)))
    log_z = property(lambda self: LOG_Z)

    def log_density(self, points):
        first, second = points[..., 0] - 0.5, points[..., 1] + 1
        rest = (second - SLOPE * first) / WIDTH
        return LOG_Z - first.square() / 2 - rest.square() / 2 - math.log(2 * math.pi * WIDTH)

    def sample_target(self, count, generator):
        first, noise = torch.randn(2, count, generator=generator, dtype=torch.float64)
        return torch.stack([first + 0.5, SLOPE * first + WIDTH * noise - 1], 1)


def made(name, budget, task=None, seed=0, hidden=(32, 32)):
    pytest.importorskip(NEEDS.get(name, "torch"))
    shape = Shape(hidden, 64, STEP.get(name, 5e-3), budget)
    return RIVALS[name](task or Normal(), shape, seed)


def test_the_leagues_are_apart():
    assert not LEAGUES["density"].keys() & LEAGUES["samples"].keys()


@pytest.mark.parametrize(("name", "budget"), CASES)
def test_weights_are_right_early_and_late(name, budget):
    """E[w] = Z over its own points, and E[1 / w] = 1 / Z over exact samples, within five standard errors.

    That holds for any sampler, so it is a test of densities and not of training; of the denoising model, which starts
    with noise, once weights have a variance.
    """
    rival = made(name, budget)
    rival.advance(budget)
    points, log_weights = rival.draw(4000, stream("test", 1))
    assert log_weights.shape == points.shape[:1]
    own = (log_weights.double() - LOG_Z).exp()
    assert float(own.mean()) == pytest.approx(1, abs=5 * float(own.std()) / math.sqrt(len(own)) + 1e-4)
    exact = Normal().sample_target(4000, stream("test", 2))
    back = rival.weights_of(exact, stream("test", 3))
    if name == "annealed":
        assert back is None
        return
    inverse = (LOG_Z - back.double()).exp()
    assert float(inverse.mean()) == pytest.approx(1, abs=5 * float(inverse.std()) / math.sqrt(4000) + 1e-4)


@pytest.mark.parametrize("name", RIVALS)
def test_it_comes_near_the_target(name):
    """Much nearer than a standard normal law, from which it starts."""
    rival = made(name, 1500 if name == "nuts" else 4800 if name in QUICK else 19_200)
    rival.advance(rival.shape.budget)
    drawn, log_weights = rival.draw(2000, stream("test", 4))
    points = rival.spread(drawn, log_weights, stream("test", 5)).double()
    exact = Normal().sample_target(len(points), stream("test", 6))
    start = torch.randn(len(points), 2, generator=stream("test", 7), dtype=torch.float64)
    assert sliced_wasserstein(points, exact) < 0.5 * sliced_wasserstein(start, exact)


@pytest.mark.parametrize("name", RIVALS)
def test_the_budget_is_kept(name):
    """Every evaluation and every sample counts, and none is used beyond; a chain ends with the step that it is in."""
    asked = {"density": 0, "samples": 0}

    class Counted(Normal):
        task: str = None

        def log_density(self, points):
            asked["density"] += points[..., 0].numel()
            return super().log_density(points)

        def sample_target(self, count, generator):
            asked["samples"] += count
            return super().sample_target(count, generator)

    rival = made(name, 1000, Counted())
    for budget in (600, 1000):
        rival.advance(budget)
        league = next(league for league, members in LEAGUES.items() if name in members)
        assert asked == {"density": 0, "samples": 0} | {league: rival.used}
        assert budget - 161 < rival.used <= budget + (64 if name == "nuts" else 0)


@pytest.mark.parametrize("name", RIVALS)
def test_a_seed_says_it_all(name):
    """Whatever PyTorch's own source of randomness has been asked before, which stays as it was."""
    found = []
    for other in (1, 2):
        torch.manual_seed(other)
        before = torch.get_rng_state()
        rival = made(name, 400, ManyWell(pairs=1))
        rival.advance(400)
        found.append(rival.draw(16, stream("test", 8))[0])
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(*found)
    other = made(name, 400, ManyWell(pairs=1), seed=1)
    other.advance(400)
    assert not torch.equal(other.draw(16, stream("test", 8))[0], found[0])


def test_a_flow_is_a_density():
    """Its mass on a grid is one, and its own points have the density that it says."""
    pytest.importorskip("zuko")
    torch.manual_seed(0)
    flow = SplineFlow(2, (16,))
    with torch.no_grad():
        flow.shift += torch.tensor([0.5, -1.0])
        flow.log_scale += torch.tensor([0.3, -0.2])
        axis = -9 + 18 * (torch.arange(300) + 0.5) / 300
        mass = flow.log_density(torch.cartesian_prod(axis, axis)).exp().sum() * (18 / 300) ** 2
        points, log_density = flow(torch.randn(50, 2))
        torch.testing.assert_close(flow.log_density(points), log_density, atol=1e-3, rtol=1e-3)
    assert float(mass) == pytest.approx(1, abs=5e-3)


def test_a_loss_that_is_not_finite_is_named():
    class Broken(Normal):
        task: str = None

        def log_density(self, points):
            return super().log_density(points) * math.nan

    with pytest.raises(FloatingPointError, match="the loss is not finite after 0 of 640"):
        made("path_integral", 640, Broken()).advance(640)
