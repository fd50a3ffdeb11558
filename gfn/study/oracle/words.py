"""What an examination found, in sentences."""

from __future__ import annotations

from typing import Any

from gfn.study.oracle.family import NAMES, Member, named
from gfn.study.presentation.digits import fixed

OFF = "uniform"  # how trajectories are drawn when it is asked whether the target stays off policy
DRAWN = {
    "on_policy": "on policy",
    "uniform": "off policy, with uniform actions",
    "tempered": "off policy, with a tempered policy",
    "mixture": "off policy, with a share of uniform actions",
    "target": "off policy, with trajectories of the target",
}


def divergence_named(member: Member) -> str:
    """``forward KL (α = 0)``, ``α = 0.35`` or ``Jensen–Shannon``."""
    if isinstance(member, str):
        return NAMES[member]
    order = f"α = {member:g}".replace("-", "−")
    return f"{named(member)} ({order})" if member in NAMES else order


def degrees(value: float) -> str:
    """An angle: one digit after the point."""
    return f"{fixed(value, 1)}°"


def findings(found: Any) -> list[str]:
    """What an :class:`~gfn.study.oracle.examination.Examination` found: what is descended, whether the target stays, which ways it points."""
    where = DRAWN[found.sampling]
    return [f"{found.name}, {where}: {_descends(found)}", _target(found), _ways(found), *_noise(found)]


def _descends(found: Any) -> str:
    if found.nearest is None:
        none = (found.table["needed"] == float("inf")).sum()
        return f"the expected gradient vanishes at {none} of {len(found.table)} policies that are not the target: nothing is learned there."
    name, worst = divergence_named(found.nearest), degrees(found.worst)
    if found.is_nearest:
        return f"it descends {name}, at most {worst} off at any policy."
    span = ""
    if found.orders and found.orders[0] < found.orders[1]:
        low, high = (f"{order:g}".replace("-", "−") for order in found.orders)
        span = f" (orders from {low} to {high} are as near)"
    return f"it descends no divergence of the family; the nearest is {name}{span}, up to {worst} off."


def _target(found: Any) -> str:
    stays = all(found.fixed_off.values())
    if found.has_target:
        if found.sampling == OFF:
            return "The target is its fixed point."
        where = "on policy" if found.sampling == "on_policy" else "there"
        other = " and with uniform actions" if stays else ", but not with uniform actions"
        return f"The target is its fixed point {where}{other}."
    moved = [task for task, zero in found.fixed.items() if not zero]
    return f"The target is no fixed point: its gradient does not vanish there (on {', '.join(moved)})."


def _ways(found: Any) -> str:
    up = (found.table[["reverse KL", "forward KL"]] <= 0).any(axis=1)
    if not up.any():
        return "Both KL divergences fall along it at every policy."
    places = ", ".join(f"{row.task}/{row.policy}" for row in found.table[up].itertuples())
    return f"At {int(up.sum())} of {len(up)} policies a KL divergence does not fall along it: {places}."


def _noise(found: Any) -> list[str]:
    drawn = found.table[~found.table["computed"].isin(["each trajectory", "all batches"])]
    if drawn.empty:
        return []
    error = degrees(float(drawn["angle_error"].max()))
    return [
        f"Expectations are means over {drawn['computed'].iloc[0]} of {found.batch_size}; the standard error of angles is at most {error}."
    ]
