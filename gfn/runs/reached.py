"""Which modules a run depends on: those that can be reached by imports from what its specification names.

Imports are read in the source, those inside functions too. Two kinds of edges do not count, so that a new task or
divergence leaves the runs of all others as they are: a package's ``__init__``, which only passes names on, leads to
nothing but the module that a name comes from; and the modules of tasks, losses and networks of which a specification
chooses one count where it does, or where what it chose imports them, and not because the machinery knows of them. So do
those for training off policy, for what is measured at the end, and for continuous tasks.
Nor do the registries of tasks and of rivals count, which only find one by its name.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import gfn
from gfn.environments import TASKS, ContinuousEnvironment, Environment, Phylogenetics, PlanarEnvironment
from gfn.estimators import CONTROL_VARIATES, DIVERGENCES, balance, f_losses
from gfn.rivals import RIVALS, Rival
from gfn.runs.objective import BALANCE_LOSSES, F_LOSSES, Objective
from gfn.runs.spec import Spec

MAKERS = {"training": "training", "gradient": "gradients", "reference": "reference", "cost": "costs", "rival": "rivals"}
NETWORKS = {"gfn.policies.gin": Phylogenetics}
CONTINUOUS = (
    "gfn.environments.continuous",
    "gfn.policies.mixture",
    "gfn.evaluation.continuous",
)
# The rooms that only look at results cannot change them.
LOOKING = ("study", "cli", "__main__")
REGISTRY = "gfn.environments.registry", "gfn.environments.own", "gfn.rivals.registry"
INSTALLED = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}


def reached(spec: Spec) -> dict[str, Path]:
    """The files of all modules that a run of ``spec`` depends on, by their dotted names."""
    chosen_from = {each.__module__ for each in TASKS.values()} | {f.__module__ for f in DIVERGENCES.values()}
    optional = chosen_from | {*_of_settings(spec), *NETWORKS}
    found: dict[str, Path] = {}
    left = [(name, place) for name in sorted(starts(spec)) if (place := _start(name)) is not None]
    while left:
        name, path = left.pop()
        if name in found:
            continue
        found[name] = path
        follows_all = name.split(".")[:2] == ["gfn", "environments"] or name.split(".")[0] != "gfn"
        for target, place in _edges(name, path):
            if target not in optional or follows_all:
                left.append((target, place))
    return found


def starts(spec: Spec) -> frozenset[str]:
    """The modules that a specification names itself, from which all others are reached."""
    found = {f"gfn.runs.{MAKERS[spec.kind]}", *(each.__module__ for each in chosen(spec))}
    found |= {name for name, owner in NETWORKS.items() if isinstance(spec.task, owner)}
    return frozenset(found | {name for name, is_used in _of_settings(spec).items() if is_used})


def chosen(spec: Spec) -> list[type | Callable]:
    """The classes and functions that a specification names: its task with those it is derived from, divergences, control variates."""
    found: list[type | Callable] = [each for each in type(spec.task).__mro__ if issubclass(each, Environment)]
    for objective in _objectives(spec):
        if objective.name in DIVERGENCES:
            found.append(DIVERGENCES[objective.name])
        if objective.control_variate is not None:
            found.append(CONTROL_VARIATES[objective.control_variate])
    return found


def _of_settings(spec: Spec) -> dict[str, bool]:
    """The modules that only some settings need, and whether those of a specification do."""
    names, off = {each.name for each in _objectives(spec)}, getattr(spec, "off_policy", None) is not None
    return {
        balance.__name__: not names.isdisjoint(BALANCE_LOSSES),
        f_losses.__name__: not names.isdisjoint(F_LOSSES),
        "gfn.runs.off_policy": off,
        "gfn.sampling.exploration": off,
        "gfn.evaluation.measures": getattr(spec, "measures", False),
        "gfn.environments.planar": isinstance(spec.task, PlanarEnvironment),
        **{module: getattr(spec, "model", None) in models for module, models in _rivals().items()},
        "gfn.rivals.base": spec.kind == "rival",
        **dict.fromkeys(CONTINUOUS, isinstance(spec.task, ContinuousEnvironment)),
        "gfn.evaluation.samples": spec.kind == "rival" or isinstance(spec.task, ContinuousEnvironment),
    }


def _rivals() -> dict[str, set[str]]:
    """The modules of rivals and of what they are derived from, and which models are of each."""
    found: dict[str, set[str]] = {}
    for model, kind in RIVALS.items():
        for each in kind.__mro__:
            if issubclass(each, Rival):
                found.setdefault(each.__module__, set()).add(model)
    return found


def _objectives(spec: Spec) -> tuple[Objective, ...]:
    alone = [each for name in ("objective", "trainer") if (each := getattr(spec, name, None)) is not None]
    return (*alone, *getattr(spec, "objectives", ()))


def _start(module: str) -> Path | None:
    """Where a module's source is, None if there is no such file."""
    loaded = sys.modules.get(module)
    if module.split(".")[0] == "gfn" or loaded is None:
        return _locate(module, Path(gfn.__file__).parents[1])
    file = getattr(loaded, "__file__", None)
    return Path(file).resolve() if file and file.endswith(".py") else None


def _locate(module: str, root: Path) -> Path | None:
    path = root.joinpath(*module.split("."))
    return next((each for each in (path / "__init__.py", path.with_suffix(".py")) if each.is_file()), None)


def _edges(module: str, path: Path) -> Iterator[tuple[str, Path]]:
    """The modules that a module imports, of this package and of those beside it."""
    root = Path(gfn.__file__).parents[1] if module.split(".")[0] == "gfn" else _root(module, path)
    for base, name in imports(path, module):
        top = base.split(".")[0]
        if top == "gfn":
            yield from _gfn(base, name)
        elif root is not None and (root not in INSTALLED or top == module.split(".")[0]):
            parts = [*base.split("."), *([name] if name else [])]
            for target in (".".join(parts[: depth + 1]) for depth in range(len(parts))):  # packages around it, too
                if (place := _locate(target, root)) is not None:
                    yield target, place


def _root(module: str, path: Path) -> Path | None:
    """The folder from which a module of one's own is imported."""
    depth = len(module.split(".")) - (path.name != "__init__.py")
    return path.parents[depth] if module != "__main__" else path.parent


def _gfn(base: str, name: str | None) -> Iterator[tuple[str, Path]]:
    """The module of this package where a name comes from; none for what looks at results, or a name of an ``__init__``."""
    root = Path(gfn.__file__).parents[1]
    if base.split(".")[1:2] and base.split(".")[1] in LOOKING:
        return
    path = _locate(base, root)
    if path is None or base in REGISTRY:
        return
    if path.name != "__init__.py":
        yield base, path
    elif name is not None:
        if (place := _locate(f"{base}.{name}", root)) is not None and place.name != "__init__.py":
            yield f"{base}.{name}", place
        else:
            for source, original, bound in _passed_on(path, base):
                if bound == name:
                    yield from _gfn(source, original)


def imports(path: Path, module: str) -> Iterator[tuple[str, str | None]]:
    """What a file imports, inside functions too: pairs of a module and a name in it, None for the module itself."""
    for source, name, _ in _passed_on(path, module):
        yield source, name


def _passed_on(path: Path, module: str) -> tuple[tuple[str, str | None, str], ...]:
    about = path.stat()
    return _parsed(path, module, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=1024)
def _parsed(path: Path, module: str, *state: int) -> tuple[tuple[str, str | None, str], ...]:
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, None, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found += [(base, alias.name, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            found += [(name.value, None, "") for name in node.args[:1] if isinstance(name, ast.Constant)]
    return tuple(found)
