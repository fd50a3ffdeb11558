"""Colours: contrast as WCAG defines it, and what data and greys become on either page."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex

from gfn.study.plotting.style import COLOURS, CONTROL_VARIATES, LINES
from gfn.study.presentation.colours import (
    DARK_PAGE,
    LIGHT_PAGE,
    LINE_CONTRAST,
    TEXT_CONTRAST,
    contrast,
    is_grey,
    luminance,
    mixed,
    on_dark,
    on_light,
)

PALETTE = sorted({to_hex(colour) for colour in COLOURS})
LINE_COLOURS = sorted(
    {to_hex(line["color"]) for line in LINES.values()} | {to_hex(c[1]) for c in CONTROL_VARIATES.values()}
)


def test_contrast_is_that_of_the_standard():
    """Its ends, and two greys as published: #767676 is the lightest with 4.5 on white, #949494 the lightest with 3."""
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#123456", "#123456") == 1
    assert contrast("#767676", "#ffffff") >= 4.5 > contrast("#777777", "#ffffff")
    assert contrast("#949494", "#ffffff") >= 3 > contrast("#959595", "#ffffff")
    assert luminance("#ff0000") == pytest.approx(0.2126)


def test_colours_mix_from_one_to_the_other():
    assert [mixed("#102030", "#304050", share) for share in (0, 0.5, 1)] == ["#102030", "#203040", "#304050"]


@pytest.mark.parametrize("colour", PALETTE)
def test_colours_of_data_can_be_seen_on_both_pages(colour):
    """One that can stays what it is."""
    for page, become, least in ((LIGHT_PAGE, on_light, LINE_CONTRAST), (DARK_PAGE, on_dark, TEXT_CONTRAST)):
        if not is_grey(colour):
            assert contrast(become(colour), page) >= least
        if contrast(colour, page) >= least and not is_grey(colour):
            assert become(colour) == colour


@pytest.mark.parametrize("colour", LINE_COLOURS)
def test_every_line_can_be_seen_on_both_pages(colour):
    assert contrast(on_light(colour), LIGHT_PAGE) >= LINE_CONTRAST
    assert contrast(on_dark(colour), DARK_PAGE) >= LINE_CONTRAST


@pytest.mark.parametrize("grey", ["#262626", "#595959", "#808080", "#cccccc", "#ffffff"])
def test_greys_keep_their_contrast(grey):
    """White is the page, and black as far from it as can be."""
    assert on_light(grey) == grey
    assert contrast(on_dark(grey), DARK_PAGE) == pytest.approx(contrast(grey, LIGHT_PAGE), rel=0.03)
    assert (on_dark("#ffffff"), on_dark("#000000")) == (DARK_PAGE, "#ffffff")


def test_lines_stay_apart():
    """No two colours of lines become the same."""
    for become in (on_light, on_dark):
        assert len({become(colour) for colour in LINE_COLOURS}) == len(LINE_COLOURS)
