"""What notebooks share: parameters checked at once, runs read or made, numbers as text."""

from __future__ import annotations

import math
import os
import sys

import pandas as pd
import pytest

from gfn import notebook
from gfn.experiments import FIGURES, figure_settings
from gfn.notebook import ParameterError, mean_and_spread, obtain, parameters, settings_table

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


@pytest.mark.parametrize("name", ["seed", "iteration", "Alpha", "batchsize"])
def test_a_misspelt_parameter_is_refused(name):
    """With the list of those there are; None and falsy values are no excuse."""
    for value in (3, None, 0, "", [1]):
        with pytest.raises(ParameterError) as caught:
            parameters("fig1", cell("fig1", **{name: value}))
        assert str(caught.value) == (
            f"unknown parameter {name!r} of notebook fig1; "
            "its parameters: profile, device, seeds, iterations, batch_size, alpha"
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
    assert table.index.tolist() == ["profile", "seeds", "batch_size", "replicates", "warmup", "alpha"]
    assert table.value["batch_size"] == "(2, 16, 128)"


def test_obtain_reads_or_makes_every_run_on_the_device(monkeypatch):
    asked = []
    monkeypatch.setattr(notebook, "load_or_train", lambda spec, device: asked.append((spec, device)) or len(asked))
    settings = figure_settings("fig1", "smoke")
    assert obtain(settings) == {-2.0: 1, -1.0: 2, 0.5: 3, 2.0: 4}
    assert asked == [(spec, "cpu") for spec in settings.specs().values()]


def test_means_and_spreads():
    """The sample standard deviation, and none for a single seed."""
    assert mean_and_spread(pd.Series([1.0, 2.0, 3.0])) == "2.000 ± 1.000"
    assert mean_and_spread(pd.Series([1.0, 2.0]), 1) == "1.5 ± 0.7"
    assert mean_and_spread(pd.Series([1.0])) == "1.000"


def test_nothing_of_the_shell_is_taken_for_a_parameter():
    """As IPython fills it."""
    shell = {**SHELL, "exit": sys.exit, "quit": object(), "get_ipython": lambda: None, "open": open, "_dh": []}
    assert parameters("fig1", {**cell("fig1"), **shell}) == figure_settings("fig1", "smoke")
