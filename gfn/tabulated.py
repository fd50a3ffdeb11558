"""Rollouts of tasks so small that a table of all their states is cheaper than the states of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from gfn.enumeration import state_graph
from gfn.environments import DiscreteEnvironment
from gfn.policies import CategoricalPolicy
from gfn.policies.categorical import cumulative, invert
from gfn.policies.network import rows

MAX_TABLE = 1024


@dataclass(frozen=True)
class Table:
    """All S states of a task by number, the source first.

    Attributes:
        states: ``[S, ...]``.
        terminal: which are objects, bool ``[S]``.
        decision: which of the U other states each is, int64 ``[S]``; 0 for objects.
        observation, mask: of the U states, ``[U, D]`` and ``[U, A]``.
        following: the state that each action leads to, int64 ``[S, A]``; an object stays as it is.
        log_parents: log of the number of parents, ``[S]``.
        log_reward: log r of objects, 0 for the others, ``[S]``.
    """

    states: Tensor
    terminal: Tensor
    decision: Tensor
    observation: Tensor
    mask: Tensor
    following: Tensor
    log_parents: Tensor
    log_reward: Tensor


@cache  # for good: captured iterations read a table's memory for as long as they are replayed
def table_of(environment: DiscreteEnvironment, device: torch.device) -> Table | None:
    """The table of a task, None if it has more than 1024 states."""
    if not environment.countable or environment.state_count > MAX_TABLE:
        return None
    graph = state_graph(environment)
    undecided = graph.states[~graph.terminal]
    following = torch.arange(len(graph.states)).unsqueeze(1).repeat(1, environment.action_count)
    following[graph.source, graph.action] = graph.target
    log_reward = torch.zeros(len(graph.states), dtype=torch.float64)
    log_reward[graph.terminal] = environment.log_reward(graph.objects)
    decision = ((~graph.terminal).cumsum(0) - 1).masked_fill(graph.terminal, 0)
    parts = (
        graph.states,
        graph.terminal,
        decision,
        environment.observe(undecided),
        environment.mask(undecided),
        following,
        environment.log_parents(graph.states),
        log_reward,
    )
    return Table(*(part.to(device) for part in parts))


def walk(table: Table, policy: CategoricalPolicy, noise: Tensor, fixed: bool = False) -> tuple[Tensor, Tensor]:
    """States and log-probabilities of trajectories drawn from a policy that is evaluated once in every state.

    Arguments:
        table: of the task.
        policy: a forward policy of R replicas.
        noise: what actions are made of, ``[R, T, B, 1]``.
        fixed: whether no shape may depend on values, so that all T steps are taken.

    Returns:
        The numbers of the states from source to object, ``[R, T + 1, B]`` with T the longest trajectory if not ``fixed``,
        and log p_F of each step, ``[R, T, B]``, differentiable in the policy's parameters.
    """
    replicas, steps, batch, _ = noise.shape
    mask = table.mask.expand(replicas, -1, -1)
    trace = policy.network.trace(table.observation.to(noise.dtype).expand(replicas, -1, -1))
    thresholds = cumulative(trace[-1].detach(), mask)
    state = torch.zeros(replicas, batch, dtype=torch.long, device=noise.device)
    states, actions = [state], []
    for step in range(steps):
        if not fixed and table.terminal[state].all():
            break
        action = invert(rows(thresholds, table.decision[state]), noise[:, step])
        state = table.following[state, action]
        states.append(state)
        actions.append(action)
    states, actions = torch.stack(states, 1), torch.stack(actions, 1)
    before = states[:, :-1]
    output = policy.network.replay([trace])
    log_prob = policy.log_prob_of(output, mask, table.decision[before].flatten(1), actions.flatten(1))
    return states, torch.where(table.terminal[before], 0, log_prob.view(actions.shape))
