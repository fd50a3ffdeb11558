"""The paper as data: every figure in both profiles gives valid runs, and bad parameters are refused at once."""

from __future__ import annotations

from collections import Counter

import pytest

from gfn.environments import TASKS, Banana, GaussianMixture, Sequences, Sets
from gfn.estimators import CONTROL_VARIATES, DIVERGENCES
from gfn.runs.objective import OBJECTIVES
from gfn.runs.spec import GradientSpec, ReferenceSpec, TrainingSpec, parse_spec
from gfn.settings import SettingsError
from gfn.study.experiments import FIGURES, PROFILES, figure_settings, runs
from gfn.study.experiments.tasks import (
    CALIBRATED,
    EVALUATIONS,
    MIXTURE_CALIBRATED,
    SEQUENCES_CALIBRATED,
    all_estimators,
    estimator,
)

ALL = [(figure, profile) for figure in FIGURES for profile in ("paper", "edition", "smoke")]


@pytest.mark.parametrize(("figure", "profile"), ALL)
def test_every_figure_gives_valid_runs(figure, profile):
    """Each a specification that reads back from its own JSON; no two alike, but for the value in force of several choices."""
    found, specs = runs(figure, profile), figure_settings(figure, profile).specs()
    if figure == "sensitivity":
        shared = Counter(spec.hash for spec in specs.values())
        repeated = {
            key: {label[0] for label, spec in specs.items() if spec.hash == key} for key in shared if shared[key] > 1
        }
        assert len(repeated) == len(("tb", *DIVERGENCES))
        assert all(len(choices) == 3 for choices in repeated.values())
    else:
        assert len(found) == len(specs)
    for key, spec in found.items():
        assert key == spec.hash
        assert parse_spec(spec.model_dump_json()) == spec


@pytest.mark.parametrize(("figure", "profile"), ALL)
def test_profiles_set_every_parameter_of_their_figure(figure, profile):
    """All that has no default of its own."""
    needed = {name for name, field in FIGURES[figure].model_fields.items() if field.is_required()}
    assert PROFILES[figure].keys() == {"paper", "edition", "smoke"}
    assert needed - {"profile"} == PROFILES[figure][profile].keys()


def path_of(spec):
    """What a run runs through: its kind, its task, and what is estimated how."""
    objectives = getattr(spec, "objectives", None) or [getattr(spec, "objective", None)]
    return type(spec), spec.task.task, frozenset((o.name, o.control_variate) for o in objectives if o)


@pytest.mark.parametrize("figure", FIGURES)
def test_smoke_runs_are_small(figure):
    """Little work for each, small networks, and the same code path: the same kinds, tasks and objectives, no more runs."""
    paper, smoke = (list(runs(figure, profile).values()) for profile in ("paper", "smoke"))
    assert {*map(path_of, smoke)} == {*map(path_of, paper)}
    assert len(smoke) <= len(paper)
    for spec in smoke:
        if isinstance(spec, TrainingSpec):
            assert spec.iterations * spec.batch_size * len(spec.seeds) <= 512
        elif isinstance(spec, GradientSpec):
            assert spec.replicates * sum(spec.batch_sizes) * len(spec.seeds) <= 5000
        else:
            assert spec.samples + spec.warmup <= 100
        if not isinstance(spec, ReferenceSpec):
            assert spec.policy.hidden in ((16,), (8,))
            assert not isinstance(spec.task, Sets | Sequences) or spec.task.state_count < 1000


def test_runs_of_the_paper_are_at_its_scale():
    """Its tasks at their default sizes, its networks, three seeds, batches of 128."""
    for figure in ("fig1", "fig5", "fig6"):
        for spec in runs(figure).values():
            assert spec.task in (Sets(), GaussianMixture(), Banana())
            if isinstance(spec, TrainingSpec):
                assert (spec.policy.hidden, spec.batch_size, spec.seeds) == ((128, 128), 128, (0, 1, 2))
    assert {spec.task for spec in runs("fig2").values()} == {Sets(), Sequences(), GaussianMixture()}
    assert [spec.objective.alpha for spec in runs("fig1").values()] == [-2, -1, 0.5, 2]
    assert {min(s.batch_sizes) for s in runs("fig2").values()} == {2}
    assert {max(s.batch_sizes) for s in runs("fig2").values()} == {1024}


