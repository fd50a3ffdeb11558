"""Part ``replication``: the published runs of figure 3 made again on a CUDA device, and compared. Measured when it is asked for by name."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu import DEVICE, device_name, versions
from benchmarks.processes import Workers
from benchmarks.settings import Scale
from gfn.study.experiments import runs
from gfn.study.results import published_store, result_path
from gfn.study.verify import verify

__all__ = ["measure", "units", "versions"]


def units(scale: Scale) -> list[str]:
    """Hashes of the runs: each task under each objective, ten seeds."""
    found = list(runs("fig3", "edition"))
    return found[:2] if scale.quick else found


def measure(unit: str, workers: Workers, scale: Scale) -> list[dict[str, Any]]:
    """One row: whether the new run agrees with the stored one by the tolerances of ``gfn verify``, and by how much.

    Raises:
        WorkerError: where there is no GPU.
    """
    name = device_name()
    spec = runs("fig3", "edition")[unit]
    (comparison,) = verify([result_path(spec, published_store())], DEVICE)
    metrics = comparison.table.set_index("metric")[["stored", "new", "difference", "allowed"]]
    row = {"run": unit, "task": spec.task.task, "objective": spec.objective.label, "device": name}
    return [row | {"agrees": comparison.agrees, "metrics": metrics.to_dict("index")}]
