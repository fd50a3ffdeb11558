r"""Control variates for gradients of the form E[∇f(τ) + f(τ) ∇log p_F(τ)], section 4 of the paper.

Every divergence here has per-trajectory terms proportional to the score function ∇log p_F(τ), so a
gradient estimate is a weighted sum of score functions. A control variate changes the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

EPSILON = 0.03
CANCELLING = 0.01
WITH_EPSILON = ("score", "both")


@dataclass(frozen=True)
class Terms:
    """What a control variate is given of N trajectories, see :func:`surrogate`."""

    log_pf: Tensor
    pathwise: Tensor
    score: Tensor
    parameters: Iterable[Tensor] = ()
    epsilon: float = EPSILON
    ratio: float | None = None
    weights: Tensor | None = None

    @property
    def whole(self) -> Tensor:
        """u + v, the weight of ∇log p_F; where the two nearly cancel, their sum would round away."""
        cancels = self.ratio is not None and abs(1 + self.ratio) < CANCELLING
        return self.pathwise * (1 + self.ratio) if cancels else self.pathwise + self.score

    def centred(self, values: Tensor) -> Tensor:
        """Each value less the mean of the others, with the weights of the trajectories."""
        return leave_one_out(values, self.weights)


def leave_one_out(values: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""Each value less the mean of the others, for the term E[f ∇log p_F] (eq. 7 of the paper).

    .. math:: f(\tau_i) - \frac{1}{N-1} \sum_{n \ne i} f(\tau_n)

    For ``values`` f of N trajectories, ``[..., N]``. Unbiased if these are independent, since the baseline of τ_i does
    not depend on τ_i.

    Of a term E[h t] where not t but c t has the mean zero, it is a multiple of c that is taken from h: with ``weights``
    c and ``values`` h, and the multiple that would be least squares of the others,

    .. math:: h_i - c_i \frac{\sum_{n \ne i} c_n h_n}{\sum_{n \ne i} c_n^2}.

    That is unbiased, too, and the plain one where all c are 1. Trajectories of another law q have c = ρ = p_F / q and
    h = ρ f, since E_q[ρ ∇log p_F] = E[∇log p_F] = 0: a constant in f then is removed altogether, as on policy. A
    learned backward policy has c = w, see :mod:`~.divergences`.

    Raises:
        ValueError: for fewer than two trajectories.
    """
    count = values.shape[-1]
    if count < 2:
        raise ValueError(f"leave-one-out needs at least 2 trajectories, and the batch has {count}")
    if weights is None:
        return (values - values.mean(-1, keepdim=True)) * (count / (count - 1))
    # Of any length, since they only have to be in proportion.
    least = torch.finfo(weights.dtype).tiny
    weights = weights / weights.amax(-1, keepdim=True).clamp(min=least)
    squares = _sum_of_others(weights.square()).clamp(min=least)
    return values - weights * _sum_of_others(values * weights) / squares


def _sum_of_others(values: Tensor) -> Tensor:
    """Of each the sum of all others; not as the whole sum less itself, which would round away beside a large one."""
    before, after = values.cumsum(-1), values.flip(-1).cumsum(-1).flip(-1)
    return torch.nn.functional.pad(before[..., :-1], (1, 0)) + torch.nn.functional.pad(after[..., 1:], (0, 1))


