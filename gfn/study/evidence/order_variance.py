"""How noisy the gradients of orders are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gfn.runs.objective import WITH_ALPHA
from gfn.study.experiments.orders import HALF, LIMITS
from gfn.study.results import Run


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
        Columns ``task, family, order, iteration, seed, value``; families ``renyi``, with the limits at 0 and 1 among its
        orders, and ``tsallis``.
    """
    limits = {name: order for order, name in LIMITS.items()}
    parts = []
    for task, run in runs.items():
        frame = run.frame[run.frame.metric == "variance"].astype({"objective": str})
        order = frame.objective.map(limits).fillna(frame.alpha).astype(float)
        scale = np.where(frame.objective.isin(WITH_ALPHA), order.abs(), 1.0)
        family = np.where(frame.objective == "tsallis", "tsallis", "renyi")
        frame = frame.assign(task=task, family=family, order=order, value=frame.value / scale**2)
        half = frame[(frame.family == "renyi") & (frame.order == HALF)].set_index(["iteration", "seed"]).value
        against = half.loc[list(zip(frame.iteration, frame.seed))].to_numpy()
        parts.append(frame.assign(value=frame.value / against))
    table = pd.concat(parts, ignore_index=True)
    return table[["task", "family", "order", "iteration", "seed", "value"]]
