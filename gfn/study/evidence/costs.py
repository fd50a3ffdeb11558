"""What an iteration of each objective costs beside trajectory balance's, and what it costs to reach an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from gfn.runs.objective import WITH_ALPHA, WITH_FLOW
from gfn.study.claims import Evidence, judge, over_seeds, ratio
from gfn.study.evidence.answering import ANSWERS, by_criterion, spread, word
from gfn.study.evidence.convergence import by_task
from gfn.study.evidence.reaching import half_way, never, reached
from gfn.study.experiments.costs import measured_lines
from gfn.study.paper import DIVERGENCES, load_claims
from gfn.study.presentation import digits
from gfn.study.results import Run

Key = tuple[str, str, str]
Runs = Mapping[Key, Run]
YARDSTICK = "vargrad"  # whose way down sets the error to be reached
TIME, MEMORY = "processor_seconds", "memory"
JOINT = tuple(f"{name}_joint" if name in WITH_ALPHA else name for name in DIVERGENCES)  # of KLs it is leave-one-out
FASTER = "renyi_joint"
DEMANDED = {
    "joint_cheap": "at most 1.1 times TB's time with leave-one-out on the whole weight",
    "both_cheap": "at most 1.5 times TB's time with the paper's two",
    "memory": "at most 1.1 times TB's memory with either",
    "time": "at most VarGrad's seconds for Rényi with leave-one-out on the whole weight",
}


def cost_frame(runs: Runs) -> pd.DataFrame:
    """All measurements of iterations: ``task, objective, iteration, metric, value, ratio, run``.

    ``objective`` is the line, ``iteration`` the number of the round, ``ratio`` the value over TB's in the same round, and
    ``run`` the hash of the measurement.
    """
    parts = []
    for (kind, task, _), run in runs.items():
        if kind == "cost":
            lines = measured_lines(run.spec.task)
            frame = run.frame[["iteration", "metric", "cell", "value"]].astype({"metric": str})
            tb = frame[frame.cell == lines.index("tb")].set_index(["metric", "iteration"]).value
            same_round = pd.MultiIndex.from_frame(frame[["metric", "iteration"]])
            frame = frame.assign(task=task, objective=[lines[cell] for cell in frame.cell], run=run.spec.hash)
            parts.append(frame.assign(ratio=frame.value / tb.loc[same_round].to_numpy()))
    table = pd.concat(parts, ignore_index=True)
    return table[["task", "objective", "iteration", "metric", "value", "ratio", "run"]]


def trainings(runs: Runs) -> dict[tuple[str, str], Run]:
    """The page's trainings, by task and line."""
    return {(task, line): run for (kind, task, line), run in runs.items() if kind == "training"}


def spread_table(costs: pd.DataFrame, metric: str = TIME) -> pd.DataFrame:
    """Ratios to TB as text, medians over rounds ± half of the distance between the quartiles: a row a line, a column a task;
    a dash where there is none.
    """
    part = costs[costs.metric == metric].groupby(["objective", "task"], sort=False).ratio
    text = part.agg(_spread).unstack("task", sort=False)
    order = max((list(dict.fromkeys(costs.objective[costs.task == task])) for task in text), key=len)
    return text.loc[order].fillna("–")


def _spread(ratios: pd.Series) -> str:
    low, middle, high = ratios.quantile([0.25, 0.5, 0.75])
    return digits.spread(middle, (high - low) / 2) if len(ratios) > 1 else digits.number(middle)


def tb_table(costs: pd.DataFrame) -> pd.DataFrame:
    """TB's iteration in plain units, a row a task: ``processor`` and ``clock`` in milliseconds, ``memory`` in MiB."""
    middle = costs[costs.objective == "tb"].groupby(["task", "metric"], sort=False).value.median().unstack("metric")
    middle = middle.loc[list(dict.fromkeys(costs.task))]
    columns = {"processor": 1e3 * middle[TIME], "clock": 1e3 * middle.seconds, "memory": middle[MEMORY] / 2**20}
    return pd.DataFrame(columns)


def taken(runs: Runs) -> pd.DataFrame:
    """What each training takes until its error is half of VarGrad's way down: a row a task, line and seed.

    Seconds are those of one seed on an otherwise idle thread: its iterations until then times the median of the
    processor time of one.

    Returns:
        Columns ``task, objective, seed, threshold, trajectories, iteration_cost, seconds, never, run``; ``run`` is the hash
        of the training, ``iteration_cost`` is
        that of an iteration over TB's, and ``never`` how many of the line's seeds do not stay below the threshold: they count as their whole training.
    """
    costs, parts = cost_frame(runs), []
    middle = costs[costs.metric == TIME].groupby(["task", "objective"])[["value", "ratio"]].median()
    for task, lines in by_task(trainings(runs)).items():
        threshold = half_way(lines[YARDSTICK])
        for line, run in lines.items():
            trajectories = reached(run, threshold)
            one = middle.loc[(task, line)]
            about = {"task": task, "objective": line, "threshold": threshold, "iteration_cost": one.ratio}
            part = pd.DataFrame({"trajectories": trajectories, "never": never(run, threshold)})
            part["run"] = run.spec.hash
            part["seconds"] = trajectories / run.spec.batch_size * one.value
            parts.append(part.assign(**about).rename_axis("seed").reset_index())
    columns = ["task", "objective", "seed", "threshold", "trajectories", "iteration_cost", "seconds", "never", "run"]
    return pd.concat(parts, ignore_index=True)[columns]