def linearised_baseline(
    log_pf: Tensor, weights: Tensor, parameters: Iterable[Tensor], epsilon: float = EPSILON
) -> Tensor:
    r"""Scalar baseline â of the score-function control variate for the term E[∇f] (eq. 6 of the paper).

    .. math:: \hat a = \frac{\langle \bar f, \bar s \rangle}{\varepsilon + \lVert \bar s \rVert^2}, \qquad
              \bar f = \frac{1}{N} \sum_n \nabla f(\tau_n),\; \bar s = \frac{1}{N} \sum_n \nabla \log p_F(\tau_n)

    The delta-method linearisation of the variance-minimising baseline of Proposition 2, at the cost
    of two vector-Jacobian products. It comes from the batch to which it is applied, so the estimate
    is not exactly unbiased. The paper writes sums for the means here: with a fixed ε their estimate
    stays biased however large N is, whereas with means ε outgrows ‖s̄‖² and the bias vanishes.

    Arguments:
        log_pf: log p_F of N trajectories, ``[N]``, or ``[R, N]`` with parameters stacked along a
            first axis of length R.
        weights: u such that ∇f(τ_n) = u_n ∇log p_F(τ_n), shaped like ``log_pf``.
        parameters: θ.
        epsilon: ε, in units of a squared gradient of log p_F.

    Returns:
        â, ``[]`` or ``[R]``.

    Raises:
        ValueError: without parameters.
    """
    parameters = _trained(parameters)
    return _baseline(mean_gradient(log_pf, parameters, weights), mean_gradient(log_pf, parameters), epsilon)


def mean_gradient(log_pf: Tensor, parameters: list[Tensor], weights: Tensor | float = 1.0) -> Tensor:
    """Gradient of the weighted mean (1/N) Σ_n u_n log p_F(τ_n), ``[P]`` or ``[R, P]``; one vector-Jacobian product."""
    output = (log_pf * weights).mean(-1).sum()
    found = torch.autograd.grad(output, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)
    return _in_one(found, log_pf.dim() == 2)


def mean_gradients(terms: Terms) -> tuple[Tensor, Tensor]:
    """The means of ∇f and of ∇log p_F over a batch, each ``[P]`` or ``[R, P]``: what the score control variate needs."""
    parameters, each = _trained(terms.parameters), 1.0 if terms.weights is None else terms.weights
    return mean_gradient(terms.log_pf, parameters, terms.pathwise), mean_gradient(terms.log_pf, parameters, each)


def _trained(parameters: Iterable[Tensor]) -> list[Tensor]:
    found = [p for p in parameters if p.requires_grad]
    if not found:
        raise ValueError("the score control variate needs the policy's parameters: pass parameters=policy.parameters()")
    return found


def _baseline(mean_f: Tensor, mean_score: Tensor, epsilon: float) -> Tensor:
    return (mean_f * mean_score).sum(-1) / (epsilon + mean_score.square().sum(-1))


def _in_one(parts: Iterable[Tensor], stacked: bool) -> Tensor:
    """Tensors like the parameters in one: ``[R, P]`` if they are stacked, else ``[P]``."""
    return torch.cat([part.flatten(1) if stacked else part.flatten() for part in parts], -1)


