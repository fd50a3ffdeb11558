"""Which policy a task has, and how large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_serializer
from torch import nn

from gfn.environments import DiscreteEnvironment, Environment, Phylogenetics
from gfn.policies.backward import LearnedBackward
from gfn.policies.categorical import CategoricalPolicy
from gfn.policies.mixture import MixturePolicy
from gfn.policies.network import ReplicatedMLP
from gfn.settings import Settings

Policy = CategoricalPolicy | MixturePolicy
Width = Annotated[int, Field(ge=1, le=65536)]


class PolicySettings(Settings):
    """Shape of the forward policy's network, the same for every objective, and what the backward policy is.

    Phylogenetics has a graph network, shaped by ``gin_layers`` and ``gin_width`` alone; the other
    tasks have an MLP, shaped by ``hidden``. So is the network of a learned backward policy.
    """

    hidden: tuple[Width, ...] = Field((128, 128), max_length=16, description="widths of the hidden layers")
    components: int = Field(16, ge=1, le=1024, description="Gaussians in each coordinate's mixture (continuous tasks)")
    gin_layers: int = Field(1, ge=1, le=16, description="layers of the graph network (phylogenetics)")
    gin_width: Width = Field(64, description="width of the graph network's hidden layers (phylogenetics)")
    backward: Literal["uniform", "learned"] = Field(
        "uniform", description="backward policy: uniform over parents, or learned with the forward one (discrete tasks)"
    )

    @model_serializer(mode="wrap")
    def _written(self, handler: Any) -> dict[str, Any]:
        """Without a uniform backward policy, so that runs keep the names from before there was another."""
        values = handler(self)
        if values.get("backward") == "uniform":
            del values["backward"]
        return values


def make_policy(environment: Environment, settings: PolicySettings, seeds: Sequence[int]) -> Policy:
    """The task's forward policy, one replica a seed, in float32 on the CPU."""
    if isinstance(environment, Phylogenetics):
        from gfn.policies.gin import ForestGIN  # loads torch_geometric, which no other task needs

        return CategoricalPolicy(ForestGIN(seeds, len(environment.taxa), settings.gin_width, settings.gin_layers))
    if isinstance(environment, DiscreteEnvironment):
        sizes = [environment.observation_size, *settings.hidden, environment.action_count]
        return CategoricalPolicy(ReplicatedMLP(seeds, sizes))
    return MixturePolicy(seeds, environment.observation_size, settings.components, settings.hidden)


def make_backward(environment: Environment, settings: PolicySettings, seeds: Sequence[int]) -> LearnedBackward | None:
    """The learned backward policy of a discrete task, one replica a seed; None where it is uniform."""
    if settings.backward == "uniform":
        return None
    sizes = [environment.observation_size, *settings.hidden, environment.action_count]
    return LearnedBackward(ReplicatedMLP(seeds, sizes, "backward policy"))


def make_flow(environment: Environment, settings: PolicySettings, seeds: Sequence[int]) -> nn.Module:
    """An MLP for the log-flows of states: observations ``[R, M, D]`` to ``[R, M, 1]``."""
    return ReplicatedMLP(seeds, [environment.observation_size, *settings.hidden, 1], "flow")
