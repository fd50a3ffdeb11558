"""What was to be reached, and whether it was: each target with what was measured, and for a miss its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Spread
from benchmarks.settings import BATCH, COSTED
from gfn.environments import TASKS
from gfn.estimators import DIVERGENCES

REASONS = Path(__file__).with_name("reasons.yaml")
Row = dict[str, Any]
Parts = dict[str, dict[str, Any]]

# What tells the rows of each part apart.
KEYS = {
    "peers": ("task", "batch", "peer"),
    "limit": ("task",),
    "objectives": ("task", "objective"),
    "scaling": ("axis", "value"),
    "evaluation": ("task",),
    "book": ("profile",),
}


def rows(parts: Parts, part: str, **where: Any) -> list[Row]:
    """The rows of a part in which something was measured, and which have these values."""
    found = parts.get(part, {}).get("rows", [])
    return [row for row in found if "reason" not in row and all(row[key] == value for key, value in where.items())]


@dataclass(frozen=True)
class Target:
    """A bound, and where to find what it bounds.

    Attributes:
        name: under which ``reasons.yaml`` explains a miss.
        what: the quantity, in words.
        bound: the least or the most that is good enough.
        find: the measured quantity in the results, None where there is none, and a remark.
        at_most: whether the bound is from above.
        percent: whether to write the quantity in percent.
    """

    name: str
    what: str
    bound: float
    find: Callable[[Parts], tuple[Spread | None, str]]
    at_most: bool = True
    percent: bool = False

    def met(self, measured: Spread) -> bool:
        """Whether the median is good enough."""
        return measured["median"] <= self.bound if self.at_most else measured["median"] >= self.bound


def _worst(found: Iterable[Row], field: str, label: str = "") -> tuple[Spread | None, str]:
    """The largest of some rows, and which it is of, where there are several."""
    found = list(found)
    if not found:
        return None, ""
    row = max(found, key=lambda row: row[field]["median"])
    return row[field], row[label] if label and len(found) > 1 else ""


def _against(task: str, batch: int, peer: str, bound: float) -> Target:
    def find(parts: Parts) -> tuple[Spread | None, str]:
        found = [row for row in rows(parts, "peers", task=task, batch=batch) if row["peer"].split(",")[0] == peer]
        # Where a peer can be used in two ways, the faster one counts: beside it our share is the largest.
        return _worst(found, "ratio", "peer")

    return Target(
        f"{task} {batch} {peer}", f"{task}, batch {batch}, against {peer}: share of its time an iteration", bound, find
    )


def _control_variate(task: str, variate: str, words: str, bound: float) -> Target:
    def find(parts: Parts) -> tuple[Spread | None, str]:
        names = [f"{name} {variate}" for name in DIVERGENCES]
        found = [row for row in rows(parts, "objectives", task=task) if row["objective"] in names]
        return _worst(found, "ratio", "objective")

    return Target(f"{variate} {task}", f"{task}, the costliest divergence with {words}: times TB's time", bound, find)


def _evaluation(task: str) -> Target:
    def find(parts: Parts) -> tuple[Spread | None, str]:
        return _worst(rows(parts, "evaluation", task=task), "share")

    return Target(f"evaluation {task}", f"{task}, evaluation: share of a run's time", 0.15, find, percent=True)


def _limit(task: str) -> Target:
    def find(parts: Parts) -> tuple[Spread | None, str]:
        return _worst(rows(parts, "limit", task=task), "share")

    return Target(f"limit {task}", f"{task}: share of the arithmetic limit", 0.6, find, at_most=False, percent=True)


def _book(field: str, what: str, bound: float) -> Target:
    return Target(f"book {field}", what, bound, lambda parts: _worst(rows(parts, "book"), field))


TARGETS = (
    _against("sets", BATCH, "torchgfn", 0.2),
    _limit("sets"),
    *(_against("hypergrid", batch, "torchgfn", 0.1) for batch in (16, BATCH)),
    *(_against("hypergrid", batch, "gfnx", 0.75) for batch in (16, BATCH)),
    *(_against(task, BATCH, "gfnx", 0.75) for task in ("phylogenetics", "dags", "sequences")),
    *(_control_variate(task, "loo", "leave-one-out", 1.05) for task in COSTED),
    *(_control_variate(task, "both", "both control variates", 1.5) for task in COSTED),
    *(_control_variate(task, "joint", "leave-one-out on the whole weight", 1.05) for task in COSTED),
    *(_evaluation(task) for task in TASKS),
    _book("minutes", "make book, set-up aside: minutes", 10.0),
    _book("largest", "make book, its largest process: GiB", 2.0),
)

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def missed(parts: Parts) -> set[str]:
    """The names of targets that were measured and not met."""
    found = {target: target.find(parts)[0] for target in TARGETS}
    return {target.name for target, spread in found.items() if spread is not None and not target.met(spread)}


def reasons(parts: Parts, path: Path = REASONS, only: set[str] | None = None) -> dict[str, str]:
    """The reasons of misses by the names of their targets (``only`` some), with their numbers filled in from the results."""
    written = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    written = {name: text for name, text in written.items() if only is None or name in only}
    return {name: PLACEHOLDER.sub(lambda match: look_up(parts, match[1]), text) for name, text in written.items()}


def look_up(parts: Parts, place: str) -> str:
    """A number of the results, by a place such as ``limit|sets|share|.0%``: part, row, field, format.

    Raises:
        ValueError: if there is none.
    """
    part, *rest, form = (word.strip() for word in place.split("|"))
    *keys, field = rest
    where = dict(zip(KEYS.get(part, ()), keys))
    for row in rows(parts, part):
        if field in row and len(keys) == len(KEYS[part]) and all(str(row[k]) == value for k, value in where.items()):
            value = row[field]
            return format(value["median"] if isinstance(value, dict) else value, form)
    raise ValueError(f"a reason names {{{place}}}, which was not measured")
