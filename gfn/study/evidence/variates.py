"""What each control variate takes off the variance along training, and what that is worth in training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gfn.runs.objective import WITH_ALPHA
from gfn.study.claims import Evidence, judge, over_seeds
from gfn.study.evidence.answering import listed, spread, standings, three, word
from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.gradient_tables import REDUCING
from gfn.study.evidence.reaching import half_way, reached
from gfn.study.evidence.tables import curves
from gfn.study.experiments.variates import REFERENCE
from gfn.study.paper import DIVERGENCES, load_claims
from gfn.study.presentation.digits import number
from gfn.study.results import Run

Runs = Mapping[tuple[str, str, str, str], Run]
KEYS = ["task", "objective", "control_variate"]
ALONE = ("loo", "score")
PAYS = 1.1  # times as many trajectories without: what the criteria call worth having
SAID = {
    "reverse_kl": "the reverse KL",
    "forward_kl": "the forward KL",
    "renyi": "Rényi",
    "tsallis": "Tsallis",
    "loo": "leave-one-out",
    "score": "the score-function baseline",
    "both": "both together",
    "joint": "leave-one-out on the whole weight",
}


def variances(runs: Runs, batch_size: int) -> pd.DataFrame:
    """Variance of every estimate at each stage of the training of its divergence, at the measured batch size nearest to one.

    Returns:
        Columns ``task, objective, control_variate, iteration, seed, value, run``, the last one the run's hash.
    """
    parts = []
    for (kind, task, objective, _), run in runs.items():
        if kind == "variance":
            nearest = min(run.spec.batch_sizes, key=lambda size: abs(size - batch_size))
            frame = run.frame[(run.frame.metric == "variance") & (run.frame.trajectories == nearest)]
            frame = frame[frame.control_variate.isin([*REDUCING, "none"])].assign(
                task=task, objective=objective, run=run.spec.hash
            )
            # Of both KLs the paper's control variates are leave-one-out.
            parts.append(frame if objective in WITH_ALPHA else frame[frame.control_variate != "both"])
    frame = pd.concat(parts, ignore_index=True).astype({"control_variate": str})
    return frame[[*KEYS, "iteration", "seed", "value", "run"]]


def removals(table: pd.DataFrame) -> pd.DataFrame:
    """How many times larger the variance is with no control variate than with each, seed by seed.

    Arguments:
        table: as :func:`variances` returns it; so are the columns of the result.
    """
    keys = ["task", "objective", "iteration", "seed"]
    without = table[table.control_variate == "none"].set_index(keys).value
    rest = table[table.control_variate != "none"].set_index(keys)
    return rest.assign(value=without.reindex(rest.index) / rest.value).reset_index()[table.columns]


def along_training(removed: pd.DataFrame) -> pd.DataFrame:
    """The geometric mean over stages of what :func:`removals` returns."""
    logs = removed.assign(value=np.log(removed.value))
    return logs.groupby([*KEYS, "seed"], sort=False).value.mean().map(np.exp).reset_index()


def thresholds(runs: Runs) -> dict[str, float]:
    """The error half of VarGrad's way down on each task, see :func:`~gfn.study.evidence.reaching.half_way`."""
    return {
        task: half_way(run) for (kind, task, name, _), run in runs.items() if (kind, name) == ("training", REFERENCE)
    }


def times(runs: Runs, with_seconds: bool = True) -> pd.DataFrame:
    """What each seed takes until its error stays at or below the task's threshold; as a lower bound all of its training
    where it does not, see :func:`~gfn.study.evidence.reaching.reached`.

    Arguments:
        runs: of the page.
        with_seconds: whether they were measured long enough to mean anything; else they are missing.

    Returns:
        A row a seed, with columns ``task, objective, control_variate, seed, trajectories, seconds, never, run``. Where
        ``never`` is true it does not; ``run`` is the run's hash.
    """
    parts, limits = [], thresholds(runs)
    for (kind, task, objective, variate), run in runs.items():
        if kind == "training" and objective in DIVERGENCES:
            limit = limits[task]
            taken = {unit: reached(run, limit, unit) for unit in ("trajectories", "seconds")}
            taken["seconds"] = taken["seconds"] if with_seconds else np.nan
            taken["never"] = curves(run, accuracy_metric(run)).iloc[-1] > limit
            about = {"task": task, "objective": objective, "control_variate": variate, "run": run.spec.hash}
            parts.append(pd.DataFrame(taken).rename_axis("seed").reset_index().assign(**about))
    return pd.concat(parts, ignore_index=True)[[*KEYS, "seed", "trajectories", "seconds", "never", "run"]]


