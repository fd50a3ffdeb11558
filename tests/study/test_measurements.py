"""From runs to the measurements that claims are judged by: on made-up runs whose answers are known, and on tiny real ones."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch

from gfn.environments import Sets
from gfn.estimators.control_variates import EPSILON
from gfn.policies import PolicySettings
from gfn.runs.objective import BALANCE_LOSSES, OBJECTIVES, WITH_ALPHA, Objective
from gfn.runs.spec import GradientSpec
from gfn.study.claims import judge
from gfn.study.evidence.comparisons import (
    accuracy_ratios,
    alike,
    better_than_both,
    convergence,
    faster_and_steadier,
    large_batches,
)
from gfn.study.evidence.discovery import discovery
from gfn.study.evidence.orders import mode_seeking, sparse_targets
from gfn.study.evidence.planar import TENTH
from gfn.study.evidence.registry import ELSEWHERE, SOURCES, evidence_of, nearest_batch, variates
from gfn.study.evidence.sensitivity import sensitivity_table, verdict_changes
from gfn.study.evidence.tables import late, latest, over_training
from gfn.study.evidence.variance import balance_variance, baseline_quality, unbiasedness, variance_reduction
from gfn.study.experiments import figure_settings
from gfn.study.paper import DIVERGENCES, load_claims, margin
from gfn.study.results import Run
from tests.helpers import made_up
from tests.study.test_evidence import LEFT, PLANAR, TARGET, curve, gradient_run, real, with_density

L1, JSD = margin("l1"), margin("jsd")


def learning(values, metric="l1", every=64, factors=(1, 2)) -> Run:
    """A run that took these values at its evaluations, the first at the start; the second seed doubles all."""
    run = curve([[value * factor for factor in factors] for value in values], metric)
    return Run(run.spec, run.frame.assign(iteration=run.frame.iteration * every), {})


def level(value, metric="l1", **about) -> Run:
    """A run that starts far off and stays at one value from the first evaluation on, to iteration 512."""
    return learning([99.0] + 8 * [value], metric, **about)


def values(found, budget="whole"):
    """Both seeds' values, by test and subject, at one budget."""
    return {(item.test, item.subject): pytest.approx(item.values) for item in found if item.budget == budget}


def with_margin(above, below, extra=L1):
    """What the pair of seeds of ``learning`` gives."""
    return tuple((factor * above + extra) / (factor * below + extra) for factor in (1, 2))


def test_values_of_a_run_up_to_a_budget():
    """Over training without the start, late in training, and the latest; a shorter training counts as a whole."""
    run = learning([90, 8, 7, 6, 5, 4, 3, 2, 1])  # at 0, 64, ..., 512
    assert over_training(run, "l1").tolist() == [4.5, 9]
    assert over_training(run, "l1", 128).tolist() == [7.5, 15]
    assert late(run, "l1", 512).tolist() == late(run, "l1").tolist() == [1.5, 3]
    assert late(run, "l1", 256)[0] == 5  # of (192, 256]
    assert late(run, "l1", 1024)[0] == 1.5
    assert latest(run, "l1", 130)[0] == 7
    assert latest(run, "l1")[0] == 1
    cells = Run(run.spec, pd.concat([run.frame.assign(cell=50), run.frame.assign(cell=75, value=0.0)]), {})
    assert latest(cells, "l1", cell=50)[0] == 1
    assert over_training(cells, "l1", cell=75)[0] == 0


def lines(**errors):
    """Runs of one task: every line of Figure 3 and Table 1 at one, but for those given."""
    names = (*OBJECTIVES, "tb_batch", "tb_known", "renyi_joint", "tsallis_joint")
    return {name: level(errors.get(name, 1.0)) for name in names}


def tasks(**of):
    return {(task, name): run for task, found in of.items() for name, run in found.items()}


