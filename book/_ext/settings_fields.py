"""Sphinx extension: shows the settings of pydantic classes with their descriptions, and eases docstrings for reStructuredText."""

from __future__ import annotations

import importlib
import pkgutil
import re

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import gfn

COLON = "\0"


def before_napoleon(app, what, name, obj, options, lines: list[str]) -> None:
    """Escape bars, hide the colon of properties, and add the settings of a pydantic class as its arguments."""
    _escape_bars(lines)
    # MathJax takes the argument of \text literally, where LaTeX wants underscores escaped.
    lines[:] = [re.sub(r"\\text\{[^}]*\}", lambda match: match[0].replace(r"\_", "_"), line) for line in lines]
    _hide_colons_of_returns(lines)
    if what in ("property", "attribute") and lines:
        # Napoleon would take what stands before a colon for a type.
        lines[0] = lines[0].replace(":", COLON)
    if what == "class" and issubclass(obj, BaseModel):
        fields = [f"    {key}: {_describe(field)}" for key, field in obj.model_fields.items()]
        if fields:
            lines.extend(["", "Arguments:", *fields, ""])


def after_napoleon(app, what, name, obj, options, lines: list[str]) -> None:
    """Put hidden colons back."""
    lines[:] = [line.replace(COLON, ":") for line in lines]


def _escape_bars(lines: list[str]) -> None:
    """In docstrings |D| is the size of D, and not a substitution; code and formulas stay as they are."""
    in_math = False
    for number, line in enumerate(lines):
        in_math = line.lstrip().startswith(".. math::") or (in_math and line.startswith(" "))
        if not in_math:
            parts = re.split(r"(:math:`.*?`|``.*?``)", line)
            lines[number] = "".join(part if n % 2 else part.replace("|", r"\|") for n, part in enumerate(parts))


def _hide_colons_of_returns(lines: list[str]) -> None:
    """What is returned is said in words, of which Napoleon would take those before a colon for a type."""
    inside = None
    for number, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if line.strip() in ("Returns:", "Yields:"):
            inside = depth
        elif line.strip() and inside is not None:
            inside = inside if depth > inside else None
            lines[number] = line if inside is None else line.replace(":", COLON)


def _describe(field: FieldInfo) -> str:
    text = (field.description or "").replace("|", r"\|")
    if field.default is PydanticUndefined and field.default_factory is None:
        return text or "required"
    if "[default:" in text:
        return text
    default = f"{field.default_factory.__name__}()" if field.default_factory else repr(field.default)
    return f"{text} [default: ``{default}``]".strip()


def setup(app):
    # Autodoc imports modules under typing.TYPE_CHECKING, where pydantic cannot build its classes: import them before.
    for module in pkgutil.walk_packages(gfn.__path__, "gfn."):
        importlib.import_module(module.name)
    app.connect("autodoc-process-docstring", before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", after_napoleon, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
