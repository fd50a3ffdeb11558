"""Examples in docstrings: what they show is what comes out."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import gfn

ROOT = Path(gfn.__file__).parent
SHOWN = {
    ".".join(("gfn", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in sorted(ROOT.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
}


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_examples_in_docstrings_hold(name, capsys):
    found = doctest.testmod(import_module(name))
    assert found.attempted > 0
    assert found.failed == 0, capsys.readouterr().out


def test_the_examples_are_found():
    """And a wrong one is noticed."""
    hard = {"environments.forests", "environments.graphs", "environments.dags", "policies.gin"}
    assert {f"gfn.{name}" for name in hard | {"runs.gradients", "estimators.control_variates"}} <= SHOWN
    runner = doctest.DocTestRunner(verbose=False)
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert runner.run(wrong, out=lambda text: None).failed == 1