def test_convergence_compares_with_three_baselines():
    """Over training, with the margin; the objectives that are fastest somewhere are counted for each seed."""
    runs = tasks(sets=lines(tb=4, tb_batch=2, vargrad=0.9, renyi=0.5), dags=lines(db=0.5))
    found = values(convergence(runs))
    assert len(found) == 3 * 2 * 4 + 1
    assert found["faster", "sets, renyi"] == with_margin(4, 0.5)
    assert found["faster_batch", "sets, renyi"] == with_margin(2, 0.5)
    assert found["faster_vargrad", "sets, forward_kl"] == with_margin(0.9, 1)
    assert found["faster", "dags, tsallis"] == (1, 1)
    assert found["various", "objectives fastest somewhere"] == (2, 2)
    assert values(convergence(tasks(sets=lines(db=0.5))))["various", "objectives fastest somewhere"] == (1, 1)


def test_budgets_end_a_training_sooner():
    """The error up to the budget, or in the last quarter before it."""
    slow = learning([99, 8, 8, 8, 8, 2, 2, 2, 2])
    runs = tasks(sets=lines() | {"tb": slow})
    found = convergence(runs)
    assert values(found, 128)["faster", "sets, renyi"] == with_margin(8, 1)
    assert values(found)["faster", "sets, renyi"] == with_margin(5, 1)
    found = accuracy_ratios(runs)
    assert values(found, 256)["accurate", "sets, renyi"] == with_margin(1, 8)
    assert values(found, 512)["accurate", "sets, renyi"] == with_margin(1, 2)
    assert values(found) == {}


def test_joint_takes_the_place_of_both_where_there_is_an_order():
    """Subjects stay the same, and the KLs, too."""
    runs = tasks(sets=lines(tb=4, renyi=0.5, renyi_joint=0.25, tsallis_joint=2))
    for evidence, budget, flipped in ((convergence, "whole", False), (accuracy_ratios, 512, True)):
        found = evidence(runs, "joint")
        assert {item.variate for item in found} == {"joint"}
        test = "accurate" if flipped else "faster"
        for name, error in {"renyi": 0.25, "tsallis": 2, "reverse_kl": 1}.items():
            pair = (error, 4) if flipped else (4, error)
            assert values(found, budget)[test, f"sets, {name}"] == with_margin(*pair)


def test_accuracy_is_compared_with_baselines_that_were_run():
    runs = {("banana", name): level(value, "jsd") for name, value in {"tb": 0.4, "tb_batch": 0.1, "renyi": 0.2}.items()}
    assert values(accuracy_ratios(runs), 512) == {
        ("accurate", "banana, renyi"): with_margin(0.2, 0.4, JSD),
        ("accurate_batch", "banana, renyi"): with_margin(0.2, 0.1, JSD),
    }


def test_noise_counts_as_equal():
    """Tenfold of next to nothing is nothing."""
    runs = {("banana", name): level(value, "jsd") for name, value in {"tb": 1e-5, "renyi": 1e-4}.items()}
    (found,) = [item for item in accuracy_ratios(runs) if item.budget == 512]
    assert max(found.values) < 1.25


def test_tb_and_reverse_kl_are_compared_for_every_start_of_log_z():
    found = values(alike(tasks(sets=lines(tb=4, tb_batch=2, reverse_kl=0.5))))
    assert found == {
        ("alike_known", "sets"): with_margin(1, 0.5),
        ("alike_zero", "sets"): with_margin(4, 0.5),
        ("alike_batch", "sets"): with_margin(2, 0.5),
    }


def test_the_banana_is_compared_with_each_baseline():
    runs = {name: level(value, "jsd") for name, value in {"tb": 0.4, "reverse_kl": 0.1, "renyi_joint": 0.3}.items()}
    runs |= {name: level(0.2, "jsd") for name in ("forward_kl", "renyi", "tsallis", "tsallis_joint")}
    found = values(better_than_both(runs))
    assert len(found) == 6
    assert found["better", "renyi against tb"] == with_margin(0.4, 0.2, JSD)
    assert found["better", "tsallis against reverse_kl"] == with_margin(0.1, 0.2, JSD)
    assert values(better_than_both(runs, "joint"), 128)["better", "renyi against tb"] == with_margin(0.4, 0.3, JSD)


