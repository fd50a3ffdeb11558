"""``gfn table``: measurements in any form made into the CSV that ``--data`` reads."""

from __future__ import annotations

from pathlib import Path

import click

from gfn.study.commands.helping import Command
from gfn.study.flags import Named
from gfn.study.tables import SEPARATORS, plain_table

EXAMPLES = [
    "gfn table measurements.tsv measurements.csv --separator tab",
    "gfn table from_r.txt measurements.csv --separator blank --leave-out ''",
]


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("source", type=Named(path_type=Path))
@click.argument("target", type=Named(path_type=Path))
@click.option("--separator", default="comma", metavar="WORD", help=f"{', '.join(SEPARATORS)}, or the character itself")
@click.option("--decimal", default="point", metavar="point|comma", help="what stands in numbers")
@click.option("--names/--no-names", default=None, help="whether the first line has names; it need not be said of words")
@click.option("--leave-out", multiple=True, metavar="NAME", help="a column that is no variable; again for more")
def table(
    source: Path, target: Path, separator: str, decimal: str, names: bool | None, leave_out: tuple[str, ...]
) -> None:
    """Make a table of measurements into CSV for DAGs.

    That is what "gfn train --task dags --data" reads. Nothing is guessed: SOURCE is read as the flags say, and TARGET is written if it can be read in one way only.
    An empty NAME is that of a column of row numbers that has none. Names that are numbers get an x before.
    """
    text, task = plain_table(source, separator, decimal, names, leave_out)
    if target.exists() and target.read_bytes() != text.encode():
        raise click.ClickException(f"target = {str(target)!r} is not allowed: it is there, and would be overwritten")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    click.echo(f"{target}: {task.nodes} variables, {task.samples} observations")
