"""Pictures of densities in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gfn.environments import PlanarEnvironment
from gfn.environments.planar import Box
from gfn.evaluation.accuracy import target_density
from gfn.study.plotting.layout import colour_bar, label_grid, one, responsive, wrapped
from gfn.study.plotting.style import COLOURS, finished


@responsive
def density_panels(
    panels: Mapping[str, np.ndarray],
    box: Box,
    notes: Mapping[str, str] | None = None,
    columns: int = 3,
    highest: float | None = None,
) -> Figure:
    """Densities side by side on one colour scale.

    Arguments:
        panels: title to density ``[x1, x2]`` on a grid of ``box``.
        box: the rectangle that the grids cover.
        notes: a line to write into a panel, by title.
        columns: panels in a row.
        highest: the density of the darkest colour, which all above it have, too.
    """
    # A spike of a badly trained policy must not make the others invisible.
    top = np.quantile(np.concatenate([np.ravel(p) for p in panels.values()]), 0.999) if highest is None else highest
    return _images(panels, box, notes or {}, columns, "density", {"cmap": "magma_r", "vmin": 0, "vmax": top})


@responsive
def difference_panels(
    panels: Mapping[str, np.ndarray],
    target: np.ndarray,
    box: Box,
    notes: Mapping[str, str] | None = None,
    columns: int = 3,
) -> Figure:
    """Densities less the target's, on one colour scale that is symmetric about zero; arguments as of :func:`density_panels`."""
    differences = {title: np.asarray(density) - np.asarray(target) for title, density in panels.items()}
    reach = np.quantile(np.abs(np.concatenate([np.ravel(d) for d in differences.values()])), 0.999)
    scale = {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach}
    return _images(differences, box, notes or {}, columns, "density less the target's", scale)


def _images(
    panels: Mapping[str, np.ndarray],
    box: Box,
    notes: Mapping[str, str],
    columns: int,
    label: str,
    scale: dict[str, Any],
) -> Figure:
    (left, right), (bottom, top) = box
    figure, axes = wrapped(len(panels), columns, (3.3, 3.0), sharex=True, sharey=True)
    for axis, (title, density) in zip(axes.flat, panels.items()):
        image = axis.imshow(
            np.asarray(density).T,
            origin="lower",
            extent=(left, right, bottom, top),
            aspect="auto",
            interpolation="none",
            **scale,
        )
        axis.set_title(title)
        axis.grid(False)
        if title in notes:
            axis.text(0.03, 0.03, notes[title], transform=axis.transAxes, fontsize="small", va="bottom")
    label_grid(axes, "$x_1$", "$x_2$")
    colour_bar(figure, image, axes, label)
    return finished(figure)


@responsive
def sample_panel(task: PlanarEnvironment, samples: np.ndarray, resolution: int = 200) -> Figure:
    """Samples ``[n, 2]`` as points over contours of the task's density."""
    figure, axis = one(5, 4.2)
    target = target_density(task, resolution, task.window).numpy()
    first, second = (a.numpy() for a in task.axes(resolution, task.window))
    axis.contour(
        first,
        second,
        target.T,
        levels=target.max() * np.array([0.01, 0.1, 0.3, 0.6, 0.9]),
        colors="black",
        linewidths=0.8,
    )
    axis.plot(*samples.T, ".", ms=2.5, alpha=0.4, color=COLOURS[0])
    axis.set(xlim=task.window[0], ylim=task.window[1], xlabel="$x_1$", ylabel="$x_2$")
    return finished(figure)
