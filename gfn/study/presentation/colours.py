"""Colours that can be read on white and on the dark page: contrast as WCAG 2 defines it, and the nearest colour that has enough."""

from __future__ import annotations

# Backgrounds of the theme.
LIGHT_PAGE, DARK_PAGE = "#ffffff", "#121212"
LINE_CONTRAST, TEXT_CONTRAST = 3.0, 4.5  # WCAG 2.2, success criteria 1.4.11 and 1.4.3
STEPS = 200


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, 0 for black and 1 for white."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours ``#rrggbb``, from 1 to 21."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def mixed(colour: str, other: str, share: float) -> str:
    """``colour`` with a share from 0 to 1 of ``other`` in it."""
    pairs = ((int(colour[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)


def is_grey(colour: str) -> bool:
    """Whether red, green and blue are the same."""
    return colour[1:3] == colour[3:5] == colour[5:7]


def on_light(colour: str, least: float = LINE_CONTRAST) -> str:
    """A colour of data as it is, or as much darker as white paper needs; greys stay what they are."""
    return colour if is_grey(colour) else _nearest(colour, "#000000", LIGHT_PAGE, least)


def on_dark(colour: str, least: float = TEXT_CONTRAST) -> str:
    """What a colour becomes on the dark page.

    A colour of data stays, or is as much lighter as it needs: thin lines of light look fainter than those of ink. A grey
    keeps the contrast that it has on white: black is white then, and a faint grid is as faint.
    """
    if is_grey(colour):
        wanted = min(contrast(colour, LIGHT_PAGE), contrast("#ffffff", DARK_PAGE))
        return _nearest(DARK_PAGE, "#ffffff", DARK_PAGE, wanted)
    return _nearest(colour, "#ffffff", DARK_PAGE, least)


def _nearest(colour: str, towards: str, page: str, least: float) -> str:
    """The first colour on the way from one to another that has the contrast."""
    way = (mixed(colour, towards, step / STEPS) for step in range(STEPS + 1))
    return next((each for each in way if contrast(each, page) >= least), towards)
