"""Training off policy: trajectories from others than the present policy, and what a divergence makes of them."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.functional import pad

from gfn.environments import Environment
from gfn.policies import LearnedBackward, Policy
from gfn.sampling import Exploration, Trajectories, follow, rollout
from gfn.settings import Settings

CAPACITY = 4096
CAP = 10.0


class OffPolicy(Settings):
    """From what the trajectories of a batch are drawn, where that is not the policy itself.

    Exploration, temperature and lag can be combined with each other and with replay. A replayed trajectory is drawn
    from the memory, each with the same chance, and keeps the probability with which it was once drawn, log q.

    Balance losses and f-divergence losses have their minimum at the target whatever the trajectories are drawn from, and
    take no weights. A divergence is an expectation under the policy: each trajectory weighs p_F/q (``full``), at most
    ``cap`` (``truncated``), or as on policy (``none``), which estimates another gradient.
    """

    exploration: float = Field(0.0, ge=0, le=1, description="probability of a choice uniform over all that is allowed")
    temperature: float = Field(1.0, gt=0, le=1e6, description="above 1 choices are more even than the policy's")
    lag: int = Field(0, ge=0, description="iterations after which the policy that draws is renewed, 0 for always")
    replay: float = Field(0.0, ge=0, lt=1, description="share of a batch that is drawn from a memory of earlier ones")
    buffer_size: int | None = Field(
        None, ge=1, le=10**8, description=f"trajectories in the memory, the latest [default: {CAPACITY}]"
    )
    weights: Literal["full", "truncated", "none"] | None = Field(
        None, description="importance weights of a divergence's estimate [default: full]"
    )
    cap: float | None = Field(None, gt=0, description=f"largest importance weight, if truncated [default: {CAP:g}]")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        own: dict[str, Any] = {}
        if values.get("replay") not in (None, "") and str(values["replay"]).strip("0.") != "":
            own["buffer_size"] = CAPACITY
        elif values.get("buffer_size") is not None:
            raise ValueError(
                f"buffer_size = {values['buffer_size']!r} is not allowed without replay: there is no memory"
            )
        if values.get("weights") == "truncated":
            own["cap"] = CAP
        elif values.get("cap") is not None:
            raise ValueError(f"cap = {values['cap']!r} is not allowed with weights {values.get('weights')}: truncated")
        return own | {key: value for key, value in values.items() if value is not None}

    @model_validator(mode="after")
    def _off(self) -> Self:
        if self.exploration == 0 and self.temperature == 1 and self.lag < 2 and self.replay == 0:
            names = "exploration above 0, a temperature other than 1, a lag of 2 or more, or replay above 0"
            raise ValueError(f"lag = {self.lag} is not allowed alone: off_policy needs {names}")
        return self

    @property
    def label(self) -> str:
        """A short name."""
        usual = type(self).model_fields
        changed = [n for n in usual if getattr(self, n) is not None and getattr(self, n) != usual[n].default]
        own = (f"{getattr(self, name):g}" if name != "weights" else self.weights for name in changed)
        return " ".join(f"{name}={value}" for name, value in zip(changed, own))

    @property
    def choices(self) -> Exploration:
        """What choices are drawn from."""
        return Exploration(self.exploration, self.temperature)

    def part(self, batch: int) -> int:
        """How many trajectories of a batch are replayed: its share, rounded up."""
        return math.ceil(self.replay * batch - 1e-9)

    def weighted(self, batch: Trajectories) -> Trajectories:
        """A batch with the log q that a divergence's estimate is to use: p_F/q are then its weights."""
        if self.weights == "none":
            return replace(batch, log_q=None)
        if self.weights != "truncated":
            return batch
        return replace(batch, log_q=torch.maximum(batch.log_q, batch.log_pf.detach() - math.log(self.cap)))


def effective_share(batch: Trajectories) -> Tensor:
    """Effective sample size of the weights p_F/q as a share of the batch, (Σ ρ)² / (N Σ ρ²): ``[R]``."""
    log_weight = (batch.log_pf - batch.log_q).detach().double()
    return (2 * log_weight.logsumexp(-1) - (2 * log_weight).logsumexp(-1)).exp() / log_weight.shape[-1]


