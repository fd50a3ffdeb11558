"""Whether a training ends collapsed: on a part of its target, and no longer on the way to the rest.

A run records how far its policy is from the target, not where the policy is. But of a policy that is the target, cut down
to a share m of its mass, every distance is known:

- L1 is 2 (1 − m);
- JSD is ½ [m log(2m / (1 + m)) + (1 − m) log 2 + log(2 / (1 + m))];
- the lower bound on log Z is log Z + log m.

So each recorded value has an m, the share that the policy is *worth*. A seed is collapsed if at the end it is worth half of
the mass at most, and in the last quarter of training made up next to nothing of what is missing. On two of four equal modes
m is ½, and on one of them ¼. Of the bound, which also counts how a policy spreads over the ways to an object, a tenth is
asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from gfn.environments import Environment, Phylogenetics
from gfn.evaluation.accuracy import is_enumerated
from gfn.runs.spec import TrainingSpec
from gfn.settings import SettingsError
from gfn.study.results import Run

HALF = 0.49  # of the mass is missing; a hundredth less, for no policy has its half exactly
PACE = 0.12  # of what is missing, up to which a whole training that makes up no more counts as settled
FALLING = 0.5  # of the average pace, from which on what falls slowly still falls
STILL = 0.01, 0.1  # of the mass, and nats: what never changed by more than that has not moved
GOOD = 0.9  # of the mass
FAR = {"known": math.log(2), "bound": math.log(10)}  # nats between a learned log Z and the known one, or the bound
_SHARES = np.linspace(0.0, 1.0, 2049)
NAMES = {"l1": "L1 distance", "jsd": "JSD", "elbo": "lower bound on log Z"}


@dataclass(frozen=True)
class Ending:
    """How a training ended.

    Attributes:
        collapsed: seeds whose policy is worth a part of the target's mass only, and no longer gets better.
        unmoved: seeds that are as far from the target as before training.
        log_z: by seed, how many nats a learned log Z is above the known one, or above the bound, where that is far and the
            policy is not good all the same.
        text: the same in sentences; empty where there is nothing to say.
    """

    collapsed: tuple[int, ...] = ()
    unmoved: tuple[int, ...] = ()
    log_z: tuple[tuple[int, float], ...] = ()
    text: str = ""


def jsd_of_share(share: np.ndarray | float) -> np.ndarray | float:
    """Jensen-Shannon divergence, in nats, between a target and itself cut down to shares of its mass, each from 0 to 1."""
    share = np.clip(share, 1e-12, 1.0)
    target = share * np.log(2 * share / (1 + share)) + (1 - share) * math.log(2)
    return (target + np.log(2 / (1 + share))) / 2


def worth(metric: str, values: pd.DataFrame | pd.Series, log_z: float | None = None) -> pd.DataFrame | pd.Series:
    """The share of the target's mass that policies are worth.

    Arguments:
        metric: ``l1``, ``jsd`` or ``elbo``.
        values: of the metric.
        log_z: the known one, which a bound needs.
    """
    if metric == "l1":
        return (1 - values / 2).clip(0, 1)
    if metric == "jsd":
        return values.apply(lambda part: np.interp(part, jsd_of_share(_SHARES)[::-1], _SHARES[::-1]))
    return np.exp((values - log_z).clip(upper=0))


@lru_cache
def known_log_z(task: Environment) -> float | None:
    """log Z of a task where that is soon had, else None."""
    if isinstance(task, Phylogenetics) and not is_enumerated(task):
        return None
    try:
        log_z = task.log_z
    except SettingsError:
        return None
    return None if log_z is None else float(log_z)


def ending(run: Run) -> Ending:
    """How a stored training ended; of other kinds of runs there is nothing to say."""
    if not isinstance(run.spec, TrainingSpec) or run.frame.empty:
        return Ending()
    task = run.spec.task
    metric = next((name for name in NAMES if (run.frame.metric == name).any()), None)
    log_z = known_log_z(task) if metric == "elbo" or (run.frame.metric == "log_z").any() else None
    sentences, collapsed, unmoved = [], (), ()
    if metric is not None and (metric != "elbo" or log_z is not None):
        values = _curves(run, metric)
        share = worth(metric, values, log_z)
        in_nats = metric == "elbo"
        missing = log_z - values if in_nats else 1 - share
        collapsed, unmoved = _judged(missing, FAR["bound"] if in_nats else HALF, STILL[in_nats])
        for what, seeds in (("collapsed", collapsed), ("unmoved", unmoved)):
            if seeds:
                last, falls = values.iloc[-1][list(seeds)], _falls(missing[list(seeds)])
                sentences.append(_sentence(what, metric, last, share, len(values.columns), falls))
    far = _far_log_z(run, metric, log_z)
    if far:
        sentences.append(_of_log_z(far, log_z is not None, len(run.spec.seeds)))
    return Ending(collapsed, unmoved, far, " ".join(sentences))


def _curves(run: Run, metric: str) -> pd.DataFrame:
    """A metric: a row an evaluation, a column a seed."""
    return run.frame[run.frame.metric == metric].pivot(index="iteration", columns="seed", values="value")


def _late(missing: pd.DataFrame) -> tuple[pd.Series, float]:
    """What was missing where the last quarter begins, and which part of the training came after."""
    late = missing[missing.index >= 0.75 * missing.index[-1]]
    before = late.iloc[0] if len(late) > 1 else missing.iloc[0]  # where there are evaluations at either end only
    return before, 1 - before.name / missing.index[-1]


def _falls(missing: pd.DataFrame) -> bool:
    """Whether what is missing fell in the last quarter about as fast as before, in all seeds: slowly, but it does."""
    (before, part), first, end = _late(missing), missing.iloc[0], missing.iloc[-1]
    return bool(((first > end) & (before - end >= FALLING * part * (first - end))).all())


def _judged(missing: pd.DataFrame, least: float, step: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The seeds that are collapsed, and those that have not moved, from what each lacks at every evaluation."""
    end, (before, part) = missing.iloc[-1], _late(missing)
    far = end >= least
    still = (missing - missing.iloc[0]).abs().max() <= step
    settled = end >= before * (1 - PACE * part)
    return tuple(map(int, end.index[far & settled & ~still])), tuple(map(int, end.index[far & still]))


