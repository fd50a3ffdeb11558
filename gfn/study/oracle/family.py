r"""The family of divergences that a gradient is compared with, and their exact gradients.

All are f-divergences, D_f = E_{P̄_B}[f(e^Δ)] with Δ = log p_F - log p̄_B, so that

.. math:: \nabla D_f = E_{P_F}\big[h(\Delta)\, \nabla \log p_F\big], \qquad h(\Delta) = f'(e^\Delta) + \text{any constant},

since E[∇log p_F] = 0. Of the order α, h = (e^{(α-1)Δ} - 1) / (α - 1), which is Δ at α = 1: the reverse KL; α = 0 is the
forward KL, α = ½ Hellinger's, α = 2 Pearson's χ². Rényi's and Tsallis' divergences of an order have parallel gradients.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gfn.study.oracle.situations import Situation

STEP = 0.05
ORDERS = tuple(round(-2 + STEP * k, 2) for k in range(101))
OTHERS = ("jensen_shannon", "total_variation")
Member = float | str
MEMBERS: tuple[Member, ...] = (*ORDERS, *OTHERS)
NAMES: dict[Member, str] = {
    0.0: "forward KL",
    0.5: "Hellinger",
    1.0: "reverse KL",
    2.0: "χ²",
    "jensen_shannon": "Jensen–Shannon",
    "total_variation": "total variation",
}


def order_weight(alpha: float, log_ratio: Tensor) -> Tensor:
    """h of the order α, shaped like ``log_ratio``: Δ."""
    return log_ratio if alpha == 1 else ((alpha - 1) * log_ratio).expm1() / (alpha - 1)


def weight(member: Member, log_ratio: Tensor) -> Tensor:
    """h of a member of the family, shaped like ``log_ratio``: Δ."""
    if member == "jensen_shannon":  # ½ KL(P ‖ M) + ½ KL(Q ‖ M) with the mixture M of both
        return (math.log(2) - torch.nn.functional.softplus(-log_ratio)) / 2
    if member == "total_variation":
        return log_ratio.sign() / 2
    return order_weight(member, log_ratio)


def gradient(member: Member, at: Situation) -> Tensor:
    """The exact gradient of a divergence at a policy, ``[P]``; Rényi's and Tsallis' are multiples of it."""
    return (at.log_pf.exp() * weight(member, at.log_ratio)) @ at.scores


def gradients(at: Situation) -> Tensor:
    """Those of all ``MEMBERS``, ``[M, P]``."""
    weights = torch.stack([weight(member, at.log_ratio) for member in MEMBERS])
    return (at.log_pf.exp() * weights) @ at.scores


def angle(one: Tensor, other: Tensor) -> Tensor:
    """Between vectors ``[..., P]``, in degrees ``[...]``; not a number if one of them is zero."""
    a, b = one / one.norm(dim=-1, keepdim=True), other / other.norm(dim=-1, keepdim=True)
    # Exact for small angles, unlike the arc cosine.
    return torch.rad2deg(2 * torch.atan2((a - b).norm(dim=-1), (a + b).norm(dim=-1)))


def named(member: Member) -> str:
    """What readers call it."""
    return NAMES.get(member, f"α = {member:g}".replace("-", "−"))
