"""One visual language for every figure: names, colours, line styles."""

from __future__ import annotations

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

from gfn.study.plotting.layout import NARROW

COLOURS = sns.color_palette("colorblind")

# Objectives, and lines of figures that stand for one with something different, see experiments.tasks.contender.
OBJECTIVES = {
    "tb": "TB",
    "tb_batch": "TB, log Z from a batch",
    "tb_known": "TB, Z known",
    "tb_away": "TB, log Z from −20",
    "tb_scalar": "TB, scalar baseline",
    "tb_state": "TB, state baseline",
    "tb_last": "TB, last choice integrated out",
    "vargrad": "VarGrad",
    "db": "DB",
    "subtb": "SubTB",
    "reverse_kl": "reverse KL",
    "forward_kl": "forward KL",
    "renyi": "Rényi",
    "renyi_joint": "Rényi, joint (ours)",
    "renyi_none": "Rényi, none",
    "tsallis": "Tsallis",
    "tsallis_joint": "Tsallis, joint (ours)",
    "tsallis_none": "Tsallis, none",
    "f_tb": "f-TB",
    "f_tb_0": "f-TB, α = 0",
    "f_tb_half": "f-TB, α = ½",
    "f_tb_2": "f-TB, α = 2",
    "js_tb": "Jensen–Shannon TB",
    "devgrad": "DevGrad",
    "reverse_kl_truncated": "reverse KL, weights truncated",
    "renyi_full": "Rényi, full weights",
    "renyi_truncated": "Rényi, weights truncated",
    "renyi_unweighted": "Rényi, no weights",
}
# Samplers that GFlowNets are compared with.
RIVALS = {
    "flow_reverse_kl": "spline flow, reverse KL",
    "path_integral": "path integral sampler",
    "nuts": "NUTS",
    "annealed": "annealed importance sampling",
    "flow_likelihood": "spline flow, maximum likelihood",
    "denoising": "denoising diffusion",
    "gan": "GAN",
    "autoregressive": "autoregressive model",
    "masked_diffusion": "masked diffusion",
    "bit_gan": "GAN of bits",
}
# TB is black and its other starts grey; the divergences have the strongest colours.
LINES = {
    "tb": {"color": "black", "ls": "-", "lw": 1.4},
    "tb_batch": {"color": "0.35", "ls": "--", "lw": 1.4},
    "tb_known": {"color": "0.35", "ls": ":", "lw": 1.7},
    "tb_away": {"color": "black", "ls": (0, (1, 2)), "lw": 1.4},
    "tb_scalar": {"color": COLOURS[0], "ls": "--", "lw": 1.8},
    "tb_state": {"color": COLOURS[1], "ls": "-", "lw": 1.8},
    "tb_last": {"color": COLOURS[2], "ls": (0, (5, 1)), "lw": 1.8},
    "vargrad": {"color": COLOURS[7], "ls": "-.", "lw": 1.7},
    "db": {"color": COLOURS[5], "ls": ":", "lw": 1.7},
    "subtb": {"color": COLOURS[4], "ls": (0, (3, 1, 1, 1)), "lw": 1.7},
    "reverse_kl": {"color": COLOURS[0], "ls": "-", "lw": 1.8},
    "forward_kl": {"color": COLOURS[1], "ls": "--", "lw": 1.8},
    "renyi": {"color": COLOURS[2], "ls": "-.", "lw": 1.8},
    "renyi_joint": {"color": COLOURS[2], "ls": "-", "lw": 1.8},
    "renyi_none": {"color": COLOURS[2], "ls": ":", "lw": 1.8},
    "tsallis": {"color": COLOURS[3], "ls": (0, (5, 1)), "lw": 1.8},
    "tsallis_joint": {"color": COLOURS[3], "ls": "-", "lw": 1.8},
    "tsallis_none": {"color": COLOURS[3], "ls": ":", "lw": 1.8},
    "f_tb": {"color": COLOURS[9], "ls": "-.", "lw": 1.8},
    "f_tb_0": {"color": COLOURS[9], "ls": "--", "lw": 1.8},
    "f_tb_half": {"color": COLOURS[9], "ls": "-", "lw": 1.8},
    "f_tb_2": {"color": COLOURS[9], "ls": ":", "lw": 1.8},
    "js_tb": {"color": COLOURS[8], "ls": "-", "lw": 1.8},
    "devgrad": {"color": COLOURS[4], "ls": "--", "lw": 1.8},
    "reverse_kl_truncated": {"color": COLOURS[0], "ls": "-.", "lw": 1.8},
    "renyi_full": {"color": COLOURS[2], "ls": "--", "lw": 1.8},
    "renyi_truncated": {"color": COLOURS[2], "ls": (0, (3, 1, 1, 1)), "lw": 1.8},
    "renyi_unweighted": {"color": COLOURS[2], "ls": (0, (1, 2)), "lw": 1.8},
}
TASKS = {
    "sets": "Sets",
    "sequences": "Sequences",
    "phylogenetics": "Phylogenetics",
    "hypergrid": "Hypergrid",
    "dags": "DAGs",
    "gaussian_mixture": "Gaussian mixture",
    "banana": "Banana",
    "hypergrid_sparse": "Hypergrid, sparser",
    "sequences_calibrated": "Sequences, calibrated",
    "gaussian_mixture_calibrated": "Gaussian mixture, calibrated",
    "random_mixture": "40 Gaussians",
    "grid_mixture": "Grid of Gaussians",
    "funnel": "Funnel",
    "many_well": "Many-well",
    "digits": "Digits",
}
CONTROL_VARIATES = {
    "none": ("none", COLOURS[7], "-", "o"),
    "loo": ("leave-one-out", COLOURS[0], "--", "s"),
    "score": ("score function", COLOURS[1], "-.", "D"),
    "both": ("both", COLOURS[2], "-", "^"),
    "joint": ("joint (ours)", COLOURS[5], "--", "v"),
}
KLS = ("reverse_kl", "forward_kl")
KL_NOTE = "both = leave-one-out = joint"
ACCURACY = {"l1": "L1 distance to target", "jsd": "JSD to target (nats)", "elbo": "lower bound on log Z (nats)"}


def use_style() -> None:
    """Set fonts, grid and resolution for all figures."""
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind", font="DejaVu Sans")  # matplotlib's own
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.bbox": "tight",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
        }
    )


def count_trajectories(axis: Axes) -> None:
    """Label a linear axis of trajectories in thousands: 20k and not 20000."""
    axis.set_xlabel("trajectories")
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))


def log_errors(axis: Axes) -> None:
    """A logarithmic vertical axis, with plain numbers at 1, 2 and 5 where it spans so little that powers of ten are few."""
    axis.set_yscale("log")
    low, high = axis.get_ylim()
    if high / low < 200:
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def title_with_note(axis: Axes, title: str, note: str, size: str = "medium") -> None:
    """A title with room for a smaller line under it, which may be empty so that titles of a row stay in line."""
    # Panels of a narrow figure stand in pairs, which have a note both or neither.
    axis.set_title(title, pad=None if NARROW.get() and not note else 17, fontsize=size)
    if note:
        where = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "center", "va": "bottom"}
        axis.annotate(note, (0.5, 1), xytext=(0, 4), fontsize="x-small", **where)


def number(value: float) -> str:
    """A number as short as it can be written, with a true minus sign."""
    return f"{value:g}".replace("-", "−")


def finished(figure: Figure) -> Figure:
    """The figure, taken from pyplot's hands: a notebook shows it once, as the value of its cell."""
    plt.close(figure)
    return figure
