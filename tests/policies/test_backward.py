"""The learned backward policy: its probabilities, its gradient, and what training with it does."""

from __future__ import annotations

import pytest
import torch

from gfn.environments import Banana, DAGs, Hypergrid, Phylogenetics, Sequences, Sets
from gfn.evaluation.exact import all_probabilities, all_trajectories
from gfn.policies import LearnedBackward, PolicySettings, ReplicatedMLP, make_backward
from gfn.runs.draws import Draws
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import Trainer
from gfn.sampling import engine, evaluate, retrace, rollout
from gfn.settings import SettingsError
from tests.helpers import SMALL_TASKS, frequencies_p, generators, gradients, mean_p, repeat, small_policy

ALARM = 1e-4
LEARNED = PolicySettings(hidden=(8,), backward="learned")
TASKS = SMALL_TASKS | {
    "phylogenetics of 4 taxa": Phylogenetics(alignment=tuple(zip("abcd", ("ACGT", "ACGA", "TCGA", "TTGC"))))
}


def learned(task, replicas=1, seed=0):
    """A backward policy far from uniform."""
    backward = make_backward(task, LEARNED, [seed] * replicas).double()
    for parameter in backward.parameters():
        parameter.data *= 3
    return backward


@pytest.mark.parametrize("name", TASKS)
def test_it_adds_to_one_over_the_trajectories_of_each_object(name):
    task = TASKS[name]
    every = all_probabilities(task, small_policy(task), learned(task))
    objects, which = every.terminal[0].flatten(1).unique(dim=0, return_inverse=True)
    total = torch.zeros(len(objects), dtype=torch.float64).index_add_(0, which, every.log_pb[0].detach().exp())
    torch.testing.assert_close(total, torch.ones_like(total))
    uniform = all_probabilities(task, small_policy(task)).log_pb
    assert torch.equal(uniform, every.log_pb) == isinstance(task, Sequences)


@pytest.mark.parametrize("way", ["table", "states"])
@pytest.mark.parametrize("name", TASKS)
def test_rollouts_have_the_probabilities_of_their_trajectories(name, way, monkeypatch):
    """With states by number or as they are, and step by step; a table looks up few and many states in its own way."""
    task, policy, backward = TASKS[name], small_policy(TASKS[name], (0, 1)), learned(TASKS[name], 2)
    if way == "states":
        monkeypatch.setattr(engine, "table_of", lambda *arguments: None)
    for batch in (2, 200):
        drawn = rollout(task, policy, batch, generators(2), backward=backward)
        steps = drawn.steps
        torch.testing.assert_close(steps.log_pb.sum(-1), drawn.log_pb)
        # The same trajectories, found among all by their states.
        states, actions = all_trajectories(task)
        states = [s.expand(2, *s.shape[1:]) for s in states]
        every = evaluate(task, policy, states, [a.expand(2, -1) for a in actions], backward)
        length = steps.states.shape[2]
        known = torch.stack(states, 2)[:, :, :length].flatten(2)
        met = torch.cat([steps.states.flatten(2), drawn.terminal.flatten(2)], 2)
        known = torch.cat([known, every.terminal.flatten(2)], 2)
        for replica in range(2):
            which = (met[replica].unsqueeze(1) == known[replica].unsqueeze(0)).all(-1).byte().argmax(-1)
            torch.testing.assert_close(drawn.log_pb[replica], every.log_pb[replica, which])
            torch.testing.assert_close(drawn.log_pf[replica], every.log_pf[replica, which])


def test_backward_draws_follow_it():
    task = Sets(universe=4, size=3)
    policy, backward = small_policy(task), learned(task)
    terminal = torch.tensor([True, True, False, True]).expand(1, 20_000, 4)
    traced = retrace(task, policy, terminal, generators(1)[0], backward)
    values, counts = traced.log_pb[0].detach().unique(return_counts=True)
    assert len(values) == 6
    assert frequencies_p(counts, values.exp()) > ALARM


