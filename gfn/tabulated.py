"""Rollouts of tasks that can be enumerated: a table of all states is cheaper than the states of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from gfn.enumeration import state_graph
from gfn.environments import DiscreteEnvironment
from gfn.policies import CategoricalPolicy
from gfn.policies.categorical import cumulative, invert
from gfn.policies.network import rows
from gfn.visits import group

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


class Answers:
    """What a network says of states of a table: of all at once, or of those that each step meets.

    Arguments:
        table: of the task.
        policy: a forward policy of R replicas.
        once: whether all are shown, before the first step.
        fixed: whether no shape may depend on values, so that a step shows one state for each trajectory.
    """

    def __init__(self, table: Table, policy: CategoricalPolicy, once: bool, fixed: bool) -> None:
        self.table, self.network, self.once, self.fixed = table, policy.network, once, fixed
        self.shown = table.shown(policy)
        self.replicas = len(next(policy.parameters()))
        self.traces: list[list[Tensor]] = []
        self.masks: list[Tensor] = []
        self.asked = 0
        if once:
            every = torch.arange(len(self.shown), device=self.shown.device)
            self.thresholds = self._ask(every.expand(self.replicas, -1))

    def __call__(self, decision: Tensor, free: Tensor) -> tuple[Tensor, Tensor]:
        """Cumulative probabilities in the states of ``decision`` ``[R, B]`` that are ``free``, ``[R, B, A]``, and each one's place."""
        if self.once:
            return rows(self.thresholds, decision), decision
        first, which = (None, None) if self.fixed else group(decision.masked_fill(~free, -1))
        before = self.asked
        if first is None:
            which = torch.arange(decision.shape[1], device=decision.device).expand_as(decision)
            return self._ask(decision), which + before
        return rows(self._ask(decision.gather(1, first)), which), which + before

    def _ask(self, decision: Tensor) -> Tensor:
        chosen = decision.flatten()  # quicker than to index by a matrix
        mask, shown = (x.index_select(0, chosen).unflatten(0, decision.shape) for x in (self.table.mask, self.shown))
        trace = self.network.trace(shown)
        self.traces.append(trace)
        self.masks.append(mask)
        self.asked += decision.shape[1]
        return cumulative(trace[-1].detach(), mask)


def walk(table: Table, policy: CategoricalPolicy, noise: Tensor, fixed: bool = False) -> tuple[Tensor, Tensor]:
    """States and log-probabilities of trajectories drawn from a policy that is shown no state twice at the same step.

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
    answers = Answers(table, policy, len(table.observation) <= steps * batch, fixed)
    state = torch.zeros(replicas, batch, dtype=torch.long, device=noise.device)
    states, frees, actions, places = [state], [], [], []
    for step in range(steps):
        if not fixed and table.terminal[state].all():
            break
        free = table.free[state]
        action = place = torch.zeros_like(state)
        if fixed or not answers.traces or free.any():
            decision = table.decision[state]
            thresholds, place = answers(decision, free)
            action = invert(thresholds, noise[:, step])
            chosen = table.following[decision * table.mask.shape[1] + action]
            state = torch.where(free, chosen, table.only[state])
        else:
            state = table.only[state]
        for kept, value in zip((states, frees, actions, places), (state, free, action, place)):
            kept.append(value)
    output = answers.network.replay(answers.traces)
    chosen = torch.cat(places, 1), torch.cat(actions, 1)
    log_prob = policy.log_prob_of(output, torch.cat(answers.masks, 1), *chosen).view(replicas, -1, batch)
    return torch.stack(states, 1), torch.where(torch.stack(frees, 1), log_prob, 0)
