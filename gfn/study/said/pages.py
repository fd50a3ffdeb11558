"""The finding of each page, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gfn.study.claims import Verdict
from gfn.study.said import accuracy, choosing, gradients, tables

FINDINGS: dict[str, Callable[..., str]] = {
    "fig1": accuracy.orders_early,
    "fig2": gradients.control_variates,
    "fig3": accuracy.fastest,
    "fig4": accuracy.found,
    "fig5": accuracy.banana,
    "fig6": accuracy.with_and_without,
    "fig7": gradients.trajectory_balance,
    "fig8": accuracy.batches,
    "fig9": accuracy.sparse,
    "table1": tables.final_accuracy,
    "exact": gradients.exactly,
    "calibration": tables.calibrated,
    "sensitivity": tables.sensitive,
    "tasks": tables.concentrated,
    "which": choosing.chosen,
}
TOO_SMALL = (
    "**Not judged at this scale.** The runs of the smoke profile are toys: they show that this page can be made, and"
    " say nothing about the question."
)


def finding(page: str, settings: Any, runs: Any, *verdicts: Verdict) -> str:
    """What a page found, as Markdown: two or three sentences, every number computed from its runs.

    Arguments:
        page: a key of ``FINDINGS``.
        settings: the page's.
        runs: its runs, from :func:`gfn.study.notebook.obtain`; of the page of tasks, the tasks.
        verdicts: on the claims that the page bears on, in the order of the page.
    """
    if settings.profile == "smoke":
        return TOO_SMALL
    return FINDINGS[page](settings, runs, *verdicts)