def test_figures_compare_all_estimators():
    """With the four control variates of the paper."""
    pairs = {(name, variate) for name in DIVERGENCES for variate in CONTROL_VARIATES if variate != "joint"}
    assert {(o.name, o.control_variate) for o in all_estimators(0.5)} == pairs
    assert figure_settings("fig6").specs().keys() == pairs
    assert figure_settings("fig5").specs().keys() == {"tb", *DIVERGENCES, "reference"}
    assert estimator("tb", "loo", 0.5).control_variate is None
    assert estimator("renyi", "loo", 2.0).alpha == 2.0
    assert estimator("forward_kl", "loo", 2.0).alpha is None


SHARED = {
    "fig4": {"fig3"},
    "fig5": {"fig3", "reference"},
    "fig3": {"table1"},
    "fig7": {"fig2"},
    "fig2": {"fig7"},
}


@pytest.mark.parametrize("profile", ["paper", "edition", "smoke"])
@pytest.mark.parametrize("figure", SHARED)
def test_figures_share_runs(figure, profile):
    """Whole figures are made of the runs of others, by equal hashes, so that nothing is trained twice."""
    others = {key for other in SHARED[figure] - {"reference"} for key in runs(other, profile)}
    own = runs(figure, profile)
    assert {own[key].kind for key in own.keys() - others} == ({"reference"} if "reference" in SHARED[figure] else set())


@pytest.mark.parametrize("profile", ["paper", "edition", "smoke"])
def test_figures_share_the_runs_in_force(profile):
    """Of figure 6 those with both control variates, of the calibration and the sensitivity what was chosen."""
    figure3, table1 = runs("fig3", profile), runs("table1", profile)
    both = {
        spec.hash: name
        for (name, variate), spec in figure_settings("fig6", profile).specs().items()
        if variate == "both"
    }
    assert set(both.values()) == set(DIVERGENCES)
    assert both.keys() <= figure3.keys()
    calibration = figure_settings("calibration", profile).specs()
    chosen = {
        ("sequences", SEQUENCES_CALIBRATED),
        ("gaussian_mixture", MIXTURE_CALIBRATED),
        ("sequences", 1.0),
        ("gaussian_mixture", 0.5),
    }
    assert {key for key, spec in calibration.items() if spec.hash in table1} == chosen
    sensitivity = figure_settings("sensitivity", profile).specs()
    components = "4" if profile == "smoke" else "16"
    in_force = {
        ("learning rate (sequences)", "0.001"),
        ("reach of f (sequences)", "1"),
        ("step size of log Z (sequences)", "0.1"),
        ("mixture components (GM)", components),
        ("branch length (phylogenetics)", "0.1"),
    }
    own = {key for key, spec in sensitivity.items() if spec.hash not in figure3}
    shared = {key[:2] for key in sensitivity} - {key[:2] for key in own}
    assert shared == {choice for choice in in_force if choice != ("mixture components (GM)", "4")}
    log_z = "step size of log Z (sequences)"
    assert {key for key in own if key[0] == log_z} == {(log_z, "0.01", "tb")}


def test_the_page_of_verdicts_rests_on_all_runs():
    """Of every other figure, each once; and the page of tasks on none."""
    for profile in ("paper", "smoke"):
        every = {key: spec for figure in FIGURES if figure != "verdicts" for key, spec in runs(figure, profile).items()}
        assert runs("verdicts", profile) == every
        assert runs("tasks", profile) == {}


@pytest.mark.parametrize("figure", [name for name in FIGURES if name != "verdicts"])
def test_the_edition_is_the_paper_with_ten_seeds(figure):
    """Otherwise the same runs: every specification is the paper's but for its seeds, which chains and exact checks keep."""
    paper, edition = (figure_settings(figure, profile).specs() for profile in ("paper", "edition"))
    assert paper.keys() == edition.keys()
    for label, spec in edition.items():
        if isinstance(spec, ReferenceSpec) or figure == "exact":
            assert spec == paper[label]
        else:
            assert spec.seeds == tuple(range(10))
            assert spec.model_copy(update={"seeds": (0, 1, 2)}) == paper[label]


def test_all_tasks_and_objectives_are_compared():
    """In Table 1, with the two that are calibrated; figure 4 has those whose objects are found and counted."""
    every = {*TASKS, *CALIBRATED}
    assert figure_settings("table1").specs().keys() == {(task, name) for task in every for name in OBJECTIVES}
    assert figure_settings("fig3").specs().keys() == {(task, name) for task in TASKS for name in OBJECTIVES}
    found = {task for task, _ in figure_settings("fig4").specs()}
    assert found == {"sets", "sequences", "hypergrid", "dags"}
    for (_, name), spec in figure_settings("table1").specs().items():
        assert spec.objective.name == name
        assert spec.objective.control_variate in (("both",) if name in DIVERGENCES else (None,))


