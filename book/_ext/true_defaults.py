"""Sphinx extension: functions keep the defaults that they have.

To write defaults as their source does, autodoc gives functions signatures of words. They are taken back once written:
some settings are read from signatures, and pages are made with these settings.
"""

from __future__ import annotations

from types import FunctionType


def take_back(app, what, name, obj, options, signature, return_annotation) -> None:
    """Forget the signature that :mod:`sphinx.ext.autodoc.preserve_defaults` gave to a function."""
    if isinstance(obj, FunctionType):
        obj.__dict__.pop("__signature__", None)


def setup(app):
    app.connect("autodoc-process-signature", take_back)
    return {"parallel_read_safe": True}
