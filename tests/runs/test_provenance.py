"""The fingerprint of the code: changed by code that makes results, and by nothing else."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

import gfn
from gfn.runs import provenance
from gfn.runs.provenance import bare_code, source_fingerprint

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
    """A copy of the package to change, and its fingerprint."""
    root = tmp_path / "gfn"
    shutil.copytree(Path(gfn.__file__).parent, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance.gfn, "__file__", str(root / "__init__.py"))
    return root, source_fingerprint.__wrapped__


def test_the_fingerprint_is_of_the_code_and_not_of_the_place(copy):
    _, fingerprint = copy
    assert fingerprint() == source_fingerprint()
    assert len(fingerprint()) == 12


def test_the_fingerprint_changes_with_code_that_makes_results(copy):
    """And not with code that only presents them; words about code never count."""
    root, fingerprint = copy
    presentation = [root / "plotting" / "curves.py", root / "evidence" / "tables.py", root / "cli.py"]
    for path in (root / "training.py", root / "environments" / "sets.py", *presentation):
        before, text = fingerprint(), path.read_text(encoding="utf-8")
        path.write_text(text + "\n# a comment\n", encoding="utf-8")
        assert fingerprint() == before
        path.write_text(text + "\nNEW = 1\n", encoding="utf-8")
        assert (fingerprint() == before) == (path in presentation)
        path.write_text(text, encoding="utf-8")


def test_a_new_or_renamed_module_changes_the_fingerprint(copy):
    root, fingerprint = copy
    before = fingerprint()
    (root / "sampling.py").rename(root / "rollouts.py")
    renamed = fingerprint()
    (root / "policies" / "new.py").write_text("", encoding="utf-8")
    assert len({before, renamed, fingerprint()}) == 3


def test_what_only_presents_results_is_not_imported_by_what_makes_them():
    """Else a change there could change a result without changing the fingerprint."""
    presentation = {name.removesuffix(".py") for name in provenance.PRESENTATION} - {"provenance"}
    makers = [path for path in FILES if path.relative_to(ROOT).parts[0] not in provenance.PRESENTATION]
    assert {ROOT / "training.py", ROOT / "policies" / "gin.py"} <= set(makers)
    for path in makers:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("gfn.") for alias in node.names)
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                first, *rest = node.module.split(".")
                named = rest[:1] or [alias.name for alias in node.names]
                assert first != "gfn" or not set(named) & presentation


def test_presentation_files_exist():
    """Files and folders at the top of the package."""
    assert {path.relative_to(ROOT).parts[0] for path in FILES} >= provenance.PRESENTATION
