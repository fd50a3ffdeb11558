"""A task's states by number: where a task is small enough, rollouts and exact evaluations look everything up."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from gfn.environments import DiscreteEnvironment
from gfn.environments.enumeration import state_graph

MAX_STATES = 1 << 19


@dataclass(frozen=True)
class Prefix:
    """The first levels of a table, N states: so few that a network is shown all of them before the first step.

    Attributes:
        steps: number of these levels, which a trajectory leaves with as many steps.
        rows: number of rows of the table with which they do.
        row: the row of each state, int64 ``[N]``.
        following: as of the table, but in double precision: numbers to which a fraction can be added, ``[N A]``.
    """

    steps: int
    rows: int
    row: Tensor
    following: Tensor


@dataclass(frozen=True)
class Table:
    """All S states of a task, in the order of its state graph: level by level, the source first.

    U of them leave a choice. The others share the row 0, in which the first action is certain; an object stays as it is.

    Attributes:
        states: ``[S, ...]``.
        terminal: which are objects, bool ``[S]``.
        decision: the row of each state, int64 ``[S]``.
        observation: ``[S, D]``.
        member: which state each row belongs to, int64 ``[U + 1]``; for row 0 any.
        mask: of the rows, ``[U + 1, A]``.
        following: the state that each action leads to, int64 ``[S A]``.
        only: the action of states that leave no choice, int64 ``[S]``; of the others -1.
        log_pb: log p_B of each of these steps, 0 where an object stays, float64 ``[S A]``.
        log_reward: log r of objects, 0 for the others, float64 ``[S]``.
        levels: the number of states, and of rows, up to the end of each level.
        repeats: as of the task.
    """

    states: Tensor
    terminal: Tensor
    decision: Tensor
    observation: Tensor
    member: Tensor
    mask: Tensor
    following: Tensor
    only: Tensor
    log_pb: Tensor
    log_reward: Tensor
    levels: tuple[tuple[int, int], ...]
    repeats: bool
    _cache: dict[tuple, Any] = field(default_factory=dict)

    def shown(self, network: nn.Module, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Of all rows, what the network takes and which actions are not allowed: ``[U + 1, F]`` and bool ``[U + 1, A]``."""
        key = type(network), dtype
        if key not in self._cache:
            self._cache[key] = network.prepare(self.observation[self.member]).to(dtype), ~self.mask
        return self._cache[key]

    @cached_property
    def place(self) -> Tensor:
        """Where the probability of each step of ``following`` stands among those of the rows, int64 ``[S A]``."""
        row, actions = self.decision.unsqueeze(1), self.mask.shape[1]
        action = torch.arange(actions, device=row.device)
        return torch.where(row > 0, row * actions + action, 0).flatten()

    def prefix(self, width: int) -> Prefix:
        """The first levels, as long as none has more than ``width`` states that leave a choice."""
        key = ("prefix", width)
        if key not in self._cache:
            rows = [1, *(rows for _, rows in self.levels)]
            wide = (level for level in range(len(self.levels)) if rows[level + 1] - rows[level] > width)
            steps = next(wide, len(self.levels))
            states, rows = self.levels[steps - 1]
            following = self.following[: states * self.mask.shape[1]].double()
            self._cache[key] = Prefix(steps, rows, self.decision[:states], following)
        return self._cache[key]


def table_of(environment: DiscreteEnvironment, device: torch.device) -> Table | None:
    """The table of a task, None if it has more than 2¹⁹ states, or they cannot be told apart by a number."""
    return environment.remember(("table", device), lambda: _make_table(environment, device))


@lru_cache(maxsize=8)
def _make_table(environment: DiscreteEnvironment, device: torch.device) -> Table | None:
    if not environment.countable or environment.state_count > MAX_STATES:
        return None
    graph, actions = state_graph(environment), environment.action_count
    count, undecided = len(graph.states), graph.states[graph.branching]
    member = torch.cat([torch.zeros(1, dtype=torch.long), graph.branching.nonzero().squeeze(1)])
    mask = torch.cat([(torch.arange(actions) == 0).unsqueeze(0), environment.mask(undecided)])
    next_state = torch.arange(count).index_copy_(0, graph.source, graph.target)
    only = torch.full((count,), -1).index_copy_(0, graph.source, graph.action).masked_fill(graph.branching, -1)
    following = next_state.unsqueeze(1).repeat(1, actions)
    edges, _ = graph.choices
    following[graph.source[edges], graph.action[edges]] = graph.target[edges]
    log_parents = environment.log_parents(graph.states)[following].masked_fill(graph.terminal.unsqueeze(1), 0)
    log_reward = torch.zeros(count, dtype=torch.float64)
    log_reward[graph.terminal] = environment.log_reward(graph.objects)
    parts = (
        graph.states,
        graph.terminal,
        graph.branching.cumsum(0).masked_fill(~graph.branching, 0),
        environment.observe(graph.states),
        member,
        mask,
        following.flatten(),
        only,
        -log_parents.flatten(),
        log_reward,
    )
    levels = tuple((end, 1 + int(graph.branching[:end].sum())) for end in (*graph.starts[1:], count))
    return Table(*(part.to(device) for part in parts), levels, environment.repeats)
