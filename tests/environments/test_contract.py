"""``gfn check``: tasks that keep their contract, and for each clause one that breaks it."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import Field

from gfn.environments import (
    Banana,
    DAGs,
    DiscreteEnvironment,
    GaussianMixture,
    Hypergrid,
    Phylogenetics,
    PlanarEnvironment,
    Sequences,
    Sets,
)
from gfn.environments.contract import check_task
from tests.helpers import DISCRETE

LARGE = {
    "sets": Sets(universe=64, size=8),
    "sequences": Sequences(alphabet=8, length=12),
    "hypergrid": Hypergrid(side=20, dimensions=4),
    "dags": DAGs(nodes=8, samples=20),
    "phylogenetics": Phylogenetics(alignment=tuple(zip("abcdefghi", ["ACGT", "ACGA", "TCGA"] * 3))),
}
PLANAR = {"gaussian mixture": GaussianMixture(), "banana": Banana()}


@pytest.mark.parametrize("name", DISCRETE)
def test_shipped_tasks_keep_it(name):
    problems, done = check_task(DISCRETE[name])
    assert problems == []
    assert done.startswith("looked at all ")


@pytest.mark.parametrize("name", LARGE)
def test_large_ones_too(name):
    problems, done = check_task(LARGE[name])
    assert problems == []
    assert "walks" in done


@pytest.mark.parametrize("name", PLANAR)
def test_planar_ones_too(name):
    assert check_task(PLANAR[name])[0] == []


class Bag(DiscreteEnvironment):
    """Subsets of n things, closed when one likes: with a stop action, and a field."""

    things: int = Field(3, ge=1)

    min_steps = property(lambda self: 1)
    max_steps = property(lambda self: self.things + 1)
    observation_size = property(lambda self: self.things + 1)
    action_count = property(lambda self: self.things + 1)
    state_count = property(lambda self: 2 ** (self.things + 1))

    def initial(self, *batch, device=None):
        return torch.zeros(*batch, self.things + 1, dtype=torch.bool, device=device)

    def observe(self, state):
        return state

    def is_terminal(self, state):
        return state[..., -1]

    def mask(self, state):
        return torch.cat([~state[..., :-1] & ~state[..., -1:], torch.ones_like(state[..., :1])], -1)

    def step(self, state, action):
        return torch.where(state[..., -1:], state, state.scatter(-1, action.unsqueeze(-1), True))

    def backward_mask(self, state):
        return torch.cat([state[..., :-1] & ~state[..., -1:], state[..., -1:]], -1)

    def undo(self, state, action):
        return state.scatter(-1, action.unsqueeze(-1), False)

    def log_reward(self, state):
        return state[..., :-1].sum(-1).double()

    def key(self, state):
        return (state.long() << torch.arange(self.things + 1)).sum(-1)


def broken(**members):
    return type("Broken", (Bag,), {"__module__": __name__, **members})()


BROKEN = {
    "mask leaves no action in": {"mask": lambda self, state: Bag.mask(self, state) & ~state[..., :1]},
    "mask allows 2 actions in the terminal": {
        "mask": lambda self, state: Bag.mask(self, state) | (state[..., -1:] & (torch.arange(4) == 0))
    },
    "is not terminal after max_steps = 3 steps": {"max_steps": property(lambda self: 3)},
    "and min_steps = 2": {"min_steps": property(lambda self: 2)},
    "backward_mask does not know the action": {
        "backward_mask": lambda self, state: Bag.backward_mask(self, state) & (torch.arange(4) != 1)
    },
    "undo takes": {"undo": lambda self, state, action: state.scatter(-1, (action * 0).unsqueeze(-1), False)},
    "backward_mask has the action": {
        "backward_mask": lambda self, state: Bag.backward_mask(self, state) | (state[..., -1:] & (torch.arange(4) == 0))
    },
    "backward probabilities of": {"log_parents": lambda self, state: torch.zeros(state.shape[:-1])},
    "key is": {"key": lambda self, state: state.sum(-1)},
    "log_reward is -inf for": {"log_reward": lambda self, state: state[..., 0].double().log()},
    "log_reward is nan for": {"log_reward": lambda self, state: state[..., 0].double() * math.nan},
    "state_count = 15": {"state_count": property(lambda self: 15)},
    "log_z = 1, and the sum": {"log_z": property(lambda self: 1.0)},
    "log_max_reward = 2": {"log_max_reward": property(lambda self: 2.0)},
    "move and step differ": {"move": lambda self, state, action: state},
    "closed is not the opposite": {"closed": lambda self, state: self.mask(state)},
    "step changes the state that it is given": {
        "step": lambda self, state, action: state.scatter_(-1, action.unsqueeze(-1), True)
    },
    "observe of states [2, 3, ...] has the shape": {"observation_size": property(lambda self: 7)},
    "observe depends on how states are stacked": {
        "observe": lambda self, state: state if state.dim() < 3 or (len(state) == 2 and state.shape[1] == 3) else ~state
    },
    "observe gives numbers that are not finite": {"observe": lambda self, state: 1 / state.double()},
    "mask is not bool": {"mask": lambda self, state: Bag.mask(self, state).long()},
    "the source state is terminal": {"is_terminal": lambda self, state: ~state[..., -1]},
    "ZeroDivisionError": {"log_reward": lambda self, state: 1 / 0},
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_what_is_wrong_is_named(sentence):
    assert check_task(Bag())[0] == []
    problems, _ = check_task(broken(**BROKEN[sentence]))
    assert any(sentence in problem for problem in problems), problems


@pytest.mark.parametrize(
    "sentence", ["mask leaves no action", "backward_mask does not know", "undo takes", "log_reward is -inf"]
)
def test_in_large_tasks_too(sentence, monkeypatch):
    name = next(name for name in BROKEN if name.startswith(sentence))
    monkeypatch.setattr("gfn.environments.contract.ALL", 1)
    assert any(sentence in problem for problem in check_task(broken(**BROKEN[name]))[0])


def test_states_reached_in_different_numbers_of_steps_are_named():
    """An enumeration would list them twice."""

    class Jumps(Bag):
        """Takes the first thing alone, or with the second."""

        def step(self, state, action):
            return torch.where(
                (action == 0).unsqueeze(-1), state | (torch.arange(4) < 2), Bag.step(self, state, action)
            )

    assert any("in different numbers of steps" in problem for problem in check_task(Jumps())[0])


def test_what_to_do_about_a_reward_of_zero_is_said():
    (problem,) = check_task(broken(**BROKEN["log_reward is -inf for"]))[0]
    assert "close the way to such objects in mask, or give them a small reward" in problem


class Square(PlanarEnvironment):
    """Uniform on the unit square."""

    side: float = 1.0
    box = property(lambda self: ((-1.0, 2.0), (-1.0, 2.0)))
    window = box

    def log_density(self, points):
        inside = ((points >= 0) & (points <= self.side)).all(-1)
        return torch.where(inside, 0.0, -math.inf).double()

    def sample_target(self, count, generator):
        return torch.rand(count, 2, generator=generator, dtype=torch.float64)


UNSOUND = {
    "and log_z = 0 asks for 1": {"log_density": lambda self, points: Square.log_density(self, points) + math.log(4)},
    "of the samples lie outside": {"box": property(lambda self: ((0.0, 1.0), (0.5, 1.0)))},
    "sample_target and log_density differ": {
        "sample_target": lambda self, count, generator: Square.sample_target(self, count, generator).square()
    },
    "is not finite where sample_target draws": {
        "sample_target": lambda self, count, generator: 1.2 * Square.sample_target(self, count, generator)
    },
    "gives torch.float32": {
        "sample_target": lambda self, count, generator: Square.sample_target(self, count, generator).float()
    },
}


@pytest.mark.parametrize("sentence", UNSOUND)
def test_what_is_wrong_with_a_density_is_named(sentence):
    assert check_task(Square())[0] == []
    wrong = type("Unsound", (Square,), {"__module__": __name__, **UNSOUND[sentence]})()
    assert any(sentence in problem for problem in check_task(wrong)[0])
