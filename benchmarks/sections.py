"""The sections of the page on speed: one question and one table each, everything else folded below it."""

from __future__ import annotations

from statistics import median

from benchmarks.differences import DIFFERENCES, LOSSES, PACKAGES
from benchmarks.gains import costs as costliest_by_variate
from benchmarks.gains import together
from benchmarks.settings import COSTED, SQUARE
from benchmarks.targets import TARGETS, Parts, Row, fastest, rows
from benchmarks.verdicts import Verdicts
from benchmarks.words import (
    NOTHING,
    SPACE,
    brackets,
    folded,
    number,
    objective_name,
    table,
    task_name,
    variate_name,
    work,
)


def _all(parts: Parts, part: str) -> list[Row]:
    return parts.get(part, {}).get("rows", [])


def _section(title: str, *blocks: str) -> str:
    return "\n\n".join([f"## {title}", *(block.strip() for block in blocks if block)])


def _or_nothing(body: list, head: list[str], left: tuple[int, ...] = (0,)) -> str:
    return table(head, body, left) if body else NOTHING.capitalize() + "."


def against(parts: Parts, verdicts: Verdicts) -> str:
    """Targets beside what was measured; folded, every comparison with what differs."""
    found = {(row["task"], row["batch"], row["peer"].split(",")[0]) for row in rows(parts, "peers", seeds=1)}
    body = []
    for target in TARGETS:
        if target.part == "peers":
            _, task, batch, peer = target.name.split()
            if (task, int(batch), peer) in found:
                ratio = number(fastest(parts, task, int(batch), peer)["ratio"]["median"])
                body.append([work(task, int(batch)), peer, ratio + verdicts.of(target.name), target.limit()])
    if row := together(parts):
        label = f"{work(row['task'], row['batch'])}: {row['seeds']} seeds, theirs one"
        body.append([label, row["peer"], number(row["ratio"]["median"]), ""])
    about = (
        "[torchgfn](https://github.com/GFNOrg/torchgfn) is written in PyTorch, [gfnx](https://github.com/d-tiapkin/gfnx) "
        "in JAX and compiled as a whole; the time of compiling is not part of an iteration.\n" + LOSSES
    )
    note = "Below one, ours is quicker. Where the other package can be used in two ways, the quicker one counts."
    head = ["task, trajectories", "against", "our time / theirs", "target"]
    record = (
        "Our own times are without the record of the best objects found, which the others do not keep; the table of "
        "objectives shows what it costs."
    )
    details = f"{PACKAGES}\n{record}\n\n{comparisons(parts)}"
    return _section(
        "Is it quicker than other packages?",
        about,
        _or_nothing(body, head, (0, 1)),
        note if body else "",
        verdicts.folded("peers"),
        folded("All comparisons: times, and what differs", details) if _all(parts, "peers") else "",
    )


def comparisons(parts: Parts) -> str:
    """A row for each way to use each package."""
    body = []
    for row in _all(parts, "peers"):
        many = f", {row['seeds']} seeds" if row["seeds"] > 1 else ""
        cells = [f"{work(row['task'], row['batch'])}{many}: {row['peer']}"]
        if "reason" in row:
            body.append([*cells, *[""] * 4, f"none: {row['reason']}"])
        else:
            times = [brackets(row[name]) for name in ("ours", "theirs", "ratio")]
            differs = DIFFERENCES[row["peer"], row["task"]] + ("; one seed there" if many else "")
            if row["peer"].startswith("gfnx"):
                differs += f"; compiles for {number(row['first'])}{SPACE}s"
            body.append([*cells, *times, number(row["cpu_ratio"]["median"]), differs])
    head = ["task, trajectories: package", "ours (ms)", "theirs (ms)", "ours / theirs", "in CPU time", "what differs"]
    return table(head, body, left=(0, 5))


