"""Figures: every kind is drawn with the right names, lines and axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import seaborn as sns
import torch

from gfn.environments import PAPER_TASKS, TASKS, Banana, DAGs, Hypergrid, Phylogenetics
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.environments.forests import all_trees
from gfn.estimators import CONTROL_VARIATES, DIVERGENCES
from gfn.runs.objective import BALANCE_LOSSES, OBJECTIVES
from gfn.study import plotting
from gfn.study.experiments.balance import BASELINES
from gfn.study.experiments.f_losses import F_LINES
from gfn.study.experiments.leagues import hard_targets
from gfn.study.experiments.off_policy import LINES as OFF_POLICY
from gfn.study.experiments.off_policy import SPARSE
from gfn.study.experiments.tasks import CONTENDERS, VARIATIONS, calibrated_tasks, paper_tasks
from gfn.study.plotting import (
    accuracy_curves,
    balance_variance_panels,
    bias_panels,
    centring_panels,
    comparison_panels,
    concentration_panel,
    density_panels,
    difference_panels,
    discovery_panels,
    grid_panel,
    learning_curves,
    matrix_panels,
    order_panels,
    sample_panel,
    tree_panels,
    variance_panels,
)
from gfn.study.plotting.style import LINES

pytestmark = pytest.mark.usefixtures("figures")


def panels(figure):
    """Axes with a title, in order."""
    return [axis for axis in figure.axes if axis.get_title()]


def legend(figure):
    figure.canvas.draw()
    return [text.get_text() for text in figure.legends[0].get_texts()]


VARIATES = ["none", "leave-one-out", "score function", "both", "joint (ours)"]


def test_everything_has_a_name():
    """All tasks, lines of figures and control variates of the package."""
    hard = hard_targets("paper").keys()
    assert set(plotting.TASKS) == {*TASKS, *calibrated_tasks("paper"), SPARSE, *hard}
    others = {SPARSE} | (TASKS.keys() | hard) - PAPER_TASKS.keys()
    due = [*(paper_tasks("paper") | calibrated_tasks("paper"))]
    assert due == [name for name in plotting.TASKS if name not in others]
    lines = {*CONTENDERS, "tb_away", *VARIATIONS, *BASELINES, "f_tb", *F_LINES, *OFF_POLICY}
    assert set(plotting.OBJECTIVES) == lines
    assert set(OBJECTIVES) < set(plotting.OBJECTIVES)
    assert tuple(plotting.CONTROL_VARIATES) == tuple(CONTROL_VARIATES)
    assert [label for label, *_ in plotting.CONTROL_VARIATES.values()] == VARIATES


def test_colours_are_for_all_eyes():
    """Seaborn's colour-blind palette; control variates differ in colour and line or marker."""
    palette = sns.color_palette("colorblind")
    styles = [tuple(style) for _, *style in plotting.CONTROL_VARIATES.values()]
    assert all(colour in palette for colour, _, _ in styles)
    assert len({colour for colour, _, _ in styles}) == len({(line, marker) for _, line, marker in styles}) == 5
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


def test_differences_have_a_scale_about_zero():
    """Panels less the target, white where there is none."""
    target, above = np.ones((8, 8)), np.ones((8, 8))
    above[0, 3] = 3.0
    figure = difference_panels({"same": target, "above": above}, target, ((0.0, 1.0), (0.0, 1.0)), {"same": "a"}, 2)
    images = [axis.images[0] for axis in panels(figure)]
    assert [images[1].get_array()[3, 0], images[1].get_array().sum(), abs(images[0].get_array()).max()] == [2, 2, 0]
    low, high = images[0].get_clim()
    assert low == -high < 0
    assert images[1].get_clim() == (low, high)
    np.testing.assert_allclose(images[0].cmap(0.5), (1, 1, 1, 1), atol=0.05)
    assert panels(figure)[0].texts[0].get_text() == "a"


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
    frame = gradients(["sequences", "sets"], ["renyi", "reverse_kl"], iteration=3)
    figure = variance_panels(pd.concat([frame, frame.assign(iteration=0, value=9.0)]), 3)
    titles = [axis.get_title() for axis in panels(figure)]
    assert titles == [f"{task}, {name}" for task in ("Sets", "Sequences") for name in ("reverse KL", "Rényi")]
    for axis in panels(figure):
        assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
        assert [line.get_label() for line in axis.lines] == VARIATES
        assert len(axis.collections) == 5
        note = ["both = leave-one-out = joint"] if axis.get_title().endswith("KL") else []
        assert [text.get_text() for text in axis.texts] == note
        np.testing.assert_allclose(axis.lines[0].get_xydata(), [[n, 1 / n] for n in (2, 8, 32)])
    assert figure.get_suptitle() == "after 3 iterations of each divergence's own training"
    assert variance_panels(frame.assign(iteration=0), 0).get_suptitle().startswith("at the start of each")
    assert legend(figure) == VARIATES


