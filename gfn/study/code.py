"""Which code made a run, whether its task's file was run as a script or imported by the command."""

from __future__ import annotations

import sys

from gfn.runs.provenance import _bare_definition, _bare_file, _digest, provenance, source_fingerprint
from gfn.runs.reached import chosen, reached
from gfn.runs.spec import Spec

SCRIPT = "__main__"


def code_of(spec: Spec) -> str:
    """The fingerprint of :func:`gfn.runs.provenance.source_fingerprint`, in which a script counts as what it is called.

    So ``python knapsack.py`` and ``gfn train --task knapsack:Knapsack`` read each other's runs. (It is here, and not there,
    for a change of that module would make all runs again.)

    Raises:
        SettingsError: for a task, divergence or control variate of one's own whose source is not to be had.
    """
    files = reached(spec)
    if SCRIPT not in files:
        return source_fingerprint(spec)
    started = getattr(sys.modules[SCRIPT], "__spec__", None)
    parts = {name: _bare_file(path) for name, path in files.items()}
    for each in chosen(spec):
        if each.__module__ not in files:
            parts[f"{each.__module__}:{each.__qualname__}"] = _bare_definition(each)
    parts[started.name if started else files[SCRIPT].stem] = parts.pop(SCRIPT)
    return _digest(parts)


def origin_of(spec: Spec, device: str) -> dict[str, str]:
    """:func:`gfn.runs.provenance.provenance`, with that fingerprint."""
    return provenance(spec, device) | {"source": code_of(spec)}
