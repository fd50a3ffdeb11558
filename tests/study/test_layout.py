"""Panels in rows: wide figures as they are asked for, narrow ones with rows that go on in the next."""

from __future__ import annotations

import numpy as np
import pytest

from gfn.study.plotting import comparison_panels, learning_curves, variance_panels, with_error_bar, with_levels
from gfn.study.plotting.layout import NARROW, WIDTH, grid, label_grid, legend_columns, wrapped
from tests.study.test_plotting import compared, curves, gradients

pytestmark = pytest.mark.usefixtures("figures")


@pytest.fixture
def narrow():
    token = NARROW.set(True)
    yield
    NARROW.reset(token)


def places(axes):
    """Row and column of each panel that is shown, in order."""
    specs = [axis.get_subplotspec() for axis in np.ravel(axes) if axis.axison]
    return [(spec.rowspan.start, spec.colspan.start) for spec in specs]


def test_wide_panels_fill_rows():
    figure, axes = wrapped(5, 4, (3, 2), more=1)
    assert figure.get_size_inches().tolist() == [12, 5]
    assert places(axes) == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
    figure, axes = grid(2, 3, (3, 2))
    assert axes.shape == (2, 3)
    assert figure.get_size_inches().tolist() == [9, 4]


def test_a_label_that_is_longer_than_its_panel_goes_over_two_lines():
    """Of nearly the same length; the shorter one stays as it is, and so does a formula."""
    for label, shown in (
        ("mean log-reward of the best", "mean log-reward\nof the best"),
        ("L1 distance", "L1 distance"),
        ("$x_2$ " * 9, "$x_2$ " * 9),
    ):
        _, axes = wrapped(5, 4, (3.1, 2.8))
        label_grid(axes, "along", label)
        assert [axis.get_ylabel() for axis in axes.flat if axis.get_ylabel()] == [shown, shown]


@pytest.mark.usefixtures("narrow")
def test_narrow_panels_stand_two_abreast():
    figure, axes = wrapped(5, 4, (3, 2))
    assert places(axes) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    assert figure.get_figwidth() == WIDTH


@pytest.mark.usefixtures("narrow")
def test_narrow_rows_go_on_in_the_next_one():
    """Panels keep the places that they have in what is returned, and share axes as they were to."""
    _, axes = grid(2, 3, (3, 2), sharex=True, sharey="row")
    assert axes.shape == (2, 3)
    assert places(axes) == [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (3, 0)]
    axes[0, 0].set_ylim(3, 4)
    axes[1, 2].set_xlim(1, 2)
    assert [axis.get_ylim() for axis in axes[0]] == [(3, 4)] * 3
    assert axes[1, 0].get_ylim() == (0, 1)
    assert {axis.get_xlim() for axis in axes.flat} == {(1, 2)}
    label_grid(axes, "along", "up")
    assert [bool(axis.get_ylabel()) for axis in axes.flat] == [True, False, True, True, False, True]
    assert [bool(axis.get_xlabel()) for axis in axes.flat] == [False] * 4 + [True] * 2
    numbers = [axis.xaxis.get_tick_params()["labelbottom"] for axis in axes.flat]
    assert numbers == [False] * 4 + [True] * 2


def test_legends_fit_below_their_figure():
    """In rows of nearly the same length, two columns at least where there is room for them."""
    figure, _ = wrapped(4, 4, (3, 2))
    assert legend_columns(figure, ["a"] * 4) == 4
    assert legend_columns(figure, ["twenty letters or so"] * 6) == 3
    assert legend_columns(figure, ["x" * 200] * 3) == 2


def test_both_versions_have_all_panels_and_lines():
    """In the same order, by the names that readers know."""
    frame = gradients(["sets", "dags"], ["renyi", "tsallis", "reverse_kl"], iteration=0)
    for figure in (
        comparison_panels(compared(["dags", "sets", "banana"], ["tb", "renyi"])),
        learning_curves(curves(["renyi", "reverse_kl", "tsallis"], ["both", "none"])),
        variance_panels(frame, 0),
    ):
        wide, narrow = ([axis for axis in each.axes if axis.axison] for each in (figure, figure.narrow))
        titles = [[axis.get_title().replace("\n", " ") for axis in axes] for axes in (wide, narrow)]
        assert titles[0] == titles[1]
        for one, other in zip(wide, narrow, strict=True):
            assert [line.get_label() for line in one.lines] == [line.get_label() for line in other.lines]
        assert figure.narrow.get_figwidth() == WIDTH
        assert max(axis.get_subplotspec().get_gridspec().ncols for axis in narrow) == 2


def test_what_is_drawn_over_a_figure_is_in_both_versions():
    frame = compared(["sets", "gaussian_mixture_calibrated"], ["tb"])
    figure = with_levels(comparison_panels(frame), {"gaussian_mixture_calibrated": 1.5}, "exact")
    figure = with_error_bar(figure, "sets", 1.0, 0.1, "error")
    for each in (figure, figure.narrow):
        (legend,) = each.legends
        assert {text.get_text() for text in legend.get_texts()} == {"TB", "exact", "error"}
    sizes = [each.legends[0].get_texts()[0].get_fontsize() for each in (figure, figure.narrow)]
    assert sizes[1] < sizes[0]
