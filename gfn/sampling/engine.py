"""The engine: trajectories drawn from a policy, through states by number or as they are."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Environment
from gfn.policies import LearnedBackward, Policy
from gfn.policies.categorical import line
from gfn.policies.network import rows
from gfn.sampling.exploration import Exploration
from gfn.sampling.table import Table, table_of
from gfn.sampling.trajectories import StatePath, TablePath, Trajectories

STATIC_STEPS = 512


def static(environment: Environment, device: torch.device) -> bool:
    """Whether no shape depends on values: true on a GPU, where to wait for values costs more than it saves, unless trajectories can be long."""
    return device.type != "cpu" and environment.max_steps <= STATIC_STEPS


def rollout(
    environment: Environment,
    policy: Policy,
    batch: int,
    generators: Sequence[torch.Generator],
    correlate: Callable[[Tensor], Tensor] | None = None,
    exploration: Exploration | None = None,
    backward: LearnedBackward | None = None,
) -> Trajectories:
    """Draw ``batch`` trajectories τ ~ p_F for each replica, or from what ``exploration`` makes of the policy.

    Sampling keeps what the network computed, so that the probabilities of what was drawn need a backward pass only.

    Arguments:
        environment: the task.
        policy: a forward policy of R replicas.
        batch: number B of trajectories for each replica.
        generators: R sources of randomness, one a replica.
        correlate: what is to be done to the randomness of independent trajectories, ``[R, T, B, ...]``.
        exploration: what actions are drawn from in the place of the policy; trajectories then have ``log_q`` and ``actions``.
        backward: a learned backward policy; without it, it is uniform over parents.
    """
    noise = policy.noise(generators, environment.max_steps, batch)
    noise = noise if correlate is None else correlate(noise)
    fixed = static(environment, noise.device)
    table = table_of(environment, noise.device) if isinstance(environment, DiscreteEnvironment) else None
    if table is None:
        return _step(environment, policy, noise, fixed, exploration, backward)
    path = _look_up(table, policy, noise, fixed, exploration)
    return replace(path, backward=backward, environment=environment).trajectories()


class Asked:
    """What a policy's network is asked in a rollout, and what it answers.

    Arguments:
        policy: of R replicas.
        count: states at most, a replica.
        exploration: what actions are drawn from in place of the answers of the policy, if anything.
    """

    def __init__(self, policy: Policy, count: int, exploration: Exploration | None = None) -> None:
        self.policy, self.tape, self.exploration = policy, policy.network.tape(count), exploration
        self.answers: list[Tensor] = []
        self.closed: list[Tensor] = []
        self.explored: list[Tensor] = []

    def __call__(self, seen: Tensor, closed: Tensor | None) -> Tensor:
        """The distribution over actions in states of which the network is shown ``seen`` ``[R, M, F]``: ``[R, M, ...]``."""
        with torch.no_grad():
            self.answers.append(self.policy.distribution(self.tape.ask(seen), closed))
            if self.exploration is None or closed is None:
                return self.answers[-1]
            self.closed.append(closed.expand_as(self.answers[-1]))
            self.explored.append(self.exploration.spread(self.answers[-1], closed))
        return self.explored[-1]

    def log_prob(self, *drawn: Tensor) -> Tensor:
        """Log-probability of actions that were drawn, as the policy's ``log_prob_of`` wants them named."""
        if self.explored:
            return self.policy.log_prob_at(self.tape.output(), torch.cat(self.closed, 1), *drawn)
        return self.policy.log_prob_of(self.tape.output(), torch.cat(self.answers, 1), *drawn)

    def log_q(self, place: Tensor) -> Tensor:
        """Their log-probability under what they were drawn from in the place of the policy."""
        return torch.cat(self.explored, 1).flatten(1).gather(1, place).log()


def _step(
    environment: Environment,
    policy: Policy,
    noise: Tensor,
    fixed: bool,
    exploration: Exploration | None,
    backward: LearnedBackward | None,
) -> Trajectories:
    """Trajectories through states as they are. All start in one state, which is shown once; others are hardly met twice."""
    replicas, most, batch = noise.shape[:3]
    discrete = isinstance(environment, DiscreteEnvironment)
    move = environment.move if environment.min_steps == most else environment.step
    asked = Asked(policy, 1 + (most - 1) * batch, exploration)
    states, actions = [environment.initial(replicas, batch, device=noise.device)], []
    for step, share in enumerate(noise.unbind(1)):
        if step >= environment.min_steps and not fixed and environment.is_terminal(states[-1]).all():
            break
        met = states[-1] if step else states[-1][:, :1]
        closed = environment.closed(met) if discrete else None
        answer = asked(policy.network.prepare(environment.observe(met)), closed)
        if discrete or exploration is None:
            actions.append(policy.choose(answer, share))
        else:
            actions.append(exploration.choose(policy, answer, share, environment.box[step]))
        states.append(move(states[-1], actions[-1]))
    which = (torch.arange(len(actions) * batch, device=noise.device) - batch + 1).clamp_(min=0)
    action, shape = torch.cat(actions, 1), (replicas, len(actions), batch)
    drawn = (which * environment.action_count + action,) if discrete else (which, action)
    log_pf, log_q = asked.log_prob(*drawn).view(shape), None
    if exploration is not None and discrete:
        log_q = asked.log_q(*drawn).view(shape)
    elif exploration is not None:
        log_q = exploration.log_density(log_pf.detach(), action.view(shape), environment.box)
    return StatePath(environment, states, log_pf, actions, log_q, backward).trajectories()


def _look_up(table: Table, policy: Policy, noise: Tensor, fixed: bool, exploration: Exploration | None) -> TablePath:
    """Trajectories through states by number.

    In the first levels the network is shown all states before the first step, later those of the batch.
    """
    replicas, most, batch = noise.shape
    prefix, actions = table.prefix(batch), table.mask.shape[1]
    seen, closed = table.shown(policy.network, noise.dtype)
    asked = Asked(policy, prefix.rows + max(0, most - prefix.steps) * batch, exploration)
    answer = asked(seen[: prefix.rows].expand(replicas, -1, -1), closed[: prefix.rows])
    every, state, steps = line(answer.index_select(1, prefix.row)), 0.0, []
    for share in noise[:, : prefix.steps].double().unbind(1):
        steps.append(torch.searchsorted(every, state + share, right=True))
        state = prefix.following.take(steps[-1])
    places, state = [table.place.take(torch.stack(steps, 1))], state.long()
    own = torch.arange(batch, device=noise.device).expand(replicas, -1)
    for step in range(len(steps), most):
        row, before = table.decision.take(state), asked.tape.asked
        if not fixed and not row.any():  # nobody has a choice
            if table.terminal.take(state).all():
                break
            action = place = torch.zeros_like(state)
        else:
            first, which = (None, own) if fixed or not table.repeats else group(row)
            shown = row if first is None else row.gather(1, first)
            met = (part.index_select(0, shown.flatten()).unflatten(0, shown.shape) for part in (seen, closed))
            answer = asked(*met)
            action = policy.choose(answer if first is None else rows(answer, which), noise[:, step])
            place = (which + before) * actions + action
        places.append(place.unsqueeze(1))
        steps.append(state * actions + action)
        state = table.following.take(steps[-1])
    places, shape = torch.cat(places, 1).flatten(1), (replicas, len(steps), batch)
    log_q = None if exploration is None else asked.log_q(places).view(shape)
    log_pf = asked.log_prob(places).view(shape)
    return TablePath(table, torch.stack(steps, 1), log_pf, fixed, log_q)


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
