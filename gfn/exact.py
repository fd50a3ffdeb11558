"""Exact answers on enumerable tasks: state graphs, terminal distributions, all trajectories, gradients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment
from gfn.estimators.divergences import order_factor
from gfn.estimators.objective import DIVERGENCES
from gfn.policies import CategoricalPolicy
from gfn.sampling import Trajectories, evaluate

CHUNK = 1 << 12  # rows of a network evaluation whose activations stay in a core's cache
CHUNK_ELSEWHERE = 1 << 18  # and that keep a GPU busy
MAX_STATES = 1 << 22


@dataclass(frozen=True)
class StateGraph:
    """All states of a task, source first, level by level, and all edges between them.

    Attributes:
        states: ``[S, ...]``.
        terminal: which states are objects, bool ``[S]``.
        source, action, target: the edges, int64 ``[E]``, ordered by level.
        levels: for each level, the slice of its edges.
    """

    states: Tensor
    terminal: Tensor
    source: Tensor
    action: Tensor
    target: Tensor
    levels: tuple[slice, ...]

    @cached_property
    def objects(self) -> Tensor:
        """All terminal states x, ``[X, ...]``."""
        return self.states[self.terminal]

    @cached_property
    def undecided(self) -> Tensor:
        """All other states, at which a policy decides, ``[U, ...]``."""
        return self.states[~self.terminal]

    @cached_property
    def decision(self) -> Tensor:
        """Which row of ``undecided`` each edge starts from, int64 ``[E]``."""
        return ((~self.terminal).cumsum(0) - 1)[self.source]


@lru_cache(maxsize=8)
def state_graph(environment: DiscreteEnvironment) -> StateGraph:
    """Enumerate a task breadth first, using nothing but its own ``mask`` and ``step``.

    Raises:
        ValueError: if there are more than 2²² states.
    """
    states, sources, actions, targets, levels = [environment.initial(1)], [], [], [], []
    first, edges = 0, 0
    while True:
        level = states[-1]
        open_ = ~environment.is_terminal(level)
        source, action = (environment.mask(level) & open_.unsqueeze(-1)).nonzero(as_tuple=True)
        if len(source) == 0:
            break
        children = environment.step(level[source], action)
        keys, inverse = environment.key(children).unique(return_inverse=True)
        representative = torch.empty(len(keys), dtype=torch.long).scatter_(0, inverse, torch.arange(len(inverse)))
        sources.append(first + source)
        actions.append(action)
        first += len(level)
        targets.append(first + inverse)
        levels.append(slice(edges, edges + len(source)))
        edges += len(source)
        states.append(children[representative])
        if first + len(keys) > MAX_STATES:
            raise ValueError(f"{environment.task} has over {MAX_STATES} states at these sizes: too many to enumerate")
    every = torch.cat(states)
    return StateGraph(
        every, environment.is_terminal(every), torch.cat(sources), torch.cat(actions), torch.cat(targets), tuple(levels)
    )


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


@torch.no_grad()
def terminal_distribution(environment: DiscreteEnvironment, policy: CategoricalPolicy) -> Tensor:
    """p_T(x) of every object under a policy, by dynamic programming over the state graph.

    Returns:
        float64 ``[R, X]``, in the order of ``state_graph(environment).objects``.
    """
    graph, device = state_graph(environment), next(policy.parameters()).device
    undecided, chosen, source, target = _edges(environment, device)
    log_probs = torch.cat(list(_all_log_probs(environment, policy, undecided)), 1)
    # Only what edges need is turned into probabilities, in double precision from here on.
    chosen = log_probs.flatten(1).index_select(1, chosen).double().exp_()
    reach = torch.zeros(len(log_probs), len(graph.states), dtype=torch.float64, device=device)
    reach[:, 0] = 1.0
    for level in graph.levels:
        flow = reach.index_select(1, source[level]) * chosen[:, level]
        reach.index_add_(1, target[level], flow)
    return reach.cpu()[:, graph.terminal]


@lru_cache(maxsize=8)
def _edges(environment: DiscreteEnvironment, device: torch.device) -> tuple[Tensor, ...]:
    """Undecided states, each edge's place among all their actions, and the edges' sources and targets, on a device."""
    graph = state_graph(environment)
    chosen = graph.decision * environment.action_count + graph.action
    return tuple(x.to(device) for x in (graph.undecided, chosen, graph.source, graph.target))


def _all_log_probs(environment, policy, undecided):
    """log π(· | s) of all undecided states, in chunks ``[R, chunk, A]``."""
    replicas = len(next(policy.parameters()))
    rows = CHUNK if undecided.device.type == "cpu" else CHUNK_ELSEWHERE
    for chunk in undecided.split(max(1, rows // replicas)):
        observation = environment.observe(chunk).expand(replicas, -1, -1)
        yield policy.log_probs(observation, environment.mask(chunk).expand(replicas, -1, -1))


def all_trajectories(environment: DiscreteEnvironment) -> tuple[list[Tensor], list[Tensor]]:
    """Every trajectory of a small task, as the ``states`` and ``actions`` of :func:`gfn.sampling.evaluate` with R = 1."""
    states, actions = [environment.initial(1, 1)], []
    for _ in range(environment.max_steps):
        mask = environment.mask(states[-1])[0]
        which, action = mask.nonzero(as_tuple=True)
        states = [s[:, which] for s in states]
        actions = [a[:, which] for a in actions] + [action.unsqueeze(0)]
        states.append(environment.step(states[-1], action.unsqueeze(0)))
        if len(which) > MAX_STATES:
            raise ValueError(
                f"{environment.task} has over {MAX_STATES} trajectories at these sizes: too many to enumerate"
            )
    return states, actions


def all_probabilities(environment: DiscreteEnvironment, policy: CategoricalPolicy) -> Trajectories:
    """Every trajectory of a small task with its probabilities under each replica, ``[R, number of trajectories]``."""
    parameter = next(policy.parameters())
    replicas, device = len(parameter), parameter.device
    states, actions = ([x.to(device) for x in each] for each in all_trajectories(environment))
    states = [s.expand(replicas, *s.shape[1:]) for s in states]
    return evaluate(environment, policy, states, [a.expand(replicas, -1) for a in actions])


def divergence(name: str, trajectories: Trajectories, alpha: float | None = None) -> Tensor:
    """A divergence between P_F and P̄_B by its definition, summing over all trajectories of a task.

    Differentiable: its gradient is the exact gradient that the estimators estimate.

    Arguments:
        name: ``reverse_kl``, ``forward_kl``, ``renyi`` or ``tsallis``.
        trajectories: from :func:`all_probabilities`.
        alpha: α of Rényi and Tsallis.

    Returns:
        The divergence of each replica, ``[R]``.

    Raises:
        ValueError: for an unknown divergence.
    """
    if name not in DIVERGENCES:
        raise ValueError(f"divergence = {name!r} is not allowed: one of {', '.join(DIVERGENCES)}")
    log_p = trajectories.log_pf
    log_q = (trajectories.log_pb + trajectories.log_reward).log_softmax(-1)
    if name == "reverse_kl":
        return (log_p.exp() * (log_p - log_q)).sum(-1)
    if name == "forward_kl":
        return (log_q.exp() * (log_q - log_p)).sum(-1)
    log_moment = (alpha * log_p + (1 - alpha) * log_q).logsumexp(-1)
    if name == "renyi":
        return log_moment * order_factor(alpha)
    return (log_moment.exp() - 1) * order_factor(alpha)
