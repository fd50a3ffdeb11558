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


def trajectory_balance(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: Tensor | float) -> Tensor:
    r"""Trajectory balance (Malkin et al., 2022), averaged over a batch.

    .. math:: L_\text{TB}(\tau) = \big(\log Z + \log p_F(\tau) - \log p_B(\tau \mid x) - \log r(x)\big)^2

    Arguments:
        log_z: log Z, known (a number) or learned (a parameter, ``[]`` or ``[R, 1]``).
    """
    return (log_z + log_pf - log_pb - log_reward).square().mean(-1)


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


def _potential(log_pf: Tensor, log_pb: Tensor, log_flow: Tensor, log_reward: Tensor, going: Tensor) -> Tensor:
    """e_t of all states of each trajectory, ``[..., T + 1]``; constant from the object on."""
    flow = torch.where(going, log_flow, log_reward.unsqueeze(-1))
    flow = torch.cat([flow, log_reward.unsqueeze(-1)], -1)
    steps = torch.where(going, log_pf - log_pb, 0)
    return flow - torch.nn.functional.pad(steps.cumsum(-1), (1, 0))