def savings(table: pd.DataFrame, base: str = "none") -> pd.DataFrame:
    """How many times more training takes with one control variate than with each other one, seed by seed.

    Arguments:
        table: as :func:`times` returns it.
        base: what is in the numerator.

    Returns:
        Columns ``task, objective, control_variate, seed, trajectories, seconds, bound``. A ratio is missing where neither
        training reaches the threshold, and where one of both does not it is a ``bound``.
    """
    keys, units = ["task", "objective", "seed"], ["trajectories", "seconds"]
    above = table[table.control_variate == base].set_index(keys)
    below = table[table.control_variate != base].set_index(keys)
    above = above.reindex(below.index)
    ratios = above[units] / below[units].where(below[units] > 0)
    ratios[above.never.eq(True) & below.never] = np.nan
    found = ratios.assign(control_variate=below.control_variate, bound=above.never.ne(below.never))
    return found.reset_index()[[*KEYS, "seed", *units, "bound"]]


def correlations(removed: pd.DataFrame, saved: pd.DataFrame) -> pd.Series:
    """For each seed the rank correlation between the variance that is taken off and the trajectories that are saved, over
    all tasks, divergences and control variates of which both are known.

    Arguments:
        removed: as :func:`along_training` returns it.
        saved: as :func:`savings` returns it.
    """
    both = removed.merge(saved, on=[*KEYS, "seed"]).dropna(subset=["value", "trajectories"])
    found = {seed: part.value.rank().corr(part.trajectories.rank()) for seed, part in both.groupby("seed")}
    return pd.Series(found, sorted(saved.seed.unique()), float)


class Numbers(NamedTuple):
    """What the page shows."""

    variances: pd.DataFrame  #: of :func:`variances`
    times: pd.DataFrame  #: of :func:`times`
    removed: pd.DataFrame  #: of :func:`removals`, at each stage
    along: pd.DataFrame  #: of :func:`along_training`
    saved: pd.DataFrame  #: of :func:`savings`
    worth: pd.DataFrame  #: of :func:`worth`
    related: pd.Series  #: of :func:`correlations`


def numbers(settings: Any, runs: Runs) -> Numbers:
    """All numbers of the page but the evidence. Seconds of the smallest profile are noise, and missing."""
    measured, taken = variances(runs, settings.batch_size), times(runs, settings.profile != "smoke")
    removed, saved = removals(measured), savings(taken)
    along = along_training(removed)
    return Numbers(measured, taken, removed, along, saved, worth(along, saved), correlations(along, saved))


def evidence(settings: Any, runs: Runs) -> list[Evidence]:
    """Evidence for Q3: what each control variate alone takes off the variance and saves of training, what `joint` saves
    over `both`, and how both go together.
    """
    of = numbers(settings, runs)
    joint = savings(of.times, "both")
    joint = joint[joint.objective.isin(WITH_ALPHA)]
    found: list[Evidence] = []
    for variate in ALONE:
        found += _each(f"{variate}_variance", of.along, variate, "value", runs)
        found += _each(f"{variate}_pays", of.saved, variate, "trajectories", runs, "none")
        if settings.profile != "smoke":
            found += _each(f"{variate}_seconds", of.saved, variate, "seconds", runs, "none")
    found += _each("joint_over_both", joint, "joint", "trajectories", runs, "both")
    every = tuple(run.spec.hash for run in runs.values())
    return [*found, over_seeds("variance_and_speed", "all", of.related, runs=every)]


def _each(
    test: str, table: pd.DataFrame, variate: str, column: str, runs: Runs, base: str | None = None
) -> Iterator[Evidence]:
    """One measurement for each task and divergence: of variances, or of trainings against those with ``base``."""
    chosen = table[table.control_variate == variate]
    for (task, objective), part in chosen.groupby(["task", "objective"], sort=False):
        own = [("training", task, objective, each) for each in (base, variate)] + [("training", task, REFERENCE, "")]
        keys = own if base else [("variance", task, objective, "")]
        hashes = tuple(runs[key].spec.hash for key in keys)
        yield over_seeds(test, f"{task}, {objective}", part.set_index("seed")[column], runs=hashes)


