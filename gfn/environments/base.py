"""What a task is: a pointed DAG (or its continuous counterpart) with a reward on its terminal states.

Every function is pure and batched over any leading axes, by convention ``[R, B, ...]``: R replicas
(seeds trained together) and B trajectories. Nothing here knows of a policy or an estimator.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field, PrivateAttr, field_validator, model_validator
from torch import Tensor

from gfn.randomness import stream
from gfn.settings import Settings, SettingsError


class Environment(Settings, ABC):
    """Base of all tasks.

    A subclass declares its sizes and laws as fields, so that a task is also its own validated, hashable specification.
    It may name itself in the field ``task``, or else is named by its module and class, ``my_module:MyTask``.
    """

    task: str
    task_seed: int = Field(
        0, ge=0, lt=2**63, description="seed of the reward's random law, apart from the training seeds"
    )

    drawn: ClassVar[bool] = False  #: whether anything of the reward is random

    _constants: dict = PrivateAttr(default_factory=dict)

    @classmethod
    def named(cls) -> str:
        """What specifications call this task: what its field ``task`` says, or its module and class.

        The module of a script that is run is called as one that is imported, after its file.
        """
        if isinstance(default := cls.model_fields["task"].default, str):
            return default
        main, module = sys.modules["__main__"], cls.__module__
        if module == "__main__" and getattr(main, "__spec__", None):
            module = main.__spec__.name
        elif module == "__main__" and getattr(main, "__file__", None):
            module = Path(main.__file__).stem
        return f"{module}:{cls.__qualname__}"

    @model_validator(mode="before")
    @classmethod
    def _say_the_name(cls, values: Any) -> Any:
        return {"task": cls.named()} | values if isinstance(values, dict) else values

    @field_validator("task", check_fields=False)
    @classmethod
    def _own_name(cls, name: str) -> str:
        if name != cls.named():
            raise ValueError(f"task = {name!r} is not allowed for {cls.__qualname__}, whose name is {cls.named()}")
        return name

    @field_validator("task_seed")
    @classmethod
    def _applies(cls, seed: int) -> int:
        if seed and not cls.drawn:
            raise ValueError(
                f"task_seed = {seed} is not allowed for task {cls.named()}: nothing of its reward is random"
            )
        return seed

    @property
    @abstractmethod
    def max_steps(self) -> int:
        """Length of the longest trajectory, in actions."""

    @property
    def min_steps(self) -> int:
        """Length of the shortest trajectory, in actions."""
        return self.max_steps

    @property
    @abstractmethod
    def observation_size(self) -> int:
        """Length D of the vector a policy sees."""

    @abstractmethod
    def initial(self, *batch: int, device: torch.device | str | None = None) -> Tensor:
        """The source state s_o, repeated over ``batch``."""

    @abstractmethod
    def observe(self, state: Tensor) -> Tensor:
        """What a policy sees of ``state``: ``[..., D]``."""

    @abstractmethod
    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """The state after ``action`` (``[...]``); a terminal state stays as it is."""

    def move(self, state: Tensor, action: Tensor) -> Tensor:
        """As :meth:`step`, where no state is terminal: a task may save itself the look."""
        return self.step(state, action)

    @abstractmethod
    def is_terminal(self, state: Tensor) -> Tensor:
        """Whether ``state`` is an object x: bool ``[...]``."""

    @abstractmethod
    def log_parents(self, state: Tensor) -> Tensor:
        """Log of the number of parents of ``state``, so that log p_B = -log_parents: ``[...]``."""

    @abstractmethod
    def log_reward(self, state: Tensor) -> Tensor:
        """log r(x) of terminal states, float64 ``[...]``."""

    @property
    def log_z(self) -> float | None:
        """log Z where it is known in closed form, else None; see :func:`gfn.environments.enumeration.exact_log_z`."""
        return None

    def sample_target(self, count: int, generator: torch.Generator) -> Tensor:
        """``count`` exact samples of the target, where they can be had: objects ``[count, ...]``, or points ``[count, d]``.

        Raises:
            SettingsError: where they cannot.
        """
        raise SettingsError(
            f"task {self.task} is not allowed where exact samples are asked for: it has no sample_target"
        )

    @property
    def has_samples(self) -> bool:
        """Whether exact samples can be had."""
        return type(self).sample_target is not Environment.sample_target

    def constant(self, name: str, like: Tensor) -> Tensor:
        """The task's constant tensor ``self.<name>``, kept on the device of ``like``."""
        return self.remember((name, like.device), lambda: getattr(self, name).to(like.device))

    def remember(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, made once for this instance: quicker to find again than by the task's settings."""
        if key not in self._constants:
            self._constants[key] = make()
        return self._constants[key]

    def uniform(self, count: int, low: float, high: float, name: str) -> Tensor:
        """``count`` i.i.d. draws of U[low, high] from the task seed, float64; ``name`` says what for."""
        generator = stream(f"{self.task}: {name}", self.task_seed)
        return low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64)


class DiscreteEnvironment(Environment):
    """A task with finitely many actions.

    Where trajectories differ in length, a terminal state allows one action that leaves it as it is,
    so that finished trajectories take part in every step with probability one.
    """

    @cached_property
    def countable(self) -> bool:
        """Whether the task is small enough for :meth:`key`."""
        try:
            self.key(self.initial(1))
        except ValueError:
            return False
        return True

    @property
    def repeats(self) -> bool:
        """Whether a batch of trajectories meets many states more than once, so that evaluating each once pays."""
        return self.countable

    @property
    @abstractmethod
    def action_count(self) -> int:
        """Number A of actions."""

    @abstractmethod
    def mask(self, state: Tensor) -> Tensor:
        """Which actions are allowed: bool ``[..., A]``."""

    def closed(self, state: Tensor) -> Tensor:
        """Which are not: bool ``[..., A]``."""
        return ~self.mask(state)

    @abstractmethod
    def backward_mask(self, state: Tensor) -> Tensor:
        """Which actions may have led to ``state``: bool ``[..., A]``, one for each parent."""

    @abstractmethod
    def undo(self, state: Tensor, action: Tensor) -> Tensor:
        """The parent from which ``action`` led to ``state``."""

    @property
    @abstractmethod
    def state_count(self) -> int:
        """Number of states, objects among them, or a number that it cannot exceed."""

    @property
    def log_max_reward(self) -> float | None:
        """The highest log-reward of any object where it is known in closed form, else None."""
        return None

    @abstractmethod
    def key(self, state: Tensor) -> Tensor:
        """A number that tells states apart: int64 ``[...]``."""

    def log_parents(self, state: Tensor) -> Tensor:
        return self.backward_mask(state).sum(-1).clamp(min=1).double().log()
