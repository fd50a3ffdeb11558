"""Pictures for Figures 3, 4 and 8: levels and error bars over panels, and a dot for every seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gfn.study.plotting import (
    batch_seeds_panel,
    comparison_panels,
    discovery_panels,
    with_error_bar,
    with_levels,
)
from gfn.study.plotting.style import LINES

pytestmark = pytest.mark.usefixtures("figures")


def frame(labels):
    rows = [
        {"label": t, "objective": o, "seed": s, "iteration": n, "trajectories": 2 * n, "seconds": 3.0 * n}
        | {"metric": "l1", "value": (1 + s) / n}
        for t in labels
        for o in ("tb", "tb_batch")
        for s in (0, 1)
        for n in (1, 2, 4)
    ]
    return pd.DataFrame(rows)


def legend(figure):
    figure.canvas.draw()
    (only,) = figure.legends
    return [text.get_text() for text in only.get_texts()]


def test_levels_are_drawn_in_the_panel_of_their_task():
    """Behind the lines, named once in the one legend."""
    figure = with_levels(discovery_panels(frame(["sets", "dags"]), "log Z"), {"sets": 4.0, "dags": 7.0}, "exact log Z")
    for axis, level in zip(figure.axes, (4.0, 7.0)):
        *lines, drawn = axis.lines
        assert set(drawn.get_ydata()) == {level}
        assert drawn.get_zorder() < min(line.get_zorder() for line in lines)
    assert legend(figure) == ["TB", "TB, log Z from a batch", "exact log Z"]
    with pytest.raises(ValueError, match="unpack"):
        with_levels(figure, {"banana": 1.0}, "none")


def test_an_error_bar_stands_in_one_panel():
    """As long as twice the error, at the right end."""
    figure = with_error_bar(comparison_panels(frame(["sets", "dags"])), "sets", 0.5, 0.1, "the estimate's error")
    sets, dags = figure.axes
    (bar,) = sets.containers
    assert not dags.containers
    (segment,) = bar[2][0].get_segments()
    np.testing.assert_allclose(segment[:, 1], [0.4, 0.6])
    assert segment[0, 0] >= 8
    assert legend(figure)[-1] == "the estimate's error"


def test_every_seed_is_a_dot_beside_the_median():
    """A line an objective through the medians, dots of both objectives apart, a tick at every size."""
    rows = [
        {"objective": o, "batch_size": n, "seed": s, "value": value / n}
        for o in ("tb", "forward_kl")
        for n in (128, 32, 512)
        for s, value in enumerate((1, 2, 90))
    ]
    (axis,) = batch_seeds_panel(pd.DataFrame(rows), "mean error").axes
    lines = [line for line in axis.lines if line.get_linestyle() != "None"]
    dots = [line for line in axis.lines if line.get_linestyle() == "None"]
    assert [line.get_label() for line in lines] == ["TB", "forward KL"]
    for line in lines:
        np.testing.assert_allclose(line.get_xydata(), [[n, 2 / n] for n in (32, 128, 512)])
    for cloud, name in zip(dots, ("tb", "forward_kl"), strict=True):
        assert len(cloud.get_xydata()) == 9
        assert cloud.get_color() == LINES[name]["color"]
        assert sorted(cloud.get_ydata())[-1] == 90 / 32
    assert (dots[0].get_xdata() < dots[1].get_xdata()).all()
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["32", "128", "512"]
    assert (axis.get_xscale(), axis.get_yscale(), axis.get_ylabel()) == ("log", "log", "mean error")
