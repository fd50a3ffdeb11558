"""All trajectories of a task under one policy, with everything that a gradient is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment
from gfn.evaluation.exact import all_probabilities
from gfn.policies import CategoricalPolicy
from gfn.settings import SettingsError
from gfn.study.oracle.tables import Table, policy_named

TEMPERATURE = 2.0  # of the tempered policy: logits are divided by it
MIXED = 0.2  # share of actions that the mixture takes at random

SAMPLINGS = ("on_policy", "uniform", "tempered", "mixture", "target")


@dataclass(frozen=True)
class Situation:
    """The T trajectories of a task, of at most L steps, under a policy with P parameters, and how they are drawn.

    Attributes:
        task, policy: their names.
        log_pf, log_pb, log_reward: of each trajectory, ``[T]``.
        log_z: the exact log Z.
        drawn: the probability with which each trajectory is drawn, ``[T]``.
        step_pf, step_pb: log p_F and log p_B of each step, ``[T, L]``, 0 after the end.
        log_flow: log F of the state that each step leaves, under the target, ``[T, L]``.
        going: which steps leave an unfinished state, bool ``[T, L]``.
        step_scores: ∇ log p_F of each step, ``[T, L, P]``.
    """

    task: str
    policy: str
    log_pf: Tensor
    log_pb: Tensor
    log_reward: Tensor
    log_z: float
    drawn: Tensor
    step_pf: Tensor
    step_pb: Tensor
    log_flow: Tensor
    going: Tensor
    step_scores: Tensor

    @cached_property
    def scores(self) -> Tensor:
        """∇ log p_F(τ), ``[T, P]``."""
        return self.step_scores.sum(1)

    @cached_property
    def log_ratio(self) -> Tensor:
        """Δ = log p_F - log p̄_B of each trajectory, ``[T]``."""
        return self.log_pf - self.log_pb - self.log_reward + self.log_z

    @property
    def mean_log_weight(self) -> float:
        """The mean of log w as trajectories are drawn, to which a learned log Z of TB tends."""
        return float((self.drawn * (self.log_z - self.log_ratio)).sum())


def situation(
    environment: DiscreteEnvironment, policy: CategoricalPolicy | str, sampling: str = "on_policy", label: str = ""
) -> Situation:
    """A task's trajectories under a policy.

    Arguments:
        environment: an enumerable task.
        policy: a policy of one replica in double precision, or a name, see :func:`~gfn.study.oracle.tables.policy_named`.
        sampling: how trajectories are drawn, see :func:`sampler`.
        label: the policy's name.
    """
    if isinstance(policy, str):
        at, policy = _remembered(environment, policy)
    else:
        at = _on_policy(environment, policy, label or "given")
    if sampling == "on_policy":
        return at
    with torch.no_grad():
        drawn = all_probabilities(environment, sampler(environment, policy, sampling)).log_pf[0].exp()
    return replace(at, drawn=drawn / drawn.sum())


@lru_cache(maxsize=64)
def _remembered(environment: DiscreteEnvironment, name: str) -> tuple[Situation, CategoricalPolicy]:
    policy = policy_named(environment, name)
    return _on_policy(environment, policy, name), policy


def _on_policy(environment: DiscreteEnvironment, policy: CategoricalPolicy, label: str) -> Situation:
    every = all_probabilities(environment, policy)
    steps, parameters = every.steps, list(policy.parameters())
    step_pf = torch.where(steps.going, steps.log_pf, 0)[0]
    scores = torch.autograd.grad(
        step_pf.flatten(), parameters, torch.eye(step_pf.numel(), dtype=step_pf.dtype), is_grads_batched=True
    )
    log_weight = (every.log_pb + every.log_reward)[0]
    drawn = every.log_pf[0].detach().exp()
    return Situation(
        task=environment.task,
        policy=label,
        log_pf=every.log_pf[0].detach(),
        log_pb=every.log_pb[0],
        log_reward=every.log_reward[0],
        log_z=float(log_weight.logsumexp(0)),
        drawn=drawn / drawn.sum(),
        step_pf=step_pf.detach(),
        step_pb=torch.where(steps.going, steps.log_pb, 0)[0],
        log_flow=_target_flow(environment, steps.states[0], steps.going[0], log_weight),
        going=steps.going[0],
        step_scores=torch.cat([part.flatten(1) for part in scores], 1).unflatten(0, step_pf.shape).detach(),
    )


def sampler(environment: DiscreteEnvironment, policy: CategoricalPolicy, sampling: str) -> CategoricalPolicy:
    """The policy that trajectories are drawn from.

    - ``on_policy``: the policy itself;
    - ``uniform``: every allowed action is equally likely;
    - ``tempered``: the policy's logits divided by ``TEMPERATURE``;
    - ``mixture``: a share ``MIXED`` of uniform, in every state;
    - ``target``: trajectories follow P̄_B.

    Raises:
        SettingsError: for another name.
    """
    if sampling not in SAMPLINGS:
        raise SettingsError(f"sampling = {sampling!r} is not allowed: one of {', '.join(SAMPLINGS)}")
    if sampling == "on_policy":
        return policy
    if sampling == "target":
        return policy_named(environment, "target")
    table = Table(environment)
    with torch.no_grad():
        log_probs = policy.log_probs(table.observed.unsqueeze(0), table.mask.unsqueeze(0))[0]
    chance = table.mask / table.mask.sum(-1, keepdim=True)
    logits = {
        "uniform": torch.zeros_like(chance),
        "tempered": log_probs / TEMPERATURE,
        "mixture": ((1 - MIXED) * log_probs.exp() + MIXED * chance).log(),
    }[sampling]
    return CategoricalPolicy(Table(environment, torch.where(table.mask, logits, 0)))


def _target_flow(environment: DiscreteEnvironment, states: Tensor, going: Tensor, log_weight: Tensor) -> Tensor:
    """log F of the states ``[T, L, ...]`` under the target: the sum of p_B r over all trajectories through each."""
    keys, which = environment.key(states)[going].unique(return_inverse=True)
    weight = log_weight.unsqueeze(1).expand_as(going)[going]
    most = weight.max()
    flow = torch.zeros(len(keys), dtype=weight.dtype).index_add_(0, which, (weight - most).exp())
    found = torch.zeros(going.shape, dtype=weight.dtype)
    found[going] = (flow.log() + most)[which]
    return found


def relative(log_z: float | str, at: Situation) -> float:
    """The number that stands for log Z: ``exact``, the ``mean`` of log w as trajectories are drawn, or a number.

    Raises:
        SettingsError: for anything else.
    """
    if log_z == "exact":
        return at.log_z
    if log_z == "mean":
        return at.mean_log_weight
    try:
        value = float(log_z)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise SettingsError(f"log_z = {log_z!r} is not allowed: exact, mean or a finite number")
    return value
