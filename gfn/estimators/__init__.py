"""The paper: divergences and their control variates, and the balance losses and f-divergence losses beside them.

This folder needs nothing but PyTorch, and works under any name: copy it into another project as it is.
"""

from .balance import (
    baselined_balance,
    detailed_balance,
    integrated_balance,
    log_partition_variance,
    state_baseline_balance,
    subtrajectory_balance,
    trajectory_balance,
)
from .control_variates import CONTROL_VARIATES, leave_one_out, linearised_baseline, surrogate
from .divergences import DIVERGENCES, forward_kl, renyi, reverse_kl, tsallis
from .f_losses import devgrad, f_trajectory_balance, jensen_shannon_balance

__all__ = [
    "CONTROL_VARIATES",
    "DIVERGENCES",
    "baselined_balance",
    "detailed_balance",
    "devgrad",
    "f_trajectory_balance",
    "forward_kl",
    "integrated_balance",
    "jensen_shannon_balance",
    "leave_one_out",
    "linearised_baseline",
    "log_partition_variance",
    "renyi",
    "reverse_kl",
    "state_baseline_balance",
    "subtrajectory_balance",
    "surrogate",
    "trajectory_balance",
    "tsallis",
]
