"""Exact answers on enumerable tasks: terminal distributions, all trajectories, divergences and their gradients."""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment
from gfn.environments.enumeration import MAX_STATES, state_graph
from gfn.estimators.divergences import order_factor
from gfn.policies import CategoricalPolicy, LearnedBackward
from gfn.sampling import Trajectories, evaluate, table_of

CHUNK = 1 << 12  # rows of a network evaluation whose activations stay in a core's cache
CHUNK_ELSEWHERE = 1 << 18  # and that keep a GPU busy


@torch.no_grad()
def terminal_distribution(environment: DiscreteEnvironment, policy: CategoricalPolicy) -> Tensor:
    """p_T(x) of every object under a policy, by dynamic programming over the state graph.

    Returns:
        float64 ``[R, X]``, in the order of ``state_graph(environment).objects``.
    """
    flow, graph = edge_probabilities(environment, policy), state_graph(environment)
    source, target, _ = _edges(environment, flow.device)
    reach = torch.zeros(len(flow), len(graph.states), dtype=torch.float64, device=flow.device)
    reach[:, 0] = 1.0
    for level in graph.levels:
        reach.index_add_(1, target[level], reach.index_select(1, source[level]) * flow[:, level])
    return reach.cpu()[:, graph.terminal]


@torch.no_grad()
def edge_probabilities(environment: DiscreteEnvironment, policy: CategoricalPolicy) -> Tensor:
    """p_F of every edge of the state graph, ``[R, E]``: float64, from networks in their own precision."""
    parameter = next(policy.parameters())
    replicas, device = len(parameter), parameter.device
    table = table_of(environment, device)
    seen, closed = table.shown(policy.network, parameter.dtype)
    rows = max(1, (CHUNK if device.type == "cpu" else CHUNK_ELSEWHERE) // replicas)
    chunks = (part.expand(replicas, -1, -1) for part in seen.split(rows))
    logits = (policy.network.answer(chunk).contiguous() for chunk in chunks)
    answers = [policy.distribution(part, barred) for part, barred in zip(logits, closed.split(rows))]
    _, _, place = _edges(environment, device)
    # Double precision from here on.
    return torch.cat(answers, 1).flatten(1).index_select(1, place).double()


@lru_cache(maxsize=8)
def _edges(environment: DiscreteEnvironment, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Source and target of every edge, and where its probability stands among those of the table's rows, each ``[E]``."""
    graph, table = state_graph(environment), table_of(environment, device)
    source, action, target = (part.to(device) for part in (graph.source, graph.action, graph.target))
    return source, target, table.place.take(source * environment.action_count + action)


def all_trajectories(environment: DiscreteEnvironment) -> tuple[list[Tensor], list[Tensor]]:
    """Every trajectory of a small task, as the ``states`` and ``actions`` of :func:`~gfn.sampling.given.evaluate` with R = 1."""
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


def all_probabilities(
    environment: DiscreteEnvironment, policy: CategoricalPolicy, backward: LearnedBackward | None = None
) -> Trajectories:
    """Every trajectory of a small task with its probabilities under each replica, ``[R, number of trajectories]``."""
    parameter = next(policy.parameters())
    replicas, device = len(parameter), parameter.device
    states, actions = ([x.to(device) for x in each] for each in all_trajectories(environment))
    states = [s.expand(replicas, *s.shape[1:]) for s in states]
    return evaluate(environment, policy, states, [a.expand(replicas, -1) for a in actions], backward)


def f_divergence(trajectories: Trajectories, alpha: float | None) -> Tensor:
    r"""An f-divergence of P_F from P̄_B by its definition, :math:`E_{\bar P_B}[f(p_F / \bar p_B)]`, summing over all trajectories.

    The f is that of the α family of :mod:`gfn.estimators.f_losses`, or of the Jensen-Shannon divergence where ``alpha`` is None.
    Differentiable, as :func:`divergence` is.
    """
    log_p = trajectories.log_pf
    log_q = (trajectories.log_pb + trajectories.log_reward).log_softmax(-1)
    if alpha is None:
        log_middle = torch.logaddexp(log_p, log_q) - math.log(2)
        return 0.5 * (log_p.exp() * (log_p - log_middle) + log_q.exp() * (log_q - log_middle)).sum(-1)
    if alpha in (0, 1):
        return divergence("reverse_kl" if alpha else "forward_kl", trajectories)
    return ((alpha * log_p + (1 - alpha) * log_q).logsumexp(-1).exp() - 1) / (alpha * (alpha - 1))


def divergence(name: str, trajectories: Trajectories, alpha: float | None = None) -> Tensor:
    """A divergence between P_F and P̄_B by its definition, summing over all trajectories of a task.

    Differentiable: its gradient is the exact gradient that the estimators estimate.

    Arguments:
        name: one of :data:`DEFINITIONS`.
        trajectories: from :func:`all_probabilities`.
        alpha: α of Rényi and Tsallis.

    Returns:
        The divergence of each replica, ``[R]``.

    Raises:
        ValueError: for an unknown divergence.
    """
    if name not in DEFINITIONS:
        raise ValueError(f"divergence = {name!r} is not allowed: one of {', '.join(DEFINITIONS)}")
    log_q = (trajectories.log_pb + trajectories.log_reward).log_softmax(-1)
    own = () if alpha is None else (alpha,)
    return DEFINITIONS[name](trajectories.log_pf, log_q, *own)


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def _renyi(log_p: Tensor, log_q: Tensor, alpha: float) -> Tensor:
    return (alpha * log_p + (1 - alpha) * log_q).logsumexp(-1) * order_factor(alpha)


def _tsallis(log_p: Tensor, log_q: Tensor, alpha: float) -> Tensor:
    return ((alpha * log_p + (1 - alpha) * log_q).logsumexp(-1).exp() - 1) * order_factor(alpha)


#: Each divergence by its definition, from log p_F and log p̄_B of all trajectories, ``[R, M]``, and α where it has one.
DEFINITIONS: dict[str, Callable[..., Tensor]] = {
    "reverse_kl": _kl,
    "forward_kl": lambda log_p, log_q: _kl(log_q, log_p),
    "renyi": _renyi,
    "tsallis": _tsallis,
}
