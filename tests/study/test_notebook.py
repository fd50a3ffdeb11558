"""What notebooks share: parameters checked at once, runs read or made, numbers as text."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import get_origin

import pandas as pd
import pytest

from gfn.study import notebook
from gfn.study.experiments import FIGURES, figure_settings
from gfn.study.notebook import ParameterError, mean_and_spread, obtain, parameters, save_data, settings_table
from gfn.study.results import result_path

# What stands in the global names of a notebook without being a parameter.
SHELL = {
    "In": ["…"],
    "Out": {},
    "_": 3,
    "_i1": "…",
    "__name__": "__main__",
    "os": os,
    "math": math,
    "parameters": parameters,
}


def cell(figure, **changes):
    """The names of a notebook after its ``parameters`` cell."""
    values = dict.fromkeys(FIGURES[figure].model_fields) | {"profile": "smoke", "device": "cpu"}
    return {**SHELL, **values, **changes}


@pytest.mark.parametrize("figure", FIGURES)
def test_none_stands_for_the_value_of_the_profile(figure):
    assert parameters(figure, cell(figure)) == figure_settings(figure, "smoke")
    assert parameters(figure, cell(figure, profile="paper", device=None)) == figure_settings(figure)


def test_given_values_are_taken():
    settings = parameters("fig1", cell("fig1", seeds=[4], alpha=[0.5]))
    assert (settings.seeds, settings.alpha, settings.iterations) == ((4,), (0.5,), 8)


@pytest.mark.parametrize("seeds", ["0,1", " 0, 1 ", "[0, 1]", "(0,1)", "0,1,", "['0', '1']", [0, 1], (0, 1)], ids=str)
def test_lists_are_taken_as_papermill_gives_them(seeds):
    """By ``-p seeds 0,1``, as text."""
    assert parameters("fig1", cell("fig1", seeds=seeds)).seeds == (0, 1)


@pytest.mark.parametrize(
    ("figure", "changes", "taken"),
    [
        ("fig1", {"seeds": 0}, (0,)),
        ("fig1", {"seeds": "0"}, (0,)),
        ("fig1", {"alpha": 0.5}, (0.5,)),
        ("fig1", {"alpha": "-2,0.5,2"}, (-2.0, 0.5, 2.0)),
        ("fig2", {"batch_size": "2,4"}, (2, 4)),
    ],
    ids=str,
)
def test_a_single_value_is_a_list_of_one(figure, changes, taken):
    ((name, value),) = changes.items()
    assert getattr(parameters(figure, cell(figure, **changes)), name) == taken
    assert value is not None


LISTS = [
    (figure, name)
    for figure, model in FIGURES.items()
    for name, field in model.model_fields.items()
    if get_origin(field.annotation) is tuple
]


@pytest.mark.parametrize(("figure", "name"), LISTS, ids=lambda part: part)
def test_every_list_can_be_given_as_text(figure, name):
    """The profile's own, with commas: the same settings."""
    own = getattr(figure_settings(figure, "smoke"), name)
    assert isinstance(own, tuple)
    text = ",".join(map(str, own))
    assert parameters(figure, cell(figure, **{name: text})) == figure_settings(figure, "smoke")


@pytest.mark.parametrize(
    "seeds", ["", "[]", "0,,1", "0;1", "0 1", "[0, 1", "a", "0.5", 0.5, True, "0,0", {"0": 1}], ids=str
)
def test_what_is_no_list_is_refused(seeds):
    with pytest.raises(ParameterError, match="seeds"):
        parameters("fig1", cell("fig1", seeds=seeds))


@pytest.mark.parametrize("name", ["seed", "iteration", "Alpha", "batchsize"])
def test_a_misspelt_parameter_is_refused(name):
    """With the list of those there are; None and falsy values are no excuse."""
    for value in (3, None, 0, "", [1]):
        with pytest.raises(ParameterError) as caught:
            parameters("fig1", cell("fig1", **{name: value}))
        assert str(caught.value) == (
            f"unknown parameter {name!r} of notebook fig1; "
            "its parameters: profile, device, seeds, iterations, batch_size, learning_rate, alpha"
        )


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({"seeds": [0, 0]}, "seeds = (0, 0)"),
        ({"iterations": 0}, "iterations = 0"),
        ({"iterations": "3.5"}, "iterations = '3.5'"),
        ({"alpha": [1.0]}, "alpha = 1"),
        ({"profile": "large"}, "profile = 'large'"),
        ({"profile": None}, "profile = None"),
        ({"device": "abacus"}, "device = 'abacus'"),
    ],
    ids=str,
)
def test_an_impossible_value_is_refused(changes, value):
    """Shown as its sentence, without a traceback."""
    with pytest.raises(ParameterError) as caught:
        parameters("fig1", cell("fig1", **changes))
    assert value in str(caught.value)
    assert caught.value._render_traceback_() == [f"ParameterError: {caught.value}"]
    assert "\n" not in str(caught.value)


def test_settings_are_shown_without_the_device():
    """It does not belong to the result."""
    table = settings_table(figure_settings("fig2", "smoke"))
    assert table.index.tolist() == ["profile", "seeds", "batch_size", "replicates", "stages", "alpha"]
    assert table.value["batch_size"] == "(2, 16, 128)"


