"""First experiments: one trajectory in numbers, log-weights along a training, and what all of it comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import ascii_lowercase

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gfn.environments import Sets
from gfn.environments.enumeration import target_distribution
from gfn.evaluation.accuracy import l1, target_density
from gfn.evaluation.exact import all_probabilities, terminal_distribution
from gfn.policies import CategoricalPolicy
from gfn.randomness import stream
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.sampling import Trajectories, evaluate, rollout
from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.order_tables import start_density
from gfn.study.evidence.reaching import reached
from gfn.study.evidence.tables import curves, density, final, mean_spread_median
from gfn.study.results import Run

DRAWS = 1 << 16  # so that the mean of log w can be told from log Z at the end, too
Runs = Mapping[tuple[str, str, str], Run]


@dataclass(frozen=True)
class Look:
    """A policy of one seed, at one stage of its training.

    Attributes:
        log_weights: log w of ``DRAWS`` trajectories drawn from it, ``[DRAWS]``.
        learned: p_T(x) of every object, exactly, ``[X]``.
        error: L1 distance of ``learned`` to the target.
    """

    log_weights: np.ndarray
    learned: Tensor
    error: float


def along(spec: TrainingSpec, stages: Sequence[int]) -> dict[int, Look]:
    """Train and look at the policy after some numbers of iterations, in rising order."""
    trainer, looks = Trainer(spec), {}
    for stage in stages:
        _train(trainer, stage)
        looks[stage] = _look(spec, trainer.policy)
    return looks


def _train(trainer: Trainer, iterations: int) -> None:
    while trainer.iteration < iterations:
        trainer.step()


@torch.no_grad()
def _look(spec: TrainingSpec, policy: CategoricalPolicy) -> Look:
    drawn = rollout(spec.task, policy, DRAWS, [stream("first experiments: weights", spec.seeds[0])])
    learned = terminal_distribution(spec.task, policy)[0]
    return Look(log_weight(drawn)[0].numpy(), learned, float(l1(learned, target_distribution(spec.task))))


def log_weight(trajectories: Trajectories) -> Tensor:
    """log w = log p_B + log r - log p_F of each trajectory, ``[R, B]``."""
    return trajectories.log_pb + trajectories.log_reward - trajectories.log_pf


@dataclass(frozen=True)
class Example:
    """A trajectory that the policy draws before its training, and what the policy makes of it then and afterwards.

    Attributes:
        task: whose trajectory it is.
        start, end: the same trajectory under the policy before and after training, each ``[1, 1]``.
        every: log w of all trajectories of the task, before and after, each ``[number of trajectories]``.
    """

    task: Sets
    start: Trajectories
    end: Trajectories
    every: tuple[Tensor, Tensor]


@torch.no_grad()
def example(spec: TrainingSpec) -> Example:
    """Draw a trajectory, train, and look at the same trajectory again."""
    trainer = Trainer(spec)
    drawn = rollout(spec.task, trainer.policy, 1, [stream("first experiments: a trajectory", spec.seeds[0])])
    states = [*drawn.steps.states.unbind(2), drawn.terminal]
    actions = [(after & ~before).long().argmax(-1) for before, after in pairwise(states)]
    start, all_start = _under(spec, trainer, states, actions)
    with torch.enable_grad():
        _train(trainer, spec.iterations)
    end, all_end = _under(spec, trainer, states, actions)
    return Example(spec.task, start, end, (all_start, all_end))


def _under(
    spec: TrainingSpec, trainer: Trainer, states: list[Tensor], actions: list[Tensor]
) -> tuple[Trajectories, Tensor]:
    every = log_weight(all_probabilities(spec.task, trainer.policy))[0]
    return evaluate(spec.task, trainer.policy, states, actions), every


def members(state: Tensor) -> str:
    """A set ``[|D|]`` by its elements' letters, for example ``{a, c}``."""
    return "{" + ", ".join(ascii_lowercase[place] for place in state.nonzero().flatten().tolist()) + "}"


