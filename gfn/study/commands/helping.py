"""Help of commands: flags in groups under headings, and examples at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

WIDEST = 28  # columns for flags; longer ones have a line of their own
REST = "Other"


def among(words: Iterable[str]) -> Callable[..., list[str]]:
    """What completes a word on a shell: those of ``words`` that begin with it."""
    every = list(words)
    return lambda ctx, param, incomplete: [word for word in every if word.startswith(incomplete)]


class Flag(click.Option):
    """An option that stands under a heading.

    Arguments:
        group: the heading.
        of: where it belongs to some tasks only, its help for each of them, by the task's name.
        others: of :class:`click.Option`.
    """

    def __init__(self, *declarations: Any, group: str = REST, of: dict[str, str] | None = None, **others: Any) -> None:
        super().__init__(*declarations, **others)
        self.group, self.of = group, of or {}


class Command(click.Command):
    """A command with grouped flags.

    Arguments:
        examples: command lines, which stand at the end of the help.
        others: of :class:`click.Command`.
    """

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **others: Any) -> None:
        super().__init__(*arguments, **others)
        self.examples = tuple(examples)

    def record(self, ctx: click.Context, parameter: click.Parameter) -> tuple[str, str] | None:
        """A flag and its help; None leaves it out."""
        return parameter.get_help_record(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """All flags, group by group, in columns that stand below each other."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = None if isinstance(parameter, click.Argument) else self.record(ctx, parameter)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", REST), []).append(record)
        if len(groups) == 1:
            groups = {"Options": next(iter(groups.values()))}
        width = min(WIDEST, max(len(name) for records in groups.values() for name, _ in records))
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", text) for name, text in records], WIDEST)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What comes last, and the examples, each as it is to be typed."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
                for line in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Group(click.Group):
    """A group whose commands are listed in the order in which they were added."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(self.commands)
