"""The paper as data: every figure in both profiles gives valid runs, and bad parameters are refused at once."""

from __future__ import annotations

from collections import Counter

import pytest

from gfn.environments import PAPER_TASKS, Banana, GaussianMixture, Phylogenetics, PlanarEnvironment, Sequences, Sets
from gfn.estimators import CONTROL_VARIATES
from gfn.runs.objective import OBJECTIVES, WITH_ALPHA
from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, RivalSpec, TrainingSpec, parse_spec
from gfn.settings import SettingsError
from gfn.study.experiments import BEYOND, FIGURES, PROFILES, every_run, figure_settings, runs
from gfn.study.experiments.balance import BASELINES
from gfn.study.experiments.checks import MEASURED_TASKS
from gfn.study.experiments.f_losses import F_LINES
from gfn.study.experiments.off_policy import LINES as OFF_POLICY
from gfn.study.experiments.tasks import (
    CONTENDERS,
    EVALUATIONS,
    LOG_Z_AWAY,
    MIXTURE_CALIBRATED,
    SCALE_SWEEP,
    SEQUENCES_CALIBRATED,
    SEQUENCES_SWEEP,
    SPACING_SWEEP,
    VARIATIONS,
    all_estimators,
    calibrated_tasks,
    contender,
    estimator,
    paper_tasks,
    variates,
)
from gfn.study.paper import DIVERGENCES
from gfn.study.plotting.style import OBJECTIVES as NAMED

ALL = [(figure, profile) for figure in FIGURES for profile in ("paper", "edition", "smoke")]
PLANAR = {name for name, task in paper_tasks("paper").items() if isinstance(task, PlanarEnvironment)}
SENSITIVE = ("tb", "tb_batch", *DIVERGENCES, "tsallis_joint")


@pytest.mark.parametrize(("figure", "profile"), ALL)
def test_every_figure_gives_valid_runs(figure, profile):
    """Each a specification that reads back from its own JSON; no two alike, but for the value in force of several choices."""
    found, specs = runs(figure, profile), figure_settings(figure, profile).specs()
    if figure == "sensitivity":
        # Four choices are of the same task; only those lines that learn log Z depend on the step size of it.
        shared = Counter(spec.hash for spec in specs.values())
        repeated = {
            key: [label for label, spec in specs.items() if spec.hash == key] for key in shared if shared[key] > 1
        }
        assert {label[2] for labels in repeated.values() for label in labels} == set(SENSITIVE)
        assert len(repeated) == len(SENSITIVE)
        assert all(len({choice for choice, _, _ in labels}) == 4 for labels in repeated.values())
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
        elif isinstance(spec, CostSpec):
            assert spec.rounds * spec.batch_size <= 512
        elif isinstance(spec, RivalSpec):
            assert spec.budget * len(spec.seeds) <= 2048
        else:
            assert spec.samples + spec.warmup <= 100
        if not isinstance(spec, ReferenceSpec):
            assert spec.policy.hidden in ((16,), (8,))
            assert not isinstance(spec.task, Sets | Sequences) or spec.task.state_count < 1000


def test_runs_of_the_paper_are_at_its_scale():
    """Its tasks at their default sizes, its networks, three seeds, batches of 128."""
    mixtures = {GaussianMixture(), calibrated_tasks("paper")["gaussian_mixture_calibrated"]}
    for figure in ("fig1", "fig5", "fig6"):
        for spec in runs(figure).values():
            assert spec.task in {Sets(), Banana(), *mixtures}
            if isinstance(spec, TrainingSpec):
                assert (spec.policy.hidden, spec.batch_size, spec.seeds) == ((128, 128), 128, (0, 1, 2))
    assert {spec.task for spec in runs("fig1").values()} == mixtures
    assert {spec.objective.alpha for spec in runs("fig1").values()} == {-2, -1, 0.5, 2}
    assert {spec.task for spec in runs("fig2").values()} == {Sets(), Sequences(), GaussianMixture()}
    assert {spec.task for spec in runs("fig8").values()} == {Phylogenetics()}
    assert {size for _, size in figure_settings("fig8", "edition").specs()} == {32, 128, 512, 1024}


