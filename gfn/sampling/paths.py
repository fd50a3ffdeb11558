"""Where trajectories went, and what is known of each step: all but log p_F is read off afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Environment
from gfn.policies.network import rows
from gfn.sampling.table import Table
from gfn.sampling.trajectories import Steps, Trajectories


@dataclass(frozen=True)
class StatePath:
    """Trajectories through T + 1 states, each ``[R, B, ...]``, with log p_F of their steps, ``[R, T, B]``.

    If ``fixed``, no shape may depend on values.
    """

    environment: Environment
    states: list[Tensor]
    log_pf: Tensor
    fixed: bool = True

    def trajectories(self) -> Trajectories:
        """The trajectories."""
        log_reward = self.environment.log_reward(self.states[-1]).to(self.log_pf.dtype)
        return Trajectories(self.log_pf.sum(1), self._log_pb.sum(1), log_reward, self.states[-1], self.steps)

    @cached_property
    def _going(self) -> Tensor | None:
        """Which steps leave an unfinished state, ``[R, T, B]``; None for all."""
        if self.environment.min_steps == self.environment.max_steps:
            return None
        return ~self.environment.is_terminal(torch.stack(self.states[:-1], 1))

    @cached_property
    def _log_pb(self) -> Tensor:
        log_pb = -self.environment.log_parents(torch.stack(self.states[1:], 1))
        return (log_pb if self._going is None else torch.where(self._going, log_pb, 0)).to(self.log_pf.dtype)

    def steps(self) -> Steps:
        """The steps one by one; a network is shown each state once where states repeat."""
        states = torch.stack(self.states[:-1], 2)
        shape, every = states.shape[:3], states.flatten(1, 2)
        if not self.fixed and getattr(self.environment, "repeats", False):
            every, which = distinct(self.environment, every)
        else:
            which = torch.arange(every.shape[1], device=every.device).expand(len(every), -1)
        going = torch.ones_like(self.log_pf, dtype=torch.bool) if self._going is None else self._going
        parts = (part.transpose(1, 2) for part in (going, self.log_pf, self._log_pb))
        return Steps(states, *parts, self.environment.observe(every), which.view(shape))


@dataclass(frozen=True)
class TablePath:
    """Trajectories by the numbers of their steps in a table, ``[R, T, B]``, with log p_F of each.

    If ``fixed``, no shape may depend on values.
    """

    table: Table
    places: Tensor
    log_pf: Tensor
    fixed: bool

    def trajectories(self) -> Trajectories:
        """The trajectories."""
        table, dtype = self.table, self.log_pf.dtype
        last = table.following.take(self.places[:, -1])
        log_pb = table.log_pb.take(self.places).sum(1).to(dtype)
        log_reward = table.log_reward.take(last).to(dtype)
        terminal = table.states.index_select(0, last.flatten()).unflatten(0, last.shape)
        return Trajectories(self.log_pf.sum(1), log_pb, log_reward, terminal, self.steps)

    def steps(self) -> Steps:
        """The steps one by one, as many as the longest trajectory has; a network is shown each state once."""
        table, number = self.table, self.places // self.table.mask.shape[1]
        parts = number, ~table.terminal[number], self.log_pf, table.log_pb.take(self.places).to(self.log_pf.dtype)
        if not self.fixed:
            longest = int(parts[1].any(-1).sum(1).max())
            parts = tuple(part[:, :longest] for part in parts)
        number, going, log_pf, log_pb = (part.transpose(1, 2) for part in parts)
        if len(table.observation) <= number[0].numel():
            seen, which = table.observation.expand(len(number), -1, -1), number
        elif self.fixed:
            seen = table.observation[number].flatten(1, 2)
            which = torch.arange(seen.shape[1], device=seen.device).expand(len(seen), -1).view(number.shape)
        else:
            met = number.masked_fill(~going, 0).flatten(1)
            first, which = group(met)
            seen, which = table.observation[met.gather(1, first)], which.view(number.shape)
        return Steps(table.states[number], going, log_pf, log_pb, seen, which)


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
