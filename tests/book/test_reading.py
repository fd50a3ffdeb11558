"""How long the code takes to read: the page and the README say it by a count of lines."""

from __future__ import annotations

import re
from pathlib import Path

import gfn
from gfn.runs.reached import LOOKING

PACKAGE = Path(gfn.__file__).parent
ROOT = PACKAGE.parent
SPEED = 1000  # lines an hour
NEAR = 0.04


def count(only: str | None = None) -> int:
    """Lines of all that makes results, or of one of its folders."""
    files = {path: path.relative_to(PACKAGE).with_suffix("").parts[0] for path in PACKAGE.rglob("*.py")}
    chosen = [path for path, room in files.items() if room not in LOOKING and only in (None, room)]
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in chosen)


def near(said: str, lines: int) -> bool:
    return abs(int(said.replace(",", "")) - lines) <= NEAR * lines


def test_the_page_says_how_long_the_code_takes_to_read():
    page = (ROOT / "book/guide/reading.md").read_text(encoding="utf-8")
    part = page.partition("<!-- lines")[2].partition("<!-- end of lines")[0]
    assert f"at {SPEED} lines an hour" in part
    rows = re.findall(r"^\| (.+?) \| (\d+) \| (\d+) (min|h) \|$", part, re.M)
    assert [what.split()[0] for what, *_ in rows] == ["{py:mod}`gfn.estimators`:", "the"]
    for (_, lines, time, unit), only in zip(rows, ("estimators", None)):
        assert near(lines, count(only))
        hours = int(time) / (60 if unit == "min" else 1)
        assert abs(hours - count(only) / SPEED) < 0.1 * hours


def test_the_readme_says_so_too():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    core, estimators = re.search(r"\(some ([\d,]+) lines, of which the estimators are ([\d,]+)\)", text).groups()
    assert near(core, count())
    assert near(estimators, count("estimators"))


def test_every_file_that_the_page_names_is_there():
    page = (ROOT / "book/guide/reading.md").read_text(encoding="utf-8")
    files = re.findall(r"`(gfn/\S+\.py)`", page)
    assert len(files) > 8
    assert [name for name in files if not (ROOT / name).is_file()] == []