class Memory:
    """The latest trajectories of each of R replicas, by their actions ``[R, T, C]`` and log q ``[R, C]``; a ring of C places.

    Attributes:
        added: how many trajectories of each replica have been put in so far.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity, self.added = capacity, 0
        self.actions: Tensor | None = None
        self.log_q: Tensor | None = None

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, actions: Tensor, log_q: Tensor) -> None:
        """Put trajectories in, in the place of the oldest; of more than the capacity the last ones."""
        actions, log_q = actions[..., -self.capacity :], log_q[..., -self.capacity :]
        if self.log_q is None:
            self.actions = actions.new_zeros(*actions.shape[:2], self.capacity)
            self.log_q = log_q.new_zeros(len(log_q), self.capacity)
        place = torch.arange(self.added, self.added + log_q.shape[1], device=log_q.device) % self.capacity
        self.actions.index_copy_(2, place, actions)
        self.log_q.index_copy_(1, place, log_q)
        self.added += log_q.shape[1]

    def draw(self, count: int, generators: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
        """``count`` of them for each replica, with replacement: ``[R, T, count]`` and ``[R, count]``."""
        which = torch.stack([torch.randint(len(self), (count,), generator=g, device=g.device) for g in generators])
        actions = self.actions.gather(2, which.unsqueeze(1).expand(-1, self.actions.shape[1], -1))
        return actions, self.log_q.gather(1, which)


class OffPolicyBatches:
    """What batches of a task are drawn with off policy.

    Attributes:
        drawer: the policy that draws where it lags behind, else None.
        drawn: number of batches so far.
    """

    def __init__(self, environment: Environment, settings: OffPolicy, drawer: Policy | None = None) -> None:
        self.environment, self.settings, self.drawer, self.drawn = environment, settings, drawer, 0
        self.fixed = drawer is not None
        self.memory = Memory(settings.buffer_size) if settings.replay else None

    @torch.no_grad()
    def _renew(self, policy: Policy) -> None:
        if self.drawer is None:
            self.drawer = copy.deepcopy(policy)
        for copied, parameter in zip(self.drawer.parameters(), policy.parameters()):
            copied.data.copy_(parameter)

    def __call__(
        self,
        policy: Policy,
        batch: int,
        generators: Sequence[torch.Generator],
        backward: LearnedBackward | None = None,
    ) -> Trajectories:
        """``batch`` trajectories for each replica, with their ``log_q``; until something can be replayed all are new."""
        if self.settings.lag and not self.fixed and self.drawn % self.settings.lag == 0:
            self._renew(policy)
        self.drawn += 1
        if self.drawer is None and self.memory is None:
            choices = self.settings.choices
            return rollout(self.environment, policy, batch, generators, exploration=choices, backward=backward)
        old = self.settings.part(batch) if self.memory else 0
        with torch.no_grad():
            drawer = policy if self.drawer is None else self.drawer
            fresh = rollout(self.environment, drawer, batch - old, generators, exploration=self.settings.choices)
            actions = pad(fresh.actions, (0, 0, 0, self.environment.max_steps - fresh.actions.shape[1]))
            parts = [(actions, fresh.log_q)]
            if old:
                parts.append(self.memory.draw(old, generators))
            if self.memory is not None:
                self.memory.add(*parts[0])
            actions, log_q = torch.cat([a for a, _ in parts], 2), torch.cat([q for _, q in parts], 1)
        return replace(follow(self.environment, policy, actions, backward), log_q=log_q)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next batch depends on, for a checkpoint."""
        found = {"drawn": torch.tensor(self.drawn)}
        if self.memory:
            found |= {"actions": self.memory.actions, "log_q": self.memory.log_q}
            found["added"] = torch.tensor(self.memory.added)
        if self.drawer is not None:
            found |= {f"drawer.{name}": value for name, value in self.drawer.state_dict().items()}
        return found

    def restore(self, tensors: dict[str, Tensor], policy: Policy) -> None:
        """Take up what :meth:`tensors` gave; ``policy`` is like the one that draws."""
        device = next(policy.parameters()).device
        self.drawn = int(tensors["drawn"])
        if "log_q" in tensors:
            self.memory.actions, self.memory.log_q = (tensors[name].to(device) for name in ("actions", "log_q"))
            self.memory.added = int(tensors["added"])
        lagged = {name.removeprefix("drawer."): v for name, v in tensors.items() if name.startswith("drawer.")}
        if lagged:
            self._renew(policy)
            self.drawer.load_state_dict(lagged)