def step_table(shown: Example) -> pd.DataFrame:
    """The trajectory step by step: where it comes from and leads to, its forward and backward probabilities, and their logarithms.

    The last row has the sums of the logarithms over all steps.
    """
    start, end = shown.start.steps, shown.end.steps
    states = [*start.states[0, 0], shown.start.terminal[0, 0]]
    table = pd.DataFrame(
        {
            "from": [members(state) for state in states[:-1]],
            "to": [members(state) for state in states[1:]],
            "log p_F, untrained": start.log_pf[0, 0].tolist(),
            "log p_F, trained": end.log_pf[0, 0].tolist(),
            "log p_B": (0.0 + start.log_pb[0, 0]).tolist(),  # no minus zero
        },
        index=pd.Index([f"step {number}" for number in range(1, len(states))], name=""),
    )
    table.loc["trajectory"] = [members(states[0]), members(states[-1]), *table.sum(numeric_only=True)]
    return table


def step_lines(shown: Example) -> str:
    """:func:`step_table` as Markdown."""
    table = step_table(shown)
    heads = [re.sub(r"log p_(.)", r"$\\log p_\1$", column) for column in table.columns]
    numbers = [not isinstance(each, str) for each in table.iloc[0]]
    lines = [f"| | {' | '.join(heads)} |", "|---|" + "".join("---:|" if each else "---|" for each in numbers)]
    for name, row in table.iterrows():
        cells = [each.replace(" ", "\u00a0") if isinstance(each, str) else number(each) for each in row]
        lines.append(f"| **{name}** | {' | '.join(cells)} |")
    return "\n".join(lines)