@pytest.mark.parametrize("figure", ["fig2", "fig7"])
@pytest.mark.parametrize("profile", ["paper", "smoke"])
def test_gradients_are_measured_along_the_training_of_their_own_objective(figure, profile):
    """At its start, on the way and at its end, in batches from two to that of training."""
    settings = figure_settings(figure, profile)
    for (task, line), spec in settings.specs().items():
        assert spec.task == paper_tasks(profile)[task]
        assert spec.trainer == contender(line.removesuffix("_centred"))
        assert spec.trainer in spec.objectives
        assert (spec.warmup, spec.batch_sizes) == (settings.stages, settings.batch_size)
        assert spec.warmup[0] == 0
        assert spec.batch_sizes[0] == 2
        assert spec.batch_sizes[-1] == 128
        assert spec.centred == line.endswith("_centred")
    assert {task for task, _ in settings.specs()} == set(MEASURED_TASKS)


def test_what_is_measured_beside_what():
    """Every control variate of a divergence; of TB its starts, VarGrad, and the reverse KL with and without leave-one-out."""
    for (_, line), spec in figure_settings("fig2").specs().items():
        name = line.removesuffix("_centred")
        # The trainer's `both` is all that a KL has.
        expected = {*variates(name), "both"}
        assert {(o.name, o.control_variate) for o in spec.objectives} == {(name, variate) for variate in expected}
    centred = {task for task, line in figure_settings("fig2").specs() if line.endswith("_centred")}
    assert (
        centred == {task for task in MEASURED_TASKS if paper_tasks("paper")[task].log_z != 0} == {"sets", "sequences"}
    )
    for (_, line), spec in figure_settings("fig7").specs().items():
        others = [
            contender("tb_known"),
            contender("vargrad"),
            estimator("reverse_kl", "none"),
            estimator("reverse_kl", "loo"),
        ]
        assert spec.objectives == (contender(line), *others)


def test_figures_compare_all_estimators():
    """With every control variate; of both KLs ``both`` and ``joint`` are leave-one-out."""
    pairs = {(name, variate) for name in WITH_ALPHA for variate in CONTROL_VARIATES}
    pairs |= {(name, variate) for name in DIVERGENCES if name not in WITH_ALPHA for variate in ("none", "loo", "score")}
    assert {(o.name, o.control_variate) for o in all_estimators(0.5)} == pairs
    shown = {(name, "both" if variate == "loo" and name not in WITH_ALPHA else variate) for name, variate in pairs}
    balance = {("balance", line) for line in ("tb", "tb_batch", "tb_known", "vargrad")}
    assert figure_settings("fig6").specs().keys() == shown | balance
    lines = {"tb", *DIVERGENCES, "renyi_joint", "tsallis_joint"}
    assert figure_settings("fig5").specs().keys() == {*lines, *(("early", line) for line in lines), "reference"}
    for figure in ("fig1", "fig9"):
        settings = figure_settings(figure)
        mixtures = {task for task, _, _ in settings.specs()}
        assert settings.specs().keys() == {
            (task, variate, alpha)
            for task in mixtures
            for variate in ("none", "both", "joint")
            for alpha in settings.alpha
        }
    assert estimator("tb", "loo", 0.5).control_variate is None
    assert estimator("renyi", "loo", 2.0).alpha == 2.0
    assert estimator("forward_kl", "loo", 2.0).alpha is None


