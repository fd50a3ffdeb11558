"""Tables of the variance of gradient estimates along training, for Figures 2 and 7."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from gfn.study.evidence.variance import variance_table
from gfn.study.results import Run

REWARDS = {False: "as they are", True: "divided by Z"}
REDUCING = ("loo", "score", "both", "joint")
# The gradients of TB and VarGrad are twice that of the reverse KL (Proposition 1), their variances four times.
SCALE = {"tb": 0.25, "tb_known": 0.25, "vargrad": 0.25, "reverse_kl": 1.0}


def divergence_variances(runs: Mapping[Hashable, Run]) -> pd.DataFrame:
    """Figure 2: :func:`~gfn.study.evidence.variance.variance_table` of its runs, in their order.

    The column ``rewards`` says whether rewards were ``as they are`` or ``divided by Z``.
    """
    parts = [variance_table({key: run}).assign(rewards=REWARDS[run.spec.centred]) for key, run in runs.items()]
    return pd.concat(parts, ignore_index=True)


def reductions(table: pd.DataFrame, trajectories: int) -> pd.DataFrame:
    """How many times smaller the variance is with each control variate than with none, at one batch size.

    A row for each task, divergence and kind of rewards of :func:`divergence_variances`, and a column for each stage and
    control variate; missing where the control variate is leave-one-out under another name.
    """
    keys = ["task", "objective", "rewards"]
    chosen = table[table.trajectories == trajectories]
    found = {}
    for stage in sorted(chosen.iteration.unique()):
        part = chosen[chosen.iteration == stage].pivot(index=keys, columns="control_variate", values="value")
        found |= {(stage, name): part["none"] / part[name] for name in REDUCING if name in part}
    rows = pd.MultiIndex.from_frame(chosen[keys].drop_duplicates())
    return pd.DataFrame(found).reindex(rows).rename_axis(columns=["iterations", "control variate"])


def balance_variances(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Figure 7: variances of TB beside VarGrad and the reverse KL, all on the scale of the reverse KL's gradient.

    Columns as of :func:`~gfn.study.evidence.variance.variance_table`, with ``start`` the line in whose training they were
    measured, and ``objective`` a line too: ``tb`` has the log Z of that training, ``tb_known`` the exact one.
    """
    parts = []
    for (_, start), run in runs.items():
        frame = run.frame.astype({"objective": object})
        known = (frame.objective == "tb") & (frame.log_z == "known")
        lines = replace(run, frame=frame.assign(objective=frame.objective.mask(known, "tb_known")))
        table = variance_table({start: lines}, tuple(SCALE))
        scaled = {name: table[name] * table.objective.map(SCALE) for name in ("value", "low", "high")}
        parts.append(table.assign(start=start, **scaled))
    return pd.concat(parts, ignore_index=True)


def plainly(number: float) -> str:
    """Two significant digits, thousands with commas; a dash where there is none."""
    if np.isnan(number):
        return "–"
    digits = int(np.floor(np.log10(abs(number)))) - 1 if number else 0
    return f"{round(number, -digits):,.{max(0, -digits)}f}"