def curves(objectives, variates):
    """At iteration n, of 2 n trajectories and 3 n seconds, three seeds have 1/n, 2/n and 30/n: median 2/n, mean 11/n."""
    return pd.DataFrame(
        [
            {"objective": o, "control_variate": v, "seed": s, "iteration": n, "trajectories": 2 * n, "seconds": 3.0 * n}
            | {"metric": "l1", "value": value / n}
            for o in objectives
            for v in variates
            for s, value in enumerate((1, 2, 30))
            for n in (1, 2, 4)
        ]
    )


def test_learning_curves_have_a_panel_for_each_divergence():
    """Medians over seeds on a logarithmic axis, and the paper's value where there is one; a note where lines coincide."""
    figure = learning_curves(curves(["renyi", "reverse_kl"], ["both", "none"]), {"renyi": 0.03})
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == ["reverse KL", "Rényi"]
    assert [len(axis.lines) for axis in shown] == [2, 3]
    assert [line.get_label() for line in shown[1].lines] == ["none", "both", "paper, final"]
    np.testing.assert_allclose(shown[0].lines[0].get_xydata(), [[2, 2], [4, 1], [8, 0.5]])
    assert [[text.get_text() for text in axis.texts] for axis in shown] == [["both = leave-one-out = joint"], []]
    assert shown[0].get_ylabel() == "L1 distance to target"
    assert shown[0].get_yscale() == "log"


def test_balance_losses_have_a_panel_beside_the_divergences():
    """With the colours that they have everywhere."""
    divergences, losses = curves(["renyi"], ["both", "joint"]), curves(["tb_batch", "tb"], [None])
    shown = panels(figure := learning_curves(divergences, balance=losses))
    assert [axis.get_title() for axis in shown] == ["Rényi", "balance losses"]
    assert [line.get_label() for line in shown[1].lines] == ["TB", "TB, log Z from a batch"]
    assert [line.get_color() for line in shown[1].lines] == [LINES[name]["color"] for name in ("tb", "tb_batch")]
    assert legend(figure) == ["both", "joint (ours)", "TB", "TB, log Z from a batch"]
    assert all(axis.get_xlabel() == "trajectories" for axis in shown)


def test_a_legend_is_no_wider_than_its_figure():
    figure = comparison_panels(compared(["sets", "dags"], list(plotting.OBJECTIVES)))
    figure.canvas.draw()
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1


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
    """A line for each estimate, epsilons told apart; most have none."""
    frame = gradients(["sets"], ["renyi"])
    frame.loc[frame.control_variate.isin(["none", "loo", "joint"]), "epsilon"] = np.nan
    both = frame[frame.control_variate == "both"].assign(epsilon=1.0)
    figure = bias_panels(pd.concat([frame[frame.control_variate != "score"], both]))
    (axis,) = panels(figure)
    assert axis.get_title() == "Sets, Rényi"
    assert legend(figure) == ["both, ε = 0.03", "both, ε = 1", "joint (ours)", "leave-one-out", "none"]
    assert len({line.get_color() for line in axis.lines}) == 5
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [2 / n for n in (2, 8, 32)])


def compared(labels, objectives, metric="l1"):
    """:func:`curves` of several tasks."""
    return pd.concat([curves(objectives, [None]).assign(label=label, metric=metric) for label in labels])


def test_every_objective_has_a_line_of_its_own():
    """Told apart by colour or dashes; balance losses are thinner than divergences, TB's are black or grey."""
    assert list(LINES) == list(plotting.OBJECTIVES)
    assert len({(line["color"], str(line["ls"])) for line in LINES.values()}) == len(LINES)
    palette = sns.color_palette("colorblind")
    assert all(line["color"] in ("black", "0.35", *palette) for line in LINES.values())
    widths = [{LINES[name]["lw"] for name in names} for names in (BALANCE_LOSSES, DIVERGENCES)]
    assert max(widths[0]) < min(widths[1])


@pytest.mark.parametrize(("against", "scale"), [("trajectories", 2), ("seconds", 3)])
def test_comparisons_have_a_panel_for_each_task(against, scale):
    """In the order of the runs; a label serves all panels on its right that show the same accuracy; one legend for all."""
    frame = pd.concat([compared(["dags", "sets"], ["renyi", "tb"]), compared(["banana"], ["subtb"], "jsd")])
    figure = comparison_panels(frame, against)
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == ["DAGs", "Sets", "Banana"]
    assert [axis.get_ylabel() for axis in shown] == ["L1 distance to target", "", "JSD to target (nats)"]
    assert [[line.get_label() for line in axis.lines] for axis in shown] == [["TB", "Rényi"]] * 2 + [["SubTB"]]
    np.testing.assert_allclose(shown[0].lines[0].get_xydata(), [[scale * n, 2 / n] for n in (1, 2, 4)])
    assert all(axis.get_yscale() == "log" for axis in shown)
    assert all(against in axis.get_xlabel() for axis in shown)
    assert legend(figure) == ["TB", "Rényi", "SubTB"]


