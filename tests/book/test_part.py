"""The paper's part of the book: without the pages beyond it, and without links to them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import gfn
from gfn.study.experiments import BEYOND, figures
from gfn.study.verdicts import page_of

ROOT = Path(gfn.__file__).parents[1]
SCRIPT = ROOT / "scripts" / "paper_part.py"
TEXTS = {
    "{doc}`words on it </beyond/orders>`": "words on it",
    "{doc}`words\non it <../beyond/orders>`": "words\non it",
    "{doc}`words <beyond/orders>`": "words",
    "[these words](../beyond/orders.ipynb)": "these words",
    "[words](beyond/orders.ipynb#part)": "words",
}
KEPT = ("{doc}`words </paper/fig3>`", "[words](../paper/fig3.ipynb)", "{doc}`/theory/exact`", "beyond the paper")


@pytest.fixture
def book(tmp_path):
    shutil.copytree(ROOT / "book", tmp_path / "book", ignore=shutil.ignore_patterns("*.csv", ".ipynb_checkpoints"))
    return tmp_path / "book"


def leave_out(folder: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, folder], check=True)


def entries(folder: Path) -> list[str]:
    contents = yaml.safe_load((folder / "_toc.yml").read_text(encoding="utf-8"))
    assert all(part["chapters"] for part in contents["parts"])
    return [page["file"] for part in contents["parts"] for page in part["chapters"]]


def test_pages_beyond_the_paper_are_left_out(book):
    """The others are all there, in their order, and none leads to what is not."""
    before = entries(book)
    leave_out(book)
    assert entries(book) == [page for page in before if not page.startswith("beyond/")]
    assert {page_of(name) for name in figures("paper")} <= set(entries(book))
    assert not (book / "beyond").exists()
    for page in [*book.rglob("*.md"), *book.rglob("*.ipynb")]:
        assert not re.search(r"beyond/\w", page.read_text(encoding="utf-8")), page


@pytest.mark.parametrize("name", ["page.md", "page.ipynb"])
def test_links_keep_their_words(name, book):
    page = book / "paper" / name
    page.write_text("\n\n".join([*TEXTS, *KEPT]), encoding="utf-8")
    leave_out(book)
    assert page.read_text(encoding="utf-8") == "\n\n".join([*TEXTS.values(), *KEPT])


def test_nothing_outside_refers_to_a_part_of_a_page_beyond_the_paper():
    """To an equation, a figure or a section: such references cannot keep their words."""
    inside, outside = "", ""
    for page in [*(ROOT / "book").rglob("*.md"), *(ROOT / "book").rglob("*.ipynb")]:
        text = page.read_text(encoding="utf-8")
        inside, outside = (inside + text, outside) if page.parent.name == "beyond" else (inside, outside + text)
    labels = set(re.findall(r":label: ([\w-]+)|\(([\w-]+)\)=|\"name\": \"([\w-]+)\"", inside))
    named = re.findall(r"\{(?:ref|eq|numref)\}`(?:[^`<]*<([^>`]+)>|([^`]+))`", outside)
    assert named
    assert not {label for both in labels for label in both if label} & {a or b for a, b in named}


def test_pages_beyond_the_paper_are_in_the_folder_of_that_name():
    assert {path.stem for path in (ROOT / "book" / "beyond").glob("*.ipynb")} <= set(BEYOND)
    assert not set(BEYOND) & set(figures("paper"))
    assert all(page_of(name).startswith("beyond/") == (name in BEYOND) for name in figures())
