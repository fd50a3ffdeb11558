"""Validated, frozen settings: the base of every task, specification and set of notebook parameters."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError


class SettingsError(ValueError):
    """A setting that is not allowed; its message is one sentence naming the value and what is allowed."""


def explain(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """The first problem of a pydantic error as one sentence, with the fields of ``model`` where a setting is unknown."""
    problem = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in problem["loc"]) or "these settings"
    if problem["type"] == "extra_forbidden":
        known = f"; known settings: {', '.join(sorted(model.model_fields))}" if model else ""
        return f"unknown setting {name!r}{known}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return message
    if problem["type"] == "missing":
        return f"{name} is missing"
    return f"{name} = {problem['input']!r} is not allowed: {message[0].lower()}{message[1:]}"


class Settings(BaseModel):
    """An immutable, hashable record of settings that refuses unknown names and impossible values.

    Raises:
        SettingsError: on construction, in one sentence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(explain(error, type(self))) from None

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some values changed: validated like any other, and without what is cached on this instance."""
        return type(self)(**(dict(zip(type(self).model_fields, _values(self))) | dict(update or {})))

    def __eq__(self, other: object) -> bool:
        # Fields alone: tensors cached on an instance are derived from them, and cannot be compared with ==.
        return type(self) is type(other) and _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash((type(self), _values(self)))


def _values(settings: Settings) -> tuple[Any, ...]:
    return tuple(getattr(settings, name) for name in type(settings).model_fields)
