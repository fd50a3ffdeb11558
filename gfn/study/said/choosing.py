"""Which objective to take, in words."""

from __future__ import annotations

from typing import Any

from gfn.runs.objective import WITH_ALPHA
from gfn.study.evidence.choosing import choice_table, factors
from gfn.study.said.words import decimals, listed, objective, signed, task


def chosen(settings: Any, runs: Any) -> str:
    """What to take if nothing is known, what is the safest against a collapse, and what TB from 0 costs."""
    table, every = choice_table(runs), factors(runs)
    first, tasks = table.index[0], len(every.columns)
    row = table.loc[first]
    said = (
        f"If you know nothing of your task, take {_named(first, settings)}: late in training its error is at most"
        f" {decimals(row.worst)} times the lowest of all objectives (on {task(row.on)}), and in the median over {tasks} tasks"
        f" {decimals(row.typical)} times."
    )
    fewest = table.index[table.collapsed == table.collapsed.min()]
    most = table.collapsed.idxmax()
    said += (
        f" The fewest trainings end collapsed with {listed(_named(line, settings) for line in fewest)}"
        f" ({table.collapsed.min()} of {row.seeds} seeds), the most with {_named(most, settings)} ({table.collapsed[most]})."
    )
    gain = (every.loc["tb"] / every.loc["tb_batch"]).median()
    return (
        f"{said} If you take TB, let log Z start from a first batch: from 0, the error is {decimals(gain)} times as large"
        " in the median over tasks."
    )


def _named(line: str, settings: Any) -> str:
    """An objective of this page, whose divergences all have ``joint``, with its order."""
    name = line.removesuffix("_joint")
    return f"{objective(name)} (α = {signed(settings.alpha)})" if name in WITH_ALPHA else objective(name)
