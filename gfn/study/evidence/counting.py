"""How many objects of a target are modes, and which rewards are the best there are, exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Sets
from gfn.environments.enumeration import state_graph
from gfn.runs.discoveries import Discoveries

HALF = 20  # elements, of which all subsets are listed


def object_count(task: DiscreteEnvironment) -> int:
    """How many objects a task has."""
    return math.comb(task.universe, task.size) if isinstance(task, Sets) else len(state_graph(task).objects)


@lru_cache(maxsize=16)
def mode_counts(task: DiscreteEnvironment, fractions: tuple[float, ...]) -> dict[float, int]:
    """How many objects x have r(x) ≥ ρ max r, for each fraction ρ, with the thresholds that training counts by.

    Of Sets by meeting in the middle, so that nobody need list 32 choose 16 of them; of other tasks by enumeration.

    Raises:
        ValueError: for sets from over 40 elements, or a task with over 2²² states.
    """
    thresholds = Discoveries(task, 1, 1, fractions).thresholds
    if isinstance(task, Sets):
        halves = list(_halves(task))
        return {f: sum(_pairs_above(*half, least) for half in halves) for f, least in thresholds.items()}
    rewards = task.log_reward(state_graph(task).objects)
    return {f: int((rewards >= least).sum()) for f, least in thresholds.items()}


def best_log_rewards(task: DiscreteEnvironment, count: int) -> Tensor:
    """The ``count`` highest log-rewards of distinct objects, highest first; all where there are fewer: float64.

    Raises:
        ValueError: as :func:`mode_counts`.
    """
    if isinstance(task, Sets):
        # The best sets consist of the best parts: no part below the first ``count`` of its kind is needed.
        tops = [(_top(first, count), _top(second, count)) for first, second in _halves(task)]
        rewards = torch.cat([(first[:, None] + second).flatten() for first, second in tops])
    else:
        rewards = task.log_reward(state_graph(task).objects)
    return _top(rewards, count)


def _halves(task: Sets) -> Iterator[tuple[Tensor, Tensor]]:
    """Log-rewards of all parts in the first and in the second half of the universe that make up a set, by size."""
    if task.universe > 2 * HALF:
        raise ValueError(f"universe = {task.universe} is too large to count sets of: at most {2 * HALF}")
    middle = task.universe // 2
    first, second = _subsets(task.values[:middle]), _subsets(task.values[middle:])
    for size, rewards in enumerate(first):
        if 0 <= task.size - size < len(second):
            yield rewards, second[task.size - size]


def _subsets(values: Tensor) -> list[Tensor]:
    """Sums of all subsets of ``values``, by size."""
    member = torch.arange(1 << len(values))[:, None] >> torch.arange(len(values)) & 1
    sums, sizes = member.double() @ values, member.sum(1)
    return [sums[sizes == size] for size in range(len(values) + 1)]


def _pairs_above(first: Tensor, second: Tensor, least: float) -> int:
    """How many pairs have a sum of at least ``least``."""
    order = second.sort().values
    return int((len(order) - torch.searchsorted(order, least - first)).sum())


def _top(values: Tensor, count: int) -> Tensor:
    return values.topk(min(count, len(values))).values