def test_lines_stand_for_objectives():
    """A line is named after an objective, with what is different of it; and every line has a name in the figures."""
    every = {*CONTENDERS, *VARIATIONS, "tb_away", *BASELINES}
    assert every | {"f_tb", *F_LINES, *OFF_POLICY} == set(NAMED)
    assert len({contender(line) for line in every}) == len(every)
    for line in OBJECTIVES:
        assert contender(line) == estimator(line, "both")
    assert (contender("tb").log_z, contender("tb").log_z_start) == ("learned", 0)
    assert contender("tb_batch").log_z == "batch"
    assert contender("tb_known").log_z == "known"
    assert (contender("tb_away").log_z, contender("tb_away").log_z_start) == ("learned", LOG_Z_AWAY)
    for line in VARIATIONS:
        name, variate = line.split("_")
        assert contender(line, 2.0) == estimator(name, variate, 2.0)


SHARED = {
    "fig4": {"table1"},
    "fig5": {"fig3", "reference", "early"},
    "fig3": {"table1"},
}


@pytest.mark.parametrize("profile", ["paper", "edition", "smoke"])
@pytest.mark.parametrize("figure", SHARED)
def test_figures_share_runs(figure, profile):
    """Whole figures are made of the runs of others, by equal hashes, so that nothing is trained twice.

    The banana has chains and short trainings of its own, and the joint control variate, which Table 1 has, too.
    """
    others = {key for other in SHARED[figure] & FIGURES.keys() for key in runs(other, profile)}
    own = {label for label, spec in figure_settings(figure, profile).specs().items() if spec.hash not in others}
    lines = ("tb", *DIVERGENCES, "renyi_joint", "tsallis_joint")
    alone = {"reference", "renyi_joint", "tsallis_joint", *(("early", line) for line in lines)}
    assert own == (alone if figure == "fig5" else set())


@pytest.mark.parametrize("profile", ["paper", "edition", "smoke"])
def test_the_joint_control_variate_is_trained_once(profile):
    """On the banana for Figure 5, on Sets for Figure 6, on sequences for the sensitivity: all are Table 1's runs."""
    table1 = runs("table1", profile)
    fig5, fig6 = (figure_settings(figure, profile).specs() for figure in ("fig5", "fig6"))
    for name in WITH_ALPHA:
        assert fig5[f"{name}_joint"].hash in table1
        assert {fig6[name, variate].hash for variate in ("none", "both", "joint")} <= table1.keys()
    assert {fig6["balance", line].hash for line in ("tb", "tb_batch", "tb_known", "vargrad")} <= table1.keys()


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
        ("gaussian_mixture", *MIXTURE_CALIBRATED),
        ("sequences", 1.0),
        ("gaussian_mixture", 2.0, 0.5),
    }
    assert {key for key, spec in calibration.items() if spec.hash in table1} == chosen
    sensitivity = figure_settings("sensitivity", profile).specs()
    in_force = {
        ("learning rate (sequences)", "0.001"),
        ("range of letter values (sequences)", "1"),
        ("range of letter values (sequences)", "18.25"),
        ("draw of the reward (sequences)", "0"),
        ("step size of log Z (sequences)", "0.1"),
        ("mixture components (GM)", "16"),
        ("branch length (phylogenetics)", "0.1"),
    }
    own = {key for key, spec in sensitivity.items() if spec.hash not in table1}
    shared = {key[:2] for key in sensitivity} - {key[:2] for key in own}
    # The small policy has fewer components than any that is tried.
    assert shared == {choice for choice in in_force if profile != "smoke" or "components" not in choice[0]}
    log_z = "step size of log Z (sequences)"
    assert {key for key in own if key[0] == log_z} == {(log_z, "0.01", "tb"), (log_z, "0.01", "tb_batch")}


def test_the_calibration_trains_trajectory_balance_alone():
    """On every value of both sweeps, of which the chosen ones are members; on sequences with Z known."""
    specs = figure_settings("calibration").specs()
    pairs = {("gaussian_mixture", spacing, scale) for spacing in SPACING_SWEEP for scale in SCALE_SWEEP}
    assert specs.keys() == {("sequences", reach) for reach in SEQUENCES_SWEEP} | pairs
    for (task, *values), spec in specs.items():
        assert spec.objective == contender("tb_known" if task == "sequences" else "tb")
        if task == "sequences":
            assert [-spec.task.f_low, spec.task.f_high] == values * 2
        else:
            assert [spec.task.spacing, spec.task.scale] == values
    assert ("sequences", SEQUENCES_CALIBRATED) in specs
    assert ("gaussian_mixture", *MIXTURE_CALIBRATED) in specs


