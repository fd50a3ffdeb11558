r"""Balance losses, against which the paper compares its divergences.

Each is a squared difference that vanishes for every trajectory exactly when forward and backward
flows match. Shapes: N trajectories of up to T steps, with an optional first axis of R replicas. Each
returns the mean over the batch, ``[]`` or ``[R]``.

Arguments that they share:

- ``log_pf``, ``log_pb``: log p_F(τ; θ), differentiable, and log p_B(τ | x), ``[N]`` or ``[R, N]``;
  of detailed and sub-trajectory balance those of each step, ``[N, T]`` or ``[R, N, T]``.
- ``log_flow``: log F of the state that each step leaves, differentiable, shaped like these.
- ``log_reward``: log r(x), ``[N]`` or ``[R, N]``.
- ``going``: which steps leave an unfinished state, bool, shaped like these; the others do not count.

Detailed and sub-trajectory balance compare the flows F(s) of states along a trajectory. With the potential

.. math:: e_t = \log F(s_t) - \sum_{k < t} \big(\log p_F(s_{k+1} \mid s_k) - \log p_B(s_k \mid s_{k+1})\big),

where F(x) = r(x) at the object, the residual of the part from s_i to s_j is simply e_i - e_j.
"""

import torch
from torch import Tensor

from .control_variates import leave_one_out


def trajectory_balance(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: Tensor | float) -> Tensor:
    r"""Trajectory balance (Malkin et al., 2022), averaged over a batch.

    .. math:: L_\text{TB}(\tau) = \big(\log Z + \log p_F(\tau) - \log p_B(\tau \mid x) - \log r(x)\big)^2

    Arguments:
        log_z: log Z, known (a number) or learned (a parameter, ``[]`` or ``[R, 1]``).
    """
    return (log_z + log_pf - log_pb - log_reward).square().mean(-1)


def baselined_balance(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, shift: Tensor | float = 0.0) -> Tensor:
    r"""A surrogate whose gradient is that of TB on policy with a scalar baseline in the place of log Z.

    .. math:: \nabla = \frac{2}{N} \sum_n \big(\ell_n - \bar\ell_{-n} - c\big) \nabla \log p_F(\tau_n), \qquad
              \ell = \log p_F - \log p_B - \log r

    with the mean of the others, :math:`\bar\ell_{-n}`. The variance is least (Greensmith et al., 2004) where this mean plus c is

    .. math:: b^* = E[\lVert s \rVert^2 \ell] / E[\lVert s \rVert^2], \qquad s = \nabla \log p_F.

    Unbiased for any c that does not depend on the batch; c = 0 is VarGrad times N / (N - 1).

    Arguments:
        shift: c, a number, ``[]`` or ``[R, 1]``.

    Raises:
        ValueError: for fewer than two trajectories, or a learned backward policy.
    """
    _refuse_learned(log_pb)
    residual = (log_pf - log_pb - log_reward).detach()
    return 2 * ((leave_one_out(residual) - shift) * log_pf).mean(-1)


def state_baseline_balance(
    log_pf: Tensor, log_pb: Tensor, log_flow: Tensor, log_reward: Tensor, going: Tensor
) -> Tensor:
    r"""A surrogate whose gradient is that of TB on policy with a learned baseline for every state, plus that of learning it.

    .. math:: \nabla &= \frac{2}{N} \sum_n \sum_t \big(A_{nt} - \bar A_{-n,t}\big) \nabla \log p_F(s_{t+1} \mid s_t), \\
              A_t &= \log F(s_t) + \sum_{k \ge t} \big(\log p_F(s_{k+1} \mid s_k) - \log p_B(s_k \mid s_{k+1})\big) - \log r

    with the mean over the others that are under way at step t. What comes before a step does not depend on it, and is
    left out. F is learned by least squares of A, so log F(s) tends to what is expected of the rest; where P_F is the
    target, that is the log of the flow through s. Unbiased in the policy's parameters, whatever F is: a policy gradient
    with a value function (Niu et al., 2024).

    Raises:
        ValueError: for a learned backward policy.
    """
    _refuse_learned(log_pb)
    steps = torch.where(going, log_pf - log_pb, 0).detach()
    ahead = steps.flip(-1).cumsum(-1).flip(-1) - log_reward.unsqueeze(-1)
    error = torch.where(going, ahead + log_flow, 0)
    advantage = error.detach()
    others = (advantage.sum(-2, keepdim=True) - advantage) / (going.sum(-2, keepdim=True) - 1).clamp(min=1)
    surrogate = ((advantage - others) * torch.where(going, log_pf, 0)).sum(-1).mean(-1)
    return 2 * surrogate + error.square().sum((-1, -2)) / going.sum((-1, -2))


