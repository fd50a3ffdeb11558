"""The book's page on speed, written from the results: no number in it is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from benchmarks.differences import DIFFERENCES, PACKAGES
from benchmarks.measure import Spread
from benchmarks.settings import BATCH, COSTED, GIN_WIDTH, HIDDEN, SQUARE
from benchmarks.targets import TARGETS, Parts, Row, Target, missed, reasons, rows

NOTHING, SPACE = "not measured", "\u00a0"
QUICK = """

```{warning}
These numbers come from the quick scale of the suite, which only shows that everything works: most tasks are small, and targets are not judged.
```
"""


def page(results: dict[str, Any]) -> str:
    """The whole page in MyST Markdown."""
    parts: Parts = results["parts"]
    sections = [
        HEAD + (QUICK if results["quick"] else ""),
        "## What was to be reached\n\n" + reached(parts, judge=not results["quick"]),
        PEERS + against(parts),
        LIMIT + limit(parts),
        OBJECTIVES + costs(parts),
        SCALING + growth(parts),
        EVALUATION + evaluation(parts),
        BOOK + book(parts),
        "## How it was measured\n\n" + measured(parts),
    ]
    return "\n\n".join(section.strip() for section in sections) + "\n"


HIDDEN_TEXT = " and ".join(map(str, HIDDEN))
HEAD = f"""<!-- Written by `python -m benchmarks page` from data/benchmarks.json: change neither by hand. -->
# Speed

How long an iteration of training takes: against other packages, against what the processor can do, and as tasks grow.
`make bench` measures everything again and writes this page; the table at its end says how long that takes. The first time it also installs the other packages, into environments of their own.

Unless said otherwise: trajectory balance (TB), {BATCH} trajectories an iteration, an MLP with hidden layers of {HIDDEN_TEXT} (phylogenetics: the graph network of width {GIN_WIDTH}), one seed, float32, one thread on one core.
An iteration samples, computes the loss and its gradient, and makes a step of Adam.
Times are medians over rounds, with quartiles in brackets.
What is compared takes turns in the same run, and a ratio is the median over rounds of ratios of the same round: absolute times drift, and differ between machines."""

PEERS = f"""## Against other packages

