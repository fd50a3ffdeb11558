"""Enumeration of small tasks: all states and edges, and the target over all objects."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from gfn.environments.base import DiscreteEnvironment, Environment
from gfn.settings import SettingsError

MAX_STATES = 1 << 22


@dataclass(frozen=True)
class StateGraph:
    """All states of a task, source first, level by level, and all edges between them.

    Attributes:
        states: ``[S, ...]``.
        terminal: which states are objects, bool ``[S]``.
        source, action, target: the edges, int64 ``[E]``, ordered by level.
        levels: for each level, the slice of its edges.
        starts: the first state of each level.
    """

    states: Tensor
    terminal: Tensor
    source: Tensor
    action: Tensor
    target: Tensor
    levels: tuple[slice, ...]
    starts: tuple[int, ...]

    @cached_property
    def objects(self) -> Tensor:
        """All terminal states x, ``[X, ...]``."""
        return self.states[self.terminal]

    @cached_property
    def branching(self) -> Tensor:
        """Which states leave a choice between edges, bool ``[S]``."""
        return self.source.bincount(minlength=len(self.states)) > 1

    @cached_property
    def choices(self) -> tuple[Tensor, Tensor]:
        """The edges that leave a branching state, int64 ``[C]``, and which of the branching states each leaves."""
        edges = self.branching[self.source].nonzero().squeeze(1)
        return edges, (self.branching.cumsum(0) - 1)[self.source[edges]]


@lru_cache(maxsize=8)
def state_graph(environment: DiscreteEnvironment) -> StateGraph:
    """Enumerate a task breadth first, using nothing but its own ``mask`` and ``step``.

    Raises:
        ValueError: if there are more than 2²² states.
    """
    states, edges, levels, starts = [environment.initial(1)], [], [slice(0, 0)], [0]
    while True:
        level, first = states[-1], starts[-1]
        open_ = ~environment.is_terminal(level)
        source, action = (environment.mask(level) & open_.unsqueeze(-1)).nonzero(as_tuple=True)
        if len(source) == 0:
            break
        children = environment.step(level[source], action)
        keys, inverse = environment.key(children).unique(return_inverse=True)
        representative = torch.empty(len(keys), dtype=torch.long).scatter_(0, inverse, torch.arange(len(inverse)))
        starts.append(first + len(level))
        edges.append(torch.stack([first + source, action, starts[-1] + inverse]))
        levels.append(slice(levels[-1].stop, levels[-1].stop + len(source)))
        states.append(children[representative])
        if starts[-1] + len(keys) > MAX_STATES:
            raise ValueError(f"{environment.task} has over {MAX_STATES} states at these sizes: too many to enumerate")
    every = torch.cat(states)
    return StateGraph(every, environment.is_terminal(every), *torch.cat(edges, 1), tuple(levels[1:]), tuple(starts))


@lru_cache(maxsize=8)
def target_distribution(environment: DiscreteEnvironment) -> Tensor:
    """r(x)/Z of every object, in the order of ``state_graph(environment).objects``: float64 ``[X]``."""
    return environment.log_reward(state_graph(environment).objects).softmax(0)


def log_max_reward(environment: DiscreteEnvironment) -> float | None:
    """The highest log-reward of any object: in closed form or by enumeration, None where neither can be had."""
    if environment.log_max_reward is not None:
        return environment.log_max_reward
    if environment.state_count > MAX_STATES:
        return None
    return float(environment.log_reward(state_graph(environment).objects).max())


def exact_log_z(environment: Environment) -> float:
    """log Z: in closed form or by enumeration.

    Raises:
        SettingsError: where neither can be had.
    """
    if environment.log_z is not None:
        return environment.log_z
    few = isinstance(environment, DiscreteEnvironment) and environment.countable
    if not few or environment.state_count > MAX_STATES:
        why = f"it has no log_z, and its states cannot be listed (by key, at most {MAX_STATES})"
        raise SettingsError(f"task {environment.task} is not allowed where the exact log Z is asked for: {why}")
    return float(environment.log_reward(state_graph(environment).objects).logsumexp(0))
