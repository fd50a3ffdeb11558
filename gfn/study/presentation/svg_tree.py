"""The same picture in fewer elements: what matplotlib says for each mark, line and letter is said once for many."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import groupby
from xml.etree.ElementTree import Element

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
G, DEFS, PATH, USE, TEXT, TSPAN = (f"{SVG}{name}" for name in ("g", "defs", "path", "use", "text", "tspan"))
HREF = f"{XLINK}href"
POINT = re.compile(r"(-?[\d.]+(?:e-?\d+)?) (-?[\d.]+(?:e-?\d+)?)")


def simpler(elements: list[Element]) -> list[Element]:
    """What is drawn, with all definitions before it.

    Arguments:
        elements: of an SVG by matplotlib, in the order in which they are drawn. They are changed.
    """
    root = Element(G)
    root.extend(elements)
    _style_marks(root)
    definitions = Element(DEFS)
    definitions.extend(child for defs in root.iter(DEFS) for child in defs)
    for text in root.iter(TEXT):
        _join_letters(text)
    referenced = {each.get(HREF, "")[1:] for each in root.iter(USE)}
    drawn = [each for child in root for each in _flat(child, referenced)]
    return [definitions, *_runs(drawn, "clip-path", _lines_and_marks)]


def declarations(element: Element) -> dict[str, str]:
    """The style of an element, by property."""
    pairs = (each.partition(":") for each in element.get("style", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def _style(element: Element, style: dict[str, str]) -> None:
    element.attrib.pop("style", None)
    if style:
        element.set("style", "; ".join(f"{name}: {value}" for name, value in style.items()))


def _style_marks(root: Element) -> None:
    """A mark gets its style where it is used, since rules of a figure do not reach what is defined; one used once stands there itself."""
    parents = {child: parent for parent in root.iter() for child in parent}
    users = defaultdict(list)
    for use in root.iter(USE):
        users[use.get(HREF, "")[1:]].append(use)
    first: dict[str, str] = {}  # the mark of each outline
    for path in [path for defs in root.iter(DEFS) for path in defs if path.tag == PATH]:
        uses, own = users[path.get("id")], declarations(path)
        for use in uses:
            _style(use, declarations(use) | own)
        _style(path, {})
        if len(uses) == 1 and "transform" not in uses[0].attrib:
            use = uses[0]
            attributes = {key: value for key, value in use.attrib.items() if key not in (HREF, "x", "y", "id")}
            moved = _moved(path.get("d"), float(use.get("x", 0)), float(use.get("y", 0)))
            parent = parents[use]
            parent[list(parent).index(use)] = Element(PATH, {"d": moved} | attributes)
            parents[path].remove(path)
        elif (name := first.setdefault(path.get("d"), path.get("id"))) != path.get("id"):
            for use in uses:
                use.set(HREF, f"#{name}")
            parents[path].remove(path)


def _moved(path: str, x: float, y: float) -> str:
    return POINT.sub(lambda found: f"{float(found[1]) + x:.6f} {float(found[2]) + y:.6f}", path)


def _join_letters(text: Element) -> None:
    """Letters of a formula that stand in one line and look the same are one piece of text, each still at its place."""
    joined: list[Element] = []
    for letters in text:
        last = joined[-1] if joined else None
        if last is not None and _is_piece(last) and _is_piece(letters) and _same(last, letters, "y", "style"):
            last.text += letters.text
            last.set("x", f"{last.get('x')} {letters.get('x')}")
        else:
            joined.append(letters)
    text[:] = joined


def _is_piece(letters: Element) -> bool:
    places = len(letters.get("x", "").split())
    return letters.tag == TSPAN and set(letters.attrib) <= {"x", "y", "style"} and len(letters.text or "") == places


def _same(one: Element, other: Element, *keys: str) -> bool:
    return all(one.get(key) == other.get(key) for key in keys)


def _flat(element: Element, referenced: set[str]) -> Iterator[Element]:
    """An element, or its children in its place if it says nothing about them that they cannot say themselves."""
    if element.tag == DEFS:
        return
    name = element.get("id", "")
    if name not in referenced:
        element.attrib.pop("id", None)
    if element.tag != G:
        yield element
        return
    children = [each for child in element for each in _flat(child, referenced)]
    if name.startswith("matplotlib.axis"):  # labels stand beside the lines of a grid, which come together
        children.sort(key=_is_text)
    said = set(element.attrib)
    if said <= {"clip-path"} and not any({"clip-path", "transform"} & set(each.attrib) for each in children if said):
        for each in children:
            each.attrib |= element.attrib
        yield from children
    elif len(children) == 1 and children[0].tag == TEXT and not ({"transform", "clip-path"} & set(children[0].attrib)):
        (text,) = children
        style = declarations(element) | declarations(text)
        text.attrib |= element.attrib
        _style(text, style)
        yield text
    else:
        element[:] = children
        yield element


def _is_text(element: Element) -> bool:
    return element.tag == TEXT or (element.tag == G and len(element) > 0 and all(map(_is_text, element)))


def _runs(elements: list[Element], key: str, inner: Callable[[list[Element]], list[Element]]) -> list[Element]:
    """Neighbours of which an attribute is the same, in a group that has it."""
    found = []
    for value, run in groupby(elements, lambda each: None if "transform" in each.attrib else each.get(key)):
        run = list(run)
        if value is None:
            found += inner(run)
            continue
        for each in run:
            del each.attrib[key]
        within = inner(run)
        if len(within) == 1 and key not in within[0].attrib:
            within[0].set(key, value)
            found += within
        else:
            group = Element(G, {key: value})
            group.extend(within)
            found.append(group)
    return found


def _lines_and_marks(elements: list[Element]) -> list[Element]:
    found = []
    for (tag, style), run in groupby(elements, lambda each: (each.tag, each.get("style"))):
        run = list(run)
        alike = style is not None and "opacity" not in declarations(run[0])
        if len(run) > 1 and tag == PATH and _is_plain_line(run):
            run[0].set("d", " ".join(each.get("d").strip() for each in run))
            found.append(run[0])
        elif len(run) > 1 and tag == USE and alike:
            group = Element(G, {"style": style})
            for each in run:
                del each.attrib["style"]
            group.extend(run)
            found.append(group)
        else:
            found += run
    return found


def _is_plain_line(run: list[Element]) -> bool:
    """Whether lines look the same when they are one: opaque and solid."""
    style = declarations(run[0])
    faint = {"opacity", "stroke-opacity", "stroke-dasharray"} & set(style)
    return style.get("fill") == "none" and not faint and all(set(each.attrib) == {"d", "style"} for each in run)
