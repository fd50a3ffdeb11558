"""How the trajectories of a batch are drawn: independently, as leave-one-out takes them to be, or not."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from gfn.environments import Environment
from gfn.evaluation.exact import all_probabilities
from gfn.policies import LearnedBackward, Policy
from gfn.policies.network import rows
from gfn.sampling import Trajectories, rollout
from gfn.settings import Settings, SettingsError

OWN = {"common": {"share": 0.5}, "prefix": {"share": 0.5, "group": 4}, "replayed": {"share": 0.5, "age": 1}}
LISTABLE = 1 << 16  # trajectories at most, were every action allowed in every step
LISTED = ("distinct", "replayed")  # what draws from a list of all trajectories


class Draws(Settings):
    """How the N trajectories of a batch are drawn; settings that do not belong to the scheme are None.

    - ``independent``: each from p_F, whatever the others are;
    - ``common``: a share of the batch uses the same random numbers, and so is one trajectory many times;
    - ``prefix``: groups of trajectories use the same random numbers in the first share of the steps;
    - ``distinct``: from p_F one after the other, without replacement, of tasks whose trajectories can be listed;
    - ``replayed``: a share of the batch was drawn by the policy of some iterations ago, of such tasks; in training
      these are the first trajectories of the batch of then, the new ones before those that were replayed then.

    By itself, each trajectory of the first three follows p_F.
    """

    scheme: Literal["independent", "common", "prefix", "distinct", "replayed"] = Field(
        "independent", description="how the trajectories of a batch depend on each other"
    )
    share: float | None = Field(None, gt=0, le=1, description="of the batch, or of the steps [default: 0.5]")
    group: int | None = Field(None, ge=2, description="trajectories with one prefix [default: 4]")
    age: int | None = Field(None, ge=1, description="iterations since replayed trajectories were drawn [default: 1]")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        scheme = values.get("scheme", "independent")
        own = OWN.get(scheme, {}) if isinstance(scheme, str) else {}
        for foreign in ("share", "group", "age"):
            if foreign not in own and values.get(foreign) is not None:
                takes = f"it takes {', '.join(sorted(own))}" if own else "it takes no settings"
                raise ValueError(f"{foreign} = {values[foreign]!r} is not allowed with scheme {scheme}: {takes}")
        return own | {key: value for key, value in values.items() if value is not None}

    @property
    def label(self) -> str:
        """A short name."""
        own = (f"{name}={getattr(self, name):g}" for name in ("share", "group", "age") if getattr(self, name))
        return " ".join([self.scheme, *own])

    def part(self, whole: int) -> int:
        """The share of so many trajectories or steps, rounded up."""
        return math.ceil(self.share * whole - 1e-9)

    def correlate(self, noise: Tensor) -> Tensor:
        """The randomness ``[R, T, N, ...]`` of independent trajectories, made that of ``common`` or ``prefix``."""
        steps, which = noise.shape[1], torch.arange(noise.shape[2], device=noise.device)
        if self.scheme == "common":
            leader = torch.where(which < self.part(len(which)), 0, which)
        else:
            steps, leader = self.part(steps), which - which % self.group
        return torch.cat([noise[:, :steps].index_select(2, leader), noise[:, steps:]], 1)


class Batches:
    """What batches of a task are drawn with.

    Attributes:
        past: for ``replayed``, the trajectories of the last batches, at most ``age``, by their numbers ``[R, N]``.
    """

    def __init__(self, environment: Environment, draws: Draws, past: Sequence[Tensor] = ()) -> None:
        self.environment, self.draws, self.past = environment, draws, list(past)

    def __call__(
        self,
        policy: Policy,
        batch: int,
        generators: Sequence[torch.Generator],
        backward: LearnedBackward | None = None,
    ) -> Trajectories:
        """``batch`` trajectories for each replica, as :func:`~gfn.sampling.rollout` draws them; without steps if from a list."""
        if self.draws.scheme not in LISTED:
            change = None if self.draws.scheme == "independent" else self.draws.correlate
            return rollout(self.environment, policy, batch, generators, change, backward=backward)
        every, replayed = all_probabilities(self.environment, policy, backward), self.draws.scheme == "replayed"
        old = []
        if replayed and len(self.past) == self.draws.age:
            old = [self.past.pop(0)[:, : self.draws.part(batch)]]
        fresh = pick(every, batch - sum(part.shape[1] for part in old), generators, replayed)
        which = torch.cat([fresh, *old], 1)
        if replayed:
            self.past.append(which)
        parts = (part.gather(1, which) for part in (every.log_pf, every.log_pb, every.log_reward))
        return Trajectories(*parts, rows(every.terminal, which))


def pick(every: Trajectories, count: int, generators: Sequence[torch.Generator], replacement: bool) -> Tensor:
    """Numbers of ``count`` trajectories drawn from p_F of all M, with or without replacement, ``[R, count]``.

    Raises:
        SettingsError: for more than M without replacement.
    """
    probabilities = every.log_pf.detach().exp()
    if not replacement and count > probabilities.shape[1]:
        refused = f"batch_size = {count} is not allowed with distinct trajectories"
        raise SettingsError(f"{refused}: the task has {probabilities.shape[1]}")
    if count == 0:
        return torch.empty(len(probabilities), 0, dtype=torch.long, device=probabilities.device)
    return torch.stack(
        [torch.multinomial(p, count, replacement, generator=g) for p, g in zip(probabilities, generators)]
    )
