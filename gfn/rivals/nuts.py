"""The No-U-Turn sampler (Hoffman & Gelman, JMLR 2014), by the library Pyro: a yardstick, which learns nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from gfn.environments import ContinuousEnvironment
from gfn.randomness import stream
from gfn.rivals.base import Rival, Shape

WARM_UP = 200  # steps in which it adapts, whose points are left out
DEPTH = 6  # at most 2⁶ leaps a step
ACCEPTED = 0.9


class NoUTurn(Rival):
    """One chain from a standard normal draw, of which every leap counts as an evaluation."""

    def __init__(self, environment: ContinuousEnvironment, shape: Shape, seed: int) -> None:
        from pyro.infer.mcmc import NUTS

        super().__init__(environment, shape, seed)
        self.kernel = NUTS(potential_fn=self._potential, max_tree_depth=DEPTH, target_accept_prob=ACCEPTED)
        start = torch.randn(environment.dimension, generator=self.generator, dtype=torch.float64)
        self.state, self.chain = {"x": start}, [start]
        self.source = stream("rival: chain", seed).get_state()
        self.steps = 0

    def _potential(self, state: dict[str, Tensor]) -> Tensor:
        self.used += 1
        return -self.environment.log_density(state["x"])

    def advance(self, budget: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.source)
            if not self.steps:
                self.kernel.initial_params = self.state
                self.kernel.setup(WARM_UP)
                self.state = self.kernel.initial_params
            while self.used < budget:
                self.state = self.kernel.sample(self.state)
                self.steps += 1
                self.chain = self.chain if self.steps > WARM_UP else []
                self.chain.append(self.state["x"].detach().clone())
            self.source = torch.get_rng_state()

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, None]:
        """Points of the chain at even distances, some more than once where it has fewer."""
        places = torch.linspace(0, len(self.chain) - 1, count).round().long()
        return torch.stack(self.chain)[places], None
