"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gfn.environments import TASKS, load_task
from gfn.study.commands.helping import Flag, among
from gfn.study.flags import Named, flags

FOLDER = Named(file_okay=False, path_type=Path)
HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def device(**others: Any):
    """The option ``--device``."""
    text = "where to train: cpu, cuda, cuda:1, ... [default: cpu]"
    return click.option("--device", default="cpu", metavar="DEVICE", help=text, **others)


def import_tasks(ctx: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> None:
    """Import the tasks of these names, so that runs of them can be read.

    Raises:
        SettingsError: if there is no such task.
    """
    for name in names:
        load_task(name)


def own_tasks():
    """The option ``--task`` of commands that read runs, which may be given several times; the command does not see it."""
    text = "task of your own to import, whose runs are among these (may be repeated)"
    about = {"multiple": True, "metavar": "MODULE:CLASS", "help": text}
    return click.option("--task", callback=import_tasks, expose_value=False, **about)


def task(text: str, default: str | None = None):
    """The options ``--task``, ``--task-seed`` and those of all tasks.

    Arguments:
        text: the help of ``--task``.
        default: of it.
    """
    options = (
        click.option(
            "--task", default=default, metavar="NAME", help=text, shell_complete=among(TASKS), cls=Flag, group="Task"
        ),
        click.option(
            "--task-seed",
            metavar="INTEGER",
            help="seed of the reward's random law [default: 0]",
            cls=Flag,
            group="Task",
        ),
        flags("Task", *TASKS.values(), skip=("task", "task_seed")),
    )

    def decorate(command):
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
