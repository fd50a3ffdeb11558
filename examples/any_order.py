"""A task of one's own with a learned backward policy: bit strings whose places are filled in any order.

Every string can be made in n! orders. A uniform backward policy asks for all of them alike; a learned one lets the
forward policy keep to orders that it finds easy. Both have the same distribution over strings as their target.

Check it:  gfn check any_order:AnyOrder
Train it:  gfn train --task any_order:AnyOrder --objective renyi --backward learned --iterations 200 --out results
Or run this file. Its folder is the working folder in all three cases.
"""

import torch
from pydantic import Field

from gfn.environments import DiscreteEnvironment


class AnyOrder(DiscreteEnvironment):
    """Bit strings of a fixed length; log r(x) is the number of equal neighbours.

    A state is int64 [..., n]: bits, and -1 where nothing is written yet. Action 2 i + b writes the bit b in place i.
    """

    length: int = Field(6, ge=2, le=16, description="number n of places")

    max_steps = property(lambda self: self.length)
    observation_size = property(lambda self: 2 * self.length)
    action_count = property(lambda self: 2 * self.length)
    state_count = property(lambda self: 3**self.length)

    def initial(self, *batch, device=None):
        return torch.full((*batch, self.length), -1, device=device)

    def observe(self, state):
        return torch.stack([state == 0, state == 1], -1).flatten(-2)

    backward_mask = observe  # what is written may have been written last

    def is_terminal(self, state):
        return (state != -1).all(-1)

    def mask(self, state):
        return (state == -1).repeat_interleave(2, -1)

    def step(self, state, action):
        written = state.scatter(-1, (action // 2).unsqueeze(-1), (action % 2).unsqueeze(-1))
        return torch.where(self.is_terminal(state).unsqueeze(-1), state, written)

    def undo(self, state, action):
        return state.scatter(-1, (action // 2).unsqueeze(-1), -1)

    def log_reward(self, state):
        return (state[..., 1:] == state[..., :-1]).sum(-1).double()

    def key(self, state):
        return ((state + 1) * 3 ** torch.arange(self.length, device=state.device)).sum(-1)


if __name__ == "__main__":
    from gfn.policies import PolicySettings
    from gfn.runs.objective import Objective
    from gfn.runs.spec import TrainingSpec
    from gfn.study.results import load_or_train
    from gfn.study.summaries import final_values

    for name in ("tb", "renyi"):
        for backward in ("uniform", "learned"):
            policy = PolicySettings(backward=backward)
            spec = TrainingSpec(task=AnyOrder(), objective=Objective(name=name), policy=policy, iterations=200)
            print(backward, final_values(load_or_train(spec, "results")).to_string(index=False), sep="\n")