def against_tb(table: pd.DataFrame) -> pd.DataFrame:
    """The same with a row for each task and line: medians over seeds, and of ratios to TB seed by seed.

    Returns:
        Columns ``task, objective, threshold, trajectories, seconds, iteration_cost, trajectory_ratio, time_ratio, never,
        seeds``; ``never`` is the number of seeds.
    """
    tb = table[table.objective == "tb"].set_index(["task", "seed"])[["trajectories", "seconds"]]
    beside = tb.loc[pd.MultiIndex.from_frame(table[["task", "seed"]])].to_numpy()
    ratios = table.assign(
        trajectory_ratio=table.trajectories / beside[:, 0], time_ratio=table.seconds / beside[:, 1], seeds=1
    )
    middle = dict.fromkeys(("threshold", "trajectories", "seconds", "iteration_cost"), "median")
    middle |= dict.fromkeys(("trajectory_ratio", "time_ratio"), "median")
    how = middle | {"never": "max", "seeds": "sum"}
    return ratios.groupby(["task", "objective"], sort=False).agg(how).reset_index()


def evidence(settings: Any, runs: Runs) -> list[Evidence]:
    """Evidence for Q4: an iteration's processor time and memory over TB's, and seconds until an error is reached over VarGrad's.

    Of time the values are rounds of one measurement, in the place of seeds; memory is the same in every round. Times of the
    smallest profile are noise, and left out.
    """
    costs, found, timed = cost_frame(runs), [], settings.profile != "smoke"
    of = {key: part for key, part in costs.groupby(["task", "objective", "metric"], sort=False)}
    measured = {task: (run.spec.hash,) for (kind, task, _), run in runs.items() if kind == "cost"}
    for task in dict.fromkeys(costs.task):
        for test, lines in (("joint_cheap", JOINT), ("both_cheap", WITH_ALPHA)):
            for line in lines:
                if timed:
                    values = of[task, line, TIME].set_index("iteration").ratio
                    found.append(over_seeds(test, f"{task}, {line}", values, runs=measured[task]))
                memory = float(of[task, line, MEMORY].ratio.iloc[0])
                found.append(Evidence("memory", f"{task}, {line}", (memory,), 0.0, measured[task]))
    seconds = taken(runs).set_index(["task", "objective", "seed"]).seconds.sort_index()
    for task in dict.fromkeys(costs.task) if timed else ():
        pair = [runs["training", task, line].spec.hash for line in (FASTER, YARDSTICK)]
        own = (*pair, *measured[task])
        found.append(ratio("time", task, seconds[task, FASTER], seconds[task, YARDSTICK], runs=own))
    return found


def answer(settings: Any, runs: Runs) -> str:
    """The question's answer: what an iteration costs, what it costs to reach an error, and what came of each criterion.

    At the smallest profile memory alone, which is the same every time.
    """
    costs = cost_frame(runs)
    memory = (
        ", ".join(_range(costs, MEMORY, lines) for lines in (JOINT, WITH_ALPHA))
        + " and "
        + _range(costs, MEMORY, WITH_FLOW)
    )
    if settings.profile == "smoke":
        return (
            f"{ANSWERS['not judged']}, where times are noise. At its peak an iteration holds {memory} times TB's memory"
            " with leave-one-out on the whole weight, with the paper's two control variates, and with DB and SubTB."
        )
    verdict = judge("Q4", evidence(settings, runs), settings.profile, claims=load_claims("beyond"))
    reach = taken(runs).groupby(["task", "objective"], sort=False).seconds.median().unstack("objective")
    over = reach.div(reach[YARDSTICK], axis=0)
    return (
        f"{word(verdict)} An iteration takes {_range(costs, TIME, JOINT)} times TB's processor time with leave-one-out on the"
        f" whole weight and {_range(costs, TIME, WITH_ALPHA)} times with the paper's two control variates, and holds"
        f" {_range(costs, MEMORY, JOINT)} and {_range(costs, MEMORY, WITH_ALPHA)} times TB's memory: medians over tasks and"
        " objectives, in brackets their range. To get half of VarGrad's way down, Rényi takes"
        f" {spread(over[FASTER])} times VarGrad's seconds with leave-one-out on the whole weight and {spread(over['renyi'])}"
        f" with the paper's two, and TB {spread(over['tb'])} (medians over tasks). Certain is: {by_criterion(verdict, DEMANDED)}."
    )


def _range(costs: pd.DataFrame, metric: str, lines: Iterable[str]) -> str:
    part = costs[(costs.metric == metric) & costs.objective.isin(list(lines))]
    return spread(part.groupby(["task", "objective"], sort=False).ratio.median())
