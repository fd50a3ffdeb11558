"""Part ``scaling``: how the time of an iteration of trajectory balance grows with each size."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import alternate, core_share, milliseconds
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import Scale, Size, sizes

NAME = "growing"


def units(scale: Scale) -> list[Size]:
    """All sizes of all axes."""
    return sizes(scale)


def measure(unit: Size, workers: Workers, scale: Scale) -> list[dict[str, Any]]:
    """One row: the time, or the reason why there is none."""
    worker, row = workers["ours"], {"axis": unit.axis, "value": unit.value}
    try:
        worker.ask("make", name=NAME, spec=unit.spec())
        iterations, rounds = alternate({NAME: worker.runner(NAME)}, scale)
        worker.ask("drop", name=NAME)
    except WorkerError as error:
        worker.stop()
        return [row | {"reason": str(error)}]
    times = rounds[NAME]
    return [row | {"iterations": iterations, "time": milliseconds(times), "core_share": core_share(times)}]