def test_steadiness_is_a_matter_of_logarithms():
    """Steps relative to the level: a curve ten times as high is as steady. Levels are compared over training."""
    steady, high, unsteady = [9, 9, 9, 4, 2, 4], [90, 90, 90, 40, 20, 40], [9, 9, 9, 4, 1, 4]
    runs = {
        ("renyi", "none"): learning(high),
        ("renyi", "both"): learning(steady),
        ("renyi", "joint"): learning(unsteady),
    }
    runs |= {("reverse_kl", "none"): learning(unsteady), ("reverse_kl", "both"): learning(steady)}
    runs |= {
        ("tsallis", "both"): learning(steady),
        ("balance", "tb"): learning(steady),
        ("balance", "vargrad"): learning(high),
    }
    found = values(faster_and_steadier(runs))
    assert found.keys() == {(test, name) for test in ("faster", "stable") for name in ("renyi", "reverse_kl")}
    assert found["stable", "renyi"] == (1, 1)
    step = margin("step")
    assert found["stable", "reverse_kl"] == ((np.log(4) + step) / (np.log(2) + step),) * 2
    assert found["faster", "renyi"] == with_margin(56, 5.6)
    joint = values(faster_and_steadier(runs, "joint"))
    assert joint["stable", "renyi"] == ((np.log(2) + step) / (np.log(4) + step),) * 2
    assert joint["stable", "reverse_kl"] == ((np.log(4) + step) / (np.log(2) + step),) * 2


def test_large_batches_are_judged_at_both_ends():
    """Whatever the order of the runs; sizes between are left out; and how much the lag shrinks."""
    levels = {("tb", 8): 1.0, ("forward_kl", 8): 3.0, ("tb", 64): 9.0, ("forward_kl", 64): 9.0}
    levels |= {("forward_kl", 512): 0.6, ("tb", 512): 0.5}
    small, large = with_margin(3, 1), with_margin(0.6, 0.5)
    assert values(large_batches({key: level(value) for key, value in levels.items()})) == {
        ("lags", "8 trajectories"): small,
        ("shrinks", "8 over 512 trajectories"): tuple(a / b for a, b in zip(small, large)),
        ("catches_up", "512 trajectories"): large,
    }


def finds(top_k, modes) -> Run:
    """A run that found these at its evaluations, both seeds alike; of stricter modes none."""
    frames = [learning([0, *top_k], "top_k", factors=(1, 1)).frame]
    for cell in (25, 50, 75):
        found = [0, *modes] if cell == 50 else 4 * [0]
        frames.append(learning(found, "modes", factors=(1, 1)).frame.assign(cell=cell))
    frame = pd.concat(frames, ignore_index=True)
    return Run(PLANAR, frame[frame.iteration > 0], {})


def test_discovery_compares_with_each_balance_loss():
    """Means over training, or what is found by a budget; the hypergrid has criteria of its own, and tasks theirs."""
    names = (*BALANCE_LOSSES, *DIVERGENCES, "renyi_joint", "tsallis_joint")
    plain = {name: finds([0, 0, 0], [1, 1, 1]) for name in names}
    plain |= {"renyi": finds([0, np.log(2), np.log(4)], [3, 5, 7]), "db": finds([0, 0, np.log(8)], [1, 1, 4])}
    where = ("sets", "sequences", "sequences_calibrated", "dags", "hypergrid")
    found = discovery(tasks(**dict.fromkeys(where, plain)))
    whole, early = values(found), values(found, 128)
    assert len(whole) == len(early) == 2 * 4 * 4 * 4
    assert {subject.split(",")[0] for test, subject in whole if test == "reward"} == {"sets", "sequences", "dags"}
    assert {subject.split(",")[0] for test, subject in whole if test == "modes"} == {
        "sets",
        "sequences_calibrated",
        "dags",
    }
    assert whole["reward", "sets, renyi over tb"] == (2, 2)
    assert whole["reward_hypergrid", "hypergrid, renyi over db"] == (1, 1)
    assert whole["modes", "dags, renyi over db"] == (6 / 3, 6 / 3)
    assert early["reward", "sets, renyi over db"] == (2, 2)
    assert early["modes_hypergrid", "hypergrid, renyi over vargrad"] == (3, 3)
    assert values(discovery(tasks(sets=plain), "joint"))["reward", "sets, renyi over tb"] == (1, 1)


