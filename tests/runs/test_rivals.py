"""Runs of rivals: stored, read again and verified like all others, and measured alike."""

from __future__ import annotations

import math

import pytest

from gfn.environments import ContinuousEnvironment, Funnel, ManyWell, Sets
from gfn.policies import PolicySettings
from gfn.rivals import RIVALS
from gfn.runs.objective import Objective
from gfn.runs.provenance import source_fingerprint
from gfn.runs.reached import reached
from gfn.runs.rivals import GFlowNet, race
from gfn.runs.spec import RivalSpec, TrainingSpec, parse_spec
from gfn.settings import SettingsError
from gfn.study.presentation import run_words
from gfn.study.presentation.run_words import aim_words
from gfn.study.results import Run, load_or_train, result_path, to_frame
from gfn.study.size import check_size, estimate
from gfn.study.summaries import final_values, settings_of
from gfn.study.verify import verify

SMALL = {"task": ManyWell(pairs=1), "policy": PolicySettings(hidden=(8,), components=2), "seeds": (0, 1)}
SMALL |= {"budget": 256, "batch_size": 16, "marks": 2, "points": 64}
TB = Objective(log_z="batch")


def rival(model="path_integral", **own):
    return RivalSpec(model=model, **(SMALL | ({"objective": TB} if model == "gflownet" else {}) | own))


@pytest.mark.parametrize("model", ["path_integral", "gflownet"])
def test_it_is_stored_read_again_and_verified(model, tmp_path):
    spec = rival(model)
    assert parse_spec(spec.model_dump_json()) == spec
    run = load_or_train(spec, tmp_path)
    assert load_or_train(spec, tmp_path).frame.equals(run.frame)
    (comparison,) = verify([result_path(spec, tmp_path)])
    assert comparison.agrees
    assert set(comparison.table.metric) == {"sliced", "elbo_gap"}


def test_the_same_is_measured_of_all():
    """Of every sampler with a density; of others what samples say."""
    found = {model: race(rival(model)) for model in ("gflownet", "path_integral", "denoising", "gan")}
    metrics = {model: {each["metric"] for each in records} for model, records in found.items()}
    assert metrics["gflownet"] == metrics["path_integral"] == metrics["denoising"]
    samples = {"sliced", "sliced_floor", "mode_tv", "mode_tv_floor", "missed", "x1", "x2"}
    assert metrics["gan"] == samples < metrics["gflownet"]
    for records in found.values():
        assert {(each["seed"], each["iteration"]) for each in records} == {(s, m) for s in (0, 1) for m in (1, 2)}
        assert all(each["trajectories"] <= 128 * each["iteration"] for each in records)
        assert all(math.isfinite(each["value"]) for each in records)


def test_points_of_the_first_seed_are_kept():
    """At the end, with their number."""
    kept = [each for each in race(rival(points=40, seeds=(5, 1))) if "cell" in each]
    assert {(each["seed"], each["iteration"]) for each in kept} == {(5, 2)}
    assert [(each["metric"], each["cell"]) for each in kept] == [(x, k) for x in ("x1", "x2") for k in range(40)]
    assert len({each["value"] for each in kept}) > 70


def test_gflownets_of_several_seeds_are_those_of_each_alone():
    """Trained at once, but for rounding; their seconds are shared out."""
    spec = rival("gflownet", seeds=(4, 2))
    alone = {seed: race(spec.model_copy(update={"seeds": (seed,)})) for seed in spec.seeds}
    for each in (record for record in race(spec) if record["metric"] == "elbo_gap"):
        same = (
            record["value"]
            for record in alone[each["seed"]]
            if (record["metric"], record["iteration"]) == ("elbo_gap", each["iteration"])
        )
        assert next(same) == pytest.approx(each["value"], rel=1e-3)


@pytest.mark.parametrize("model", ["gflownet", "path_integral"])
def test_one_seed_that_diverges_does_not_end_the_others(model, monkeypatch, tmp_path):
    """It is said of it, at this and later marks, in the place of all numbers."""

    def failing(self, budget):
        if self.seed == 1 and budget > 128:
            raise FloatingPointError("the loss is not finite")
        return whole(self, budget)

    owner = GFlowNet if model == "gflownet" else RIVALS[model]
    whole = owner.advance
    monkeypatch.setattr(owner, "advance", failing)
    spec = rival(model)
    run = load_or_train(spec, tmp_path)
    lost = run.frame[run.frame.metric == "diverged"]
    assert lost[["seed", "iteration", "value"]].to_numpy().tolist() == [[1, 2, 1.0]]
    last = run.frame[(run.frame.iteration == 2) & (run.frame.metric != "diverged")]
    assert set(last.seed) == {0}


