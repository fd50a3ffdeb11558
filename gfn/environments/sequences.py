"""Sequence design: write a word letter by letter, and stop."""

from functools import cached_property
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from gfn.environments.base import DiscreteEnvironment

BLANK = -1


class Sequences(DiscreteEnvironment):
    r"""Words of up to N letters from an alphabet of size |D|, ended by a stop token.

    .. math:: \log r(x) = \sum_i g(i) f(x_i), \qquad f \sim U[\text{f\_low}, \text{f\_high}],\; g \sim U[\text{g\_low}, \text{g\_high}]

    A state is int64 ``[..., N]``: letters 0 to |D|-1, then the stop token |D| if the word was stopped, then blanks
    (-1). A word of N letters is finished without a stop token. The graph is a tree, so every state has one parent.
    """

    task: Literal["sequences"] = "sequences"
    drawn: ClassVar[bool] = True
    min_steps: ClassVar[int] = 1
    alphabet: int = Field(8, ge=1, le=256, description="number |D| of letters")
    length: int = Field(6, ge=1, le=256, description="largest number N of letters in a word")
    f_low: float = Field(-1.0, ge=-1e100, le=1e100, description="lower end of the law of f, the value of a letter")
    f_high: float = Field(1.0, ge=-1e100, le=1e100, description="upper end of the law of f")
    g_low: float = Field(0.0, ge=-1e100, le=1e100, description="lower end of the law of g, the weight of a position")
    g_high: float = Field(2.0, ge=-1e100, le=1e100, description="upper end of the law of g")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("f", "g"):
            low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
            if low > high:
                raise ValueError(f"{name}_low = {low} is not allowed: it must be at most {name}_high = {high}")
        return self

    @cached_property
    def letter_values(self) -> Tensor:
        """f of every letter, then 0 for stop and blank: float64 ``[|D| + 2]``."""
        return torch.cat([self.uniform(self.alphabet, self.f_low, self.f_high, "f"), torch.zeros(2)])

    @cached_property
    def position_weights(self) -> Tensor:
        """g of every position: float64 ``[N]``."""
        return self.uniform(self.length, self.g_low, self.g_high, "g")

    @property
    def repeats(self) -> bool:
        """After the first few letters, hardly a word is met twice."""
        return False

    max_steps = property(lambda self: self.length)
    observation_size = property(lambda self: self.length * (self.alphabet + 1))
    action_count = property(lambda self: self.alphabet + 1)
    stop = property(lambda self: self.alphabet)  #: the action, and token, that ends a word
    _classes = cached_property(lambda self: torch.tensor([*range(self.alphabet), BLANK]))

    @property
    def state_count(self) -> int:
        words = [self.alphabet**k for k in range(self.length + 1)]
        return sum(words) + sum(words[:-1])

    def initial(self, *batch: int, device=None) -> Tensor:
        return torch.full((*batch, self.length), BLANK, device=device)

    def observe(self, state: Tensor) -> Tensor:
        return (state.unsqueeze(-1) == self.constant("_classes", state)).flatten(-2)

    def is_terminal(self, state: Tensor) -> Tensor:
        return (state == self.stop).any(-1) | (state[..., -1] != BLANK)

    def mask(self, state: Tensor) -> Tensor:
        allowed = (~self.is_terminal(state)).unsqueeze(-1).repeat_interleave(self.action_count, -1)
        allowed[..., self.stop] = True
        return allowed

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        position = (state != BLANK).sum(-1, keepdim=True).clamp(max=self.length - 1)
        written = state.scatter(-1, position, action.unsqueeze(-1))
        return torch.where(self.is_terminal(state).unsqueeze(-1), state, written)

    def _last(self, state: Tensor) -> Tensor:
        return (state != BLANK).sum(-1, keepdim=True) - 1

    def backward_mask(self, state: Tensor) -> Tensor:
        last = self._last(state)
        token = state.gather(-1, last.clamp(min=0))
        return (token == torch.arange(self.action_count, device=state.device)) & (last >= 0)

    def undo(self, state: Tensor, action: Tensor) -> Tensor:
        return state.scatter(-1, self._last(state).clamp(min=0), BLANK)

    def log_reward(self, state: Tensor) -> Tensor:
        return self.constant("letter_values", state)[state] @ self.constant("position_weights", state)

    def key(self, state: Tensor) -> Tensor:
        base = self.alphabet + 2
        if base**self.length >= 2**63:
            raise ValueError(f"{self.alphabet} letters and length {self.length} are too many states to enumerate")
        return ((state + 1) * base ** torch.arange(self.length, device=state.device)).sum(-1)

    @property
    def log_z(self) -> float:
        """log Z in closed form: words of each length factorise over positions."""
        per_position = (self.position_weights[:, None] * self.letter_values[: self.alphabet]).logsumexp(-1)
        return float(torch.cat([torch.zeros(1), per_position.cumsum(0)]).logsumexp(0))

    @property
    def log_max_reward(self) -> float:
        """The best letter at every position, of the best length."""
        best = (self.position_weights[:, None] * self.letter_values[: self.alphabet]).amax(-1)
        return float(torch.cat([torch.zeros(1), best.cumsum(0)]).max())