def worth(removed: pd.DataFrame, saved: pd.DataFrame) -> pd.DataFrame:
    """Every control variate of every divergence in a few numbers: a row each, medians over tasks of medians over seeds.

    A task on which half of the seeds or more have no ratio of trajectories has none.

    Arguments:
        removed: as :func:`along_training` returns it.
        saved: as :func:`savings` returns it.

    Returns:
        Columns ``variance``, ``trajectories`` and ``seconds``, how many times more without it; ``left``, what it multiplies
        the variance by, above one where it adds some; and ``pays``, on how many tasks it saves a tenth of trajectories.
    """
    off = removed.groupby(KEYS, sort=False).value.median()
    gains = saved.groupby(KEYS, sort=False)[["trajectories", "seconds"]]
    gain = gains.median().where(gains.count() * 2 > saved.seed.nunique())
    both = gain.assign(variance=off.reindex(gain.index), pays=gain.trajectories >= PAYS)
    by = both.groupby(["objective", "control_variate"], sort=False)
    table = by[["variance", "trajectories", "seconds"]].median()
    order = [(name, variate) for name in DIVERGENCES for variate in REDUCING if (name, variate) in table.index]
    return table.assign(left=1 / table.variance, pays=by.pays.sum()).loc[order]


def time_texts(table: pd.DataFrame) -> pd.DataFrame:
    """Medians of :func:`times` over seeds as text: a row a task and divergence, a column a control variate.

    Trajectories in thousands, in brackets seconds where there are any, and how many seeds do not stay below the threshold; a dash where the
    control variate is leave-one-out under another name.
    """
    by = table.groupby(KEYS, sort=False)
    middle = by[["trajectories", "seconds"]].median().assign(never=by.never.sum(), seeds=by.size())
    seconds = middle.seconds.map(" ({:.0f} s)".format).where(middle.seconds.notna(), "")
    text = [
        f"{number(row.trajectories / 1000)}k{spent}" + (f", {row.never} of {row.seeds} never" if row.never else "")
        for row, spent in zip(middle.itertuples(), seconds)
    ]
    wide = pd.Series([each.replace(" ", "\u00a0") for each in text], middle.index).unstack("control_variate")
    rows = list(dict.fromkeys(zip(table.task, table.objective)))
    return wide.reindex(index=rows, columns=["none", *REDUCING]).fillna("–")


def answer(settings: Any, runs: Runs) -> str:
    """The question's answer in three sentences: what is worth having, what each alone takes off, and whether less variance is speed."""
    of = numbers(settings, runs)
    verdict = judge("Q3", evidence(settings, runs), settings.profile, claims=load_claims("beyond"))
    best = [_best(name, of.worth.loc[name]) for name in DIVERGENCES]
    alone = [
        listed(f"{number(of.worth.left[name, variate])} ({SAID[name]})" for name in DIVERGENCES) for variate in ALONE
    ]
    held = {variate: three(verdict, f"{variate}_pays") for variate in ALONE}
    certain = listed(f"{many[0]} of {sum(many)} cases for {SAID[variate]}" for variate, many in held.items())
    unsure = listed(str(many[2]) for many in held.values())
    judged = verdict.outcome != "not judged"
    met_or_not = f"; the criterion is {standings(verdict)['variance_and_speed']}" if judged else ""
    return (
        f"{word(verdict)} The control variate that saves most, by the trajectories to an error without it over those with"
        f" it, is {listed(best)}: medians over tasks. Alone, leave-one-out multiplies the variance along training by {alone[0]},"
        f" and the score-function baseline by {alone[1]}; above one, variance is added. Over all tasks, divergences and control"
        f" variates, variance removed and trajectories saved have a rank correlation of {spread(of.related)} (median and range"
        f" over seeds{met_or_not}); that one alone saves a tenth of the"
        f" trajectories is certain in {certain}, and inconclusive in {unsure}."
    )


def _best(name: str, table: pd.DataFrame) -> str:
    """The control variate with the largest gain, if it is a gain at all."""
    if not table.trajectories.max() >= PAYS:
        return f"none for {SAID[name]}"
    chosen = table.loc[table.trajectories.idxmax()]
    return f"{SAID[chosen.name]} for {SAID[name]} ({chosen.trajectories:.2f} times)"
