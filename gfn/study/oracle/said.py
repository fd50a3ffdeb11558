"""What the atlas found, in sentences around its numbers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gfn.study.oracle.atlas import DIVERGENCES, FAR, NEAR, ON
from gfn.study.oracle.examination import Examination
from gfn.study.oracle.words import degrees, divergence_named
from gfn.study.presentation.digits import number
from gfn.study.said.words import listed


def finding(table: pd.DataFrame) -> str:
    """What is descended on policy and off, what is not quite, what keeps the target off policy, and what one sign does."""
    exact, off = table[table["itself"]], table[~table["itself"]]
    kept, estimates = table[table["target_off"]], table[table["group"] == DIVERGENCES]
    keeping = [_in_text(name) for name in estimates.index if table["target_off"][name]]
    said = [
        f"On policy {len(exact)} of {len(table)} losses descend one divergence of the family exactly; with uniform actions "
        f"{_count(table['itself_off'].sum())}, and the nearest is then {degrees(table['angle_off'].median())} off in the median.",
        f"The other {len(off)} are biased by what they take from the batch, or descend something else: {_reasons(off)}.",
        f"Off policy {len(kept)} of {len(table)} keep the target as their fixed point.",
    ]
    if len(estimates):
        said.append(
            f"Of {len(estimates)} estimates of the paper's divergences, none is made for that; {listed(keeping)} do so all the "
            f"same."
            if keeping
            else f"Of {len(estimates)} estimates of the paper's divergences none does."
        )
    return " ".join([*said, _sign_in_short(table)])


def _reasons(off: pd.DataFrame) -> str:
    """Losses that are no divergence of the family, in groups, with the greatest angle to the nearest."""
    names = off.index.to_series()
    baseline = names.str.endswith((", score", ", both"))
    mean = names.str.startswith(("DevGrad", "Rényi")) & ~baseline
    parts = []
    for which, what in (
        (mean, "those that divide by a mean of the batch"),
        (baseline, "those with a baseline from the batch"),
    ):
        if which.any():
            parts.append(f"{what} (up to {degrees(off['angle'][which].max())} from the nearest)")
    rest = off[~(mean | baseline)]
    parts += [f"{_in_text(name)} ({degrees(angle)})" for name, angle in rest["angle"].sort_values().items()]
    return listed(parts) if parts else "none"


def _in_text(name: str) -> str:
    return name.replace(", ", " with ")


def _count(value: int) -> str:
    return "none" if value == 0 else str(int(value))


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
            f"- **{what}** Linex descends {divergence_named(one.nearest)}, at most {degrees(one.worst)} off at any of "
            f"{len(one.table)} policies, and its gradient is up to {degrees(float(other.max()))} from that of "
            f"{divergence_named(2.0 if one.nearest == 0.0 else 0.0)}. Its noise is as long as its expected gradient with "
            f"batches of {number(float(noise[FAR]))} far from the target and {number(float(noise[NEAR]))} near it."
        )
    half = [table.loc[name, "nearest"] for name in ("Linex(½) of −Δ", "Linex(½) of Δ") if name in table.index]
    if len(half) == 2:
        one, other = map(divergence_named, half)
        lines.append(f"- **Linex(½)**, with $a = \\tfrac12$, descends {one} as documented, and {other} as passed.")
    return "\n".join(lines)
