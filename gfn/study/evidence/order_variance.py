"""How noisy the gradients of orders are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gfn.runs.objective import WITH_ALPHA
from gfn.study.experiments.orders import HALF, LIMITS
from gfn.study.results import Run

COLUMNS = ["task", "family", "order", "iteration", "seed"]


def order_variance(runs: Mapping[str, Run]) -> pd.DataFrame:
    r"""Variance of the gradient of :math:`D_\alpha / |\alpha|` over that at α = ½, from the same trajectories.

    The gradient of Rényi's divergence is

    .. math:: \nabla D_\alpha = \frac{|\alpha|}{\alpha - 1} \frac{E[g \nabla \log p_F]}{E[g]}, \qquad
              g = (p_B r / p_F)^{1-\alpha}

    Near the target g is about 1 + (1 - α) log w, with w = p_B r / (Z p_F): divided by |α| all orders have the same
    gradient to first order, that of the reverse KL, and the forward KL has it, too. So does Tsallis' with the exact Z.
    Then the noise of orders can be compared without the length of their gradients, which Adam takes out.

    Arguments:
        runs: measurements along one training, by task.

    Returns:
        Columns ``task, family, order, iteration, seed, value, run``; families ``renyi``, with the limits at 0 and 1 among its
        orders, and ``tsallis``.
    """
    parts = []
    for task, run in runs.items():
        frame = _named(task, run, run.frame[run.frame.metric == "variance"])
        scale = np.where(frame.objective.isin(WITH_ALPHA), frame.order.abs(), 1.0)
        frame = frame.assign(value=frame.value / scale**2)
        half = frame[(frame.family == "renyi") & (frame.order == HALF)].set_index(["iteration", "seed"]).value
        against = half.loc[list(zip(frame.iteration, frame.seed))].to_numpy()
        parts.append(frame.assign(value=frame.value / against))
    return pd.concat(parts, ignore_index=True)[[*COLUMNS, "value", "run"]]


def noise_to_signal(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Variance of one estimate over the squared length of the exact gradient, where that was measured.

    The same columns.
    """
    parts = []
    for task, run in runs.items():
        keys = ["objective", "alpha", "iteration", "seed"]
        frame = run.frame.assign(alpha=run.frame.alpha.fillna(np.inf)).astype({"objective": str})
        wide = frame.pivot_table(index=keys, columns="metric", values="value", observed=True).reset_index()
        parts.append(_named(task, run, wide.assign(value=wide.variance / wide.gradient_squared)))
    return pd.concat(parts, ignore_index=True)[[*COLUMNS, "value", "run"]]


def _named(task: str, run: Run, frame: pd.DataFrame) -> pd.DataFrame:
    """With the names of :func:`order_variance`."""
    frame = frame.astype({"objective": str})
    limits = {name: order for order, name in LIMITS.items()}
    order = frame.objective.map(limits).fillna(frame.alpha).astype(float)
    family = np.where(frame.objective == "tsallis", "tsallis", "renyi")
    return frame.assign(task=task, family=family, order=order, run=run.spec.hash)
