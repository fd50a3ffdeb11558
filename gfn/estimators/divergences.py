r"""The paper's four divergences between P_F and P̄_B(τ) = p_B(τ | x) r(x) / Z, estimated on policy.

Each function takes ``log_pf``, ``log_pb``, ``log_reward`` of trajectories τ ~ P_F and returns a
surrogate whose gradient in the policy's parameters is the estimate. None needs Z, an environment or
anything else of this package. Shapes: ``[N]`` for N trajectories of one policy, giving ``[]``; or
``[R, N]`` for R policies with stacked parameters, giving ``[R]``.

Arguments that they share:

- ``log_pf``, ``log_pb``, ``log_reward``: log p_F(τ; θ), differentiable; log p_B(τ | x); log r(x).
- ``alpha``: α, any finite number but 1, at least 1e-6 away from 0; :func:`order_factor` raises ``ValueError`` for
  others. Within 0.01 of 1, g - 1 stands for g in the score term, where a constant changes no expectation: g / (α - 1)
  would lose all differences to rounding, and (g - 1) / (α - 1) tends to the f of the reverse KL.
- ``control_variate``: ``none``, ``loo``, ``score``, ``both`` or ``joint``.
- ``parameters``: θ, needed by ``score``, and for Tsallis and Rényi by ``both``.
- ``epsilon``: ε of the score control variate.
- ``log_scale``: constant subtracted from log w, scalar or ``[R, 1]``.

Importance weights w = p_B r / p_F are only ever formed in log space. Where an unbiased estimate
needs them unnormalised (forward KL, Tsallis), ``log_scale`` is a constant to subtract from log w: it
only multiplies the gradient by a positive constant, and a rough guess of log Z keeps exp in range.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from .control_variates import EPSILON, ControlVariate, surrogate

DIVERGENCES = ("reverse_kl", "forward_kl", "renyi", "tsallis")
LEAST = 1e-6  # size of α: the gradient is proportional to it, and Adam stops at some 1e-8
NEAR_ONE = 0.01  # |1 - α| from which on g itself stands in the score term


def reverse_kl(
    log_pf: Tensor,
    log_pb: Tensor,
    log_reward: Tensor,
    *,
    control_variate: ControlVariate = "joint",
    parameters: Iterable[Tensor] = (),
    epsilon: float = EPSILON,
) -> Tensor:
    r"""Reverse KL divergence, KL(P_F ‖ P̄_B).

    .. math:: \nabla = E[\nabla \log p_F + f \nabla \log p_F], \qquad f = \log p_F - \log(p_B r)

    Its first term is E[1 · ∇log p_F], which leave-one-out removes altogether: its baseline for the constant 1 is 1. So
    ``loo`` and ``both`` leave nothing to the score control variate: they are ``joint``, and unbiased.
    """
    f = (log_pf - log_pb - log_reward).detach()
    if control_variate in ("loo", "both"):
        control_variate = "joint"
    return surrogate(log_pf, torch.ones_like(f), f, control_variate, parameters, epsilon)


def forward_kl(
    log_pf: Tensor,
    log_pb: Tensor,
    log_reward: Tensor,
    *,
    control_variate: ControlVariate = "joint",
    parameters: Iterable[Tensor] = (),
    epsilon: float = EPSILON,
    log_scale: Tensor | float = 0.0,
) -> Tensor:
    r"""Forward KL divergence, KL(P̄_B ‖ P_F), importance-sampled from P_F.

    .. math:: \nabla = -C\, E[w \nabla \log p_F], \qquad w = p_B r / p_F,\; C = e^{-\text{log\_scale}}

    Its one term can be read as E[f ∇log p_F] with f = -w or, since ∇w = -w ∇log p_F, as E[∇w].
    ``loo`` takes the first reading and ``score`` the second. ``both`` takes the first too, which leaves
    nothing to the score control variate: like ``joint`` it is ``loo``, and unbiased.
    """
    term = -(log_pb + log_reward - log_pf - log_scale).detach().exp()
    if control_variate == "score":
        return surrogate(log_pf, term, torch.zeros_like(term), "score", parameters, epsilon, ratio=0.0)
    return surrogate(log_pf, torch.zeros_like(term), term, "loo" if control_variate == "both" else control_variate)


def tsallis(
    log_pf: Tensor,
    log_pb: Tensor,
    log_reward: Tensor,
    alpha: float = 0.5,
    *,
    control_variate: ControlVariate = "joint",
    parameters: Iterable[Tensor] = (),
    epsilon: float = EPSILON,
    log_scale: Tensor | float = 0.0,
) -> Tensor:
    r"""Tsallis-α divergence of P_F from P̄_B.

    .. math:: \nabla = C\, \operatorname{sgn}(\alpha)\, \frac{E[\nabla g + g \nabla \log p_F]}{\alpha - 1}, \qquad
              g = (p_B r / p_F)^{1-\alpha},\; C = e^{-(1-\alpha)\,\text{log\_scale}}

    For α < 0 the paper's definition is never positive and greatest at the target; sgn(α) turns it
    into what can be minimised (see :func:`order_factor`).
    """
    pathwise, score = tsallis_terms(log_pf, log_pb, log_reward, alpha, log_scale)
    return surrogate(log_pf, pathwise, score, control_variate, parameters, epsilon, _ratio(alpha))


def renyi(
    log_pf: Tensor,
    log_pb: Tensor,
    log_reward: Tensor,
    alpha: float = 0.5,
    *,
    control_variate: ControlVariate = "joint",
    parameters: Iterable[Tensor] = (),
    epsilon: float = EPSILON,
) -> Tensor:
    r"""Rényi-α divergence of P_F from P̄_B.

    .. math:: \nabla = \operatorname{sgn}(\alpha)\, \frac{E[\nabla g + g \nabla \log p_F]}{(\alpha - 1)\, E[g]}, \qquad
              g = (p_B r / p_F)^{1-\alpha}

    For sgn(α) see :func:`order_factor`. E[g] is estimated from the same batch, so the estimate is
    self-normalised: consistent, and biased by O(1/N).
    """
    pathwise, score = renyi_terms(log_pf, log_pb, log_reward, alpha)
    return surrogate(log_pf, pathwise, score, control_variate, parameters, epsilon, _ratio(alpha))


def tsallis_terms(
    log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, alpha: float, log_scale: Tensor | float = 0.0
) -> tuple[Tensor, Tensor]:
    """The weights u and v of the Tsallis gradient's pathwise and score terms, as :func:`~.control_variates.surrogate` takes them."""
    factor = order_factor(alpha)
    log_g = ((1 - alpha) * (log_pb + log_reward - log_pf - log_scale)).detach()
    g = log_g.exp()
    # ∇g = (α - 1) g ∇log p_F.
    return factor * (alpha - 1) * g, factor * (log_g.expm1() if _near_one(alpha) else g)