def test_many_tasks_fill_rows_of_four():
    """Empty places are blank, and the lowest panel of every column names its axis."""
    names = ["sets", "sequences", "phylogenetics", "hypergrid", "dags", "gaussian_mixture"]
    figure = comparison_panels(compared(names, ["db"]))
    assert [axis.axison for axis in figure.axes] == [True] * 6 + [False] * 2
    assert [bool(axis.get_xlabel()) for axis in figure.axes[:6]] == [False, False, True, True, True, True]


def test_bands_reach_from_the_lowest_to_the_highest_seed():
    (axis,) = panels(comparison_panels(compared(["sets"], ["tb"])))
    (band,) = axis.collections
    corners = band.get_paths()[0].vertices
    for n in (1, 2, 4):
        heights = corners[corners[:, 0] == 2 * n, 1]
        assert (heights.min(), heights.max()) == pytest.approx((1 / n, 30 / n))


def test_discoveries_have_a_panel_for_each_task():
    figure = discovery_panels(compared(["sequences", "hypergrid"], ["tb", "vargrad"], "modes"), "modes found")
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == ["Sequences", "Hypergrid"]
    assert [axis.get_ylabel() for axis in shown] == ["modes found", ""]
    assert {axis.get_yscale() for axis in shown} == {"linear"}
    assert legend(figure) == ["TB", "VarGrad"]


def test_orders_have_a_row_for_each_control_variate():
    """A column a task, a line an order, smallest first, in one colour and dash everywhere; a task without one leaves it out."""
    some = compared(["hypergrid"], ["renyi"])
    parts = [some.assign(alpha=a, control_variate=v) for a in (2.0, -1.0, 0.5) for v in ("joint", "both")]
    parts.append(compared(["gaussian_mixture"], ["renyi"], "jsd").assign(alpha=2.0, control_variate="both"))
    figure = order_panels(pd.concat(parts))
    names = [f"{task}: {variate}" for variate in ("both", "joint (ours)") for task in ("Hypergrid", "Gaussian mixture")]
    first, second, third, empty = panels(figure)
    assert [axis.get_title() for axis in (first, second, third, empty)] == names
    for axis in (first, third):
        assert [line.get_label() for line in axis.lines] == legend(figure) == ["α = −1", "α = 0.5", "α = 2"]
        assert axis.get_ylim() == first.get_ylim()
    (line,) = second.lines
    assert not empty.lines
    assert (line.get_color(), line.get_linestyle()) == (first.lines[2].get_color(), first.lines[2].get_linestyle())
    assert len({line.get_color() for line in first.lines}) == len({line.get_linestyle() for line in first.lines}) == 3
    np.testing.assert_allclose(line.get_xydata(), [[2, 2], [4, 1], [8, 0.5]])
    assert [axis.get_ylabel() for axis in (first, second)] == ["L1 distance to target", "JSD to target (nats)"]
    assert [axis.get_xlabel() for axis in (first, third)] == ["", "trajectories"]


def test_variances_of_balance_losses_have_a_row_for_each_stage():
    """A column a task, TB's own log Z and the exact one beside VarGrad and the reverse KL, in the colours of objectives."""
    names = ["tb_known", "tb", "vargrad", "reverse_kl"]
    frame = pd.concat([gradients(["sets", "sequences"], names, iteration=stage) for stage in (8, 0)])
    frame = frame[(frame.control_variate == "none") | (frame.objective == "reverse_kl")]
    figure = balance_variance_panels(frame)
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == [
        f"{task}, {stage}" for stage in ("at the start", "after 8 iterations") for task in ("Sets", "Sequences")
    ]
    named = {line.get_label(): line for line in shown[0].lines}
    labels = ["TB, its own log Z", "TB, Z known", "VarGrad", "reverse KL, none", "reverse KL, leave-one-out"]
    assert list(named) == legend(figure) == labels
    assert [line.get_marker() for line in named.values()] == ["x", "x", "x", "x", "o"]
    colours = [LINES[name]["color"] for name in ("tb", "tb_known", "vargrad", "reverse_kl", "reverse_kl")]
    assert [line.get_color() for line in named.values()] == colours
    for line in named.values():
        np.testing.assert_allclose(line.get_xydata(), [[n, 1 / n] for n in (2, 8, 32)])
    assert all((axis.get_xscale(), axis.get_yscale()) == ("log", "log") for axis in shown)
    assert [tick.get_text() for tick in shown[-1].get_xticklabels()] == ["2", "8", "32"]


