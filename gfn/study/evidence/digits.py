"""What is told of the two leagues on pictures of digits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gfn.environments import Digits
from gfn.randomness import stream
from gfn.runs.rivals import PICTURES as SHOWN
from gfn.study.evidence.answering import listed
from gfn.study.evidence.leagues import Runs, best_runs, points, standings
from gfn.study.evidence.scale import needs
from gfn.study.experiments.leagues import TABLES
from gfn.study.plotting.style import OBJECTIVES, RIVALS
from gfn.study.presentation.digits import number
from gfn.study.results import Run

SAMPLERS = OBJECTIVES | RIVALS
TASK = "digits"


def pictures(runs: Runs) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Pictures of the target, ``[n, side, side]``, and those of each sampler that are kept, in the order of the leagues."""
    best = best_runs(runs)
    task: Digits = next(iter(best.values())).spec.task
    exact = task.sample_target(SHOWN, stream("digits: exact samples", 0)).numpy().reshape(-1, task.side, task.side)
    names = [name for league in TABLES.values() for name in league if (TASK, name) in best]
    return exact, {name: _kept(best[TASK, name], task.side) for name in names}


def _kept(run: Run, side: int) -> np.ndarray:
    pixels = [f"x{pixel + 1}" for pixel in range(side**2)]
    return points(run, pixels).reindex(columns=pixels).to_numpy().reshape(-1, side, side)


def finding(runs: Runs) -> str:
    """Who is first in each league, by bound and by samples, in two sentences."""
    spec = next(iter(runs.values())).spec
    bound, distance = (standings(runs, metric) for metric in ("elbo_gap", "sliced"))
    density = _first(bound, "density"), _first(distance, "density")
    samples = _first(bound, "samples"), _first(distance, "samples")
    floor = number(float(distance.floor.iloc[0]))
    return (
        f"Of GFlowNets that learn from {number(spec.budget)} evaluations of the density, {density[0]} ends nearest to log Z, in"
        f" nats, and {density[1]} has the nearest samples by the sliced distance, of which exact samples have {floor}. Of models"
        f" that learn from as many samples, {samples[0]} has the tightest bound, and {samples[1]} the nearest samples."
    )


def _first(table: pd.DataFrame, league: str) -> str:
    row = table[(table.league == league) & (table["rank"] == 1)].iloc[0]
    return f"{SAMPLERS[row.sampler]} ({number(row['median'])})"


def larger(runs: Runs) -> pd.DataFrame:
    """What the same would take on larger pictures, a row a set of them: as many trajectories of the same kind of network."""
    spec = next(iter(runs.values())).spec
    table = needs(spec.policy.hidden, spec.batch_size, spec.budget).set_index("pictures")
    gigabytes = table.batch_bytes / 1e9
    return pd.DataFrame(
        {
            "pictures there are": table["count"].map(number),
            "steps of a trajectory": table.steps.map(number),
            "bits": table.bits.map(number),
            "weights": table.weights.map(number),
            "a batch keeps (GB)": gigabytes.map(number),
            "hours of one core": table.core_hours.map(number),
            "hours of a GPU": table.gpu_hours.map(number),
        }
    )


def same_network(runs: Runs) -> str:
    """Which network the table of :func:`larger` is of, in words."""
    spec = next(iter(runs.values())).spec
    return f"hidden layers of {listed(map(str, spec.policy.hidden))} and {number(spec.budget)} trajectories in batches of {spec.batch_size}"
