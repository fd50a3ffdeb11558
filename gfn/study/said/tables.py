"""Findings on tables: Table 1, calibration, sensitivity, and the targets themselves."""

from __future__ import annotations

from typing import Any

from gfn.environments import PAPER_TASKS
from gfn.environments.enumeration import target_distribution
from gfn.study.claims import OUTCOMES, Verdict
from gfn.study.evidence.against import times_both
from gfn.study.evidence.calibration import calibration_table, nearest
from gfn.study.evidence.comparisons import BASELINES
from gfn.study.evidence.sensitivity import distinct_settings, verdict_changes
from gfn.study.experiments.tasks import MIXTURE_CALIBRATED, SEQUENCES_CALIBRATED
from gfn.study.paper import printed
from gfn.study.presentation.digits import number
from gfn.study.said.words import decimals, listed, rows, share, task

COLUMNS = ("tb", "reverse_kl", "forward_kl", "renyi", "tsallis")  # of the paper's table


def final_accuracy(settings: Any, runs: Any, verdict: Verdict) -> str:
    """Table 1: in how many cases a divergence is as accurate as each baseline, and what control variates change."""
    tests = [rows(verdict, f"accurate{end}") for end in BASELINES]
    counts = [f"{(found.outcome == 'supported').sum()} of {len(found)}" for found in tests]
    worse = sum((found.outcome == "contradicted").sum() for found in tests)
    known = times_both({key: run for key, run in runs.items() if key[0] in PAPER_TASKS}).median()
    return (
        "Late in training a divergence's error is at most a quarter above that of TB with log Z from 0 in"
        f" {counts[0]} cases, of TB with log Z from a first batch in {counts[1]}, and of VarGrad in {counts[2]};"
        f" the whole interval is above that bound in {worse or 'none'}, and the others are inconclusive. On the paper's seven tasks `joint`, which is ours, ends with"
        f" {decimals(known.renyi)} (Rényi) and {decimals(known.tsallis)} (Tsallis) times the error of the paper's two control"
        " variates, as medians over tasks and seeds."
    )


def known_cells() -> str:
    """How many cells of the paper's table are known, in a sentence."""
    texts = {name: printed(name) for name in PAPER_TASKS}
    exact = sum(cells["mean"].notna().reindex(COLUMNS, fill_value=False).sum() for cells in texts.values())
    ranges = [task(name) for name, cells in texts.items() if cells["low"].notna().any()]
    within = f"; for {listed(ranges)} only the range of all objectives is known" if ranges else ""
    return (
        f"**What is not known.** Of the paper's Table 1 only {exact} of {len(COLUMNS) * len(texts)} cells were read (seven tasks,"
        f" TB and four divergences){within}. All others are shown as not available: the paper prints a number"
        " there, and we have not seen it."
    )


def calibrated(settings: Any, runs: Any) -> str:
    """Calibration: the chosen values, how near they are, and whether they still are the nearest."""
    table = calibration_table(runs)
    chosen = {"sequences": (SEQUENCES_CALIBRATED,), "gaussian_mixture": MIXTURE_CALIBRATED}
    same = [nearest(table, name) == values for name, values in chosen.items()]
    cells = {name: _cell(table, name, values) for name, values in chosen.items()}
    spacing, width = MIXTURE_CALIBRATED
    verdict = (
        "Of all values tried, both are the nearest" if all(same) else "With these runs, they are not both the nearest"
    )
    return (
        f"For sequences we take c = {SEQUENCES_CALIBRATED:g}: there TB's error at the end is {cells['sequences']}, and the paper prints"
        f" {printed('sequences').text['tb']}. For the Gaussian mixture we take spacing {spacing:g} and standard deviation {width:g}:"
        f" {cells['gaussian_mixture']}, where the paper prints {printed('gaussian_mixture').text['tb']}. {verdict}."
    )


def _cell(table: Any, name: str, values: tuple[float, ...]) -> str:
    """Mean and standard deviation at a value, in the paper's form."""
    chosen = (table.task == name) & (table.value == values[0])
    if len(values) > 1:
        chosen &= table.scale == values[1]
    found = table[chosen]
    return f"{found['mean'].iloc[0]:.2f} ± {found.standard_deviation.iloc[0]:.2f}" if len(found) else "not measured"


def sensitive(settings: Any, runs: Any) -> str:
    """Sensitivity: how often claim C2 would be supported, and at which values it is not.

    The values in force of one task stand in the table once for each choice, and are counted once.
    """
    table = verdict_changes(runs).loc[distinct_settings(runs)]
    full = table.verdict == "supported"
    misses = _choices(list(table.index[~full])) if (~full).any() else ""
    against = int(table[OUTCOMES[1]].sum())
    where = f" The exceptions are: {misses}." if misses else ""
    worse = "none" if not against else f"{against}"
    return (
        f"With {full.sum()} of the {len(table)} different settings tried, claim C2 would be supported in full by that task"
        f" alone.{where}"
        f" Of all comparisons with a baseline, {worse} contradict{'s' if against == 1 else ''} the claim: there a divergence is"
        " clearly less accurate."
    )


def _choices(found: list[tuple[str, str]]) -> str:
    """Choices with those of their values that are meant."""
    values: dict[str, list[str]] = {}
    for choice, value in found:
        values.setdefault(choice, []).append(value)
    return "; ".join(f"{choice} {listed(of)}" for choice, of in values.items())


def concentrated(settings: Any, tasks: Any) -> str:
    """Targets: how many objects carry half of the mass."""
    said = []
    for name, each in tasks.items():
        mass = target_distribution(each).sort(descending=True).values.cumsum(0)
        half = int((mass < 0.5).sum()) + 1
        said.append(f"{number(int(half))} of {number(len(mass))} on {task(name)} ({share(half / len(mass))})")
    return (
        f"A few objects carry much of the mass. So many of the most probable objects carry half of it: {listed(said)}."
    )