def test_centring_is_shown_for_the_tasks_that_have_it():
    """A column a stage; leave-one-out, to which the constant does not matter, is there once."""
    plain = gradients(["gaussian_mixture", "sets"], ["reverse_kl", "renyi"], rewards="as they are")
    centred = gradients(["sets"], ["reverse_kl"], rewards="divided by Z").assign(value=7.0)
    frame = pd.concat([part.assign(iteration=stage) for part in (plain, centred) for stage in (4, 0)])
    figure = centring_panels(frame)
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == ["Sets, at the start", "Sets, after 4 iterations"]
    variates = ("none", "score function")
    labels = [f"{name}, rewards {how}" for name in variates for how in ("as they are", "divided by Z")]
    assert [line.get_label() for line in shown[0].lines] == legend(figure) == [*labels, "leave-one-out, either"]
    assert [line.get_ydata()[0] for line in shown[1].lines] == [0.5, 7, 0.5, 7, 0.5]


def test_matrices_have_their_rows_first():
    """Numbers where they belong, none on the diagonal, rings around what is marked."""
    matrix = torch.tensor([[0.0, 0.9], [0.2, 0.0]])
    figure = matrix_panels({"edge": matrix, "path": matrix.T}, torch.tensor([[False, True], [False, False]]))
    first, second = panels(figure)
    assert {text.get_position(): text.get_text() for text in first.texts} == {(1, 0): "0.90", (0, 1): "0.20"}
    assert {text.get_position(): text.get_text() for text in second.texts} == {(1, 0): "0.20", (0, 1): "0.90"}
    assert first.collections[0].get_offsets().tolist() == [[1, 0]]
    assert not second.collections
    assert {image.get_clim() for axis in (first, second) for image in axis.images} == {(0, 1)}
    (named,) = panels(matrix_panels({"edge": matrix}, names=["rain", "river"]))
    for labels in (named.get_xticklabels(), named.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["rain", "river"]


def test_a_grid_shows_every_cells_reward():
    """x1 along and x2 up: the corner regions of the outer reward, and the modes in them."""
    task = Hypergrid(side=8, r0=0.01)
    image = grid_panel(task).axes[0].images[0]
    shown = image.get_array()
    for state, reward in zip(state_graph(task).objects.tolist(), task.log_reward(state_graph(task).objects).exp()):
        assert shown[state[1], state[0]] == pytest.approx(float(reward))
    assert image.origin == "lower"


def test_concentration_rises_to_one():
    """The share of the most probable objects, on a line for each task that says how many it has."""
    tasks = {"dags": DAGs(nodes=3, samples=9), "hypergrid": Hypergrid(side=5)}
    (axis,) = concentration_panel(tasks).axes
    assert [line.get_label() for line in axis.lines] == ["DAGs (25 objects)", "Hypergrid (25 objects)"]
    for line, task in zip(axis.lines, tasks.values(), strict=True):
        target = target_distribution(task)
        assert line.get_ydata()[0] == pytest.approx(float(target.max()))
        assert line.get_ydata()[-1] == pytest.approx(1)
        assert list(line.get_xdata()) == list(range(1, 26))
        assert (np.diff(line.get_ydata()) <= 1e-15 + line.get_ydata()[0]).all()


def test_trees_are_drawn_with_their_leaves_and_probabilities():
    """A panel a tree, every taxon once, a bracket for each inner node."""
    task = Phylogenetics(alignment=tuple(zip(("ant", "bee", "cat", "dog"), ("ACGT", "ACGA", "TCGA", "TTGC"))))
    trees = all_trees(4)[:5]
    figure = tree_panels(task, trees, {"posterior": [0.5, 0.2, 0.1, 0.1, 0.1]})
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == [f"posterior {p:.3f}" for p in (0.5, 0.2, 0.1, 0.1, 0.1)]
    for axis in shown:
        assert {text.get_text() for text in axis.texts} == {"ant", "bee", "cat", "dog"}
        assert len({text.get_position() for text in axis.texts}) == 4
        assert len(axis.lines) == 3 + 1
    drawn = [
        tuple(tuple(line.get_ydata()) for line in axis.lines) + tuple(t.get_text() for t in axis.texts)
        for axis in shown
    ]
    assert len(set(drawn)) == 5


def test_trajectories_are_counted_in_thousands():
    """On linear axes, with few ticks."""
    frame = compared(["sets"], ["tb"])
    for figure in (comparison_panels(frame.assign(trajectories=16384 * frame.iteration)), accuracy_curves(frame)):
        axis = figure.axes[0]
        assert axis.get_xlabel() == "trajectories"
        figure.canvas.draw()
        ticks = [text.get_text() for text in axis.get_xticklabels()]
        assert len(ticks) <= 6
        assert any(text.endswith("k") for text in ticks) == (axis.get_xlim()[1] > 1000)
