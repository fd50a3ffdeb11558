"""The picture of the page on speed, drawn from the results: other packages, seeds, divergences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from benchmarks.gains import against, costs, description, place, quickness, together
from benchmarks.settings import BATCH
from benchmarks.targets import Parts, Row, fastest
from benchmarks.words import number, task_name
from gfn.study.plotting.style import COLOURS, CONTROL_VARIATES, finished, use_style
from gfn.study.presentation.figures import alone

WIDTH = 3.9  # inches: that of a telephone, so that letters keep their size on one
ROW, REST = 0.23, 0.85  # inches for each bar, and for what is around the bars of a panel
PEERS = {"torchgfn": COLOURS[1], "gfnx": COLOURS[4]}
OURS = COLOURS[0]
Panel = tuple[str, int, Callable[[Axes], None]]  # its title, how many bars it has, what draws it


def picture(parts: Parts) -> Figure | None:
    """Panels one below the other, as many as were measured; None if there is none."""
    panels = [panel for make in (_packages, _seeds, _divergences) if (panel := make(parts))]
    if not panels:
        return None
    use_style()
    heights = [REST + ROW * count for _, count, _ in panels]
    with matplotlib.rc_context({"axes.labelsize": 9, "xtick.labelsize": 9, "ytick.labelsize": 9}):
        figure = plt.figure(figsize=(WIDTH, sum(heights)), layout="constrained")
        below = figure.subfigures(len(panels), 1, height_ratios=heights, squeeze=False)
        for part, (title, _, draw) in zip(below.flat, panels):
            part.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
            axis = part.subplots()
            draw(axis)
            axis.invert_yaxis()
            axis.grid(axis="y", visible=False)
    return finished(figure)


def save(parts: Parts, path: Path) -> None:
    """Draw it as SVG, the same bytes for the same results; where there is nothing to draw, no file is left.

    Within a page it follows the page's colours, light or dark.
    """
    figure = picture(parts)
    if figure is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{alone(figure, description(parts))}\n", encoding="utf-8")


def _packages(parts: Parts) -> Panel | None:
    found = [row for peer in PEERS for row in against(parts, peer)]

    def draw(axis: Axes) -> None:
        times = [1 / row["ratio"]["median"] for row in found]
        bars = axis.barh(range(len(found)), [t - 1 for t in times], left=1, height=0.72)
        for bar, row, time in zip(bars, found, times):
            bar.set_color(PEERS[_package(row)])
            axis.annotate(
                quickness(row),
                (max(time, 1), bar.get_y() + bar.get_height() / 2),
                (3, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
        axis.set_yticks(range(len(found)), [f"{_package(row)}: {_task(row)}" for row in found])
        axis.axvline(1, color="black", lw=1)
        axis.set_xscale("log", base=2)
        axis.set_xlim(min(0.9, 0.9 * min(times)), 1.4 * max(times))
        axis.xaxis.set_major_locator(LogLocator(2, numticks=9))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_xlabel("their time for an iteration of TB")

    return ("Other packages, where ours takes 1", len(found), draw) if found else None


def _package(row: Row) -> str:
    return row["peer"].split(",")[0]


def _task(row: Row) -> str:
    return task_name(row["task"]) + ("" if row["batch"] == BATCH else f", {row['batch']}")


def _seeds(parts: Parts) -> Panel | None:
    row = together(parts)
    if row is None:
        return None
    one = fastest(parts, row["task"], row["batch"], row["peer"])
    bars = [(f"{row['peer']}: 1 seed", row["theirs"], PEERS[_package(row)])]
    bars += [("ours: 1 seed", one["ours"], OURS)] if one else []
    bars += [(f"ours: {row['seeds']} seeds", row["ours"], OURS)]

    def draw(axis: Axes) -> None:
        labels, times, colours = zip(*((label, time["median"], colour) for label, time, colour in bars))
        drawn = axis.barh(range(len(bars)), times, color=colours, height=0.72)
        axis.bar_label(drawn, [number(time) for time in times], padding=3, fontsize=9)
        axis.set_yticks(range(len(bars)), labels)
        axis.set_xlim(0, 1.2 * max(times))
        axis.set_xlabel("milliseconds for an iteration")

    return f"Seeds trained together, on {place(row)}", len(bars), draw


def _divergences(parts: Parts) -> Panel | None:
    found = costs(parts)
    tasks = list(dict.fromkeys(task for of in found.values() for task in of))

    def draw(axis: Axes) -> None:
        for rank, (variate, of) in enumerate(found.items()):
            label, colour, _, marker = CONTROL_VARIATES[variate]
            values = [row["ratio"]["median"] for row in of.values()]
            places = [tasks.index(task) + 0.2 * (rank - (len(found) - 1) / 2) for task in of]
            axis.plot(values, places, marker, color=colour, ms=6, label=label)
        axis.axvline(1, color="black", lw=1)
        axis.set_yticks(range(len(tasks)), [task_name(task) for task in tasks])
        axis.margins(y=0.15)
        axis.set_xlabel("time with the most costly one")
        axis.figure.legend(loc="outside lower center", ncols=len(found), fontsize=9, handletextpad=0)

    return ("Divergences, where TB takes 1", len(tasks) + 2, draw) if tasks else None
