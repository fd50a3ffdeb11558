"""How the page writes things: numbers, tables, folded blocks, and the names of tasks and objectives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.measure import Spread
from benchmarks.objectives import RECORD
from gfn.study.plotting.style import CONTROL_VARIATES, OBJECTIVES, TASKS

NOTHING, SPACE = "not measured", "\u00a0"


def number(value: float) -> str:
    """Three digits, in plain notation."""
    if value == 0 or abs(value) >= 99.95:
        return f"{value:,.0f}"
    digits = 1 if abs(value) >= 9.995 else 2 if abs(value) >= 0.9995 else 3
    return f"{value:.{digits}f}" if abs(value) >= 0.0095 else f"{value:.2g}"


def percent(value: float) -> str:
    """A share in percent, without the sign."""
    return f"{100 * value:.0f}" if value >= 0.0995 else f"{100 * value:.1f}"


def brackets(spread: Spread, share: bool = False) -> str:
    """Median and quartiles; a share in percent."""
    middle, low, high = ((percent if share else number)(spread[name]) for name in ("median", "low", "high"))
    return f"{middle}{SPACE}% ({low}–{high})" if share else f"{middle} ({low}–{high})"


def table(head: Sequence[str], body: Iterable[Sequence[str]], left: Iterable[int] = (0,)) -> str:
    """A Markdown table, with columns of words aligned to the left and the others to the right."""
    lines = [head, ["---" if column in left else "---:" for column in range(len(head))], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folded(title: str, content: str) -> str:
    """A block that is closed until the reader opens it."""
    return f"````{{dropdown}} {title}\n{content.strip()}\n````"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def task_name(task: str) -> str:
    """As the figures of the book name it."""
    return TASKS.get(task, task.replace("_", " "))


def work(task: str, batch: int) -> str:
    """A task and how many trajectories an iteration draws."""
    return f"{task_name(task)}, {batch}"


def variate_name(variate: str) -> str:
    """A control variate in words."""
    return {"both": "both control variates"}.get(variate, CONTROL_VARIATES[variate][0])


def objective_name(name: str) -> str:
    """An objective, and its control variate if it takes one."""
    if name == RECORD:
        return "TB, keeping the best objects found"
    objective, *variate = name.split(" ", 1)
    return ", ".join([OBJECTIVES[objective], *(CONTROL_VARIATES[v][0] for v in variate)])
