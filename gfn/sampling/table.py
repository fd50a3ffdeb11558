"""Rollouts of tasks that can be enumerated: a table of all states is cheaper than the states of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment
from gfn.environments.enumeration import state_graph
from gfn.policies import CategoricalPolicy
from gfn.policies.categorical import cumulative, invert
from gfn.policies.network import rows
from gfn.sampling.visits import group

MAX_TABLE = 1 << 19


@dataclass(frozen=True)
class Table:
    """All S states of a task by number, the source first. U of them leave a choice of action.

    Attributes:
        states: ``[S, ...]``.
        terminal: which are objects, bool ``[S]``.
        free: which leave a choice, bool ``[S]``.
        decision: which of the U each of these is, int64 ``[S]``; 0 for the others.
        observation, mask: of the U, ``[U, D]`` and ``[U, A]``.
        following: the state that each action leads to from each of the U, int64 ``[U A]``.
        only: where the others lead to, int64 ``[S]``; an object stays as it is.
        log_parents: log of the number of parents, ``[S]``.
        log_reward: log r of objects, 0 for the others, ``[S]``.
    """

    states: Tensor
    terminal: Tensor
    free: Tensor
    decision: Tensor
    observation: Tensor
    mask: Tensor
    following: Tensor
    only: Tensor
    log_parents: Tensor
    log_reward: Tensor
    _shown: dict[tuple[type, torch.dtype], Tensor] = field(default_factory=dict)

    @cached_property
    def every_following(self) -> Tensor:
        """The state that each action leads to from each of all S states, int64 ``[S A]``."""
        following = self.following.view(self.mask.shape)[self.decision]
        return torch.where(self.free.unsqueeze(1), following, self.only.unsqueeze(1)).flatten()

    def shown(self, policy: CategoricalPolicy) -> Tensor:
        """The observations as the policy's network takes them, ``[U, F]``: what needs no parameters is done once."""
        key = type(policy.network), policy.dtype
        if key not in self._shown:
            self._shown[key] = policy.network.prepare(self.observation).to(policy.dtype)
        return self._shown[key]


@lru_cache(maxsize=8)
def table_of(environment: DiscreteEnvironment, device: torch.device) -> Table | None:
    """The table of a task, None if it has more than 2¹⁹ states, cannot be enumerated or leaves no choice anywhere."""
    if not environment.countable or environment.state_count > MAX_TABLE:
        return None
    graph = state_graph(environment)
    edges, row = graph.choices
    undecided = graph.states[graph.branching]
    if len(undecided) == 0:
        return None
    following = torch.zeros(len(undecided), environment.action_count, dtype=torch.long)
    following[row, graph.action[edges]] = graph.target[edges]
    only = torch.arange(len(graph.states)).index_copy_(0, graph.source, graph.target)
    log_reward = torch.zeros(len(graph.states), dtype=torch.float64)
    log_reward[graph.terminal] = environment.log_reward(graph.objects)
    parts = (
        graph.states,
        graph.terminal,
        graph.branching,
        (graph.branching.cumsum(0) - 1).masked_fill(~graph.branching, 0),
        environment.observe(undecided),
        environment.mask(undecided),
        following.flatten(),
        only,
        environment.log_parents(graph.states),
        log_reward,
    )
    return Table(*(part.to(device) for part in parts))


def walk(table: Table, policy: CategoricalPolicy, noise: Tensor, fixed: bool = False) -> tuple[Tensor, Tensor]:
    """States and log-probabilities of trajectories drawn from a policy.

    It is asked about all states at once where a batch may make more steps than there are states, else at
    each step about the states that it meets.

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
    answers = Answers(table, policy, replicas)
    go = answers.step_by_step if len(table.observation) > steps * batch else answers.at_once()
    states, actions = [torch.zeros(replicas, batch, dtype=torch.long, device=noise.device)], []
    for step in range(steps):
        if not fixed and table.terminal[states[-1]].all():
            break
        action, state = go(states[-1], noise[:, step], fixed)
        states.append(state)
        actions.append(action)
    before = torch.stack(states[:-1], 1)
    places = torch.cat(answers.places, 1) if answers.places else table.decision[before].flatten(1)
    output = answers.network.replay(answers.traces)
    log_prob = policy.log_prob_of(output, torch.cat(answers.masks, 1), places, torch.cat(actions, 1))
    states = torch.cat([before, states[-1].unsqueeze(1)], 1)
    return states, torch.where(table.free[before], log_prob.view(before.shape), 0)


class Answers:
    """What a network says of states of a table.

    Arguments:
        table: of the task.
        policy: a forward policy of R replicas.
        replicas: R.

    Attributes:
        traces, masks: of the states that the network was asked about, in this order.
        places: for each step, which of them each trajectory was in, ``[R, B]``; empty where all were asked about at once.
    """

    def __init__(self, table: Table, policy: CategoricalPolicy, replicas: int) -> None:
        self.table, self.network, self.replicas = table, policy.network, replicas
        self.shown = table.shown(policy)
        self.traces: list[list[Tensor]] = []
        self.masks: list[Tensor] = []
        self.places: list[Tensor] = []
        self.asked = 0

    def at_once(self) -> Callable[[Tensor, Tensor, bool], tuple[Tensor, Tensor]]:
        """Ask about all states; returns the function from states and noise to actions and following states."""
        every = torch.arange(len(self.shown), device=self.shown.device)
        probabilities = self._ask(every.expand(self.replicas, -1))[:, self.table.decision]
        following, actions = self.table.every_following, self.table.mask.shape[1]

        def go(state: Tensor, noise: Tensor, fixed: bool) -> tuple[Tensor, Tensor]:
            action = invert(rows(probabilities, state), noise)
            return action, following[state * actions + action]

        return go

    def step_by_step(self, state: Tensor, noise: Tensor, fixed: bool) -> tuple[Tensor, Tensor]:
        """Actions ``[R, B]`` in ``state`` ``[R, B]`` and what follows, from an answer for each distinct state."""
        free = self.table.free[state]
        if not fixed and self.traces and not free.any():
            self.places.append(torch.zeros_like(state))
            return self.places[-1], self.table.only[state]
        decision, before = self.table.decision[state], self.asked
        if fixed:
            place = torch.arange(state.shape[1], device=state.device).expand_as(state)
            probabilities = self._ask(decision)
        else:
            first, place = group(decision.masked_fill(~free, -1))
            probabilities = rows(self._ask(decision.gather(1, first)), place)
        self.places.append(place + before)
        action = invert(probabilities, noise)
        following = self.table.following[decision * self.table.mask.shape[1] + action]
        return action, torch.where(free, following, self.table.only[state])

    def _ask(self, decision: Tensor) -> Tensor:
        """Cumulative probabilities in the states of ``decision`` ``[R, U]``, ``[R, U, A]``."""
        chosen = decision.flatten()  # quicker than to index by a matrix
        mask, shown = (x.index_select(0, chosen).unflatten(0, decision.shape) for x in (self.table.mask, self.shown))
        trace = self.network.trace(shown)
        self.traces.append(trace)
        self.masks.append(mask)
        self.asked += decision.shape[1]
        return cumulative(trace[-1].detach(), mask)
