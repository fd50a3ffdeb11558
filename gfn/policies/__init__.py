"""Forward and backward policies with a replica axis."""

from gfn.policies.backward import LearnedBackward, sample_parent_action
from gfn.policies.categorical import CategoricalPolicy
from gfn.policies.make import Policy, PolicySettings, make_backward, make_flow, make_policy
from gfn.policies.mixture import MixturePolicy
from gfn.policies.network import ReplicatedMLP

__all__ = [
    "CategoricalPolicy",
    "LearnedBackward",
    "MixturePolicy",
    "Policy",
    "PolicySettings",
    "ReplicatedMLP",
    "make_backward",
    "make_flow",
    "make_policy",
    "sample_parent_action",
]
