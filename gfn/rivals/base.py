"""What every rival can do, and what those that are trained have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from gfn.environments import ContinuousEnvironment, Environment
from gfn.randomness import stream

CLIP = 10.0  # norm of a gradient at most, so that a single far point does not undo the training


@dataclass(frozen=True)
class Shape:
    """Sizes that all rivals share.

    Attributes:
        hidden: widths of the hidden layers of every network.
        batch_size: points a step.
        learning_rate: Adam's step size; of annealed importance sampling, the step size of its leaps.
        budget: evaluations of the density, or samples of the target, that there will be in all.
    """

    hidden: tuple[int, ...]
    batch_size: int
    learning_rate: float
    budget: int


class Rival(ABC):
    """A sampler of a target, for one seed; its class says as ``target`` which tasks it is for.

    Attributes:
        used: evaluations of the density or its gradient, or samples of the target, until now.
    """

    target: ClassVar[type[Environment]] = ContinuousEnvironment

    def __init__(self, environment: Environment, shape: Shape, seed: int) -> None:
        self.environment, self.shape, self.seed, self.used = environment, shape, seed, 0
        self.generator = stream("rival", seed)

    @abstractmethod
    def advance(self, budget: int) -> None:
        """Go on until as much as ``budget`` is used, or a step less."""

    @abstractmethod
    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Points ``[count, d]``, and the log-weights of the paths to them, ``[count]``; None where there is no density."""

    def spread(self, points: Tensor, log_weights: Tensor | None, generator: torch.Generator) -> Tensor:
        """Points as they are to be compared with exact samples: as drawn, unless the weights belong to the method."""
        return points

    def weights_of(self, points: Tensor, generator: torch.Generator) -> Tensor | None:
        """The log-weights ``[N]`` of paths to exact samples ``points`` ``[N, d]``; None where there is no density."""
        return None


class Learner(Rival):
    """A rival that is trained by Adam; a subclass makes ``self.network`` before it calls :meth:`prepare`."""

    network: nn.Module

    def prepare(self) -> None:
        """Make the optimiser of the network's parameters."""
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=self.shape.learning_rate)

    def advance(self, budget: int) -> None:
        while self.used + self.shape.batch_size <= budget:
            self.optimiser.zero_grad()
            loss = self.loss()
            if not torch.isfinite(loss):
                raise FloatingPointError(f"the loss is not finite after {self.used} of {budget}")
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
            self.optimiser.step()
            self.used += self.shape.batch_size

    @abstractmethod
    def loss(self) -> Tensor:
        """Of a fresh batch, which counts as ``batch_size`` evaluations or samples."""

    def noise(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Standard normal noise, ``[count, d]``."""
        return torch.randn(count, self.environment.dimension, generator=generator or self.generator)

    def examples(self) -> Tensor:
        """A batch of exact samples of the target, ``[B, d]``."""
        return self.environment.sample_target(self.shape.batch_size, self.generator).float()


@contextmanager
def seeded(purpose: str, seed: int) -> Iterator[None]:
    """PyTorch's own source of randomness, which libraries use, from a stream; as it was before, afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(stream(purpose, seed).get_state())
        yield


def mlp(
    sizes: tuple[int, ...], activation: Callable[[], nn.Module] = nn.SiLU, last_is_zero: bool = False
) -> nn.Sequential:
    """A multilayer perceptron; its output is zero at the start if ``last_is_zero``."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), activation()]
    layers.pop()
    if last_is_zero:
        nn.init.zeros_(layers[-1].weight)
        nn.init.zeros_(layers[-1].bias)
    return nn.Sequential(*layers)