def renyi_terms(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """The same for the Rényi gradient, with g divided by its mean over the batch."""
    factor = order_factor(alpha)
    log_g = ((1 - alpha) * (log_pb + log_reward - log_pf)).detach()
    g = log_g.softmax(-1) * log_g.shape[-1]
    if not _near_one(alpha):
        return factor * (alpha - 1) * g, factor * g
    above = (log_g - log_g.amax(-1, keepdim=True)).expm1()
    mean = above.mean(-1, keepdim=True)
    return factor * (alpha - 1) * g, factor * (above - mean) / (1 + mean)


def _near_one(alpha: float) -> bool:
    return abs(1 - alpha) < NEAR_ONE


def _ratio(alpha: float) -> float | None:
    """v / u of the two terms, where it is a constant."""
    return None if _near_one(alpha) else 1 / (alpha - 1)


def order_factor(alpha: float) -> float:
    r"""sgn(α) / (α - 1), the factor of the Rényi and Tsallis divergences.

    The paper has 1 / (α - 1). By Jensen's inequality E[g] is at most 1 for 0 < α < 1 and at least 1 for all other
    orders, so that factor makes a divergence of positive orders only: for α < 0 it is at most 0 and must be maximised.
    The sign makes every order a divergence to minimise, and changes nothing for α > 0.

    Raises:
        ValueError: for α that is 0, nearer to it than 1e-6, 1 or not finite.
    """
    if alpha == 1:
        raise ValueError("alpha = 1 is not allowed: both divergences become the reverse KL there, use reverse_kl")
    if abs(alpha) < LEAST:
        vanishes = "the gradient vanishes there, use any other finite number but 1"
        raise ValueError(f"alpha = {alpha:g} is not allowed: {vanishes}, at least {LEAST:g} away from 0")
    if not math.isfinite(alpha):
        raise ValueError(f"alpha = {alpha} is not allowed: any finite number but 0 and 1")
    return math.copysign(1.0, alpha) / (alpha - 1)
