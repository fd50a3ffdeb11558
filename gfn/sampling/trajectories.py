"""What a rollout gives: trajectories with their log-probabilities, and on request their steps."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Environment
from gfn.policies import LearnedBackward
from gfn.sampling.table import Table


@dataclass(frozen=True)
class Steps:
    """The T steps of R × B trajectories, which DB and SubTB look at one by one.

    Attributes:
        states: the state that each step leaves, ``[R, B, T, ...]``.
        going: whether it is unfinished, bool ``[R, B, T]``; the other steps do nothing.
        log_pf: log p_F of each step, ``[R, B, T]``, differentiable.
        log_pb: log p_B of each step, ``[R, B, T]``.
        seen: what a network is shown of U states, ``[R, U, D]``.
        which: which of the U each state is, int64 ``[R, B, T]``.
    """

    states: Tensor
    going: Tensor
    log_pf: Tensor
    log_pb: Tensor
    seen: Tensor
    which: Tensor


@dataclass(frozen=True)
class Trajectories:
    """R × B trajectories and their log-probabilities.

    Attributes:
        log_pf: log p_F(τ; θ), ``[R, B]``, differentiable in the policy's parameters.
        log_pb: log p_B(τ | x), ``[R, B]``, differentiable where the backward policy is learned.
        log_reward: log r(x), ``[R, B]``.
        terminal: the objects x, ``[R, B, ...]``.
        make_steps: makes :attr:`steps`, which most objectives do not need.
        make_actions: makes :attr:`actions`, which only a memory of trajectories needs.
        log_q: log q(τ) of what they were drawn from, ``[R, B]``; None for the policy itself.
    """

    log_pf: Tensor
    log_pb: Tensor
    log_reward: Tensor
    terminal: Tensor
    make_steps: Callable[[], Steps] | None = None
    make_actions: Callable[[], Tensor] | None = None
    log_q: Tensor | None = None

    @cached_property
    def steps(self) -> Steps:
        """The same step by step."""
        return self.make_steps()

    @cached_property
    def actions(self) -> Tensor:
        """What :func:`~gfn.sampling.given.follow` makes the same trajectories of, ``[R, T, B]``."""
        return self.make_actions()


@dataclass(frozen=True)
class StatePath:
    """Trajectories through T + 1 states, each ``[R, B, ...]``, with log p_F of their steps, ``[R, T, B]``.

    The T actions, each ``[R, B]``, are there where they may be asked for, as by a learned backward policy, and log q of the
    steps where it is not log p_F.
    """

    environment: Environment
    states: list[Tensor]
    log_pf: Tensor
    actions: list[Tensor] | None = None
    log_q: Tensor | None = None
    backward: LearnedBackward | None = None

    def trajectories(self) -> Trajectories:
        """The trajectories."""
        log_reward = self.environment.log_reward(self.states[-1]).to(self.log_pf.dtype)
        parts = self.log_pf.sum(1), self._log_pb.sum(1), log_reward, self.states[-1]
        log_q = None if self.log_q is None else self.log_q.sum(1)
        return Trajectories(*parts, self._steps, self._actions, log_q)

    def _actions(self) -> Tensor:
        """As many as the longest trajectory of the task has: after its end the one that is certain."""
        missing = self.environment.max_steps - len(self.actions)
        end = [self.environment.mask(self.states[-1]).byte().argmax(-1)] * missing if missing else []
        return torch.stack([*self.actions, *end], 1)

    @cached_property
    def _going(self) -> Tensor | None:
        """Which steps leave an unfinished state, ``[R, T, B]``; None for all."""
        if self.environment.min_steps == self.environment.max_steps:
            return None
        return ~self.environment.is_terminal(torch.stack(self.states[:-1], 1))

    @cached_property
    def _log_pb(self) -> Tensor:
        children = torch.stack(self.states[1:], 1)
        if self.backward is None:
            log_pb = -self.environment.log_parents(children)
        else:
            steps = children.flatten(1, 2), torch.stack(self.actions, 1).flatten(1)
            log_pb = self.backward.of_steps(self.environment, *steps).view_as(self.log_pf)
        return (log_pb if self._going is None else torch.where(self._going, log_pb, 0)).to(self.log_pf.dtype)

    def _steps(self) -> Steps:
        states = torch.stack(self.states[:-1], 2)
        going = torch.ones_like(self.log_pf, dtype=torch.bool) if self._going is None else self._going
        parts = (part.transpose(1, 2) for part in (going, self.log_pf, self._log_pb))
        return Steps(states, *parts, *_each(self.environment.observe(states)))


@dataclass(frozen=True)
class TablePath:
    """Trajectories by the numbers of their steps in a table, ``[R, T, B]``, with log p_F of each.

    If ``fixed``, no shape may depend on values. log q of the steps is there where it is not log p_F. A learned backward
    policy asks for the ``environment``, too.
    """

    table: Table
    places: Tensor
    log_pf: Tensor
    fixed: bool
    log_q: Tensor | None = None
    backward: LearnedBackward | None = None
    environment: DiscreteEnvironment | None = None

    def trajectories(self) -> Trajectories:
        """The trajectories."""
        table, dtype = self.table, self.log_pf.dtype
        last = table.following.take(self.places[:, -1])
        # In double precision, as the table is, until summed.
        log_pb = (table.log_pb.take(self.places) if self.backward is None else self._log_pb).sum(1).to(dtype)
        log_reward = table.log_reward.take(last).to(dtype)
        terminal = table.states.index_select(0, last.flatten()).unflatten(0, last.shape)
        log_q = None if self.log_q is None else self.log_q.sum(1)
        return Trajectories(self.log_pf.sum(1), log_pb, log_reward, terminal, self._steps, self._actions, log_q)

    def _actions(self) -> Tensor:
        """Where there is nothing to choose, the first one stands for the one that is allowed."""
        return self.places % self.table.mask.shape[1]

    @cached_property
    def _log_pb(self) -> Tensor:
        """log p_B of each step, ``[R, T, B]``."""
        table, actions = self.table, self.table.mask.shape[1]
        if self.backward is None:
            return table.log_pb.take(self.places).to(self.log_pf.dtype)
        state, child = self.places // actions, table.following.take(self.places)
        only = table.only.take(state)
        action = torch.where(only < 0, self.places % actions, only)
        if len(table.states) <= child[0].numel():  # every state but the source, which is nobody's child, once
            every = table.states[1:].expand(len(child), *table.states[1:].shape)
            log_probs = self.backward.log_probs(self.environment.observe(every), self.environment.backward_mask(every))
            led = torch.where(table.terminal.take(state), 0, (child - 1) * actions + action)
            log_pb = log_probs.flatten(1).gather(1, led.flatten(1)).view_as(self.log_pf)
        else:
            shown = table.states[child.flatten(1)], action.flatten(1)
            log_pb = self.backward.of_steps(self.environment, *shown).view_as(self.log_pf)
        return torch.where(table.terminal.take(state), 0, log_pb)

    def _steps(self) -> Steps:
        """As many as the longest trajectory has, unless ``fixed``."""
        table, number = self.table, self.places // self.table.mask.shape[1]
        parts = number, ~table.terminal[number], self.log_pf, self._log_pb
        longest = None if self.fixed else int(parts[1].any(-1).sum(1).max())
        number, going, log_pf, log_pb = (part[:, :longest].transpose(1, 2) for part in parts)
        few = len(table.observation) <= number[0].numel()
        shown = (table.observation.expand(len(number), -1, -1), number) if few else _each(table.observation[number])
        return Steps(table.states[number], going, log_pf, log_pb, *shown)


def _each(seen: Tensor) -> tuple[Tensor, Tensor]:
    """Every state ``[R, B, T, D]`` by itself: ``[R, B T, D]``, and which of these it is, ``[R, B, T]``."""
    which = torch.arange(seen[0, ..., 0].numel(), device=seen.device).view(seen.shape[1:3])
    return seen.flatten(1, 2), which.expand(seen.shape[:3])
