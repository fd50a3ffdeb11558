"""Rollouts: trajectories drawn from a policy, or traced back from given objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Environment
from gfn.policies import Policy, sample_parent_action
from gfn.policies.network import rows
from gfn.sampling.table import Table, table_of, walk
from gfn.sampling.visits import Visits, group, static

CHUNK = 1 << 12  # rows of a network evaluation


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


def rollout(
    environment: Environment, policy: Policy, batch: int, generators: Sequence[torch.Generator]
) -> Trajectories:
    """Draw ``batch`` trajectories τ ~ p_F for each replica.

    Sampling runs without gradients and keeps what the network computed, so that the probabilities of
    what was drawn need a backward pass only. Tasks that can be enumerated are drawn from a table of all states.

    Arguments:
        environment: the task.
        policy: a forward policy of R replicas.
        batch: number B of trajectories for each replica.
        generators: R sources of randomness, one a replica.
    """
    noise = policy.noise(generators, environment.max_steps, batch)
    fixed = static(environment, noise.device)
    if isinstance(environment, DiscreteEnvironment):
        table = table_of(environment, noise.device)
        if table is not None:
            return _look_up(table, *walk(table, policy, noise, fixed))
    visits = Visits(environment, policy, fixed)
    state = environment.initial(len(generators), batch, device=noise.device)
    states, actions = [state], []
    for step in range(environment.max_steps):
        if step >= environment.min_steps and not fixed and environment.is_terminal(state).all():
            break
        action = visits.choose(state, noise[:, step])
        state = environment.step(state, action)
        states.append(state)
        actions.append(action)
    return _trajectories(environment, states, visits.log_prob(actions))


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


def evaluate(environment: Environment, policy: Policy, states: list[Tensor], actions: list[Tensor]) -> Trajectories:
    """Probabilities of given trajectories.

    Arguments:
        environment: the task.
        policy: a forward policy of R replicas.
        states: T + 1 states, each ``[R, B, ...]``, from source to object.
        actions: T actions, each ``[R, B]``; what follows a terminal state counts with probability one.
    """
    replicas, batch = actions[0].shape
    visited = torch.stack(states[:-1], 1).flatten(1, 2)
    log_prob = _log_prob(environment, policy, visited, torch.stack(actions, 1).flatten(1, 2))
    return _trajectories(environment, states, log_prob.view(replicas, -1, batch))


def _trajectories(environment: Environment, states: list[Tensor], log_pf: Tensor) -> Trajectories:
    """Trajectories through T + 1 states, each ``[R, B, ...]``, with log p_F of their steps, ``[R, T, B]``."""
    visited = torch.stack(states[:-1], 1)
    same = environment.min_steps == environment.max_steps  # no step leaves a finished state
    finished = torch.zeros_like(log_pf, dtype=torch.bool) if same else environment.is_terminal(visited)
    log_parents = environment.log_parents(torch.stack(states[1:], 1)).masked_fill(finished, 0)
    return _gather(visited, finished, log_pf, log_parents, states[-1], environment.log_reward(states[-1]))


def _look_up(table: Table, states: Tensor, log_pf: Tensor) -> Trajectories:
    """Trajectories through states by number, ``[R, T + 1, B]``, with log p_F of their steps, ``[R, T, B]``."""
    visited, terminal = states[:, :-1], states[:, -1]
    finished = table.terminal[visited]
    log_parents = table.log_parents[states[:, 1:]].masked_fill(finished, 0)
    return _gather(
        table.states[visited], finished, log_pf, log_parents, table.states[terminal], table.log_reward[terminal]
    )


def _gather(
    visited: Tensor, finished: Tensor, log_pf: Tensor, log_parents: Tensor, terminal: Tensor, log_reward: Tensor
) -> Trajectories:
    log_pb = -log_parents
    return Trajectories(
        log_pf=log_pf.sum(1),
        log_pb=log_pb.sum(1).to(log_pf.dtype),
        log_reward=log_reward.to(log_pf.dtype),
        terminal=terminal,
        steps=Steps(
            states=visited.transpose(1, 2),
            going=~finished.transpose(1, 2),
            log_pf=log_pf.transpose(1, 2),
            log_pb=log_pb.transpose(1, 2).to(log_pf.dtype),
        ),
    )


def _log_prob(environment: Environment, policy: Policy, states: Tensor, actions: Tensor) -> Tensor:
    """Log-probability of ``actions`` ``[R, M]`` in ``states`` ``[R, M, ...]``: ``[R, M]``."""
    if not isinstance(environment, DiscreteEnvironment):
        return policy.log_prob(environment.observe(states), None, actions)
    if static(environment, states.device) or not environment.countable:
        return policy.log_prob(environment.observe(states), environment.mask(states), actions)
    once, which = distinct(environment, states)
    observation = policy.network.prepare(environment.observe(once)).to(policy.dtype)
    # In chunks whose activations stay in a core's cache, unless they must be kept anyway.
    rows = once.shape[1] if torch.is_grad_enabled() else max(1, CHUNK // len(once))
    output = torch.cat([policy.network.answer(chunk) for chunk in observation.split(rows, 1)], 1)
    return policy.log_prob_of(output, environment.mask(once), which, actions)


def distinct(environment: DiscreteEnvironment, states: Tensor) -> tuple[Tensor, Tensor]:
    """Each replica's distinct states, so that a network need see each only once.

    Finished states count as one: their only action is the same, and certain.

    Arguments:
        environment: a task that is ``countable``.
        states: ``[R, M, ...]``.

    Returns:
        The distinct states, ``[R, U, ...]`` (padded by any of them), and which of them each state is, ``[R, M]``.
    """
    first, which = group(environment.key(states).masked_fill(environment.is_terminal(states), -1))
    return rows(states, first), which
