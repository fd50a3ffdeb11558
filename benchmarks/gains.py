"""What a user gains: the few numbers with which the page begins, in sentences, and what its picture shows."""

from __future__ import annotations

from benchmarks.settings import BATCH, COMPARISONS, COSTED
from benchmarks.targets import TARGETS, Parts, Row, costliest, fastest, missed, rows
from benchmarks.words import SPACE, listed, number, objective_name, task_name, variate_name

SHOWN = ("loo", "joint", "both")  # control variates whose cost is shown, those of them that were measured


def against(parts: Parts, peer: str) -> list[Row]:
    """The comparisons with another package, one seed each."""
    found = [fastest(parts, c.task, c.batch, peer) for c in COMPARISONS if c.seeds == 1]
    return [row for row in found if row]


def together(parts: Parts) -> Row | None:
    """The comparison of many seeds here with one there."""
    found = [fastest(parts, c.task, c.batch, c.contenders[0], c.seeds) for c in COMPARISONS if c.seeds > 1]
    return next(filter(None, found), None)


def costs(parts: Parts) -> dict[str, dict[str, Row]]:
    """For each control variate that is shown and each task, the divergence that takes the most time."""
    found = {variate: {task: costliest(parts, task, variate) for task in COSTED} for variate in SHOWN}
    kept = {variate: {task: row for task, row in of.items() if row} for variate, of in found.items()}
    return {variate: of for variate, of in kept.items() if of}


def place(row: Row) -> str:
    """The task, and its batch where it is not the usual one."""
    return task_name(row["task"]) + ("" if row["batch"] == BATCH else f" with {row['batch']} trajectories")


def summary(parts: Parts, judge: bool) -> str:
    """A few sentences; what was not measured is left out."""
    said = [sentence(parts) for sentence in (_torchgfn, _gfnx, _seeds, _divergences, _whole)]
    measured = [target for target in TARGETS if target.find(parts)[0] is not None]
    if judge and measured:
        count = len(measured) - len(missed(parts))
        said.append(
            f"Of {len(measured)} targets, {count} are met. The tables below mark the others, and a folded block says why."
        )
    return "\n".join(filter(None, said))


def _times(found: list[Row], than: str) -> str:
    """How many times as quick ours is, the largest first."""
    first, *others = sorted(found, key=lambda row: row["ratio"]["median"])
    words = [f"{quickness(first)} times as quick {than}on {place(first)}"]
    return listed(words + [f"{quickness(row)} on {place(row)}" for row in others])


def quickness(row: Row) -> str:
    """How many times as quick ours is, in two digits."""
    times = 1 / row["ratio"]["median"]
    return f"{times:.0f}" if times >= 9.95 else f"{times:.1f}" if times >= 0.995 else f"{times:.2f}"


def _torchgfn(parts: Parts) -> str:
    found = against(parts, "torchgfn")
    return f"An iteration of training is {_times(found, 'as that of torchgfn ')}." if found else ""


def _gfnx(parts: Parts) -> str:
    found = against(parts, "gfnx")
    return f"Against gfnx, which compiles the iteration as a whole, it is {_times(found, '')}." if found else ""


def _seeds(parts: Parts) -> str:
    row = together(parts)
    if row is None:
        return ""
    return (
        f"Seeds train together: {row['seeds']} of them take {number(row['ratio']['median'])} times as long as one takes "
        f"with {row['peer']} ({place(row)})."
    )


def _divergences(parts: Parts) -> str:
    most = {variate: max(of.values(), key=lambda row: row["ratio"]["median"]) for variate, of in costs(parts).items()}
    said = [
        f"{number(row['ratio']['median'])} with {variate_name(variate)} "
        f"({objective_name(row['objective']).split(',')[0]} on {task_name(row['task'])})"
        for variate, row in most.items()
    ]
    return f"Where TB takes 1, a divergence takes at most {listed(said)}." if said else ""


def _whole(parts: Parts) -> str:
    for row in rows(parts, "book"):
        return (
            f"All of the paper, {row['runs']} runs with {row['seeds']} seeds each, all notebooks and the book, takes "
            f"{number(row['minutes']['median'])}{SPACE}minutes on {row['cores']} cores (`make book PART=paper`)."
        )
    return ""


def description(parts: Parts) -> str:
    """What the picture shows, in words, for those who cannot see it; empty where there is nothing to show."""
    said = []
    for peer in ("torchgfn", "gfnx"):
        shown = [f"{place(row)} {quickness(row)}" for row in against(parts, peer)]
        said += [f"Time of {peer} where ours is 1: {listed(shown)}."] if shown else []
    if row := together(parts):
        times = [f"{row['peer']} with one seed {number(row['theirs']['median'])}"]
        one = fastest(parts, row["task"], row["batch"], row["peer"])
        times += [f"ours with one seed {number(one['ours']['median'])}"] if one else []
        times += [f"ours with {row['seeds']} seeds {number(row['ours']['median'])}"]
        said.append(f"Milliseconds for an iteration on {place(row)}: {listed(times)}.")
    for variate, of in costs(parts).items():
        shown = [f"{task_name(task)} {number(row['ratio']['median'])}" for task, row in of.items()]
        said.append(f"Time of the most costly divergence with {variate_name(variate)} where TB is 1: {listed(shown)}.")
    return " ".join(said)