def test_sensitivity_compares_seven_lines():
    """Under every value of every choice, TB from two starts, the divergences, and one with the joint control variate."""
    specs = figure_settings("sensitivity").specs()
    values = dict.fromkeys((choice, value) for choice, value, _ in specs)
    assert specs.keys() == {(*value, line) for value in values for line in SENSITIVE}
    for (_, _, line), spec in specs.items():
        assert spec.objective == contender(line)


def test_the_page_of_verdicts_rests_on_all_runs():
    """Of every other figure of the paper, each once; and the page of tasks on none. That of answers on those beyond it."""
    for profile in ("paper", "smoke"):
        of = {figure: runs(figure, profile) for figure in FIGURES if figure not in ("verdicts", "answers")}
        paper, beyond = ([of[figure] for figure in of if (figure in BEYOND) == side] for side in (False, True))
        assert runs("verdicts", profile) == {key: spec for found in paper for key, spec in found.items()}
        assert runs("answers", profile) == {key: spec for found in beyond for key, spec in found.items()}
        assert every_run(profile, "paper") == runs("verdicts", profile)
        assert every_run(profile) == runs("verdicts", profile) | runs("answers", profile)
        assert runs("tasks", profile) == {}


def test_the_edition_has_more_orders():
    """With three seeds there are fewer of them; those are the same runs but for their seeds."""
    paper, edition = (figure_settings("orders", profile).trainings() for profile in ("paper", "edition"))
    assert paper.keys() < edition.keys()
    for label, spec in paper.items():
        assert edition[label].model_copy(update={"seeds": (0, 1, 2)}) == spec


# Pages that try less with three seeds, or have the runs of such pages.
FEWER = ("verdicts", "answers", "orders", "f_losses", "off_policy", "measures")


@pytest.mark.parametrize("figure", [name for name in FIGURES if name not in FEWER])
def test_the_edition_is_the_paper_with_ten_seeds(figure):
    """Otherwise the same runs: every specification is the paper's but for its seeds, which chains, costs and exact checks keep."""
    paper, edition = (figure_settings(figure, profile).specs() for profile in ("paper", "edition"))
    assert paper.keys() == edition.keys()
    for label, spec in edition.items():
        few = figure == "draws" and isinstance(spec, GradientSpec)
        if isinstance(spec, ReferenceSpec | CostSpec) or figure == "exact" or few:
            assert spec == paper[label]
        else:
            assert spec.seeds == tuple(range(10))
            assert spec.model_copy(update={"seeds": (0, 1, 2)}) == paper[label]


def test_all_tasks_and_lines_are_compared():
    """In Table 1, with the two that are calibrated, and there with other control variates too; TB from afar on planar tasks."""
    assert set(paper_tasks("paper")) == set(PAPER_TASKS)
    every = paper_tasks("paper") | calibrated_tasks("paper")
    planar = {*PLANAR, "gaussian_mixture_calibrated"}
    lines = {task: {*CONTENDERS, "tb_away"} if task in planar else set(CONTENDERS) for task in every}
    assert set(OBJECTIVES) < set(CONTENDERS)
    table1 = figure_settings("table1").specs()
    assert table1.keys() == {(task, line) for task in every for line in lines[task] | set(VARIATIONS)}
    assert figure_settings("fig3").specs().keys() == {(task, line) for task in PAPER_TASKS for line in lines[task]}
    for (_, line), spec in table1.items():
        assert spec.objective == contender(line)


