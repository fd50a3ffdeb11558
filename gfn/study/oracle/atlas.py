"""An atlas of losses: each examined on policy and off, and what all of it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from gfn.study.experiments.atlas import Atlas
from gfn.study.oracle import losses
from gfn.study.oracle.called import loss_of
from gfn.study.oracle.examination import SMALL, Examination, examine
from gfn.study.oracle.words import OFF, divergence_named
from gfn.study.presentation.digits import fixed

ON = "on_policy"
FAR, NEAR = "start", "near"
DIVERGENCES = "divergences"


@dataclass(frozen=True)
class Entry:
    """A loss of the atlas.

    Attributes:
        group: what it belongs to.
        loss: the function.
        log_z: what it is given for log Z.
    """

    group: str
    loss: losses.LossFunction
    log_z: float | str = "exact"


def _divergences() -> Iterable[tuple[str, Entry]]:
    names = {"reverse_kl": "reverse KL", "forward_kl": "forward KL", "renyi": "Rényi ½", "tsallis": "Tsallis ½"}
    variates = {"none": "none", "loo": "leave-one-out", "score": "score", "both": "both", "joint": "joint"}
    for name, shown in names.items():
        ordered = name in ("renyi", "tsallis")
        for variate in variates if ordered else ("none", "loo", "score"):  # the others are leave-one-out there
            loss = losses.divergence(name, variate, 0.5 if ordered else None)
            yield f"{shown}, {variates[variate]}", Entry(DIVERGENCES, loss)


ENTRIES: dict[str, Entry] = {
    "TB, log Z exact": Entry("trajectory balance", losses.squared),
    "TB, log Z learned": Entry("trajectory balance", losses.squared, "mean"),
    "TB, log Z = 0": Entry("trajectory balance", losses.squared, 0.0),
    "VarGrad": Entry("trajectory balance", losses.variance),
    "DB, flows known": Entry("balance of steps", losses.detailed),
    "SubTB, flows known": Entry("balance of steps", losses.subtrajectory()),
    "f-TB, α = −1": Entry("f-TB", losses.f_balance(-1.0)),
    "f-TB, α = 0": Entry("f-TB", losses.f_balance(0.0)),
    "f-TB, α = ½": Entry("f-TB", losses.f_balance(0.5)),
    "f-TB, α = 1": Entry("f-TB", losses.f_balance(1.0)),
    "f-TB, α = 2": Entry("f-TB", losses.f_balance(2.0)),
    "f-TB, Jensen–Shannon": Entry("f-TB", losses.jensen_shannon),
    "DevGrad, α = −1": Entry("DevGrad", losses.dev_grad(-1.0)),
    "DevGrad, α = 0": Entry("DevGrad", losses.dev_grad(0.0)),
    "DevGrad, α = ½": Entry("DevGrad", losses.dev_grad(0.5)),
    "DevGrad, α = 2": Entry("DevGrad", losses.dev_grad(2.0)),
    "absolute from the median": Entry("DevGrad", losses.absolute_from_median),
    "Linex of −Δ": Entry("other losses of Δ", losses.linex()),
    "Linex of Δ": Entry("other losses of Δ", losses.linex(sign=1)),
    "Linex(½) of −Δ": Entry("other losses of Δ", losses.linex(0.5)),
    "Linex(½) of Δ": Entry("other losses of Δ", losses.linex(0.5, sign=1)),
    "shifted cosh": Entry("other losses of Δ", losses.shifted_cosh),
    "absolute": Entry("other losses of Δ", losses.absolute),
    **dict(_divergences()),
}


def survey(settings: Atlas, names: Iterable[str] = tuple(ENTRIES)) -> dict[tuple[str, str], Examination]:
    """Losses of the atlas examined on policy and with uniform actions, by their names and how trajectories are drawn.

    The smoke profile has one task.
    """
    found, tasks = {}, [SMALL["hypergrid"]] if settings.profile == "smoke" else None
    for name in names:
        entry = ENTRIES[name]
        for sampling in (ON, OFF):
            loss = loss_of(entry.loss, name)
            chosen = {"sampling": sampling, "log_z": entry.log_z, "batch_size": settings.batch_size}
            found[name, sampling] = examine(loss, tasks, replicates=settings.replicates, **chosen)
    return found


# Losses that divide by a mean over the batch, with the order that they are of.
NORMALISED = {"DevGrad, α = −1": -1.0, "DevGrad, α = 0": 0.0, "DevGrad, α = ½": 0.5, "DevGrad, α = 2": 2.0}
NORMALISED |= {"Rényi ½, both": 0.5, "Tsallis ½, both": 0.5}


def by_batch(settings: Atlas) -> pd.DataFrame:
    """How far losses of the batch are from the divergence that they are made for, on policy, as batches grow.

    A row a loss, a column a size of batch: the largest angle over tasks and policies in degrees, with its standard error where
    batches were drawn.
    """
    tasks = [SMALL["hypergrid"]] if settings.profile == "smoke" else None
    cells: dict[str, dict[int, str]] = {}
    for name, order in NORMALISED.items():
        for batch in settings.larger:
            found = examine(loss_of(ENTRIES[name].loss, name), tasks, batch_size=batch, replicates=settings.replicates)
            worst = found.angles[order].idxmax()
            error = found.table.set_index(["task", "policy"])["angle_error"][worst]
            text = fixed(float(found.angles[order][worst]), 1)
            cells.setdefault(name, {})[batch] = f"{text} ± {fixed(error, 1)}" if error else text
    return pd.DataFrame(cells).T.rename_axis(index="loss", columns="trajectories of a batch")


def frame(found: Mapping[tuple[str, str], Examination]) -> pd.DataFrame:
    """A row a loss.

    Columns: ``group``; on policy ``nearest``, ``low`` and ``high``, ``itself`` and ``angle``; ``nearest_off``, ``angle_off`` and ``itself_off``; ``target``
    and ``target_off``, whether the target is a fixed point; ``descends`` and ``descends_off``, at how many policies both KL
    divergences fall of ``policies``; ``far`` and ``near``, the batches whose noise is as long as the expected gradient, medians over tasks.
    """
    rows = {}
    for name in dict.fromkeys(name for name, _ in found):
        on, off = found[name, ON], found[name, OFF]
        low, high = on.orders or (float("nan"),) * 2
        needed = on.table.groupby("policy")["needed"].median()
        rows[name] = {
            "group": ENTRIES[name].group,
            "nearest": on.nearest,
            "low": low,
            "high": high,
            "itself": on.is_nearest,
            "angle": on.worst,
            "nearest_off": off.nearest,
            "angle_off": off.worst,
            "itself_off": off.is_nearest,
            "target": on.has_target,
            "target_off": off.has_target,
            "descends": _falls(on),
            "descends_off": _falls(off),
            "policies": len(on.table),
            "far": needed[FAR],
            "near": needed[NEAR],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("loss")


def data(found: Mapping[tuple[str, str], Examination]) -> pd.DataFrame:
    """All that was computed, a row for each loss, way to draw, task and policy; angles to a thousandth of a degree."""
    parts = []
    for (name, sampling), each in found.items():
        nearest = each.nearest if isinstance(each.nearest, str) or each.nearest is None else f"{each.nearest:g}"
        part = each.table.assign(loss=name, sampling=sampling, nearest=nearest)
        parts.append(part.assign(angle=part["angle"].round(3), angle_error=part["angle_error"].round(3)))
    whole = pd.concat(parts, ignore_index=True)
    first = ["loss", "sampling", "task", "policy", "nearest"]
    return whole[[*first, *(column for column in whole if column not in first)]].drop(columns="bias")


def _falls(found: Examination) -> int:
    return int((found.table[["reverse KL", "forward KL"]] > 0).all(axis=1).sum())


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The frame for readers: what each descends, on policy and off."""
    many = table["policies"].iloc[0]
    return pd.DataFrame(
        {
            "nearest, on policy": [_span(row) for row in table.itertuples()],
            "off by at most (°)": table["angle"].round(1),
            "nearest, off policy": [_named(member) for member in table["nearest_off"]],
            "off by at most (°), off policy": table["angle_off"].round(1),
            "target stays": table["target"],
            "target stays, off policy": table["target_off"],
            f"KLs fall, of {many}": table["descends"],
            f"KLs fall off policy, of {many}": table["descends_off"],
            "batch, far": table["far"].round(1),
            "batch, near": table["near"].round(1),
        },
        index=table.index,
    )


def _named(member: float | str | None) -> str:
    return "none" if member is None else divergence_named(member)


def _span(row: object) -> str:
    if row.nearest is None or isinstance(row.nearest, str) or row.low == row.high or row.itself:
        return _named(row.nearest)
    low, high = (f"{order:g}".replace("-", "−") for order in (row.low, row.high))
    return f"α from {low} to {high}"
