"""Part ``source``: how many lines of code make the results. What only looks at them, in ``gfn/study/``, does not count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.processes import Workers
from benchmarks.settings import ROOT, Scale

PACKAGE, APART = ROOT / "gfn", "study"


def units(scale: Scale) -> list[Path]:
    """The package's own files, and its folders."""
    folders = (path.parent for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != APART)
    return sorted({PACKAGE / Path(*folder.relative_to(PACKAGE).parts[:1]) for folder in folders})


def measure(unit: Path, workers: Workers, scale: Scale) -> list[dict[str, Any]]:
    """One row: files and lines of a folder, comments and docstrings included."""
    workers["ours"].ask("about")
    files = list(unit.glob("*.py") if unit == PACKAGE else unit.rglob("*.py"))
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    return [{"folder": unit.relative_to(ROOT).as_posix(), "files": len(files), "lines": lines}]
