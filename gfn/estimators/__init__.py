"""The paper: divergences and their control variates, and the balance losses beside them."""

from gfn.estimators.balance import trajectory_balance
from gfn.estimators.control_variates import CONTROL_VARIATES, leave_one_out, linearised_baseline, surrogate
from gfn.estimators.divergences import forward_kl, renyi, reverse_kl, tsallis
from gfn.estimators.objective import DIVERGENCES, OBJECTIVES, Objective

__all__ = [
    "CONTROL_VARIATES",
    "DIVERGENCES",
    "OBJECTIVES",
    "Objective",
    "forward_kl",
    "leave_one_out",
    "linearised_baseline",
    "renyi",
    "reverse_kl",
    "surrogate",
    "trajectory_balance",
    "tsallis",
]
