"""A task of one's own, whose trajectories vary in length: fill a knapsack item by item, and stop.

Check it:  gfn check knapsack:Knapsack
Train it:  gfn train --task knapsack:Knapsack --objective renyi --iterations 200 --out results
Or run this file. Its folder is the working folder in all three cases.
"""

import torch
from pydantic import Field

from gfn.environments import DiscreteEnvironment


class Knapsack(DiscreteEnvironment):
    """Sets of items that weigh at most ``capacity``; log r(x) is ``beta`` times their value.

    A state is bool [..., n + 1]: which items are in, and whether it is closed. Action i puts item i in, action n closes.
    Where nothing more fits, closing is all that is left: a state without a choice.
    """

    weights: tuple[float, ...] = (3, 4, 5, 9, 4, 2, 6)
    values: tuple[float, ...] = (3, 4, 4, 10, 4, 1, 5)
    capacity: float = Field(15, gt=0, description="largest weight of a knapsack")
    beta: float = Field(0.3, description="log-reward of a unit of value")

    min_steps = property(lambda self: 1)  # an empty knapsack can be closed at once
    max_steps = property(lambda self: len(self.weights) + 1)
    observation_size = property(lambda self: len(self.weights) + 1)
    action_count = property(lambda self: len(self.weights) + 1)
    stop = property(lambda self: len(self.weights))  # what baseline = last asks for
    state_count = property(lambda self: 2 ** (len(self.weights) + 1))  # at most

    def initial(self, *batch, device=None):
        return torch.zeros(*batch, self.action_count, dtype=torch.bool, device=device)

    def observe(self, state):
        return state

    def is_terminal(self, state):
        return state[..., -1]

    def mask(self, state):
        weights = torch.tensor(self.weights, device=state.device)
        load = (state[..., :-1] * weights).sum(-1, keepdim=True)
        fits = ~state[..., :-1] & (load + weights <= self.capacity) & ~state[..., -1:]
        # A closed knapsack allows to close it, which changes nothing.
        return torch.cat([fits, torch.ones_like(fits[..., :1])], -1)

    def step(self, state, action):
        changed = state.scatter(-1, action.unsqueeze(-1), True)
        return torch.where(self.is_terminal(state).unsqueeze(-1), state, changed)

    def backward_mask(self, state):
        closed = state[..., -1:]
        return torch.cat([state[..., :-1] & ~closed, closed], -1)

    def undo(self, state, action):
        return state.scatter(-1, action.unsqueeze(-1), False)

    def log_reward(self, state):
        return self.beta * (
            state[..., :-1].double() @ torch.tensor(self.values, dtype=torch.float64, device=state.device)
        )

    def key(self, state):
        return (state.long() << torch.arange(state.shape[-1], device=state.device)).sum(-1)


if __name__ == "__main__":
    from gfn.runs.objective import Objective
    from gfn.runs.spec import TrainingSpec
    from gfn.study.results import load_or_train
    from gfn.study.summaries import final_values

    for name in ("tb", "renyi"):
        spec = TrainingSpec(task=Knapsack(), objective=Objective(name=name), iterations=200)
        print(final_values(load_or_train(spec, "results")).to_string(index=False))
