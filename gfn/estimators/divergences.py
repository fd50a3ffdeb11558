r"""The paper's four divergences between P_F and P̄_B(τ) = p_B(τ | x) r(x) / Z, estimated from trajectories.

Each function takes ``log_pf``, ``log_pb``, ``log_reward`` of trajectories τ ~ P_F, or with ``log_q`` of
others, and returns a surrogate whose gradient in the policy's parameters is the estimate. None needs Z, an
environment or anything else of this package. Shapes: ``[N]`` for N trajectories of one policy, giving ``[]``;
or ``[R, N]`` for R policies with stacked parameters, giving ``[R]``.

Arguments that they share:

- ``log_pf``, ``log_pb``, ``log_reward``: log p_F(τ; θ), differentiable; log p_B(τ | x); log r(x).
- ``alpha``: α, any finite number but 1, at least 1e-6 away from 0; :func:`order_factor` raises ``ValueError`` for
  others. Within 0.01 of 1, g - 1 stands for g in the score term, where a constant changes no expectation: g / (α - 1)
  would lose all differences to rounding, and (g - 1) / (α - 1) tends to the f of the reverse KL.
- ``control_variate``: ``none``, ``loo``, ``score``, ``both`` or ``joint``.
- ``parameters``: θ, needed by ``score``, and for Tsallis and Rényi by ``both``.
- ``epsilon``: ε of the score control variate.
- ``log_scale``: constant subtracted from log w, scalar or ``[R, 1]``.
- ``log_q``: log q(τ) of the law that drew the trajectories, shaped like ``log_pf``, where that is not p_F: a policy
  with exploration noise, or one of some iterations ago. It must be positive wherever p_F is.

Importance weights w = p_B r / p_F are only ever formed in log space. Where an unbiased estimate
needs them unnormalised (forward KL, Tsallis), ``log_scale`` is a constant to subtract from log w: it
only multiplies the gradient by a positive constant, and a rough guess of log Z keeps exp in range.

**Other trajectories.** E[f ∇log p_F] = E_q[ρ f ∇log p_F] with ρ = p_F / q, so every term is multiplied by ρ, and every
control variate carries over (see :func:`~.control_variates.leave_one_out`). Unbiased stays unbiased. Rényi divides by
sums over the batch anyway, of ρ too, so for it q may be known up to a constant. Without ``log_q`` all trajectories are taken
to be of p_F. Nothing in ``log_pf``, ``log_pb`` and ``log_reward`` can show that they are not: whatever three numbers a
trajectory has, there are a policy and a reward under which it is an ordinary one.

**A learned backward policy.** Where ``log_pb`` requires a gradient, it gets that of the same divergence. With f a
function of w alone and ∇f = u ∇log p_F in the parameters of p_F, the gradient in those of p_B is

.. math:: E[\nabla f] = -E[u \nabla \log p_B].

It has no score term, since p_F does not depend on them. Neither does E[∇log p_B] vanish, so that the plain leave-one-out
would bias it. What vanishes is E[w ∇log p_B] = Z E_{P̄_B}[∇log p_B] = 0. So leave-one-out (in ``loo``, ``both``
and ``joint``) takes from -u the multiple of w that the others say, and at the target nothing is left, in every batch;
far from it, where w varies most, that may add variance. The
forward KL is E[w log w] up to a constant, and has u = -w log w up to a multiple of w, of which the estimate then does not
depend. The score control variate is a multiple of ∇log p_F, and changes nothing here.
"""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from .control_variates import EPSILON, leave_one_out, surrogate

LEAST = 1e-6  # size of α: the gradient is proportional to it, and Adam stops at some 1e-8
CENTRING = ("loo", "both", "joint")  # what centres by leave-one-out
NEAR_ONE = 0.01  # |1 - α| from which on g itself stands in the score term


