"""Objectives as validated settings, so that a run names its objective completely."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Literal, get_args

from pydantic import Field, field_validator, model_validator
from torch import Tensor

from gfn.estimators import divergences
from gfn.estimators.balance import trajectory_balance
from gfn.estimators.control_variates import EPSILON, ControlVariate
from gfn.sampling import Trajectories
from gfn.settings import Settings

ObjectiveName = Literal["tb", "reverse_kl", "forward_kl", "renyi", "tsallis"]
OBJECTIVES: tuple[str, ...] = get_args(ObjectiveName)
DIVERGENCES = tuple(name for name in OBJECTIVES if name != "tb")
WITH_ALPHA = ("renyi", "tsallis")
WITH_SCALE = ("forward_kl", "tsallis")


class Objective(Settings):
    """What is minimised, and how its gradient is estimated.

    Settings that do not belong to the objective are None: ``alpha`` is Rényi's and Tsallis',
    ``control_variate`` and ``epsilon`` are the divergences', ``log_z`` is TB's.
    """

    name: ObjectiveName = Field("tb", description="what is minimised")
    alpha: float | None = Field(None, description="order of the Rényi or Tsallis divergence [default: 0.5]")
    control_variate: ControlVariate | None = Field(
        None, description="variance reduction of a divergence [default: both]"
    )
    epsilon: float | None = Field(None, ge=0, description=f"ε of the score control variate [default: {EPSILON}]")
    log_z: Literal["learned", "known"] | None = Field(None, description="TB's log Z [default: learned]")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name = values.get("name", "tb")
        own: dict[str, Any] = {"log_z": "learned"} if name == "tb" else {"control_variate": "both", "epsilon": EPSILON}
        if name in WITH_ALPHA:
            own["alpha"] = 0.5
        for foreign in {"alpha", "control_variate", "epsilon", "log_z"} - own.keys():
            if name in OBJECTIVES and values.get(foreign) is not None:
                raise ValueError(
                    f"{foreign} = {values[foreign]!r} is not allowed with objective {name}: it takes {', '.join(sorted(own))}"
                )
        given = {key: value for key, value in values.items() if value is not None or key == "name"}
        return {**own, **given}

    @field_validator("alpha")
    @classmethod
    def _alpha(cls, alpha: float | None) -> float | None:
        if alpha is not None:
            divergences.order_factor(alpha)
        return alpha

    @property
    def label(self) -> str:
        """A short name for messages and file listings."""
        parts = [self.name]
        if self.alpha is not None:
            parts.append(f"alpha={self.alpha:g}")
        if self.control_variate is not None:
            parts.append(self.control_variate)
        return " ".join(parts)

    def loss(
        self,
        trajectories: Trajectories,
        parameters: Iterable[Tensor] = (),
        log_z: Tensor | float = 0.0,
        log_scale: Tensor | float = 0.0,
    ) -> Tensor:
        """The scalar to differentiate for each replica, ``[R]``.

        Arguments:
            trajectories: drawn from the policy.
            parameters: the policy's, for the score control variate.
            log_z: TB's log Z, ``[R, 1]`` or a number.
            log_scale: constant subtracted from log-weights by forward KL and Tsallis.
        """
        arguments = (trajectories.log_pf, trajectories.log_pb, trajectories.log_reward)
        if self.name == "tb":
            return trajectory_balance(*arguments, log_z)
        estimate = partial(
            getattr(divergences, self.name),
            *arguments,
            control_variate=self.control_variate,
            parameters=parameters,
            epsilon=self.epsilon,
        )
        if self.name in WITH_ALPHA:
            estimate = partial(estimate, alpha=self.alpha)
        return estimate(log_scale=log_scale) if self.name in WITH_SCALE else estimate()
