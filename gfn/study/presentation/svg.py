"""Matplotlib's SVG made ready for a page: small, without ids that could meet another's, in colours that follow the page."""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from gfn.study.presentation.colours import on_dark, on_light
from gfn.study.presentation.svg_tree import SVG, XLINK, simpler

# Greys by what they are for: the stylesheet of the book gives them the colours of the page.
ROLES = {"#000000": "ink", "#262626": "text", "#cccccc": "grid", "#ffffff": "paper"}
MARK = "GFN-MARK-"  # stands for what begins the ids of a figure, until all of it is known
LARGEST = 1.7  # pixels on a page for a unit of a figure: one that is small stays so
COARSE = 40  # cells of a picture that are to be seen as such
STEP = 17  # of 255, between two shades of a picture in one colour: 16 of them
SAME = 6  # of 255, how far a picture in one colour may be off it on average
NUMBER = re.compile(r"-?\d+\.\d{2,}")
COLOUR = re.compile(r"#[0-9a-f]{6}\b")
FONT = re.compile(r"font-family:[^;]*;?\s*")
# On a narrow screen the narrow version takes the place of the wide one.
RULES = {
    "gfn-wide": "",
    "gfn-narrow": ".gfn-both>.gfn-narrow{display:none}"
    "@media screen and (max-width:720px){.gfn-both>.gfn-narrow{display:block}.gfn-both>.gfn-wide{display:none}}",
}


def for_page(text: str, label: str, kind: str) -> str:
    """An SVG as it goes into a page.

    Arguments:
        text: what matplotlib wrote, with text as text.
        label: what there is to see, for those who do not see it.
        kind: ``gfn-wide`` or ``gfn-narrow``, its class.

    Returns:
        One ``<svg>`` element without a size of its own. Its colours are variables of CSS, with the colours of the light
        page where none are set; those of the dark page are in a style of its own.
    """
    root = ElementTree.fromstring(text)
    kept = list(_without_frame(root))
    kept = simpler(kept)
    used = dict.fromkeys(name for element in kept for each in element.iter() for name in _references(each))
    names = {name: f"{MARK}{number}" for number, name in enumerate(used)}
    body = "".join(_written(element, names) for element in kept)
    mark = "g" + sha256(f"{kind} {label} {body}".encode()).hexdigest()[:8]
    body = body.replace(MARK, mark)
    colours = sorted(set(COLOUR.findall(body)) | {"#000000"})
    body = COLOUR.sub(lambda found: variable(found[0]), body)
    dark = "".join(f"--{_name(colour)}:{on_dark(colour)};" for colour in colours if colour not in ROLES)
    body, rules = _in_classes(body, mark)
    style = f"<style>{rules}{RULES[kind]}@media screen{{html[data-theme=dark] .{mark}{{{dark}}}}}</style>"
    box = [_short(part) for part in root.get("viewBox").split()]
    largest = f";max-width:{LARGEST * float(box[2]):.0f}px" if kind == "gfn-wide" else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind} {mark}" viewBox="{" ".join(box)}" role="img" '
        f'aria-label="{_escaped(label)}" style="stroke-linejoin:round;fill:{variable("#000000")}{largest}">{style}{body}</svg>'
    )


def variable(colour: str) -> str:
    """The variable of a colour, which is the colour for the light page where it is not set."""
    return f"var(--{_name(colour)},{on_light(colour)})"


def _name(colour: str) -> str:
    return f"gfn-{ROLES.get(colour, colour[1:])}"


def _without_frame(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """All but metadata, rules of style that would hold for the whole page, and the white sheet."""
    for element in root:
        if element.tag == f"{SVG}metadata" or element.find(f"{SVG}style") is not None:
            continue
        sheet = element.find(f"{SVG}g[@id='patch_1']")
        if element.get("id") == "figure_1" and sheet is not None:
            element.remove(sheet)
        yield element


def _references(element: ElementTree.Element) -> Iterator[str]:
    for key, value in element.attrib.items():
        if key in ("href", f"{XLINK}href") and value.startswith("#"):
            yield value[1:]
        yield from re.findall(r"url\(#([^)]+)\)", value)


def _written(element: ElementTree.Element, names: dict[str, str]) -> str:
    tag = element.tag.removeprefix(SVG)
    attributes = _attributes(element, tag, names)
    inner = _escaped(element.text or "") if tag in ("text", "tspan") and (element.text or "").strip() else ""
    inner += "".join(_written(child, names) for child in element)
    if tag in ("g", "defs") and not inner:
        return ""
    if tag == "g" and not attributes:
        return inner
    shown = "".join(f' {key}="{_escaped(value)}"' for key, value in attributes.items())
    return f"<{tag}{shown}>{inner}</{tag}>" if inner else f"<{tag}{shown}/>"


def _attributes(element: ElementTree.Element, tag: str, names: dict[str, str]) -> dict[str, str]:
    found = {}
    for key, value in element.attrib.items():
        key = key.removeprefix(XLINK)
        if key == "id" and value in names:
            found[key] = names[value]
        elif key == "href":
            found[key] = f"#{names[value[1:]]}" if value.startswith("#") else _smaller(value)
        elif key == "style" and tag == "image":
            found[key] = "image-rendering:pixelated" if int(element.get("width", "0")) < COARSE else ""
        elif key == "style":
            value = FONT.sub("", value)
            value = re.sub(r"font: ([^'\"]*?px)\s+['\"][^;]*", r"font-size: \1", value) if "font: " in value else value
            found[key] = _short(re.sub(r"\s*([:;,])\s+", r"\1", _named(value, names)).strip("; "))
        elif key == "d":
            found[key] = _path(value)
        elif key != "id":
            value = re.sub(r"rotate\(-0 [^)]*\)", "", _named(value, names))
            found[key] = value if tag == "image" else " ".join(_place(key, value).split())
    return {key: value for key, value in found.items() if value}


def _named(value: str, names: dict[str, str]) -> str:
    return re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{names[found[1]]})", value)


