"""Which trainings end collapsed: made-up records whose answers are known, and tiny trainings that collapse or do not."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from gfn.environments import DAGs, GaussianMixture, Hypergrid, Phylogenetics, Sequences, Sets
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.study.collapse import ending, jsd_of_share, known_log_z, worth
from gfn.study.results import Run, load_or_train
from gfn.study.summaries import told

GRID = Hypergrid(side=6)
TIMES = np.arange(0, 17)


def run(curves, task=GRID, **settings):
    """A training whose metrics take given values at evenly spread iterations, a curve for each seed."""
    parts = [
        pd.DataFrame({"metric": metric, "seed": seed, "iteration": range(len(curve)), "value": curve})
        for metric, of in curves.items()
        for seed, curve in enumerate(of)
    ]
    seeds = tuple(range(len(next(iter(curves.values())))))
    spec = TrainingSpec(task=task, iterations=16, evaluate_every=1, seeds=seeds, **settings)
    return Run(spec, pd.concat(parts, ignore_index=True).assign(density=None, cell=None), {})


def falling(start, end):
    """Fast at first, and settled at the end."""
    return list(end + (start - end) * np.exp(-TIMES / 2.0))


def test_a_restricted_target_has_the_distances_of_the_formula():
    """A target cut down to one of nine equal modes, by definition of both distances."""
    p, q = np.full(9, 1 / 9), np.eye(9)[0]
    middle = (p + q) / 2
    jsd = (p * np.log(p / middle)).sum() / 2 + math.log(1 / middle[0]) / 2
    assert jsd_of_share(1 / 9) == pytest.approx(jsd)
    assert jsd_of_share(1.0) == pytest.approx(0.0)
    assert jsd_of_share(0.0) == pytest.approx(math.log(2))
    found = {"l1": np.abs(p - q).sum(), "jsd": jsd, "elbo": 3.0 - math.log(9)}
    for metric, value in found.items():
        table = pd.DataFrame([[value]])
        assert worth(metric, table, 3.0).iloc[0, 0] == pytest.approx(1 / 9, abs=1e-3)


@pytest.mark.parametrize(("end", "collapsed"), [(1.5, True), (1.0, True), (0.9, False), (0.1, False)])
def test_one_or_two_of_four_modes_are_a_collapse(end, collapsed):
    """Whether the error fell or rose on the way."""
    found = ending(run({"l1": [falling(1.7, end), falling(1.6, 0.05)]}))
    assert found.collapsed == ((0,) if collapsed else ())
    assert found.unmoved == ()
    assert ("Collapsed in 1 of 2 seeds" in found.text) == collapsed
    assert bool(found.text) == collapsed


def test_what_still_gets_better_is_no_collapse():
    """A straight line down; the same line that has stopped half-way is one."""
    line = list(np.linspace(1.9, 1.2, 17))
    assert ending(run({"l1": [line]})).text == ""
    assert ending(run({"l1": [line[:8] + [line[8]] * 9]})).collapsed == (0,)


def test_what_is_slow_is_told_from_what_has_settled():
    """A training that is far too short, and one that fell fast and stays where it is."""
    slow, settled = list(np.linspace(1.9, 1.8, 17)), falling(1.9, 1.5)
    assert "it gets better only slowly: more iterations may help." in ending(run({"l1": [slow]})).text
    for curves in ([settled], [slow, settled]):
        assert "it no longer gets better." in ending(run({"l1": curves})).text


def test_what_falls_apart_is_a_collapse():
    """It was good, and ends near the largest error."""
    found = ending(run({"l1": [falling(1.7, 0.1)[:9] + [1.98] * 8]}))
    assert found.collapsed == (0,)
    assert "the L1 distance is 1.98, that of a policy on 1 % of the target's mass" in found.text


def test_what_has_not_moved_is_no_better_than_before():
    found = ending(run({"l1": [[1.7] * 17, falling(1.7, 1.5)]}))
    assert (found.collapsed, found.unmoved) == ((1,), (0,))
    assert "No better than before training in 1 of 2 seeds: the L1 distance, 1.7, has not changed." in found.text


def test_in_the_plane_one_mode_of_nine_is_a_collapse():
    one, good = float(jsd_of_share(1 / 9)), 0.01
    found = ending(run({"jsd": [falling(0.69, one), falling(0.69, good)]}, GaussianMixture()))
    assert found.collapsed == (0,)
    assert "that of a policy on 11 % of" in found.text


def test_a_learned_log_z_that_is_off_is_named():
    """Beside a collapse it says how much mass the policy thinks that there is."""
    truth = known_log_z(GRID)
    off = run({"l1": [falling(1.7, 1.5)] * 2, "log_z": [[truth - math.log(4)] * 17, [truth + 0.1] * 17]})
    found = ending(off)
    assert found.log_z == ((0, pytest.approx(-math.log(4))),)
    assert found.text.endswith("The learned log Z is far off in 1 of 2 seeds: 1.4 nats below the exact one.")
    assert ending(run({"l1": [falling(1.7, 0.1)], "log_z": [[truth + 0.1] * 17]})).text == ""
    assert ending(run({"l1": [falling(1.7, 0.1)], "log_z": [[truth - 3] * 17]})).text == ""  # good all the same
    assert ending(run({"l1": [falling(1.7, 0.4)], "log_z": [[truth - 3] * 17]})).log_z == ((0, pytest.approx(-3)),)
    part = run({"l1": [falling(1.7, 0.1)], "log_z": [[truth - 5] * 17]}, objective=Objective(name="db"))
    assert ending(part).text == ""  # the rest is in the network of flows


def test_a_bound_far_below_log_z_is_a_collapse():
    """Of tasks that are too large for L1; a nat below it is no sign of one."""
    task = Sequences(length=9)
    truth = known_log_z(task)
    for gap, collapsed in ((5.0, (0,)), (1.0, ())):
        curve = [truth - gap - 20 * math.exp(-t) for t in TIMES]
        found = ending(run({"elbo": [curve]}, task))
        assert found.collapsed == collapsed
    assert "lower bound on log Z" in ending(run({"elbo": [[truth - 30 + t for t in (0, *[20] * 16)]]}, task)).text


def test_without_log_z_a_learned_one_is_held_against_the_bound():
    """Ten variables have more graphs than are soon summed, and twelve more than can be."""
    task = DAGs(nodes=12, samples=40)
    assert known_log_z(task) is None
    curves = {"elbo": [[-50.0] * 17], "log_z": [[-10.0] * 17]}
    assert "40 nats above its lower bound" in ending(run(curves, task)).text
    assert ending(run(curves | {"log_z": [[-49.0] * 17]}, task)).text == ""


def test_log_z_is_not_waited_for():
    """Of nine taxa there are two million trees."""
    rows = tuple((f"t{k}", "ACGTACGT"[k % 8 :] + "ACGT" + "ACGTACGT"[: k % 8]) for k in range(9))
    assert known_log_z(Phylogenetics(alignment=rows)) is None
    assert known_log_z(Phylogenetics(alignment=rows[:4])) is not None


def test_two_evaluations_are_enough():
    """Of a run that was looked at before and after only."""
    assert ending(run({"l1": [[1.5, 1.51]]})).collapsed == ()  # so little that it has not moved
    assert ending(run({"l1": [[1.5, 1.6]]})).collapsed == (0,)
    assert ending(run({"l1": [[1.9, 1.2]]})).text == ""


def test_other_runs_have_no_ending():
    spec = GradientSpec(task=GRID, objectives=(Objective(),))
    assert ending(Run(spec, pd.DataFrame({"metric": ["variance"]}), {})).text == ""


SPARSE = Hypergrid(side=8, r0=1e-6)
SMALL = {"iterations": 160, "evaluate_every": 10, "batch_size": 32, "seeds": (0, 1), "learning_rate": 0.01}
SMALL |= {"policy": PolicySettings(hidden=(32,))}


def test_the_reverse_kl_collapses_on_a_sparse_hypergrid_and_says_so(tmp_path):
    """And on sets it learns, and says nothing."""
    goal = Objective(name="reverse_kl")
    sparse = load_or_train(TrainingSpec(task=SPARSE, objective=goal, **SMALL), tmp_path)
    assert ending(sparse).collapsed
    assert "Collapsed in" in told([sparse], 80)
    good = load_or_train(TrainingSpec(task=Sets(universe=6, size=3), objective=goal, **SMALL), tmp_path)
    assert ending(good).text == ""
    both = told([sparse, good], 80)
    assert f"run {sparse.spec.hash}: Collapsed" in both
    assert f"run {good.spec.hash}:" not in both
