"""What a loss really descends: its exact gradient beside those of divergences, on tasks where all trajectories can be listed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment, Hypergrid, Sequences, Sets
from gfn.policies import CategoricalPolicy
from gfn.settings import SettingsError
from gfn.study.oracle.called import Loss, loss_of
from gfn.study.oracle.family import MEMBERS, NAMES, Member, angle, gradient, gradients
from gfn.study.oracle.moments import DRAWN, Moments, moments
from gfn.study.oracle.situations import SAMPLINGS, Situation, relative, situation
from gfn.study.oracle.tables import POLICIES, check_enumerable
from gfn.study.oracle.words import OFF, findings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# On sets and sequences of one length p_B is a constant: only the grid notices that it was forgotten.
SMALL: dict[str, DiscreteEnvironment] = {
    "sets": Sets(universe=5, size=2),
    "sequences": Sequences(alphabet=3, length=2),
    "hypergrid": Hypergrid(side=3),
}
BATCH = 4  # of which all can be listed on these tasks
CLOSE = 1.0  # degrees by which a divergence may be further off than the nearest, and not be told apart from it
SAME = 0.5  # and below which the nearest is said to be what is descended
TOWARDS: dict[str, Member] = {"reverse KL": 1.0, "forward KL": 0.0, "total variation": "total_variation"}


@dataclass(frozen=True)
class Examination:
    """What was found of a loss.

    Attributes:
        name: of the loss.
        sampling: how trajectories were drawn.
        batch_size: trajectories of a batch.
        table: a row a task and policy, see :func:`examine`.
        angles: degrees between the expected gradient and that of each divergence, a row a task and policy, a column a member.
        nearest: the member of the family whose angle at the worst policy is least; None if no gradient is left to compare.
        worst: that angle.
        orders: the least and greatest order that cannot be told from it; None if it is no order.
        fixed: whether the expected gradient vanishes at the target, on each task.
        fixed_off: the same with uniform actions.
    """

    name: str
    sampling: str
    batch_size: int
    table: pd.DataFrame
    angles: pd.DataFrame
    nearest: Member | None
    worst: float
    orders: tuple[float, float] | None
    fixed: Mapping[str, bool]
    fixed_off: Mapping[str, bool]

    @property
    def is_nearest(self) -> bool:
        """Whether it descends the nearest divergence itself at every policy, up to half a degree or three standard errors."""
        return self.nearest is not None and bool((self.table["angle"] <= _noise(self.table["angle_error"])).all())

    @property
    def has_target(self) -> bool:
        """Whether the target is its fixed point on every task."""
        return all(self.fixed.values())

    @property
    def descends(self) -> bool:
        """Whether a step against its expected gradient lowers both KL divergences at every policy."""
        return bool((self.table[["reverse KL", "forward KL"]] > 0).all(axis=None))

    @property
    def said(self) -> list[str]:
        """The finding, a sentence each."""
        return findings(self)

    def __str__(self) -> str:
        return "\n".join(self.said)

    def _repr_html_(self) -> str:
        from gfn.study.presentation.tables import html

        said = "".join(f"<p>{sentence}</p>" for sentence in self.said)
        return f"{said}\n{html(self.shown())}"

    def shown(self) -> pd.DataFrame:
        """The table for readers: three digits, and the columns that matter most."""
        table = self.table.set_index(["task", "policy"])
        columns = ["angle", "length", "covariance", "needed", *TOWARDS, "computed"]
        renamed = {"angle": "angle (degrees)", "needed": "batch to see it"}
        return table[columns].assign(angle=table["angle"].round(2)).rename(columns=renamed)

    def figure(self) -> Figure:
        """The angle to every divergence of the family."""
        from gfn.study.plotting.oracle import angle_panel

        return angle_panel(self.angles, self.nearest, self.name)


def examine(
    loss: Callable[..., Tensor] | Loss,
    tasks: DiscreteEnvironment | Sequence[DiscreteEnvironment] | None = None,
    policies: Sequence[str] | Mapping[str, CategoricalPolicy] = POLICIES,
    sampling: str = "on_policy",
    log_z: float | str = "exact",
    batch_size: int = BATCH,
    replicates: int = DRAWN,
) -> Examination:
    """Compare the expected gradient of a loss with the exact gradients of divergences.

    The gradient is that of a training step: of the loss at drawn trajectories, and never through their drawing. It is in the
    parameters of the policy, by default a logit for every action in every state.

    Columns of ``table``: ``angle`` to the nearest divergence, in degrees, and ``angle_error``, its standard error; ``length``,
    the multiple of that divergence's gradient (of α: with f''(1) = 1) that is nearest; ``bias``, what is left beside the expected gradient;
    ``covariance``, the trace of the covariance of a batch; ``needed``, the size of batch at which the standard deviation is
    as long as the expected gradient, if it falls with one over the batch; the cosines with the gradients of three divergences, positive where
    it descends them; ``computed``, over what was summed.

    Arguments:
        loss: ``loss(log_pf, log_pb, log_reward)`` of N trajectories, ``[N]`` each, giving ``[N]`` or ``[]``; it may also
            take ``log_z``, a number, ``steps``, a :class:`~gfn.study.oracle.called.StepTerms`, and ``parameters``, a list of tensors.
        tasks: enumerable, by default three small ones.
        policies: names, see :func:`~gfn.study.oracle.tables.policy_named`, or policies of one replica in double precision.
        sampling: see :func:`~gfn.study.oracle.situations.sampler`.
        log_z: what the loss is given: ``exact``, the ``mean`` of log w as trajectories are drawn, or a number.
        batch_size: trajectories of a batch.
        replicates: batches to draw where there are too many to list.

    Raises:
        SettingsError: for whatever is wrong with the loss or with the other arguments, in one sentence.
    """
    loss = loss if isinstance(loss, Loss) else loss_of(loss)
    tasks = list(SMALL.values()) if tasks is None else [tasks] if not isinstance(tasks, Sequence) else list(tasks)
    batch = batch_size
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= 4096:
        raise SettingsError(f"batch_size = {batch!r} is not allowed: a whole number from 1 to 4096")
    if sampling not in SAMPLINGS:
        raise SettingsError(f"sampling = {sampling!r} is not allowed: one of {', '.join(SAMPLINGS)}")
    for task in tasks:
        check_enumerable(task)
    named_policies = policies if isinstance(policies, Mapping) else {name: name for name in policies}
    found: list[tuple[Situation, Moments]] = []
    fixed: dict[str, dict[str, Moments]] = {sampling: {}, OFF: {}}
    for task in tasks:
        for label, policy in named_policies.items():
            at = situation(task, policy, sampling, label)
            found.append((at, moments(loss, at, relative(log_z, at), batch, replicates)))
        for how, of in fixed.items():
            at = situation(task, "target", how)
            of[task.task] = moments(loss, at, relative(log_z, at), batch, replicates)
    index = pd.MultiIndex.from_tuples([(at.task, at.policy) for at, _ in found], names=["task", "policy"])
    angles = pd.DataFrame([_angles(at, each) for at, each in found], index=index, columns=list(MEMBERS))
    errors = pd.Series([_degrees(each) for _, each in found], index=index)
    nearest, worst, orders = _nearest(angles, errors)
    rows = [_row(at, each, nearest, batch) for at, each in found]
    sizes = {t.task: max(float(m.mean.norm()) for at, m in found if at.task == t.task) for t in tasks}
    zero = {
        how: {task: each.vanishes or float(each.mean.norm()) <= 1e-9 * sizes[task] for task, each in of.items()}
        for how, of in fixed.items()
    }
    return Examination(
        name=loss.name,
        sampling=sampling,
        batch_size=batch,
        table=pd.DataFrame(rows),
        angles=angles,
        nearest=nearest,
        worst=worst,
        orders=orders,
        fixed=zero[sampling],
        fixed_off=zero[OFF],
    )


def _angles(at: Situation, found: Moments) -> list[float]:
    if found.vanishes:
        return [float("nan")] * len(MEMBERS)
    return angle(found.mean, gradients(at)).tolist()


def _degrees(found: Moments) -> float:
    """The standard error of a direction."""
    return 0.0 if found.vanishes else math.degrees(found.error / float(found.mean.norm()))


def _noise(error: pd.Series) -> pd.Series:
    """The angle up to which two directions cannot be told apart."""
    return (3 * error).clip(lower=SAME)


def _nearest(angles: pd.DataFrame, errors: pd.Series) -> tuple[Member | None, float, tuple[float, float] | None]:
    """The member with the least angle at its worst policy, that angle, and the orders around it that are as near.

    Of several that cannot be told from it at any policy, one with a name of its own.
    """
    worst = angles.max(skipna=False)
    if worst.isna().any():
        return None, float("nan"), None
    fits = [member for member in worst.index if (angles[member] <= _noise(errors)).all()]
    known = [member for member in fits if member in NAMES]
    member = worst[known or fits or list(worst.index)].astype(float).idxmin()
    if isinstance(member, str):
        return member, float(worst[member]), None
    near = fits or [each for each in worst.index if worst[each] <= worst[member] + CLOSE]
    orders = [each for each in near if not isinstance(each, str)]
    return member, float(worst[member]), (min(orders), max(orders))


def _row(at: Situation, found: Moments, nearest: Member | None, batch: int) -> dict[str, object]:
    size = float(found.mean.norm())
    nothing = found.vanishes or nearest is None
    exact = None if nothing else gradient(nearest, at)
    length = float("nan") if nothing else float(found.mean @ exact / (exact @ exact))
    off = float("nan") if nothing else float((found.mean - length * exact).norm())
    cosines = {
        name: 0.0 if nothing else float(torch.cosine_similarity(found.mean, gradient(member, at), dim=0))
        for name, member in TOWARDS.items()
    }
    return {
        "task": at.task,
        "policy": at.policy,
        "angle": float("nan") if nothing else float(angle(found.mean, exact)),
        "angle_error": _degrees(found),
        "length": length,
        "bias": off,
        "covariance": found.covariance,
        "needed": float("inf") if found.vanishes else batch * found.covariance / size**2,
        **cosines,
        "computed": found.how,
    }
