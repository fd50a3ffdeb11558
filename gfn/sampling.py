"""Rollouts: trajectories drawn from a policy, or traced back from given objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Environment
from gfn.policies import Policy, sample_parent_action


@dataclass(frozen=True)
class Steps:
    """The T steps of R × B trajectories, which DB and SubTB look at one by one.

    Attributes:
        states: the state that each step leaves, ``[R, B, T, ...]``.
        going: whether it is unfinished, bool ``[R, B, T]``; the other steps do nothing.
        log_pf: log p_F of each step, ``[R, B, T]``, differentiable.
        log_pb: log p_B of each step, ``[R, B, T]``.
    """

    states: Tensor
    going: Tensor
    log_pf: Tensor
    log_pb: Tensor


@dataclass(frozen=True)
class Trajectories:
    """R × B trajectories and their log-probabilities.

    Attributes:
        log_pf: log p_F(τ; θ), ``[R, B]``, differentiable in the policy's parameters.
        log_pb: log p_B(τ | x), ``[R, B]``.
        log_reward: log r(x), ``[R, B]``.
        terminal: the objects x, ``[R, B, ...]``.
        steps: the same step by step, where it is known.
    """

    log_pf: Tensor
    log_pb: Tensor
    log_reward: Tensor
    terminal: Tensor
    steps: Steps | None = None


STATIC_STEPS = 512


def static(environment: Environment, device: torch.device) -> bool:
    """Whether no shape depends on values: off the CPU, where to wait for one costs more than the work it saves.

    Unless trajectories can be so long that most may be far shorter.
    """
    return device.type != "cpu" and environment.max_steps <= STATIC_STEPS


def rollout(
    environment: Environment, policy: Policy, batch: int, generators: Sequence[torch.Generator]
) -> Trajectories:
    """Draw ``batch`` trajectories τ ~ p_F for each replica.

    Sampling runs without gradients; the probabilities of what was drawn then come from one pass
    over all steps together, which is cheaper than differentiating through every small step. Where
    states repeat, that pass sees each once; where they do not, it uses what sampling has computed.

    Arguments:
        environment: the task.
        policy: a forward policy of R replicas.
        batch: number B of trajectories for each replica.
        generators: R sources of randomness, one a replica.
    """
    noise = policy.noise(generators, environment.max_steps, batch)
    state = environment.initial(len(generators), batch, device=noise.device)
    states, actions = [state], []
    discrete = isinstance(environment, DiscreteEnvironment)
    fixed = static(environment, noise.device)
    traces = [] if discrete and (fixed or not environment.repeats) and policy.keeps_traces else None
    for step in range(environment.max_steps):
        if step >= environment.min_steps and not fixed and environment.is_terminal(state).all():
            break
        mask = environment.mask(state) if discrete else None
        kept = {} if traces is None else {"traces": traces}
        action = policy.sample(environment.observe(state), mask, noise[:, step], **kept)
        state = environment.step(state, action)
        states.append(state)
        actions.append(action)
    return evaluate(environment, policy, states, actions, traces)


def retrace(
    environment: DiscreteEnvironment, policy: Policy, terminal: Tensor, generator: torch.Generator
) -> Trajectories:
    """Draw one trajectory τ ~ p_B(· | x) for each object ``terminal`` ``[R, B, ...]``.

    Objects must be reached in exactly ``max_steps`` actions. All replicas share the randomness.
    """
    states, actions = [terminal], []
    for _ in range(environment.max_steps):
        action = sample_parent_action(environment, states[0], generator)
        states.insert(0, environment.undo(states[0], action))
        actions.insert(0, action)
    return evaluate(environment, policy, states, actions)


def evaluate(
    environment: Environment, policy: Policy, states: list[Tensor], actions: list[Tensor], traces: list | None = None
) -> Trajectories:
    """Probabilities of given trajectories.

    Arguments:
        environment: the task.
        policy: a forward policy of R replicas.
        states: T + 1 states, each ``[R, B, ...]``, from source to object.
        actions: T actions, each ``[R, B]``; what follows a terminal state counts with probability one.
        traces: what the policy's network computed when it sampled these actions, if that was kept.
    """
    replicas, batch = actions[0].shape
    visited = torch.stack(states[:-1], 1)
    action = torch.stack(actions, 1).flatten(1, 2)
    if traces is None:
        log_prob = _log_prob(environment, policy, visited.flatten(1, 2), action)
    else:
        log_prob = policy.log_prob_of(traces, environment.mask(visited).flatten(1, 2), action)
    log_prob = log_prob.view(replicas, -1, batch)
    finished = environment.is_terminal(visited)
    log_parents = environment.log_parents(torch.stack(states[1:], 1)).masked_fill(finished, 0)
    return Trajectories(
        log_pf=log_prob.sum(1),
        log_pb=-log_parents.sum(1).to(log_prob.dtype),
        log_reward=environment.log_reward(states[-1]).to(log_prob.dtype),
        terminal=states[-1],
        steps=Steps(
            states=visited.transpose(1, 2),
            going=~finished.transpose(1, 2),
            log_pf=log_prob.transpose(1, 2),
            log_pb=-log_parents.transpose(1, 2).to(log_prob.dtype),
        ),
    )


def _log_prob(environment: Environment, policy: Policy, states: Tensor, actions: Tensor) -> Tensor:
    """Log-probability of ``actions`` ``[R, M]`` in ``states`` ``[R, M, ...]``: ``[R, M]``."""
    if not isinstance(environment, DiscreteEnvironment):
        return policy.log_prob(environment.observe(states), None, actions)
    if static(environment, states.device) or not environment.repeats:
        return policy.log_prob(environment.observe(states), environment.mask(states), actions)
    once, which = distinct(environment, states)
    log_probs = policy.log_probs(environment.observe(once), environment.mask(once))
    return log_probs.flatten(1).gather(1, which * environment.action_count + actions)


def distinct(environment: DiscreteEnvironment, states: Tensor) -> tuple[Tensor, Tensor]:
    """Each replica's distinct states, so that a network need see each only once.

    Finished states count as one: their only action is the same, and certain.

    Arguments:
        environment: a task that is ``countable``.
        states: ``[R, M, ...]``.

    Returns:
        The distinct states, ``[R, U, ...]`` (padded by any of them), and which of them each state is, ``[R, M]``.
    """
    keys = environment.key(states).masked_fill(environment.is_terminal(states), -1)
    found = [row.unique(return_inverse=True) for row in keys]
    which = torch.stack([inverse for _, inverse in found])
    places = torch.arange(keys.shape[1], device=keys.device).expand_as(which)
    rows = torch.zeros(len(found), max(len(values) for values, _ in found), dtype=torch.long, device=keys.device)
    rows = rows.scatter_(1, which, places)
    return states[torch.arange(len(states), device=states.device).unsqueeze(1), rows], which