def orders(runs, variate="both"):
    """Runs of one mixture by α, with one control variate, and with others that are of no use; all at their end."""
    wide = with_density(np.full((40, 40), 1 / 16), 0.3)
    found = {("mixture", name, alpha): wide for alpha in runs for name in ("score", variate)}
    found |= {("mixture", variate, alpha): run for alpha, run in runs.items()}
    return {label: Run(run.spec, run.frame.assign(iteration=96), {}) for label, run in found.items()}


@pytest.mark.parametrize("variate", ["both", "none"])
def test_mode_seeking_asks_what_the_runs_can_tell(variate):
    """Accuracy against α = 0.5; differences of masses only where -2 and 2 are both there."""
    wide = with_density(np.full((40, 40), 1 / 16), 0.3)
    runs = {-2.0: wide, 0.5: with_density(TARGET, 0.1), 2.0: with_density(LEFT, 0.2)}
    found = mode_seeking(orders(runs, variate), variate)
    assert {item.variate for item in found} == {variate}
    given = {(item.test, item.subject): item.values for item in found}
    assert given["best", "mixture, α = -2"] == pytest.approx(2 * ((0.3 + JSD) / (0.1 + JSD),))
    assert given["best", "mixture, α = 2"] == pytest.approx(2 * ((0.2 + JSD) / (0.1 + JSD),))
    missed, strays = TARGET[TENTH * TARGET > 1 / 16].sum() / 100, np.sum(TARGET < TENTH / 16) / 1600
    assert given["covering", "mixture"] == pytest.approx(2 * (0.5 - missed,), abs=1e-3)
    assert strays > 0.2
    assert given["seeking", "mixture"] == pytest.approx((strays, strays), abs=1e-3)
    half = orders({0.5: runs[0.5], 2.0: runs[2.0]})
    assert [item.subject for item in mode_seeking(half)] == ["mixture, α = 2"]
    assert mode_seeking(orders({2.0: runs[2.0]})) == []


def test_sparse_targets_compare_orders_on_each_task():
    """One half over every negative order, every order above one over one half; nothing without one half."""
    finals = {-1.0: 2.0, -0.5: 4.0, 0.5: 8.0, 2.0: 12.0}
    runs = {("hypergrid", "both", a): level(v) for a, v in finals.items()}
    runs |= {("hypergrid", "joint", a): level(1.0) for a in finals}
    runs |= {("gaussian_mixture", "both", a): level(v, "jsd") for a, v in {-1.0: 1.0, 0.7: 3.0}.items()}
    assert values(sparse_targets(runs)) == {
        ("sparse", "hypergrid, α = -1"): with_margin(8, 2),
        ("sparse", "hypergrid, α = -0.5"): with_margin(8, 4),
        ("sparse_best", "hypergrid, α = 2"): with_margin(12, 8),
    }
    assert all(found == (1, 1) for found in values(sparse_targets(runs, "joint")).values())


def test_a_tenth_is_a_tenth():
    """As the criteria in claims.yaml say."""
    assert TENTH == 0.1
    assert torch.tensor(TARGET).sum() * (4 / 40) ** 2 == pytest.approx(1, abs=1e-3)