def costs(parts: Parts, verdicts: Verdicts) -> str:
    """The most costly divergence on each task; folded, every objective's time and memory."""
    found = {(row["objective"], row["task"]): row for row in _all(parts, "objectives")}
    tasks = [task for task in COSTED if any(key[1] == task for key in found)]
    names = list(dict.fromkeys(name for name, _ in found))
    most = costliest_by_variate(parts)

    def worst(task: str, variate: str) -> str:
        row = most[variate].get(task)
        return number(row["ratio"]["median"]) + verdicts.of(f"objectives {task} {variate}") if row else NOTHING

    def cell(name: str, task: str, memory: bool) -> str:
        row = found.get((name, task))
        if row is None or "reason" in row:
            return f"none: {row['reason']}" if row else NOTHING
        if memory:
            return number(row["memory"])
        return f"{number(row['time']['median'])} ms" if name == "tb" else brackets(row["ratio"])

    heads = [variate_name(v) + verdicts.bound(*(f"objectives {task} {v}" for task in tasks)) for v in most]
    times, memories = (
        table(
            ["objective", *map(task_name, tasks)],
            [[objective_name(n), *(cell(n, t, memory) for t in tasks)] for n in names],
        )
        for memory in (False, True)
    )
    about = (
        "Time of an iteration with the divergence that takes the most, where TB takes 1 in the same run.\n"
        "Policies are held where they start, so that all objectives see the same trajectories.\n"
        "What it costs to reach an accuracy is a page of its own: {doc}`what accuracy costs </beyond/costs>`."
    )
    memory = (
        "The most that an iteration holds at once beyond what is there before it (MiB), by PyTorch's own allocation "
        "events."
    )
    body = [[task_name(task), *(worst(task, variate) for variate in most)] for task in tasks]
    return _section(
        "What does a divergence cost?",
        about,
        _or_nothing(body, ["task", *heads]),
        verdicts.folded("objectives"),
        folded("Time of every objective, where TB takes 1", times) if names else "",
        folded("Memory of every objective", f"{memory}\n\n{memories}") if names else "",
    )


def limit(parts: Parts, verdicts: Verdicts) -> str:
    """A row for each task."""
    body = []
    for row in _all(parts, "limit"):
        if "reason" in row:
            body.append([task_name(row["task"]), f"none: {row['reason']}", *[""] * 4])
        else:
            counts = [f"{row['states']:,.0f}", number(row["operations"] / 1e6)]
            times = [number(row[name]["median"]) for name in ("limit", "time")]
            share = brackets(row["share"], share=True) + verdicts.of(f"limit {row['task']}")
            body.append([task_name(row["task"]), *counts, *times, share])
    rates = [row["gflops"]["median"] for row in rows(parts, "limit")]
    rate = f"The product ran at {number(median(rates))} GFLOP/s.\n" if rates else ""
    bound = " and ".join(f"{target.what}: {target.limit()}" for target in TARGETS if target.part == "limit")
    about = (
        "No training can be quicker than the multiply–adds of its network: one pass forward and one backward over each "
        "state that an iteration meets. On discrete tasks where at least a quarter of the states are met again, each state counts once.\n"
        f"The limit is that count over the rate of a product of two {SQUARE} × {SQUARE} matrices, measured in the same "
        f"run.\n{rate}"
        "The share depends on the processor: the higher its rate, the more everything else weighs.\n"
        f"Target: {bound}."
    )
    head = ["task", "states", "million multiply–adds", "limit (ms)", "measured (ms)", "share of the limit"]
    return _section(
        "How near is it to what the processor can do?", about, _or_nothing(body, head), verdicts.folded("limit")
    )


def growth(parts: Parts, verdicts: Verdicts) -> str:
    """The smallest and the largest size of each axis; folded, all sizes."""
    axes: dict[str, list[Row]] = {}
    for row in _all(parts, "scaling"):
        axes.setdefault(row["axis"], []).append(row)
    short, body = [], []
    for axis, found in axes.items():
        timed = [row for row in found if "reason" not in row]
        if timed:
            first, last = timed[0], timed[-1]
            times = [number(row["time"]["median"]) for row in (first, last)]
            factor = number(last["time"]["median"] / first["time"]["median"])
            short.append([axis, f"{first['value']} to {last['value']}", " to ".join(times), factor])
        for row in found:
            if "reason" in row:
                body.append([axis, row["value"], f"none: {row['reason']}", ""])
            else:
                factor = number(row["time"]["median"] / timed[0]["time"]["median"])
                body.append([axis, row["value"], brackets(row["time"]), factor])
    about = "One size at a time; the rest is as said at the top, on Sets where no other task is named."
    every = table(["what grows", "size", "an iteration (ms)", "times the first"], body, left=(0, 1))
    return _section(
        "How does time grow?",
        about,
        _or_nothing(short, ["what grows", "from and to", "an iteration (ms)", "times as long"], (0, 1)),
        folded("All sizes", every) if body else "",
    )


