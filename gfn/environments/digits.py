"""Pictures of handwritten digits, pixel by pixel: a target fitted to real data whose density is known."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from gfn.environments.base import DiscreteEnvironment

DATA = Path(__file__).with_name("digits.bits")
SHA256 = "aa39ac7f713677cba7c6d7090ac1bbb1e68cadf0eaa6b558ed39018d96737181"
WHOLE = 8  # pixels a side of the pictures
ROUNDS = 100  # of expectation maximisation, after which the likelihood gains less than one in 10⁴ a round
GRID = 2**24  # probabilities are multiples of its inverse, so that rounding on other machines changes no target
KEYS = 39  # pixels at most whose states have a number below 2⁶³


class Digits(DiscreteEnvironment):
    r"""Pictures in black and white, written in reading order; the target is a mixture of K products of Bernoullis.

    .. math:: r(x) = \sum_{k=1}^K w_k \prod_i p_{ki}^{x_i} (1 - p_{ki})^{1 - x_i}, \qquad \log Z = 0

    It is fitted to the 1797 digits of scikit-learn by expectation maximisation, always alike, with every :math:`p_{ki}` in
    [floor, 1 − floor]. So density and samples are exact, although there are 2⁶⁴ objects. ``task_seed`` draws the pictures
    from which the fit starts. Smaller pictures are the middle of these.

    A state is int8 ``[..., side²]``: 1 for ink, -1 for paper, 0 for pixels to come, which is also what a policy sees. The
    graph is a tree, so every state has one parent. Action 1 writes ink, action 0 none.

    Source of the pictures: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository (1998), https://doi.org/10.24432/C50P49, licensed under CC BY 4.0; the test set, a bit for each grey value
    above 7 of 16.
    """

    task: Literal["digits"] = "digits"
    drawn: ClassVar[bool] = True
    side: int = Field(8, ge=1, le=WHOLE, description="pixels a side, of the middle of the pictures")
    prototypes: int = Field(20, ge=1, le=256, description="number K of products of Bernoullis in the mixture")
    floor: float = Field(0.01, ge=1e-6, le=0.49, description="least probability of ink, and of none, in a pixel")

    repeats: ClassVar[bool] = False  # after the first rows, hardly a picture is met twice
    action_count: ClassVar[int] = 2
    log_z: ClassVar[float] = 0.0
    dimension = property(lambda self: self.side**2)  #: number of pixels
    max_steps = observation_size = dimension
    state_count = property(lambda self: 2 ** (self.dimension + 1) - 1)

    @property
    def weights(self) -> Tensor:
        """Weights w of the mixture: float64 ``[K]``."""
        return self._fitted[0]

    @property
    def ink(self) -> Tensor:
        """Probability p of ink in each pixel of each part of the mixture: float64 ``[K, side²]``."""
        return self._fitted[1]

    @property
    def _fitted(self) -> tuple[Tensor, Tensor]:
        return self.remember("fitted", lambda: _fit(*self._settings))

    @property
    def _settings(self) -> tuple[int, int, float, tuple[float, ...]]:
        order = self.uniform(len(pictures(WHOLE)), 0.0, 1.0, "start").argsort()
        return self.side, self.prototypes, self.floor, tuple(order[: self.prototypes].tolist())

    def initial(self, *batch: int, device: torch.device | str | None = None) -> Tensor:
        return torch.zeros(*batch, self.dimension, dtype=torch.int8, device=device)

    def observe(self, state: Tensor) -> Tensor:
        return state

    def is_terminal(self, state: Tensor) -> Tensor:
        return state[..., -1] != 0

    def mask(self, state: Tensor) -> Tensor:
        return torch.ones(*state.shape[:-1], 2, dtype=torch.bool, device=state.device)

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        return torch.where(self.is_terminal(state).unsqueeze(-1), state, self.move(state, action))

    def move(self, state: Tensor, action: Tensor) -> Tensor:
        place = torch.count_nonzero(state, -1).clamp_(max=self.dimension - 1).unsqueeze(-1)
        return state.scatter(-1, place, (2 * action - 1).to(state.dtype).unsqueeze(-1))

    def _last(self, state: Tensor) -> Tensor:
        return torch.count_nonzero(state, -1).unsqueeze(-1) - 1

    def backward_mask(self, state: Tensor) -> Tensor:
        last = self._last(state)
        ink = state.gather(-1, last.clamp(min=0)) > 0
        return (last >= 0) & torch.cat([~ink, ink], -1)

    def undo(self, state: Tensor, action: Tensor) -> Tensor:
        return state.scatter(-1, self._last(state).clamp(min=0), 0)

    def log_parents(self, state: Tensor) -> Tensor:
        return torch.zeros(state.shape[:-1], dtype=torch.float64, device=state.device)

    def key(self, state: Tensor) -> Tensor:
        if self.dimension > KEYS:
            raise ValueError(f"pictures of {self.side} × {self.side} pixels are too many to enumerate")
        return ((state + 1).long() * 3 ** torch.arange(self.dimension, device=state.device)).sum(-1)

    def log_parts(self, pictures: Tensor) -> Tensor:
        """log of w times the probability of each picture, of any dtype, in each part of the mixture: float64 ``[..., K]``."""
        return self.constant("_constant", pictures) + pictures.double() @ self.constant("_slope", pictures)

    # A picture x of -1 and 1 has the log-probability Σ (log p + log (1 - p)) / 2 + x (log p - log (1 - p)) / 2.
    @property
    def _constant(self) -> Tensor:
        return self.weights.log() + (self.ink.log() + (-self.ink).log1p()).sum(1) / 2

    @property
    def _slope(self) -> Tensor:
        return self.ink.logit().T / 2

    def log_reward(self, state: Tensor) -> Tensor:
        return self.log_parts(state).logsumexp(-1)

    def sample_target(self, count: int, generator: torch.Generator) -> Tensor:
        """``count`` exact samples of the target: terminal states, int8 ``[count, side²]``."""
        which = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        uniform = torch.rand(count, self.dimension, generator=generator, dtype=torch.float64)
        return torch.where(uniform < self.ink[which], 1, -1).to(torch.int8)

    @property
    def mode_weights(self) -> Tensor:
        """The weights of the mixture, as :mod:`gfn.evaluation.samples` takes those of modes: float64 ``[1, K]``."""
        return self.weights.unsqueeze(0)

    def mode_shares(self, pictures: Tensor) -> Tensor:
        """How probably each picture ``[N, side²]`` is of each part: float64 ``[N, 1, K]``, ``mode_weights`` on average."""
        return self.log_parts(pictures).softmax(-1).unsqueeze(-2)


@lru_cache(maxsize=WHOLE)
def pictures(side: int) -> Tensor:
    """The digits themselves, or the middle of them: float64 ``[1797, side²]`` of 0 and 1.

    Raises:
        ValueError: if the file of the package is not as it was.
    """
    packed = DATA.read_bytes()
    if hashlib.sha256(packed).hexdigest() != SHA256:
        raise ValueError(f"{DATA} has been changed: install the package again")
    bits = np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(-1, WHOLE, WHOLE)
    start = (WHOLE - side) // 2
    middle = bits[:, start : start + side, start : start + side]
    return torch.from_numpy(middle.reshape(len(bits), -1).astype(np.float64))


@lru_cache(maxsize=32)
def _fit(side: int, prototypes: int, floor: float, start: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Weights ``[K]`` and probabilities of ink ``[K, side²]``, by expectation maximisation from some of the pictures."""
    data = pictures(side)
    weights = torch.full((prototypes,), 1 / prototypes, dtype=torch.float64)
    ink = 0.25 + 0.5 * data[list(start)]
    for _ in range(ROUNDS):
        log_parts = weights.log() + data @ ink.log().T + (1 - data) @ (-ink).log1p().T
        shares = log_parts.softmax(1)
        sums = shares.sum(0).clamp(min=1 / GRID)
        weights, ink = sums / sums.sum(), ((shares.T @ data) / sums.unsqueeze(1)).clamp(floor, 1 - floor)
    weights, ink = ((GRID * part).round().clamp(min=1) / GRID for part in (weights, ink))
    return weights / weights.sum(), ink
