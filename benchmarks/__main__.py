"""The command ``python -m benchmarks``: measure, and write the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from benchmarks.ending import end
from benchmarks.environments import InstallError
from benchmarks.page import write as write_page
from benchmarks.processes import WorkerError, Workers
from benchmarks.settings import BUILD, FULL, PAGE, QUICK, RESULTS
from benchmarks.suite import PARTS, ResultsError, read
from benchmarks.suite import run as run_suite
from benchmarks.words import brackets, number

FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def cli() -> None:
    """How fast the package is: against other packages, against the arithmetic, and as sizes grow."""


@cli.command()
@click.option("--quick", is_flag=True, help="small tasks and few rounds, to see that everything works")
@click.option("--only", multiple=True, type=click.Choice(list(PARTS)), help="a part to measure (may be repeated)")
@click.option("--fresh", is_flag=True, help="measure again what an interrupted run has finished")
@click.option("--out", type=FILE, help="the results [default: data/benchmarks.json; quick: build/bench/quick.json]")
@click.option("--page", type=FILE, help="the page [default: book/guide/speed.md; quick: build/bench/quick.md]")
def run(quick: bool, only: tuple[str, ...], fresh: bool, out: Path | None, page: Path | None) -> None:
    """Measure all parts, or some, and write the results, the page and its picture.

    The part edition is measured only where --only names it; what it builds is where make edition looks
    for it. An interrupted run goes on after the last part that it has finished. With --only, the other parts
    of the results stay as they are.
    """
    out = out or (BUILD / "quick.json" if quick else RESULTS)
    page = page or (BUILD / "quick.md" if quick else PAGE)
    results = run_suite(QUICK if quick else FULL, only, out, fresh)
    click.echo(f"results: {out}\npage: {page}\npicture: {write_page(results, page)}")


@cli.command("page")
@click.option("--results", default=RESULTS, type=FILE, help="the results [default: data/benchmarks.json]")
@click.option("--page", default=PAGE, type=FILE, help="the page [default: book/guide/speed.md]")
def page_(results: Path, page: Path) -> None:
    """Write the page and its picture from stored results, without measuring."""
    click.echo(f"page: {page}\npicture: {write_page(read(results), page)}")


@cli.command()
@click.argument("part", type=click.Choice(list(PARTS)))
@click.argument("words", nargs=-1)
@click.option("--rounds", default=5, type=click.IntRange(1), show_default=True, help="how often contenders take turns")
def look(part: str, words: tuple[str, ...], rounds: int) -> None:
    """Measure a part in a few rounds and print it; nothing is stored.

    WORDS choose what of the part: "look peers sets" is Sets against torchgfn, "look peers 16" the
    hypergrid with 16 trajectories against both, "look limit sets" the share of the arithmetic limit.
    """
    scale = replace(FULL, rounds=rounds)
    units = [unit for unit in PARTS[part].units(scale) if set(words) <= set(str(unit).split())]
    if not units:
        known = ", ".join(map(str, PARTS[part].units(scale)))
        raise click.BadParameter(f"{' '.join(words)!r} is not allowed: words of one of {known}")
    with Workers() as workers:
        for unit in units:
            for row in PARTS[part].measure(unit, workers, scale):
                click.echo(", ".join(f"{key} {_brief(value)}" for key, value in row.items()))


def _brief(value: object) -> str:
    spread = isinstance(value, dict) and value.keys() == {"median", "low", "high"}
    return brackets(value) if spread else number(value) if isinstance(value, float) else str(value)


def main(arguments: list[str] | None = None) -> None:
    """Run the command; what goes wrong is one sentence on standard error."""
    end(cli, arguments, "python -m benchmarks", ResultsError, InstallError, WorkerError)


if __name__ == "__main__":
    main()
