"""The last choice of trajectories, with everything that it could have been."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment
from gfn.policies import Policy
from gfn.policies.network import rows
from gfn.sampling.trajectories import Trajectories


@dataclass(frozen=True)
class LastChoices:
    """Of each of R × B trajectories K ends that it could have had, by a choice that it met on its way.

    Attributes:
        log_pf: log p_F of the steps before the choice, ``[R, B, K]``, differentiable.
        log_choice: log p_F of the choice, ``[R, B, K]``, differentiable; -inf where it could not be made.
        log_pb: log p_B of the whole trajectory that it ends, ``[R, B, K]``.
        log_reward: log r of the object that it ends with, ``[R, B, K]``.
    """

    log_pf: Tensor
    log_choice: Tensor
    log_pb: Tensor
    log_reward: Tensor


def last_choices(environment: DiscreteEnvironment, policy: Policy, batch: Trajectories) -> LastChoices:
    """The ends that trajectories could have had; weighted by the probabilities of their choices they stand for a batch.

    Where all trajectories have the same number of steps: every action in the last state that has more than one, of which
    all others follow. Where the action ``stop`` ends them: to stop in any state that a trajectory met, and, if it came
    to its end without, that end.

    Arguments:
        environment: a discrete task.
        policy: a forward policy of R replicas.
        batch: trajectories that it drew.
    """
    if environment.min_steps == environment.max_steps:
        return _every_action(environment, policy, batch)
    return _every_stop(environment, policy, batch)


def _every_action(environment: DiscreteEnvironment, policy: Policy, batch: Trajectories) -> LastChoices:
    steps = batch.steps
    last = environment.max_steps - 1
    while last and not (environment.mask(steps.states[:, :, last]).sum(-1) > 1).any():
        last -= 1
    met = steps.states[:, :, last]
    mask = environment.mask(met)
    # As many as are allowed at most; where fewer are, others stand in, whose probability is zero.
    count = int(mask.sum(-1).max())
    action = mask.byte().topk(count, -1).indices
    log_choice = policy.log_probs(environment.observe(met), mask).gather(-1, action)
    action = torch.where(mask.gather(-1, action), action, action[..., :1]).flatten(1)
    state, log_pb = met.repeat_interleave(count, 1), 0.0
    for _ in range(last, environment.max_steps):
        state = environment.step(state, action)
        log_pb = log_pb - environment.log_parents(state)
        action = environment.mask(state).byte().argmax(-1)
    before = steps.log_pb[..., :last].sum(-1, keepdim=True)
    log_pf = steps.log_pf[..., :last].sum(-1, keepdim=True).expand_as(log_choice)
    log_reward = environment.log_reward(state).view_as(log_choice).to(log_choice.dtype)
    return LastChoices(log_pf, log_choice, before + log_pb.view_as(log_choice).to(log_choice.dtype), log_reward)


def _every_stop(environment: DiscreteEnvironment, policy: Policy, batch: Trajectories) -> LastChoices:
    steps, going = batch.steps, batch.steps.going
    met, dtype = steps.states.flatten(1, 2), steps.log_pf.dtype
    ended = environment.step(met, torch.full(met.shape[:2], environment.stop, device=met.device))
    # Of every state that was met, the network's answer once.
    logits = policy.network(steps.seen.to(dtype))
    logits = rows(logits, steps.which.expand_as(going).flatten(1))
    log_stop = policy.allowed(logits, environment.mask(met))[..., environment.stop]
    log_stop = torch.where(going, log_stop.view_as(going), -torch.inf)
    log_pf, log_pb = (_before(torch.where(going, part, 0)) for part in (steps.log_pf, steps.log_pb))
    log_pb = log_pb - environment.log_parents(ended).view_as(going).to(dtype)
    log_reward = environment.log_reward(ended).view_as(going).to(dtype)
    # The end that a trajectory had, where it was not to stop: it stands for itself.
    final = going.sum(-1, keepdim=True) - 1
    ended, last = ended.unflatten(1, going.shape[1:]), final.view(*final.shape, *[1] * (batch.terminal.dim() - 2))
    ended = ended.gather(2, last.expand(*final.shape, *batch.terminal.shape[2:])).squeeze(2)
    stopped = (ended == batch.terminal).flatten(2).all(-1, keepdim=True)
    own = torch.where(stopped, -torch.inf, 0.0).to(dtype)
    parts = zip((log_pf, log_stop, log_pb, log_reward), (batch.log_pf, own, batch.log_pb, batch.log_reward))
    return LastChoices(*(torch.cat([part, one.view_as(own)], -1) for part, one in parts))


def _before(steps: Tensor) -> Tensor:
    """Of each step the sum of those before it."""
    return torch.nn.functional.pad(steps.cumsum(-1)[..., :-1], (1, 0))
