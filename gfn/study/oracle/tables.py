"""Policies as tables: a logit for every action in every state, so that the target itself is one of them."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gfn.environments import DiscreteEnvironment
from gfn.environments.enumeration import state_graph
from gfn.evaluation.exact import all_trajectories
from gfn.policies import CategoricalPolicy
from gfn.randomness import stream
from gfn.settings import SettingsError

MOST = 1024  # trajectories of a task that can be examined
SPREAD = 1.5  # standard deviation of the logits of a policy that is lost
NOISE = 0.1  # and of what is added to the target's, near it

POLICIES = ("start", "halfway", "near", "lost")


class Table(nn.Module):
    """A network that is a table, in double precision.

    Any network's logits are a function of its parameters, so its gradient is a linear map of the table's: where the table's
    vanishes, so does that of every network.

    Arguments:
        environment: an enumerable task.
        logits: ``[U, A]``, one row a state that is no object, in the order of ``observed``; by default all 0.
    """

    def __init__(self, environment: DiscreteEnvironment, logits: Tensor | None = None) -> None:
        super().__init__()
        graph = state_graph(environment)
        open_ = graph.states[~graph.terminal]
        self.register_buffer("observed", environment.observe(open_).double())
        self.register_buffer("mask", environment.mask(open_))
        start = torch.zeros(self.mask.shape, dtype=torch.float64) if logits is None else logits.double()
        self.logits = nn.Parameter(start.detach().clone().unsqueeze(0))

    def place(self, observation: Tensor) -> Tensor:
        """The row of each observation ``[M, D]``, int64 ``[M]``; 0 for objects, which leave no choice."""
        same = observation.double().unsqueeze(1) == self.observed
        return same.all(-1).long().argmax(-1)

    def forward(self, observation: Tensor) -> Tensor:
        """Logits ``[1, M, A]`` of observations ``[1, M, D]``."""
        return self.logits.index_select(1, self.place(observation[0]))

    @staticmethod
    def prepare(observation: Tensor) -> Tensor:
        """What can be made of observations without parameters: nothing."""
        return observation

    def answer(self, prepared: Tensor) -> Tensor:
        """The output for what :meth:`prepare` gave."""
        return self(prepared)


def check_enumerable(environment: object) -> None:
    """See that all trajectories of a task can be listed.

    Raises:
        SettingsError: for a task in the plane, or one with too many trajectories.
    """
    name = getattr(environment, "task", environment)
    if not isinstance(environment, DiscreteEnvironment):
        raise SettingsError(f"task = {name!r} is not allowed: the trajectories of a task in the plane cannot be listed")
    count = environment.state_count if environment.countable else None
    if count is not None and count <= 8 * MOST:
        count = _count(environment)
        if count <= MOST:
            return
        many = f"{count} trajectories"
    else:
        many = "too many states"
    raise SettingsError(f"task {name} has {many} at these sizes: at most {MOST} trajectories can be examined")


def _count(environment: DiscreteEnvironment) -> int:
    """Trajectories of a task, counted along its edges."""
    graph = state_graph(environment)
    ways = [0] * len(graph.states)
    ways[0] = 1
    for source, target in zip(graph.source.tolist(), graph.target.tolist()):
        ways[target] += ways[source]
    return sum(way for way, last in zip(ways, graph.terminal.tolist()) if last)


def policy_named(environment: DiscreteEnvironment, name: str) -> CategoricalPolicy:
    """One of ``POLICIES``, or ``target``, as a table.

    - ``start``: every allowed action is equally likely;
    - ``halfway``: the geometric mean of that and the target, action by action, which favours no loss;
    - ``near``: the target with noise of standard deviation ``NOISE`` on its logits;
    - ``lost``: random logits of standard deviation ``SPREAD``, wrong nearly everywhere;
    - ``target``: p_F(s' | s) = F(s') p_B(s | s') / F(s), whose trajectories follow P̄_B.

    Raises:
        SettingsError: for another name.
    """
    if name not in (*POLICIES, "target"):
        raise SettingsError(f"policy = {name!r} is not allowed: one of {', '.join((*POLICIES, 'target'))}")
    table = Table(environment)
    shape = table.mask.shape
    generator = stream(f"oracle: policy {name}", 0)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    target = target_logits(environment)
    logits = {
        "start": torch.zeros(shape, dtype=torch.float64),
        "halfway": target / 2,
        "near": target + NOISE * noise,
        "lost": SPREAD * noise,
        "target": target,
    }
    return CategoricalPolicy(Table(environment, logits[name]))


def target_logits(environment: DiscreteEnvironment) -> Tensor:
    """Log-probabilities of the policy whose trajectories follow P̄_B, ``[U, A]``; 0 where an action is not allowed."""
    table = Table(environment)
    states, actions = all_trajectories(environment)
    log_weight, rows, going = environment.log_reward(states[-1][0]), [], []
    for state, after in pairwise(states):
        rows.append(table.place(environment.observe(state[0])))
        going.append(~environment.is_terminal(state[0]))
        log_weight = log_weight - torch.where(going[-1], environment.log_parents(after[0]), 0)
    share = log_weight.softmax(0)
    flow = torch.zeros_like(table.mask, dtype=torch.float64)
    for row, action, under_way in zip(rows, actions, going):
        flow.index_put_((row[under_way], action[0][under_way]), share[under_way], accumulate=True)
    return torch.where(table.mask, (flow / flow.sum(-1, keepdim=True)).log(), 0)
