"""Which figure bears on which claims: every piece of evidence, for the page of verdicts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from gfn.study.claims import Evidence
from gfn.study.evidence import convergence, discovery, planar, variance
from gfn.study.results import Run

Runs = Mapping[Hashable, Run]
TRAINING_BATCH = 128


def nearest_batch(settings: Any) -> int:
    """The measured batch size nearest to that of training."""
    return min(settings.batch_size, key=lambda size: abs(size - TRAINING_BATCH))


def _fig2(settings: Any, runs: Runs) -> dict[str, list[Evidence]]:
    return {"C3": variance.variance_reduction(runs, nearest_batch(settings), settings.warmup)}


def _fig5(settings: Any, runs: Runs) -> dict[str, list[Evidence]]:
    alike, better = planar.banana_accuracy({name: run for name, run in runs.items() if name != "reference"})
    return {"C5": alike, "C6": better}


def _fig7(settings: Any, runs: Runs) -> dict[str, list[Evidence]]:
    return {"C9": variance.balance_variance(runs, nearest_batch(settings), settings.warmup)}


def _exact(settings: Any, runs: Runs) -> dict[str, list[Evidence]]:
    table = variance.bias_table(runs)
    table = table[table.iteration == 0]  # the criteria were written for estimates at the start
    return {
        "C3": variance.unbiasedness(table, max(settings.batch_size)),
        "C11": variance.baseline_quality(table, nearest_batch(settings)),
    }


SOURCES: dict[str, Callable[[Any, Runs], dict[str, list[Evidence]]]] = {
    "fig1": lambda settings, runs: {"C7": planar.mode_seeking(runs)},
    "fig2": _fig2,
    "fig3": lambda settings, runs: {"C1": convergence.convergence(runs)},
    "fig4": lambda settings, runs: {"C8": discovery.discovery(runs)},
    "fig5": _fig5,
    "fig6": lambda settings, runs: {"C4": convergence.faster_and_steadier(runs)},
    "fig7": _fig7,
    "fig8": lambda settings, runs: {"C10": convergence.large_batches(runs)},
    "fig9": lambda settings, runs: {"C7": planar.sparse_targets(runs)},
    "table1": lambda settings, runs: {"C2": convergence.accuracy_ratios(runs)},
    "exact": _exact,
}


def evidence_of(figure: str, settings: Any, runs: Runs) -> dict[str, list[Evidence]]:
    """The evidence of a figure, by claim."""
    return SOURCES[figure](settings, runs)
