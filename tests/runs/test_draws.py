"""Schemes of drawing a batch: what depends on what, the law of each trajectory, and the bias that follows from both."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import Banana, Sets
from gfn.evaluation.exact import all_probabilities
from gfn.policies import PolicySettings
from gfn.runs.draws import Batches, Draws, pick
from gfn.runs.gradients import exact_gradient, measure_gradients, replicate, replicated_gradients, stages, terms
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import Trainer
from gfn.sampling import rollout
from gfn.settings import SettingsError
from tests.helpers import TINY_TASKS, frequencies_p, generators, mean_p, repeat, small_policy, train
from tests.helpers import gradients as per_replica

ALARM = 1e-4
TASK = TINY_TASKS["sets 4 choose 2"]  # 12 trajectories
LOO = Objective(name="reverse_kl", control_variate="loo")
NONE = Objective(name="reverse_kl", control_variate="none")
SCHEMES = [Draws(scheme="common"), Draws(scheme="prefix"), Draws(scheme="distinct"), Draws(scheme="replayed", age=2)]
labels = [draws.label for draws in SCHEMES]


def paths(task, batch):
    """A number for each trajectory ``[R, N]``: the states it goes through, of tasks whose objects all take as many steps."""
    keys = torch.stack([task.key(state) for state in (*batch.steps.states.unbind(2), batch.terminal)], -1)
    return keys @ torch.tensor([1000**k for k in range(keys.shape[-1])])


def listed(task, policy):
    """Numbers of all trajectories, as ``paths`` gives them, and their probabilities."""
    every = all_probabilities(task, policy)
    return paths(task, every)[0], every.log_pf[0].detach().exp()


def counted(found, numbers):
    """How often each of ``numbers`` is among ``found``, which has no others."""
    counts = (found.flatten().unsqueeze(-1) == numbers).sum(0)
    assert counts.sum() == found.numel()
    return counts


def test_independent_draws_are_rollouts():
    """Bit for bit."""
    policy = small_policy(TASK, (0, 1))
    found = Batches(TASK, Draws())(policy, 5, generators(2))
    due = rollout(TASK, policy, 5, generators(2))
    assert torch.equal(found.log_pf, due.log_pf)
    assert torch.equal(found.terminal, due.terminal)


@pytest.mark.parametrize("task", [TASK, Banana()], ids=["sets", "banana"])
@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_common_numbers_make_one_trajectory(task, share):
    """Of the share of the batch, rounded up; the others are those of independent draws."""
    policy = small_policy(task)
    drawn = Batches(task, Draws(scheme="common", share=share))(policy, 10, generators(1)).log_pf[0]
    same = {0.25: 3, 0.5: 5, 1.0: 10}[share]
    assert (drawn[:same] == drawn[0]).all()
    torch.testing.assert_close(drawn[same:], rollout(task, policy, 10, generators(1)).log_pf[0, same:])


def test_groups_have_a_prefix_in_common():
    """And beyond it are as different as independent trajectories; the last group may be smaller."""
    task = Sets(universe=20, size=6)
    states = Batches(task, Draws(scheme="prefix", share=0.5, group=3))(
        small_policy(task), 8, generators(1)
    ).steps.states
    keys = task.key(states[0].movedim(1, 0))  # [T, N]: states that steps leave
    for group in ([0, 1, 2], [3, 4, 5], [6, 7]):
        assert (keys[:4, group] == keys[:4, group[:1]]).all()
        assert len(set(keys[5, group].tolist())) > 1
    assert len({keys[3, leader].item() for leader in (0, 3, 6)}) == 3


@pytest.mark.parametrize("draws", [*SCHEMES[:2], Draws(scheme="prefix", group=2, share=1)], ids=lambda d: d.label)
def test_each_trajectory_by_itself_follows_the_policy(draws):
    """The first, one with the same numbers, and the last; chi-square over all trajectories of the task."""
    policy = train(TASK, small_policy(TASK), 30)
    numbers, probabilities = listed(TASK, policy)
    drawn = paths(TASK, Batches(TASK, draws)(repeat(policy, TASK, 4000), 4, generators(4000)))
    for place in (0, 1, 3):
        assert frequencies_p(counted(drawn[:, place], numbers), probabilities) > ALARM


def test_distinct_trajectories_are_drawn_without_replacement():
    """None twice; the first follows p_F, and of two each is there as often as two draws in turn give it."""
    policy = train(TASK, small_policy(TASK), 30)
    probabilities = all_probabilities(TASK, policy).log_pf[0].detach().exp()
    which = pick(all_probabilities(TASK, repeat(policy, TASK, 4000)), 2, generators(4000), replacement=False)
    assert (which[:, 0] != which[:, 1]).all()
    assert frequencies_p(which[:, 0].bincount(minlength=12), probabilities) > ALARM
    pairs = probabilities[:, None] * probabilities / (1 - probabilities[:, None])
    second = pairs.fill_diagonal_(0).sum(0)
    assert float(second.sum()) == pytest.approx(1)
    assert frequencies_p(which[:, 1].bincount(minlength=12), second) > ALARM
    batch = Batches(TASK, Draws(scheme="distinct"))(policy, 12, generators(1))
    assert float(batch.log_pf.detach().exp().sum()) == pytest.approx(1)  # all there are


@given(st.integers(1, 3), st.sampled_from([0.25, 0.5, 0.75]))
def test_replayed_trajectories_are_those_of_the_batch_before(age, share):
    """Its first ones, with their probabilities of now; until there is one, all are new."""
    policy, sources = small_policy(TASK), generators(1)
    batches, seen = Batches(TASK, Draws(scheme="replayed", age=age, share=share)), []
    for _ in range(8):
        with torch.no_grad():
            for parameter in policy.parameters():
                parameter += 0.1
        every, drawn = all_probabilities(TASK, policy), batches(policy, 8, sources)
        which = batches.past[-1]
        torch.testing.assert_close(drawn.log_pf, every.log_pf.gather(1, which))
        torch.testing.assert_close(drawn.log_reward, every.log_reward.gather(1, which))
        if len(seen) >= age:
            old = round(8 * share)
            assert torch.equal(which[:, 8 - old :], seen[-age][:, :old])
        seen.append(which)


def measured(draws, objective, batch=4, count=3000):
    """Estimates ``[K, P]`` under a scheme at a policy, which comes with the specification."""
    spec = GradientSpec(
        task=TASK,
        objectives=(objective,),
        policy=PolicySettings(hidden=(8,)),
        seeds=(0,),
        trainer=LOO,
        warmup=(40,),
        batch_sizes=(batch,),
        replicates=count,
        exact=True,
        draws=draws,
    )
    (trainer,) = stages(spec)
    policy = replicate(trainer.policy, 1)
    return replicated_gradients(spec, policy, batch, 0)[0][objective], spec, policy


def share_of_prefix(spec, policy, objective, steps):
    """Σ_τ p_F(τ) w(τ) ∇log p_F(first steps of τ), the part of the exact gradient that these steps have."""
    every = all_probabilities(spec.task, policy)
    weight = sum(terms(objective, every, spec.task.log_z))
    prefix = every.steps.log_pf[..., :steps].sum(-1)
    return per_replica((every.log_pf.exp() * weight).detach().mul(prefix).sum(1), list(policy.parameters()))[0]


@pytest.mark.parametrize(
    "objective", [LOO, Objective(name="forward_kl"), Objective(name="tsallis")], ids=lambda o: o.label
)
@pytest.mark.parametrize(("share", "same"), [(0.5, 2), (0.75, 3), (1.0, 4)])
def test_common_numbers_shrink_the_gradient(share, same, objective):
    """By m (m - 1) / (N (N - 1)) for m of N: the baseline of each of the m has the weight of τ itself in it."""
    estimates, spec, policy = measured(Draws(scheme="common", share=share), objective)
    kept = 1 - same * (same - 1) / 12
    due = kept * exact_gradient(spec, policy, objective)
    if same == 4:
        assert estimates.abs().max() < 1e-9
    else:
        assert mean_p(estimates, due) > ALARM
        assert mean_p(estimates, due / kept) < ALARM


@pytest.mark.parametrize("group", [2, 4])
def test_a_common_prefix_takes_from_the_gradient_of_its_steps(group):
    """(G - 1) / (N - 1) of that part; with no baseline nothing is lost."""
    draws = Draws(scheme="prefix", share=0.5, group=group)
    estimates, spec, policy = measured(draws, LOO)
    exact = exact_gradient(spec, policy, LOO)
    lost = (group - 1) / 3 * share_of_prefix(spec, policy, LOO, 1)
    assert mean_p(estimates, exact - lost) > ALARM
    assert mean_p(estimates, exact) < ALARM
    assert mean_p(measured(draws, NONE)[0], exact) > ALARM


def test_a_baseline_from_other_groups_is_unbiased():
    """What the page on dependent draws advises where groups have a prefix in common; with less variance than without a baseline."""
    _, spec, policy = measured(Draws(), LOO, count=2)
    copies = replicate(policy, 3000)
    batch = Batches(TASK, Draws(scheme="prefix", group=2))(copies, 4, generators(3000))
    weight, parameters = sum(terms(LOO, batch, 0.0)).detach(), list(copies.parameters())
    pairs = weight.view(-1, 2, 2).mean(-1)
    others = pairs.flip(1).repeat_interleave(2, 1)  # of two groups, the mean of the other one
    centred, plain = (per_replica((each * batch.log_pf).mean(1), parameters) for each in (weight - others, weight))
    exact = exact_gradient(spec, policy, LOO)
    assert mean_p(centred, exact) > ALARM
    assert centred.var(0).sum() < plain.var(0).sum() / 2


def test_the_steps_of_a_trajectory_share_its_gradient():
    """The prefix of all steps has all of it."""
    _, spec, policy = measured(Draws(), LOO, count=2)
    torch.testing.assert_close(share_of_prefix(spec, policy, LOO, 2), exact_gradient(spec, policy, LOO))


def test_distinct_trajectories_bias_the_estimate():
    """All twelve at once give rare ones as much weight as frequent ones."""
    estimates, spec, policy = measured(Draws(scheme="distinct"), NONE, batch=12, count=8)
    every = all_probabilities(TASK, policy)
    weight = sum(terms(NONE, every, 0.0))
    due = per_replica((weight * every.log_pf).mean(1), list(policy.parameters()))
    torch.testing.assert_close(estimates, due.expand_as(estimates))
    assert (due[0] - exact_gradient(spec, policy, NONE)).norm() > 0.1 * due.norm()


def test_measured_replays_come_from_the_policy_before():
    """All twelve thousand follow it, and not the present one."""
    changes = {"draws": Draws(scheme="replayed", share=1, age=40)}
    spec = measured(Draws(), LOO, count=2)[1].model_copy(update=changes)
    (former,), (present,) = stages(spec, before=40), stages(spec)
    earlier, now = replicate(former.policy, 1), replicate(present.policy, 1)
    objective = NONE
    spec = spec.model_copy(update={"objectives": (objective,), "replicates": 3000})
    estimates = replicated_gradients(spec, now, 4, 0, earlier=earlier)[0][objective]
    then = all_probabilities(TASK, earlier).log_pf.detach().exp()
    every = all_probabilities(TASK, now)
    due = per_replica((then * sum(terms(objective, every, 0.0)) * every.log_pf).sum(1), list(now.parameters()))[0]
    assert mean_p(estimates, due) > ALARM
    assert mean_p(estimates, exact_gradient(spec, now, objective)) < ALARM


@pytest.mark.parametrize("draws", SCHEMES, ids=labels)
def test_measurements_are_of_the_scheme(draws):
    """The same records as of independent draws, other numbers; but for the optima, which are of those."""
    common = {"task": TASK, "objectives": (LOO,), "warmup": (3,), "batch_sizes": (4,), "replicates": 8, "exact": True}
    common |= {"policy": PolicySettings(hidden=(4,)), "seeds": (0, 1), "trainer": LOO}
    found, due = (measure_gradients(GradientSpec(draws=d, **common)) for d in (draws, Draws()))
    assert {r["metric"] for r in due} - {r["metric"] for r in found} == {"whole", "whole_error"}
    due = [r for r in due if not r["metric"].startswith("whole")]
    assert [r["metric"] for r in found] == [r["metric"] for r in due]
    assert all(torch.tensor(r["value"]).isfinite() for r in found)
    assert [r["value"] for r in found] != [r["value"] for r in due]


def test_single_trajectories_are_measured():
    """What a baseline has no number for is left out."""
    objectives = tuple(Objective(name=name, control_variate="none") for name in ("reverse_kl", "tsallis"))
    spec = GradientSpec(task=TASK, objectives=objectives, trainer=LOO, batch_sizes=(1, 2), replicates=8, exact=True)
    found = measure_gradients(spec)
    alone = {(r["objective"].name, r["metric"]) for r in found if r["trajectories"] == 1}
    assert {metric for name, metric in alone if name == "tsallis"} >= {"variance", "bias_squared", "whole"}
    assert ("tsallis", "optimal") not in alone
    assert ("tsallis", "optimal") in {(r["objective"].name, r["metric"]) for r in found if r["trajectories"] == 2}


def training(**changes):
    settings = {"task": TASK, "policy": PolicySettings(hidden=(4,)), "seeds": (0, 1), "iterations": 6, "batch_size": 4}
    return TrainingSpec(**settings | {"evaluate_every": 2, "objective": LOO} | changes)


@pytest.mark.parametrize("draws", SCHEMES, ids=labels)
def test_trainings_of_every_scheme_resume_to_the_same_result(draws, tmp_path):
    """And differ from those with independent draws."""
    whole, first = Trainer(training(draws=draws)), Trainer(training(draws=draws))
    due = whole.run()
    first.evaluate()
    for _ in range(3):
        first.step()
        if first.iteration % 2 == 0:
            first.evaluate()
    first.save(tmp_path / "half")
    found = Trainer(training(draws=draws)).run(tmp_path / "half")
    values = [r["value"] for r in due]
    assert [r["value"] for r in found] == values
    assert [r["value"] for r in Trainer(training()).run()] != values


@pytest.mark.parametrize("draws", SCHEMES, ids=labels)
def test_a_result_does_not_depend_on_the_seeds_beside_it(draws):
    together, alone = (Trainer(training(draws=draws, seeds=seeds)).run() for seeds in ((0, 1), (1,)))
    of_one = [r["value"] for r in together if r["seed"] == 1]
    assert of_one == pytest.approx([r["value"] for r in alone], rel=1e-5)


def test_distinct_trajectories_cannot_be_more_than_there_are():
    with pytest.raises(
        SettingsError, match="batch_size = 13 is not allowed with distinct trajectories: the task has 12"
    ):
        Trainer(training(batch_size=13, draws=Draws(scheme="distinct"))).step()


REFUSED = [
    (Draws, {"scheme": "twins"}, "scheme = 'twins' is not allowed"),
    (Draws, {"scheme": ["common"]}, "is not allowed"),
    (Draws, {"share": 0.5}, "share = 0.5 is not allowed with scheme independent: it takes no settings"),
    (Draws, {"scheme": "common", "group": 3}, "group = 3 is not allowed with scheme common: it takes share"),
    (Draws, {"scheme": "prefix", "age": 3}, "age = 3 is not allowed with scheme prefix: it takes group, share"),
    (Draws, {"scheme": "prefix", "group": 1}, "group = 1 is not allowed"),
    (Draws, {"scheme": "common", "share": 1.5}, "share = 1.5 is not allowed"),
    (training, {"draws": Draws(scheme="replayed", share=1)}, "share = 1.0 is not allowed with replayed: nothing new"),
    (training, {"draws": Draws(scheme="replayed", share=0.9)}, "nothing new"),
    (training, {"draws": Draws(scheme="common", share=1)}, "with common: with control variate loo: leave-one-out"),
    (training, {"draws": Draws(scheme="distinct"), "task": Banana()}, "draws distinct is not allowed for task banana"),
    (training, {"draws": Draws(scheme="distinct"), "objective": Objective(name="db")}, "not allowed with db"),
    (training, {"draws": {"scheme": "distinct", "group": 2}}, "group = 2 is not allowed with scheme distinct"),
]


@pytest.mark.parametrize(("kind", "settings", "says"), REFUSED)
def test_what_does_not_fit_together_is_refused(kind, settings, says):
    with pytest.raises(SettingsError) as caught:
        kind(**settings)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_policy_before_the_start_is_refused():
    settings = {"task": TASK, "objectives": (LOO,), "trainer": LOO, "draws": Draws(scheme="replayed", age=3)}
    with pytest.raises(SettingsError, match=r"^warmup with 2 is not allowed with draws replayed"):
        GradientSpec(warmup=(5, 2), **settings)
    with pytest.raises(SettingsError, match=r"^draws replayed .* is not allowed for task banana"):
        GradientSpec(warmup=(5,), **settings | {"task": Banana()})
    assert GradientSpec(warmup=(5, 3), **settings).draws.age == 3


def test_settings_of_a_scheme_are_filled_in():
    assert Draws() == Draws(scheme="independent")
    assert Draws(scheme="prefix") == Draws(scheme="prefix", share=0.5, group=4)
    assert TrainingSpec(draws={"scheme": "common"}).draws.label == "common share=0.5"
    assert TrainingSpec().draws.label == "independent"
