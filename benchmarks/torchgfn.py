"""The command ``python -m benchmarks.torchgfn``: our losses inside torchgfn, beside its own, and the page on it.

Trainings run in torchgfn's environment, which is made where it is missing, in one process on one core. Each is one seed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from benchmarks import processes, suite
from benchmarks.ending import end
from benchmarks.environments import InstallError, requirements
from benchmarks.processes import Worker, WorkerError
from benchmarks.settings import BUILD, ROOT
from benchmarks.suite import ResultsError, write
from benchmarks.torchgfn_page import write_page
from gfn.study.vendor import VendorError, copies, vendor

RESULTS = ROOT / "data" / "torchgfn.json"
PAGE = ROOT / "book" / "guide" / "torchgfn.md"
EXAMPLE = ROOT / "examples" / "torchgfn_divergences.py"
FILE = click.Path(dir_okay=False, path_type=Path)
Results = dict[str, Any]

OBJECTIVES = ("tb", "tb_batch", "vargrad", "reverse_kl", "renyi", "forward_kl")
FULL = {
    "tasks": {
        "dense": {"kind": "grid", "side": 8, "r0": 0.1},
        "sparse": {"kind": "grid", "side": 8, "r0": 1e-4},
        "sets": {"kind": "sets", "universe": 16, "size": 8},
    },
    "seeds": 5,
    "batch": 64,
    "checkpoints": [0, 16, 32, 64, 128, 256],
}
QUICK = FULL | {
    "tasks": FULL["tasks"]
    | {"sparse": FULL["tasks"]["sparse"] | {"r0": 1e-3}, "sets": FULL["tasks"]["sets"] | {"universe": 6, "size": 3}},
    "seeds": 2,
    "batch": 16,
    "checkpoints": [0, 2, 4],
}


def measure(settings: dict[str, Any], kept: Path) -> Results:
    """All trainings; those that an interrupted call has finished are read from ``kept``, a line each.

    Seeds come last in turn: where it is interrupted, the seeds that there are have every objective on every task.

    Raises:
        WorkerError: if a training fails.
        InstallError: if torchgfn cannot be installed.
    """
    about = suite.circumstances()
    rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.exists() else []
    rows = [row for row in rows if row["seed"] < settings["seeds"]]
    done = {(row["task"], row["objective"], row["seed"]) for row in rows}
    vendor(BUILD / "gfn_divergences")
    worker = Worker("torchgfn study", path=(BUILD, EXAMPLE.parent))
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        versions = worker.ask("about")
        with kept.open("a", encoding="utf-8") as file:
            for task, objective, seed in tqdm([unit for unit in units(settings) if unit not in done], disable=None):
                same = {name: settings[name] for name in ("batch", "checkpoints")}
                found = worker.ask("train", task=settings["tasks"][task], objective=objective, seed=seed, **same)
                rows.append({"task": task, "objective": objective, "seed": seed} | found)
                print(json.dumps(rows[-1]), file=file, flush=True)
    finally:
        worker.stop()
    rows.sort(key=lambda row: (list(settings["tasks"]).index(row["task"]), _rank(row), row["seed"]))
    return about() | {"versions": versions, "settings": settings, "rows": rows}


def units(settings: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Task, objective and seed of every training, in the order in which they are made."""
    for seed in range(settings["seeds"]):
        for task in settings["tasks"]:
            for objective in OBJECTIVES:
                yield task, objective, seed


def _rank(row: dict[str, Any]) -> int:
    return OBJECTIVES.index(row["objective"])


def _kept(settings: dict[str, Any]) -> Path:
    """Where finished trainings wait, by all that one of them depends on."""
    same = {name: value for name, value in settings.items() if name != "seeds"}
    texts = [json.dumps(same, sort_keys=True), *copies().values()]
    texts += [path.read_text() for path in (EXAMPLE, processes.SCRIPTS["torchgfn study"], requirements("torchgfn"))]
    return BUILD / "parts" / f"torchgfn_{hashlib.sha256(''.join(texts).encode()).hexdigest()[:12]}.jsonl"


def read(path: Path) -> Results:
    """Results that were written; raises ``ResultsError`` for anything else."""
    return suite.read(path, ("settings", "rows"), "the study with torchgfn")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def cli() -> None:
    """Our losses inside torchgfn, beside its own."""


@cli.command()
@click.option("--quick", is_flag=True, help="small tasks and few iterations, to see that everything works")
@click.option(
    "--seeds", type=click.IntRange(1), help=f"how many of them [default: {FULL['seeds']}; quick: {QUICK['seeds']}]"
)
@click.option("--out", type=FILE, help="the results [default: data/torchgfn.json; quick: build/bench/torchgfn.json]")
def run(quick: bool, seeds: int | None, out: Path | None) -> None:
    """Train all, write the results, and from them the page where they are the book's.

    An interrupted run goes on after the last training that it has finished, and one of more seeds after one of fewer.
    """
    settings = QUICK if quick else FULL
    settings = settings | {"seeds": seeds or settings["seeds"]}
    out = out or (BUILD / "torchgfn.json" if quick else RESULTS)
    kept = _kept(settings)
    write(out, measure(settings, kept))
    if seeds is None:  # of fewer seeds, all wait for those to come
        kept.unlink()
    click.echo(f"results: {out}")
    if out == RESULTS:
        click.echo(f"page: {PAGE}\npicture: {write_page(read(out), PAGE)}")


@cli.command("page")
@click.option("--results", default=RESULTS, type=FILE, help="the results [default: data/torchgfn.json]")
@click.option("--page", default=PAGE, type=FILE, help="the page [default: book/guide/torchgfn.md]")
def page_(results: Path, page: Path) -> None:
    """Write what the page says of stored results, and its picture, without training."""
    click.echo(f"page: {page}\npicture: {write_page(read(results), page)}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command; what goes wrong is one sentence on standard error."""
    end(cli, arguments, "python -m benchmarks.torchgfn", ResultsError, InstallError, WorkerError, VendorError)


if __name__ == "__main__":
    main()