def reverse_kl(
    log_pf: Tensor,
    log_pb: Tensor,
    log_reward: Tensor,
    *,
    control_variate: str = "joint",
    parameters: Iterable[Tensor] = (),
    epsilon: float = EPSILON,
    log_q: Tensor | None = None,
) -> Tensor:
    r"""Reverse KL divergence, KL(P_F ‖ P̄_B).

    .. math:: \nabla = E[\nabla \log p_F + f \nabla \log p_F], \qquad f = \log p_F - \log(p_B r)

    Its first term is E[1 · ∇log p_F], which leave-one-out removes altogether: its baseline for the constant 1 is 1. So
    ``loo`` and ``both`` leave nothing to the score control variate: they are ``joint``, and unbiased.
    """
    f = (log_pf - log_pb - log_reward).detach()
    if control_variate in ("loo", "both"):
        control_variate = "joint"
    rho = _ratio_of_laws(log_pf, log_q)
    pathwise, score = (torch.ones_like(f), f) if rho is None else (rho, rho * f)
    loss = surrogate(log_pf, pathwise, score, control_variate, parameters, epsilon, weights=rho)
    return _with_backward(loss, log_pb, pathwise, log_reward - (log_pf if log_q is None else log_q), control_variate)


def forward_kl(
    log_pf: Tensor,
    log_pb: Tensor,
    log_reward: Tensor,
    *,
    control_variate: str = "joint",
    parameters: Iterable[Tensor] = (),
    epsilon: float = EPSILON,
    log_scale: Tensor | float = 0.0,
    log_q: Tensor | None = None,
) -> Tensor:
    r"""Forward KL divergence, KL(P̄_B ‖ P_F), importance-sampled from P_F.

    .. math:: \nabla = -C\, E[w \nabla \log p_F], \qquad w = p_B r / p_F,\; C = e^{-\text{log\_scale}}

    Its one term can be read as E[f ∇log p_F] with f = -w or, since ∇w = -w ∇log p_F, as E[∇w].
    ``loo`` takes the first reading and ``score`` the second. ``both`` takes the first too, which leaves
    nothing to the score control variate: like ``joint`` it is ``loo``, and unbiased.
    """
    rho = _ratio_of_laws(log_pf, log_q)
    # ρ w = p_B r / q, whatever p_F is.
    weight = (log_pb + log_reward - (log_pf if log_q is None else log_q) - log_scale).detach().exp()
    if control_variate == "score":
        loss = surrogate(log_pf, -weight, torch.zeros_like(weight), "score", parameters, epsilon, 0.0, rho)
    else:
        name = "loo" if control_variate == "both" else control_variate
        loss = surrogate(log_pf, torch.zeros_like(weight), -weight, name, parameters, epsilon, weights=rho)
    if not log_pb.requires_grad:
        return loss
    pathwise = -weight * (log_pb + log_reward - log_pf - log_scale).detach()
    return _with_backward(loss, log_pb, pathwise, log_reward - (log_pf if log_q is None else log_q), control_variate)


def tsallis(
    log_pf: Tensor,
    log_pb: Tensor,
    log_reward: Tensor,
    alpha: float = 0.5,
    *,
    control_variate: str = "joint",
    parameters: Iterable[Tensor] = (),
    epsilon: float = EPSILON,
    log_scale: Tensor | float = 0.0,
    log_q: Tensor | None = None,
) -> Tensor:
    r"""Tsallis-α divergence of P_F from P̄_B.

    .. math:: \nabla &= C\, \operatorname{sgn}(\alpha)\, \frac{E[\nabla g + g \nabla \log p_F]}{\alpha - 1}, \\
              g &= (p_B r / p_F)^{1-\alpha},\; C = e^{-(1-\alpha)\,\text{log\_scale}}

    For α < 0 the paper's definition is never positive and greatest at the target; sgn(α) turns it
    into what can be minimised (see :func:`order_factor`).
    """
    pathwise, score = tsallis_terms(log_pf, log_pb, log_reward, alpha, log_scale, log_q)
    rho = _ratio_of_laws(log_pf, log_q)
    loss = surrogate(log_pf, pathwise, score, control_variate, parameters, epsilon, _ratio(alpha), rho)
    return _with_backward(loss, log_pb, pathwise, log_reward - (log_pf if log_q is None else log_q), control_variate)


