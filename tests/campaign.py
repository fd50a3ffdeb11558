"""Kills, damage and full disks at random, and bad inputs: `python -m tests.campaign PART... [--count N] [--seed S]`.

Each part does its worst N times, starts the same command again where it was killed, compares all results with those of
an undisturbed one, bit for bit, and says what it found; ``inputs`` tries every bad input once. The parts ``book`` and
``edition`` kill one copy of the checkout ten times on its way to the end, which takes many minutes, then begin another.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pandas as pd
import psutil

import gfn.study.edition
from gfn.environments import Sets
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import PARTIAL, Trainer
from gfn.study.results import ResultError, execute, read_run, write_run
from gfn.study.saved import SUFFIX
from gfn.study.swap import alone, restore
from tests.bad_inputs import CASES, complaint, tried
from tests.processes import FORKS, Command

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
    parser.add_argument(
        "--folder", type=Path, help="where to work, and to find the undisturbed book of an earlier time"
    )
    arguments = parser.parse_args()
    for part in arguments.parts:
        with nullcontext(arguments.folder) if arguments.folder else tempfile.TemporaryDirectory() as folder:
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
    if one.suffix == SUFFIX:  # a policy that was kept
        return one.read_bytes() == other.read_bytes()
    runs = [read_run(path) for path in (one, other)]
    timed = ["seconds", "value"] if runs[0].spec.kind == "cost" else ["seconds"]  # anew at each time
    frames = [run.frame.drop(columns=timed) for run in runs]
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


CHAIN = 10  # kills of one copy before it comes to its end
JOB, STEP = 30.0, (1e-3, 3.0)  # seconds that a job takes, roughly, and parts of publishing
STORE, PUBLISHED, PAGES = "build/smoke/results", "data/results", "build/smoke/book/_build/html"
OUTPUTS = ("made/*", "notebooks/*.ipynb", "results.png", "results.html", "book/_build/html/index.html")
WORDS = {  # of a command line, and what is then going on
    "gfn.study.edition": "publishing",
    "jupyter-book": "book",
    "verdicts --profile smoke --write": "book",
    "execute_notebook": "notebooks",
    "reproduce": "runs",
}
STEPS = ("", ".edition.partial/new", ".edition.partial/old", ".edition")  # what is there as an edition is published


def book(folder: Path, count: int, draw: random.Random) -> Counter[str]:
    """Kill -9 of ``make book``, on its way from nothing to the end."""
    expected, found = undisturbed_book(folder), Counter()
    total = len(outputs(expected))
    for chain, first in enumerate(range(0, count, CHAIN)):
        kills = min(CHAIN, count - first)
        aims = [int(draw.uniform(k, k + 1) / kills * total) for k in range(kills)]
        found += chained(copied(folder / f"book {chain}"), "book PROFILE=smoke", aims, expected, draw)
    return found


def edition(folder: Path, count: int, draw: random.Random) -> Counter[str]:
    """Kill -9 of ``make edition``, once the book is there: before and while it is published, again and again."""
    expected, found = undisturbed_book(folder), Counter()
    chain = 0
    while found["killed"] < count:
        place = folder / f"edition {chain}" / "a copy"
        shutil.copytree(expected, place, symlinks=True)
        aims = draw.choices(STEPS, k=min(CHAIN, count - found["killed"]))
        found += chained(place, "edition EDITION=smoke", aims, expected, draw)
        chain += 1
    return found


def publish(folder: Path, count: int, draw: random.Random) -> Counter[str]:
    """Kill -9 of the last command of ``make edition``, which publishes the book that is there; the old edition comes back."""
    expected, found = undisturbed_book(folder), Counter()
    place = folder / "publish" / "a copy"
    shutil.copytree(expected, place, symlinks=True)
    old = digests(place / PUBLISHED)
    took = 0.0
    for number in range(-1, count):  # once to its end, to know how long it takes
        process, started = FORKS.Process(target=publishing, args=(str(place),)), time.time()
        process.start()
        aim = draw.choice(STEPS)
        while number >= 0 and process.is_alive() and not reached(place, aim, started):
            time.sleep(0.01)
        after = math.exp(draw.uniform(*map(math.log, STEP))) if aim else draw.uniform(0, took)
        process.join(after if number >= 0 else None)
        process.kill()
        process.join()
        took = took or time.time() - started
        says = ["killed" if process.exitcode == -signal.SIGKILL else "came to its end before a kill"]
        with alone(place):
            says += ["cut off among files"] * restore(place)
        state = edition_of(place, old, expected)
        says += [f"{state} edition"] + ["damaged a run"] * (not readable(place / STORE))
        found.update(says if number >= 0 else [])
        print(f"publish, kill {number + 1}, {aim or 'any time'}: {', '.join(says)}", flush=True)
        for command in ("checkout --quiet -- .", "clean --quiet --force -d data book"):
            subprocess.run(["git", *command.split()], cwd=place, check=True)
    shutil.rmtree(place)
    return found


def publishing(place: str) -> None:
    os.chdir(place)
    sys.argv[1:] = ["smoke", "build/smoke"]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    gfn.study.edition.main()


def undisturbed_book(folder: Path) -> Path:
    """A copy of the checkout with the book, made now or earlier."""
    expected = folder / "expected" / "a copy"
    if not (expected / PAGES / "index.html").exists():
        copied(folder / "expected")
        subprocess.run(call("book PROFILE=smoke"), cwd=expected, env=variables(expected), check=True, **QUIET)
    return expected


def chained(place: Path, target: str, aims: Sequence[int | str], expected: Path, draw: random.Random) -> Counter[str]:
    """A copy whose command is killed, in turn with all its processes or as Snakemake alone, again and again, then ends.

    Arguments:
        place: the copy.
        target: of the command.
        aims: when to kill it: once so many outputs or such a folder are there, and a random time later.
        expected: the copy with the undisturbed book.
        draw: random numbers.
    """
    found, old = Counter(chains=1), digests(place / PUBLISHED)
    for number, aim in enumerate(aims):
        with (place.parent / "said").open("wb") as said:
            output = {"stdout": said, "stderr": said}
            process, started = subprocess.Popen(call(target), cwd=place, env=variables(place), **output), time.time()
        while process.poll() is None and not reached(place, aim, started):
            time.sleep(0.01 if isinstance(aim, str) else 0.1)
        with suppress(subprocess.TimeoutExpired):
            process.wait(math.exp(draw.uniform(*map(math.log, STEP))) if aim in STEPS[1:] else draw.uniform(0, JOB))
        doing = shot(process, whole=number % 2 == 0)
        if not doing:
            found.update({"came to its end before a kill": 1, "failed after a kill": process.returncode != 0})
            if process.returncode:
                print((place.parent / "said").read_text(errors="replace")[-5000:], flush=True)
            break
        cut = (place / ".edition").exists()
        subprocess.run([sys.executable, "-m", "gfn.study.swap"], cwd=place, env=variables(place), check=True, **QUIET)
        state = edition_of(place, old, expected)
        says = ["killed", f"killed at {doing}", f"{state} edition", *["cut off among files"] * cut]
        says += ["damaged a run"] * (not readable(place / STORE))
        found.update(says)
        print(f"{place.parent.name}, kill {number + 1}, {aim or 'at once'}: {', '.join(says[1:])}", flush=True)
    status = subprocess.run(call(target), cwd=place, env=variables(place), **QUIET).returncode
    published = same(place / PUBLISHED, expected) if "edition" in target else digests(place / PUBLISHED) == old
    says = ["ended"] * (status == 0) + ["equal runs"] * same(place / STORE, expected)
    here, there = pages(place), pages(expected)
    unlike = [f"another {name}" for name in sorted(here.keys() | there.keys()) if here.get(name) != there.get(name)]
    says += ["right edition"] * published + (unlike or ["equal tables and pages"])
    found.update(says)
    print(f"{place.parent.name}: {', '.join(says)}", flush=True)
    shutil.rmtree(place)
    return found


def edition_of(place: Path, old: dict[str, str], expected: Path) -> str:
    """Which edition a copy shows, the old one being that of its last commit, or that it is torn."""
    if digests(place / PUBLISHED) == old:
        call = ["git", "status", "--porcelain"]
        changed = subprocess.run(call, cwd=place, check=True, capture_output=True, text=True).stdout
        return "torn" if changed else "old"
    return "new" if same(place / PUBLISHED, expected) else "torn"


def reached(place: Path, aim: int | str, since: float) -> bool:
    """Whether so many outputs are there, or something that a command which started at ``since`` has made or moved."""
    if not isinstance(aim, str):
        return len(outputs(place)) >= aim
    with suppress(OSError):
        return not aim or (place / aim).stat().st_ctime >= since
    return False


def outputs(place: Path) -> list[Path]:
    return [path for pattern in OUTPUTS for path in (place / "build/smoke").glob(pattern)]


def shot(process: subprocess.Popen, whole: bool) -> str:
    """Kill all processes of a command, or its Snakemake alone where there is one; what it was doing, or nothing."""
    if process.poll() is not None:
        return ""
    every = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    lines = {}
    for each in every:
        with suppress(psutil.Error):  # those that have just come to their end
            lines[each] = " ".join(each.cmdline())
    one = [each for each, line in lines.items() if "bin/snakemake" in line]
    for each in every if whole or not one else one:
        with suppress(psutil.Error):
            each.kill()
    process.wait()
    return next((doing for word, doing in WORDS.items() if any(word in line for line in lines.values())), "the start")


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.parquet")}


def readable(store: Path) -> bool:
    try:
        for path in store.glob("*.parquet"):
            read_run(path)
    except ResultError:
        return False
    return True


def same(store: Path, expected: Path) -> bool:
    """Whether a store has exactly the runs of the undisturbed book."""
    wanted = {path.name: path for path in (expected / STORE).glob("*.parquet")}
    try:
        return digests(store).keys() == wanted.keys() and all(equal(store / name, wanted[name]) for name in wanted)
    except (AssertionError, ResultError):
        return False


def pages(place: Path) -> dict[str, str]:
    """The tables of the book, but for what was timed, and the names of its pages."""
    try:
        runs = {path.stem: read_run(path).spec for path in (place / STORE).glob("*.parquet")}
    except ResultError as error:
        return {str(error): ""}
    timed = re.compile("|".join(["seconds to", *(name for name, spec in runs.items() if spec.kind == "cost")]))
    found = {str(path.relative_to(place / PAGES)): "" for path in (place / PAGES).rglob("*.html")}
    for path in (place / "build/smoke/notebooks").glob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns="seconds", errors="ignore")
        found[path.name] = table[[not timed.search(" ".join(row)) for row in table.itertuples(index=False)]].to_csv()
    return found


def call(target: str) -> list[str]:
    return ["make", "-o", ".venv/.ready", f"CORES={os.environ.get('CORES', 2)}", *target.split()]  # this one's .venv


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
    "book": book,
    "edition": edition,
    "publish": publish,
}

if __name__ == "__main__":
    main()
