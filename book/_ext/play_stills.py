"""Still pictures and tables for the pages to play with, for whoever has no scripts: computed, and in the page's colours."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import product
from math import factorial, log, prod
from pathlib import Path

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from play_data import read_table, verdicts

from gfn.estimators import divergences
from gfn.study.claims import OUTCOMES, counts
from gfn.study.presentation.digits import fixed, neat, number, short

# Colours that stand for those of the page; they occur nowhere else.
INK, TARGET, MODEL, MISSED, STRAY = "#010203", "#010204", "#010205", "#010206", "#010207"
PAGE = {
    INK: "var(--pst-color-text-base, #222)",
    TARGET: "var(--gfn-play-target)",
    MODEL: "var(--gfn-play-model)",
    MISSED: "var(--gfn-play-missed)",
    STRAY: "var(--gfn-play-stray)",
}
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gfn",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
GRID = np.linspace(-12, 12, 601)
ORDERS = (-2.0, 0.0, 0.5, 1.0, 3.0)
HEAVY, WIDTH, START = 0.6, 1.0, (0.5, 0.0)  # the target's heavier mode (on the right), its width; the model's start
ROUNDING = 1e-12  # a bias below is none
RATE, LONGEST, STEPS, THINNEST = 0.2, 0.1, 400, log(0.2)


def normal(x: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """Logarithm of a Gaussian density."""
    return -0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation * np.sqrt(2 * np.pi))


def log_target(distance: float) -> np.ndarray:
    """Two Gaussians on the grid, normalised by quadrature."""
    both = [
        np.log(weight) + normal(GRID, mean, WIDTH)
        for weight, mean in ((HEAVY, distance / 2), (1 - HEAVY, -distance / 2))
    ]
    found = np.logaddexp(*both)
    return found - np.log(np.exp(found).sum() * (GRID[1] - GRID[0]))


def descend(alpha: float, distance: float, steps: int = STEPS) -> np.ndarray:
    """A Gaussian's mean and logarithm of its deviation after gradient descent of R_α / α, as alpha.js does it."""
    step, target, theta = GRID[1] - GRID[0], log_target(distance), np.array(START)
    for _ in range(steps):
        z = (GRID - theta[0]) / np.exp(theta[1])
        model = normal(GRID, theta[0], np.exp(theta[1]))
        score = np.stack([z / np.exp(theta[1]), z**2 - 1])
        if alpha == 1:
            gradient = (score * np.exp(model) * (model - target)).sum(1) * step
        else:
            power = alpha * model + (1 - alpha) * target
            weight = np.exp(power - power.max())
            gradient = (score * weight).sum(1) / weight.sum() / (alpha - 1)
        move = RATE * gradient
        theta = theta - move * min(1, LONGEST / max(np.hypot(*move), 1e-300))
        theta[1] = max(theta[1], THINNEST)
    return theta