def test_variance_reduction_compares_at_every_stage():
    """Without over with, at one batch size, the same seeds on both sides; with rewards divided by Z by itself."""
    numbers = {"none": 60.0, "loo": 6.0, "both": 0.3, "joint": 0.2}
    given = {("renyi", v, s, i, 4): x * (1 + s) / (1 + i) for v, x in numbers.items() for s in (0, 1) for i in (0, 8)}
    given |= {("renyi", v, s, 0, 2): 1.0 for v in numbers for s in (0, 1)}
    kl = {("reverse_kl", v, s, 0, 4): x for v, x in {"none": 8.0, "loo": 2.0, "both": 1.0}.items() for s in (0, 1)}
    runs = {("sets", "renyi"): gradient_run(given), ("sets", "reverse_kl_centred"): gradient_run(kl)}
    found = values(variance_reduction(runs, 4))
    assert found == {
        **{("loo_alone", f"sets, renyi, {stage}"): (10, 10) for stage in ("at the start", "after 8 iterations")},
        **{("both", f"sets, renyi, {stage}"): (200, 200) for stage in ("at the start", "after 8 iterations")},
        ("loo_centred", "sets, reverse_kl_centred, at the start"): (4, 4),
        ("both_centred", "sets, reverse_kl_centred, at the start"): (8, 8),
    }
    joint = values(variance_reduction(runs, 4, "joint"))
    assert joint["both", "sets, renyi, at the start"] == (300, 300)
    assert joint["both_centred", "sets, reverse_kl_centred, at the start"] == (8, 8)


def test_variance_of_tb_is_that_with_the_log_z_it_has():
    """A quarter of TB's, whose gradient is twice the divergence's; known log Z is beside it and does not count."""
    estimates = [("tb", "learned", 8.0), ("tb", "known", 0.1), ("vargrad", None, 4.0)]
    rows = [
        {
            "task": "sets",
            "objective": o,
            "control_variate": None,
            "log_z": z,
            "epsilon": None,
            "seed": s,
            "iteration": i,
        }
        | {"trajectories": 4, "metric": "variance", "value": x * (1 + s) * (1 + i)}
        for o, z, x in estimates
        for s in (0, 1)
        for i in (0, 8)
    ]
    rows += [
        {**row, "objective": "reverse_kl", "control_variate": v, "log_z": None, "value": row["value"] * 7.5 * share}
        for row in rows
        if row["log_z"] == "learned"
        for v, share in (("none", 1), ("loo", 1 / 50))
    ]
    frame = pd.DataFrame(rows)
    batch = frame.assign(log_z=frame.log_z.replace("learned", "batch"))
    runs = {("sets", "tb"): Run(PLANAR, frame, {}), ("sets", "tb_batch"): Run(PLANAR, batch, {})}
    assert values(balance_variance(runs, 4)) == {
        (f"{test}{end}", f"sets, {stage}"): (x, x)
        for test, x in (("low", 30), ("little", 2))
        for end in ("", "_batch")
        for stage in ("at the start", "after 8 iterations")
    }


def exact_run(variate, epsilon=EPSILON, objective="tsallis", **more):
    run = gradient_run(
        {(objective, variate, 0, stage, n): 0.04 for stage in (0, 8) for n in (4, 8)}, "bias_squared", **more
    )
    return Run(run.spec, run.frame.assign(epsilon=epsilon), {})


def test_bias_is_judged_squared_with_the_error_of_its_estimate():
    """Of leave-one-out, at one batch size and every stage."""
    loo = exact_run("loo", None, bias_squared_error=0.01, gradient_squared=4.0)
    both = exact_run("both", bias_squared_error=0.5, gradient_squared=4.0)
    found = unbiasedness({("sets", "tsallis"): Run(loo.spec, pd.concat([loo.frame, both.frame]), {})}, 4)
    assert [item.subject for item in found] == ["sets, tsallis, at the start", "sets, tsallis, after 8 iterations"]
    assert {(item.test, item.values, item.error) for item in found} == {("unbiased", (0.01,), 0.0025)}
    assert unbiasedness({("sets", "tsallis"): both}, 4) == []


