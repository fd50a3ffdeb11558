"""Training off policy: what the memory and the lag do, what is refused, and that nothing on policy has changed."""

from __future__ import annotations

import math

import pytest
import torch

from gfn.environments import Banana, GaussianMixture, Hypergrid
from gfn.evaluation.exact import all_probabilities, divergence
from gfn.policies import PolicySettings, make_backward
from gfn.runs import training as module
from gfn.runs.draws import Draws
from gfn.runs.gradients import exact_gradient, measure_gradients, replicate, replicated_gradients, stages
from gfn.runs.objective import ALL_OBJECTIVES, Objective
from gfn.runs.off_policy import Memory, OffPolicy, OffPolicyBatches, effective_share
from gfn.runs.spec import GradientSpec, TrainingSpec, parse_spec
from gfn.runs.training import Trainer
from gfn.sampling import Trajectories, evaluate
from gfn.settings import SettingsError
from tests.helpers import TINY_TASKS, generators, gradients, mean_p, repeat, small_policy

ALARM = 1e-4
TASK = TINY_TASKS["sets 4 choose 2"]
KL = Objective(name="reverse_kl")
WAYS = [
    OffPolicy(exploration=0.2),
    OffPolicy(temperature=2),
    OffPolicy(lag=3),
    OffPolicy(replay=0.5, buffer_size=9),
    OffPolicy(exploration=0.1, temperature=1.5, lag=2, replay=0.25, buffer_size=5),
]
labels = [way.label for way in WAYS]


def training(**changes):
    settings = {"task": TASK, "policy": PolicySettings(hidden=(4,)), "seeds": (0, 1), "iterations": 6, "batch_size": 4}
    return TrainingSpec(**settings | {"evaluate_every": 2, "objective": KL} | changes)


def test_specifications_on_policy_are_what_they_were():
    """Their JSON does not know of new settings, so that their hash is the same."""
    assert TrainingSpec().hash == "f6a19b55c1d865a8"
    assert GradientSpec(objectives=(Objective(log_z="known"),)).hash == "7d0dd43c4b78da51"
    for spec in (TrainingSpec(), TrainingSpec(off_policy=None, measures=False)):
        assert "off_policy" not in spec.model_dump_json()
        assert "measures" not in spec.model_dump_json()
        assert parse_spec(spec.model_dump_json()) == spec


@pytest.mark.parametrize("way", WAYS, ids=labels)
def test_off_policy_they_are_kept_whole(way):
    for changes in ({}, {"measures": True}):
        spec = training(off_policy=way, objective=Objective(), **changes)
        again = parse_spec(spec.model_dump_json())
        assert again == spec
        assert again.hash == spec.hash != training(objective=Objective()).hash


def test_what_is_by_default_is_filled():
    assert OffPolicy(replay=0.5).buffer_size == 4096
    assert OffPolicy(exploration=0.1).buffer_size is None
    assert OffPolicy(exploration=0.1, weights="truncated").cap == 10
    assert OffPolicy(exploration=0.1).weights is None
    assert OffPolicy(exploration=0.1, weights="none").label == "exploration=0.1 weights=none"


REFUSED = [
    (OffPolicy, {}, "off_policy needs exploration above 0"),
    (OffPolicy, {"lag": 1}, "lag = 1 is not allowed alone"),
    (OffPolicy, {"exploration": 1.5}, "exploration = 1.5 is not allowed"),
    (OffPolicy, {"temperature": 0}, "temperature = 0 is not allowed"),
    (OffPolicy, {"replay": 1}, "replay = 1 is not allowed"),
    (
        OffPolicy,
        {"exploration": 0.1, "buffer_size": 5},
        "buffer_size = 5 is not allowed without replay: there is no memory",
    ),
    (OffPolicy, {"exploration": 0.1, "cap": 5}, "cap = 5 is not allowed with weights None"),
    (OffPolicy, {"exploration": 0.1, "weights": "some"}, "weights = 'some' is not allowed"),
]
REFUSED += [
    (training, {"off_policy": OffPolicy(**way), **changes}, why)
    for way, changes, why in [
        ({"exploration": 0.1}, {"draws": Draws(scheme="common")}, "draws common share=0.5 is not allowed off policy"),
        ({"temperature": 2}, {"task": Banana()}, "temperature = 2 is not allowed for task banana"),
        ({"lag": 2}, {"objective": Objective(baseline="scalar")}, "its baseline is for the gradient on policy"),
        ({"lag": 2}, {"objective": Objective(baseline="state")}, "its baseline is for the gradient on policy"),
        ({"lag": 2, "weights": "full"}, {"objective": Objective()}, "weights = full is not allowed with tb"),
        (
            {"lag": 2, "weights": "none"},
            {"objective": Objective(name="f_tb")},
            "weights = none is not allowed with f_tb",
        ),
        ({"replay": 0.9}, {}, "replay = 0.9 is not allowed: nothing new would be drawn"),
    ]
]
REFUSED += [
    (
        GradientSpec,
        {"objectives": (KL,), "off_policy": OffPolicy(replay=0.5)},
        "replay = 0.5 is not allowed for gradients",
    ),
    (
        GradientSpec,
        {"objectives": (KL,), "off_policy": OffPolicy(lag=4), "warmup": (2, 8)},
        "warmup with 2 is not allowed",
    ),
    (
        GradientSpec,
        {"objectives": (Objective(name="vargrad"),), "off_policy": OffPolicy(exploration=0.5), "exact": True},
        "exact = True is not allowed with off_policy exploration=0.5",
    ),
]