def integrated_balance(
    log_pf: Tensor, log_choice: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: Tensor | float
) -> Tensor:
    r"""TB with the last choice of every trajectory integrated out (Rao-Blackwell), averaged over a batch.

    .. math:: \frac{1}{N} \sum_n \sum_k \pi(a_{nk} \mid s_{nk})\, L_\text{TB}(\tau_n \text{ up to } s_{nk}, a_{nk})

    over K ends that trajectory n could have had. No gradient flows through the weights π. On policy the mean gradient is
    that of TB; where the K are all actions in one state, the variance is never larger.

    Arguments:
        log_pf: log p_F of all that comes before the choice, differentiable, ``[..., N, K]``.
        log_choice: log π(a | s) of the choice, differentiable, ``[..., N, K]``; -inf where it could not be made.
        log_pb, log_reward: of the whole trajectory with it, ``[..., N, K]``; anything where it could not be made.
        log_z: log Z, known or learned, a number, ``[]`` or ``[R, 1]``.
    """
    possible, log_z = log_choice > -torch.inf, torch.as_tensor(log_z, dtype=log_pf.dtype, device=log_pf.device)
    share, choice = log_choice.detach().exp(), torch.where(possible, log_choice, 0)
    residual = torch.where(possible, log_z.unsqueeze(-1) + log_pf + choice - log_pb - log_reward, 0)
    return (share * residual.square()).sum(-1).mean(-1)


def log_partition_variance(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor) -> Tensor:
    r"""VarGrad, or log-partition variance (Richter et al., 2020; Zhang et al., 2023): TB without a log Z to learn.

    .. math:: L_\text{VarGrad} = \frac{1}{N} \sum_n \Big(\ell(\tau_n) - \frac{1}{N} \sum_m \ell(\tau_m)\Big)^2, \qquad
              \ell = \log p_F - \log p_B - \log r
    """
    return (log_pf - log_pb - log_reward).var(-1, correction=0)


def detailed_balance(log_pf: Tensor, log_pb: Tensor, log_flow: Tensor, log_reward: Tensor, going: Tensor) -> Tensor:
    r"""Detailed balance (Bengio et al., 2023), averaged over the steps of a batch.

    .. math:: L_\text{DB}(s \to s') = \big(\log F(s) + \log p_F(s' \mid s) - \log p_B(s \mid s') - \log F(s')\big)^2
    """
    potential = _potential(log_pf, log_pb, log_flow, log_reward, going)
    residual = (potential[..., :-1] - potential[..., 1:]) * going
    return residual.square().sum((-1, -2)) / going.sum((-1, -2))


def subtrajectory_balance(
    log_pf: Tensor, log_pb: Tensor, log_flow: Tensor, log_reward: Tensor, going: Tensor, decay: float
) -> Tensor:
    r"""Sub-trajectory balance, SubTB(λ) (Madan et al., 2023), averaged over a batch.

    .. math:: L_\text{SubTB}(\tau) = \frac{\sum_{i<j} \lambda^{j-i} (e_i - e_j)^2}{\sum_{i<j} \lambda^{j-i}}

    Arguments:
        decay: λ, positive; DB is the limit λ → 0, and large λ tends to TB.
    """
    potential = _potential(log_pf, log_pb, log_flow, log_reward, going)
    first, last = torch.triu_indices(*(potential.shape[-1],) * 2, offset=1, device=potential.device)
    weight = decay ** (last - first).to(potential.dtype) * going[..., last - 1]
    losses = (potential[..., first] - potential[..., last]).square() * weight
    return (losses.sum(-1) / weight.sum(-1)).mean(-1)


def _refuse_learned(log_pb: Tensor) -> None:
    if log_pb.requires_grad:
        raise ValueError("log_pb with a gradient is not allowed here: this one is for the forward policy alone")


def _potential(log_pf: Tensor, log_pb: Tensor, log_flow: Tensor, log_reward: Tensor, going: Tensor) -> Tensor:
    """e_t of all states of each trajectory, ``[..., T + 1]``; constant from the object on."""
    flow = torch.where(going, log_flow, log_reward.unsqueeze(-1))
    flow = torch.cat([flow, log_reward.unsqueeze(-1)], -1)
    steps = torch.where(going, log_pf - log_pb, 0)
    return flow - torch.nn.functional.pad(steps.cumsum(-1), (1, 0))
