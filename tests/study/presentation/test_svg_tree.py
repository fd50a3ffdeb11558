"""An SVG in fewer elements is the same picture: what is drawn, in which order, where and in which style."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from gfn.study.presentation.svg import STEP, for_page

RED, BLUE = "#ff0000", "#0000ff"
MARK = '<defs><path id="m{0}" d="M 0 3 L 3 0 z" style="stroke: {1}; stroke-width: 2"/></defs>'
AREA = '<g id="area"><defs><path id="a" d="M 1.04 -9 L 3 -7 z" style="stroke: {0}"/></defs><g clip-path="url(#c)"><use xlink:href="#a" x="0" y="20" style="fill: {0}"/></g></g>'
CLIP = '<defs><clipPath id="c"><rect x="0" y="0" width="9" height="9"/></clipPath></defs>'


def shown(body, kind="gfn-wide"):
    """The parts of a figure, without what names it."""
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">'
    svg = ElementTree.fromstring(for_page(f"{head}{body}</svg>", "label", kind))
    for element in svg.iter():
        element.tag = element.tag.rpartition("}")[2]
    rules = next(svg.iter("style")).text
    svg.remove(next(svg.iter("style")))
    styles = dict(re.findall(r"\.g\w+ \.(s\d+)\{(.*?)\}", rules))
    for element in svg.iter():
        element.set("style", element.get("style", "") + styles.get(element.get("class"), ""))
    return svg


def test_what_is_used_once_stands_in_its_place():
    (_, area) = shown(AREA.format(RED) + CLIP)
    assert (area.tag, area.get("d")) == ("path", "M1 11l2 2z")
    assert re.fullmatch(r"url\(#g\w+\)", area.get("clip-path"))
    assert {"fill:var(--gfn-ff0000", "stroke:var(--gfn-ff0000"} <= set(
        re.findall(r"\w+:var\(--gfn-\w+", area.get("style"))
    )


def test_marks_of_one_style_say_it_once_where_they_are_used():
    """Rules of the figure do not hold inside a definition: there a mark would lose its rim."""
    uses = "".join(f'<use xlink:href="#m0" x="{x}.123" y="2" style="fill: {BLUE}; stroke: #123456"/>' for x in range(3))
    defs, group = shown(MARK.format(0, RED) + uses)
    assert [each.get("style") for each in defs] == [""]
    assert (group.tag, len(group)) == ("g", 3)
    assert "stroke:var(--gfn-ff0000" in group.get("style") and "fill:var(--gfn-0000ff" in group.get("style")
    assert "123456" not in group.get("style")  # the mark's own style has precedence
    assert [each.get("x") for each in group] == [".1", "1.1", "2.1"]


def test_marks_of_one_outline_are_defined_once():
    uses = "".join(f'<use xlink:href="#m{n}" x="{x}" y="2" style="fill: {BLUE}"/>' for n in (0, 1) for x in (1, 2))
    defs, *groups = shown(MARK.format(0, RED) + MARK.format(1, BLUE) + uses)
    assert len(defs) == 1
    assert {use.get("href") for group in groups for use in group} == {f"#{defs[0].get('id')}"}
    assert [re.findall(r"stroke:var\(--gfn-(\w+)", group.get("style")) for group in groups] == [["ff0000"], ["0000ff"]]


@pytest.mark.parametrize("more", ["stroke-dasharray: 2,1", "stroke-opacity: 0.5", "opacity: 0.5"])
def test_lines_are_one_where_that_looks_the_same(more):
    line = '<path d="M {0} 0 L {0} 9" clip-path="url(#c)" style="fill: none; stroke: #ff0000; {1}"/>'
    plain = "".join(line.format(x, "stroke-width: 2") for x in (1, 2, 3))
    _, joined, *_ = shown(plain + CLIP)
    assert joined.get("d") == "M1 0l0 9M2 0l0 9M3 0l0 9"
    _, group = shown("".join(line.format(x, more) for x in (1, 2)) + CLIP)
    assert [each.get("d") for each in group] == ["M1 0l0 9", "M2 0l0 9"]
    assert group.get("clip-path") and not any(each.get("clip-path") for each in group)


def test_what_is_moved_keeps_its_own_clip():
    """A clip moves with what it is on."""
    rect = '<path d="M 0 0 L 1 1" transform="translate(5 0)" clip-path="url(#c)" style="fill: #ff0000"/>'
    _, *drawn = shown(rect + rect + CLIP)
    assert [each.get("clip-path") is not None for each in drawn] == [True, True]


def test_letters_of_a_formula_stay_where_they_are():
    letters = "".join(f'<tspan x="{x}" y="{y}" style="font-size: {s}px">{each}</tspan>' for x, y, s, each in
                      ((0, -0.74, 11, "1"), (7, -0.74, 11, "0"), (14.1, -5.3, 8, "−"), (20.6, -5.3, 8, "3")))  # fmt: skip
    (text,) = shown(f'<g style="fill: #ff0000" transform="translate(3 4)"><text>{letters}</text></g>')
    assert (text.tag, text.get("transform")) == ("text", "translate(3 4)")
    assert [(each.get("x"), each.get("y"), each.text) for each in text] == [
        ("0 7", "-.7", "10"),
        ("14.1 20.6", "-5.3", "−3"),
    ]


def test_the_order_of_what_is_drawn_is_kept():
    """But labels of an axis come after its lines."""
    drawn = '<path d="M 1 1 L 2 2" style="fill: {}"/>'
    axis = '<g id="matplotlib.axis_1"><g id="xtick_1">{0}<g><text>1</text></g></g><g id="xtick_2">{0}<g><text>2</text></g></g></g>'
    found = shown(drawn.format(RED) + axis.format(drawn.format(BLUE)) + drawn.format(RED))
    said = [each.text or re.search(r"gfn-(\w+)", each.get("style"))[1] for each in found]
    assert said == ["ff0000", "0000ff", "0000ff", "1", "2", "ff0000"]


def embedded(picture):
    """A picture as a page has it."""
    written = io.BytesIO()
    picture.save(written, "PNG")
    coded = base64.b64encode(written.getvalue()).decode()
    (image,) = shown(f'<image width="64" height="64" xlink:href="data:image/png;base64,{coded}"/>').iter("image")
    return Image.open(io.BytesIO(base64.b64decode(image.get("href").partition(",")[2])))


def test_dots_of_one_colour_are_shades_of_it():
    """No shade is off by more than half of a step; the colour is that of the dots."""
    shades = np.random.default_rng(0).integers(0, 256, (64, 64, 1))
    cells = np.concatenate([np.broadcast_to([1, 115, 178], (64, 64, 3)), shades], axis=2).astype(np.uint8)
    small = embedded(Image.fromarray(cells, "RGBA"))
    seen = np.asarray(small.convert("RGBA")).astype(int)
    assert (seen[..., :3] == cells[..., :3])[seen[..., 3] > 0].all()
    assert abs(seen[..., 3] - cells[..., 3].astype(int)).max() <= STEP / 2


@pytest.mark.parametrize("shades", [False, True])
def test_pictures_of_many_colours_stay_as_they_are(shades):
    cells = np.random.default_rng(0).integers(0, 256, (64, 64, 4)).astype(np.uint8)
    cells[..., 3] = cells[..., 3] | 1 if shades else 255
    assert (np.asarray(embedded(Image.fromarray(cells, "RGBA")).convert("RGBA")) == cells).all()


def test_maps_of_few_colours_stay_as_they_are():
    cells = np.full((64, 64, 4), 255, dtype=np.uint8)
    cells[::2, :, 0] = cells[:, ::3, 1] = 7
    small = embedded(Image.fromarray(cells, "RGBA"))
    assert (np.asarray(small.convert("RGBA")) == cells).all()
