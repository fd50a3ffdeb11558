"""What the start of log Z costs trajectory balance, and how much of that another start takes away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from gfn.study.evidence.convergence import accuracy_metric, by_task
from gfn.study.evidence.tables import curves, late, over_training
from gfn.study.paper import margin
from gfn.study.results import Run

REFERENCE = "reverse_kl"  # by Proposition 1, TB with Z known follows the same expected gradient
STARTS = ("tb", "tb_away")
REMEDIES = ("tb_batch", "tb_known")
ARRIVED = 0.5  # nats

Runs = Mapping[tuple[str, str], Run]


def errors(run: Run, at_end: bool = False) -> pd.Series:
    """Error of each seed with its margin, averaged over the whole of training or over its last quarter."""
    metric = accuracy_metric(run)
    return margin(metric) + (late(run, metric) if at_end else over_training(run, metric))


def deficits(runs: Runs, at_end: bool = False) -> pd.DataFrame:
    """TB's deficit for each task, start of log Z and seed, and the share of it that vanishes with each remedy.

    The deficit is log(TB's error / the reverse KL's error) of the same seed, with the margin of
    :func:`gfn.study.paper.margin` added to every error, so that what is as small as noise makes none. The share that
    vanishes with a remedy is log(TB's error / the remedy's) over the deficit: 1 where the remedy is as good as the
    reverse KL, 0 where it is TB.

    Arguments:
        runs: by task and line.
        at_end: whether errors are averaged over the last quarter of training alone.

    Returns:
        Columns ``task, start, seed, deficit``, and one for each of ``REMEDIES`` that has runs.
    """
    parts = []
    for task, start, of in _starts(runs):
        error = {line: errors(of[line], at_end) for line in (start, REFERENCE, *REMEDIES) if line in of}
        deficit = np.log(error[start] / error[REFERENCE])
        shares = {line: np.log(error[start] / error[line]) / deficit for line in REMEDIES if line in error}
        parts.append(pd.DataFrame({"deficit": deficit, **shares}).reset_index().assign(task=task, start=start))
    table = pd.concat(parts, ignore_index=True)
    first = ["task", "start", "seed", "deficit"]
    return table[first + [line for line in REMEDIES if line in table]]


def deficit_table(runs: Runs, at_end: bool = False) -> pd.DataFrame:
    """:func:`deficits` as text, medians with the range over seeds: rows task and start, columns ``factor`` and the remedies.

    ``factor`` is TB's error over the reverse KL's. Where not every seed has a deficit, there is none to speak of, and
    shares of it would be noise.
    """
    rows = {}
    for (task, start), part in deficits(runs, at_end).groupby(["task", "start"], sort=False):
        remedies = part.columns.drop(["task", "start", "seed", "deficit"])
        row = {"factor": _spread(np.exp(part.deficit), "{:.2f}".format)}
        shown = {line: _spread(part[line], _share) for line in remedies}
        rows[task, start] = row | (shown if part.deficit.min() > 0 else dict.fromkeys(remedies, "no deficit"))
    return pd.DataFrame(rows).T.rename_axis(["task", "start"])


def shares_of_deficit(runs: Runs, at_end: bool = False) -> pd.DataFrame:
    """The share of TB's deficit that vanishes with each remedy, medians over seeds: a row for each task on which every
    seed of TB from its default start has a deficit.
    """
    table = deficits(runs, at_end)
    table = table[table.start == "tb"]
    behind = table.groupby("task").deficit.transform("min") > 0
    return table[behind].groupby("task", sort=False)[list(REMEDIES)].median()


def deficit_sentence(runs: Runs, names: Mapping[str, str], at_end: bool = False) -> str:
    """On which tasks TB from its default start has a deficit in every seed, and how much of it the remedies take away."""
    shares, tasks = shares_of_deficit(runs, at_end), len(by_task(runs))
    when = "In the last quarter of training" if at_end else "Over the whole of training"
    if shares.empty:
        return f"{when}, TB with log Z from 0 is behind the reverse KL in every seed on no task."
    low, middle, high = shares.min(), shares.median(), shares.max()
    first, known = (f"{_share(middle[line])} ({_share(low[line])} to {_share(high[line])})" for line in REMEDIES)
    where = ", ".join(names[task] for task in shares.index)
    return (
        f"{when}, TB with log Z from 0 is behind the reverse KL in every seed on {len(shares)} of {tasks} tasks"
        f" ({where}). Of this deficit {first} vanishes with log Z from a first batch, and {known} with Z known: medians over"
        " these tasks of the medians over seeds, in brackets their range."
    )


def log_z_frame(runs: Runs) -> pd.DataFrame:
    """How the learned log Z travels, of every run that learns one, with ``label`` the task's name and ``run`` its hash."""
    parts = [
        run.frame[run.frame.metric == "log_z"].assign(label=task, objective=line, run=run.spec.hash)
        for (task, line), run in runs.items()
    ]
    return pd.concat(parts, ignore_index=True)


def true_log_z(runs: Runs) -> dict[str, float]:
    """log Z of every task, exactly."""
    return {task: float(next(iter(of.values())).spec.task.log_z) for task, of in by_task(runs).items()}


def arrivals(runs: Runs) -> pd.DataFrame:
    """Where each learned log Z starts and ends, and when it has arrived: ``task, line, truth, first, last, iteration``.

    Medians over seeds. It has arrived from the first evaluation on after which it stays within ``ARRIVED`` of the truth;
    missing where it does not.
    """
    rows, truths = [], true_log_z(runs)
    for (task, line), run in runs.items():
        travel = curves(run, "log_z").median(axis=1)
        if travel.empty:
            continue
        away = travel.index[(travel - truths[task]).abs() > ARRIVED]
        after = travel.index[travel.index > away.max()] if len(away) else travel.index
        row = {"task": task, "line": line, "truth": truths[task], "first": travel.iloc[0], "last": travel.iloc[-1]}
        rows.append(row | {"iteration": after[0] if len(after) else np.nan})
    return pd.DataFrame(rows)


def _starts(runs: Runs) -> Iterator[tuple[str, str, dict[str, Run]]]:
    for task, of in by_task(runs).items():
        yield from ((task, start, of) for start in STARTS if start in of and REFERENCE in of)


def _share(part: float) -> str:
    return f"{100 * part:.0f}\u00a0%".replace("-", "−")


def _spread(values: pd.Series, form: Callable[[float], str]) -> str:
    median, low, high = map(form, (values.median(), values.min(), values.max()))
    return f"{median} ({low} to {high})"
