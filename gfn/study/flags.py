"""Options of the command line, made from the settings that they set."""

from __future__ import annotations

from typing import Any

import click
from pydantic.fields import FieldInfo

from gfn.settings import Settings


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
