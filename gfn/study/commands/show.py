"""``gfn show``: what stored runs ended with."""

from __future__ import annotations

from pathlib import Path

import click

from gfn.runs.training import warn
from gfn.study.commands.helping import Command
from gfn.study.commands.options import own_tasks
from gfn.study.commands.sample import write
from gfn.study.flags import Named
from gfn.study.results import ResultError, Run, read_run
from gfn.study.summaries import final_table, told


@click.command(
    cls=Command,
    examples=[
        "gfn show results",
        "gfn show results/0123456789abcdef.parquet",
        "gfn show my_results --csv final.csv",
        "gfn show my_results --task my_task:MyTask",
    ],
)
@click.argument("paths", metavar="RUN...", nargs=-1, required=True, type=Named(path_type=Path))
@click.option(
    "--csv",
    metavar="FILE",
    type=Named(dir_okay=False, path_type=Path),
    help="write the table to this file, with every number in full",
)
@own_tasks()
def show(paths: tuple[Path, ...], csv: Path | None) -> None:
    """Show what stored runs ended with, and in what they differ.

    RUN is the file of a run, or a folder of them; there may be several. What all runs have in common stands above the
    table, and every setting in which they differ has a column. Values are means over seeds with their standard
    deviation, at the end of training. Runs that ended collapsed are named below.
    """
    runs = list(files_of(paths).values())
    if not runs:
        click.echo("no readable results")
        return
    if csv is not None:
        write(csv, "csv", final_table(runs).to_csv(index=False))
    click.echo(told(runs))
    if csv is not None:
        click.echo(f"written to {csv}")


def files_of(paths: tuple[Path, ...]) -> dict[Path, Run]:
    """The runs of files and folders by their file, each once."""
    once = {run.spec.hash: (file, run) for path in paths for file, run in _read(path).items()}
    return dict(once.values())


def _read(path: Path) -> dict[Path, Run]:
    """The run of a file; or all of a folder that can be read, and of others what is wrong on standard error."""
    if not path.is_dir():
        return {path: read_run(path)}
    files = sorted(path.glob("*.parquet"))
    if not files:
        raise ResultError(f"{path} holds no results")
    found = {}
    for file in files:
        try:
            found[file] = read_run(file)
        except ResultError as error:
            warn(str(error))
    return found
