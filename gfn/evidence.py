"""From stored runs to the numbers that figures show and claims are judged by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from gfn.claims import Evidence, ratio
from gfn.environments import Sets
from gfn.environments.planar import cell_area
from gfn.estimators import Objective
from gfn.exact import target_distribution, terminal_distribution
from gfn.metrics import estimate_l1, l1, target_density
from gfn.results import Run
from gfn.spec import TrainingSpec
from gfn.training import Trainer

NORMAL_95 = 1.96
TENTH = 0.1


def final(run: Run, metric: str) -> pd.Series:
    """The last recorded value of a metric for each seed."""
    frame = run.frame[run.frame.metric == metric]
    return frame[frame.iteration == frame.iteration.max()].set_index("seed").value


def density(run: Run, seed: int) -> np.ndarray:
    """The final density that a run kept: ``[cells (x1), cells (x2)]`` on the task's window."""
    frame = run.frame[(run.frame.metric == "density") & (run.frame.seed == seed)].sort_values("cell")
    side = round(len(frame) ** 0.5)
    return frame.value.to_numpy().reshape(side, side)


def accuracy_table(runs: Mapping[str, Run], metric: str) -> pd.DataFrame:
    """Final accuracy of each run: mean and sample standard deviation over seeds."""
    values = {label: final(run, metric) for label, run in runs.items()}
    return pd.DataFrame(
        {
            "mean": [v.mean() for v in values.values()],
            "std": [v.std() for v in values.values()],
            "seeds": [len(v) for v in values.values()],
        },
        index=list(values),
    )


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


def mode_seeking(runs: Mapping[float, Run]) -> list[Evidence]:
    """Evidence for C7 from runs of different α: which is most accurate, and which mass each misses or strays to."""
    evidence = []
    if 0.5 in runs:
        best = final(runs[0.5], "jsd")
        evidence += [ratio("best", f"α = {a:g}", final(r, "jsd"), best) for a, r in runs.items() if a != 0.5]
    if {-2.0, 2.0} <= set(runs):
        mass = mass_table({a: runs[a] for a in (-2.0, 2.0)}).pivot(index="run", columns="seed")
        evidence.append(
            ratio("covering", "missed mass, α = 2 over α = -2", mass.missed.loc[2.0], mass.missed.loc[-2.0])
        )
        evidence.append(ratio("seeking", "stray mass, α = -2 over α = 2", mass.stray.loc[-2.0], mass.stray.loc[2.0]))
    return evidence


