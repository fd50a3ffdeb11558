"""Objectives as validated settings, so that a run names its objective completely."""

import inspect
import math
from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from torch import Tensor

from gfn.estimators import CONTROL_VARIATES, DIVERGENCES, balance, divergences, f_losses
from gfn.estimators.control_variates import EPSILON, WITH_EPSILON
from gfn.sampling import LastChoices, Trajectories
from gfn.settings import Settings

BALANCE_LOSSES = ("tb", "db", "subtb", "vargrad")
F_LOSSES = ("f_tb", "js_tb", "devgrad")
WITH_ALPHA = ("renyi", "tsallis")  # of the paper's divergences
WITH_ANY_ALPHA = ("f_tb", "devgrad")  # every finite order is one of theirs
WITH_LOG_Z = ("tb", "db", "subtb", "f_tb", "js_tb")
WITH_FLOW = ("db", "subtb")
DECAY = 0.9


def objectives() -> tuple[str, ...]:
    """The names of all objectives, with the divergences that have been added."""
    return (*BALANCE_LOSSES, *DIVERGENCES, *F_LOSSES)


# Of this package. Without f-divergence losses they are those that the paper compares, and DB and SubTB beside them.
ALL_OBJECTIVES = objectives()
OBJECTIVES = tuple(name for name in ALL_OBJECTIVES if name not in F_LOSSES)


def takes(name: str, setting: str) -> bool:
    """Whether the divergence of this name has such a parameter, as ``alpha`` or ``log_scale``."""
    return name in DIVERGENCES and setting in inspect.signature(DIVERGENCES[name]).parameters