def test_obtain_reads_or_makes_every_run_on_the_device(monkeypatch):
    asked = []
    monkeypatch.setattr(notebook, "load_or_train", lambda *arguments: asked.append(arguments) or len(asked))
    settings = figure_settings("fig1", "smoke")
    specs = settings.specs()
    assert obtain(settings) == {label: place for place, label in enumerate(specs, 1)}
    assert asked == [(spec, None, "cpu") for spec in specs.values()]
    obtain(settings, Path("store"))
    assert {store for _, store, _ in asked[len(specs) :]} == {Path("store")}


def test_means_and_spreads():
    """The sample standard deviation, and none for a single seed."""
    assert mean_and_spread(pd.Series([1.0, 2.0, 3.0])) == "2.00\u00a0±\u00a01.00"
    assert mean_and_spread(pd.Series([1.0, 2.0]), 2) == "1.5\u00a0±\u00a00.7"
    assert mean_and_spread(pd.Series([1.0])) == "1.00"
    assert mean_and_spread(pd.Series([1e-5, 3e-5])) == "(2.00\u00a0±\u00a01.41)\u00a0×\u00a010⁻⁵"


def test_nothing_of_the_shell_is_taken_for_a_parameter():
    """As IPython fills it."""
    shell = {**SHELL, "exit": sys.exit, "quit": object(), "get_ipython": lambda: None, "open": open, "_dh": []}
    assert parameters("fig1", {**cell("fig1"), **shell}) == figure_settings("fig1", "smoke")


TABLE = pd.DataFrame({"objective": ["tb", "renyi"], "value": [1 / 3, 2e-9], "cell": [None, 4]})


def test_data_are_saved_as_csv(tmp_path, monkeypatch):
    """Under the page's name, where the environment says or with what is built; six digits, no index; then replaced."""
    page = tmp_path / "book" / "paper"
    for folder in (page, tmp_path / "data" / "paper"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(page)
    monkeypatch.delenv("GFN_DATA_OUT", raising=False)
    save_data("fig1", TABLE)
    assert (tmp_path / "build/data/fig1.csv").read_text() == "objective,value,cell\ntb,0.333333,\nrenyi,2e-09,4\n"
    assert not list(page.iterdir())
    monkeypatch.setenv("GFN_DATA_OUT", str(tmp_path / "deep" / "er"))
    save_data("fig2", TABLE)
    save_data("fig2", TABLE.head(1))
    assert (tmp_path / "deep" / "er" / "fig2.csv").read_text() == "objective,value,cell\ntb,0.333333,\n"
    assert [path.name for path in (tmp_path / "deep" / "er").iterdir()] == ["fig2.csv"]


def test_data_are_whole_or_not_there(tmp_path, monkeypatch):
    """Where writing fails, what was there stays, and nothing is left of the rest."""
    monkeypatch.setenv("GFN_DATA_OUT", str(tmp_path))
    save_data("fig1", TABLE)
    before = (tmp_path / "fig1.csv").read_bytes()

    def failing(self, path, **options):
        path.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(pd.DataFrame, "to_csv", failing)
    with pytest.raises(OSError, match="disk full"):
        save_data("fig1", TABLE)
    assert (tmp_path / "fig1.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["fig1.csv"]


def test_sizes_of_all_runs_are_looked_at_before_the_first_is_made(monkeypatch, tmp_path):
    """And not those of runs that are there."""
    monkeypatch.setattr(notebook, "load_or_train", lambda *arguments: pytest.fail("a run was made"))
    settings = figure_settings("fig5", "smoke", samples=10**12)
    with pytest.raises(ParameterError, match=r"^samples = 1000000000000 is not allowed here: it needs some"):
        obtain(settings, tmp_path)
    monkeypatch.setattr(notebook, "load_or_train", lambda *arguments: arguments)
    for spec in settings.specs().values():
        result_path(spec, tmp_path).touch()
    assert len(obtain(settings, tmp_path)) == len(settings.specs())


def test_a_function_is_no_value_of_a_parameter():
    """Though functions of other names are not looked at."""
    with pytest.raises(ParameterError, match=r"^seeds = <built-in function print> is not allowed"):
        parameters("fig1", cell("fig1", seeds=print))
    assert parameters("fig1", cell("fig1", helper=print)) == figure_settings("fig1", "smoke")


def test_the_folder_for_tables_is_looked_at_first(monkeypatch, tmp_path):
    """Where one is named; blanks name none."""
    monkeypatch.setenv("GFN_DATA_OUT", str(tmp_path / "new"))
    parameters("fig1", cell("fig1"))
    assert (tmp_path / "new").is_dir()
    (tmp_path / "file").touch()
    monkeypatch.setenv("GFN_DATA_OUT", str(tmp_path / "file"))
    with pytest.raises(ParameterError, match=f"^GFN_DATA_OUT = '{tmp_path}/file' is not allowed: no results can be"):
        parameters("fig1", cell("fig1"))
    monkeypatch.setenv("GFN_DATA_OUT", " ")
    parameters("fig1", cell("fig1"))
