"""The paper: divergences and their control variates, and the balance losses beside them."""

from gfn.estimators.balance import (
    detailed_balance,
    log_partition_variance,
    subtrajectory_balance,
    trajectory_balance,
)
from gfn.estimators.control_variates import CONTROL_VARIATES, leave_one_out, linearised_baseline, surrogate
from gfn.estimators.divergences import forward_kl, renyi, reverse_kl, tsallis
from gfn.estimators.objective import BALANCE_LOSSES, DIVERGENCES, OBJECTIVES, Objective

__all__ = [
    "BALANCE_LOSSES",
    "CONTROL_VARIATES",
    "DIVERGENCES",
    "OBJECTIVES",
    "Objective",
    "detailed_balance",
    "forward_kl",
    "leave_one_out",
    "linearised_baseline",
    "log_partition_variance",
    "renyi",
    "reverse_kl",
    "subtrajectory_balance",
    "surrogate",
    "trajectory_balance",
    "tsallis",
]
