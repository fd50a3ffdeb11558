"""``gfn check``: a task held to its contract."""

from __future__ import annotations

import sys

import click

from gfn.environments import load_task
from gfn.environments.contract import check_task
from gfn.study.commands.helping import Command
from gfn.study.flags import fields_from


@click.command(
    cls=Command,
    context_settings={"ignore_unknown_options": True},
    examples=["gfn check my_task:MyTask", "gfn check my_task:MyTask --size 5", "gfn check sets"],
)
@click.argument("task")
@click.argument("fields", nargs=-1, metavar="[--FIELD VALUE]...", type=click.UNPROCESSED)
def check(task: str, fields: tuple[str, ...]) -> None:
    """Hold a task to its contract, and name what is wrong.

    TASK is one of the package, or MODULE:CLASS of your own, made with its defaults or with the fields that are given. If
    something is wrong, the status is 1.
    """
    kind = load_task(task)
    chosen = kind(**fields_from(fields, kind))
    problems, done = check_task(chosen)
    for problem in problems:
        click.echo(f"wrong: {problem}")
    click.echo(f"{chosen.task}: {done}")
    if problems:
        sys.exit(1)