def surrogate(
    log_pf: Tensor,
    pathwise: Tensor,
    score: Tensor,
    control_variate: str = "joint",
    parameters: Iterable[Tensor] = (),
    epsilon: float = EPSILON,
    ratio: float | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    r"""A scalar whose gradient is the estimate (1/N) Σ_n [∇f(τ_n) - â ∇log p_F(τ_n)] + (1/N) Σ_n [f(τ_n) - a_n] ∇log p_F(τ_n).

    Its value means nothing; only its gradient does.

    Arguments:
        log_pf: log p_F(τ_n; θ), ``[N]`` or ``[R, N]``, differentiable.
        pathwise: u with ∇f(τ_n) = u_n ∇log p_F(τ_n), no gradient flows through it.
        score: v = f(τ_n), no gradient flows through it.
        control_variate: ``none``; ``loo`` centres the second sum; ``score`` subtracts â in the
            first; ``both``; ``joint`` is leave-one-out on the whole weight u + v, without â.
        parameters: θ, all of them, needed by ``score`` and ``both``.
        epsilon: ε of :func:`linearised_baseline`.
        ratio: k, if v = k u, as of Tsallis: ∇g = (α - 1) g ∇log p_F, so u = (α - 1) g, v = g and k = 1 / (α - 1). The
            estimate then combines the two gradients that â needs, see below, and costs two vector-Jacobian products
            instead of three; only ``parameters`` receive a gradient.
        weights: ρ = p_F / q of trajectories that another law q gave, ``[N]`` or ``[R, N]``; no gradient flows through it.
            ``pathwise`` and ``score`` then come multiplied by it, which the caller can do in log space, and ∇log p_F
            counts ρ times wherever a control variate takes it.

    Returns:
        ``[]`` or ``[R]``.

    Raises:
        ValueError: for an unknown control variate, or where a control variate cannot be computed.

    What ``ratio`` saves: â already takes f̄ = (1/N) Σ u_n ∇log p_F(τ_n) and s̄ = (1/N) Σ ∇log p_F(τ_n). With v = k u the
    estimate of ``score`` is (1/N) Σ (u_n - â + k u_n) ∇log p_F(τ_n) = (1 + k) f̄ - â s̄, made of these two, so that no
    third one is needed. The gradient is the same:

    >>> log_p = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    >>> log_pf, u = torch.stack([log_p[0], log_p[1], log_p.sum()]), torch.tensor([1.0, 2.0, 4.0]).double()
    >>> for ratio in (None, -2.0):
    ...     loss = surrogate(log_pf, u, -2 * u, "score", [log_p], ratio=ratio)
    ...     print([round(each, 6) for each in torch.autograd.grad(loss, log_p, retain_graph=True)[0].tolist()])
    [-3.440145, -3.773478]
    [-3.440145, -3.773478]
    """
    if control_variate not in CONTROL_VARIATES:
        raise ValueError(f"control_variate = {control_variate!r} is not allowed: one of {', '.join(CONTROL_VARIATES)}")
    weights = None if weights is None else weights.detach()
    terms = Terms(log_pf, pathwise.detach(), score.detach(), list(parameters), epsilon, ratio, weights)
    if ratio is not None and (control_variate == "score" or (control_variate == "both" and weights is None)):
        return _combined(terms, centred=control_variate == "both")
    return (CONTROL_VARIATES[control_variate](terms) * log_pf).mean(-1)


def _minus_baseline(terms: Terms) -> Tensor:
    """u - â, and with weights u ρ - â ρ."""
    baseline = _baseline(*mean_gradients(terms), terms.epsilon).unsqueeze(-1)
    return terms.pathwise - (baseline if terms.weights is None else baseline * terms.weights)


def _combined(terms: Terms, centred: bool) -> Tensor:
    """``score``, or with ``centred`` ``both``, for v = k u: made of the two gradients that â needs."""
    count, pathwise, ratio = terms.log_pf.shape[-1], terms.pathwise, terms.ratio
    if centred:
        leave_one_out(terms.score)  # refuses a single trajectory
    mean_f, mean_score = mean_gradients(terms)
    baseline = _baseline(mean_f, mean_score, terms.epsilon)
    # Leave-one-out takes the mean from v and multiplies by N / (N - 1).
    slope = ratio * count / (count - 1) if centred else ratio
    offset = baseline + slope * pathwise.mean(-1) if centred else baseline
    estimate = (1 + slope) * mean_f - offset.unsqueeze(-1) * mean_score
    return (estimate * _in_one(_trained(terms.parameters), terms.log_pf.dim() == 2)).sum(-1)


def none(terms: Terms) -> Tensor:
    """No control variate: u + v."""
    return terms.whole


def loo(terms: Terms) -> Tensor:
    """Leave-one-out on the score term: u + v less the mean of the others."""
    return terms.pathwise + terms.centred(terms.score)


def score(terms: Terms) -> Tensor:
    """The paper's baseline of the pathwise term: u - â + v."""
    return _minus_baseline(terms) + terms.score


def both(terms: Terms) -> Tensor:
    """Both: u - â + v less the mean of the others."""
    centred = terms.centred(terms.score)
    return _minus_baseline(terms) + centred


def joint(terms: Terms) -> Tensor:
    """Leave-one-out on the whole weight: u + v less the mean of the others."""
    return terms.centred(terms.whole)


#: Each control variate by name, from the terms of a batch to the weight of every ∇log p_F(τ_n). More may be added.
CONTROL_VARIATES: dict[str, Callable[[Terms], Tensor]] = {
    "none": none,
    "loo": loo,
    "score": score,
    "both": both,
    "joint": joint,
}
