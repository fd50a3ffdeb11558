"""Options of the command line, made from the settings that they set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import click
from pydantic.fields import FieldInfo

from gfn.environments import Environment, Phylogenetics, PlanarEnvironment, Sets, load_task
from gfn.runs.spec import TrainingSpec
from gfn.settings import Settings, SettingsError


class Named(click.Path):
    """A path that is not empty, which would stand for the working folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, or a refusal of one that is blank."""
        if not str(value).strip():
            self.fail(f"{value!r} is not allowed: name a file or folder", param, ctx)
        return super().convert(value, param, ctx)


class OfTask(click.Command):
    """A command with ``--task``, which for a task of one's own has the options of its fields, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As ever, once the options are there."""
        named = [value for option, value in pairwise(args) if option == "--task"]
        named += [arg.removeprefix("--task=") for arg in args if arg.startswith("--task=")]
        if named and ":" in named[-1]:
            ctx.meta["gfn.task"] = load_task(named[-1])
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """All options, with those of the task that was named."""
        every, task = super().get_params(ctx), ctx.meta.get("gfn.task")
        if task is None:
            return every

        def own() -> None:
            """Holds options until they are taken."""

        flags(task, skip=("task", *(param.name for param in every)))(own)
        return [*every, *reversed(getattr(own, "__click_params__", []))]


def task_class(name: str) -> type[Environment]:
    """The task that ``--task`` names.

    Raises:
        SettingsError: if there is none.
    """
    return load_task(name)


def flags(*models: type[Settings], skip: tuple[str, ...] = ()):
    """One option for each field of any model, whose values the models check; of several tasks, it says what it means in each."""
    owners: dict[str, dict[str, FieldInfo]] = {}
    for model in models:
        for name, field in model.model_fields.items():
            if name not in skip:
                title = f"{model.model_fields['task'].default}: " if len(models) > 1 else ""
                owners.setdefault(name, {})[title] = field

    def decorate(command):
        for name, fields in reversed(owners.items()):
            text = "; ".join(title + _explain(name, field) for title, field in fields.items())
            metavar = _metavar(next(iter(fields.values())).default)
            command = click.option(f"--{name.replace('_', '-')}", name, metavar=metavar, help=text)(command)
        return command

    return decorate


def _explain(name: str, field: FieldInfo) -> str:
    text, default = field.description or name.replace("_", " "), field.default
    if default is None or field.default_factory:
        return text
    return f"{text} [default: {','.join(map(str, default)) if isinstance(default, tuple) else default}]"


def _metavar(default: Any) -> str:
    return {bool: "BOOL", int: "INTEGER", float: "NUMBER", tuple: "LIST"}.get(type(default), "VALUE")


def given(values: dict[str, Any], model: type[Settings]) -> dict[str, Any]:
    """Take the values that belong to ``model`` out of ``values``, lists split at commas."""
    found = {}
    for name, field in model.model_fields.items():
        value = values.pop(name, None)
        if value is not None:
            found[name] = [part.strip() for part in value.split(",")] if isinstance(field.default, tuple) else value
    return found


def fields_from(arguments: Sequence[str], model: type[Settings]) -> dict[str, Any]:
    """The fields of ``model`` that ``--field value`` and ``--field=value`` set.

    Raises:
        SettingsError: for anything else.
    """
    left, found = list(arguments), {}
    while left:
        option, equals, value = left.pop(0).partition("=")
        name = option.removeprefix("--").replace("-", "_")
        known = ", ".join(field for field in model.model_fields if field != "task")
        if not option.startswith("--") or name not in model.model_fields or name == "task":
            raise SettingsError(f"{option} is not allowed: the fields are {known}, each with two dashes before")
        if not equals and not left:
            raise SettingsError(f"{option} is not allowed without a value")
        found[name] = value if equals else left.pop(0)
    return given(found, model)


def check_used(asked: Iterable[str], spec: TrainingSpec) -> None:
    """Refuse settings that change nothing in a training of this task under this objective but its name.

    Raises:
        SettingsError: naming the first of ``asked`` that is one.
    """
    task, objective = spec.task, spec.objective
    planar, trees = isinstance(task, PlanarEnvironment), isinstance(task, Phylogenetics)
    used = {
        **dict.fromkeys(("resolution", "components"), planar),
        **dict.fromkeys(("l1_objects", "top_k", "mode_fractions"), not planar),
        **dict.fromkeys(("gin_layers", "gin_width"), trees),
        "l1_orders": isinstance(task, Sets),
        "hidden": not trees or objective.with_flow or spec.policy.backward == "learned",
    }
    for name in asked:
        if not used.get(name, True):
            raise SettingsError(
                f"--{name.replace('_', '-')} is not allowed for task {task.task}: it changes nothing there"
            )
        if name == "log_z_learning_rate" and objective.log_z in (None, "known"):
            without = f"--log-z-learning-rate is not allowed with objective {objective.label}"
            raise SettingsError(f"{without}: it learns no log Z")