@pytest.mark.parametrize("goal", ["tb", "vargrad", "reverse_kl", "forward_kl", "tsallis", "renyi"])
def test_its_gradient_over_rollouts_is_the_exact_one(goal):
    """That of TB and VarGrad is of their own mean loss; of a divergence that of its definition (Hotelling's test)."""
    from gfn.evaluation.exact import divergence

    task, size, copies = Sets(universe=4, size=2), 8, 512
    policy, one = small_policy(task), learned(task)
    many = LearnedBackward(ReplicatedMLP([0] * copies, [4, 8, 4], "backward policy")).double()
    for copy, original in zip(many.parameters(), one.parameters()):
        copy.data = original.data.expand_as(copy).clone()
    drawn = rollout(task, repeat(policy, task, copies), size, generators(copies), backward=many)
    objective = Objective(name=goal)
    found = gradients(objective.loss(drawn, log_z=1.0, log_scale=task.log_z), list(many.parameters()))
    every = all_probabilities(task, policy, one)
    if goal in ("tb", "vargrad"):
        residual = every.log_pf - every.log_pb - every.log_reward
        law = every.log_pf.detach().exp()
        offset = 1.0 if goal == "tb" else -(law * residual).sum(-1, keepdim=True)
        share = 1.0 if goal == "tb" else (size - 1) / size
        value = share * (law * (residual + offset).square()).sum(-1)
    else:
        value = divergence(goal, every, objective.alpha)
    exact = gradients(value, list(one.parameters()))[0]
    if goal == "renyi":  # consistent, with a bias of order 1/N
        assert (found.mean(0) - exact).norm() < 0.2 * exact.norm()
    else:
        assert mean_p(found, exact) > ALARM


@pytest.mark.parametrize("goal", ["tb", "db", "subtb", "vargrad", "reverse_kl", "forward_kl", "renyi"])
def test_training_moves_both_policies_towards_the_target(goal):
    settings = {"objective": Objective(name=goal), "iterations": 80, "batch_size": 32, "seeds": (0,), "policy": LEARNED}
    trainer = Trainer(TrainingSpec(task=Hypergrid(side=3, r0=0.1), learning_rate=0.02, evaluate_every=80, **settings))
    before = [parameter.detach().clone() for parameter in trainer.backward.parameters()]
    l1 = [record["value"] for record in trainer.run() if record["metric"] == "l1"]
    assert l1[-1] < 0.6 * l1[0]
    assert all(not torch.equal(a, b) for a, b in zip(before, trainer.backward.parameters()))


def test_an_interrupted_training_resumes_with_it(tmp_path):
    spec = TrainingSpec(task=Sets(universe=4, size=2), policy=LEARNED, seeds=(0, 1), iterations=6, batch_size=4)
    straight, broken = Trainer(spec), Trainer(spec)
    straight.run()
    for _ in range(3):
        broken.step()
    broken.save(tmp_path / "checkpoint")
    resumed = Trainer(spec)
    assert resumed.load(tmp_path / "checkpoint")
    resumed.run()
    for a, b in zip(straight.trained, resumed.trained, strict=True):
        assert torch.equal(a, b)


def test_a_replica_does_not_depend_on_the_others():
    settings = {"task": Sets(universe=4, size=2), "policy": LEARNED, "iterations": 4, "batch_size": 4}
    alone, beside = (Trainer(TrainingSpec(seeds=seeds, **settings)) for seeds in ((1,), (0, 1)))
    alone.run()
    beside.run()
    for a, b in zip(alone.backward.parameters(), beside.backward.parameters()):
        torch.testing.assert_close(a[0], b[1])


def test_large_tasks_are_evaluated_with_it():
    """L1 by importance with its own backward orders, and the lower bound."""
    for task, metric in ((Sets(universe=40, size=3), "l1"), (DAGs(nodes=8, samples=20), "elbo")):
        spec = TrainingSpec(
            task=task, policy=LEARNED, iterations=1, batch_size=4, l1_objects=8, l1_orders=4, seeds=(0,)
        )
        assert metric in {record["metric"] for record in Trainer(spec).run()}


def test_uniform_stays_the_default_and_the_names_of_runs_stay_too():
    assert "backward" not in TrainingSpec().model_dump_json()
    assert '"backward":"learned"' in TrainingSpec(policy=LEARNED).model_dump_json()
    assert Trainer(TrainingSpec()).backward is None


REFUSED = {
    "for task banana": {"task": Banana()},
    "with tb baseline=scalar": {"objective": Objective(baseline="scalar")},
    "with tb baseline=state": {"objective": Objective(baseline="state")},
    "with draws replayed": {"task": Sets(universe=4, size=2), "draws": Draws(scheme="replayed")},
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_where_it_would_get_no_gradient(what):
    with pytest.raises(SettingsError, match=f"backward = learned is not allowed {what}"):
        TrainingSpec(policy=LEARNED, **REFUSED[what])


def test_gradients_are_measured_of_the_forward_policy_alone():
    with pytest.raises(SettingsError, match="backward = learned is not allowed: gradients are measured"):
        GradientSpec(objectives=(Objective(name="renyi"),), policy=LEARNED)