def test_a_gflownet_is_trained_as_ever():
    """Its bounds are those of the same training by itself, whose last measure is of other points."""
    spec = rival("gflownet", budget=6400, batch_size=64, marks=1, points=4000, learning_rate=0.01, seeds=(3,))
    assert spec.training(3) == TrainingSpec(
        task=spec.task,
        objective=TB,
        policy=spec.policy,
        batch_size=64,
        learning_rate=0.01,
        seeds=(3,),
        iterations=100,
        evaluate_every=100,
    )
    early = race(rival("gflownet", budget=128, batch_size=64, marks=1, points=4000, learning_rate=0.01, seeds=(3,)))
    gaps = [next(e["value"] for e in records if e["metric"] == "elbo_gap") for records in (early, race(spec))]
    assert gaps[1] < 0.5 * gaps[0]


def test_what_makes_no_sense_is_refused():
    class Bare(ContinuousEnvironment):
        dimension = property(lambda self: 2)
        box = property(lambda self: ((-1.0, 1.0),) * 2)

        def log_density(self, points):
            return points.sum(-1)

    with pytest.raises(SettingsError, match="a density with exact samples and log Z is due"):
        rival(task=Sets())
    with pytest.raises(SettingsError, match="a density with exact samples and log Z is due"):
        rival(task=Bare())
    with pytest.raises(SettingsError, match="objective = none is not allowed with model gflownet"):
        rival("gflownet", objective=None)
    with pytest.raises(SettingsError, match="is not allowed with model gan"):
        rival("gan", objective=TB)
    with pytest.raises(SettingsError, match="each part must have room for a batch of 16"):
        rival(budget=24)


def test_a_run_depends_on_its_own_model_alone():
    """And those of discrete tasks on none, nor on continuous tasks."""
    found = {model: set(reached(rival(model))) for model in ("gan", "path_integral", "gflownet")}
    for model, modules in found.items():
        own = {name for name in modules if name.startswith("gfn.rivals.")} - {"gfn.rivals.base"}
        assert own == ({f"gfn.rivals.{model}"} if model != "gflownet" else set())
        assert {
            "gfn.runs.rivals",
            "gfn.rivals.base",
            "gfn.environments.continuous",
            "gfn.evaluation.samples",
        } <= modules
    discrete = set(reached(TrainingSpec(task=Sets(universe=4, size=2))))
    assert not {name for name in discrete if "rival" in name or "continuous" in name or "planar" in name}
    assert source_fingerprint(rival("gan")) != source_fingerprint(rival("path_integral"))


@pytest.mark.parametrize("model", ["gflownet", "nuts", "annealed", "flow_reverse_kl", "gan"])
def test_its_size_is_known(model):
    """More for a larger budget or more points; what cannot end is refused."""
    few, many = rival(model, task=Funnel()), rival(model, task=Funnel(), budget=2**20, points=10_000)
    assert all(sum(a.values()) < sum(b.values()) for a, b in zip(estimate(few), estimate(many)))
    assert check_size(few) is None
    if model != "gflownet":  # whose iterations have a bound of their own
        with pytest.raises(SettingsError, match=r"is not allowed: it would take|is not allowed here: it needs"):
            check_size(rival(model, budget=10**10, seeds=tuple(range(50))))


def test_what_is_shown_of_it():
    """In words, and its final values of all seeds, which need not have used up the same."""
    assert set(run_words.RIVALS) == set(RIVALS)
    spec = rival()
    assert aim_words(spec) == ("path integral sampler", "–")
    assert aim_words(rival("gflownet"))[0].startswith("GFlowNet, ")
    records = [
        {"seed": seed, "iteration": 1, "trajectories": 99 + seed, "metric": "sliced", "value": 1.0 + seed}
        for seed in (0, 1)
    ]
    table = final_values(Run(spec, to_frame(spec, records), {}))
    assert table[["metric", "mean", "seeds"]].to_numpy().tolist() == [["sliced", 1.5, 2]]
    assert settings_of(spec)["model"] == "path_integral"