def variance_table(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Variance of gradient estimates, averaged over seeds, with 95 % intervals from the replicated estimates."""
    keys = ["task", "objective", "control_variate", "iteration", "trajectories"]
    frame = pd.concat([run.frame for run in runs.values()])
    wide = frame.pivot_table(index=[*keys, "seed"], columns="metric", values="value", observed=True).reset_index()
    grouped = wide.groupby(keys, observed=True)
    table = grouped.variance.mean().to_frame("value")
    error = NORMAL_95 * grouped.variance_error.apply(lambda e: np.sqrt(np.square(e).sum()) / len(e))
    table["low"] = np.maximum(table.value - error, table.value / 10)
    table["high"] = table.value + error
    return table.reset_index()


def variance_reduction(runs: Mapping[str, Run], trajectories: int, stage: int) -> list[Evidence]:
    """Evidence for C3: how much each control variate lowers the variance at one batch size and stage of training."""
    evidence = []
    for task, run in runs.items():
        frame = run.frame[
            (run.frame.trajectories == trajectories) & (run.frame.iteration == stage) & (run.frame.metric == "variance")
        ]
        for objective, part in frame.groupby("objective", observed=True, sort=False):
            by = part.pivot(index="seed", columns="control_variate", values="value")
            evidence.append(ratio("loo_alone", f"{task}, {objective}", by["none"], by["loo"]))
            evidence.append(ratio("both", f"{task}, {objective}", by["none"], by["both"]))
    return evidence


def bias_table(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Bias of gradient estimates relative to the exact gradient, with a 95 % interval, a row for each estimate."""
    keys = ["task", "objective", "control_variate", "epsilon", "trajectories"]
    frame = pd.concat([run.frame for run in runs.values()])
    by = frame.pivot_table(index=keys, columns="metric", values="value", observed=True, sort=False)
    error = NORMAL_95 * by.bias_squared_error
    squares = pd.DataFrame({"value": by.bias_squared, "low": by.bias_squared - error, "high": by.bias_squared + error})
    table = np.sqrt(squares.clip(lower=0).div(by.gradient_squared, axis=0))
    table["deviation"] = np.sqrt(by.variance / by.gradient_squared)
    return table.reset_index().astype({name: str for name in ("task", "objective", "control_variate")})


def unbiasedness(table: pd.DataFrame, trajectories: int) -> list[Evidence]:
    """Evidence for C3's second half: the bias of leave-one-out at one batch size."""
    part = table[(table.control_variate == "loo") & (table.trajectories == trajectories)]
    return [
        Evidence("unbiased", f"{row.task}, {row.objective}", row.value, row.low, row.high) for row in part.itertuples()
    ]


def banana_accuracy(runs: Mapping[str, Run]) -> tuple[list[Evidence], list[Evidence]]:
    """Evidence for C5 (TB and reverse KL alike) and C6 (the other divergences better than both)."""
    jsd = {name: final(run, "jsd") for name, run in runs.items()}
    pair = sorted((jsd["tb"], jsd["reverse_kl"]), key=lambda values: values.mean())
    alike = [ratio("alike", "larger over smaller", pair[1], pair[0])]
    better = [ratio("better", name, pair[0], jsd[name]) for name in ("forward_kl", "renyi", "tsallis")]
    return alike, better


def learning_frame(runs: Mapping[tuple[str, str], Run], metric: str) -> pd.DataFrame:
    """The learning curves of all runs in one table."""
    return pd.concat([run.frame[run.frame.metric == metric] for run in runs.values()], ignore_index=True)


def faster_and_steadier(runs: Mapping[tuple[str, str], Run], metric: str = "l1") -> list[Evidence]:
    """Evidence for C4: training without control variates against training with both, where there are runs of either."""
    evidence = []
    for name in dict.fromkeys(objective for objective, _ in runs):
        if not {(name, "none"), (name, "both")} <= runs.keys():
            continue
        without, with_both = (_curves(runs[name, variate], metric) for variate in ("none", "both"))
        evidence.append(ratio("faster", name, without.mean(), with_both.mean()))
        half = len(without) // 2
        wobble = [curve.iloc[half:].diff().abs().mean() for curve in (without, with_both)]
        evidence.append(ratio("stable", name, *wobble))
    return evidence


def _curves(run: Run, metric: str) -> pd.DataFrame:
    return run.frame[run.frame.metric == metric].pivot(index="iteration", columns="seed", values="value")


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
    exact = run.spec.task.sample_target(len(draws), torch.Generator().manual_seed(seed)).numpy()
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


def l1_estimates(profile: str = "paper", repeats: int = 10) -> pd.DataFrame:
    """The importance estimate of L1 beside the exact value, during a training on sets small enough for both.

    A row for each stage of training: the exact distance, and for several numbers of backward orders
    the mean of ``repeats`` independent estimates with its standard error.
    """
    paper = profile == "paper"
    task = Sets(universe=16, size=8) if paper else Sets(universe=8, size=4)
    stages, orders = ((0, 32, 256), (8, 32, 128)) if paper else ((0, 4), (8, 32))
    objective = Objective(name="reverse_kl", control_variate="loo")
    trainer = Trainer(TrainingSpec(task=task, objective=objective, seeds=(0,), iterations=max(stages)))
    rows = {}
    for stage in stages:
        while trainer.iteration < stage:
            trainer.step()
        exact = l1(terminal_distribution(task, trainer.policy), target_distribution(task)).item()
        row = {"exact": f"{exact:.4f}"}
        for count in orders:
            found = torch.cat([estimate_l1(task, trainer.policy, 512, count, seed) for seed in range(repeats)])
            row[f"{count} orders"] = f"{found.mean():.4f} ± {found.std() / repeats**0.5:.4f}"
        rows[stage] = row
    return pd.DataFrame(rows).T.rename_axis("iteration")