def test_quality_of_the_baseline_is_that_with_the_epsilon_in_force():
    """At one batch size and every stage; divergences without an optimum are left out."""
    parts = [exact_run("both", e, optimal=x, optimal_error=0.1) for e, x in ((1e-8, 9.0), (EPSILON, 1.2), (1.0, 8.0))]
    parts += [
        exact_run("joint", None, optimal=1.1, optimal_error=0.2),
        exact_run("both", objective="reverse_kl", gradient_squared=1.0),
    ]
    runs = {("sets", "tsallis"): Run(parts[0].spec, pd.concat([part.frame for part in parts]), {})}
    found = baseline_quality(runs, 4)
    assert [item.subject for item in found] == ["sets, tsallis, at the start", "sets, tsallis, after 8 iterations"]
    assert {(item.test, item.values, item.error) for item in found} == {("good_enough", (1.2,), 0.1)}
    assert {(item.values, item.error) for item in baseline_quality(runs, 4, "joint")} == {((1.1,), 0.2)}


def test_sensitivity_judges_each_choice_alone():
    """Late errors of every choice, the verdict and counts it would give, and what is less accurate there."""
    errors = {
        ("rate", "0.1", "tb"): 4.0,
        ("rate", "0.1", "tb_batch"): 9.0,
        ("rate", "0.1", "renyi"): 4.0,
        ("rate", "0.1", "tsallis"): 8.0,
    }
    errors |= {("rate", "0.2", "tb"): 4.0, ("rate", "0.2", "renyi"): 1.0}
    errors |= {("reach", "3", "tb"): 1.0, ("reach", "3", "renyi"): 2.0}
    factors = np.linspace(1, 2, 10)
    runs = {key: level(value, factors=factors) for key, value in errors.items()}
    table = sensitivity_table(runs)
    assert table.set_index(["choice", "value", "objective"])["mean"].to_dict() == pytest.approx(
        {k: 1.5 * v for k, v in errors.items()}
    )
    changes = verdict_changes(runs)
    assert changes.verdict.to_dict() == {
        ("rate", "0.1"): "partly supported",
        ("rate", "0.2"): "supported",
        ("reach", "3"): "contradicted",
    }
    assert changes[["supported", "contradicted", "inconclusive"]].to_numpy().tolist() == [
        [3, 1, 0],
        [1, 0, 0],
        [0, 1, 0],
    ]
    assert changes["less accurate"].tolist() == ["tsallis than tb", "", "renyi than tb"]


def runs_for(figure, variate):
    source = ELSEWHERE.get(figure, figure) if variate != "both" else figure
    return made_up(figure_settings(source, "smoke"))


@cache
def made_up_evidence(figure, variate):
    return evidence_of(figure, figure_settings(figure, "smoke"), runs_for(figure, variate), variate)


def test_every_source_of_evidence_answers_tests_of_its_claims():
    """From smoke runs that are made up: every test that a figure answers is a test of that claim, and every test has one
    at the budget at which it is judged. Variations answer the same tests about the same subjects.
    """
    claims, answered = load_claims(), set()
    for figure in SOURCES:
        both = made_up_evidence(figure, "both")
        keys = {claim: [(item.test, item.subject, item.budget) for item in found] for claim, found in both.items()}
        for claim, asked in keys.items():
            assert asked
            assert {test for test, *_ in asked} <= claims[claim]["tests"].keys()
            assert len(set(asked)) == len(asked)
            answered |= {(claim, test, budget) for test, _, budget in asked}
        for variate in variates(figure)[1:]:
            for claim, found in made_up_evidence(figure, variate).items():
                assert [(item.test, item.subject, item.budget) for item in found] == keys[claim]
    for claim, about in claims.items():
        for test, criterion in about["tests"].items():
            assert (claim, test, criterion.get("budget", "whole")) in answered


