"""The command ``gfn``: list what there is, train, show results, reproduce a figure's runs, judge and verify."""

import os
import sys

import click
from click.shell_completion import shell_complete

import gfn
from gfn.study.commands.check import check
from gfn.study.commands.helping import Group
from gfn.study.commands.judging import verdicts
from gfn.study.commands.listing import list_
from gfn.study.commands.options import HELP
from gfn.study.commands.plot import plot
from gfn.study.commands.reproduce import reproduce
from gfn.study.commands.sample import sample
from gfn.study.commands.show import show
from gfn.study.commands.table import table
from gfn.study.commands.train import train
from gfn.study.commands.vendor import vendor
from gfn.study.commands.verifying import verify
from gfn.study.ending import end
from gfn.study.oracle.command import oracle

COMPLETION = "_GFN_COMPLETE"


@click.group(cls=Group, context_settings=HELP)
@click.version_option(gfn.__version__, prog_name="gfn")
def cli() -> None:
    """Divergence measures for training GFlowNets.

    gfn COMMAND --help explains a command, with examples.
    """


cli.add_command(list_)
cli.add_command(train)
cli.add_command(check)
cli.add_command(show)
cli.add_command(plot)
cli.add_command(sample)
cli.add_command(reproduce)
cli.add_command(verdicts)
cli.add_command(verify)
cli.add_command(oracle)
cli.add_command(table)
cli.add_command(vendor)


def main(arguments: list[str] | None = None) -> None:
    """Run the command; a bad value is one sentence on standard error and exit status 2.

    Where the environment variable ``_GFN_COMPLETE`` holds what a shell asks for completion, that is answered instead.
    """
    if (asked := os.environ.get(COMPLETION)) and shell_complete(cli, {}, "gfn", COMPLETION, asked) == 0:
        sys.exit(0)
    end(cli, arguments, resumable=("train", "reproduce", "verdicts"))
