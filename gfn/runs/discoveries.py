"""What training has come across: the best objects found, and how many modes."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Environment
from gfn.environments.enumeration import log_max_reward
from gfn.sampling import Trajectories

ROUNDING = 2 * torch.finfo(torch.float32).eps


class Discoveries:
    """The distinct objects of high reward that each replica has sampled so far.

    A mode is an object x with r(x) ≥ ρ max r, for a given fraction ρ.

    Arguments:
        environment: a discrete task.
        replicas: number R of replicas.
        top_k: number K of best objects whose mean log-reward is reported.
        fractions: the values of ρ.
    """

    def __init__(self, environment: DiscreteEnvironment, replicas: int, top_k: int, fractions: Sequence[float]) -> None:
        self.environment, self.top_k = environment, top_k
        highest = log_max_reward(environment)
        # Batches hold rewards in the networks' precision: the best object must reach a threshold of ρ = 1.
        slack = ROUNDING * max(1.0, abs(highest or 0.0))
        self.thresholds = {} if highest is None else {f: highest + math.log(f) - slack for f in fractions}
        self.keys = [torch.empty(0, dtype=torch.int64) for _ in range(replicas)]
        self.log_rewards = [torch.empty(0, dtype=torch.float64) for _ in range(replicas)]
        self.pending: list[tuple[Tensor, Tensor]] = []

    @staticmethod
    def possible(environment: Environment) -> bool:
        """Whether the objects of a task can be told apart by a number."""
        return isinstance(environment, DiscreteEnvironment) and environment.countable

    def add(self, trajectories: Trajectories) -> None:
        """Note the objects of a batch."""
        # A copy, since a captured iteration writes its next batch over this one.
        self.pending.append((self.environment.key(trajectories.terminal), trajectories.log_reward.clone()))

    def settle(self) -> None:
        """Merge what was noted, and forget objects that are neither among the best K nor modes."""
        if not self.pending:
            return
        keys, log_rewards = (torch.cat(parts, 1).cpu() for parts in zip(*self.pending))
        self.pending = []
        lowest = min(self.thresholds.values(), default=math.inf)
        for replica, (new_keys, new_log_rewards) in enumerate(zip(keys, log_rewards)):
            distinct, inverse = torch.cat([self.keys[replica], new_keys]).unique(return_inverse=True)
            values = torch.cat([self.log_rewards[replica], new_log_rewards.double()])
            values = torch.empty(len(distinct), dtype=torch.float64).scatter_(0, inverse, values)
            order = values.argsort(descending=True, stable=True)
            keep = order[: max(self.top_k, int((values >= lowest).sum()))]
            self.keys[replica], self.log_rewards[replica] = distinct[keep], values[keep]

    def best(self) -> Tensor:
        """Mean log-reward of the best K distinct objects found (of all, while fewer are known): float64 ``[R]``."""
        self.settle()
        return torch.stack([values[: self.top_k].mean() for values in self.log_rewards])

    def modes(self) -> dict[float, Tensor]:
        """For each fraction ρ, how many modes were found: ``[R]``; empty where the highest reward is not known."""
        self.settle()
        counts = {
            f: [int((found >= least).sum()) for found in self.log_rewards] for f, least in self.thresholds.items()
        }
        return {fraction: torch.tensor(count) for fraction, count in counts.items()}

    def tensors(self) -> dict[str, Tensor]:
        """Everything known, for a checkpoint."""
        self.settle()
        held = {"keys": self.keys, "log_rewards": self.log_rewards}
        return {f"{name}.{replica}": tensor for name, each in held.items() for replica, tensor in enumerate(each)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take up what :meth:`tensors` gave."""
        replicas = range(len(self.keys))
        self.keys, self.log_rewards = ([tensors[f"{name}.{r}"] for r in replicas] for name in ("keys", "log_rewards"))
