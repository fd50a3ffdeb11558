"""Figures as HTML: the same at every time, small, apart from each other, and legible on a dark page and on a phone."""

from __future__ import annotations

import base64
import io
import re
from functools import cache
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from gfn.environments import Banana
from gfn.study.plotting import budget_panels, comparison_panels, density_panels, sample_panel
from gfn.study.plotting.layout import WIDTH, responsive
from gfn.study.presentation.colours import DARK_PAGE, LIGHT_PAGE, LINE_CONTRAST, TEXT_CONTRAST, contrast, on_dark
from gfn.study.presentation.figures import html, register, words
from gfn.study.presentation.svg import ROLES, _path
from tests.study.test_plotting import compared

pytestmark = pytest.mark.usefixtures("figures")
VARIABLE = re.compile(r"var\(--gfn-(\w+),(#[0-9a-f]{6})\)")
PHONE = 390 - 2 * 24  # pixels for a figure, less the margins of the page
BOX = ((-1.0, 1.0), (-2.0, 2.0))


def curves():
    return comparison_panels(compared(["sets", "dags", "gaussian_mixture_calibrated"], ["tb", "renyi", "subtb"]))


def densities():
    return density_panels({title: np.random.default_rng(1).random((60, 60)) for title in "abc"}, BOX, {"a": "JSD 0.1"})


def bars():
    rows = [{"claim": "C1", "budget": b, "outcome": "in part"} for b in ("128", "256")]
    return budget_panels(pd.DataFrame(rows).assign(supported=1, contradicted=2, inconclusive=1))


@cache
def drawn(draw):
    """A figure that several tests look at, as HTML, once: to draw is what takes long."""
    return html(draw())


def parts(shown):
    """The wide and the narrow SVG of a figure, with the styles of its classes where they hold."""
    found = [ElementTree.fromstring(each) for each in re.findall(r"<svg.*?</svg>", shown, flags=re.DOTALL)]
    for svg in found:
        rules = "".join(each.text for each in svg.iter("{http://www.w3.org/2000/svg}style"))
        styles = dict(re.findall(rf"\.{svg.get('class').split()[1]} \.(s\d+){{(.*?)}}", rules))
        for element in svg.iter():
            if element.get("class") in styles:
                element.set("style", styles[element.get("class")])
    return found


def sizes(svg):
    """Sizes of type, without indices of formulas, and how wide the picture is, in its own units."""
    text = ElementTree.tostring(svg, encoding="unicode")
    return [float(each) for each in re.findall(r"<\w*:?text [^>]*style=\"font-size:([\d.]+)px", text)], float(
        svg.get("viewBox").split()[2]
    )


@pytest.mark.parametrize("draw", [curves, densities])
def test_a_figure_is_the_same_at_every_time(draw):
    """Drawn again; without a date or the name of a program."""
    shown = drawn(draw)
    assert shown == html(draw())
    assert "metadata" not in shown
    assert not re.search(r"20\d\d-\d\d-\d\d|matplotlib", shown)


@pytest.mark.parametrize("draw", [curves, densities, bars])
def test_two_figures_on_a_page_do_not_meet(draw):
    """Ids are there once, all that is referred to is there, and no rule of style is for the whole page."""
    other = comparison_panels(compared(["banana"], ["db"], "jsd"))
    page = drawn(draw) + html(other)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) > 3
    assert set(re.findall(r'(?:url\(|href=")#([^)"]+)', page)) == set(ids)
    for rule in re.findall(r"<style>(.*?)</style>", page):
        assert all("gfn-" in each or re.search(r"\.g[0-9a-f]{8}", each) for each in re.findall(r"([^{}]+)\{--", rule))
        assert not re.search(r"[*{}]\s*\*", rule)
        assert all(re.match(r"\.g[0-9a-f]{8} \.s", each) for each in re.findall(r"[^{}]*\.s\d+(?=\{)", rule))


def test_every_colour_can_be_read_in_the_dark():
    """Lines of data and marks at 3 to 1, text at 4.5 to 1; on the light page, too. Grids and paper are to be faint."""
    for svg in parts(drawn(curves)):
        style = "".join(each.text for each in svg.iter("{http://www.w3.org/2000/svg}style"))
        dark = dict(re.findall(r"--gfn-(\w+):(#[0-9a-f]{6});", style))
        seen = set()
        for element in svg.iter():
            text = element.tag.endswith(("text", "tspan"))
            for property_, name, light in re.findall(r"(fill|stroke):" + VARIABLE.pattern, element.get("style", "")):
                if name in ("grid", "paper") or "fill-opacity" in element.get("style", ""):
                    continue
                named = {role: colour for colour, role in ROLES.items()}
                shown = on_dark(named[name]) if name in named else dark[name]
                least = TEXT_CONTRAST if text and property_ == "fill" else LINE_CONTRAST
                assert contrast(shown, DARK_PAGE) >= least
                assert contrast(light, LIGHT_PAGE) >= least
                seen.add(name)
        assert {"text", "ink", "029e73"} <= seen
    left = VARIABLE.sub("", re.sub(r"<style>.*?</style>|base64,[^\"]*", "", drawn(curves)))
    assert not re.search(r"#[0-9a-f]{6}\b", left)


