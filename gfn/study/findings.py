"""The findings that the README and the introduction open with: sentences around numbers that runs give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gfn.environments import PAPER_TASKS
from gfn.study.claims import Verdict
from gfn.study.evidence.against import against_none
from gfn.study.evidence.convergence import by_task
from gfn.study.evidence.start import deficits, shares_of_deficit
from gfn.study.experiments import figure_settings
from gfn.study.intervals import LEVEL
from gfn.study.notebook import obtain
from gfn.study.results import Run
from gfn.study.said.words import certainty
from gfn.study.said.words import task as in_text

ORDERED = ("supported", "partly supported", "contradicted", "inconclusive", "premise not met", "not judged")


def findings(verdicts: Mapping[str, Verdict], profile: str, store: Path | None = None) -> str:
    """Three findings as Markdown, short, with numbers from the runs of a profile.

    Arguments:
        verdicts: every claim's, from :func:`gfn.study.verdicts.gather`.
        profile: whose runs.
        store: as for :func:`gfn.study.notebook.obtain`.
    """
    final, sparse = (obtain(figure_settings(figure, profile), store) for figure in ("table1", "fig9"))
    paper = {key: run for key, run in final.items() if key[0] in PAPER_TASKS}
    points = [start_of_log_z(paper), baseline_of_the_batch(sparse), counted(verdicts)]
    return "\n\n".join(f"{number}. {point}" for number, point in enumerate(points, 1))


def start_of_log_z(runs: Mapping[tuple[str, str], Run]) -> str:
    """How much of TB's deficit, against the reverse KL in every seed, is where its log Z starts."""
    shares, tasks = shares_of_deficit(runs)["tb_batch"], len(by_task(runs))
    if shares.empty:
        return "**Trajectory balance lacks nothing**: on no task is it behind the reverse KL in every seed."
    much = "Most" if shares.median() >= 0.5 else "Part" if shares.median() >= 0.2 else "Little"
    low, middle, high = map(percent, (shares.min(), shares.median(), shares.max()))
    widest, least, most = _widest(runs, list(shares.index))
    return (
        f"**{much} of what trajectory balance lacks is the start of its log Z**: where log Z starts from a first batch, and"
        f" not from 0, {middle} of TB's deficit against the reverse KL vanishes (median of the {len(shares)} of {tasks} tasks that have one)."
        f" The medians of these tasks are {low} to {high}; seeds differ most on {in_text(widest)}, from {percent(least)} to {percent(most)}."
    )


def _widest(runs: Mapping[tuple[str, str], Run], tasks: list[str]) -> tuple[str, float, float]:
    """The task on which the share that vanishes differs most from seed to seed, with its lowest and highest seed."""
    table = deficits(runs)
    by = table[(table.start == "tb") & table.task.isin(tasks)].groupby("task", sort=False).tb_batch
    ends = by.agg(["min", "max"])
    task = (ends["max"] - ends["min"]).idxmax()
    return task, ends.loc[task, "min"], ends.loc[task, "max"]


def baseline_of_the_batch(sparse: Mapping[tuple[str, str, float], Run]) -> str:
    """What the paper's two control variates do to training at negative orders, and leave-one-out on the whole weight does not."""
    both, joint = (against_none(sparse, variate) for variate in ("both", "joint"))
    if both is None or joint is None:
        raise ValueError(
            f"orders {sorted({alpha for *_, alpha in sparse})} are not enough: one of them must be negative"
        )
    return (
        "**The paper's two control variates change the gradient, and not only its noise**: on sparse targets at negative"
        f" orders, training ends with {both.middle:.2f} times the error of training without them (median of the"
        f" cases, which are {both.low:.2f} to {both.high:.2f}; {certainty(both)}); with the one that this book adds, with"
        f" {joint.middle:.2f} times ({joint.low:.2f} to {joint.high:.2f}; {certainty(joint)}). An interval is over seeds; those"
        f" of all cases hold together with {percent(LEVEL)}."
    )


def counted(verdicts: Mapping[str, Verdict]) -> str:
    """How many claims are supported, and which are not."""
    claims = {
        outcome: [claim for claim, verdict in verdicts.items() if verdict.outcome == outcome] for outcome in ORDERED
    }
    parts = [f"{len(found)} {outcome} ({_runs(list(verdicts), found)})" for outcome, found in claims.items() if found]
    return f"**The paper's {len(verdicts)} claims:** {', '.join(parts)}."


def percent(share: float) -> str:
    """A share in words: a true minus sign, and a space before the sign for per cent."""
    return f"{100 * share:.0f}\u00a0%".replace("-", "−")


def _runs(every: list[str], chosen: list[str]) -> str:
    """Names in their order; three or more that follow each other as the first and the last one."""
    places, parts = [every.index(name) for name in chosen], []
    while places:
        long = next((n for n, place in enumerate(places) if place != places[0] + n), len(places))
        now, places = places[:long], places[long:]
        parts += [f"{every[now[0]]} to {every[now[-1]]}"] if long > 2 else [every[place] for place in now]
    return ", ".join(parts)