def evaluation(parts: Parts, verdicts: Verdicts) -> str:
    """A row for each task; folded, what the shares are computed from."""
    body, more = [], []
    for row in _all(parts, "evaluation"):
        name = task_name(row["task"])
        if "reason" in row:
            body.append([name, f"none: {row['reason']}", "", ""])
        else:
            few, many = row["evaluations"]
            often = f"{few} to {many}" if few < many else str(many)
            share = brackets(row["share"], share=True) + verdicts.of(f"evaluation {row['task']}")
            body.append([name, number(row["seconds"]["median"]), often, share])
            cells = [
                row["metric"].upper(),
                brackets(row["seconds"]),
                number(row["first"]),
                brackets(row["run_seconds"]),
            ]
            more.append([name, *cells, str(row["runs"]), f"{row['iterations']:,}", brackets(row["time"])])
    about = (
        "A run evaluates its policies as it trains, and exactly where the task allows it: often where a page shows the "
        "learning curve, otherwise only at the start and the end.\n"
        "The share is that of all runs which the paper's scale makes on the task, with the number of trajectories that "
        "is usual there."
    )
    how = (
        "The seeds of a run are evaluated together. The first evaluation takes longer, since it enumerates the task; "
        "this extra time counts once a run. Iterations count as long as TB's, which are among the quickest."
    )
    bound = verdicts.bound(*(target.name for target in TARGETS if target.part == "evaluation"))
    head = ["task", "metric", "one policy (s)", "its first time (s)", "all seeds (s)", "runs", "their iterations"]
    details = f"{how}\n\n{table([*head, 'an iteration (ms)'], more, left=(0, 1))}"
    return _section(
        "What does evaluation take?",
        about,
        _or_nothing(body, ["task", "one policy (s)", "evaluations in a run", f"share of the runs{bound}"]),
        verdicts.folded("evaluation"),
        folded("What the shares are computed from", details) if more else "",
    )


def whole(parts: Parts, verdicts: Verdicts) -> str:
    """The targets of what is made once; folded, the training of each task and the lines of each folder."""
    places = ("book", "edition", "source")
    body = []
    for target in TARGETS:
        if target.part in places:
            spread, _ = target.find(parts)
            # The edition is measured on request only.
            if spread is not None or target.part != "edition":
                shown = NOTHING if spread is None else target.shown(spread) + verdicts.of(target.name)
                body.append([target.what, shown, target.limit()])
    failed = [f"{part}: {row['reason']}" for part in places for row in _all(parts, part) if "reason" in row]
    about = [
        f"`{command}`: {row['runs']} runs with {row['seeds']} seeds on {row['cores']} cores, "
        f"{number(row['cpu_minutes'])} minutes of processor time."
        for name, command in {"book": "make book PART=paper", "edition": "make edition"}.items()
        for row in rows(parts, name)
    ]
    about = ["From nothing but the environment: all runs, all notebooks, the book.", *about, *failed]
    trained = [
        [task_name(task), str(t["runs"]), number(t["minutes"])]
        for row in rows(parts, "book")
        for task, t in sorted(row["training"].items(), key=lambda item: -item[1]["minutes"])
    ]
    folders = [[f"`{row['folder']}`", str(row["files"]), f"{row['lines']:,}"] for row in rows(parts, "source")]
    return _section(
        "What does all of the paper take?",
        "\n".join(about),
        table(["what", "measured", "target"], body),
        verdicts.folded(*places),
        folded("Training by task", table(["task", "runs", "minutes of one core"], trained)) if trained else "",
        folded("Lines of code by folder", table(["folder", "files", "lines"], folders)) if folders else "",
    )


def measured(parts: Parts, verdicts: Verdicts) -> str:
    """Machine, versions, dates."""
    machines = dict.fromkeys(
        "{processor}, {cores} cores, {system}, Python {python}".format(**part["machine"]) for part in parts.values()
    )
    versions = {key: value for part in parts.values() for key, value in part["versions"].items() if key != "source"}
    named = ", ".join(f"{name} {value}" for name, value in sorted(versions.items()))
    body = []
    for name, part in parts.items():
        shares = [row["core_share"] for row in part["rows"] if "core_share" in row]
        share = f"{100 * median(shares):.0f}{SPACE}%" if shares else ""
        load = "" if part["load"] is None else f"{part['load']:.1f}"
        cells = [f"{part['minutes']:.1f}", str(part["rounds"]), load, share, part["versions"].get("source", "")]
        cells.append(part["machine"]["processor"])
        body.append([name, part["date"], *cells])
    about = [
        "`make bench` measures everything again and writes this page; the first time it also installs the other "
        "packages, into environments of their own.",
        f"Machine: {'; '.join(machines)}.",
        f"Versions: {named}.",
        "Each implementation is a process of its own, all on the same core, and only one of them computes at a time. "
        "On a quiet machine a process has the core for all of the measured time.",
    ]
    head = ["part", "begun (UTC)", "minutes", "rounds", "load before", "had the core", "source", "processor"]
    minutes = sum(part["minutes"] for part in parts.values())
    title = f"When each part was measured, {number(minutes)} minutes in all"
    return _section("How was it measured?", "\n".join(about), folded(title, table(head, body)) if body else "")
