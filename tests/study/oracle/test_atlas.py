"""The atlas: its losses, its frame and what it says, on a few of them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gfn.study.experiments import figure_settings
from gfn.study.oracle import atlas, said
from gfn.study.plotting import atlas_panels

FEW = (
    "TB, log Z exact",
    "DB, flows known",
    "SubTB, flows known",
    "Linex of −Δ",
    "Linex of Δ",
    "absolute",
    "shifted cosh",
)


@pytest.fixture(scope="module")
def found():
    return atlas.survey(figure_settings("atlas", "smoke", batch_size=2, replicates=64), FEW)


@pytest.fixture(scope="module")
def table(found):
    return atlas.frame(found)


def test_what_is_known_is_found(table):
    nearest = table["nearest"].to_dict()
    assert nearest["TB, log Z exact"] == 1.0
    assert nearest["Linex of −Δ"] == 0.0
    assert nearest["Linex of Δ"] == 2.0
    assert nearest["absolute"] == "total_variation"
    assert list(table.index[table["itself"]]) == ["TB, log Z exact", "Linex of −Δ", "Linex of Δ", "absolute"]
    assert list(table.index[~table["target"]]) == ["absolute"]  # it has a kink there
    assert not table["itself_off"].any()


def test_every_number_that_is_said_is_of_the_table(table, found):
    text = said.finding(table)
    assert "On policy 4 of 7 losses descend one divergence of the family exactly; with uniform actions none" in text
    assert "The other 3" in text
    assert "shifted cosh (" in text
    assert "Off policy 6 of 7 keep the target" in text
    assert "Linex of −Δ descends forward KL (α = 0), Linex of Δ χ² (α = 2)" in text
    lines = said.sign(table, found).split("\n")
    assert len(lines) == 2
    assert "As documented** Linex descends forward KL (α = 0), at most 0.0° off" in lines[0]
    assert "As passed** Linex descends χ² (α = 2)" in lines[1]


def test_the_table_for_readers_has_a_row_for_each_loss(table):
    shown = atlas.shown(table)
    assert list(shown.index) == list(FEW)
    assert shown["nearest, on policy"]["absolute"] == "total variation"


def test_the_data_have_a_row_for_each_policy(found):
    data = atlas.data(found)
    assert len(data) == sum(len(each.table) for each in found.values())
    assert not data.drop(columns=["angle", "length"]).isna().any(axis=None)


def test_the_picture_has_three_panels(table):
    figure = atlas_panels(table)
    assert len(figure.axes) == len(figure.narrow.axes) == 3
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == list(FEW)


def test_every_loss_of_the_atlas_has_a_group_of_neighbours():
    """Rows of a group stand together; the divergences have every control variate that differs."""
    groups = [entry.group for entry in atlas.ENTRIES.values()]
    assert len(set(groups)) == sum(one != other for one, other in pairwise(groups)) + 1
    assert groups.count("divergences") == 3 + 3 + 5 + 5
