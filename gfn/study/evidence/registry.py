"""Which figure bears on which claims: every piece of evidence, for the page of verdicts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from gfn.study.claims import Evidence
from gfn.study.evidence import comparisons, discovery, orders, variance
from gfn.study.results import Run

Runs = Mapping[Hashable, Run]
Found = dict[str, list[Evidence]]
TRAINING_BATCH = 128
# Figures whose runs with other control variates than the paper's are those of another page.
ELSEWHERE = {"fig3": "table1", "fig4": "table1"}
# Figures that have every order with no control variate, too.
WITHOUT = ("fig1", "fig9")


def nearest_batch(settings: Any) -> int:
    """The measured batch size nearest to that of training."""
    return min(settings.batch_size, key=lambda size: abs(size - TRAINING_BATCH))


def _fig3(settings: Any, runs: Runs, variate: str) -> Found:
    return {"C1": comparisons.convergence(runs, variate), "C5": comparisons.alike(runs)}


def _fig5(settings: Any, runs: Runs, variate: str) -> Found:
    lines = {name: run for name, run in runs.items() if isinstance(name, str) and name != "reference"}
    return {"C6": comparisons.better_than_both(lines, variate)}


def _exact(settings: Any, runs: Runs, variate: str) -> Found:
    return {
        "C3": variance.unbiasedness(runs, max(settings.batch_size)),
        "C11": variance.baseline_quality(runs, nearest_batch(settings), variate),
    }


SOURCES: dict[str, Callable[[Any, Runs, str], Found]] = {
    "fig1": lambda settings, runs, variate: {"C7": orders.mode_seeking(runs, variate)},
    "fig2": lambda settings, runs, variate: {"C3": variance.variance_reduction(runs, nearest_batch(settings), variate)},
    "fig3": _fig3,
    "fig4": lambda settings, runs, variate: {"C8": discovery.discovery(runs, variate)},
    "fig5": _fig5,
    "fig6": lambda settings, runs, variate: {"C4": comparisons.faster_and_steadier(runs, variate)},
    "fig7": lambda settings, runs, variate: {"C9": variance.balance_variance(runs, nearest_batch(settings))},
    "fig8": lambda settings, runs, variate: {"C10": comparisons.large_batches(runs)},
    "fig9": lambda settings, runs, variate: {"C7": orders.sparse_targets(runs, variate)},
    "table1": lambda settings, runs, variate: {"C2": comparisons.accuracy_ratios(runs, variate)},
    "exact": _exact,
}


def evidence_of(figure: str, settings: Any, runs: Runs, variate: str = "both") -> Found:
    """The evidence of a figure, by claim.

    Arguments:
        figure: a key of ``SOURCES``.
        settings: the figure's.
        runs: its runs; for another ``variate`` those of the page that ``ELSEWHERE`` names, if it names one.
        variate: the control variates of Rényi's and Tsallis' gradients; of both KLs those of the paper stay.
    """
    if variate != "both" and figure in ELSEWHERE:
        own = [(task, line) for task in settings.tasks() for name, line in runs if name == task]
        runs = {label: runs[label] for label in own}
    return SOURCES[figure](settings, runs, variate)


def variates(figure: str) -> tuple[str, ...]:
    """The control variates with which a figure gives evidence: the paper's, and those of which it is a variation."""
    return ("both", "none", "joint") if figure in WITHOUT else ("both", "joint")
