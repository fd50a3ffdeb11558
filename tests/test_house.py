"""The folders are the plan: imports never run up the stairs nor in circles, and the estimators stand alone."""

from __future__ import annotations

import ast
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import gfn

PACKAGE = Path(gfn.__file__).parent
FLOORS = (
    ("checkout", "randomness", "settings"),
    ("environments",),
    ("policies",),
    ("sampling",),
    ("estimators",),
    ("evaluation",),
    ("rivals",),
    ("runs",),
    ("study",),
    ("__main__", "cli"),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ALONE = "estimators"


def modules(root: Path) -> dict[str, Path]:
    """Every module below ``root`` by its name from there: ``runs.spec``; ``""`` is the package itself."""
    names = {path: path.relative_to(root).with_suffix("").parts for path in sorted(root.rglob("*.py"))}
    return {".".join(parts[:-1] if parts[-1] == "__init__" else parts): path for path, parts in names.items()}


def imports(path: Path, root: Path) -> Iterator[str]:
    """The dotted name of all that a file imports, inside functions too; relative ones begin with a dot, for the root."""
    package = path.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ["", *package[: len(package) - node.level + 1]] if node.level else []
            module = [*start, *([node.module] if node.module else [])]
            yield from (".".join([*module, alias.name]) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            if isinstance(node.args[0], ast.Constant):
                yield node.args[0].value
            elif path.name != "own.py":  # which imports what a user names
                raise ValueError(f"{path}: it cannot be seen what {ast.unparse(node)} imports")


def problems(root: Path) -> list[str]:
    """All that is wrong with the house in ``root``, a sentence each."""
    every, found = modules(root), []
    graph: dict[str, set[str]] = {name: set() for name in every}
    for module, path in every.items():
        room = module.split(".")[0]
        if room and room not in FLOOR:
            found.append(f"{module} is in no room")
        for name in imports(path, root):
            first, *rest = name.split(".")
            own = rest[:1] == [ALONE] if first == "" else first in {"torch", *sys.stdlib_module_names}
            if room == ALONE and not own:
                found.append(f"{module} imports {name}, but is to stand alone")
            if first in ("", "gfn"):
                # What is no module is a name within one.
                parts = next(rest[:n] for n in range(len(rest), -1, -1) if ".".join(rest[:n]) in every)
                graph[module].add(".".join(parts))
                if parts and FLOOR.get(parts[0], 0) > FLOOR.get(room, -1):
                    found.append(f"{module} imports {name}, which is upstairs")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append(f"imports in a circle: {', '.join(error.args[1])}")
    return found


def at_import(path: Path) -> Iterator[str]:
    """The first part of the name of all that is imported when a file is."""
    todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]
        elif not isinstance(node, ast.FunctionDef) and not (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ):
            todo += ast.iter_child_nodes(node)


def test_no_extra_is_needed_to_import_the_package():
    """What only the book or the tests need is imported within functions."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"\W", each.replace("-", "_"))[0] for each in project["dependencies"]} - {"pyyaml"}
    allowed = needed | {"yaml", "gfn", "PIL"} | set(sys.stdlib_module_names)  # matplotlib needs PIL
    found = {name: set(at_import(path)) - allowed for name, path in modules(PACKAGE).items()}
    assert {name: extra for name, extra in found.items() if extra} == {}


def test_imports_of_extras_are_noticed(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "if TYPE_CHECKING:\n    import a\ndef late():\n    import b\ntry:\n    from IPython.display import HTML\nfinally:\n    import torch.nn"
    )
    assert set(at_import(path)) == {"IPython", "torch"}


def test_the_house_is_in_order():
    assert problems(PACKAGE) == []


def test_every_room_is_there_and_inhabited():
    """And each has an import that the test sees."""
    seen = {module.split(".")[0] for module, path in modules(PACKAGE).items() if list(imports(path, PACKAGE))}
    assert seen - {""} == FLOOR.keys()


PLANTED = {
    "up": ("environments/sets.py", "from gfn.policies import Policy", "upstairs"),
    "up, as a whole": ("environments/sets.py", "import gfn.policies.network as network", "upstairs"),
    "up, in a function": ("policies/network.py", "def late():\n    import gfn.runs.training", "upstairs"),
    "up, relative": ("sampling/__init__.py", "from ..runs import spec", "upstairs"),
    "up, relative to the house": ("settings.py", "from . import environments", "upstairs"),
    "up, from the package": ("environments/base.py", "from gfn import study", "upstairs"),
    "up, by name": ("runs/spec.py", "import importlib\nimportlib.import_module('gfn.study.results')", "upstairs"),
    "up, from an object": ("evaluation/exact.py", "from gfn.runs.spec import Spec", "upstairs"),
    "up, from the estimators": ("estimators/balance.py", "from ..evaluation import exact", "upstairs"),
    "up, to the command": ("study/verify.py", "from gfn.cli import main", "upstairs"),
    "from the door": ("__init__.py", "from gfn.settings import Settings", "upstairs"),
    "in a circle": ("runs/spec.py", "from gfn.runs.training import Trainer", "circle"),
    "in a circle through a package": ("environments/sets.py", "from gfn.environments import Sequences", "circle"),
    "in a circle, relative": ("estimators/control_variates.py", "from .divergences import renyi", "circle"),
    "in a circle on the ground floor": ("settings.py", "from gfn.randomness import stream", "circle"),
    "estimators, another package": ("estimators/balance.py", "import numpy", "stand alone"),
    "estimators, by their full name": (
        "estimators/balance.py",
        "from gfn.estimators import divergences",
        "stand alone",
    ),
    "estimators, downstairs": ("estimators/balance.py", "from gfn.settings import Settings", "stand alone"),
    "estimators, downstairs, relative": ("estimators/balance.py", "from ..settings import Settings", "stand alone"),
    "a new module": ("loose.py", "", "no room"),
    "a new folder": ("attic/box.py", "", "no room"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_what_is_out_of_order_is_noticed(case, tmp_path):
    """One line added to a copy of the house."""
    file, line, kind = PLANTED[case]
    root = tmp_path / "gfn"
    shutil.copytree(PACKAGE, root, ignore=shutil.ignore_patterns("__pycache__"))
    assert problems(root) == []
    path = root / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as added:
        added.write(f"\n\n{line}\n")
    assert any(kind in problem for problem in problems(root))
