"""Figures: every kind is drawn with the right names, lines and axes."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns

from gfn import estimators, plotting
from gfn.environments import TASKS, Banana
from gfn.experiments.tasks import CALIBRATED, calibrated_tasks, paper_tasks
from gfn.plotting import (
    accuracy_curves,
    bias_panels,
    density_panels,
    learning_curves,
    sample_panel,
    use_style,
    variance_panels,
)


@pytest.fixture(autouse=True)
def figures():
    """Drawn without a screen; style and open figures are left as they were."""
    with mpl.rc_context():
        plt.switch_backend("agg")
        use_style()
        yield
        plt.close("all")


def panels(figure):
    """Axes with a title, in order."""
    return [axis for axis in figure.axes if axis.get_title()]


def legend(figure):
    figure.canvas.draw()
    return [text.get_text() for text in figure.legends[0].get_texts()]


VARIATES = ["none", "leave-one-out", "score function", "both"]


def test_everything_has_a_name():
    """All tasks and those that are calibrated, objectives and control variates of the package, in its own order."""
    assert set(plotting.TASKS) == {*TASKS, *CALIBRATED}
    assert list(paper_tasks("paper") | calibrated_tasks("paper")) == list(plotting.TASKS)
    assert tuple(plotting.OBJECTIVES) == estimators.OBJECTIVES
    assert tuple(plotting.CONTROL_VARIATES) == estimators.CONTROL_VARIATES
    assert [label for label, *_ in plotting.CONTROL_VARIATES.values()] == VARIATES


def test_colours_are_for_all_eyes():
    """Seaborn's colour-blind palette; control variates differ in colour and line or marker."""
    palette = sns.color_palette("colorblind")
    styles = [tuple(style) for _, *style in plotting.CONTROL_VARIATES.values()]
    assert all(colour in palette for colour, _, _ in styles)
    assert len({colour for colour, _, _ in styles}) == len({(line, marker) for _, line, marker in styles}) == 4
    assert sns.color_palette() == palette


def test_densities_share_one_scale():
    """A title each, x1 along and x2 up, notes where they belong, empty places left blank."""
    first = np.zeros((8, 8))
    first[7, 0] = 1.0
    named = {"target": first, "α = 2": np.ones((8, 8)), "α = 3": 2 * np.ones((8, 8)), "α = 4": np.ones((8, 8))}
    figure = density_panels(named, ((-1.0, 3.0), (-5.0, 2.0)), {"α = 2": "JSD 0.1"})
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == list(named)
    images = [axis.images[0] for axis in shown]
    assert len({image.get_clim() for image in images}) == 1
    assert images[0].get_array()[0, 7] == 1
    assert images[0].get_extent() == [-1, 3, -5, 2]
    assert [text.get_text() for text in shown[1].texts] == ["JSD 0.1"]
    assert not shown[0].texts
    assert sum(axis.axison for axis in figure.axes) == 5


def test_a_spike_does_not_hide_the_other_densities():
    spike = np.ones((100, 100))
    spike[0, 0] = 1e6
    assert panels(density_panels({"a": spike}, ((0.0, 1.0), (0.0, 1.0))))[0].images[0].get_clim()[1] == 1


def gradients(tasks, objectives, **more):
    rows = [
        {"task": t, "objective": o, "control_variate": v, "epsilon": 0.03, "trajectories": n, **more}
        | {"value": 1 / n, "low": 0.5 / n, "high": 2 / n}
        for t in tasks
        for o in objectives
        for v in plotting.CONTROL_VARIATES
        for n in (2, 8, 32)
    ]
    return pd.DataFrame(rows)


def test_variances_have_a_panel_for_each_task_and_divergence():
    """Log-log, a line for each control variate with its band."""
    figure = variance_panels(gradients(["sequences", "sets"], ["renyi", "reverse_kl"]), "after 3 iterations")
    titles = [axis.get_title() for axis in panels(figure)]
    assert titles == [f"{task}, {name}" for task in ("Sets", "Sequences") for name in ("reverse KL", "Rényi")]
    for axis in panels(figure):
        assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
        assert [line.get_label() for line in axis.lines] == VARIATES
        assert len(axis.collections) == 4
        np.testing.assert_allclose(axis.lines[0].get_xydata(), [[n, 1 / n] for n in (2, 8, 32)])
    assert figure.get_suptitle() == "after 3 iterations"
    assert legend(figure) == VARIATES


def curves(objectives, variates):
    return pd.DataFrame(
        [
            {"objective": o, "control_variate": v, "seed": s, "iteration": n, "trajectories": 2 * n, "seconds": 3.0 * n}
            | {"metric": "l1", "value": (1 + s) / n}
            for o in objectives
            for v in variates
            for s in (0, 1)
            for n in (1, 2, 4)
        ]
    )


def test_learning_curves_have_a_panel_for_each_divergence():
    """Means over seeds on a logarithmic axis, and the paper's value where there is one."""
    figure = learning_curves(curves(["renyi", "reverse_kl"], ["both", "none"]), {"renyi": 0.03})
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == ["reverse KL", "Rényi"]
    assert [len(axis.lines) for axis in shown] == [2, 3]
    assert [line.get_label() for line in shown[1].lines] == ["none", "both", "paper, final"]
    np.testing.assert_allclose(shown[0].lines[0].get_xydata(), [[2, 1.5], [4, 0.75], [8, 0.375]])
    assert shown[0].get_ylabel() == "L1 distance to target"
    assert shown[0].get_yscale() == "log"


def test_a_legend_names_every_line_of_every_panel():
    """Also what the first panel does not have."""
    assert legend(learning_curves(curves(["renyi", "reverse_kl"], ["none"]), {"renyi": 0.03})) == [
        "none",
        "paper, final",
    ]


def test_accuracy_curves_have_a_line_for_each_objective():
    figure = accuracy_curves(curves(["tsallis", "tb"], ["both"]).assign(metric="jsd"))
    (axis,) = figure.axes
    assert [line.get_label() for line in axis.lines] == ["TB", "Tsallis"]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["TB", "Tsallis"]
    assert axis.get_ylabel() == "JSD to target (nats)"
    assert len({(line.get_color(), line.get_linestyle()) for line in axis.lines}) == 2


def test_samples_lie_over_contours():
    task, samples = Banana(), np.array([[0.0, -1.0], [1.0, -2.0]])
    (axis,) = sample_panel(task, samples, 30).axes
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), samples)
    assert (axis.get_xlim(), axis.get_ylim()) == task.window
    assert any(len(path.vertices) for collection in axis.collections for path in collection.get_paths())


def test_biases_have_a_panel_for_each_task_and_divergence():
    """A line for each estimate, epsilons told apart."""
    frame = gradients(["sets"], ["renyi"])
    both = frame[frame.control_variate == "both"].assign(epsilon=1.0)
    figure = bias_panels(pd.concat([frame[frame.control_variate != "score"], both]))
    (axis,) = panels(figure)
    assert axis.get_title() == "Sets, Rényi"
    assert legend(figure) == ["both, ε = 0.03", "both, ε = 1", "leave-one-out", "none"]
    assert len({line.get_color() for line in axis.lines}) == 4
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [2 / n for n in (2, 8, 32)])
