"""Where a result comes from: the code, the libraries and the machine that made it."""

import ast
import hashlib
import io
import os
import platform
import tokenize
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import gfn

# The rooms that only look at results cannot change them.
LOOKING = ("study", "cli.py", "__main__.py")


@cache
def source_fingerprint() -> str:
    """Twelve digits that change when code that makes results changes, but not with its comments or docstrings."""
    root = Path(gfn.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in LOOKING:
            digest.update(f"{name.as_posix()}\n{bare_code(path.read_text(encoding='utf-8'))}\n".encode())
    return digest.hexdigest()[:12]


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


def provenance(device: str) -> dict[str, str]:
    """Versions and machine, as text, for the metadata of a result."""
    return {
        "gfn": gfn.__version__,
        "source": source_fingerprint(),
        **{name: version(name) for name in ("torch", "numpy", "pyarrow")},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "device": device,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
