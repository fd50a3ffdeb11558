"""``gfn verify``: some of the stored runs made again and compared."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gfn.runs.training import check_device
from gfn.study.commands.helping import Command
from gfn.study.commands.options import FOLDER, device, own_tasks
from gfn.study.results import describe, published_store
from gfn.study.verify import choose
from gfn.study.verify import verify as compare_again


@click.command(cls=Command, examples=["gfn verify --count 2", "gfn verify my_results --count 20 --seed 1"])
@click.argument("store", type=FOLDER, required=False)
@click.option("--count", default=5, type=click.IntRange(min=1), help="how many runs, at random [default: 5]")
@click.option("--seed", default=0, type=click.IntRange(min=0), help="seed of the choice [default: 0]")
@device()
@own_tasks()
def verify(store: Path | None, count: int, seed: int, device: str) -> None:
    """Make a random sample of the stored runs again and compare.

    STORE is a folder of results, by default the published ones. Rounding parts runs on different
    machines, so final values are compared over seeds, within tolerances that are printed. Seconds are the
    machine's: of a measurement of costs only memory is compared. If runs disagree, the status is 1.
    """
    check_device(device)
    paths = choose(store or published_store(), count, seed)
    disagreeing = 0
    for comparison in compare_again(paths, device):
        click.echo(f"{comparison.run.spec.hash}  {describe(comparison.run.spec)}")
        click.echo(comparison.table.to_string(index=False))
        disagreeing += not comparison.agrees
    click.echo(f"{len(paths) - disagreeing} of {len(paths)} runs agree")
    if disagreeing:
        sys.exit(1)
