"""The findings that the README and the introduction open with: sentences around numbers that runs give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gfn.environments import TASKS as PAPER_TASKS
from gfn.study.claims import Verdict
from gfn.study.evidence.convergence import accuracy_metric, by_task
from gfn.study.evidence.start import deficit_sentence, shares_of_deficit
from gfn.study.evidence.tables import late
from gfn.study.experiments import figure_settings
from gfn.study.notebook import obtain
from gfn.study.paper import margin
from gfn.study.plotting import TASKS
from gfn.study.results import Run

ORDERED = ("supported", "partly supported", "contradicted", "inconclusive", "premise not met", "not judged")


def findings(verdicts: Mapping[str, Verdict], profile: str, store: Path | None = None) -> str:
    """Three findings as Markdown, with numbers from the runs of a profile.

    Arguments:
        verdicts: every claim's, from :func:`gfn.study.verdicts.gather`.
        profile: whose runs.
        store: as for :func:`gfn.study.notebook.obtain`.
    """
    final, sparse = (obtain(figure_settings(figure, profile), store) for figure in ("table1", "fig9"))
    paper = {key: run for key, run in final.items() if key[0] in PAPER_TASKS}
    points = [start_of_log_z(paper), baseline_of_the_batch(paper, sparse), counted(verdicts)]
    return "\n\n".join(f"{number}. {point}" for number, point in enumerate(points, 1))


def start_of_log_z(runs: Mapping[tuple[str, str], Run]) -> str:
    """How much of TB's deficit is where its log Z starts."""
    shares = shares_of_deficit(runs)
    share = shares["tb_batch"].median() if len(shares) else 0.0
    much = "Most" if share >= 0.5 else "Part" if share >= 0.2 else "Little"
    return (
        f"**{much} of what trajectory balance lacks is the start of its log Z.** Its learned log Z starts at 0 and has to"
        f" travel to the truth. Until it arrives, it is a poor baseline, which adds noise to the gradient. {deficit_sentence(runs, TASKS)}"
        " As far as we could read the paper, it does not separate the two."
        " For the two densities in the plane 0 is the truth, so nothing travels there."
    )


def baseline_of_the_batch(runs: Mapping[tuple[str, str], Run], sparse: Mapping[tuple[str, str, float], Run]) -> str:
    """What the paper's two control variates do to the gradient, and leave-one-out on the whole weight does not."""
    orders = [(task, alpha) for task, variate, alpha in sparse if variate == "none" and alpha < 0]
    against_none = {
        variate: [_times(sparse[task, variate, a], sparse[task, "none", a]) for task, a in orders]
        for variate in ("both", "joint")
    }
    worse = {variate: sum(times > 1 for times in found) for variate, found in against_none.items()}
    at_half = {
        name: [_times(of[f"{name}_joint"], of[name]) for of in by_task(runs).values()] for name in ("renyi", "tsallis")
    }
    half = {name: f"{np.median(found):.2f}" for name, found in at_half.items()}
    both, joint = (f"{np.median(against_none[variate]):.2f}" for variate in ("both", "joint"))
    return (
        "**The paper's two control variates together change the gradient itself, and not only its noise.** Their baseline"
        " comes from the batch that it corrects: for orders between 0 and 1 it lengthens the gradient, for negative ones it"
        f" can turn it round. On sparse targets at negative orders it ends with {both} times the error of no control"
        f" variate at all, and is worse in {worse['both']} of {len(orders)} cases; leave-one-out on the whole weight, which"
        f" this book adds as `joint`, ends with {joint} times that error, and is worse in {worse['joint']}."
        f" At α = 1/2 `joint` ends with {half['renyi']} (Rényi) and {half['tsallis']} (Tsallis) times the error of the"
        " paper's `both`. All are medians, over targets and seeds, of ratios of errors in the last quarter of training."
    )


def counted(verdicts: Mapping[str, Verdict]) -> str:
    """How many claims are supported, and which are not."""
    claims = {
        outcome: [claim for claim, verdict in verdicts.items() if verdict.outcome == outcome] for outcome in ORDERED
    }
    parts = [f"{len(found)} {outcome} ({', '.join(found)})" for outcome, found in claims.items() if found]
    return f"**The paper's {len(verdicts)} claims:** {', '.join(parts)}."


def _times(run: Run, other: Run) -> float:
    """Error of one run over that of another late in training, the median over seeds."""
    metric = accuracy_metric(run)
    return float(((late(run, metric) + margin(metric)) / (late(other, metric) + margin(metric))).median())
