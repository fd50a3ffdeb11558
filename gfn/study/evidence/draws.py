"""What few trajectories, and trajectories that depend on each other, do to gradients and to training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gfn.study.claims import OUTCOMES, Evidence, counts, judge, ratio
from gfn.study.evidence.answering import word
from gfn.study.evidence.tables import late
from gfn.study.evidence.variance import NORMAL_95
from gfn.study.experiments.draws import HALF, OTHER, SUBTRACTING, TRAINED, Key
from gfn.study.paper import load_claims
from gfn.study.presentation.digits import DASH, together
from gfn.study.results import Run

Runs = Mapping[Key, Run]
SAID = {
    "independent": "independent",
    "fewer": "independent, as many as differ where half are one",
    "common": "half are one trajectory",
    "prefix": "half of the steps in common, in groups of four",
    "distinct": "without replacement",
    "replayed": "half replayed from the batch before",
    "old": "half replayed from earlier",
}
ADVICE = {
    "independent": "Leave-one-out on the whole weight, from two trajectories on; of Rényi some more, since it divides by a mean over the batch.",
    "fewer": "The same; fewer trajectories are more noise, and no bias but Rényi's own.",
    "common": "Give every trajectory random numbers of its own: its copies cost as much, see the line above for what they add.",
    "prefix": "Take the baseline from other groups only, which is unbiased, or draw whole trajectories.",
    "distinct": "Use it where trajectories are few and a bias of this size does not matter, or with weights that make up for it.",
    "replayed": "Where a bias of this size matters, weigh by the ratio of the probabilities of now and then; compare it with that of independent trajectories, which is Rényi's own.",
    "old": "Weigh by the ratio of the probabilities of now and then, or replay what is recent.",
}


def gradients(kind: str, runs: Runs) -> pd.DataFrame:
    """Gradients of the measurements ``few`` or ``drawn`` against the exact ones: a row for each estimate.

    Returns:
        Columns ``task, scheme, share, age, objective, control_variate, trajectories``, and relative to the exact gradient
        ``squared`` (the squared bias, unbiased, so below zero about as often as not where there is no bias) with its
        standard error ``error``; ``value, low, high`` (the bias, by the root of the squared one, of which nothing below
        zero is left, and a 95 % interval); ``along`` (the bias along the gradient, -1 where nothing is left of it);
        ``variance``, ``mean_square`` (variance and squared bias together), and ``run``, the run's hash.
    """
    parts = []
    for key, run in runs.items():
        if key[0] != kind:
            continue
        frame = run.frame.astype({"objective": object, "control_variate": object})
        index = ["objective", "control_variate", "trajectories"]
        by = frame.pivot_table(index=index, columns="metric", values="value", observed=True, sort=False)
        scale = by.gradient_squared
        table = pd.DataFrame({"squared": by.bias_squared / scale, "error": by.bias_squared_error / scale})
        ends = {"value": 0.0, "low": -NORMAL_95, "high": NORMAL_95}
        table = table.assign(**{name: _root(table.squared + each * table.error) for name, each in ends.items()})
        table["along"], table["variance"] = by.bias_along / scale, by.variance / scale
        table["mean_square"] = table.variance + table.squared.clip(lower=0)
        draws = run.spec.draws
        about = {"task": key[1], "scheme": draws.scheme, "share": draws.share or np.nan, "age": draws.age or np.nan}
        about["run"] = run.spec.hash
        parts.append(table.reset_index().assign(**about))
    columns = ["task", "scheme", "share", "age", *index, *table.columns, "run"]
    return pd.concat(parts, ignore_index=True)[columns]


def _root(squares: pd.Series) -> pd.Series:
    return np.sqrt(squares.clip(lower=0))


def subtracting(table: pd.DataFrame) -> pd.DataFrame:
    """Of :func:`gradients`, the estimates that subtract a baseline made of the batch."""
    return table[table.objective.map(SUBTRACTING) == table.control_variate]


def halves(table: pd.DataFrame, batch: int) -> pd.DataFrame:
    """Of :func:`gradients`, those of one size of batch in which half is in common."""
    half = pd.Series({scheme: draws.share for scheme, draws in HALF.items()})
    return table[(table.trajectories == batch) & (table.share == table.scheme.map(half))]


def trainings(settings: Any, runs: Runs) -> pd.DataFrame:
    """Errors late in training: ``task, objective, scheme, batch, error, ratio, low, high``.

    ``error`` is a median over seeds, ``ratio`` the median of what it is over that of independent trajectories, seed by
    seed, ``low`` and ``high`` the range over seeds.
    """
    rows = []
    for (kind, *key), run in runs.items():
        if kind == "training":
            task, objective, scheme = key
            error = late(run, "l1")
            ratios = error / late(runs["training", task, objective, "independent"], "l1")
            row = {"task": task, "objective": objective, "scheme": scheme, "batch": run.spec.batch_size}
            row |= {"error": error.median(), "ratio": ratios.median(), "low": ratios.min(), "high": ratios.max()}
            rows.append(row)
    return pd.DataFrame(rows)


def curves(runs: Runs) -> pd.DataFrame:
    """Exact errors of all trainings: columns ``task, objective, scheme, batch, seed, iteration, value, run``."""
    parts = []
    for (kind, *key), run in runs.items():
        if kind == "training":
            frame = run.frame[run.frame.metric == "l1"][["seed", "iteration", "value"]]
            about = dict(zip(("task", "objective", "scheme"), key), batch=run.spec.batch_size, run=run.spec.hash)
            parts.append(frame.assign(**about))
    return pd.concat(parts, ignore_index=True)


def evidence(settings: Any, runs: Runs) -> list[Evidence]:
    """Evidence for Q5: bias with few trajectories, bias and training where half is in common, training under other schemes."""
    few, drawn = (subtracting(gradients(kind, runs)) for kind in ("few", "drawn"))
    few = few[(few.objective != "renyi") & (few.trajectories > 1)]
    found = [*_biases("small_n", few), *_biases("correlated_bias", halves(drawn, settings.batch))]
    for test, schemes in (("training", HALF), ("harmless", OTHER)):
        for (_, task, objective, scheme), run in _of_training(runs):
            if scheme in schemes:
                pair = (run, runs["training", task, objective, "independent"])
                found.append(ratio(test, f"{task}, {objective}, {scheme}", *(late(each, "l1") for each in pair)))
    return found


def _of_training(runs: Runs) -> Iterator[tuple[Key, Run]]:
    return ((key, run) for key, run in runs.items() if key[0] == "training" and key[2] in TRAINED)


def _biases(test: str, table: pd.DataFrame) -> list[Evidence]:
    return [
        Evidence(test, f"{row.task}, {row.objective}, {_drawn(row)}", (row.squared,), row.error, (row.run,))
        for row in table.itertuples()
    ]


def _drawn(row: Any) -> str:
    scheme = "" if row.scheme == "independent" else f"{row.scheme} "
    return f"{scheme}{row.trajectories} trajectories"


def advice(settings: Any, runs: Runs) -> pd.DataFrame:
    """What to do about each scheme, with what was measured of it at the batch of training: ranges over tasks and estimates."""
    drawn, trained = subtracting(gradients("drawn", runs)), trainings(settings, runs)
    drawn = drawn[drawn.trajectories == settings.batch]
    keys = ["task", "objective"]
    alone = drawn[drawn.scheme == "independent"].set_index(keys).variance
    rows = []
    for scheme, said in SAID.items():
        middle = _half(drawn, scheme).set_index(keys)
        ratios = trained[trained.scheme == scheme].ratio
        row = {"scheme": said, "bias (share of the gradient)": span(middle.value)}
        row["variance over independent"] = span(middle.variance / alone.reindex(middle.index))
        row["late error over independent"] = span(ratios)
        rows.append(row | {"what to do": ADVICE[scheme]})
    return pd.DataFrame(rows).set_index("scheme")


def _half(table: pd.DataFrame, scheme: str) -> pd.DataFrame:
    """Rows of a scheme with half of the batch or of the steps; ``old`` are those replayed from more than one iteration before."""
    old = table.age > 1
    chosen = (table.scheme == "replayed") & old if scheme == "old" else (table.scheme == scheme) & ~old
    return table[chosen & (table.share.isna() | (table.share == 0.5))]


def span(values: pd.Series) -> str:
    """The smallest and the largest of some numbers, with the same places after the point; a dash for none."""
    if values.empty:
        return DASH
    (low, high), power = together([values.min(), values.max()])
    return f"{low}{power}" if low == high else f"{low}{power} to {high}{power}"


def answer(settings: Any, runs: Runs) -> str:
    """The question's answer in three sentences: few trajectories, those with something in common, and the others."""
    few, drawn = gradients("few", runs), gradients("drawn", runs)
    verdict = judge("Q5", evidence(settings, runs), settings.profile, claims=load_claims("beyond"))
    held = {test: counts(part) for test, part in verdict.judged.groupby("test")}
    many = subtracting(few)
    many = many[(many.objective != "renyi") & (many.trajectories > 1)]
    single = few[few.trajectories == 1].set_index(["task", "objective"]).variance
    pair = many[many.trajectories == many.trajectories.min()].set_index(["task", "objective"]).variance
    dearer = (single / pair).dropna().median()
    late_ratios = trainings(settings, runs)
    late_ratios = late_ratios[late_ratios.objective.isin(TRAINED)].groupby("scheme").ratio.median()
    at_batch = subtracting(drawn[drawn.trajectories == settings.batch])
    off = {scheme: _percent(_half(at_batch, scheme)) for scheme in ("independent", *HALF, *OTHER, "old")}
    return (
        f"{word(verdict)} With {many.trajectories.min()} to {many.trajectories.max()} independent trajectories the bias of"
        f" leave-one-out is below 3\u00a0% of the gradient in {_of(held, 'small_n')} measurements{_rest(held, 'small_n')}; a"
        f" single trajectory, which leaves nothing to subtract, has {dearer:.0f} times the variance of two (median)."
        f" Where half of a batch is one trajectory the bias is {off['common']} of the gradient, and where half of the steps"
        f" are in common {off['prefix']}; training ends with {late_ratios['common']:.2f} and {late_ratios['prefix']:.2f}"
        f" times the error of independent trajectories, by a fifth or more in {_of(held, 'training')}"
        f" measurements{_rest(held, 'training')}. Without replacement the bias is {off['distinct']}, and with half replayed"
        f" from the batch before {off['replayed']} (from {settings.age} iterations before {off['old']}; independent"
        f" trajectories have {off['independent']}, Rényi's own). Training ends"
        f" with {late_ratios['distinct']:.2f} and {late_ratios['replayed']:.2f} times the error; that it is no worse by a fifth"
        f" is certain in {_of(held, 'harmless')} measurements{_rest(held, 'harmless')}."
    )


def _of(held: Mapping[str, tuple[int, ...]], test: str) -> str:
    return f"{held[test][0]} of {sum(held[test])}"


def _rest(held: Mapping[str, tuple[int, ...]], test: str) -> str:
    """In brackets what became of the measurements that are not supported, if there are any."""
    parts = [f"{many} {outcome}" for many, outcome in zip(held[test][1:], OUTCOMES[1:]) if many]
    return f" ({', '.join(parts)})" if parts else ""


def _percent(part: pd.DataFrame) -> str:
    low, high = (f"{100 * end:.0f}" for end in (part.value.min(), part.value.max()))
    return f"{low}\u00a0%" if low == high else f"{low} to {high}\u00a0%"
