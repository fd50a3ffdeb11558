"""Probabilities of given trajectories, and trajectories traced back from given objects."""

from dataclasses import replace

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Environment
from gfn.policies import LearnedBackward, Policy, sample_parent_action
from gfn.policies.network import rows
from gfn.sampling.engine import group, static
from gfn.sampling.table import Table, table_of
from gfn.sampling.trajectories import StatePath, TablePath, Trajectories

CHUNK = 1 << 12  # rows of a network evaluation


def retrace(
    environment: DiscreteEnvironment,
    policy: Policy,
    terminal: Tensor,
    generator: torch.Generator,
    backward: LearnedBackward | None = None,
) -> Trajectories:
    """Draw one trajectory τ ~ p_B(· | x) for each object ``terminal`` ``[R, B, ...]``.

    Objects must be reached in exactly ``max_steps`` actions. All replicas share the randomness. Without a learned
    ``backward`` policy, p_B is uniform over parents.
    """
    states, actions = [terminal], []
    for _ in range(environment.max_steps):
        action = sample_parent_action(environment, states[0], generator, backward)
        states.insert(0, environment.undo(states[0], action))
        actions.insert(0, action)
    return evaluate(environment, policy, states, actions, backward)


def evaluate(
    environment: Environment,
    policy: Policy,
    states: list[Tensor],
    actions: list[Tensor],
    backward: LearnedBackward | None = None,
) -> Trajectories:
    """Probabilities of given trajectories.

    Arguments:
        environment: the task.
        policy: a forward policy of R replicas.
        states: T + 1 states, each ``[R, B, ...]``, from source to object.
        actions: T actions, each ``[R, B]``; what follows a terminal state counts with probability one.
        backward: a learned backward policy; without it, it is uniform over parents.
    """
    replicas, batch = actions[0].shape
    visited = torch.stack(states[:-1], 1).flatten(1, 2)
    log_prob = _log_prob(environment, policy, visited, torch.stack(actions, 1).flatten(1, 2))
    return StatePath(environment, states, log_prob.view(replicas, -1, batch), actions, backward=backward).trajectories()


def follow(
    environment: Environment, policy: Policy, actions: Tensor, backward: LearnedBackward | None = None
) -> Trajectories:
    """Probabilities, under a policy, of the trajectories that some others' :attr:`~.trajectories.Trajectories.actions` make.

    Differentiable in the policies' parameters. Each state that is met many times is shown to the network once.

    Arguments:
        environment: the task.
        policy: a forward policy of R replicas.
        actions: ``[R, T, B]``, from trajectories on the same device.
        backward: a learned backward policy; without it, it is uniform over parents.
    """
    table = table_of(environment, actions.device) if isinstance(environment, DiscreteEnvironment) else None
    if table is not None:
        path = _follow_numbers(table, policy, actions)
        return replace(path, backward=backward, environment=environment).trajectories()
    states = [environment.initial(len(actions), actions.shape[2], device=actions.device)]
    for action in actions.unbind(1):
        states.append(environment.step(states[-1], action))
    return evaluate(environment, policy, states, list(actions.unbind(1)), backward)


def _follow_numbers(table: Table, policy: Policy, actions: Tensor) -> TablePath:
    many, steps = table.mask.shape[1], []
    number = torch.zeros_like(actions[:, 0])
    for action in actions.unbind(1):
        steps.append(number * many + action)
        number = table.following.take(steps[-1])
    places = torch.stack(steps, 1)
    first, which = group(table.decision.take(places // many).flatten(1))
    row = table.decision.take(places // many).flatten(1).gather(1, first)
    seen, closed = (
        part.index_select(0, row.flatten()).unflatten(0, row.shape)
        for part in table.shown(policy.network, policy.dtype)
    )
    place = which * many + actions.flatten(1)
    log_pf = policy.log_prob_at(policy.network.answer(seen), closed, place).view(actions.shape)
    return TablePath(table, places, log_pf, False)


def _log_prob(environment: Environment, policy: Policy, states: Tensor, actions: Tensor) -> Tensor:
    """Log-probability of ``actions`` ``[R, M]`` in ``states`` ``[R, M, ...]``: ``[R, M]``."""
    if not isinstance(environment, DiscreteEnvironment):
        return policy.log_prob(environment.observe(states), None, actions)
    if torch.is_grad_enabled() or static(environment, states.device):
        return policy.log_prob(environment.observe(states), environment.mask(states), actions)
    if not environment.repeats:
        once, place = states, torch.arange(states.shape[1]) * environment.action_count + actions
    else:
        once, which = distinct(environment, states)
        place = which * environment.action_count + actions
    # In chunks whose activations stay in a core's cache.
    chunks = once.split(max(1, CHUNK // len(once)), 1)
    log_probs = [policy.log_probs(environment.observe(chunk), environment.mask(chunk)) for chunk in chunks]
    return torch.cat(log_probs, 1).flatten(1).gather(1, place)


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
