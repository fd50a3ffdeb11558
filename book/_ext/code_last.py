"""Sphinx extension: a page made from a notebook shows results first, and all of its code in one folded section at its end.

Every code cell leaves its output where it stands. Its input goes to the section "Parameters and code", under a line that
says what it makes, with links there and back. An output that the notebook hides is folded. Papermill's cell of given
parameters is merged into the notebook's own, and the table of the settings in force stands beside them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from docutils import nodes
from sphinx.transforms import SphinxTransform

TITLE = "Parameters and code"
SETTINGS = re.compile(r"^settings_table\(", re.M)


class folded(nodes.General, nodes.Element):
    """``<details>`` whose ``summary`` is a text; open in print and where there is no HTML."""


@dataclass
class Cell:
    """A code cell: its container, what is typed into it, and what comes out."""

    node: nodes.container
    source: nodes.container | None
    output: nodes.container | None

    @property
    def text(self) -> str:
        return "\n".join(block.astext() for block in self.source.findall(nodes.literal_block)) if self.source else ""

    @property
    def tags(self) -> list[str]:
        return self.node.get("cell_metadata", {}).get("tags", [])


class CodeLast(SphinxTransform):
    """Moves code, before headings are collected for the contents of the page."""

    default_priority = 400

    def apply(self, **kwargs) -> None:
        cells = [_cell(node) for node in self.document.findall(_is_cell)]
        if not any("parameters" in cell.tags for cell in cells):
            return
        for cell in cells:
            self._keep_name(cell)
        own, *given = [cell for cell in cells if {"parameters", "injected-parameters"} & set(cell.tags)]
        _merge(own, given)
        section = nodes.section("", nodes.title("", TITLE), ids=["parameters-and-code"], names=["parameters-and-code"])
        self.document.note_implicit_target(section, section)
        block = folded(summary="Show all code of this page")
        section += block
        title = next(iter(self.document.findall(nodes.title)), None)
        typed = [cell for cell in cells if cell not in given and cell.source]
        for cell in typed:
            if cell.output and SETTINGS.search(cell.text):
                cell.node.remove(cell.output)
                block += [nodes.paragraph("", "Settings in force", classes=["gfn-code-label"]), cell.output]
                cell.output = None
        for number, cell in enumerate(typed, 1):
            block += self._moved(cell, number, cell is own, title)
        for cell in given:
            cell.node.parent.remove(cell.node)
        (self.document.children[-1] if len(self.document.children) == 1 else self.document).append(section)

    def _keep_name(self, cell: Cell) -> None:
        """The name of a figure becomes that of its cell: of several forms of an output a page shows one."""
        name = cell.node.get("cell_metadata", {}).get("mystnb", {}).get("figure", {}).get("name")
        if not name:
            return
        for figure in cell.node.findall(nodes.figure):
            if name in figure["names"]:
                figure["names"].remove(name)
                figure["ids"] = [each for each in figure["ids"] if each != nodes.make_id(name)]
        for names in (self.document.nameids, self.document.nametypes):
            names.pop(name, None)
        self.document.ids.pop(nodes.make_id(name), None)
        cell.node["names"].append(name)
        self.document.note_explicit_target(cell.node, cell.node)

    def _moved(self, cell: Cell, number: int, first: bool, title: nodes.Node | None) -> list[nodes.Node]:
        """A line that says what the code is, and the code; its place keeps the output and a link to here."""
        here = f"code-{number}"
        label = nodes.paragraph(classes=["gfn-code-label"], ids=[here])
        if first:
            label += nodes.Text("Parameters that can be set; those that are not have the values above")
        elif cell.output is None:
            label += nodes.Text("Preparation")
        else:
            if "hide-output" in cell.tags:
                hidden = folded(summary="Show the table", classes=["gfn-hidden"])
                hidden.extend(cell.output.children)
                cell.output.children = []
                cell.output += hidden
            there = f"output-{number}"
            cell.output["ids"].append(there)
            label += nodes.Text("Makes the ")
            label += nodes.reference("", f"output in “{_heading(cell.node, title)}”", refid=there, internal=True)
            back = nodes.paragraph(classes=["gfn-to-code"])
            back += nodes.reference("", "code", refid=here, internal=True)
            back[0]["classes"].append("gfn-to-code-link")
            cell.node += back
        moved = nodes.container(classes=["cell", "gfn-moved"])
        cell.node.remove(cell.source)
        moved += cell.source
        if len(cell.node) == 0:
            cell.node.parent.remove(cell.node)
        else:
            cell.node["classes"].append("gfn-output")
        return [label, moved]


def _is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _cell(node: nodes.container) -> Cell:
    parts = {child.get("nb_element"): child for child in node.children if isinstance(child, nodes.Element)}
    return Cell(node, parts.get("cell_code_source"), parts.get("cell_code_output"))


def _heading(node: nodes.Node, title: nodes.Node | None) -> str:
    """The title of the section in which a node stands, or of the page."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, nodes.section):
            return node.next_node(nodes.title).astext()
    return title.astext() if title is not None else "this page"


def _merge(own: Cell, given: list[Cell]) -> None:
    """Put the values that papermill was given in the place of the notebook's own."""
    values = {name: ast.unparse(value) for cell in given for name, value in _assigned(cell.text)}
    if not values:
        return
    text = merged(own.text, values)
    for block in own.source.findall(nodes.literal_block):
        block.rawsource = text
        block.children = [nodes.Text(text)]
        block.children[0].parent = block


def merged(text: str, values: dict[str, str]) -> str:
    """Code whose names have other values; what it does not assign yet comes at its end.

    Arguments:
        text: of assignments, each of which may go over several lines, with comments.
        values: source of the new values by name.
    """
    lines = text.encode().splitlines(keepends=True)  # the parser counts bytes
    starts = list(accumulate(map(len, lines), initial=0))
    source, found = text.encode(), list(_assigned(text))
    for name, node in reversed(found):
        if name in values:
            start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
            source = source[:start] + values[name].encode() + source[end:]
    added = [f"{name} = {value}" for name, value in values.items() if name not in dict(found)]
    return "\n".join([*([source.decode().rstrip("\n")] if text else []), *added])


def _assigned(text: str) -> Iterator[tuple[str, ast.expr]]:
    """Names that get a value, and the expression of it, from top to bottom."""
    for statement in ast.parse(text).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name) and statement.value is not None:
                yield target.id, statement.value


def visit_folded(self, node: folded) -> None:
    looks = " ".join(["gfn-code", *node["classes"]])
    self.body.append(f'<details class="{looks}"><summary>{self.encode(node["summary"])}</summary>\n')


def depart_folded(self, node: folded) -> None:
    self.body.append("</details>\n")


def ignore(self, node: folded) -> None:
    """Elsewhere the content stands open."""


def setup(app):
    others = {builder: (ignore, ignore) for builder in ("latex", "text", "man", "texinfo")}
    app.add_node(folded, html=(visit_folded, depart_folded), **others)
    app.add_transform(CodeLast)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
