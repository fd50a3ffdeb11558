"""What a baseline does to the variance of trajectory balance's gradient, and what that does to training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from gfn.study.claims import Evidence, judge, over_seeds, ratio
from gfn.study.evidence.answering import listed, spread, three, word
from gfn.study.evidence.convergence import accuracy_metric, by_task
from gfn.study.evidence.reaching import Unit, half_way, never, reached
from gfn.study.evidence.tables import late
from gfn.study.experiments.balance import BASELINES, YARDSTICK
from gfn.study.paper import load_claims, margin
from gfn.study.results import Run

Key = tuple[str, str, str]
Runs = Mapping[tuple[str, str], Run]
SAID = {
    "tb_scalar": "the best scalar baseline",
    "tb_state": "a learned baseline for each state",
    "tb_last": "the last choice integrated out",
}
DEMANDED = {
    "less_variance": "measurements of the variance",
    "faster": "of trajectories",
    "seconds": "of seconds",
    "accurate": "of the error",
}


def of_kind(kind: str, runs: Mapping[Key, Run]) -> dict[tuple[str, str], Run]:
    """The runs of the page that are a ``training`` or a ``variance``, by task and line."""
    return {(task, line): run for (each, task, line), run in runs.items() if each == kind}


def relative_variances(measurements: Runs) -> pd.DataFrame:
    """The variance of each line's gradient, and of VarGrad's at the same policy: a row a task, line, stage and seed.

    VarGrad's gradient is (N - 1)/N times that of the others on average, so its variance is multiplied by (N/(N - 1))².

    Returns:
        Columns ``task, objective, iteration, seed, variance, yardstick, value, run``, where ``objective`` is the line,
        ``value`` its variance over VarGrad's, and ``run`` the hash of the run.
    """
    parts = []
    for (task, line), run in measurements.items():
        frame = run.frame[run.frame.metric == "variance"].astype({"objective": object})
        known = (frame.objective == "tb") & (frame.log_z == "known")
        frame["objective"] = frame.objective.mask(frame.objective == "tb", line).mask(known, "tb_known")
        size = frame.trajectories * 1.0
        scale = (size / (size - 1)) ** 2
        frame["variance"] = frame.value * scale.where(frame.objective == YARDSTICK, 1)
        wide = frame.pivot(index=["iteration", "seed"], columns="objective", values="variance")
        for name in wide.columns.drop(YARDSTICK):
            part = pd.DataFrame({"variance": wide[name], "yardstick": wide[YARDSTICK]}).reset_index()
            parts.append(
                part.assign(task=task, objective=name, value=part.variance / part.yardstick, run=run.spec.hash)
            )
    columns = ["task", "objective", "iteration", "seed", "variance", "yardstick", "value", "run"]
    return pd.concat(parts, ignore_index=True)[columns]


def evidence(settings: Any, runs: Mapping[Key, Run]) -> list[Evidence]:
    """Evidence for Q2: what VarGrad has over what each baseline has, of variance, of trajectories and seconds until an
    error is reached, and of error late in training.

    At the start of training no baseline has been learned yet, so its variance is not judged. Nor are the seconds of the
    smallest profile, which are noise.
    """
    table, found = relative_variances(of_kind("variance", runs)), []
    for (task, line, stage), part in table.groupby(["task", "objective", "iteration"], sort=False):
        if line in BASELINES and stage:
            values = part.set_index("seed").yardstick / part.set_index("seed").variance
            subject, own = f"{task}, {line}, after {stage} iterations", tuple(part.run.unique())
            found.append(over_seeds("less_variance", subject, values, runs=own))
    for task, lines in by_task(of_kind("training", runs)).items():
        for line in (line for line in lines if line in BASELINES):
            pair, subject = (lines[YARDSTICK], lines[line]), f"{task}, {line}"
            threshold, metric = half_way(pair[0]), accuracy_metric(pair[0])
            faster = partial(reached, threshold=threshold)
            found.append(ratio("faster", subject, *map(faster, pair)))
            if settings.profile != "smoke":
                found.append(ratio("seconds", subject, *map(partial(faster, unit="seconds"), pair)))
            found.append(ratio("accurate", subject, *(late(run, metric) for run in pair), margin(metric)))
    return found


def times(trainings: Runs, unit: Unit = "trajectories") -> pd.DataFrame:
    """What each line takes until the error is half of VarGrad's way down, and over what VarGrad takes.

    Returns:
        Columns ``task, objective, threshold, taken, ratio, never, seeds``: ``taken`` the median over seeds, ``ratio`` that
        of the ratios seed by seed, ``never`` how many seeds do not stay below the threshold, which count as their whole training.
    """
    rows = []
    for task, lines in by_task(trainings).items():
        threshold = half_way(lines[YARDSTICK])
        yardstick = reached(lines[YARDSTICK], threshold, unit)
        for line, run in lines.items():
            taken = reached(run, threshold, unit)
            row = {"task": task, "objective": line, "threshold": threshold, "taken": taken.median()}
            row |= {"ratio": (taken / yardstick).median(), "never": never(run, threshold), "seeds": len(taken)}
            rows.append(row)
    return pd.DataFrame(rows)


def late_errors(trainings: Runs) -> pd.DataFrame:
    """Errors late in training: ``task, objective, error, ratio``, medians over seeds, and of the ratio to VarGrad's."""
    rows = []
    for task, lines in by_task(trainings).items():
        metric = accuracy_metric(lines[YARDSTICK])
        yardstick = late(lines[YARDSTICK], metric)
        for line, run in lines.items():
            error, least = late(run, metric), margin(metric)
            ratios = (error + least) / (yardstick + least)
            rows.append({"task": task, "objective": line, "error": error.median(), "ratio": ratios.median()})
    return pd.DataFrame(rows)


def answer(settings: Any, runs: Mapping[Key, Run]) -> str:
    """The question's answer in three sentences: on the variance, on training, and how much of it is certain."""
    table, trainings = relative_variances(of_kind("variance", runs)), of_kind("training", runs)
    table = table[(table.iteration > 0) | (table.iteration.max() == 0)]
    variance = table.groupby(["task", "objective", "iteration"]).value.median().reset_index("objective")
    lines = [line for line in BASELINES if line in set(variance.objective)]
    least, speed, error = (
        found.groupby("objective")[column].agg(spread)[lines]
        for found, column in ((variance, "value"), (times(trainings), "ratio"), (late_errors(trainings), "ratio"))
    )
    verdict = judge("Q2", evidence(settings, runs), settings.profile, claims=load_claims("beyond"))
    held = {test: three(verdict, test) for test in DEMANDED if test in set(verdict.judged.test)}
    first, *others = [f"{least[line]} times VarGrad's variance with {SAID[line]}" for line in lines]
    variances = listed([first, *(each.replace(" times VarGrad's variance", "") for each in others)])
    certain = listed(f"{held[test][0]} of {sum(held[test])} {DEMANDED[test]}" for test in held)
    return (
        f"{word(verdict)} At the same policy and after the start, TB's gradient has {variances}: medians over tasks and"
        f" stages, in brackets their range. In the same order, training takes {listed(speed)} times VarGrad's trajectories"
        f" to get half of VarGrad's way down, and its error late in training is {listed(error)} times VarGrad's (medians over"
        f" tasks). A gain of a tenth or more is certain in {certain}; {listed(str(many[2]) for many in held.values())} are"
        " inconclusive, and in the others there is certainly none."
    )
