"""Set generation: choose N of |D| elements, one at a time."""

import math
from functools import cached_property
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from gfn.environments.base import DiscreteEnvironment

WORD = 16


class Sets(DiscreteEnvironment):
    r"""Sets of fixed size from a universe, with an additive log-reward.

    .. math:: \log r(x) = \sum_{d \in x} f(d), \qquad f(d) \sim U[\text{low}, \text{high}]

    A state is a bool vector ``[..., |D|]`` of membership. Every trajectory has N steps, and a set of
    k elements has k parents.
    """

    drawn: ClassVar[bool] = True
    task: Literal["sets"] = "sets"
    universe: int = Field(32, ge=1, le=1024, description="number |D| of elements to choose from")
    size: int = Field(16, ge=1, le=1024, description="number N of elements in a finished set")
    low: float = Field(-1.0, ge=-1e100, le=1e100, description="lower end of the law of f")
    high: float = Field(1.0, ge=-1e100, le=1e100, description="upper end of the law of f")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.size > self.universe:
            raise ValueError(f"size = {self.size} is not allowed: it must be at most universe = {self.universe}")
        if self.low > self.high:
            raise ValueError(f"low = {self.low} is not allowed: it must be at most high = {self.high}")
        return self

    @cached_property
    def values(self) -> Tensor:
        """f(d) of every element: float64 ``[|D|]``."""
        return self.uniform(self.universe, self.low, self.high, "f")

    @property
    def repeats(self) -> bool:
        """Large sets are hardly ever met twice."""
        return self.universe <= 16

    max_steps = property(lambda self: self.size)
    observation_size = property(lambda self: self.universe)
    action_count = property(lambda self: self.universe)
    state_count = property(lambda self: sum(math.comb(self.universe, k) for k in range(self.size + 1)))

    def initial(self, *batch: int, device=None) -> Tensor:
        return torch.zeros(*batch, self.universe, dtype=torch.bool, device=device)

    def observe(self, state: Tensor) -> Tensor:
        return state

    closed = backward_mask = observe  # members cannot be added again, and each may have come last

    def mask(self, state: Tensor) -> Tensor:
        return ~state

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        return torch.where(self.is_terminal(state).unsqueeze(-1), state, self.move(state, action))

    def move(self, state: Tensor, action: Tensor) -> Tensor:
        return state.scatter(-1, action.unsqueeze(-1), True)

    def undo(self, state: Tensor, action: Tensor) -> Tensor:
        return state.scatter(-1, action.unsqueeze(-1), False)

    def is_terminal(self, state: Tensor) -> Tensor:
        return state.sum(-1) == self.size

    def log_reward(self, state: Tensor) -> Tensor:
        return state.double() @ self.constant("values", state)

    def key(self, state: Tensor) -> Tensor:
        if self.universe > 62:
            raise ValueError(f"universe = {self.universe} is too large to enumerate: at most 62")
        words = (state.float() @ self.constant("_bits", state)).long()
        return (words << WORD * torch.arange(words.shape[-1], device=state.device)).sum(-1)

    @cached_property
    def _bits(self) -> Tensor:
        """The bit of every element in the words of 16 bits that make a key; their sums are exact in float32."""
        element = torch.arange(self.universe)
        bits = torch.zeros(self.universe, -(-self.universe // WORD))
        bits[element, element // WORD] = 2.0 ** (element % WORD)
        return bits

    @cached_property
    def log_symmetric(self) -> Tensor:
        r"""Log of the elementary symmetric polynomials e_k of exp f over the first d elements.

        Float64 ``[|D| + 1, N + 1]``, by the recursion e_k(d) = e_k(d-1) + exp(f(d)) e_{k-1}(d-1).
        """
        table = torch.full((self.universe + 1, self.size + 1), -torch.inf, dtype=torch.float64)
        table[:, 0] = 0.0
        for d in range(self.universe):
            table[d + 1, 1:] = torch.logaddexp(table[d, 1:], table[d, :-1] + self.values[d])
        return table

    @property
    def log_z(self) -> float:
        """log Z, exactly: the elementary symmetric polynomial e_N of exp f."""
        return float(self.log_symmetric[-1, -1])

    @property
    def log_max_reward(self) -> float:
        """The sum of the N largest values."""
        return float(self.values.topk(self.size).values.sum())

    def sample_target(self, count: int, generator: torch.Generator) -> Tensor:
        """``count`` exact samples of r/Z, by deciding on one element after another: bool ``[count, |D|]``."""
        chosen = torch.zeros(count, self.universe, dtype=torch.bool)
        left = torch.full((count,), self.size)
        for d in reversed(range(self.universe)):
            log_keep = self.values[d] + self.log_symmetric[d, (left - 1).clamp(min=0)] - self.log_symmetric[d + 1, left]
            keep = (left > 0) & (torch.rand(count, generator=generator, dtype=torch.float64).log() < log_keep)
            chosen[:, d] = keep
            left -= keep.long()
        return chosen