def renyi(
    log_pf: Tensor,
    log_pb: Tensor,
    log_reward: Tensor,
    alpha: float = 0.5,
    *,
    control_variate: str = "joint",
    parameters: Iterable[Tensor] = (),
    epsilon: float = EPSILON,
    log_q: Tensor | None = None,
) -> Tensor:
    r"""Rényi-α divergence of P_F from P̄_B.

    .. math:: \nabla = \operatorname{sgn}(\alpha)\, \frac{E[\nabla g + g \nabla \log p_F]}{(\alpha - 1)\, E[g]}, \qquad
              g = (p_B r / p_F)^{1-\alpha}

    For sgn(α) see :func:`order_factor`. E[g] is estimated from the same batch, so the estimate is
    self-normalised: consistent, and biased by O(1/N).
    """
    pathwise, score = renyi_terms(log_pf, log_pb, log_reward, alpha, log_q)
    rho = _mean_one(log_pf, log_q)
    loss = surrogate(log_pf, pathwise, score, control_variate, parameters, epsilon, _ratio(alpha), rho)
    return _with_backward(loss, log_pb, pathwise, log_reward - (log_pf if log_q is None else log_q), control_variate)


def tsallis_terms(
    log_pf: Tensor,
    log_pb: Tensor,
    log_reward: Tensor,
    alpha: float,
    log_scale: Tensor | float = 0.0,
    log_q: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The weights u and v of the Tsallis gradient's pathwise and score terms, as :func:`~.control_variates.surrogate` takes them."""
    factor = order_factor(alpha)
    log_g = ((1 - alpha) * (log_pb + log_reward - log_pf - log_scale)).detach()
    g = (log_g if log_q is None else log_g + (log_pf - log_q).detach()).exp()  # with log_q, ρ g
    # ∇g = (α - 1) g ∇log p_F.
    if not _near_one(alpha):
        return factor * (alpha - 1) * g, factor * g
    rho = _ratio_of_laws(log_pf, log_q)
    return factor * (alpha - 1) * g, factor * (log_g.expm1() if rho is None else rho * log_g.expm1())


def renyi_terms(
    log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, alpha: float, log_q: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The same for the Rényi gradient, with g divided by its mean over the batch, and ρ by its own."""
    factor = order_factor(alpha)
    log_g = ((1 - alpha) * (log_pb + log_reward - log_pf)).detach()
    log_rho = 0.0 if log_q is None else (log_pf - log_q).detach()
    g = (log_g + log_rho).softmax(-1) * log_g.shape[-1]
    if not _near_one(alpha):
        return factor * (alpha - 1) * g, factor * g
    above = (log_g - log_g.amax(-1, keepdim=True)).expm1()
    rho = _mean_one(log_pf, log_q)
    mean = (above if rho is None else rho * above).mean(-1, keepdim=True)
    score = factor * (above - mean) / (1 + mean)
    return factor * (alpha - 1) * g, score if rho is None else rho * score


def _ratio_of_laws(log_pf: Tensor, log_q: Tensor | None) -> Tensor | None:
    """ρ = p_F / q, None on policy."""
    return None if log_q is None else (log_pf - log_q).detach().exp()


def _mean_one(log_pf: Tensor, log_q: Tensor | None) -> Tensor | None:
    """ρ over its mean in the batch."""
    return None if log_q is None else (log_pf - log_q).detach().softmax(-1) * log_pf.shape[-1]


def _with_backward(loss: Tensor, log_pb: Tensor, pathwise: Tensor, log_rest: Tensor, control_variate: str) -> Tensor:
    """The loss, with the gradient -E[u ∇log p_B] of a learned backward policy beside its own.

    ``log_rest`` is log r - log p_F, or with another law log r - log q: what log w lacks of log p_B.
    """
    if not log_pb.requires_grad:
        return loss
    if control_variate in CENTRING:
        log_weight = (log_pb + log_rest).detach()
        pathwise = leave_one_out(pathwise, (log_weight - log_weight.amax(-1, keepdim=True)).exp())
    return loss - (pathwise * log_pb).mean(-1)


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


#: Each divergence by name, its parameters being its settings. More may be added, which then are objectives like these.
DIVERGENCES: dict[str, Callable[..., Tensor]] = {
    "reverse_kl": reverse_kl,
    "forward_kl": forward_kl,
    "renyi": renyi,
    "tsallis": tsallis,
}
