"""The suite: all parts one after the other, what is finished kept, and the results as one JSON file."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks import edition, evaluation, gpu, limit, lines, objectives, peers, replication, scaling, whole
from benchmarks.processes import Workers
from benchmarks.settings import BUILD, Scale
from gfn.runs.provenance import package_fingerprint

PARTS = {
    "peers": peers,
    "limit": limit,
    "objectives": objectives,
    "scaling": scaling,
    "evaluation": evaluation,
    "source": lines,
    "book": whole,
    "edition": edition,
    "gpu": gpu,
    "replication": replication,
}
ON_REQUEST = ("edition", "gpu", "replication")  # parts that are measured only when they are named
Results = dict[str, Any]


class ResultsError(RuntimeError):
    """A file that does not hold results of this suite, in one sentence."""


def run(scale: Scale, only: Sequence[str], out: Path, fresh: bool = False) -> Results:
    """Measure parts and write them to ``out``.

    Where parts are named, the others that ``out`` has stay; else only those stay that are measured on request.

    A part that an interrupted suite has finished is not measured again, if code and settings are the same.

    Arguments:
        scale: how thoroughly.
        only: the names of the parts; if empty, all but those on request.
        out: the file of results.
        fresh: measure again what an interrupted suite has finished.

    Raises:
        ResultsError: if ``out`` is something else, or of the other scale.
    """
    before = read(out) if out.exists() else {"quick": scale.quick, "parts": {}}
    same = before["quick"] == scale.quick
    if only and not same:
        other = "--quick" if before["quick"] else "the full suite"
        raise ResultsError(f"{out} was made with {other}: its other parts cannot stay beside these")
    stay = PARTS if only else ON_REQUEST
    parts = {name: part for name, part in before["parts"].items() if name in stay and same}
    results = {"quick": scale.quick, "parts": parts}
    chosen = list(only) or [name for name in PARTS if name not in ON_REQUEST]
    with Workers() as workers:
        for name in chosen:
            kept = BUILD / "parts" / f"{name}_{_key(name, scale)}.json"
            if fresh:
                kept.unlink(missing_ok=True)
            if not kept.exists():
                write(kept, measure(name, workers, scale))
            results["parts"][name] = json.loads(kept.read_text(encoding="utf-8"))
    results["parts"] = {name: results["parts"][name] for name in PARTS if name in results["parts"]}
    write(out, results)
    for name in chosen:
        (BUILD / "parts" / f"{name}_{_key(name, scale)}.json").unlink()
    return results


def measure(name: str, workers: Workers, scale: Scale) -> Results:
    """One part: its rows, and when and where they were measured."""
    part, rows = PARTS[name], []
    about = circumstances()
    with tqdm(part.units(scale), desc=name, file=sys.stderr, leave=False) as bar:
        for unit in bar:
            rows += part.measure(unit, workers, scale)
    versions = {key: value for worker in list(workers.values()) for key, value in worker.ask("about").items()}
    versions |= part.versions() if hasattr(part, "versions") else {}
    return about() | {"rounds": scale.rounds, "versions": versions, "rows": rows}


def circumstances() -> Callable[[], Results]:
    """When and where something is measured: called once it is, ``date``, ``minutes``, ``machine`` and ``load`` before it."""
    began, started = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    about = {"date": began, "machine": machine(), "load": load and round(load, 2)}
    return lambda: about | {"minutes": round((time.monotonic() - started) / 60, 1)}


def machine() -> dict[str, Any]:
    """Processor, cores, system and Python."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def _key(name: str, scale: Scale) -> str:
    """Names what a kept part was measured of, and how."""
    about = f"{package_fingerprint()} {scale} {PARTS[name].units(scale)}"
    return hashlib.sha256(about.encode()).hexdigest()[:12]


def read(path: Path, keys: Collection[str] = ("quick", "parts"), of: str = "the benchmarks") -> Results:
    """Results that were written.

    Arguments:
        path: of the file.
        keys: what they have.
        of: what they are of, in words.

    Raises:
        ResultsError: if there are none, or the file is something else.
    """
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {(error.strerror or 'no such file').lower()}") from None
    except ValueError:
        raise ResultsError(f"{path} is not JSON") from None
    if not isinstance(results, dict) or not set(keys) <= results.keys():
        raise ResultsError(f"{path} does not hold results of {of}")
    return results


def write(path: Path, content: Results) -> None:
    """Write JSON, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)
