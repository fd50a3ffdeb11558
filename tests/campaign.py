"""Kills, damage and full disks at random, and bad inputs: `python -m tests.campaign PART... [--count N] [--seed S]`.

Each part does its worst N times, starts the same command again where it was killed, compares all results with those of
an undisturbed one, bit for bit, and says what it found; ``inputs`` tries every bad input once. The parts ``book`` and
``edition`` take minutes each time.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import psutil

from gfn.environments import Sets
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import PARTIAL, Trainer
from gfn.study.results import ResultError, execute, read_run, write_run
from tests.bad_inputs import CASES, complaint, tried
from tests.processes import Command

ROOT = Path(__file__).parents[1]
TINY = [
    "--universe",
    "4",
    "--size",
    "2",
    "--hidden",
    "4",
    "--batch-size",
    "4",
    "--seeds",
    "0,1",
    "--evaluate-every",
    "20",
]
POLICY = PolicySettings(hidden=(4,))
SPECS = (
    TrainingSpec(task=Sets(universe=4, size=2), policy=POLICY, iterations=40, batch_size=4),
    TrainingSpec(task=Sets(universe=5, size=2), policy=POLICY, objective=Objective(name="db"), iterations=40),
    GradientSpec(
        task=Sets(universe=4, size=2),
        objectives=(Objective(),),
        policy=POLICY,
        warmup=(0,),
        batch_sizes=(2,),
        replicates=3,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+", choices=PARTS, help="what to try")
    parser.add_argument("--count", type=int, default=30, help="how often [default: %(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and places [default: %(default)s]")
    arguments = parser.parse_args()
    for part in arguments.parts:
        with tempfile.TemporaryDirectory() as folder:
            found = PARTS[part](Path(folder), arguments.count, random.Random(f"{part} {arguments.seed}"))
        print(f"{part}: {', '.join(f'{count} {what}' for what, count in found.items())}", flush=True)


def train(folder: Path, count: int, draw: random.Random, iterations: int = 400) -> Counter[str]:
    """Kill -9 of ``gfn train``, whose checkpoints are saved all the time in every other try, up to three times in each."""
    arguments = ["train", *TINY, "--iterations", str(iterations)]
    took, found = undisturbed(folder / "expected", arguments), Counter()
    for number in range(count):
        place, every = folder / str(number), -1.0 if number % 2 else 0.05
        for _ in range(draw.randint(1, 3)):
            found["killed"] += killed(place, [*arguments, "--out", str(place / "store")], draw.uniform(0, took), every)
            found["had a checkpoint"] += bool(list(place.glob("store/*.checkpoint")))
        found.update(ended(place, arguments, folder / "expected"))
    return found


def reproduce(folder: Path, count: int, draw: random.Random) -> Counter[str]:
    """Kill -9 of ``gfn reproduce``."""
    arguments = ["reproduce", "fig6", "--profile", "smoke"]
    took, found = undisturbed(folder / "expected", arguments), Counter()
    for number in range(count):
        place = folder / str(number)
        found["killed"] += killed(place, [*arguments, "--out", str(place / "store")], draw.uniform(0, took))
        found.update(ended(place, arguments, folder / "expected"))
    return found


def pairs(folder: Path, count: int, draw: random.Random) -> Counter[str]:
    """Two ``gfn train`` of one run in one store at the same time."""
    arguments, found = ["train", *TINY, "--iterations", "200"], Counter()
    undisturbed(folder / "expected", arguments)
    for number in range(count):
        place = folder / str(number)
        first = Command(place, [*arguments, "--out", str(place / "store")], every=-1.0)
        time.sleep(draw.uniform(0, 1))
        second = Command(place / "second", [*arguments, "--out", str(place / "store")], every=-1.0)
        found["ended"] += [first.end(), second.end()] == [(0, "")] * 2
        found.update(compared(place / "store", folder / "expected/store"))
    return found


def undisturbed(place: Path, arguments: list[str]) -> float:
    """Make what the others are compared with. Seconds that it took."""
    Command(place, ["--version"]).end()  # the first one waits until libraries are loaded
    started = time.monotonic()
    status, said = Command(place, [*arguments, "--out", str(place / "store")]).end()
    if status:
        raise RuntimeError(said)
    return time.monotonic() - started


def killed(place: Path, arguments: list[str], after: float, every: float = 20.0) -> bool:
    """Whether a command was still at work after so many seconds, and was killed."""
    command = Command(place, arguments, every=every)
    command.process.join(after)
    command.process.kill()
    command.process.join()
    return command.process.exitcode == -signal.SIGKILL


def ended(place: Path, arguments: list[str], expected: Path) -> Counter[str]:
    """The same command again, to its end."""
    status, said = Command(place, [*arguments, "--out", str(place / "store")]).end()
    found = Counter({"ended": status == 0, "complained": bool(said)})
    return found + compared(place / "store", expected / "store")


def compared(store: Path, expected: Path) -> Counter[str]:
    """Whether the runs of two stores are the same, and what else is in the first."""
    names = {path.name for path in store.iterdir()}
    partial = {name for name in names if name.endswith(PARTIAL)}
    same = names - partial == {path.name for path in expected.iterdir()}
    same = same and all(equal(store / path.name, path) for path in expected.iterdir())
    return Counter({"equal": same, "left a partial file, to be swept later": len(partial)})


def equal(one: Path, other: Path) -> bool:
    frames = [read_run(path).frame.drop(columns="seconds") for path in (one, other)]
    return frames[0].equals(frames[1]) or pd.testing.assert_frame_equal(*frames, check_exact=True) is None


def damaged(content: bytes, draw: random.Random) -> bytes:
    """With one byte changed, in every other case by a single bit."""
    changed = bytearray(content)
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8) if draw.random() < 0.5 else draw.randrange(1, 256)
    return bytes(changed)


def results(folder: Path, count: int, draw: random.Random) -> Counter[str]:
    """A byte changed in a stored run."""
    found = Counter(changed=0, noticed=0)
    for number, spec in enumerate(SPECS):
        path = folder / f"{spec.hash}.parquet"
        write_run(path, spec, execute(spec))
        whole = path.read_bytes()
        for _ in range(number, count, len(SPECS)):
            path.write_bytes(damaged(whole, draw))
            found["changed"] += 1
            try:
                read_run(path)
            except ResultError:
                found["noticed"] += 1
    return found


def checkpoints(folder: Path, count: int, draw: random.Random) -> Counter[str]:
    """A byte changed in a checkpoint."""
    path, found = folder / "run.checkpoint", Counter(changed=count, noticed=0)
    trainer = Trainer(SPECS[1])
    trainer.step()
    trainer.save(path)
    whole, fresh = path.read_bytes(), Trainer(SPECS[1])
    with open(os.devnull, "w") as nowhere, stderr(nowhere):
        for _ in range(count):
            path.write_bytes(damaged(whole, draw))
            found["noticed"] += not fresh.load(path)
    return found


def inputs(folder: Path, count: int, draw: random.Random) -> Counter[str]:
    """Every bad input of :mod:`tests.bad_inputs`, each in a folder of its own."""
    told = 0
    for number, case in enumerate(CASES):
        place = folder / str(number)
        place.mkdir()
        wrong = complaint(case, tried(case, place), place)
        told += wrong is None
        if wrong:
            print(f"{case.name}: {wrong.strip()}")
    return Counter({f"of {len(CASES)} in one sentence": told})


@contextmanager
def stderr(stream) -> Iterator[None]:
    before, sys.stderr = sys.stderr, stream
    try:
        yield
    finally:
        sys.stderr = before


def make(target: str, made: str) -> Callable[[Path, int, random.Random], Counter[str]]:
    """Kill -9 of a command of the Makefile in a copy of the checkout: in turn all its processes, or Snakemake alone."""

    def part(folder: Path, count: int, draw: random.Random) -> Counter[str]:
        took, found = 0.0, Counter()
        for number in range(-1, count):
            place = copied(folder / str(number))
            call = ["make", "-o", ".venv/.ready", *target.split()]  # which is this one's
            if number < 0:
                started = time.monotonic()
                subprocess.run(call, cwd=place, env=variables(place), check=True, stdout=subprocess.DEVNULL)
                took = time.monotonic() - started
                continue
            process = subprocess.Popen(call, cwd=place, env=variables(place), **QUIET)
            time.sleep(draw.uniform(0, took))
            chosen = 0
            for each in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
                with suppress(psutil.Error):  # those that have just come to their end
                    if number % 2 or "snakemake" in " ".join(each.cmdline()):
                        each.kill()
                        chosen += 1
            found["killed"] += bool(chosen)
            process.wait()
            found["ended"] += subprocess.run(call, cwd=place, env=variables(place), **QUIET).returncode == 0
            found["equal"] += bool(compared(place / made, folder / "-1/a copy" / made)["equal"])
            shutil.rmtree(place)
        return found

    return part


QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def copied(folder: Path) -> Path:
    """A clone of this checkout, in a path with a blank, with its virtual environment."""
    place = folder / "a copy"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(place)], check=True)
    (place / ".venv").symlink_to(Path(sys.prefix))
    return place


def variables(place: Path) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("GFN_", "MAKE"))} | {"PYTHONPATH": str(place)}


PARTS = {
    "train": train,
    "reproduce": reproduce,
    "pairs": pairs,
    "results": results,
    "checkpoints": checkpoints,
    "inputs": inputs,
    "book": make("book PROFILE=smoke", "build/smoke/results"),
    "edition": make("edition EDITION=smoke", "data/results"),
}

if __name__ == "__main__":
    main()
