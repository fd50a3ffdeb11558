"""Learning curves against each other: how fast, how steady, how accurate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gfn.study.evidence.tables import final, late, mean_spread_median, over_training, with_median
from gfn.study.presentation.digits import DASH
from gfn.study.results import Run


def accuracy_metric(run: Run) -> str:
    """Which accuracy a run recorded: ``l1`` or ``jsd``."""
    return "jsd" if (run.frame.metric == "jsd").any() else "l1"


def by_task(runs: Mapping[tuple[str, str], Run]) -> dict[str, dict[str, Run]]:
    """Runs keyed by task and objective, nested."""
    nested: dict[str, dict[str, Run]] = {}
    for (task, name), run in runs.items():
        nested.setdefault(task, {})[name] = run
    return nested


def comparison_frame(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Accuracy curves of all runs in one table, with ``label`` the task's name in the figure and ``run`` its hash."""
    parts = []
    for (task, name), run in runs.items():
        frame = run.frame[run.frame.metric == accuracy_metric(run)]
        parts.append(frame.assign(label=task, objective=name, run=run.spec.hash))
    return pd.concat(parts, ignore_index=True)


def time_to_threshold(runs: Mapping[tuple[str, str], Run], factor: float = 2.0) -> pd.DataFrame:
    """When each objective's median error first falls to a threshold for good: trajectories and training seconds.

    The threshold of a task is ``factor`` times the lowest error among its objectives, as the median over seeds of the
    average over the last quarter of training. Entries are missing where an objective never stays below it.
    """
    rows = []
    for task, objectives in by_task(runs).items():
        metric = {name: accuracy_metric(run) for name, run in objectives.items()}
        threshold = factor * min(late(run, metric[name]).median() for name, run in objectives.items())
        for name, run in objectives.items():
            frame = run.frame[run.frame.metric == metric[name]]
            middle = frame.groupby("iteration")[["value", "trajectories", "seconds"]].median()
            above = middle.index[middle.value > threshold]
            after = middle[middle.index > above.max()] if len(above) else middle
            row = {"task": task, "objective": name, "threshold": threshold}
            first = after.iloc[0] if len(after) else None
            row["trajectories"] = np.nan if first is None else first.trajectories
            row["seconds"] = np.nan if first is None else first.seconds
            rows.append(row)
    return pd.DataFrame(rows)


def final_table(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Error of each run in the last quarter of training, and the one value at its end.

    Columns ``task, objective, metric, mean, standard_deviation, median, shown, last, seeds``: of the average over the
    last quarter over seeds, ``shown`` as text, and ``last`` the median over seeds of the last value; and ``run``, its hash.
    """
    rows = []
    for (task, name), run in runs.items():
        metric = accuracy_metric(run)
        values = late(run, metric)
        row = {"task": task, "objective": name, "metric": metric, "mean": values.mean()}
        row |= {"standard_deviation": values.std(), "median": values.median(), "shown": mean_spread_median(values)}
        rows.append(row | {"last": final(run, metric).median(), "seeds": len(values), "run": run.spec.hash})
    return pd.DataFrame(rows)


def error_grid(table: pd.DataFrame, lines: Sequence[str]) -> pd.DataFrame:
    """Errors of :func:`final_table` as text, in three lines: mean, ± standard deviation over seeds, median in brackets.

    A row for each line of ``lines``, a column for each task; a dash where a line was not trained on a task.
    """
    numbers = zip(table["mean"], table.standard_deviation, table["median"])
    shown = table.assign(shown=[with_median(*row, parted="\n") for row in numbers])
    return _objectives_by_tasks(shown, "shown", lines).fillna(DASH)


def last_grid(table: pd.DataFrame, lines: Sequence[str]) -> pd.DataFrame:
    """The median last value of :func:`final_table`, a row for each line of ``lines``, a column for each task."""
    return _objectives_by_tasks(table, "last", lines)


def _objectives_by_tasks(table: pd.DataFrame, values: str, lines: Sequence[str]) -> pd.DataFrame:
    wide = table.pivot(index="objective", columns="task", values=values)
    return wide.reindex(index=list(lines), columns=table.task.unique()).rename_axis(index="objective", columns="task")


def beside_paper(table: pd.DataFrame, known: Mapping[str, pd.DataFrame], lines: Sequence[str]) -> pd.DataFrame:
    """Cells of the paper that are known beside ours: a row for each task and objective.

    Arguments:
        table: of :func:`final_table`.
        known: by task, what :func:`gfn.study.paper.printed` returns.
        lines: the objectives to compare, in order.

    Returns:
        Columns ``paper`` and ``ours``, as text, and ``ours / paper``, of the means; of a range its middle.
    """
    ours, rows = table.set_index(["task", "objective"]), []
    for task, cells in known.items():
        middle = cells["mean"].fillna((cells.low + cells.high) / 2)
        for name in (name for name in lines if name in cells.index):
            mean = ours.loc[(task, name), "mean"]
            row = {"task": task, "objective": name, "paper": cells.text[name], "ours": ours.loc[(task, name), "shown"]}
            rows.append(row | {"ours / paper": mean / middle[name]})
    return pd.DataFrame(rows).set_index(["task", "objective"])


def batch_table(runs: Mapping[tuple[str, int], Run]) -> pd.DataFrame:
    """Error over training of TB and forward KL by size of a batch, a row each: medians, and their ratio seed by seed.

    Columns ``tb``, ``forward_kl``, ``ratio`` (median of forward KL's over TB's), ``low`` and ``high`` (its range over
    seeds), ``behind`` (number of seeds in which it is above one) and ``seeds``.
    """
    error = {key: over_training(run, accuracy_metric(run)) for key, run in runs.items()}
    rows = {}
    for size in sorted({size for _, size in runs}):
        above, below = error["forward_kl", size], error["tb", size]
        ratios = above / below
        row = {"tb": below.median(), "forward_kl": above.median(), "ratio": ratios.median()}
        row |= {"low": ratios.min(), "high": ratios.max(), "behind": int((ratios > 1).sum()), "seeds": len(ratios)}
        rows[size] = row
    return pd.DataFrame(rows).T.rename_axis("batch_size").astype({"behind": int, "seeds": int})
