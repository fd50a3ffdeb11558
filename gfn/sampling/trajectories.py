"""What a rollout gives: trajectories with their log-probabilities, and on request their steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor


@dataclass(frozen=True)
class Steps:
    """The T steps of R × B trajectories, which DB and SubTB look at one by one.

    Attributes:
        states: the state that each step leaves, ``[R, B, T, ...]``.
        going: whether it is unfinished, bool ``[R, B, T]``; the other steps do nothing.
        log_pf: log p_F of each step, ``[R, B, T]``, differentiable.
        log_pb: log p_B of each step, ``[R, B, T]``.
        seen: what a network is shown of unfinished states, ``[R, U, D]``.
        which: which of the U each state is, int64 ``[R, B, T]``; any for finished ones.
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
        log_pb: log p_B(τ | x), ``[R, B]``.
        log_reward: log r(x), ``[R, B]``.
        terminal: the objects x, ``[R, B, ...]``.
        make_steps: makes :attr:`steps`, which most objectives do not need.
    """

    log_pf: Tensor
    log_pb: Tensor
    log_reward: Tensor
    terminal: Tensor
    make_steps: Callable[[], Steps] | None = None

    @cached_property
    def steps(self) -> Steps:
        """The same step by step."""
        return self.make_steps()
