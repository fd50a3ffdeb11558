"""The targets: each with what was measured, and with its reason where it is missed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Spread
from benchmarks.settings import BATCH, COSTED
from benchmarks.words import SPACE, brackets, number, objective_name, task_name, variate_name, work
from gfn.environments import PAPER_TASKS
from gfn.study.paper import DIVERGENCES

REASONS = Path(__file__).with_name("reasons.yaml")
Row = dict[str, Any]
Parts = dict[str, dict[str, Any]]
Found = tuple[Spread | None, str]

# What tells the rows of each part apart.
KEYS = {
    "peers": ("task", "batch", "peer", "seeds"),
    "limit": ("task",),
    "objectives": ("task", "objective"),
    "scaling": ("axis", "value"),
    "evaluation": ("task",),
    "source": ("folder",),
    "book": ("profile",),
    "edition": ("profile",),
}


def rows(parts: Parts, part: str, **where: Any) -> list[Row]:
    """The rows of a part in which something was measured, and which have these values."""
    found = parts.get(part, {}).get("rows", [])
    return [row for row in found if "reason" not in row and all(row[key] == value for key, value in where.items())]


@dataclass(frozen=True)
class Target:
    """A bound, and where to find what it bounds.

    Attributes:
        name: under which ``reasons.yaml`` explains a miss; its first word is the part that measures it.
        what: the quantity, in words.
        bound: the least or the most that is good enough.
        find: the measured quantity in the results, None where there is none, and what it is of where that is to be said.
        at_most: whether the bound is from above.
        unit: of the quantity; none for a ratio.
    """

    name: str
    what: str
    bound: float
    find: Callable[[Parts], Found]
    at_most: bool = True
    unit: str = ""

    @property
    def part(self) -> str:
        """The part of the suite that measures it."""
        return self.name.split()[0]

    def met(self, measured: Spread) -> bool:
        """Whether the median is good enough."""
        return measured["median"] <= self.bound if self.at_most else measured["median"] >= self.bound

    def limit(self) -> str:
        """The bound as the page writes it."""
        bound = f"{100 * self.bound:.0f}" if self.unit == "%" else f"{self.bound:,.{0 if self.unit else 2}f}"
        return f"{'≤' if self.at_most else '≥'}{SPACE}{bound}" + (f"{SPACE}{self.unit}" if self.unit else "")

    def shown(self, measured: Spread) -> str:
        """What was measured as the page writes it, with quartiles where there are rounds."""
        if measured["low"] < measured["high"]:
            return brackets(measured, self.unit == "%") + (f"{SPACE}{self.unit}" if self.unit not in ("", "%") else "")
        return number(measured["median"]) + (f"{SPACE}{self.unit}" if self.unit else "")


def fastest(parts: Parts, task: str, batch: int, peer: str, seeds: int = 1) -> Row | None:
    """The comparison with another package. Where it can be used in two ways, the faster one counts."""
    found = [r for r in rows(parts, "peers", task=task, batch=batch, seeds=seeds) if r["peer"].split(",")[0] == peer]
    return max(found, key=lambda row: row["ratio"]["median"], default=None)


def costliest(parts: Parts, task: str, variate: str) -> Row | None:
    """Of all divergences with a control variate, the one that takes the most time on a task."""
    names = [f"{name} {variate}" for name in DIVERGENCES]
    found = [row for row in rows(parts, "objectives", task=task) if row["objective"] in names]
    return max(found, key=lambda row: row["ratio"]["median"], default=None)


def _field(found: Iterable[Row | None], field: str) -> Found:
    """A field of the only row, if there is one."""
    row = next(iter(found), None)
    return (row[field] if row else None), ""


def _against(task: str, batch: int, peer: str, bound: float) -> Target:
    what = f"{work(task, batch)} trajectories, against {peer}"
    return Target(
        f"peers {task} {batch} {peer}", what, bound, lambda parts: _field([fastest(parts, task, batch, peer)], "ratio")
    )


def _control_variate(task: str, variate: str, bound: float) -> Target:
    def find(parts: Parts) -> Found:
        row = costliest(parts, task, variate)
        return (row["ratio"], objective_name(row["objective"]).split(",")[0]) if row else (None, "")

    what = f"{task_name(task)}, the most costly divergence with {variate_name(variate)}, against TB"
    return Target(f"objectives {task} {variate}", what, bound, find)


def _share(part: str, task: str, what: str, bound: float, at_most: bool) -> Target:
    return Target(
        f"{part} {task}",
        f"{task_name(task)}, {what}",
        bound,
        lambda parts: _field(rows(parts, part, task=task), "share"),
        at_most,
        "%",
    )


def _whole(part: str, field: str, what: str, bound: float, unit: str) -> Target:
    return Target(f"{part} {field}", what, bound, lambda parts: _field(rows(parts, part), field), unit=unit)


def _lines(parts: Parts) -> Found:
    found = rows(parts, "source")
    return (dict.fromkeys(("median", "low", "high"), sum(row["lines"] for row in found)) if found else None), ""


TARGETS = (
    _against("sets", BATCH, "torchgfn", 0.2),
    *(_against("hypergrid", batch, "torchgfn", 0.12) for batch in (16, BATCH)),
    *(_against("hypergrid", batch, "gfnx", 0.75) for batch in (16, BATCH)),
    _against("phylogenetics", BATCH, "gfnx", 0.4),
    _against("dags", BATCH, "gfnx", 0.6),
    _against("sequences", BATCH, "gfnx", 1.0),
    *(_control_variate(task, "loo", 1.05) for task in COSTED),
    *(_control_variate(task, "both", 1.5) for task in COSTED),
    *(_control_variate(task, "joint", 1.05) for task in COSTED),
    _share("limit", "sets", "share of the arithmetic limit", 0.6, at_most=False),
    *(_share("evaluation", task, "evaluation's share of the runs", 0.15, at_most=True) for task in PAPER_TASKS),
    _whole("book", "minutes", "`make book PART=paper`", 12, "minutes"),
    _whole("book", "largest", "The largest process of it", 2, "GiB"),
    _whole("edition", "minutes", "`make edition`", 45, "minutes"),
    Target("source lines", "Code that makes the results", 4800, _lines, unit="lines"),
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
            return format(value["median"] if isinstance(value, dict) else value, form).replace("%", f"{SPACE}%")
    raise ValueError(f"a reason names {{{place}}}, which was not measured")
