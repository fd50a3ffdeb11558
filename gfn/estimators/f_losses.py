r"""Losses of the log-ratio whose mean gradient on policy is that of an f-divergence of P_F from P̄_B (Fawkes and Hartford, 2026).

For a convex f with f(1) = 0 the divergence is :math:`D_f = E_{\bar P_B}[f(p_F / \bar p_B)]`, and its gradient is
:math:`E_{P_F}[f'(e^\Delta) \nabla \log p_F]`, where Δ is the log-ratio of the two densities:

.. math:: \Delta = \log p_F(\tau) - \log p_B(\tau \mid x) - \log r(x) + \log Z.

A constant may be taken from f', since the score has mean zero. So the loss with the slope f'(e^Δ) - f'(1), which is zero
where Δ is and has the sign of Δ, has this gradient on policy; and under any other policy that draws all trajectories it
still has its one minimum where Δ = 0, at the target:

.. math:: L_f(\Delta) = \int_0^\Delta \big(f'(e^t) - f'(1)\big)\, dt.

The α family takes :math:`f(t) = (t^\alpha - \alpha t + \alpha - 1) / (\alpha (\alpha - 1))`, with its limits at 0 and 1.
Its divergence is Tsallis' of the same order over α: the forward KL at α = 0, the reverse KL at 1.

Arguments that all share: ``log_pf``, ``log_pb``, ``log_reward``: log p_F(τ; θ), differentiable; log p_B(τ | x); log r(x);
``[N]`` for N trajectories, or ``[R, N]`` for R policies. Each returns the mean over the batch, ``[]`` or ``[R]``, whose
first derivatives are exact where plain arithmetic would lose them to rounding, and which has no second ones.
"""

import math

import torch
from torch import Tensor

SMALL = 0.1  # size of (α - 1) Δ below which a series stands for a difference of nearly equal numbers


def f_trajectory_balance(
    log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: Tensor | float, alpha: float = 0.5
) -> Tensor:
    r"""f-trajectory balance with the α family (Fawkes and Hartford, 2026), averaged over a batch.

    .. math:: L_\alpha(\Delta) &= \frac{e^{(\alpha - 1) \Delta} - 1}{(\alpha - 1)^2} - \frac{\Delta}{\alpha - 1}, \\
              L_1(\Delta) &= \frac{\Delta^2}{2}, \qquad L_0(\Delta) = e^{-\Delta} + \Delta - 1

    At α = 1 it is half of TB.

    Arguments:
        log_z: log Z, known (a number) or learned (a parameter, ``[]`` or ``[R, 1]``). On policy any number gives the same
            direction: it is a baseline, and log z in place of log Z multiplies the gradient by
            :math:`e^{(\alpha - 1) (\log z - \log Z)}`.
        alpha: α, any finite number.

    Raises:
        ValueError: for α that is not finite.
    """
    return alpha_loss(log_z + log_pf - log_pb - log_reward, alpha).mean(-1)


def devgrad(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, alpha: float = 0.5) -> Tensor:
    r"""DevGrad (Fawkes and Hartford, 2026): f-trajectory balance with the log Z that minimises it on the batch.

    .. math:: & \frac{1}{N} \sum_n L_\alpha\big(\ell(\tau_n) + \log \hat Z\big), \qquad
              \ell = \log p_F - \log p_B - \log r, \\
              & \log \hat Z = \frac{1}{1 - \alpha} \log \frac{1}{N} \sum_n e^{(\alpha - 1) \ell(\tau_n)}

    No gradient flows through log Ẑ; at α = 1 it is minus the mean of ℓ, and the loss half of VarGrad. On policy the
    gradient is that of :func:`~.divergences.renyi` with ``joint``, times (N - 1) / (N |α|): consistent, with a bias of O(1/N).

    Arguments:
        alpha: α, any finite number.

    Raises:
        ValueError: for α that is not finite.
    """
    log_ratio = log_pf - log_pb - log_reward
    return alpha_loss(log_ratio + batch_log_z(log_ratio.detach(), alpha), alpha).mean(-1)


def jensen_shannon_balance(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: Tensor | float) -> Tensor:
    r"""f-trajectory balance of the Jensen-Shannon divergence, averaged over a batch.

    .. math:: L'(\Delta) = \tfrac12 \log \frac{2}{1 + e^{-\Delta}}, \qquad
              f(t) = \tfrac12 \Big(t \log t - (1 + t) \log \frac{1 + t}{2}\Big)

    The slope is bounded where the policy draws too often, by log(2) / 2, and grows as -Δ / 2 where it draws too rarely. The loss
    itself is a dilogarithm: the value returned is :math:`\Delta\, L'(\Delta)`, between one and 2.3 times as large.

    Arguments:
        log_z: as in :func:`f_trajectory_balance`.
    """
    residual = log_z + log_pf - log_pb - log_reward
    slope = jensen_shannon_slope(residual)
    return with_slope(residual, residual * slope, slope).mean(-1)


def alpha_loss(residual: Tensor, alpha: float) -> Tensor:
    """L_α of Δ, elementwise; differentiable once.

    Raises:
        ValueError: for α that is not finite.
    """
    if not math.isfinite(alpha):
        raise ValueError(f"alpha = {alpha} is not allowed: any finite number")
    x = (alpha - 1) * residual.detach()
    # (e^x - 1 - x) / x², and where that is a difference of nearly equal numbers its series.
    series = 1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720 + x / 5040))))
    share = torch.where(x.abs() < SMALL, series, (x.expm1() - x) / x.square())
    return with_slope(residual, residual.detach().square() * share, alpha_slope(residual, alpha))


def alpha_slope(residual: Tensor, alpha: float) -> Tensor:
    r""":math:`L_\alpha'(\Delta) = (e^{(\alpha - 1) \Delta} - 1) / (\alpha - 1)`, elementwise; Δ itself at α = 1."""
    residual = residual.detach()
    return residual if alpha == 1 else ((alpha - 1) * residual).expm1() / (alpha - 1)


def jensen_shannon_slope(residual: Tensor) -> Tensor:
    """L' of the Jensen-Shannon divergence, elementwise."""
    residual = residual.detach()
    return 0.5 * (residual.clamp(max=0) - (residual.abs().neg().expm1() / 2).log1p())


def batch_log_z(log_ratio: Tensor, alpha: float) -> Tensor:
    """log Ẑ of :func:`devgrad` for log-ratios without Z, ``[..., N]`` to ``[..., 1]``."""
    mean = log_ratio.mean(-1, keepdim=True)
    if alpha == 1:
        return -mean
    x = (alpha - 1) * (log_ratio - mean)
    # The log of a mean near one, or of sums that may overflow.
    near, far = x.expm1().mean(-1, keepdim=True).log1p(), x.logsumexp(-1, keepdim=True) - math.log(x.shape[-1])
    return torch.where(x.abs().amax(-1, keepdim=True) < 1, near, far) / (1 - alpha) - mean


def with_slope(residual: Tensor, value: Tensor, slope: Tensor) -> Tensor:
    """``value``, whose derivative in ``residual`` is ``slope``."""
    return value.detach() + slope.detach() * (residual - residual.detach())
