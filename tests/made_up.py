"""Runs that nobody trained: what a specification would have recorded, with numbers that are drawn."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd

from gfn.environments import Banana, PlanarEnvironment
from gfn.runs.spec import GradientSpec, Spec, TrainingSpec
from gfn.study.results import SCHEMA, Run

ABOUT = {
    "gfn": "0.1.0",
    "source": "0123456789ab",
    "torch": "2.0",
    "numpy": "2.0",
    "python": "3.12",
    "machine": "Linux x86_64, 2 cores",
    "device": "cpu",
    "written": "2026-01-02T03:04:05+00:00",
}
GRADIENT_METRICS = ("variance", "variance_error", "bias_squared", "bias_squared_error", "gradient_squared")
GRADIENT_METRICS += ("bias_along", "away", "optimal", "optimal_error", "whole")
OWN = ("alpha", "control_variate", "epsilon", "log_z")


def made_up(spec: Spec, salt: int = 0) -> Run:
    """A run of a training or of gradients; the same every time.

    Arguments:
        spec: whose.
        salt: other numbers for another one.
    """
    rows = _training(spec) if isinstance(spec, TrainingSpec) else _gradients(spec)
    draws = np.random.default_rng([zlib.crc32(spec.hash.encode()), salt]).uniform(0.1, 2.0, len(rows))
    frame = pd.DataFrame(rows).reindex(columns=SCHEMA.names)
    frame["task"], frame["value"] = spec.task.task, draws
    return Run(spec, frame.astype({"cell": float}), ABOUT)


def _training(spec: TrainingSpec) -> list[dict]:
    planar = isinstance(spec.task, PlanarEnvironment)
    metrics = [("jsd", None)] if planar else [("l1", None), ("top_k", None)]
    metrics += [] if planar else [("modes", round(100 * fraction)) for fraction in spec.mode_fractions]
    metrics += [("effective_share", None)] if spec.off_policy else []
    metrics += _measures(spec, planar) if spec.measures else []
    when = sorted({*range(0, spec.iterations, spec.evaluate_every), spec.iterations})
    objective = {"objective": spec.objective.name} | {name: getattr(spec.objective, name) for name in OWN}
    return [
        objective
        | {"seed": seed, "iteration": done, "trajectories": done * spec.batch_size, "seconds": float(done)}
        | {"metric": metric, "cell": cell}
        for metric, cell in metrics
        for done in when
        for seed in spec.seeds
    ]


def _measures(spec: TrainingSpec, planar: bool) -> list[tuple[str, int | None]]:
    names = ("tv", "subset_tv", "drawn_subset_tv", "spearman", "elbo_gap", "eubo_gap", "tb_loss")
    fractions = [None] if planar else [round(100 * fraction) for fraction in spec.mode_fractions]
    covered = [] if isinstance(spec.task, Banana) else [("covered", fraction) for fraction in fractions]
    return [*((name, None) for name in names), *covered]


def _gradients(spec: GradientSpec) -> list[dict]:
    return [
        {"objective": each.name, "seed": seed, "iteration": done, "trajectories": size, "metric": metric}
        | {name: getattr(each, name) for name in OWN}
        for each in spec.objectives
        for done in spec.warmup
        for size in spec.batch_sizes
        for metric in (GRADIENT_METRICS if spec.exact else GRADIENT_METRICS[:2])
        for seed in spec.seeds
    ]