@pytest.mark.parametrize(("make", "settings", "why"), REFUSED, ids=[why for *_, why in REFUSED])
def test_what_cannot_work_is_refused_in_a_sentence(make, settings, why):
    with pytest.raises(SettingsError) as caught:
        make(**settings)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_memory_keeps_the_latest():
    """And forgets the oldest, whatever sizes they come in; each is drawn as often as another, with its own numbers."""
    memory, seen = Memory(7), []
    for size in (3, 3, 2, 9, 1):
        first = len(seen)
        seen += range(first, first + size)
        actions = torch.arange(first, first + size).view(1, 1, -1).expand(2, 3, -1)
        memory.add(actions, torch.tensor([seen[first:]] * 2).double())
        assert len(memory) == min(7, len(seen))
        assert set(memory.log_q[0, : len(memory)].tolist()) == set(seen[-7:])
        drawn, log_q = memory.draw(400, generators(2))
        assert drawn.shape == (2, 3, 400)
        assert torch.equal(drawn[:, 0].double(), log_q)
        assert set(log_q[1].tolist()) == set(seen[-7:])
        assert not torch.equal(log_q[0], log_q[1])


def moved(policy, by=0.3):
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += by


def test_a_lag_draws_from_the_policy_of_before():
    """Renewed every so many batches; log p_F is that of now."""
    policy, batches, q = small_policy(TASK), OffPolicyBatches(TASK, OffPolicy(lag=3)), []
    for step in range(7):
        before = small_policy(TASK)
        before.load_state_dict(batches.drawer.state_dict() if step % 3 else policy.state_dict())
        drawn = batches(policy, 5, generators(1, step))
        for policy_of, found in ((policy, drawn.log_pf), (before, drawn.log_q)):
            every = all_probabilities(TASK, policy_of)
            assert ((found.T - every.log_pf).abs().amin(1) < 1e-9).all()
        q.append(drawn.log_q)
        moved(policy)
    assert torch.equal(drawn.log_q, drawn.log_pf.detach()) or (drawn.log_q - drawn.log_pf).abs().max() < 1e-12


def test_replayed_trajectories_were_drawn_before():
    """A share of the batch, with the probability that they had then; until there is one, all are new."""
    policy = small_policy(TASK)
    batches = OffPolicyBatches(TASK, OffPolicy(replay=0.5, buffer_size=8))
    seen = set()
    for step in range(5):
        drawn = batches(policy, 6, generators(1, step))
        new = 6 if step == 0 else 3
        torch.testing.assert_close(drawn.log_q[:, :new], drawn.log_pf.detach()[:, :new])
        assert {round(value, 9) for value in drawn.log_q[0, new:].tolist()} <= seen
        seen |= {round(value, 9) for value in drawn.log_q[0, :new].tolist()}
        moved(policy)
    assert len(batches.memory) == 8


def test_weights_are_full_truncated_or_none():
    log_pf, log_q = torch.tensor([[0.0, -1.0, -5.0]], requires_grad=True), torch.tensor([[-5.0, -1.0, 0.0]])
    batch = Trajectories(log_pf, log_pf, log_pf, log_pf, log_q=log_q)
    rho = {w: OffPolicy(lag=2, weights=w, cap=3 if w == "truncated" else None) for w in ("full", "truncated", "none")}
    found = {name: way.weighted(batch).log_q for name, way in rho.items()}
    torch.testing.assert_close(found["full"], log_q)
    assert found["none"] is None
    torch.testing.assert_close(
        (log_pf - found["truncated"]).exp().detach(), torch.tensor([[3.0, 1.0, math.exp(-5)]]), rtol=1e-5, atol=0
    )
    assert not found["truncated"].requires_grad


