"""Part ``edition``: as ``book``, at the scale of the published edition. It is measured when it is asked for by name.

It leaves its results where ``make edition`` looks for them, so that nothing is made twice.
"""

from __future__ import annotations

from typing import Any

from benchmarks import whole
from benchmarks.processes import Workers
from benchmarks.settings import ROOT, Scale


def units(scale: Scale) -> list[str]:
    """The one profile, which has no quick scale."""
    return [] if scale.quick else ["edition"]


def measure(unit: str, workers: Workers, scale: Scale) -> list[dict[str, Any]]:
    """One row, see :func:`benchmarks.whole.measure`."""
    return whole.measure(unit, workers, scale, ROOT / "build" / unit, "all")
