"""Losses that are in use, each a short function with its formula and source: what the atlas examines.

Each takes log p_F, log p_B and log r of N trajectories, ``[N]``, and what else its arguments say, and returns one loss a
trajectory, ``[N]``, or one of the batch, ``[]``. Throughout, Δ = log p_F - log p_B - log r + log Z, and w = p_B r / p_F.
Those made by a function with ``stacked`` set also take ``[K, N]`` for K batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gfn.estimators import detailed_balance, divergences, subtrajectory_balance
from gfn.study.oracle.called import StepTerms

LossFunction = Callable[..., Tensor]


def log_ratio(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: Tensor | float = 0.0) -> Tensor:
    """Δ."""
    return log_pf - log_pb - log_reward + log_z


# Of single trajectories, with a log Z.


def squared(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: float) -> Tensor:
    r"""Δ², trajectory balance (Malkin et al., 2022)."""
    return log_ratio(log_pf, log_pb, log_reward, log_z).square()


def absolute(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: float) -> Tensor:
    """|Δ|: on policy the gradient is E[sgn Δ · ∇log p_F], twice that of the total variation."""
    return log_ratio(log_pf, log_pb, log_reward, log_z).abs()


def linex(order: float = 1.0, sign: int = -1) -> LossFunction:
    r"""Linex, (e^{a t} - a t - 1) / a² of t = ∓Δ (Hu et al., 2025; their own of a = ½ is 4 e^{t/2} - 2t - 4).

    As its authors have it, t = -Δ = log (p_B r / (Z p_F)), ``sign`` = -1. Then on policy the weight of ∇log p_F is
    -(e^{-aΔ} - 1) / a: the order α = 1 - a, for a = 1 the forward KL. With ``sign`` = 1 it is (e^{aΔ} - 1) / a: the order
    α = 1 + a, for a = 1 half of Pearson's χ².
    """

    def loss(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: float) -> Tensor:
        t = sign * log_ratio(log_pf, log_pb, log_reward, log_z)
        return ((order * t).exp() - order * t - 1) / order**2

    return loss


def shifted_cosh(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: float) -> Tensor:
    r"""e^Δ + e^{-Δ} - 2 (Hu et al., 2025): on policy the gradient is that of the forward KL plus that of half of χ²."""
    return 2 * log_ratio(log_pf, log_pb, log_reward, log_z).cosh() - 2


def order_value(alpha: float, log_ratio: Tensor) -> Tensor:
    r"""L_f(Δ) = ∫₀^Δ (f'(e^t) - f'(1)) dt of the order α: (e^{(α-1)Δ} - 1) / (α-1)² - Δ / (α-1), and Δ²/2 at α = 1."""
    if alpha == 1:
        return log_ratio.square() / 2
    power = alpha - 1
    return (power * log_ratio).expm1() / power**2 - log_ratio / power


def f_balance(alpha: float) -> LossFunction:
    """f-trajectory balance of the order α (Fawkes and Hartford, 2026): on policy the gradient of the α-divergence."""

    def loss(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: float) -> Tensor:
        return order_value(alpha, log_ratio(log_pf, log_pb, log_reward, log_z))

    return loss


def jensen_shannon(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: float) -> Tensor:
    r"""f-trajectory balance of the Jensen–Shannon divergence, by its slope L'(Δ) = log (2 / (1 + e^{-Δ})) alone.

    L itself is a dilogarithm. The value returned is the slope times Δ, with the gradient of L and not that of the product.
    """
    delta = log_ratio(log_pf, log_pb, log_reward, log_z)
    slope = (math.log(2) - softplus(-delta)).detach()
    return slope * delta


# Of a batch, without a log Z.


def variance(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor) -> Tensor:
    """VarGrad, the variance of log w over the batch (Richter et al., 2020): squared DevGrad."""
    return log_ratio(log_pf, log_pb, log_reward).var(-1, correction=0)


def dev_grad(alpha: float) -> LossFunction:
    r"""DevGrad of the order α (Fawkes and Hartford, 2026): f-trajectory balance with log Z = C, for which the batch has its least loss.

    With ℓ = log p_F - log p_B - log r, C = -log mean e^{(α-1)ℓ} / (α-1). Where α = 1 it is minus the mean of ℓ, and the loss
    is VarGrad. No gradient flows through C; as the loss is least at C, none would.
    """

    def loss(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor) -> Tensor:
        level = log_ratio(log_pf, log_pb, log_reward)
        if alpha == 1:
            least = -level.detach().mean(-1)
        else:
            power = alpha - 1
            least = -(torch.logsumexp(power * level.detach(), -1) - math.log(level.shape[-1])) / power
        return order_value(alpha, level + least)

    return loss


def absolute_from_median(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor) -> Tensor:
    """|ℓ - median ℓ|: absolute DevGrad."""
    level = log_ratio(log_pf, log_pb, log_reward)
    return (level - level.detach().median(-1).values).abs()


# Of steps, with the flows of the target.


def detailed(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, steps: StepTerms) -> Tensor:
    """Detailed balance (Bengio et al., 2023), the mean over the steps of the batch, with known flows."""
    return detailed_balance(steps.log_pf, steps.log_pb, steps.log_flow, log_reward, steps.going)


def subtrajectory(decay: float = 0.9) -> LossFunction:
    """Sub-trajectory balance, SubTB(λ) (Madan et al., 2023), with known flows."""

    def loss(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, steps: StepTerms) -> Tensor:
        return subtrajectory_balance(steps.log_pf, steps.log_pb, steps.log_flow, log_reward, steps.going, decay)

    return loss


# The paper's surrogates, which are estimates of gradients on policy.


def divergence(name: str, control_variate: str = "joint", alpha: float | None = None) -> LossFunction:
    """The estimate of a divergence's gradient in this package, see :mod:`gfn.estimators.divergences`; weights are relative to log Z."""
    own: dict[str, float] = {} if alpha is None else {"alpha": alpha}
    scaled, needs = name in ("forward_kl", "tsallis"), control_variate in ("score", "both")

    def estimate(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: float, parameters: tuple = ()) -> Tensor:
        if scaled:
            own["log_scale"] = log_z
        function = getattr(divergences, name)
        return function(log_pf, log_pb, log_reward, control_variate=control_variate, parameters=parameters, **own)

    def loss(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: float) -> Tensor:
        return estimate(log_pf, log_pb, log_reward, log_z)

    chosen = estimate if needs else loss
    chosen.stacked = True
    return chosen