@pytest.mark.parametrize("draw", [curves, densities])
def test_labels_can_be_read_on_a_phone(draw):
    """Nine pixels at least, in two columns; the wide version has what the function drew."""
    wide, narrow = parts(drawn(draw))
    small, width = sizes(narrow)
    assert width <= WIDTH * 72 + 6
    assert min(small) * PHONE / width >= 9
    assert sizes(wide)[1] > 2 * width
    assert narrow.get("class").startswith("gfn-narrow")


def test_text_is_text_and_minus_signs_are_true():
    shown = drawn(curves)
    assert "Gaussian mixture, calibrated" in re.sub(r"</?(tspan|text)[^>]*>", " ", shown)
    assert "font-family" not in shown
    axis = plt.figure().add_subplot()
    axis.plot([-2, -1], [1e-3, 1e-1])
    axis.set_yscale("log")
    written = re.findall(r">([^<>]*)</(?:text|tspan)>", html(axis.figure))
    assert {"−2.0", "−3"} <= set(written)
    assert not any(re.search(r"-\d", text) for text in written)


def test_figures_are_small():
    """Points by the thousand and densities are pictures, with the colours of their map alone."""
    task = Banana()
    cloud = html(sample_panel(task, np.random.default_rng(0).normal(size=(5000, 2)), 60))
    assert len(cloud) < 250_000
    assert cloud.count("<use") < 300
    assert len(drawn(curves)) < 60_000
    shown = drawn(densities)
    pictures = re.findall(r"data:image/webp;base64,([^\"]+)", shown)
    for coded in pictures[:3]:
        with Image.open(io.BytesIO(base64.b64decode(coded))) as picture:
            assert (picture.format, picture.size) == ("WEBP", (60, 60))
            assert len(picture.getcolors(256)) > 20  # those of a map of colours
    assert not re.search(r"\d\.\d{3}", re.sub(r"<image[^>]*>", "", shown))


def test_a_figure_says_what_it_shows():
    """Titles, axes and lines in words, for those who do not see it; the same in both versions."""
    said = words(curves())
    assert said.startswith("3 panels: Sets; DAGs; Gaussian mixture, calibrated. ")
    assert "Across: trajectories. Up: L1 distance to target. Shown: TB; SubTB; Rényi." in said
    assert [svg.get("aria-label") for svg in parts(drawn(curves))] == [said, said]
    assert {svg.get("role") for svg in parts(drawn(curves))} == {"img"}
    assert words(densities()).startswith("3 panels: a; b; c. Across: x_1. Up: x_2.")


def test_a_label_cannot_end_its_attribute():
    axis = plt.figure().add_subplot()
    axis.set_title('"a" < b & c')
    (svg,) = parts(html(axis.figure))
    assert svg.get("aria-label") == 'One panel: "a" < b & c.'


def test_a_figure_without_a_narrow_version_is_there_once():
    axis = plt.figure().add_subplot()
    shown = html(axis.figure)
    assert shown.count("<svg") == 1
    assert "gfn-both" not in shown


def test_a_notebook_shows_a_figure_once():
    """As HTML and as the words of Python: no other picture, and none twice."""
    shell = InteractiveShell()
    register(shell)
    data, _ = shell.display_formatter.format(curves())
    assert set(data) == {"text/html", "text/plain"}
    assert data["text/html"].startswith('<div class="gfn-figure gfn-both">')


def test_a_figure_is_drawn_for_a_wide_screen_and_a_phone():
    """By the same function, in smaller type, and with the style left as it was."""

    @responsive
    def drawn(title):
        """Words."""
        figure, axis = plt.subplots(figsize=(8, 3))
        axis.set_title(title)
        return figure

    before = plt.rcParams["font.size"]
    figure = drawn("A title that has so many words that it cannot stand in one line of a narrow figure")
    assert drawn.__doc__ == "Words."
    assert plt.rcParams["font.size"] == before
    assert "\n" not in figure.axes[0].get_title()
    assert "\n" in figure.narrow.axes[0].get_title()
    assert figure.narrow.axes[0].title.get_fontsize() < figure.axes[0].title.get_fontsize()


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("M 60.09 -376.17 L 60.09 -372.35 L 69.53 -317.05 L 69.53 -327.05 z", "M60.1-376.2l0 3.8 9.4 55.4 0-10z"),
        ("M 1 2 L 3 4 M 5 6 L 4 4 ", "M1 2l2 2M5 6l-1-2"),
        ("M 0 0 L 1 0 z L 0 1 ", "M0 0l1 0zl0 1"),
        ("M 0.5 0.2 L 1 0.6 L 1 0.6 L 1.2 0.3", "M.5.2l.5.4.2-.3"),
        ("M 1 1 L 1 1", "M1 1l0 0"),
        ("M 0.123 0 C 1 1 2.345 2 3 3", "M0.12 0C1 1 2.35 2 3 3"),
    ],
)
def test_lines_are_written_by_their_steps(path, short):
    assert _path(path) == short


def test_steps_do_not_drift():
    """Each point is where it was, to half a tenth, after many of them."""
    points = np.cumsum(np.random.default_rng(0).normal(0, 1.037, (500, 2)), axis=0)
    text = _path("M " + " L ".join(f"{x} {y}" for x, y in points))
    steps = np.array([float(number) for number in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", text)]).reshape(-1, 2)
    assert np.abs(np.cumsum(steps, axis=0) - points).max() <= 0.0501
