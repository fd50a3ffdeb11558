"""When errors are reached: by hand on curves of a few points."""

import numpy as np
import pandas as pd
import pytest

from gfn.runs.spec import TrainingSpec
from gfn.study.evidence.reaching import half_way, never, reached
from gfn.study.results import Run


@pytest.fixture
def run() -> Run:
    """Two seeds with five evaluations: one reaches 0.1 for good between the third and the fourth, the other never."""
    errors = {0: [1.0, 0.05, 1.0, 0.01, 0.01], 1: [1.0, 0.5, 0.4, 0.3, 0.2]}
    rows = [
        {"metric": "l1", "seed": seed, "iteration": 4 * i, "trajectories": 40 * i, "seconds": 2.0 * i, "value": value}
        for seed, values in errors.items()
        for i, value in enumerate(values)
    ]
    return Run(TrainingSpec(), pd.DataFrame(rows), {})


def test_the_last_crossing_counts_and_lies_between_evaluations(run: Run) -> None:
    assert reached(run, 0.1)[0] == pytest.approx(40 * 2.5)
    assert reached(run, 0.1, "seconds")[0] == pytest.approx(2 * 2.5)


def test_a_seed_that_never_reaches_counts_as_its_whole_training(run: Run) -> None:
    assert reached(run, 0.1)[1] == 160
    assert never(run, 0.1) == 1


def test_half_way_is_the_geometric_mean_of_start_and_end(run: Run) -> None:
    assert half_way(run) == pytest.approx(np.sqrt(1.0 * np.median([0.01, 0.2])))
