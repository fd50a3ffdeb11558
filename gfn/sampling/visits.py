"""What a policy's network is asked during a rollout: each state once, where that pays."""

from __future__ import annotations

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Environment
from gfn.policies import Policy
from gfn.policies.network import rows

STATIC_STEPS = 512


def static(environment: Environment, device: torch.device) -> bool:
    """Whether no shape depends on values: off the CPU, where to wait for one costs more than the work it saves.

    Unless trajectories can be so long that most may be far shorter.
    """
    return device.type != "cpu" and environment.max_steps <= STATIC_STEPS


class Visits:
    """Actions for one step after another, and at the end their log-probabilities without a second forward pass.

    States that leave no choice are not shown to the network, and states met by several trajectories
    once. All trajectories start in the same state; after that states repeat often in some tasks, and
    in others only in the first steps.

    Arguments:
        environment: the task.
        policy: a forward policy of R replicas.
        fixed: whether no shape may depend on values, so that every state is shown but the first.
    """

    def __init__(self, environment: Environment, policy: Policy, fixed: bool = False) -> None:
        self.environment, self.policy, self.fixed = environment, policy, fixed
        self.discrete = isinstance(environment, DiscreteEnvironment)
        self.forces = self.discrete and environment.forces
        self.traces: list[list[Tensor]] = []
        self.masks: list[Tensor | None] = []
        self.which: list[Tensor] = []
        self.free: list[Tensor | None] = []
        self.asked = 0
        self.repeating = True

    def choose(self, state: Tensor, noise: Tensor) -> Tensor:
        """Actions ``[R, B]`` in ``state`` ``[R, B, ...]`` from ``noise`` ``[R, B, ...]``."""
        mask = self.environment.mask(state) if self.discrete else None
        free = mask.sum(-1) > 1 if self.forces else None
        self.free.append(free)
        if self.traces and self.forces and not self.fixed and not free.any():
            self.which.append(torch.zeros_like(free, dtype=torch.long))
            return mask.int().argmax(-1)
        first, which = self._group(state, free)
        once = state if first is None else rows(state, first)
        once_mask = mask if first is None or mask is None else rows(mask, first)
        network = self.policy.network
        trace = network.trace(network.prepare(self.environment.observe(once)).to(noise.dtype))
        self.traces.append(trace)
        self.masks.append(once_mask)
        self.which.append(which + self.asked)
        self.asked += once.shape[1]
        output = trace[-1] if first is None else rows(trace[-1], which)
        return self.policy.choose(output, mask, noise)

    def _group(self, state: Tensor, free: Tensor | None) -> tuple[Tensor | None, Tensor]:
        """One trajectory for each group that shares a state, ``[R, U]``, None for all; and the group of each, ``[R, B]``."""
        replicas, batch = state.shape[:2]
        if not self.traces:
            source = torch.zeros(replicas, batch, dtype=torch.long, device=state.device)
            return source[:, :1], source
        pays = self.discrete and not self.fixed and (self.environment.repeats or self.repeating)
        if pays and self.environment.countable:
            keys = self.environment.key(state)
            first, which = group(keys.masked_fill(~free, -1) if self.forces else keys)
            self.repeating = 2 * first.shape[1] <= batch
            return first, which
        return None, torch.arange(batch, device=state.device).expand(replicas, batch)

    def log_prob(self, actions: list[Tensor]) -> Tensor:
        """Log-probabilities of the actions chosen at all T steps, ``[R, T, B]``, differentiable in the policy's parameters."""
        output = self.policy.network.replay(self.traces)
        mask = torch.cat(self.masks, 1) if self.discrete else None
        shape = actions[0].shape[0], len(actions), actions[0].shape[1]
        log_prob = self.policy.log_prob_of(output, mask, torch.cat(self.which, 1), torch.cat(actions, 1)).view(shape)
        return torch.where(torch.stack(self.free, 1), log_prob, 0) if self.forces else log_prob


def group(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Equal numbers in each row of ``keys`` ``[R, M]``.

    Returns:
        The place of one member of each of U groups, ``[R, U]`` (padded by any place), and the group of each number, ``[R, M]``.
    """
    ordered, order = keys.sort(-1)
    rank = torch.zeros_like(order)
    torch.cumsum(ordered[:, 1:] != ordered[:, :-1], -1, out=rank[:, 1:])
    which = torch.empty_like(order).scatter_(1, order, rank)
    first = torch.zeros(len(keys), int(rank[:, -1].max()) + 1, dtype=torch.long, device=keys.device)
    return first.scatter_(1, rank, order), which
