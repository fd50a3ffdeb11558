"""The first experiments: what is computed for the page, its exercises and their commands, and its pictures."""

from __future__ import annotations

import math
import re
import shlex
from itertools import combinations
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

import gfn
from gfn import cli
from gfn.environments.enumeration import target_distribution
from gfn.study.evidence import exercises, first
from gfn.study.evidence.tables import final
from gfn.study.experiments import figure_settings
from gfn.study.experiments.first import TINY
from gfn.study.notebook import obtain
from gfn.study.plotting import OBJECTIVES, gain_panels, probability_panels, weight_histograms

PAGE = Path(gfn.__file__).parents[1] / "book" / "beyond" / "first.ipynb"


@pytest.fixture(scope="module")
def settings():
    return figure_settings("first", "smoke")


@pytest.fixture(scope="module")
def runs(settings, tmp_path_factory):
    return obtain(settings, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def looks(settings):
    return first.along(figure_settings("first", "smoke", iterations=48).watched()["reverse_kl"], (0, 48))


@pytest.fixture(scope="module")
def example():
    return first.example(figure_settings("first", "smoke", iterations=96).tiny())


def test_what_is_looked_into_is_what_is_trained(settings):
    """One seed of the same trainings in double precision; every exercise's run differs from the page's in what it asks about."""
    specs = settings.specs()
    for line, spec in settings.watched().items():
        same = {"seeds": settings.seeds, "dtype": "float32"}
        assert spec.model_copy(update=same) == specs["sets", line, "joint"]
        assert (spec.seeds, spec.dtype) == (settings.seeds[:1], "float64")
    plain, lifted = settings.small_sets(), settings.small_sets(2.0)
    torch.testing.assert_close(target_distribution(plain), target_distribution(lifted))
    assert lifted.log_z - plain.log_z == pytest.approx(2 * plain.size)
    assert specs["larger", "reverse_kl", "none"].batch_size == 4 * settings.batch_size
    assert settings.stages() == (0, 1, 8)
    assert figure_settings("first", "smoke", iterations=1).stages() == (0, 1)
    assert figure_settings("first").stages() == (0, 32, 256)


def test_weights_close_in_on_log_z(looks):
    """Their mean is Z at any stage, their spread falls, and so does the exact error."""
    log_z = figure_settings("first", "smoke").small_sets().log_z
    table = first.weight_table(looks, log_z)
    np.testing.assert_allclose(table["log of the mean of w"], log_z, atol=0.02)
    for column in ("standard deviation of log w", "log Z less this mean", "L1 distance to target"):
        assert 0 < table[column][48] < table[column][0]
    for look in looks.values():
        assert float(look.learned.sum()) == pytest.approx(1)
        assert len(look.log_weights) == first.DRAWS


def test_the_example_adds_up(example):
    """Of a trajectory of the tiny task: logarithms of its steps, backward 1/k of k elements, and log w from its parts."""
    table = first.step_table(example)
    steps = table.iloc[:-1]
    assert list(steps["from"][1:]) == list(steps["to"][:-1])
    assert steps["from"].iloc[0] == "{}"
    np.testing.assert_allclose(steps["log p_B"], -np.log([1, 2, 3]), atol=1e-12)
    for column in ("log p_F, untrained", "log p_F, trained", "log p_B"):
        assert table[column]["trajectory"] == pytest.approx(steps[column].sum())
    assert first.step_lines(example).count("\n") == len(table) + 1
    last = table.loc["trajectory"]
    made = [letter for letter in "abcde" if letter in last["to"]]
    reward = sum(float(TINY.values["abcde".index(letter)]) for letter in made)
    assert len(made) == 3
    text = first.weight_lines(example)
    for column in ("log p_F, untrained", "log p_F, trained"):
        assert first.number(last["log p_B"] + reward - last[column]) in text
    before, after = example.every
    assert len(before) == 60
    assert float(after.std()) < 0.7 * float(before.std())
    assert f"All {len(before)} trajectories" in text


def test_elements_have_letters():
    assert first.members(torch.tensor([True, False, True])) == "{a, c}"
    assert first.members(torch.zeros(3, dtype=torch.bool)) == "{}"
    assert first.number(-1.005, 1) == "−1.0"


def test_what_the_control_variate_gains(runs):
    """Ratios of medians; nothing but what was trained both ways."""
    table = first.gain_table(runs)
    expected = [(task, line) for task in ("gaussian_mixture", "sets") for line in ("reverse_kl", "renyi")]
    assert list(table.index) == expected
    for task, line in expected:
        metric = "l1" if task == "sets" else "jsd"
        without, with_it = (final(runs[task, line, variate], metric).median() for variate in ("none", "joint"))
        assert table.ratio[task, line] == pytest.approx(without / with_it)
        assert 0 <= table.caught_up[task, line] <= table.trajectories[task, line] == 64
    frame = first.gain_frame(runs)
    assert list(frame[["label", "objective"]].drop_duplicates().itertuples(index=False, name=None)) == expected
    assert frame.groupby("with_variate").size().nunique() == 1
    data = first.curve_table(runs)
    assert data.groupby(["experiment", "line", "variate"]).ngroups == len(runs)


def test_the_page_opens_with_its_numbers(runs, looks):
    text = first.summary(runs, looks)
    assert [line[:2] for line in text.splitlines()] == ["1.", "2.", "3."]
    for look in looks.values():
        assert first.number(look.log_weights.std()) in text
    assert f"{final(runs['sets', 'tb', 'joint'], 'l1').median():.2g}" in text


def test_densities_have_a_title_for_each_stage(runs):
    panels, notes = first.density_stages(runs, "none", 1, OBJECTIVES)
    titles = ["target", "before training", "after training: reverse KL", "after training: Rényi"]
    assert list(panels) == titles
    assert list(notes) == titles[1:]
    last = final(runs["gaussian_mixture", "renyi", "none"], "jsd")[1]
    assert notes[titles[3]] == f"JSD {last:.3f}"


def test_answers_are_folded_away():
    assert exercises.folded("So it is.").splitlines() == [
        ":::{admonition} Answer",
        ":class: dropdown",
        "",
        "So it is.",
        ":::",
    ]


def test_the_policy_that_knows_nothing(example):
    """Of equal chances, by hand: log w is log r and the logarithm of the number of sets."""
    log_reward = example.start.log_reward.item()
    text = exercises.by_chance(example)
    log_w = log_reward + math.log(len(list(combinations(range(5), 3))))
    assert f"= {first.number(log_w)}, {'below' if log_w < TINY.log_z else 'above'} log Z" in text


def test_answers_have_the_numbers_of_the_runs(runs, looks):
    log_z = figure_settings("first", "smoke").small_sets().log_z
    for stage, look in looks.items():
        assert f"{first.number(log_z - look.log_weights.mean(), 4)} after {stage}" in exercises.gap(looks, log_z)
    lifted = exercises.lifted(runs)
    assert "log-reward grows by 8," in lifted
    for key in (("lifted", "tb", "joint"), ("lifted", "reverse_kl", "none"), ("sets", "reverse_kl", "joint")):
        assert first.number(final(runs[key], "l1").median(), 3) in lifted
    larger = first.number(final(runs["larger", "reverse_kl", "none"], "l1").median(), 3)
    assert f"with 8 trajectories a step to {larger} with 32" in exercises.larger_batch(runs)
    for line, alpha in (("renyi", "0.5"), ("renyi_seeking", "2")):
        jsd = first.number(final(runs["spread", line, "joint"], "jsd").median(), 3)
        assert f"| {alpha} | {jsd} |" in exercises.seeking(runs)


CELLS = [cell for cell in nbformat.read(PAGE, as_version=4).cells if cell.cell_type == "markdown"]
COMMANDS = [line for cell in CELLS for line in cell.source.splitlines() if line.startswith("gfn ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_page_make_its_runs(command, monkeypatch, tmp_path):
    """At the paper's seeds: the same specification but for the density that the page keeps."""
    asked = []

    def note(spec, *arguments):
        asked.append(spec)
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gfn.study.results.load_or_train", note)
    with pytest.raises(SystemExit):
        cli.main(shlex.split(command)[1:])
    specs = figure_settings("first").specs().values()
    assert asked[0] in [spec.model_copy(update={"density": 0}) for spec in specs]


def test_every_exercise_says_what_to_change_and_has_an_answer():
    """A parameter of the page or a command; its answer is in the cell that follows, whose code is folded away."""
    cells = nbformat.read(PAGE, as_version=4).cells
    asked = [place for place, cell in enumerate(cells) if re.search(r"^### \d\. ", cell.source, re.M)]
    assert len(asked) == 5
    assert len(COMMANDS) == 7 + 6
    for place in asked:
        question, answer = cells[place], cells[place + 1]
        assert re.search(r"`(seeds|iterations|batch_size|alpha) = \S+`|^gfn train ", question.source, re.M)
        assert "exercises.folded(" in answer.source
        assert answer.metadata["tags"] == ["hide-input"]


def test_histograms_of_weights_share_an_axis(figures):
    """A row a stage; log Z and the mean of log w are lines."""
    weights = {0: np.array([0.0, 2.0, 4.0]), 8: np.array([1.9, 2.0, 2.1])}
    figure = weight_histograms(weights, 2.5, bins=4)
    upper, lower = figure.axes
    stages = ("before training", "after 8 iterations")
    assert upper.get_xlim() == lower.get_xlim()
    for axis, stage, values in zip((upper, lower), stages, weights.values()):
        assert [line.get_xdata()[0] for line in axis.lines] == [2.5, pytest.approx(values.mean())]
        assert axis.get_title(loc="left") == f"{stage}: standard deviation {values.std():.2f}"


def test_panels_of_gain_have_a_line_for_every_seed(figures, runs):
    figure = gain_panels(first.gain_frame(runs))
    titles = [f"{task}: {name}" for task in ("Gaussian mixture", "Sets") for name in ("reverse KL", "Rényi")]
    assert [axis.get_title() for axis in figure.axes] == titles
    for axis in figure.axes:
        assert len(axis.lines) == 2 * (2 + 1)
        thick = [line for line in axis.lines if line.get_linewidth() > 2]
        assert [line.get_label().split(",")[0] for line in thick] == [
            "without control variate",
            "with control variate",
        ]
    assert [axis.get_ylabel() for axis in figure.axes[::2]] == ["JSD to target (nats)", "L1 distance to target"]


def test_every_probability_is_a_dot(figures):
    target, learned = torch.tensor([0.1, 0.9]), torch.tensor([0.2, 0.8])
    figure = probability_panels(target, {"before training": learned, "tb": target}, {"before training": 0.2, "tb": 0.0})
    assert [axis.get_title() for axis in figure.axes] == ["before training", "TB"]
    np.testing.assert_allclose(figure.axes[0].lines[-1].get_xydata(), [[0.1, 0.2], [0.9, 0.8]], rtol=1e-6)
    assert figure.axes[0].texts[0].get_text() == "L1 0.200"
