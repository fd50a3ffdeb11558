"""Where a result comes from: the code, the libraries and the machine that made it."""

import ast
import hashlib
import inspect
import io
import os
import platform
import sys
import textwrap
import tokenize
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import gfn
from gfn.runs.reached import LOOKING, chosen, reached, starts
from gfn.runs.spec import Spec
from gfn.settings import SettingsError

SCRIPT = "__main__"


def source_fingerprint(spec: Spec) -> str:
    """Twelve digits that change with the code on which a run of ``spec`` depends, but not with its comments or docstrings.

    That is what :func:`gfn.runs.reached.reached` finds, a task of one's own with its module among it. A script counts as
    what it is called, so ``python knapsack.py`` and ``gfn train --task knapsack:Knapsack`` read each other's runs.

    Raises:
        SettingsError: for a task, divergence or control variate of one's own whose source is not to be had.
    """
    files = reached(spec)
    parts = {_called(name, path): _bare_file(path) for name, path in files.items()}
    for each in chosen(spec):
        if each.__module__ not in files:
            parts[f"{each.__module__}:{each.__qualname__}"] = _bare_definition(each)
    return _digest(parts)


def _called(module: str, path: Path) -> str:
    """The name by which others import a module, of the one that was started, too."""
    if module != SCRIPT:
        return module
    started = getattr(sys.modules[SCRIPT], "__spec__", None)
    return started.name if started else path.stem


def source_fingerprints(specs: Iterable[Spec]) -> set[str]:
    """Those of many runs, of which most depend on the same code, as soon as may be."""
    return {source_fingerprint(spec) for spec in {(starts(spec), *chosen(spec)): spec for spec in specs}.values()}


def package_fingerprint() -> str:
    """The same of all code of this package that makes results."""
    root = Path(gfn.__file__).parent
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*.py")}
    return _digest(
        {name: _bare_file(p) for name, p in files.items() if Path(name).with_suffix("").parts[0] not in LOOKING}
    )


def _digest(parts: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name, code in sorted(parts.items()):
        digest.update(f"{name}\n{code}\n".encode())
    return digest.hexdigest()[:12]


def _bare_definition(kind: type | Callable) -> str:
    """Of a class or function defined in a notebook, which is no file."""
    try:
        return bare_code(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        why = "its source is not to be had, define it in a file or a notebook"
        raise SettingsError(f"{kind.__qualname__} is not allowed in runs that are stored: {why}") from None


def _bare_file(path: Path) -> str:
    about = path.stat()
    return _bare_text(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=1024)
def _bare_text(path: Path, *state: int) -> str:
    return bare_code(path.read_text(encoding="utf-8"))


def bare_code(source: str) -> str:
    """Python source without comments, docstrings and blank lines, the same under every Python version."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            lines[docstring.lineno - 1 : docstring.end_lineno] = [""] * (docstring.end_lineno - docstring.lineno + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def provenance(spec: Spec, device: str) -> dict[str, str]:
    """Versions and machine, as text, for the metadata of a result: ``source`` of its own code, ``code`` of all there is."""
    return {
        "gfn": gfn.__version__,
        "source": source_fingerprint(spec),
        "code": package_fingerprint(),
        **{name: version(name) for name in ("torch", "numpy", "pyarrow")},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "device": device,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
