"""Options of the command line, made from the settings that they set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from gfn.environments import ContinuousEnvironment, Environment, Phylogenetics, PlanarEnvironment, Sets
from gfn.estimators import CONTROL_VARIATES
from gfn.runs.spec import TrainingSpec
from gfn.settings import Settings, SettingsError
from gfn.study.commands.helping import Flag, among

NAMES = {"control_variate": CONTROL_VARIATES}  # settings that are one of some names
FILES = ("alignment", "data")  # settings that are given as the name of a file


class Named(click.Path):
    """A path. An empty one, which would stand for the working folder, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, or a refusal of one that is blank."""
        if not str(value).strip():
            self.fail(f"{value!r} is not allowed: name a file or folder", param, ctx)
        return super().convert(value, param, ctx)


def flags(group: str, *models: type[Settings], skip: tuple[str, ...] = ()):
    """One option for each field of any model, whose values the models check; of tasks, each option knows what it means in each task.

    Arguments:
        group: the heading under which the help has them.
        models: settings, or several tasks.
        skip: fields that are left out.
    """
    owners: dict[str, dict[str, FieldInfo]] = {}
    for model in models:
        for name, field in model.model_fields.items():
            if name not in skip:
                owners.setdefault(name, {})[_task_of(model)] = field

    def decorate(command):
        for name, fields in reversed(owners.items()):
            of = {task: _explain(name, field) for task, field in fields.items()}
            text = of.pop("", None) or "; ".join(f"{task}: {text}" for task, text in of.items())
            kind = _metavar(name, next(iter(fields.values())))
            words = NAMES.get(name) or (kind.split("|") if "|" in kind else None)
            known = among(words) if words else None
            flag = f"--{name.replace('_', '-')}"
            about = {"metavar": kind, "help": text, "group": group, "of": of, "shell_complete": known}
            command = click.option(flag, name, cls=Flag, **about)(command)
        return command

    return decorate


def _task_of(model: type[Settings]) -> str:
    return model.named() if issubclass(model, Environment) else ""


def _explain(name: str, field: FieldInfo) -> str:
    text, default = field.description or name.replace("_", " "), field.default
    if name in NAMES:
        first, bracket, rest = text.partition(" [")
        text = f"{first}: {', '.join(NAMES[name])}{bracket}{rest}"
    if default is None or field.default_factory:
        return text
    return f"{text} [default: {','.join(map(str, default)) if isinstance(default, tuple) else default}]"


def _metavar(name: str, field: FieldInfo) -> str:
    """What kind of value a flag takes: the words that it may be, or a kind of number."""
    kinds = [field.annotation, *get_args(field.annotation)]  # those of what may be None, too
    for kind in kinds:
        if get_origin(kind) is Literal:
            return "|".join(map(str, get_args(kind)))
        if get_origin(kind) is tuple and name not in FILES:
            return "LIST"
    names = {int: "INTEGER", float: "NUMBER", bool: "BOOL"}
    if name in NAMES:
        return "NAME"
    return next((names[kind] for kind in kinds if kind in names), "FILE" if name in FILES else "VALUE")


def given(values: dict[str, Any], model: type[Settings]) -> dict[str, Any]:
    """Take the values that belong to ``model`` out of ``values``, lists split at commas."""
    found = {}
    for name, field in model.model_fields.items():
        value = values.pop(name, None)
        if value is not None:
            found[name] = [part.strip() for part in value.split(",")] if isinstance(field.default, tuple) else value
    return found


def idle(task: type[Environment]) -> set[str]:
    """The settings of a training that change nothing under this task, whatever the objective is."""
    planar, continuous = issubclass(task, PlanarEnvironment), issubclass(task, ContinuousEnvironment)
    used = {
        **dict.fromkeys(("resolution", "density"), planar),
        **dict.fromkeys(("top_k", "mode_fractions"), not continuous),
        **dict.fromkeys(("gin_layers", "gin_width"), issubclass(task, Phylogenetics)),
        "components": continuous,
        "l1_objects": not planar,
        "l1_orders": issubclass(task, Sets),
    }
    return {name for name, is_used in used.items() if not is_used}


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
    unused = idle(type(task))
    if isinstance(task, Phylogenetics) and not objective.with_flow and spec.policy.backward == "uniform":
        unused.add("hidden")
    for name in asked:
        if name in unused:
            raise SettingsError(
                f"--{name.replace('_', '-')} is not allowed for task {task.task}: it changes nothing there"
            )
        if name == "log_z_learning_rate" and objective.log_z in (None, "known"):
            without = f"--log-z-learning-rate is not allowed with objective {objective.label}"
            raise SettingsError(f"{without}: it learns no log Z")
