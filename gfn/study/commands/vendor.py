"""``gfn vendor``: the estimators for somebody else's project."""

from __future__ import annotations

from pathlib import Path

import click

from gfn.study.commands.helping import Command
from gfn.study.flags import Named
from gfn.study.vendor import VendorError
from gfn.study.vendor import vendor as write_copy


@click.command(cls=Command, examples=["gfn vendor my_project/gfn_divergences"])
@click.argument("folder", type=Named(path_type=Path))
def vendor(folder: Path) -> None:
    """Copy the estimators into a project of yours.

    They need PyTorch alone. FOLDER is made. Its name is that under which you import them: "from gfn_divergences import renyi". Each file says
    in its header where it comes from. The same command of a newer version updates the folder; it refuses one that it
    did not write, or in which something was changed since.
    """
    try:
        changed = write_copy(folder)
    except VendorError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{folder}: {len(changed)} files written" if changed else f"{folder}: up to date")