def test_criteria_count_what_they_say():
    """How many measurements each has: seven tasks, four divergences, as many stages as the smoke profile has, ..."""
    counted = Counter()
    for figure in SOURCES:
        for claim, found in made_up_evidence(figure, "both").items():
            budgets = {test: about.get("budget", "whole") for test, about in load_claims()[claim]["tests"].items()}
            counted.update((claim, item.test) for item in found if item.budget == budgets[item.test])
    expected = {
        ("C1", "faster"): 7 * 4,
        ("C1", "various"): 1,
        ("C2", "accurate_vargrad"): 9 * 4,
        ("C3", "both"): 3 * 4 * 2,
        ("C3", "loo_centred"): 2 * 2,
        ("C3", "unbiased"): 2 * 4 * 2,
        ("C4", "stable"): 4,
        ("C5", "alike_zero"): 7,
        ("C6", "better"): 3 * 2,
        ("C7", "best"): 2 * 3,
        ("C7", "covering"): 2,
        ("C8", "reward"): 3 * 4 * 4,
        ("C8", "modes"): 3 * 4 * 4,
        ("C8", "modes_hypergrid"): 4 * 4,
        ("C9", "little_batch"): 3 * 2,
        ("C10", "shrinks"): 1,
        ("C11", "good_enough"): 2 * len(WITH_ALPHA) * 2,
    }
    assert {key: counted[key] for key in expected} == expected


@pytest.mark.parametrize(("batch_size", "nearest"), [((2, 16, 128), 128), ((2, 8, 32), 32), ((64, 1024), 64)])
def test_variances_are_judged_at_the_batch_of_training(batch_size, nearest):
    """Or at what was measured nearest to it."""
    assert nearest_batch(figure_settings("fig2", "smoke", batch_size=batch_size)) == nearest


def test_real_runs_of_planar_tasks_give_evidence(tmp_path):
    """Columns and types are those that the store gives; a verdict can be made and shown."""
    settings = figure_settings("fig1", "smoke", iterations=2, alpha=(-2.0, 0.5, 2.0))
    runs = {label: real(spec, tmp_path) for label, spec in settings.specs().items() if label[1] == "both"}
    found = mode_seeking(runs)
    assert [item.test for item in found] == 2 * ["best", "best", "covering", "seeking"]
    assert "C7" in judge("C7", found)._repr_html_()


def test_real_measurements_give_evidence(tmp_path):
    objectives = [
        Objective(name=n, control_variate=v) for n in ("renyi", "reverse_kl") for v in ("none", "loo", "both")
    ]
    shared = {
        "task": Sets(universe=4, size=2),
        "policy": PolicySettings(hidden=(4,)),
        "seeds": (0, 1),
        "warmup": (0, 1),
    }
    shared |= {"batch_sizes": (2, 4), "replicates": 8}
    exact = real(GradientSpec(objectives=tuple(objectives), trainer=objectives[0], exact=True, **shared), tmp_path)
    found = variance_reduction({("sets", "renyi"): exact}, 4) + unbiasedness({("sets", "renyi"): exact}, 4)
    assert len(found) == 2 * 2 + 2 * 2
    assert len(judge("C3", found).tests) == 8
    assert len(baseline_quality({("sets", "renyi"): exact}, 4)) == 2
    losses = [
        Objective(name="tb", log_z="batch"),
        Objective(name="tb", log_z="known"),
        Objective(name="vargrad"),
        objectives[3],
    ]
    balance = real(GradientSpec(objectives=tuple(losses), trainer=losses[0], **shared), tmp_path)
    assert len(judge("C9", balance_variance({("sets", "tb_batch"): balance}, 4)).tests) == 4