def _far_log_z(run: Run, metric: str | None, known: float | None) -> tuple[tuple[int, float], ...]:
    """Seeds whose learned log Z is far off, but for those whose policy is good all the same."""
    found = _curves(run, "log_z")
    # Beside a network of flows, what is recorded is not log Z but what is added to that network's output.
    if found.empty or run.spec.objective.with_flow or (known is None and metric != "elbo"):
        return ()
    reference = _curves(run, metric).iloc[-1] if known is None else known
    off = found.iloc[-1] - reference
    far = off[off.abs() >= FAR["bound" if known is None else "known"]]
    if metric is not None and known is not None:
        share = worth(metric, _curves(run, metric), known).iloc[-1]
        far = far[share[far.index] <= GOOD]
    return tuple((int(seed), float(value)) for seed, value in far.items())


def _sentence(what: str, metric: str, last: pd.Series, share: pd.DataFrame, seeds: int, falls: bool) -> str:
    value = _range(last, "{:.3g}")
    if what == "unmoved":
        return (
            f"No better than before training in {_of(len(last), seeds)}: the {NAMES[metric]}, {value}, has not changed."
            " More iterations or a larger learning rate may help."
        )
    pace = "gets better only slowly: more iterations may help" if falls else "no longer gets better"
    mass = _range(100 * share.iloc[-1][last.index], "{:.0f}")
    return (
        f"Collapsed in {_of(len(last), seeds)}: at the end the {NAMES[metric]} is {value}, that of a policy on"
        f" {mass} % of the target's mass and nowhere else, and it {pace}."
    )


def _of_log_z(far: tuple[tuple[int, float], ...], is_known: bool, seeds: int) -> str:
    off = pd.Series([abs(value) for _, value in far])
    above = {value > 0 for _, value in far}
    where = "from" if len(above) > 1 else "above" if above == {True} else "below"
    other = "the exact one" if is_known else "its lower bound"
    return f"The learned log Z is far off in {_of(len(far), seeds)}: {_range(off, '{:.2g}')} nats {where} {other}."


def _of(count: int, seeds: int) -> str:
    return f"{count} of {seeds} seed{'s' if seeds > 1 else ''}"


def _range(values: pd.Series, form: str) -> str:
    low, high = (form.format(value) for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"
