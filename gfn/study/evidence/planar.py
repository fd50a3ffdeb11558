"""Planar targets: missed and stray mass, the banana, Hamiltonian Monte Carlo beside exact samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from gfn.environments.planar import cell_area
from gfn.evaluation.accuracy import target_density
from gfn.randomness import stream
from gfn.study.evidence.tables import density
from gfn.study.results import Run

TENTH = 0.1


def mass_table(runs: Mapping[float, Run]) -> pd.DataFrame:
    """How much mass each policy misses and strays, a row for each run and seed.

    Missed: target mass where the policy's density is below a tenth of the target's. Stray: policy
    mass where the target's density is below a tenth of the policy's.
    """
    rows = []
    for label, run in runs.items():
        task, side = run.spec.task, run.spec.density
        target = target_density(task, side, task.window).numpy()
        area = cell_area(task.window, side)
        for seed in run.spec.seeds:
            policy = density(run, seed)
            missed = target[policy < TENTH * target].sum() * area
            stray = policy[target < TENTH * policy].sum() * area
            rows.append({"run": label, "seed": seed, "missed": missed, "stray": stray})
    return pd.DataFrame(rows)


def reference_samples(run: Run) -> np.ndarray:
    """The draws of all Hamiltonian Monte Carlo chains: ``[draws, 2]``."""
    return run.frame.pivot(index=["seed", "cell"], columns="metric", values="value")[["x1", "x2"]].to_numpy()


def compare_samples(run: Run, seed: int = 0) -> pd.DataFrame:
    """Hamiltonian Monte Carlo beside as many exact samples: means, standard deviations and Kolmogorov-Smirnov distances.

    The distance of each coordinate is between the chain and the exact samples; beside it stands the
    distance that two exact samples of the chain's effective size exceed once in twenty.
    """
    from pyro.ops.stats import effective_sample_size
    from scipy.stats import ks_2samp

    draws = run.frame.pivot(index=["seed", "cell"], columns="metric", values="value")
    exact = run.spec.task.sample_target(len(draws), stream("comparison of samples", seed)).numpy()
    chains = {name: torch.tensor(draws[name].unstack("cell").to_numpy()) for name in ("x1", "x2")}
    rows = {}
    for axis, (name, chain) in enumerate(chains.items()):
        size = float(effective_sample_size(chain))
        values = chain.flatten().numpy()
        rows[name] = {
            "HMC mean": values.mean(),
            "exact mean": exact[:, axis].mean(),
            "HMC sd": values.std(),
            "exact sd": exact[:, axis].std(),
            "effective draws": size,
            "KS distance": ks_2samp(values, exact[:, axis]).statistic,
            "5 % point": 1.358 * np.sqrt(1 / size + 1 / len(exact)),
        }
    return pd.DataFrame(rows).T
