"""Tasks of one's own: how they are named, and found again.

Reading a specification never imports anything by itself, for whoever wrote a file must not choose what code runs here. A
task is found by its name among those of the package, those whose module has been imported, and those that an installed
package names in the entry point group ``gfn.tasks``. The one function that imports a module by name,
:func:`load_task`, is for names that the user has given, as on the command line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract
from pathlib import Path
from typing import Any

from gfn.environments.base import Environment
from gfn.settings import SettingsError

GROUP = "gfn.tasks"


class UnknownTaskError(SettingsError):
    """A task that is neither of the package nor imported nor installed."""


def installed() -> list[EntryPoint]:
    """The tasks that installed packages name."""
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def find_task(name: str, shipped: dict[str, type[Environment]]) -> type[Environment]:
    """The task of this name, without importing what is not installed for this purpose.

    Raises:
        UnknownTaskError: if there is none.
        SettingsError: if there are two.
    """
    if name in shipped:
        return shipped[name]
    if (found := _imported(name)) is not None:
        return found
    # An installed package's own list says what may be loaded of it.
    package = name.partition(":")[0].partition(".")[0]
    for point in installed():
        if name == point.name or package == point.module.partition(".")[0]:
            loaded = _check(point.load(), f"the entry point {point.name} = {point.value}")
            if name in (point.name, point.value, loaded.named()):
                return loaded
    raise UnknownTaskError(
        f"task = {name!r} is not allowed: one of {', '.join(shipped)}, or a task of your own, whose module must be "
        "imported before (on the command line --task module:Class does that)"
    )


def load_task(name: str, shipped: dict[str, type[Environment]]) -> type[Environment]:
    """The same, for a name given by the user, whose module is imported from here if need be.

    Raises:
        SettingsError: if there is no such module, or no such task in it.
    """
    try:
        return find_task(name, shipped)
    except UnknownTaskError:
        module, colon, attribute = name.partition(":")
        if not colon or not module or not attribute:
            raise
    here = str(Path.cwd())
    if not {"", here} & set(sys.path):
        sys.path.insert(0, here)  # as python -m has it, and the command gfn has not
    refused = f"task = {name!r} is not allowed"
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever code of one's own may raise
        what = "" if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: "
        raise SettingsError(f"{refused}: {what}{next(iter(str(error).splitlines()), '')}") from None
    return _check(found, refused)


def _check(found: Any, refused: str) -> type[Environment]:
    if not (isinstance(found, type) and issubclass(found, Environment)):
        raise SettingsError(
            f"{refused}: it is no subclass of gfn.environments.DiscreteEnvironment or PlanarEnvironment"
        )
    if isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise SettingsError(f"{refused}: it lacks {missing}")
    return found


def _imported(name: str) -> type[Environment] | None:
    """The task of this name among all classes of modules that are there; of one defined again, as in a notebook, the last."""
    there = (each for each in _subclasses(Environment) if each.__module__ in sys.modules and each.named() == name)
    found = {(each.__module__, each.__qualname__): each for each in there}
    places = {module: each for (module, _), each in found.items() if module != "__main__"} or found
    if len(places) > 1:
        which = ", ".join(f"{each.__module__}:{each.__qualname__}" for each in found.values())
        raise SettingsError(f"task = {name!r} is not allowed: {which} have this name, give them others")
    return next(reversed(found.values()), None)


def _subclasses(base: type[Environment]) -> Iterator[type[Environment]]:
    for each in base.__subclasses__():
        if not isabstract(each):
            yield each
        yield from _subclasses(each)
