"""Sphinx extension: names of the API lead to their lines in the repository, where its address is set.

Listings of the code as pages of the book would be a sixth of it.
"""

from __future__ import annotations

import importlib
import inspect
from functools import partial, reduce
from pathlib import Path

from gfn_site import BRANCH, address

import gfn

ROOT = Path(gfn.__file__).parents[1]


def line_of(repository: str, domain: str, info: dict[str, str]) -> str | None:
    """Where the code of a name is; None for what is no class, function or method of the package, and without an address."""
    if not repository or domain != "py" or not info["module"].startswith("gfn"):
        return None
    try:
        found = reduce(getattr, info["fullname"].split("."), importlib.import_module(info["module"]))
        found = inspect.unwrap(getattr(found, "fget", getattr(found, "func", found)))  # of properties, cached or not
        path = Path(inspect.getsourcefile(found)).relative_to(ROOT).as_posix()
        lines, first = inspect.getsourcelines(found)
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    return f"{repository}/blob/{BRANCH}/{path}#L{first}-L{first + len(lines) - 1}"


def configure(app, config) -> None:
    config.linkcode_resolve = partial(line_of, address(config))


def setup(app):
    app.setup_extension("sphinx.ext.linkcode")
    app.connect("config-inited", configure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
