"""Pictures of samplers in two leagues: their points beside those of the target, and measures along the budget."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gfn.study.plotting.layout import label_grid, legend_below, lowest_panels, responsive, wrapped
from gfn.study.plotting.style import COLOURS, LINES, OBJECTIVES, RIVALS, TASKS, finished, log_errors

SAMPLERS = OBJECTIVES | RIVALS
EXACT = "exact samples"
RIVAL_LINES: dict[str, dict[str, Any]] = {
    "flow_reverse_kl": {"color": COLOURS[9], "ls": "-", "lw": 1.8},
    "path_integral": {"color": COLOURS[4], "ls": "--", "lw": 1.8},
    "nuts": {"color": COLOURS[8], "ls": ":", "lw": 1.7},
    "annealed": {"color": COLOURS[5], "ls": ":", "lw": 1.7},
    "flow_likelihood": {"color": COLOURS[0], "ls": "-", "lw": 1.8},
    "denoising": {"color": COLOURS[1], "ls": "--", "lw": 1.8},
    "gan": {"color": COLOURS[2], "ls": "-.", "lw": 1.8},
    "autoregressive": {"color": COLOURS[0], "ls": "-", "lw": 1.8},
    "masked_diffusion": {"color": COLOURS[1], "ls": "--", "lw": 1.8},
    "bit_gan": {"color": COLOURS[2], "ls": "-.", "lw": 1.8},
}
LABELS = {
    "elbo_gap": "log Z − ELBO (nats)",
    "eubo_gap": "EUBO − log Z (nats)",
    "sliced": "sliced distance",
    "mode_tv": "total variation of modes",
}
LEAST, MOST = (
    1e-3,
    1e4,
)  # that are drawn: an estimate of a bound may lie beyond log Z, and weights may be as good as none
WIDTH = 16  # letters of a panel's title in a line


@responsive
def sample_panels(exact: np.ndarray, drawn: Mapping[str, np.ndarray], axes: tuple[int, int], first: int) -> Figure:
    """Points of samplers beside exact samples of one target: a panel each, on the axes of the exact ones.

    Arguments:
        exact: ``[n, d]``.
        drawn: sampler to points ``[m, d]``, which may be none, in the order of the panels.
        axes: which two coordinates are shown, from 0.
        first: how many of the samplers are of the first league, whose points have its colour.
    """
    figure, panels = wrapped(1 + len(drawn), 7, (1.6, 1.75), narrow=3, sharex=True, sharey=True)
    shown = exact[:, list(axes)]
    low, high = shown.min(0), shown.max(0)
    pad = 0.15 * (high - low)
    colours = ["black", *[COLOURS[0]] * first, *[COLOURS[1]] * (len(drawn) - first)]
    for axis, (name, points), colour in zip(panels.flat, {EXACT: exact, **drawn}.items(), colours):
        seen = points[:, list(axes)] if len(points) else np.empty((0, 2))
        seen = seen[((low - pad < seen) & (seen < high + pad)).all(1)]
        if len(seen):
            axis.plot(*seen.T, ".", ms=2.5, alpha=0.5, color=colour, rasterized=True)
        else:
            said = "all outside" if len(points) else "diverged"
            axis.text(0.5, 0.5, said, transform=axis.transAxes, ha="center", fontsize="small")
        axis.set_title(textwrap.fill(SAMPLERS.get(name, name), WIDTH), fontsize="small")
    axis.set(xlim=(low[0] - pad[0], high[0] + pad[0]), ylim=(low[1] - pad[1], high[1] + pad[1]))
    for axis in panels.flat:
        axis.locator_params(nbins=3)
    label_grid(panels, f"$x_{{{axes[0] + 1}}}$", f"$x_{{{axes[1] + 1}}}$")
    return finished(figure)


@responsive
def league_panels(frame: pd.DataFrame, metric: str, floors: Mapping[str, float] | None = None) -> Figure:
    """A measure over the budget: a panel a target, a line a sampler. Lines are medians over seeds, bands the range.

    Arguments:
        frame: columns ``task, sampler, used, seed, value``.
        metric: which it is, a key of ``LABELS``.
        floors: task to the value of exact samples, a thin line, if there are such.
    """
    tasks = list(dict.fromkeys(frame.task))
    figure, panels = wrapped(len(tasks), 3, (3.7, 2.9) if len(tasks) > 1 else (7, 3.6), sharex=True)
    for axis, task in zip(panels.flat, tasks):
        part = frame[frame.task == task]
        if floors:
            axis.axhline(floors[task], color="0.5", lw=1, label=EXACT, zorder=1)
        for sampler in (name for name in SAMPLERS if name in set(part.sampler)):
            table = part[part.sampler == sampler].pivot(index="used", columns="seed", values="value").clip(LEAST, MOST)
            line = RIVAL_LINES.get(sampler) or LINES[sampler]
            axis.plot(table.index, table.median(axis=1), label=SAMPLERS[sampler], **line)
            axis.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=line["color"], alpha=0.1, lw=0)
        axis.set_title(TASKS[task])
        log_errors(axis)
    label_grid(panels, "evaluations or samples", LABELS[metric])
    for axis in lowest_panels(panels):
        axis.locator_params(axis="x", nbins=4)
    legend_below(figure, panels)
    return finished(figure)


@responsive
def picture_panels(exact: np.ndarray, drawn: Mapping[str, np.ndarray]) -> Figure:
    """Pictures of samplers beside those of the target: a panel each, with its pictures in rows.

    Arguments:
        exact: ``[n, side, side]``, 1 for ink and -1 for none.
        drawn: sampler to pictures of the same size, which may be none, in the order of the panels.
    """
    across = 6
    figure, panels = wrapped(1 + len(drawn), 5, (2.2, 1.75))
    for axis, (name, pictures) in zip(panels.flat, {EXACT: exact, **drawn}.items()):
        axis.set_title(textwrap.fill(SAMPLERS.get(name, name), 22), fontsize="small")
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        if not len(pictures):
            axis.text(0.5, 0.5, "diverged", transform=axis.transAxes, ha="center", fontsize="small")
            continue
        framed = np.pad(pictures.astype(float), ((0, -len(pictures) % across), (1, 1), (1, 1)), constant_values=np.nan)
        rows, side = len(framed) // across, framed.shape[1]
        sheet = framed.reshape(rows, across, side, side).swapaxes(1, 2).reshape(rows * side, across * side)
        axis.imshow(np.ma.masked_invalid(sheet), cmap="gray_r", vmin=-1, vmax=1, interpolation="none")
        for spine in axis.spines.values():
            spine.set_visible(False)
    return finished(figure)
