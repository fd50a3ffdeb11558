"""The page's section on a GPU: against one core of the same machine."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from benchmarks.gpu import OBJECTIVES, TESTS
from benchmarks.targets import Parts, Row, rows
from benchmarks.verdicts import Verdicts
from benchmarks.words import SPACE, brackets, folded, listed, number, objective_name, percent, table, task_name
from gfn.study.verify import FREE, STANDARD_ERRORS

HEADING = "(what-a-gpu-gains)=\n## What does a GPU gain?"
WHY = (
    "On a GPU an iteration is captured as a CUDA graph and launched at once; *eager* is the same without capturing, one "
    "kernel after another. The core is one of the same machine, and takes turns with the GPU in the same run."
)
NONE = "Nothing here was measured on a GPU: `python -m benchmarks run --only gpu` does, where there is one."


def gpu(parts: Parts, verdicts: Verdicts) -> str:
    """How much quicker iterations and whole runs are; folded, every measurement."""
    found = rows(parts, "gpu")
    if not found:
        return f"{HEADING}\n\n{NONE}"
    timed = [row for row in found if TESTS not in row]
    once, whole = [row for row in timed if "whole" not in row], [row for row in timed if "whole" in row]
    blocks = [
        HEADING,
        f"{summary(timed)}\n{WHY}",
        table(["task", "one core (s)", "GPU (s)", "times as fast"], [_whole(row) for row in whole]),
        "Whole runs of TB with all evaluations, each once on each device: "
        + ", ".join(sorted({f"{row['seeds']} seeds, {row['iterations']} iterations" for row in whole}))
        + "."
        if whole
        else "",
        "\n".join(filter(None, [_tests(found), _again(rows(parts, "replication"))])),
        folded("Every iteration measured", table(HEAD, [_once(row) for row in once], left=(0, 1))),
    ]
    return "\n\n".join(filter(None, blocks))


HEAD = ["task", "objective", "trajectories", "seeds", "one core (ms)", "GPU (ms)", "eager (ms)", "times as fast"]


def summary(found: list[Row]) -> str:
    """What a user should know first, in sentences."""
    once = [row for row in found if "whole" not in row]
    usual = [row for row in once if row["batch"] * row["seeds"] == min(r["batch"] * r["seeds"] for r in once)]
    largest = max(once, key=_gain)
    said = [
        f"On one {found[0]['device']} an iteration with {usual[0]['batch']} trajectories of one "
        f"seed is {_span(map(_gain, usual))} times as fast as on one core, over all tasks and "
        f"{len(OBJECTIVES)} objectives; without capturing {_span(row['eager gain']['median'] for row in usual)} times.",
        f"The gain grows with the work of an iteration: up to {number(_gain(largest))} times, on "
        f"{task_name(largest['task'])} with {largest['batch']} trajectories of {_seeds(largest['seeds'])}.",
    ]
    if whole := [row["cpu seconds"] / row["captured seconds"] for row in found if "whole" in row]:
        said.append(
            f"Whole runs are {_span(whole)} times as fast, with {number(median(whole))} in the middle, and take "
            f"{_span(row['captured seconds'] for row in found if 'whole' in row)}{SPACE}s."
        )
    return "\n".join(said)


def _tests(found: list[Row]) -> str:
    """How the tests for a GPU ended there."""
    for row in found:
        if TESTS in row:
            return f"Of the tests for a GPU (`pytest -m gpu`), {listed([f'{n} {word}' for word, n in row[TESTS].items()])} there."
    return ""


def _again(found: list[Row]) -> str:
    """How many runs agree with the published ones, and how far apart they are."""
    if not found:
        return ""
    apart = [
        STANDARD_ERRORS * metric["difference"] / (metric["allowed"] - FREE)
        for row in found
        for metric in row["metrics"].values()
    ]
    return (
        f"Of the {len(found)} runs of [figure 3](../paper/fig3.ipynb), ten seeds each, made again on it, "
        f"{sum(row['agrees'] for row in found)} agree with the published ones by the tolerances of `gfn verify`: "
        f"{percent(sum(z <= 2 for z in apart) / len(apart))}{SPACE}% of their final values lie within two standard errors "
        f"of those from the CPU, and the furthest {number(max(apart))} away."
    )


def _seeds(count: int) -> str:
    return "one seed" if count == 1 else f"{count} seeds"


def _gain(row: Row) -> float:
    return row["captured gain"]["median"]


def _span(values: Iterable[float]) -> str:
    values = list(values)
    low, high = (number(found(values)) for found in (min, max))
    return low if low == high else f"{low} to {high}"


def _whole(row: Row) -> list[str]:
    times = [row["cpu seconds"], row["captured seconds"]]
    return [task_name(row["task"]), *map(number, times), number(times[0] / times[1])]


def _once(row: Row) -> list[str]:
    times = [number(row[name]["median"]) for name in ("cpu", "captured", "eager")]
    sizes = [f"{row['batch']:,}", str(row["seeds"])]
    return [task_name(row["task"]), objective_name(row["objective"]), *sizes, *times, brackets(row["captured gain"])]
