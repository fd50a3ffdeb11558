"""Rivals on digits: probabilities that add up, bounds that are bounds, and small targets that are learned."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch

from gfn.environments import Digits, ManyWell
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.policies import PolicySettings
from gfn.randomness import stream
from gfn.rivals import PICTURES, RIVALS, Shape
from gfn.runs.objective import Objective
from gfn.runs.reached import reached
from gfn.runs.rivals import GFlowNet, race
from gfn.runs.spec import RivalSpec
from gfn.runs.training import Trainer
from gfn.settings import SettingsError

TASK = Digits(side=2, prototypes=3)
OBJECTS = state_graph(TASK).objects.float()
DENSITIES = ("autoregressive", "masked_diffusion")


def made(name, budget=6400, task=TASK, seed=0):
    rival = RIVALS[name](task, Shape((16,), 64, 0.01, budget), seed)
    rival.advance(budget)
    return rival


def exact_mass(rival):
    """Of every picture: log q of an autoregressive model, of a diffusion over all orders, and the mean of logs over them."""
    with torch.no_grad():
        if hasattr(rival, "log_prob"):
            found = rival.log_prob(OBJECTS).double()
            return found, found
        paths = []
        for order in permutations(range(4)):
            places = torch.tensor(order)
            hidden = [places >= place for place in range(4)]
            each = [rival.log_each(OBJECTS.masked_fill(h, 0), OBJECTS)[:, order.index(k)] for k, h in enumerate(hidden)]
            paths.append(sum(each).double())
        paths = torch.stack(paths)
        return paths.logsumexp(0) - math.log(len(paths)), paths.mean(0)


@pytest.mark.parametrize("name", DENSITIES)
@pytest.mark.parametrize("budget", [64, 6400])
def test_weights_are_right_early_and_late(name, budget):
    """Probabilities add up to one; E[w] = 1 over its own pictures, and E[1 / w] = 1 over exact samples."""
    rival = made(name, budget)
    log_q, bound = exact_mass(rival)
    assert float(log_q.logsumexp(0)) == pytest.approx(0, abs=1e-6)
    assert (bound <= log_q + 1e-6).all()
    points, log_weights = rival.draw(4000, stream("test", 1))
    assert set(points.unique().tolist()) == {-1, 1}
    exact = TASK.sample_target(4000, stream("test", 2))
    back = rival.weights_of(exact, stream("test", 3))
    for inverse in (log_weights.exp(), (-back).exp()):
        error = float(inverse.std()) / math.sqrt(len(inverse))
        assert float(inverse.mean()) == pytest.approx(1, abs=5 * error + 1e-4)
    if name == "autoregressive":
        keys = TASK.key(points.to(torch.int8))
        place = (keys.unsqueeze(1) == TASK.key(OBJECTS.to(torch.int8))).int().argmax(1)
        torch.testing.assert_close(log_weights, (TASK.log_reward(OBJECTS) - log_q)[place].float(), atol=1e-4, rtol=0)


def test_the_bound_of_the_diffusion_is_a_bound():
    """Below the likelihood for every picture, as the mean over all orders; what it is trained by is that bound on average."""
    rival = made("masked_diffusion", 640)
    log_q, bound = exact_mass(rival)
    assert (bound <= log_q + 1e-9).all()
    assert float((log_q - bound).max()) > 1e-4
    every = torch.tensor([[bool(k >> i & 1) for i in range(4)] for k in range(1, 16)])
    hidden = every.sum(1)
    share = 1 / (4 * torch.tensor([math.comb(4, k) for k in hidden.tolist()]))  # of each, by their number and which
    with torch.no_grad():
        terms = torch.stack([rival.terms(OBJECTS, mask.expand_as(OBJECTS)) for mask in every])
        trained = (share / hidden * 4) @ terms
        torch.testing.assert_close(-trained.double(), bound, atol=1e-5, rtol=0)
        rival.shape = Shape((16,), 20_000, 5e-3, 640)
        losses = torch.stack([rival.loss() for _ in range(4)])
    due = -float(target_distribution(TASK) @ bound)
    assert float(losses.mean()) == pytest.approx(due, abs=6 * float(losses.std()) / 2 + 0.01)


@pytest.mark.parametrize("name", PICTURES)
def test_a_small_target_is_learned(name):
    """Every picture is drawn nearly as often as it should be, by a GAN more nearly than at random."""
    rival = made(name, 12_800)
    points, _ = rival.draw(8000, stream("test", 4))
    place = (points.unsqueeze(1) == OBJECTS).all(-1).int().argmax(1)
    found = place.bincount(minlength=len(OBJECTS)).double() / len(points)
    target = target_distribution(TASK)
    distance = float((found - target).abs().sum() / 2)
    blank = float((1 / len(target) - target).abs().sum() / 2)
    assert distance < (0.6 if name == "bit_gan" else 0.3) * blank


def test_a_gflownet_learns_it_towards_what_is_known():
    """Its own weights say so: the bounds close in on log Z = 0, and its probabilities on the target."""
    shape = {"policy": PolicySettings(hidden=(16,)), "batch_size": 64, "learning_rate": 0.01, "seeds": (0,)}
    spec = RivalSpec(task=TASK, objective=Objective(log_z="batch"), budget=12_800, marks=1, points=1024, **shape)
    records = race(spec)
    found = {each["metric"]: each["value"] for each in records}
    assert found["elbo_gap"] < 0.02
    assert found["eubo_gap"] < 0.02
    assert found["log_z_error"] < 0.02
    assert found["effective_share"] > 0.95
    assert found["mode_tv"] < 0.05
    assert {"sliced", "sliced_floor", "mode_tv_floor", "missed"} <= found.keys()


def test_the_autoregressive_model_starts_as_the_gflownet():
    spec = RivalSpec(task=TASK, objective=Objective(log_z="batch"), policy=PolicySettings(hidden=(16,)), budget=4096)
    shape = Shape((16,), 64, 1e-3, 4096)
    rivals = GFlowNet(Trainer(spec.training(5)), shape, 0), RIVALS["autoregressive"](TASK, shape, 5)
    weights = [rival.weights_of(OBJECTS.to(torch.int8), stream("test", 6)) for rival in rivals]
    torch.testing.assert_close(weights[0].float(), weights[1].float(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", PICTURES)
def test_the_budget_is_kept_and_a_seed_says_it_all(name):
    asked = [0]

    class Counted(Digits):
        task: str = None

        def sample_target(self, count, generator):
            asked[0] += count
            return super().sample_target(count, generator)

    task, found = Counted(side=2, prototypes=3), []
    for other, seed in ((1, 0), (2, 0), (3, 1)):
        torch.manual_seed(other)
        asked[0] = 0
        rival = made(name, 1000, task, seed)
        assert asked[0] == rival.used == 960
        found.append(rival.draw(64, stream("test", 7))[0])
    assert torch.equal(*found[:2])
    assert not torch.equal(*found[1:])


def test_each_has_its_own_tasks():
    sizes = {"budget": 640, "batch_size": 64, "marks": 1, "points": 64}
    with pytest.raises(SettingsError, match="model = masked_diffusion is not allowed for task many_well"):
        RivalSpec(task=ManyWell(pairs=1), model="masked_diffusion", **sizes)
    with pytest.raises(SettingsError, match="model = nuts is not allowed for task digits"):
        RivalSpec(task=TASK, model="nuts", **sizes)
    metrics = {
        name: {each["metric"] for each in race(RivalSpec(task=TASK, model=name, seeds=(0,), **sizes))}
        for name in PICTURES
    }
    assert metrics["autoregressive"] == metrics["masked_diffusion"]
    pixels = {f"x{pixel + 1}" for pixel in range(TASK.dimension)}
    assert metrics["bit_gan"] == {"sliced", "sliced_floor", "mode_tv", "mode_tv_floor", "missed"} | pixels


@pytest.mark.parametrize("name", [*PICTURES, "gflownet"])
def test_a_run_depends_on_its_own_model_and_on_what_it_is_derived_from(name):
    own = {"objective": Objective()} if name == "gflownet" else {}
    modules = set(reached(RivalSpec(task=TASK, model=name, **own)))
    rivals = {module.removeprefix("gfn.rivals.") for module in modules if module.startswith("gfn.rivals.")}
    due = {"gflownet": set(), "bit_gan": {"bit_gan", "gan"}}.get(name, {name})
    assert rivals == {"base", *due}
    assert {"gfn.environments.digits", "gfn.evaluation.samples", "gfn.runs.rivals"} <= modules
    assert not {module for module in modules if "continuous" in module and module != "gfn.environments.continuous"}
