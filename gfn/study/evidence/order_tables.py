"""Orders of the Rényi divergence, for Figures 1 and 9: where a policy starts, and what it makes of its target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gfn.evaluation.accuracy import policy_density, target_density
from gfn.policies import make_policy
from gfn.runs.spec import TrainingSpec
from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.planar import mass_table
from gfn.study.evidence.tables import curves, density, final
from gfn.study.results import Run


def start_density(spec: TrainingSpec, seed: int) -> np.ndarray:
    """The density of a seed's policy before its training: ``[cells (x1), cells (x2)]`` on the task's window."""
    policy = make_policy(spec.task, spec.policy, (seed,))
    return policy_density(spec.task, policy, spec.density, spec.task.window)[0].numpy()


def order_frame(runs: Mapping[tuple[str, str, float], Run]) -> pd.DataFrame:
    """Accuracy curves of all runs in one table, with ``label`` the task's name in the figure and ``run`` its hash."""
    parts = [
        run.frame[run.frame.metric == accuracy_metric(run)].assign(label=label, run=run.spec.hash)
        for (label, _, _), run in runs.items()
    ]
    return pd.concat(parts, ignore_index=True)


def order_table(runs: Mapping[tuple[str, str, float], Run]) -> pd.DataFrame:
    """Final ``error`` of each run and seed, that at its ``start``, and where it kept its density the mass ``missed`` and ``stray``.

    Further columns: ``task, control_variate, alpha, seed, run``. What is missed and stray says
    :func:`~gfn.study.evidence.planar.mass_table`.
    """
    parts = []
    for (task, variate, alpha), run in runs.items():
        metric = accuracy_metric(run)
        start = curves(run, metric).iloc[0].rename("start")
        part = final(run, metric).rename("error").reset_index().merge(start.reset_index(), on="seed")
        if run.spec.density:
            part = part.merge(mass_table({alpha: run}).drop(columns="run"), on="seed")
        parts.append(part.assign(task=task, control_variate=variate, alpha=alpha, run=run.spec.hash))
    table = pd.concat(parts, ignore_index=True)
    return table[["task", "control_variate", "alpha", *table.columns.drop(["task", "control_variate", "alpha"])]]


def order_densities(
    runs: Mapping[tuple[str, str, float], Run], task: str, variate: str, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The target, the start of a seed, and what each order made of it: densities by title, and notes with their JSD."""
    of = {alpha: run for (name, control, alpha), run in runs.items() if (name, control) == (task, variate)}
    spec, jsd = next(iter(of.values())).spec, {alpha: curves(run, "jsd")[seed] for alpha, run in of.items()}
    panels = {"target": target_density(spec.task, spec.density, spec.task.window).numpy()}
    panels |= {"start": start_density(spec, seed)} | {title(alpha): density(run, seed) for alpha, run in of.items()}
    notes = {title(alpha): f"JSD {values.iloc[-1]:.3f}" for alpha, values in jsd.items()}
    return panels, notes | {"start": f"JSD {next(iter(jsd.values())).iloc[0]:.3f}"}


def best_orders(table: pd.DataFrame) -> pd.DataFrame:
    """The order with the lowest final error, as the median over seeds: a row for each control variate, a column for each task.

    Arguments:
        table: from :func:`order_table`.
    """
    medians = table.groupby(["control_variate", "task", "alpha"], sort=False).error.median().unstack("alpha")
    return medians.idxmin(axis=1).unstack("task", sort=False)


def title(alpha: float) -> str:
    """The title of the panel of an order."""
    return f"α = {alpha:g}".replace("-", "\N{MINUS SIGN}")