@pytest.mark.parametrize("profile", ["paper", "edition"])
def test_learning_curves_are_kept_where_a_page_shows_them(profile):
    """Pages that show nothing but final errors ask for one evaluation at either end, unless they share a run."""
    curves = {key for figure in ("fig3", "fig4", "fig5", "fig6", "fig8", "fig9") for key in runs(figure, profile)}
    for figure in FIGURES:
        for key, spec in runs(figure, profile).items():
            if isinstance(spec, TrainingSpec) and key not in runs("fig1", profile):
                expected = max(1, spec.iterations // EVALUATIONS) if key in curves else spec.iterations
                assert spec.evaluate_every == expected, (figure, spec.task, spec.objective.label)


def test_given_parameters_take_the_place_of_the_profiles():
    """Those that are None do not; lists, as papermill has them, are as good as tuples."""
    settings = figure_settings("fig1", "smoke", seeds=[7], iterations=None, alpha=[0.5, 3])
    assert (settings.seeds, settings.iterations, settings.alpha) == ((7,), 8, (0.5, 3.0))
    assert all(spec.seeds == (7,) for spec in settings.specs().values())
    assert figure_settings("fig1", device="cpu") == figure_settings("fig1")


BAD = [
    ("fig1", {"figure": "fig10"}, "figure = 'fig10'"),
    ("fig1", {"profile": "big"}, "profile = 'big'"),
    ("fig1", {"profile": None}, "profile = None"),
    ("fig1", {"profile": ["paper"]}, "profile = ['paper']"),
    ("fig1", {"iteration": 3}, "unknown setting 'iteration'"),
    ("fig1", {"seeds": []}, "seeds"),
    ("fig1", {"seeds": [0, 0]}, "seeds"),
    ("fig1", {"seeds": 3}, "seeds = 3"),
    ("fig1", {"iterations": 0}, "iterations = 0"),
    ("fig1", {"iterations": "many"}, "iterations = 'many'"),
    ("fig1", {"batch_size": 1}, "batch_size = 1"),
    ("fig1", {"alpha": []}, "alpha"),
    ("fig1", {"alpha": 0.5}, "alpha = 0.5"),
    ("fig1", {"alpha": [0.5, 1]}, "alpha = 1"),
    ("fig1", {"device": "tpu"}, "device = 'tpu'"),
    ("fig1", {"device": "cuda:99"}, "device = 'cuda:99'"),
    ("fig2", {"alpha": 0}, "alpha = 0"),
    ("fig2", {"warmup": 0}, "warmup = 0"),
    ("fig2", {"batch_size": [1, 2]}, "batch_size.0 = 1"),
    ("fig2", {"replicates": 1}, "replicates = 1"),
    ("fig5", {"alpha": 1}, "alpha = 1"),
    ("fig5", {"samples": 3}, "samples = 3"),
    ("fig5", {"alpha": float("nan")}, "alpha = nan"),
    ("fig6", {"control_variates": ["none", "all"]}, "control_variates.1 = 'all'"),
    ("fig6", {"control_variates": []}, "control_variates"),
    ("fig6", {"alpha": 1}, "alpha = 1"),
    ("fig8", {"batch_size": [8]}, "batch_size"),
    ("fig8", {"batch_size": [1, 8]}, "batch_size.0 = 1"),
    ("fig8", {"iterations": 0}, "iterations = 0"),
    ("fig9", {"alpha": [0.5, 0]}, "alpha = 0"),
    ("fig3", {"alpha": 1}, "alpha = 1"),
    ("table1", {"seeds": [-1]}, "seeds.0 = -1"),
    ("calibration", {"batch_size": 1}, "batch_size = 1"),
    ("sensitivity", {"iterations": 0}, "iterations = 0"),
    ("tasks", {"trees": 0}, "trees = 0"),
    ("tasks", {"trees": 17}, "trees = 17"),
    ("verdicts", {"profile": "big"}, "profile = 'big'"),
    ("verdicts", {"seeds": [1]}, "unknown setting 'seeds'"),
    ("exact", {"epsilon": [-1]}, "epsilon.0 = -1"),
    ("exact", {"epsilon": []}, "epsilon"),
    ("exact", {"alpha": 1}, "alpha = 1"),
]


@pytest.mark.parametrize(("figure", "given", "value"), BAD, ids=str)
def test_bad_parameters_are_refused_before_anything_is_run(figure, given, value):
    """In one sentence that names the parameter and its value."""
    with pytest.raises(SettingsError) as caught:
        figure_settings(**{"figure": figure} | given)
    assert value in str(caught.value)
    assert "\n" not in str(caught.value)
