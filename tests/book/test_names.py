"""Tables of executed notebooks have readers' names, and not those of the code."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import nbformat
import pytest

import gfn
from gfn.study.presentation.names import NAMES

BOOK = Path(gfn.__file__).parents[1] / "book"
NOTEBOOKS = sorted(path.relative_to(BOOK).as_posix() for path in BOOK.glob("[!._]*/*.ipynb"))
CODE = {name for name, label in NAMES.items() if label != name}
SNAKE = re.compile(r"(?<![\w/.])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w/.(])")
# What stands in a table's cell but is no words of it: addresses of links, code, formulas, roles.
ASIDE = re.compile(r"<[^>]*>|\]\([^)]*\)|\{[^}]*\}`[^`]*`|`[^`]*`|\$[^$]*\$")


def tables(notebook: Path) -> list[str]:
    """The tables in what its cells put out: as HTML, or where there is none as Markdown."""
    found = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:
                found += re.findall(r"<table.*?</table>", data["text/html"], re.DOTALL)
            else:
                found += [row for row in data.get("text/markdown", "").split("\n") if row.startswith("|")]
    return found


def code_names(table: str) -> list[str]:
    """Cells that are or contain a name of the code."""
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", table, re.DOTALL) or table.split("|")
    shown = [unescape(ASIDE.sub("", cell)).strip() for cell in cells]
    return [text for text in shown if SNAKE.search(text) or CODE & set(text.split(", "))]


def test_code_names_are_found():
    """So that the next test can fail: in HTML and in Markdown, alone and in a sentence, but not in links and code."""
    assert code_names("<table><tr><th>task</th><td>loo</td><td>less than tb_batch</td></tr></table>") == [
        "loo",
        "less than tb_batch",
    ]
    assert code_names("| sets, reverse_kl | [Figure](my_page.ipynb) | `batch_size` |") == ["sets, reverse_kl"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_tables_have_readers_names(name):
    found = tables(BOOK / name)
    assert not any('class="dataframe"' in table for table in found)
    assert [cell for table in found for cell in code_names(table)] == []
