"""Which objective to take: how far each is behind the best one of a task, and how often it ends collapsed."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gfn.study.collapse import ending
from gfn.study.evidence.convergence import accuracy_metric, by_task
from gfn.study.evidence.tables import late
from gfn.study.paper import margin
from gfn.study.results import Run

CLOSE = 1.25  # times the lowest error, as far as the paper's claim on accuracy allows

Runs = Mapping[tuple[str, str], Run]


def factors(runs: Runs) -> pd.DataFrame:
    """Error late in training over the lowest one on the same task: rows objectives, columns tasks, at least 1.

    Medians over seeds, with the margin of :func:`gfn.study.paper.margin` added to both.
    """
    found = {}
    for task, of in by_task(runs).items():
        errors = {line: late(run, accuracy_metric(run)).median() for line, run in of.items()}
        extra = margin(accuracy_metric(next(iter(of.values()))))
        found[task] = {line: (error + extra) / (min(errors.values()) + extra) for line, error in errors.items()}
    return pd.DataFrame(found).rename_axis(index="objective", columns="task")


def collapses(runs: Runs) -> pd.DataFrame:
    """How many seeds end collapsed or no better than before training: rows objectives, columns tasks."""
    found: dict[str, dict[str, int]] = {}
    for (task, line), run in runs.items():
        end = ending(run)
        found.setdefault(task, {})[line] = len(end.collapsed) + len(end.unmoved)
    return pd.DataFrame(found).rename_axis(index="objective", columns="task")


def choice_table(runs: Runs) -> pd.DataFrame:
    """A row for each objective, that with the smallest worst factor first.

    Columns: ``worst``, the largest of its :func:`factors`, and ``on``, of which task; ``typical``, their median; ``close``,
    on how many tasks it is at most ``CLOSE``; ``collapsed``, seeds of all tasks that end so, of ``seeds``.
    """
    table = factors(runs)
    seeds = sum(len(run.spec.seeds) for (_, line), run in runs.items() if line == table.index[0])
    found = pd.DataFrame(
        {
            "worst": table.max(axis=1),
            "on": table.idxmax(axis=1),
            "typical": table.median(axis=1),
            "close": (table <= CLOSE).sum(axis=1),
            "collapsed": collapses(runs).sum(axis=1).reindex(table.index),
        }
    )
    return found.assign(seeds=seeds).sort_values("worst", kind="stable")
