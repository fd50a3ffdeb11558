"""Balance losses, against which the paper compares its divergences."""

from __future__ import annotations

from torch import Tensor


def trajectory_balance(log_pf: Tensor, log_pb: Tensor, log_reward: Tensor, log_z: Tensor | float) -> Tensor:
    r"""Trajectory balance (Malkin et al., 2022), averaged over a batch.

    .. math:: L_\text{TB}(\tau) = \big(\log Z + \log p_F(\tau) - \log p_B(\tau \mid x) - \log r(x)\big)^2

    Arguments:
        log_pf: log p_F(τ; θ), ``[N]`` or ``[R, N]``, differentiable.
        log_pb: log p_B(τ | x).
        log_reward: log r(x).
        log_z: log Z, known (a number) or learned (a parameter, ``[]`` or ``[R, 1]``).

    Returns:
        The mean loss, ``[]`` or ``[R]``.
    """
    return (log_z + log_pf - log_pb - log_reward).square().mean(-1)
