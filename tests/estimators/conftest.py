"""What the tests of estimators share."""

import pytest

from gfn.environments import Sequences
from tests.helpers import SMALL_TASKS, TINY_TASKS, small_policy, table


@pytest.fixture(scope="module")
def tables():
    tasks = {**SMALL_TASKS, **TINY_TASKS}
    return {name: table(task, small_policy(task)) for name, task in tasks.items()}


@pytest.fixture(scope="module")
def three():
    """A task of three trajectories, whose batches can all be listed up to a hundred trajectories."""
    task = Sequences(alphabet=1, length=2, f_low=-2.0, f_high=-1.0, g_low=1.0)
    return table(task, small_policy(task, [4]))