def test_the_effective_sample_size_is_a_share():
    log_q = torch.zeros(2, 4, dtype=torch.float64)
    log_pf = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, -50.0, -50.0, -50.0]], dtype=torch.float64)
    found = effective_share(Trajectories(log_pf, log_pf, log_pf, log_pf, log_q=log_q))
    torch.testing.assert_close(found, torch.tensor([1.0, 0.25], dtype=torch.float64))


@pytest.mark.parametrize("way", WAYS, ids=labels)
def test_trainings_resume_to_the_same_result(way, tmp_path):
    """And differ from those on policy."""
    whole, first = Trainer(training(off_policy=way)), Trainer(training(off_policy=way))
    due = whole.run()
    first.evaluate()
    for _ in range(3):
        first.step()
        if first.iteration % 2 == 0:
            first.evaluate()
    first.save(tmp_path / "half")
    found = Trainer(training(off_policy=way)).run(tmp_path / "half")
    values = [r["value"] for r in due]
    assert [r["value"] for r in found] == values
    assert {r["metric"] for r in due} == {r["metric"] for r in Trainer(training()).run()} | {"effective_share"}
    shares = [r["value"] for r in due if r["metric"] == "effective_share"]
    assert len(shares) == 2 * 3
    assert 0 < min(shares) <= max(shares) <= 1 + 1e-9


@pytest.mark.parametrize("way", WAYS, ids=labels)
def test_a_result_does_not_depend_on_the_seeds_beside_it(way):
    together, alone = (Trainer(training(off_policy=way, seeds=seeds)).run() for seeds in ((0, 1), (1,)))
    of_one = [r["value"] for r in together if r["seed"] == 1]
    assert of_one == pytest.approx([r["value"] for r in alone], rel=1e-4)


@pytest.mark.parametrize("name", ALL_OBJECTIVES)
@pytest.mark.parametrize("way", [WAYS[0], WAYS[4]], ids=["exploring", "all at once"])
def test_every_objective_is_trained(name, way):
    """On tasks with and without a table of states."""
    for task in (Hypergrid(side=3), TASK):
        Trainer(training(task=task, objective=Objective(name=name), off_policy=way, iterations=3)).run()
    planar = OffPolicy(exploration=0.1, lag=2, replay=0.5, buffer_size=9)
    changes = {"task": GaussianMixture(), "resolution": 8, "policy": PolicySettings(hidden=(4,), components=2)}
    Trainer(training(objective=Objective(name=name), off_policy=planar, iterations=3, **changes)).run()


@pytest.mark.parametrize("way", WAYS, ids=labels)
def test_nothing_off_policy_is_captured(way, monkeypatch):
    monkeypatch.setattr(module, "capturable", lambda task, device: True)
    assert Trainer(training(off_policy=way)).make_graph is None
    assert Trainer(training()).make_graph is not None


def measured(way, objective, count=2000):
    spec = GradientSpec(
        task=TASK,
        objectives=(objective,),
        policy=PolicySettings(hidden=(8,)),
        seeds=(0,),
        trainer=KL,
        warmup=(40,),
        batch_sizes=(4,),
        replicates=count,
        exact=way.weights != "none",
        off_policy=way,
    )
    (trainer,) = stages(spec)
    (former,) = stages(spec, before=way.lag)
    policy = replicate(trainer.policy, 1)
    given = {"earlier": replicate(former.policy, 1)} if way.lag else {}
    estimates = replicated_gradients(spec, policy.double(), 4, 0, **given)[0][objective]
    return estimates.double(), exact_gradient(spec.model_copy(update={"exact": False}), policy, objective)


@pytest.mark.parametrize("way", [OffPolicy(exploration=0.4), OffPolicy(temperature=2), OffPolicy(lag=30)], ids=str)
@pytest.mark.parametrize("name", ["reverse_kl", "forward_kl", "tsallis"])
def test_weights_make_the_gradient_of_the_divergence(way, name):
    """In the mean; without them it is another one."""
    objective = Objective(name=name)
    assert mean_p(*measured(way, objective)) > ALARM


def test_without_weights_the_gradient_is_another_one():
    objective = Objective(name="forward_kl")
    way = OffPolicy(exploration=0.8)
    assert mean_p(*measured(way.model_copy(update={"weights": "none"}), objective)) < ALARM


