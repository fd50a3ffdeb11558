"""How the commands of this folder end: with one sentence for whatever goes wrong, and its status."""

from __future__ import annotations

import sys
from typing import NoReturn

import click


def end(cli: click.Group, arguments: list[str] | None, name: str, *told: type[Exception]) -> NoReturn:
    """Run a command and leave.

    Arguments:
        cli: the command.
        arguments: of the command line; None takes those of the process.
        name: what the help calls it.
        told: errors whose message is a sentence for the user, beside those of files and values.
    """
    try:
        sys.exit(cli.main(arguments, prog_name=name, standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        sys.exit(2)
    except click.ClickException as error:
        _leave(error.format_message(), 2)
    except (*told, OSError, ValueError) as error:
        _leave(str(error), 2)
    except (KeyboardInterrupt, click.Abort):
        _leave("interrupted; the same command resumes", 130)


def _leave(message: str, status: int) -> NoReturn:
    click.echo(f"benchmarks: {' '.join(message.split())}", err=True)
    sys.exit(status)