def masses(model: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Target mass where the model's density is below a tenth of the target's, and the converse."""
    step = GRID[1] - GRID[0]
    return target[model < 0.1 * target].sum() * step, model[target < 0.1 * model].sum() * step


def picture(figure: Figure, words: str) -> str:
    """A figure as SVG in the colours of the page, as wide as there is room.

    Arguments:
        words: what it shows, for whoever does not see it.
    """
    out = io.StringIO()
    with rc_context(STYLE):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = re.sub(r"<metadata>.*?</metadata>", "", out.getvalue()[out.getvalue().index("<svg") :], flags=re.S)
    svg = re.sub(
        r"<svg ([^>]*?)(?:width|height)=\"[^\"]*\" ([^>]*?)(?:width|height)=\"[^\"]*\"", r"<svg \1\2", svg, count=1
    )
    for given, own in PAGE.items():
        svg = svg.replace(given, own)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(words)}" class="gfn-play-picture" ', 1)


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table whose first column heads its rows."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="gfn-play-table"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def panels(rows: int, columns: int, height: float) -> tuple[Figure, np.ndarray]:
    """Empty axes, as wide as a phone."""
    with rc_context(STYLE):
        figure = Figure(figsize=(5.2, height), layout="constrained")
        return figure, np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()


def alpha(_: Path, distance: float = 6.0) -> str:
    """Where descent ends for some orders."""
    figure, axes = panels(len(ORDERS), 1, 5.0)
    target, rows = np.exp(log_target(distance)), []
    for axis, order in zip(axes, ORDERS):
        mean, deviation = descend(order, distance)
        model = np.exp(normal(GRID, mean, np.exp(deviation)))
        missed, stray = masses(model, target)
        x, q, p = (each[100:501:4] for each in (GRID, target, model))  # what is seen
        axis.fill_between(x, 0, q, where=p < 0.1 * q, color=MISSED, alpha=0.5, lw=0)
        axis.fill_between(x, 0, p, where=q < 0.1 * p, color=STRAY, alpha=0.5, lw=0)
        axis.plot(x, q, color=TARGET, lw=1.2, ls="--")
        axis.plot(x, p, color=MODEL, lw=1.6)
        axis.set(xlim=(-10, 10), ylim=(0, 0.45), yticks=[])
        axis.set_title(f"α = {short(order)}", loc="left", fontsize=9, y=0.6)
        cells = [fixed(mean, 2), fixed(np.exp(deviation), 2), neat(f"{missed:.1%}"), neat(f"{stray:.1%}")]
        rows.append([f"α = {short(order)}", *cells])
    head = ["order", "mean", "deviation", "mass missed", "mass astray"]
    words = f"A Gaussian after {STEPS} steps of descent, for five orders, on two modes {distance:g} apart."
    return picture(figure, words) + table(words, head, rows)


LOG_REWARD = torch.log(torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64))
VARIATES = {"none": "none", "loo": "leave-one-out", "score": "score function", "both": "both", "joint": "joint (ours)"}


def estimate(divergence: str, chosen: Sequence[int], logits: torch.Tensor, **options) -> torch.Tensor:
    """The gradient estimate of the package from the outcomes chosen."""
    theta = logits.clone().requires_grad_()
    log_pf, log_reward = theta.log_softmax(-1)[list(chosen)], LOG_REWARD[list(chosen)]
    found = getattr(divergences, divergence)(
        log_pf, torch.zeros_like(log_pf), log_reward, parameters=[theta], **options
    )
    return torch.autograd.grad(found, theta)[0]


def every_batch(size: int, logits: torch.Tensor) -> list[tuple[list[int], float]]:
    """Every batch up to the order of its outcomes, with its probability."""
    p, found = logits.softmax(-1).tolist(), []
    for some in product(range(size + 1), repeat=2):
        if sum(some) <= size:
            numbers = (*some, size - sum(some))
            ways = factorial(size) / prod(map(factorial, numbers))
            chosen = [outcome for outcome, number in enumerate(numbers) for _ in range(number)]
            found.append((chosen, ways * prod(each**number for each, number in zip(p, numbers))))
    return found


def exact_renyi(logits: torch.Tensor, alpha: float) -> torch.Tensor:
    """The gradient of the Rényi divergence, by its definition."""
    theta = logits.clone().requires_grad_()
    power = alpha * theta.log_softmax(-1) + (1 - alpha) * (LOG_REWARD - LOG_REWARD.logsumexp(-1))
    return torch.autograd.grad(power.logsumexp(-1) / (alpha - 1), theta)[0]


def cloud(_: Path, size: int = 8, order: float = 0.5) -> str:
    """All batches without control variates and with all of the weight centred; bias and trace for each control variate."""
    logits = torch.zeros(3, dtype=torch.float64)
    exact, batches, rows = exact_renyi(logits, order), every_batch(size, logits), []
    figure, axes = panels(1, 2, 2.7)
    plane = torch.tensor([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]], dtype=torch.float64)
    plane = plane / plane.norm(dim=1, keepdim=True)
    shares = torch.tensor([share for _, share in batches], dtype=torch.float64)
    for variate, name in VARIATES.items():
        options = {"alpha": order, "control_variate": variate}
        found = torch.stack([estimate("renyi", chosen, logits, **options) for chosen, _ in batches])
        mean = shares @ found
        trace = shares @ (found - mean).square().sum(1)
        bias = float((mean - exact).norm())
        rows.append([name, number(bias, 2) if bias > ROUNDING else "0", number(float(trace), 2)])
        if variate in ("none", "joint"):
            _clouds(axes[int(variate == "joint")], name, found @ plane.T, shares, plane @ exact)
    words = f"Gradient estimates of the Rényi divergence of order {order:g} from every batch of {size}, and the exact gradient."
    return picture(figure, words) + table(
        words, ["control variate", "size of the bias", "trace of the covariance"], rows
    )


def _clouds(axis: Axes, name: str, points: torch.Tensor, shares: torch.Tensor, exact: torch.Tensor) -> None:
    axis.scatter(*points.T.numpy(), s=600 * shares.numpy(), color=MODEL, alpha=0.5, lw=0)
    axis.plot(*exact.numpy(), "+", color=STRAY, ms=12, mew=2)
    axis.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
    axis.set_title(name, fontsize=9)


def explorer(path: Path) -> str:
    """How many measurements of each claim are supported, contradicted and inconclusive."""
    judged = verdicts(read_table(path))
    words = "For each claim its measurements: supported, contradicted, inconclusive."
    rows = [[claim, verdict.outcome, *map(str, counts(verdict.judged))] for claim, verdict in judged.items()]
    head = table(words, ["claim", "verdict", *OUTCOMES], rows)
    if not judged:
        return head
    figure, (axis,) = panels(1, 1, 3.2)
    shares = np.array([counts(verdict.judged) for verdict in judged.values()], float)
    shares /= shares.sum(1, keepdims=True)
    left = np.zeros(len(judged))
    for share, colour, name in zip(shares.T, (MODEL, STRAY, INK), OUTCOMES):
        axis.barh(list(judged), share, left=left, color=colour, alpha=0.35 if colour == INK else 0.9, label=name)
        left += share
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), xlabel="share of the measurements")
    axis.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    return picture(figure, words) + head


STILLS = {"alpha": alpha, "cloud": cloud, "explorer": explorer}