def test_discoveries_are_counted_where_objects_can_be_told_apart():
    """The best of the hypergrid are its cells with a reward; modes of sequences need more of the highest reward."""
    specs = figure_settings("fig4").specs()
    tasks = ["sets", "sequences", "sequences_calibrated", "hypergrid", "dags"]
    assert list(dict.fromkeys(task for task, _ in specs)) == tasks
    assert specs.keys() == {(task, line) for task in tasks for line in CONTENDERS}
    for (task, _), spec in specs.items():
        assert spec.top_k == (36 if task == "hypergrid" else 100)
        assert spec.mode_fractions == ((0.5, 0.75, 0.9) if "sequences" in task else (0.25, 0.5, 0.75))
    grid = specs["hypergrid", "tb"].task
    assert int(grid.outer.sum()) ** grid.dimensions == 36


@pytest.mark.parametrize("profile", ["paper", "edition"])
def test_learning_curves_are_kept_where_a_page_shows_them(profile):
    """Pages that show nothing but final errors ask for one evaluation at either end, unless they share a run."""
    shown = (
        "fig3",
        "fig4",
        "fig5",
        "fig6",
        "fig8",
        "fig9",
        "table1",
        "first",
        "balance",
        "orders",
        "variates",
        "costs",
        "draws",
        "f_losses",
        "off_policy",
    )
    curves = {
        spec.hash
        for figure in shown
        for label, spec in figure_settings(figure, profile).specs().items()
        if "early" not in label
    }
    for figure in FIGURES:
        for key, spec in runs(figure, profile).items():
            if isinstance(spec, TrainingSpec):
                expected = max(1, spec.iterations // EVALUATIONS) if key in curves else spec.iterations
                assert spec.evaluate_every == expected, (figure, spec.task, spec.objective.label)


def test_given_parameters_take_the_place_of_the_profiles():
    """Those that are None do not; lists, as papermill has them, are as good as tuples."""
    settings = figure_settings("fig1", "smoke", seeds=[7], iterations=None, alpha=[0.5, 3])
    assert (settings.seeds, settings.iterations, settings.alpha) == ((7,), 8, (0.5, 3.0))
    assert all(spec.seeds == (7,) for spec in settings.specs().values())
    assert figure_settings("fig1", device="cpu") == figure_settings("fig1")


@pytest.mark.parametrize("figure", FIGURES)
def test_pages_that_train_take_a_learning_rate(figure):
    """It is that of all their trainings, but for those of the sensitivity that try another one."""
    trained = [spec for spec in runs(figure, "smoke").values() if isinstance(spec, TrainingSpec)]
    takes = "learning_rate" in FIGURES[figure].model_fields
    assert takes == (bool(trained) and figure not in ("verdicts", "answers", "measures"))
    if takes:
        assert figure_settings(figure, "smoke", learning_rate=0.001) == figure_settings(figure, "smoke")
        changed = figure_settings(figure, "smoke", learning_rate=0.02).specs()
        others = {spec.learning_rate for spec in changed.values() if isinstance(spec, TrainingSpec)} - {0.02}
        assert others == ({3e-4, 1e-3, 3e-3} if figure == "sensitivity" else set())
        for wrong in (0, -0.1, float("nan"), float("inf"), "fast"):
            with pytest.raises(SettingsError, match=r"learning_rate = "):
                figure_settings(figure, "smoke", learning_rate=wrong)


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
    ("fig2", {"stages": 0}, "stages = 0"),
    ("fig2", {"batch_size": [1, 2]}, "batch_size.0 = 1"),
    ("fig2", {"warmup": 128}, "unknown setting 'warmup'"),
    ("fig2", {"replicates": 1}, "replicates = 1"),
    ("fig5", {"alpha": 1}, "alpha = 1"),
    ("fig5", {"samples": 3}, "samples = 3"),
    ("fig5", {"alpha": float("nan")}, "alpha = nan"),
    ("fig2", {"stages": []}, "stages"),
    ("fig7", {"stages": [0, -1]}, "stages.1 = -1"),
    ("fig5", {"early": 0}, "early = 0"),
    ("fig6", {"control_variates": ["none"]}, "unknown setting 'control_variates'"),
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