def weight_lines(shown: Example) -> str:
    """How log w of the trajectory comes about before and after training, as Markdown."""
    lines = [
        r"| policy | $\log p_B$ | $+ \log r$ | $- \log p_F$ | $= \log w$ | $\log Z$ |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, each in (("untrained", shown.start), ("trained", shown.end)):
        parts = [each.log_pb, each.log_reward, each.log_pf, log_weight(each)]
        cells = [number(part.item()) for part in parts] + [number(shown.task.log_z)]
        lines.append(f"| **{name}** | {' | '.join(cells)} |")
    ranges = [f"{number(float(every.min()))} to {number(float(every.max()))}" for every in shown.every]
    lines += [
        "",
        f"All {len(shown.every[0])} trajectories of this task together have a $\\log w$ from {ranges[0]} before training, "
        f"and from {ranges[1]} after it.",
    ]
    return "\n".join(lines)


def number(value: float, digits: int = 2) -> str:
    """A number as text, with a minus sign and not a hyphen."""
    return f"{value:.{digits}f}".replace("-", "−")


def weight_table(looks: Mapping[int, Look], log_z: float) -> pd.DataFrame:
    """Log-weights at each stage: their mean, its distance to log Z, spread, the log of the mean weight, and the policy's L1."""
    rows = {}
    for stage, look in looks.items():
        mean, weights = look.log_weights.mean(), torch.from_numpy(look.log_weights)
        rows[stage] = {
            "mean of log w": mean,
            "log Z less this mean": log_z - mean,
            "standard deviation of log w": look.log_weights.std(),
            "log of the mean of w": float(weights.logsumexp(0)) - np.log(len(weights)),
            "log Z": log_z,
            "L1 distance to target": look.error,
        }
    return pd.DataFrame(rows).T.rename_axis("iterations")


def density_stages(
    runs: Runs, variate: str, seed: int, names: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The mixture, a seed's policy before training, and after it under each divergence: densities by title, and notes with their JSD.

    Arguments:
        runs: of the page.
        variate: the control variate of those that are shown.
        seed: one of theirs.
        names: of divergences, for the titles.
    """
    of = {line: run for (task, line, control), run in runs.items() if (task, control) == ("gaussian_mixture", variate)}
    spec, jsd = next(iter(of.values())).spec, {line: curves(run, "jsd")[seed] for line, run in of.items()}
    panels = {"target": target_density(spec.task, spec.density, spec.task.window).numpy()}
    panels["before training"] = start_density(spec, seed)
    notes = {"before training": f"JSD {next(iter(jsd.values())).iloc[0]:.3f}"}
    for line, run in of.items():
        title = f"after training: {names[line]}"
        panels[title], notes[title] = density(run, seed), f"JSD {jsd[line].iloc[-1]:.3f}"
    return panels, notes


def gain_frame(runs: Runs) -> pd.DataFrame:
    """Learning curves of everything that was trained without and with the control variate, ``with_variate`` telling which."""
    parts = []
    for (task, line, variate), run in runs.items():
        if (task, line, "none") in runs and (task, line, "joint") in runs and task in ("gaussian_mixture", "sets"):
            part = run.frame[run.frame.metric == accuracy_metric(run)]
            parts.append(part.assign(label=task, objective=line, with_variate=variate == "joint"))
    return pd.concat(parts, ignore_index=True)


def curve_table(runs: Runs) -> pd.DataFrame:
    """Learning curves of all runs of the page, in long format."""
    parts = [
        run.frame[run.frame.metric == accuracy_metric(run)].assign(
            experiment=task, line=line, variate=variate, run=run.spec.hash
        )
        for (task, line, variate), run in runs.items()
    ]
    columns = ["experiment", "line", "variate", "seed", "iteration", "trajectories", "metric", "value", "run"]
    return pd.concat(parts, ignore_index=True)[columns]


def final_frame(runs: Mapping[tuple[str, str], Run]) -> pd.DataFrame:
    """Final errors over seeds, as text, a row an objective."""
    rows = {line: mean_spread_median(final(run, accuracy_metric(run))) for (_, line), run in runs.items()}
    return pd.Series(rows, name="L1 distance at the end").to_frame().rename_axis("objective")


def gain_table(runs: Runs) -> pd.DataFrame:
    """Without and with the control variate, for each task and objective that was trained both ways.

    Columns: final errors, the ratio of their medians, and after how many trajectories the training with the control
    variate stays at or below the other one's median final error.
    """
    rows = {}
    for task, line, variate in runs:
        if variate != "none" or task not in ("gaussian_mixture", "sets"):
            continue
        without, with_it = runs[task, line, "none"], runs[task, line, "joint"]
        metric = accuracy_metric(without)
        before, after = final(without, metric), final(with_it, metric)
        rows[task, line] = {
            "without": mean_spread_median(before),
            "with": mean_spread_median(after),
            "ratio": before.median() / after.median(),
            "caught_up": reached(with_it, before.median()).median(),
            "trajectories": without.spec.iterations * without.spec.batch_size,
        }
    return pd.DataFrame(rows).T


def summary(runs: Runs, looks: Mapping[int, Look]) -> str:
    """What is seen at the end of the page, in three points, as Markdown. Errors are medians over seeds."""
    error = {key: final(run, accuracy_metric(run)).median() for key, run in runs.items()}
    start = runs["gaussian_mixture", "reverse_kl", "none"].frame.query("metric == 'jsd' and iteration == 0").value
    plane = [_short(error["gaussian_mixture", line, "none"]) for line in ("reverse_kl", "renyi")]
    ratios = [
        error["gaussian_mixture", line, "none"] / error["gaussian_mixture", line, "joint"]
        for line in ("reverse_kl", "renyi")
    ]
    sets = {line: _short(error["sets", line, "joint"]) for line in ("reverse_kl", "renyi", "tsallis", "tb", "tb_batch")}
    deviations = [number(look.log_weights.std()) for look in looks.values()]
    return "\n".join(
        [
            f"1. **A policy learns a density.** Its distance to a mixture of nine Gaussians (JSD, from 0 to 0.69) "
            f"falls from {_short(start.median())} to {plane[0]} under the reverse KL and to {plane[1]} under a Rényi divergence.",
            f"2. **A control variate lets it learn more from the same trajectories.** The final error without it is "
            f"{_times(ratios[0])} that with it under the reverse KL, and {_times(ratios[1])} under Rényi; on sets the "
            f"factors are {_times(error['sets', 'reverse_kl', 'none'] / error['sets', 'reverse_kl', 'joint'])} and "
            f"{_times(error['sets', 'renyi', 'none'] / error['sets', 'renyi', 'joint'])}.",
            f"3. **Three divergences, one target.** On sets they end at L1 distances (from 0 to 2) of {sets['reverse_kl']} "
            f"(reverse KL), {sets['renyi']} (Rényi) and {sets['tsallis']} (Tsallis), beside {sets['tb']} for trajectory "
            f"balance, or {sets['tb_batch']} where its log Z has a better start. Meanwhile the log-weights close in on "
            f"log Z: their standard deviation goes {' → '.join(deviations)}.",
        ]
    )


def _short(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-4 else f"{value:.0e}".replace("e-0", "e-")


def _times(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 9.5 else f"{ratio:.1f} times"
