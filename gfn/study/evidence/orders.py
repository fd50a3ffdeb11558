"""Rényi divergences of different orders: claim C7."""

from __future__ import annotations

from collections.abc import Mapping

from gfn.study.claims import Evidence, difference, ratio
from gfn.study.evidence.convergence import accuracy_metric
from gfn.study.evidence.planar import mass_table
from gfn.study.evidence.tables import late
from gfn.study.paper import margin
from gfn.study.results import Run

Runs = Mapping[tuple[str, str, float], Run]


def mode_seeking(runs: Runs, variate: str = "both") -> list[Evidence]:
    """Evidence for C7 early in training: on each mixture the error at other orders over that at α = ½, and how much
    more mass α = 2 misses, and α = −2 strays to, than the other.
    """
    evidence, about = [], {"variate": variate}
    for task, of in _by_task(runs, variate).items():
        error = {alpha: late(run, "jsd") for alpha, run in of.items()}
        if 0.5 in of:
            evidence += [
                ratio("best", f"{task}, α = {alpha:g}", error[alpha], error[0.5], margin("jsd"), **about)
                for alpha in of
                if alpha != 0.5
            ]
        if {-2.0, 2.0} <= of.keys():
            both = {alpha: of[alpha] for alpha in (-2.0, 2.0)}
            mass, of_both = mass_table(both).pivot(index="seed", columns="run"), about | {"runs": _hashes(both)}
            evidence.append(difference("covering", task, mass.missed[2.0], mass.missed[-2.0], **of_both))
            evidence.append(difference("seeking", task, mass.stray[-2.0], mass.stray[2.0], **of_both))
    return evidence


def sparse_targets(runs: Runs, variate: str = "both") -> list[Evidence]:
    """Evidence for C7 on sparse targets: late in training, the error at α = ½ over that at negative orders, and that
    at orders above one over that at α = ½.
    """
    evidence, about = [], {"variate": variate}
    for task, of in _by_task(runs, variate).items():
        if 0.5 not in of:
            continue
        metric = accuracy_metric(of[0.5])
        error = {alpha: late(run, metric) for alpha, run in of.items()}
        for test, above, below in [("sparse", 0.5, a) for a in of if a < 0] + [
            ("sparse_best", a, 0.5) for a in of if a > 1
        ]:
            order = below if test == "sparse" else above
            evidence.append(ratio(test, f"{task}, α = {order:g}", error[above], error[below], margin(metric), **about))
    return evidence


def _hashes(of: Mapping[float, Run]) -> tuple[str, ...]:
    return tuple(run.spec.hash for run in of.values())


def _by_task(runs: Runs, variate: str) -> dict[str, dict[float, Run]]:
    """Runs with one control variate, by task and order."""
    nested: dict[str, dict[float, Run]] = {}
    for (task, own, alpha), run in runs.items():
        if own == variate:
            nested.setdefault(task, {})[alpha] = run
    return nested
