"""Exact answers on enumerable tasks: terminal distributions, all trajectories, divergences and their gradients."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gfn.enumeration import MAX_STATES, StateGraph, state_graph
from gfn.environments import DiscreteEnvironment
from gfn.estimators.divergences import order_factor
from gfn.estimators.objective import DIVERGENCES
from gfn.policies import CategoricalPolicy
from gfn.sampling import Trajectories, evaluate

CHUNK = 1 << 12  # rows of a network evaluation whose activations stay in a core's cache


@torch.no_grad()
def terminal_distribution(environment: DiscreteEnvironment, policy: CategoricalPolicy) -> Tensor:
    """p_T(x) of every object under a policy, by dynamic programming over the state graph.

    Returns:
        float64 ``[R, X]``, in the order of ``state_graph(environment).objects``.
    """
    graph = state_graph(environment)
    log_probs = torch.cat([chunk.cpu() for chunk in _all_log_probs(environment, policy, graph)], 1)
    replicas, _, actions = log_probs.shape
    edges, row = graph.choices
    # The only way out of a state is certain. Double precision from here on.
    chosen = torch.ones(replicas, len(graph.source), dtype=torch.float64)
    chosen[:, edges] = log_probs.flatten(1).index_select(1, row * actions + graph.action[edges]).double().exp_()
    reach = torch.zeros(replicas, len(graph.states), dtype=torch.float64)
    reach[:, 0] = 1.0
    for level in graph.levels:
        flow = reach.index_select(1, graph.source[level]) * chosen[:, level]
        reach.index_add_(1, graph.target[level], flow)
    return reach[:, graph.terminal]


def _all_log_probs(environment: DiscreteEnvironment, policy: CategoricalPolicy, graph: StateGraph) -> Iterator[Tensor]:
    """log π(· | s) of all branching states, in chunks ``[R, chunk, A]``."""
    parameter = next(policy.parameters())
    replicas = len(parameter)
    for chunk in graph.states[graph.branching].split(max(1, CHUNK // replicas)):
        chunk = chunk.to(parameter.device)
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
    replicas = next(policy.parameters()).shape[0]
    states, actions = all_trajectories(environment)
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
