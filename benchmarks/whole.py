"""Part ``book``: what it takes to regenerate all of the paper and build its book, from nothing but the environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import short, spread
from benchmarks.processes import Workers
from benchmarks.settings import BUILD, ROOT, Scale
from gfn.runs.spec import TrainingSpec
from gfn.study.results import Run, read_run

MIB = 2**10  # KiB


def units(scale: Scale) -> list[str]:
    """The one profile."""
    return [scale.profile]


def command(profile: str, folder: Path, part: str) -> list[str]:
    """``make book`` into a folder of its own."""
    return ["make", "book", f"PROFILE={profile}", f"PART={part}", f"CONFIG=build={os.path.relpath(folder, ROOT)}"]


def measure(
    unit: str, workers: Workers, scale: Scale, folder: Path | None = None, part: str = "paper"
) -> list[dict[str, Any]]:
    """One row: wall-clock and processor time, the largest process, and how long each task trained.

    What was in ``folder``, by default one of the suite's own, is deleted first.
    """
    workers["ours"].ask("about")
    folder = folder or BUILD / "book"
    log = BUILD / f"{folder.name}.log"
    shutil.rmtree(folder, ignore_errors=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(command(unit, folder, part), cwd=ROOT, stdout=output, stderr=output)
        # What the system says of a process that ended holds for all that it waited for, too.
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status:
        return [{"profile": unit, "reason": f"make book failed, see {os.path.relpath(log, ROOT)}"}]
    runs = [read_run(path) for path in sorted((folder / "results").glob("*.parquet"))]
    return [
        {
            "profile": unit,
            "cores": os.cpu_count(),
            "seeds": len(runs[0].spec.seeds),
            "runs": len(runs),
            "minutes": spread([seconds / 60]),
            "cpu_minutes": short((usage.ru_utime + usage.ru_stime) / 60),
            "largest": spread([usage.ru_maxrss / MIB / 2**10]),
            "training": training_minutes(runs),
        }
    ]


def training_minutes(runs: list[Run]) -> dict[str, dict[str, float]]:
    """For each task, how many runs trained on it and for how long in all, evaluation left out."""
    found: dict[str, dict[str, float]] = {}
    for run in runs:
        if isinstance(run.spec, TrainingSpec):
            of_task = found.setdefault(run.spec.task.task, {"runs": 0, "minutes": 0.0})
            of_task["runs"] += 1
            of_task["minutes"] += run.frame.seconds.max() / 60
    return {task: {"runs": row["runs"], "minutes": short(row["minutes"])} for task, row in found.items()}
