"""The fingerprint of all code: changed by code that makes results, and by nothing else. Those of runs: test_reached.py."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

import gfn
from gfn.runs import provenance
from gfn.runs.provenance import bare_code, package_fingerprint

SOURCE = '''"""Module."""

import math  # why


class Shape:
    """Class.

    With # a hash.
    """

    sides: int = 4

    def area(self, size: float) -> float:
        """Method."""
        # Only squares.
        text = "# no comment"
        return size ** 2 if text else math.nan  # done
'''
SAME = {
    "comment changed": SOURCE.replace("# Only squares.", "# Squares, and nothing else."),
    "comment removed": SOURCE.replace("        # Only squares.\n", ""),
    "comment at the end of a line": SOURCE.replace("  # why", ""),
    "docstring of the module": SOURCE.replace('"""Module."""', '"""Another\n\nmodule."""'),
    "docstring of the class": SOURCE.replace("With # a hash.", "Without."),
    "docstring removed": SOURCE.replace('        """Method."""\n', ""),
    "blank lines": SOURCE.replace("\n\n", "\n\n\n\n"),
}
OTHER = {
    "number": SOURCE.replace("sides: int = 4", "sides: int = 5"),
    "operator": SOURCE.replace("size ** 2", "size * 2"),
    "text with a hash": SOURCE.replace('"# no comment"', '"# comment"'),
    "import": SOURCE.replace("import math", "import cmath as math"),
    "line removed": SOURCE.replace("    sides: int = 4\n", ""),
    "line made a comment": SOURCE.replace("    sides", "    # sides"),
}


@pytest.mark.parametrize("change", SAME)
def test_words_about_code_do_not_count(change):
    assert SAME[change] != SOURCE
    assert bare_code(SAME[change]) == bare_code(SOURCE)


@pytest.mark.parametrize("change", OTHER)
def test_code_counts(change):
    assert bare_code(OTHER[change]) != bare_code(SOURCE)


ROOT = Path(gfn.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def without_docstrings(source: str) -> str:
    """The syntax tree, with a constant in the place of every docstring."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_bare_code_is_the_code(path):
    """The lines of every module here, less its comments and docstrings: nothing else is lost."""
    text = path.read_text(encoding="utf-8")
    bare = bare_code(text)
    assert set(bare.splitlines()) <= {line.split("#")[0].rstrip() for line in text.splitlines()} | set(
        text.splitlines()
    )
    expected = without_docstrings(text)
    if "Pass()" not in expected:
        assert ast.dump(ast.parse(bare)) == expected


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package to change."""
    root = tmp_path / "gfn"
    shutil.copytree(Path(gfn.__file__).parent, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance.gfn, "__file__", str(root / "__init__.py"))
    return root


def test_the_fingerprint_is_of_the_code_and_not_of_the_place(copy):
    there = package_fingerprint()
    assert len(there) == 12
    provenance.gfn.__file__ = str(ROOT / "__init__.py")
    assert package_fingerprint() == there


# A module of each room, and of each floor of the study.
FIRST = {path.relative_to(ROOT).parent if len(path.relative_to(ROOT).parts) > 1 else path: path for path in FILES}


@pytest.mark.parametrize("path", FIRST.values(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_fingerprint_changes_with_code_that_makes_results(path, copy):
    """What is in ``study/`` and the command line only look at them; all else makes them. Words about code never count."""
    root, fingerprint = copy, package_fingerprint
    name = path.relative_to(ROOT)
    before, text = fingerprint(), path.read_text(encoding="utf-8")
    (root / name).write_text(text + "\n# a comment\n", encoding="utf-8")
    assert fingerprint() == before
    (root / name).write_text(text + "\nNEW = 1\n", encoding="utf-8")
    assert (fingerprint() == before) == (name.parts[0] in ("study", "cli.py", "__main__.py"))


def test_a_new_or_renamed_module_changes_the_fingerprint(copy):
    root, fingerprint = copy, package_fingerprint
    before = fingerprint()
    (root / "runs" / "training.py").rename(root / "runs" / "loop.py")
    renamed = fingerprint()
    (root / "policies" / "new.py").write_text("", encoding="utf-8")
    added = fingerprint()
    assert len({before, renamed, added}) == 3
    (root / "study" / "new.py").write_text("NEW = 1", encoding="utf-8")
    assert fingerprint() == added