class Objective(Settings):
    """What is minimised, and how its gradient is estimated.

    Settings that do not belong to the objective are None: ``alpha`` is Rényi's, Tsallis' and that of the f-divergence
    losses ``f_tb`` and ``devgrad``, ``control_variate`` is the divergences', ``epsilon`` that of ``score`` and ``both``,
    ``log_z`` is that of all kinds of TB, of DB and SubTB, ``log_z_start`` that of a learned one, ``baseline`` is TB's, and
    ``decay`` is SubTB's.
    """

    name: str = Field("tb", description="what is minimised")
    alpha: float | None = Field(
        None, description="order of the Rényi or Tsallis divergence, or of an f-divergence loss [default: 0.5]"
    )
    alpha_end: float | None = Field(
        None, description="order at the end of training, which changes in equal steps from alpha on [default: alpha]"
    )
    control_variate: str | None = Field(None, description="variance reduction of a divergence [default: joint]")
    epsilon: float | None = Field(None, ge=0, description=f"ε of the score control variate [default: {EPSILON}]")
    log_z: Literal["learned", "known", "batch"] | None = Field(
        None,
        description="log Z of TB, DB and SubTB; batch: learned, from that of a first batch on [default: learned, of f_tb and js_tb batch]",
    )
    log_z_start: float | None = Field(None, description="where a learned log Z starts [default: 0]")
    baseline: Literal["scalar", "state", "last"] | None = Field(
        None,
        description="of TB's gradient: the best scalar, one learned for each state, the last choice integrated out",
    )
    decay: float | None = Field(None, gt=0, description=f"λ of SubTB [default: {DECAY}]")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name = values.get("name", "tb")
        own: dict[str, Any] = {}
        if name in DIVERGENCES:
            own["control_variate"] = "joint"
            if values.get("control_variate") in WITH_EPSILON:
                own["epsilon"] = EPSILON
        if takes(name, "alpha"):
            own |= {"alpha": inspect.signature(DIVERGENCES[name]).parameters["alpha"].default, "alpha_end": None}
        if name in WITH_ANY_ALPHA:
            own["alpha"] = 0.5
        baseline = values.get("baseline") if name == "tb" else None
        if name == "tb":
            own["baseline"] = None
        if name in WITH_LOG_Z and baseline != "scalar":
            # Weights of an f-divergence loss are exponential in the distance of log Z.
            own["log_z"] = "batch" if baseline or name in F_LOSSES else "learned"
            if (values.get("log_z") or own["log_z"]) == "learned":
                own["log_z_start"] = 0.0
        if name == "subtb":
            own["decay"] = DECAY
        chosen = [values.get(key) or own[key] for key in ("control_variate", "baseline", "log_z") if key in own]
        chosen = [name, *filter(None, chosen)]
        for foreign in sorted(set(cls.model_fields) - own.keys() - {"name"}):
            if name in objectives() and values.get(foreign) is not None:
                has = f"it takes {', '.join(sorted(own))}" if own else "it takes no settings"
                objective = " ".join(map(str, chosen))
                raise ValueError(f"{foreign} = {values[foreign]!r} is not allowed with objective {objective}: {has}")
        given = {key: value for key, value in values.items() if value is not None or key == "name"}
        return {**own, **given}

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in objectives():
            raise ValueError(f"name = {name!r} is not allowed: one of {', '.join(objectives())}")
        return name

    @field_validator("control_variate")
    @classmethod
    def _known_variate(cls, name: str | None) -> str | None:
        if name is not None and name not in CONTROL_VARIATES:
            raise ValueError(f"control_variate = {name!r} is not allowed: one of {', '.join(CONTROL_VARIATES)}")
        return name

    @field_validator("alpha", "alpha_end")
    @classmethod
    def _alpha(cls, alpha: float | None, others: ValidationInfo) -> float | None:
        if alpha is not None and others.data.get("name") in WITH_ALPHA:
            try:
                divergences.order_factor(alpha)
            except ValueError as error:
                raise ValueError(str(error).replace("alpha =", f"{others.field_name} =", 1)) from None
        return alpha

    @model_validator(mode="after")
    def _on_one_side(self) -> Self:
        """Between orders on either side of 0 or of 1 there is one that is none."""
        if (
            self.alpha_end is not None
            and self.name in WITH_ALPHA
            and any((self.alpha < c) != (self.alpha_end < c) for c in (0, 1))
        ):
            why = "both must be on the same side of 0, and of 1"
            raise ValueError(f"alpha_end = {self.alpha_end!r} is not allowed with alpha = {self.alpha!r}: {why}")
        return self

    def at(self, share: float) -> Self:
        """The objective after a share of training, from 0 to 1: itself, unless its order changes."""
        if self.alpha_end is None:
            return self
        return self.model_copy(update={"alpha": self.alpha + share * (self.alpha_end - self.alpha), "alpha_end": None})

    @property
    def with_flow(self) -> bool:
        """Whether a network for the flows of states is trained beside the policy."""
        return self.name in WITH_FLOW or self.baseline == "state"

    @property
    def label(self) -> str:
        """A short name for messages and file listings."""
        orders = [f"{order!r}".removesuffix(".0") for order in (self.alpha, self.alpha_end) if order is not None]
        alpha = f"alpha={'..'.join(orders)}" if orders else None
        baseline = f"baseline={self.baseline}" if self.baseline else None
        log_z = f"log_z={self.log_z}" if self.log_z in ("known", "batch") else None
        return " ".join(filter(None, [self.name, alpha, self.control_variate, baseline, log_z]))

    def hindrance(self, batch_size: int) -> str | None:
        """Why no training with so many trajectories a step can learn, None if there is no such reason.

        The mean gradient is zero, or leads away from the target. With Rényi's ``loo`` and α < 0, the weight that depends
        on the rewards is (α + 1 / (N - 1)) g / (α - 1), whose sign is wrong from α = -1 / (N - 1) on. The baseline â
        does the same where the scores of trajectories are orthogonal, and more in the tests' small tasks.
        """
        alone, name, variate = batch_size == 1, self.name, self.control_variate
        if self.alpha_end is not None:
            return self.at(0).hindrance(batch_size) or self.at(1).hindrance(batch_size)
        if alone and self.baseline == "scalar":
            return "with tb baseline=scalar: leave-one-out needs at least 2 trajectories"
        if alone and variate in ("loo", "both", "joint"):
            return f"with control variate {variate}: leave-one-out needs at least 2 trajectories"
        if alone and name == "vargrad":
            return "with vargrad: the variance of a single value is 0, so at least 2 trajectories are needed"
        if alone and name == "devgrad":
            return "with devgrad: the log Z of a single trajectory leaves no residual, so at least 2 are needed"
        if alone and name == "renyi":
            return "with renyi: a weight divided by itself is 1 for all rewards, so at least 2 trajectories are needed"
        if alone and name == "forward_kl" and variate == "score" and self.epsilon == 0:
            return "with forward_kl score and epsilon = 0: one trajectory is its own baseline, so 2 or more are needed"
        turning = {"renyi": ("loo", "both"), "tsallis": ("score", "both")}.get(name, ())
        if variate in turning and self.alpha < 0 and self.alpha * (batch_size - 1) >= -1:
            least = f"at least {math.floor(1 - 1 / self.alpha) + 1} trajectories are needed, or another control variate"
            return f"with {self.label}: the gradient is zero or leads away from the target, so {least}"
        return None

    def loss(
        self,
        trajectories: Trajectories,
        parameters: Iterable[Tensor] = (),
        log_z: Tensor | float = 0.0,
        log_scale: Tensor | float = 0.0,
        log_flow: Tensor | None = None,
        shift: Tensor | float = 0.0,
        choices: LastChoices | None = None,
    ) -> Tensor:
        """The scalar to differentiate for each replica, ``[R]``.

        Arguments:
            trajectories: drawn from the policy; where they have ``log_q``, a divergence gives each the weight p_F/q.
            parameters: the policy's, for the score control variate.
            log_z: TB's log Z, ``[R, 1]`` or a number.
            log_scale: constant subtracted from log-weights by forward KL and Tsallis.
            log_flow: log F of the state that each step leaves, ``[R, B, T]``, for DB, SubTB and the baseline of states.
            shift: what TB's best scalar baseline is more than the mean, ``[R, 1]`` or a number.
            choices: what could have come of the last choices.
        """
        arguments = (trajectories.log_pf, trajectories.log_pb, trajectories.log_reward)
        if self.baseline == "scalar":
            return balance.baselined_balance(*arguments, shift)
        if self.baseline == "last":
            return balance.integrated_balance(
                choices.log_pf, choices.log_choice, choices.log_pb, choices.log_reward, log_z
            )
        if self.name == "tb" and not self.with_flow:
            return balance.trajectory_balance(*arguments, log_z)
        if self.name == "vargrad":
            return balance.log_partition_variance(*arguments)
        if self.name == "devgrad":
            return f_losses.devgrad(*arguments, self.alpha)
        if self.name == "f_tb":
            return f_losses.f_trajectory_balance(*arguments, log_z, self.alpha)
        if self.name == "js_tb":
            return f_losses.jensen_shannon_balance(*arguments, log_z)
        if self.with_flow:
            steps = trajectories.steps
            along = (steps.log_pf, steps.log_pb, log_flow, trajectories.log_reward, steps.going)
            if self.baseline:
                return balance.state_baseline_balance(*along)
            if self.name == "db":
                return balance.detailed_balance(*along)
            return balance.subtrajectory_balance(*along, self.decay)
        own = {key: getattr(self, key) for key in ("alpha", "control_variate", "epsilon")} | {"parameters": parameters}
        if takes(self.name, "log_scale"):
            own["log_scale"] = log_scale
        own["log_q"] = trajectories.log_q
        given = {key: value for key, value in own.items() if value is not None}
        return DIVERGENCES[self.name](*arguments, **given)
