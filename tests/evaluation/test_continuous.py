"""Estimates of a policy's error on continuous tasks against quadrature, where there is any."""

from __future__ import annotations

import math

import pytest
import torch

from gfn.environments import Banana, ContinuousEnvironment, Funnel, GaussianMixture, ManyWell
from gfn.evaluation.accuracy import accuracy, jsd, policy_density, target_density
from gfn.evaluation.continuous import continuous_measures, estimates, jsd_terms
from gfn.evaluation.measures import measures
from gfn.policies import PolicySettings, make_policy
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.settings import SettingsError

SHAPE = PolicySettings(hidden=(16,), components=4)


def trained(task, iterations, name="forward_kl", **own):
    sizes = {"batch_size": 64, "seeds": (0, 1), "evaluate_every": iterations, "learning_rate": 0.01, "resolution": 64}
    trainer = Trainer(
        TrainingSpec(task=task, objective=Objective(name=name), policy=SHAPE, iterations=iterations, **sizes, **own)
    )
    return trainer, trainer.run()


@pytest.mark.parametrize("task", [GaussianMixture(), Banana()], ids=lambda task: task.task)
def test_the_estimate_agrees_with_quadrature(task):
    """In the plane, where both can be had: within four of its standard errors, and within log 2."""
    policy = make_policy(task, SHAPE, (0, 1))
    found, exact = estimates(task, policy, 20_000, (0, 1)), jsd(task, policy, 512)
    assert (found["jsd_error"] < 0.01).all()
    assert ((found["jsd"] - exact).abs() < 4 * found["jsd_error"] + 1e-3).all()
    assert (jsd_terms(task, policy, 100, (0, 1)) <= math.log(2)).all()


def test_the_bounds_agree_with_quadrature():
    """Reverse and forward KL divergence of the policy, within five standard errors."""
    task = GaussianMixture()
    trainer, _ = trained(task, 30)
    found = continuous_measures(task, trainer.policy, (0, 1), 8000)
    box, side = ((-9.0, 9.0), (-9.0, 9.0)), 400
    p, q = policy_density(task, trainer.policy, side, box), target_density(task, side, box)
    area = (18 / side) ** 2
    reverse = area * torch.special.xlogy(p, p / q).nan_to_num(posinf=0).sum((1, 2))
    forward = area * torch.special.xlogy(q, q / p).sum((1, 2))
    assert ((found["eubo_gap"] - forward).abs() < 5 * found["eubo_gap_error"] + 1e-3).all()
    assert ((found["elbo_gap"] - reverse).abs() < 5 * found["elbo_gap_error"] + 1e-2).all()


def test_no_seed_depends_on_which_others_there_are():
    task = Funnel(dimensions=3)
    together = make_policy(task, SHAPE, (4, 5))
    alone = make_policy(task, SHAPE, (5,))
    both, one = (continuous_measures(task, p, s, 64) for p, s in ((together, (4, 5)), (alone, (5,))))
    for name, value in one.items():
        torch.testing.assert_close(both[name][1], value[0])


@pytest.mark.parametrize("task", [Funnel(dimensions=3, spread=1.0), ManyWell(pairs=1)], ids=lambda task: task.task)
def test_training_brings_the_estimate_down(task):
    """And records it with its error, and at the end all measures."""
    _, records = trained(task, 60, "renyi", measures=True, l1_objects=2048)
    first, last = (
        [each["value"] for each in records if (each["metric"], each["iteration"]) == ("jsd", at)] for at in (0, 60)
    )
    assert sum(last) < 0.7 * sum(first)
    errors = [each["value"] for each in records if each["metric"] == "jsd_error"]
    assert 0 < max(errors) < 0.02
    final = {each["metric"] for each in records if each["iteration"] == 60}
    due = {"elbo_gap", "eubo_gap", "log_z_error", "effective_share", "sliced", "sliced_floor", "tb_loss"}
    assert due <= final
    assert ({"mode_tv", "missed"} <= final) == (task.task == "many_well")


class Unknown(ContinuousEnvironment):
    """A normal law in three dimensions, times 5; nothing but its density is known."""

    dimension = property(lambda self: 3)
    box = property(lambda self: ((-6.0, 6.0),) * 3)

    def log_density(self, points):
        return math.log(5) - points.square().sum(-1) / 2 - 1.5 * math.log(2 * math.pi)


def test_without_samples_the_lower_bound_is_measured():
    """Which training brings up to log Z."""
    trainer, records = trained(Unknown(), 150, "reverse_kl", l1_objects=1024)
    assert {each["metric"] for each in records} == {"elbo", "elbo_error"}
    final = accuracy(Unknown(), trainer.policy, l1_objects=4096, l1_orders=1, resolution=8)
    assert (final["elbo"] < math.log(5) + 4 * final["elbo_error"]).all()
    assert (final["elbo"] > math.log(5) - 0.1).all()
    with pytest.raises(
        SettingsError, match=r"measures = True is not allowed for task .*Unknown: its log Z is not known"
    ):
        TrainingSpec(task=Unknown(), measures=True)


def test_an_unnormalised_density_of_the_plane_is_normalised():
    class Half(Banana):
        task: str = None
        log_z = math.log(0.5)

        def log_density(self, points):
            return Banana.log_density(self, points) + math.log(0.5)

    class Nobody(Half):
        log_z = None

    whole = target_density(Banana(), 200)
    torch.testing.assert_close(target_density(Half(), 200), whole)
    torch.testing.assert_close(target_density(Nobody(), 200), whole, rtol=1e-3, atol=1e-6)


def test_measures_of_tasks_in_the_plane_stay_those_by_quadrature():
    task = GaussianMixture(side=2)
    found = measures(task, make_policy(task, SHAPE, (0,)), (0,), 32, (0.5,))
    assert {"tv", "spearman", "covered"} <= found.keys()
    assert "sliced" not in found