[torchgfn](https://github.com/GFNOrg/torchgfn) is written in PyTorch, [gfnx](https://github.com/d-tiapkin/gfnx) in JAX and compiled as a whole; the time of compiling is not part of an iteration.
Both hold trajectory balance; neither has forward KL, Rényi, Tsallis or leave-one-out.
{PACKAGES}
Our own times are without the record of the best objects found, which the others do not keep; the table of objectives shows what it costs.

"""
LIMIT = f"""## The arithmetic limit

No training can be faster than the multiply–adds of its network: one pass forward and one backward over each state that an iteration meets, once where the task meets the same states again.
The limit is that count over the rate of a product of two {SQUARE} × {SQUARE} matrices, measured in the same run.

"""
OBJECTIVES = """## What each objective costs

Time of an iteration, as a multiple of TB's in the same run.
Policies are held where they start, so that all objectives see the same trajectories.

"""
SCALING = """## How cost grows

One size at a time; the rest is as said at the top, on Sets where no other task is named.

"""
EVALUATION = """## Evaluation

Seconds to evaluate one policy as a run does, exactly where the task allows it; and the share of a whole run of the paper's scale, which trains and evaluates all its seeds together.
What the first evaluation takes longer, since it enumerates the task, is counted once.

"""

BOOK = """## The whole paper

`make book` from nothing but the environment: all runs, all notebooks, the book.

"""


def number(value: float) -> str:
    """Three digits, in plain notation."""
    if value == 0 or abs(value) >= 99.95:
        return f"{value:,.0f}"
    digits = 1 if abs(value) >= 9.995 else 2 if abs(value) >= 0.9995 else 3
    return f"{value:.{digits}f}" if abs(value) >= 0.0095 else f"{value:.2g}"


def brackets(spread: Spread, percent: bool = False) -> str:
    """Median and quartiles."""
    middle, low, high = ((_percent if percent else number)(spread[name]) for name in ("median", "low", "high"))
    return f"{middle}{SPACE}% ({low}–{high})" if percent else f"{middle} ({low}–{high})"


def _percent(value: float) -> str:
    return f"{100 * value:.0f}" if value >= 0.0995 else f"{100 * value:.1f}"


def table(head: Sequence[str], body: Iterable[Sequence[str]], left: Iterable[int] = (0,)) -> str:
    """A Markdown table, with columns of words aligned to the left and the others to the right."""
    lines = [head, ["---" if column in left else "---:" for column in range(len(head))], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _all(parts: Parts, part: str) -> list[Row]:
    return parts.get(part, {}).get("rows", [])


def _task(row: Row) -> str:
    return row["task"].replace("_", " ")


def reached(parts: Parts, judge: bool) -> str:
    """Every target beside what was measured, met or missed."""
    why = reasons(parts, only=missed(parts)) if judge else {}
    return table(
        ["what", "target", "measured", "verdict", "reason of a miss"],
        [_verdict(parts, target, why.get(target.name), judge) for target in TARGETS],
        left=(0, 3, 4),
    )


def _verdict(parts: Parts, target: Target, reason: str | None, judge: bool) -> list[str]:
    bound = f"{100 * target.bound:.0f}{SPACE}%" if target.percent else f"{target.bound:.2f}"
    cells = [target.what.replace("_", " "), f"{'≤' if target.at_most else '≥'}{SPACE}{bound}"]
    spread, remark = target.find(parts)
    if spread is None:
        return [*cells, NOTHING, "", ""]
    shown = brackets(spread, target.percent) + (f", {remark.replace('_', ' ')}" if remark else "")
    if not judge:
        return [*cells, shown, f"not{SPACE}judged", ""]
    if target.met(spread):
        return [*cells, shown, "met", ""]
    return [*cells, shown, "**missed**", reason or "none measured yet"]


def against(parts: Parts) -> str:
    """A row for each comparison, with what differs."""
    body = []
    for row in _all(parts, "peers"):
        cells = [f"{_task(row)}, {row['batch']}: {row['peer']}"]
        if "reason" in row:
            body.append([*cells, *[""] * 4, f"none: {row['reason']}"])
        else:
            times = [brackets(row[name]) for name in ("ours", "theirs", "ratio")]
            differs = DIFFERENCES[row["peer"], row["task"]]
            if row["peer"].startswith("gfnx"):
                differs += f"; compiles for {number(row['first'])}{SPACE}s"
            body.append([*cells, *times, number(row["cpu_ratio"]["median"]), differs])
    head = ["task, batch: package", "ours (ms)", "theirs (ms)", "ours / theirs", "in CPU time", "what differs there"]
    return table(head, body, left=(0, 5)) if body else NOTHING


def limit(parts: Parts) -> str:
    """A row for each task."""
    body = []
    for row in _all(parts, "limit"):
        if "reason" in row:
            body.append([_task(row), f"none: {row['reason']}", *[""] * 4])
        else:
            counts = [f"{row['states']:,.0f}", number(row["operations"] / 1e6)]
            times = [brackets(row[name]) for name in ("limit", "time")]
            body.append([_task(row), *counts, *times, brackets(row["share"], percent=True)])
    head = ["task", "states", "million multiply–adds", "limit (ms)", "measured (ms)", "share of the limit"]
    if not body:
        return NOTHING
    rates = [row["gflops"] for row in rows(parts, "limit")]
    rate = f"\n\nThe matrix product ran at {number(median(r['median'] for r in rates))} GFLOP/s." if rates else ""
    return table(head, body) + rate


def costs(parts: Parts) -> str:
    """Two tables, time and memory: a row for each objective, a column for each task."""
    names = list(dict.fromkeys(row["objective"] for row in _all(parts, "objectives")))
    if not names:
        return NOTHING
    found = {(row["objective"], row["task"]): row for row in _all(parts, "objectives")}
    tasks = [task for task in COSTED if any(key[1] == task for key in found)]

    def cell(name: str, task: str, memory: bool) -> str:
        row = found.get((name, task))
        if row is None or "reason" in row:
            return f"none: {row['reason']}" if row else NOTHING
        if memory:
            return number(row["memory"])
        return f"{number(row['time']['median'])} ms" if name == "tb" else brackets(row["ratio"])

    times, memories = (
        table(["objective", *tasks], [[_objective(n), *(cell(n, t, memory) for t in tasks)] for n in names])
        for memory in (False, True)
    )
    about = (
        "Memory: the most that an iteration holds at once beyond what is there before it (MiB), by PyTorch's own "
        "allocation events."
    )
    return f"{times}\n\n{about}\n\n{memories}"


def _objective(name: str) -> str:
    words = name.split(" ", 1)
    return f"{words[0].replace('_', ' ')}, {words[1]}" if len(words) > 1 and words[0] != "tb" else name


def growth(parts: Parts) -> str:
    """A row for each size of each axis."""
    body, first = [], {}
    for row in _all(parts, "scaling"):
        cells = [row["axis"], row["value"]]
        if "reason" in row:
            body.append([*cells, f"none: {row['reason']}", ""])
        else:
            start = first.setdefault(row["axis"], row["time"]["median"])
            body.append([*cells, brackets(row["time"]), number(row["time"]["median"] / start)])
    return table(["what grows", "size", "an iteration (ms)", "times the first"], body, left=(0, 1)) if body else NOTHING


def evaluation(parts: Parts) -> str:
    """A row for each task."""
    body = []
    for row in _all(parts, "evaluation"):
        if "reason" in row:
            body.append([_task(row), f"none: {row['reason']}", *[""] * 5])
        else:
            run = f"{row['evaluations']} for {row['iterations']} iterations of {row['seeds']} seeds"
            cells = [row["metric"], brackets(row["seconds"]), number(row["first"]), run]
            body.append([_task(row), *cells, brackets(row["time"]), brackets(row["share"], percent=True)])
    head = ["task", "metric", "one policy (s)", "its first time (s)", "evaluations in a run"]
    head += ["an iteration of the run (ms)", "share of the run"]
    return table(head, body, left=(0, 1)) if body else NOTHING


def book(parts: Parts) -> str:
    """A sentence, and the tasks with their runs."""
    for row in _all(parts, "book"):
        if "reason" in row:
            return f"none: {row['reason']}"
        text = (
            f"On {row['cores']} cores, with {row['seeds']} seeds and {row['runs']} runs, it took "
            f"{number(row['minutes']['median'])} minutes, {number(row['cpu_minutes'])} minutes of processor time. "
            f"The largest process held {number(row['largest']['median'])} GiB."
        )
        trained = sorted(row["training"].items(), key=lambda item: -item[1]["minutes"])
        body = [[task.replace("_", " "), str(t["runs"]), number(t["minutes"])] for task, t in trained]
        return f"{text}\n\n{table(['task', 'runs', 'minutes of one core in training'], body)}"
    return NOTHING


def measured(parts: Parts) -> str:
    """Machine, versions, dates."""
    machines = dict.fromkeys(
        "{processor}, {cores} cores, {system}, Python {python}".format(**part["machine"]) for part in parts.values()
    )
    versions = {key: value for part in parts.values() for key, value in part["versions"].items()}
    source = versions.pop("source", None)
    named = ", ".join(f"{name} {value}" for name, value in sorted(versions.items()))
    body = []
    for name, part in parts.items():
        shares = [row["core_share"] for row in part["rows"] if "core_share" in row]
        share = f"{100 * median(shares):.0f} %" if shares else ""
        load = "" if part["load"] is None else f"{part['load']:.1f}"
        body.append([name, part["date"], f"{part['minutes']:.1f}", str(part["rounds"]), load, share])
    about = [f"Machine: {'; '.join(machines)}.", f"Versions: {named}; source {source}."]
    about.append(
        "Each implementation is a process of its own, all on the same core, and only one of them computes at a time. "
        "On a quiet machine a process has the core for all of the measured time."
    )
    head = ["part", "begun (UTC)", "minutes", "rounds", "load before", "had the core"]
    return "\n\n".join([*about, table(head, body)])
