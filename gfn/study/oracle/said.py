"""What the atlas found, in sentences around its numbers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gfn.study.oracle.atlas import ENTRIES, FAR, NEAR, ON
from gfn.study.oracle.examination import Examination
from gfn.study.oracle.words import degrees, divergence_named
from gfn.study.presentation.digits import number


def finding(table: pd.DataFrame) -> str:
    """How many losses descend a divergence on policy, how many do off policy, which keep the target, and what noise does."""
    exact, off = table[table["itself"]], table["itself_off"]
    steps = table[table["group"] == ENTRIES["DB, flows known"].group]
    kept = table[table["target_off"]]
    apart = table[~table["itself"]].drop(steps.index)
    said = [
        f"**On policy, {len(exact)} of {len(table)} losses descend one divergence of the family exactly, as far as can be told**; "
        f"with uniform actions {_count(off.sum())} of them do, and the angle to the nearest is then {degrees(table['angle_off'].median())} in "
        "the median.",
        f"The others on policy are {_listed(apart.index)}, and {' and '.join(steps.index)} "
        f"({' and '.join(degrees(each) for each in steps['angle'])} from the nearest).",
        f"Off policy, {len(kept)} of {len(table)} keep the target as their fixed point.",
        _sign_in_short(table),
    ]
    return " ".join(said)


def _count(value: int) -> str:
    return "none" if value == 0 else str(int(value))


def _listed(names: pd.Index) -> str:
    return "; ".join(names)


def _sign_in_short(table: pd.DataFrame) -> str:
    right, turned = table.loc["Linex of −Δ"], table.loc["Linex of Δ"]
    return (
        f"One turned sign is enough: Linex of −Δ descends {divergence_named(right['nearest'])}, "
        f"Linex of Δ {divergence_named(turned['nearest'])}."
    )


def sign(table: pd.DataFrame, found: Mapping[tuple[str, str], Examination]) -> str:
    """Linex as it is documented and as it is passed: what each descends, and how far apart they are."""
    lines = []
    for name, what in (("Linex of −Δ", "As documented"), ("Linex of Δ", "As passed")):
        one = found[name, ON]
        other = one.angles[2.0 if one.nearest == 0.0 else 0.0]
        noise = one.table.groupby("policy")["needed"].median()
        lines.append(
            f"- **{what}** it descends {divergence_named(one.nearest)}, at most {degrees(one.worst)} off at any of "
            f"{len(one.table)} policies, and its gradient is up to {degrees(float(other.max()))} from that of "
            f"{divergence_named(2.0 if one.nearest == 0.0 else 0.0)}. Its noise is as long as its expected gradient with "
            f"batches of {number(float(noise[FAR]))} far from the target and {number(float(noise[NEAR]))} near it."
        )
    return "\n".join(lines)