def test_gradients_are_measured_off_policy():
    """The same records as on policy, other numbers."""
    common = {"task": TASK, "objectives": (KL, Objective(name="tsallis")), "warmup": (3,), "batch_sizes": (4,)}
    common |= {"policy": PolicySettings(hidden=(4,)), "seeds": (0, 1), "trainer": KL, "replicates": 8}
    found, due = (measure_gradients(GradientSpec(off_policy=each, **common)) for each in (WAYS[2], None))
    assert [r["metric"] for r in found] == [r["metric"] for r in due]
    assert [r["value"] for r in found] != [r["value"] for r in due]


LEARNED = PolicySettings(hidden=(4,), backward="learned")


@pytest.mark.parametrize("way", WAYS, ids=labels)
@pytest.mark.parametrize("name", ["tb", "subtb", "devgrad", "renyi"])
def test_a_learned_backward_policy_is_trained_too(name, way, tmp_path):
    """By every way of drawing, and resumed to the same result; a lagged policy and a memory know nothing of it."""
    spec = training(off_policy=way, objective=Objective(name=name), policy=LEARNED)
    whole, first = Trainer(spec), Trainer(spec)
    before = [parameter.detach().clone() for parameter in whole.backward.parameters()]
    due = [r["value"] for r in whole.run()]
    assert all(not torch.equal(a, b) for a, b in zip(before, whole.backward.parameters()))
    first.evaluate()
    for _ in range(2):
        first.step()
    first.evaluate()
    first.save(tmp_path / "half")
    assert [r["value"] for r in Trainer(spec).run(tmp_path / "half")] == due


def test_its_probabilities_are_those_of_replayed_trajectories():
    """Under the backward policy of now, whatever it was when they were drawn."""
    task = Hypergrid(side=3)
    policy, backward = small_policy(task, (0, 1)), make_backward(task, LEARNED, (0, 1)).double()
    batches = OffPolicyBatches(task, OffPolicy(replay=0.5, buffer_size=9, lag=4))
    batches(policy, 4, generators(2), backward)
    for parameter in [*policy.parameters(), *backward.parameters()]:
        parameter.data *= 2
    drawn = batches(policy, 4, generators(2), backward)
    states, actions = [task.initial(2, 4)], []
    for action in drawn.actions.unbind(1):
        allowed = ~task.closed(states[-1])  # where there is nothing to choose, an action stands for the one there is
        actions.append(torch.where(allowed.sum(-1) == 1, allowed.byte().argmax(-1), action))
        states.append(task.step(states[-1], actions[-1]))
    along = evaluate(task, policy, states, actions, backward)
    torch.testing.assert_close(along.log_pb, drawn.log_pb)
    assert drawn.log_pb.requires_grad
    assert not drawn.log_q.requires_grad


def test_a_learned_backward_policy_gets_the_gradient_of_the_divergence():
    """With weights, in the mean over batches that exploration drew (Hotelling's test); without them another one."""
    size, copies = 8, 512
    policy, one = small_policy(TASK), make_backward(TASK, LEARNED, [0]).double()
    for parameter in [*policy.parameters(), *one.parameters()]:
        parameter.data *= 3
    many = make_backward(TASK, LEARNED, [0] * copies).double()
    for copy, original in zip(many.parameters(), one.parameters()):
        copy.data = original.data.expand_as(copy).clone()
    objective, found = Objective(name="tsallis"), {}
    for weights in ("full", "none"):
        settings = OffPolicy(exploration=0.8, weights=weights)
        batches = OffPolicyBatches(TASK, settings)
        drawn = settings.weighted(batches(repeat(policy, TASK, copies), size, generators(copies), many))
        found[weights] = gradients(objective.loss(drawn, log_scale=TASK.log_z), list(many.parameters()))
    exact = gradients(divergence("tsallis", all_probabilities(TASK, policy, one), 0.5), list(one.parameters()))[0]
    assert mean_p(found["full"], exact) > ALARM
    assert mean_p(found["none"], exact) < ALARM


def test_measures_are_refused_where_they_would_be_of_another_backward_policy():
    why = "measures = True is not allowed with backward = learned: its bounds and losses are those of trajectories with"
    with pytest.raises(SettingsError, match=why):
        training(policy=LEARNED, measures=True)
    with pytest.raises(SettingsError, match="measures"):
        GradientSpec(objectives=(KL,), measures=True)