def _in_classes(body: str, mark: str) -> tuple[str, str]:
    """Styles that come more than once as classes, and their rules, which hold in this figure alone."""
    counted = Counter(re.findall(r' style="([^"]*)"', body))
    names = {style: f"s{number}" for number, style in enumerate(style for style, many in counted.items() if many > 1)}
    body = re.sub(
        r' style="([^"]*)"', lambda found: f' class="{names[found[1]]}"' if found[1] in names else found[0], body
    )
    return body, "".join(f".{mark} .{name}{{{style}}}" for style, name in names.items())


def _path(value: str) -> str:
    """A path with one decimal; of straight lines each point says how far it is from the one before."""
    steps = re.findall(r"([A-Za-z])([^A-Za-z]*)", value)
    if {name for name, _ in steps} - set("MLz"):
        return re.sub(r"\s*([A-Za-z])\s*", r"\1", _short(value)).strip()
    written, here, start, last, drawn = "", (0, 0), (0, 0), "", False
    for number, (name, numbers) in enumerate(steps):
        if name == "z":
            written, here, last = f"{written}z", start, "z"
            continue
        there = tuple(round(10 * float(each)) for each in numbers.split())
        step = there if name == "M" else tuple(new - old for new, old in zip(there, here))
        if (
            name == "L"
            and step == (0, 0)
            and (drawn or (steps[number + 1 : number + 2] and steps[number + 1][0] == "L"))
        ):
            continue  # a point that is there twice
        begin = "" if name == last == "L" else "M" if name == "M" else "l"
        written = _after(_after(written + begin, _tenth(step[0])), _tenth(step[1]))
        here, start, last, drawn = there, there if name == "M" else start, name, name == "L"
    return written


def _after(written: str, number: str) -> str:
    """A number behind a path; a blank is needed where it would go on the last number."""
    if number[0] == "-" or not written[-1:].isdigit():
        return written + number
    has_point = "." in re.split(r"[^\d.]", written[-12:])[-1]
    return f"{written}{'' if number[0] == '.' and has_point else ' '}{number}"


def _tenth(number: int) -> str:
    return re.sub(r"^(-?)0\.", r"\1.", f"{number / 10:g}")


def _place(key: str, value: str) -> str:
    """Places as lines have them, with one decimal, if nothing makes them larger; other numbers with two."""
    if key in ("x", "y") or (key == "transform" and not re.search("scale|matrix", value)):
        return NUMBER.sub(lambda found: _tenth(round(10 * float(found[0]))), value)
    return _short(value)


def _short(value: str) -> str:
    """Numbers with two decimals."""
    return NUMBER.sub(lambda found: f"{round(float(found[0]), 2) + 0.0:g}", value)


def _smaller(data: str) -> str:
    """A picture as WebP, which loses nothing; one in a single colour, as dots are, has 16 shades of it."""
    head, _, coded = data.partition(",")
    if not head.startswith("data:image/png"):
        return data
    with Image.open(io.BytesIO(base64.b64decode("".join(coded.split())))) as picture:
        cells = _in_shades(np.asarray(picture.convert("RGBA")))
    buffer = io.BytesIO()
    Image.fromarray(cells).save(buffer, "WEBP", lossless=True, quality=100, method=6)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _in_shades(cells: np.ndarray) -> np.ndarray:
    """``[h, w, 4]``: where all is of one colour, but for what rounding leaves where it is thin, that colour in few shades."""
    colours, opaque = cells[..., :3].astype(float), cells[..., 3:] / 255
    total = max(opaque.sum(), 1)
    mean = (colours * opaque).sum((0, 1)) / total
    if (abs(colours - mean).max(-1, keepdims=True) * opaque).sum() / total > SAME:
        return cells
    shades = np.rint(cells[..., 3:] / STEP) * STEP
    return np.concatenate([np.broadcast_to(np.rint(mean), colours.shape), shades], axis=-1).astype(np.uint8)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
