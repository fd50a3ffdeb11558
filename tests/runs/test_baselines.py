"""Baselines of TB's gradient: unbiased, of less variance where that can be shown, and what they are said to be."""

from __future__ import annotations

import pytest
import torch

from gfn.environments import DAGs, Hypergrid, Phylogenetics, Sequences, Sets
from gfn.environments.alignment import shipped_alignment
from gfn.policies import PolicySettings
from gfn.runs.baseline import ScalarBaseline
from gfn.runs.gradients import measure_gradients, optimal_baselines, replicate
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import Trainer
from gfn.sampling import last_choices, rollout

POLICY = PolicySettings(hidden=(8,), gin_width=8)
TASKS = {
    "sets": Sets(universe=5, size=3),
    "sequences": Sequences(alphabet=3, length=3),
    "hypergrid": Hypergrid(side=4),
    "phylogenetics": Phylogenetics(alignment=shipped_alignment()[:4]),
    "dags": DAGs(nodes=3),
}
KNOWN = Objective(name="tb", log_z="known")
BASELINES = ("scalar", "state", "last")


def measured(task, objective, replicates=1024):
    """Statistics after some training: by metric, of the objective and of TB with Z known."""
    spec = GradientSpec(
        task=task,
        objectives=(objective, KNOWN),
        policy=POLICY,
        seeds=(0,),
        trainer=objective,
        warmup=(32,),
        batch_sizes=(8,),
        replicates=replicates,
        exact=True,
    )
    found = {}
    for record in measure_gradients(spec):
        found.setdefault(record["objective"], {})[record["metric"]] = record["value"]
    return found[objective], found[KNOWN]


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("name", TASKS)
def test_expected_gradients_are_that_of_trajectory_balance(name, baseline):
    """Four standard errors, in all directions and along the gradient."""
    own, _ = measured(TASKS[name], Objective(name="tb", baseline=baseline))
    assert abs(own["bias_squared"]) < 4 * own["bias_squared_error"]
    assert abs(own["bias_along"]) < 4 * own["bias_along_error"]
    assert own["bias_squared_error"] < 0.05 * own["gradient_squared"]


def test_a_baseline_that_looks_at_the_step_is_caught(monkeypatch):
    """The test before would see it: here the mean of the others takes in the trajectory itself, eight times."""
    from gfn.estimators import balance

    monkeypatch.setattr(balance, "leave_one_out", lambda values: values - values.mean(-1, keepdim=True))
    own, _ = measured(TASKS["sets"], Objective(name="tb", baseline="scalar"))
    assert abs(own["bias_along"]) > 4 * own["bias_along_error"]


@pytest.mark.parametrize("name", TASKS)
def test_integrating_the_last_choice_out_lowers_the_variance(name):
    own, known = measured(TASKS[name], Objective(name="tb", baseline="last"), replicates=256)
    assert own["variance"] < 0.8 * known["variance"]


@pytest.mark.parametrize("name", TASKS)
def test_the_ends_of_a_trajectory_are_trajectories(name):
    """Where an end is the one that was drawn, all its parts are that trajectory's; weights add up to what is possible."""
    trainer = Trainer(TrainingSpec(task=TASKS[name], policy=POLICY, seeds=(0,), dtype="float64"))
    batch = rollout(TASKS[name], trainer.policy, 64, trainer.generators)
    found = last_choices(TASKS[name], trainer.policy, batch)
    parts = (found.log_pf + found.log_choice, found.log_pb, found.log_reward)
    whole = (batch.log_pf, batch.log_pb, batch.log_reward)
    same = torch.stack([(part - one.unsqueeze(-1)).abs() < 1e-9 for part, one in zip(parts, whole)]).all(0)
    assert same.any(-1).all()
    share = found.log_choice.exp().sum(-1)
    if TASKS[name].min_steps == TASKS[name].max_steps:
        torch.testing.assert_close(share, torch.ones_like(share))
    else:
        assert share.mean().item() == pytest.approx(1, abs=0.25)  # one end is expected of each
    assert not torch.isnan(found.log_pf).any()


def test_the_scalar_baseline_tends_to_the_optimum():
    """Averaged over many batches at one policy, against the sum over all trajectories."""
    task = TASKS["sets"]
    spec = GradientSpec(task=task, objectives=(Objective(name="reverse_kl"),), policy=POLICY, seeds=(0,), exact=True)
    trained = Trainer(TrainingSpec(task=task, policy=POLICY, seeds=(0,), dtype="float64", iterations=32))
    trained.run()
    # The best baseline of the reverse KL's weight, 1 + ℓ, is 1 more than that of ℓ.
    best = optimal_baselines(spec, trained.policy)[spec.objectives[0]]["whole"] - 1
    baseline, moments, means = ScalarBaseline((0,), trained.log_z), [], []
    policy = replicate(trained.policy, 1)
    for iteration in range(400):
        batch = rollout(task, policy, 64, trained.generators)
        means.append((batch.log_pf - batch.log_pb - batch.log_reward).mean().item())
        baseline.moments.zero_()
        baseline.learn(batch, list(policy.parameters()), iteration)
        moments.append(baseline.moments[0].clone())
    above, below = torch.stack(moments).T
    ratios = above / below.mean()
    error = (ratios.std() / len(ratios) ** 0.5).item() + torch.tensor(means).std().item() / len(means) ** 0.5
    assert (above.mean() / below.mean()).item() == pytest.approx(best - sum(means) / len(means), abs=4 * error)
    assert error < 0.1


def test_the_scalar_baseline_does_not_know_its_own_batch():
    """In the first iteration there is none; and what is learned repeats."""
    trainer = Trainer(
        TrainingSpec(task=TASKS["sets"], policy=POLICY, objective=Objective(name="tb", baseline="scalar"))
    )
    assert trainer.baseline.shift.eq(0).all()
    trainer.step()
    assert trainer.baseline.shift.ne(0).all()
    assert trainer.baseline.shift.shape == (3, 1)


def test_orders_change_in_equal_steps(monkeypatch):
    """From one end to the other, both included."""
    seen = []
    loss = Objective.loss
    monkeypatch.setattr(Objective, "loss", lambda self, *given, **more: seen.append(self) or loss(self, *given, **more))
    objective = Objective(name="renyi", alpha=0.9, alpha_end=0.1)
    Trainer(TrainingSpec(task=TASKS["sets"], policy=POLICY, objective=objective, iterations=5)).run()
    assert [one.alpha for one in seen] == pytest.approx([0.9, 0.7, 0.5, 0.3, 0.1])
    assert all(one.alpha_end is None for one in seen)
    assert Objective(name="renyi").at(0.3) == Objective(name="renyi")


@pytest.mark.parametrize(("alpha", "end"), [(0.5, 1.5), (-0.5, 0.5), (2.0, -1.0)])
def test_orders_do_not_pass_where_there_is_none(alpha, end):
    with pytest.raises(
        ValueError, match=f"alpha_end = {end} is not allowed with alpha = {alpha}: both must be on the same"
    ):
        Objective(name="renyi", alpha=alpha, alpha_end=end)


def test_both_ends_are_held_against_the_batch():
    assert Objective(name="renyi", alpha=-2.0, alpha_end=-0.01, control_variate="loo").hindrance(8)
    assert not Objective(name="renyi", alpha=-2.0, alpha_end=-0.5, control_variate="loo").hindrance(8)
