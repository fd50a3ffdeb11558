"""Every kind of picture that the paper needs."""

from gfn.study.plotting.baselines import relative_variance_panels
from gfn.study.plotting.batches import batch_seeds_panel
from gfn.study.plotting.costs import line_label, price_panels
from gfn.study.plotting.curves import (
    accuracy_curves,
    comparison_panels,
    discovery_panels,
    learning_curves,
    order_panels,
)
from gfn.study.plotting.draws import few_panels, scheme_curves, scheme_panels
from gfn.study.plotting.first import gain_panels, probability_panels, weight_histograms
from gfn.study.plotting.gradients import balance_variance_panels, bias_panels, centring_panels, variance_panels
from gfn.study.plotting.leagues import league_panels, picture_panels, sample_panels
from gfn.study.plotting.marks import with_error_bar, with_levels
from gfn.study.plotting.measures import agreement_panel
from gfn.study.plotting.off_policy import coverage_panel, way_panels
from gfn.study.plotting.oracle import angle_panel, atlas_panels
from gfn.study.plotting.orders import order_curve_panels, order_error_panels, order_noise_panels
from gfn.study.plotting.planar import density_panels, difference_panels, sample_panel
from gfn.study.plotting.style import ACCURACY, CONTROL_VARIATES, OBJECTIVES, TASKS, use_style
from gfn.study.plotting.tasks import concentration_panel, grid_panel, matrix_panels
from gfn.study.plotting.trees import tree_panels
from gfn.study.plotting.variates import removal_panels, speed_panels
from gfn.study.plotting.verdicts import budget_panels, outcome_panel

__all__ = [
    "ACCURACY",
    "CONTROL_VARIATES",
    "OBJECTIVES",
    "TASKS",
    "accuracy_curves",
    "agreement_panel",
    "angle_panel",
    "atlas_panels",
    "balance_variance_panels",
    "batch_seeds_panel",
    "bias_panels",
    "budget_panels",
    "centring_panels",
    "comparison_panels",
    "concentration_panel",
    "coverage_panel",
    "density_panels",
    "difference_panels",
    "discovery_panels",
    "few_panels",
    "gain_panels",
    "grid_panel",
    "league_panels",
    "learning_curves",
    "line_label",
    "matrix_panels",
    "order_curve_panels",
    "order_error_panels",
    "order_noise_panels",
    "order_panels",
    "outcome_panel",
    "picture_panels",
    "price_panels",
    "probability_panels",
    "relative_variance_panels",
    "removal_panels",
    "sample_panel",
    "sample_panels",
    "scheme_curves",
    "scheme_panels",
    "speed_panels",
    "tree_panels",
    "use_style",
    "variance_panels",
    "way_panels",
    "weight_histograms",
    "with_error_bar",
    "with_levels",
]
