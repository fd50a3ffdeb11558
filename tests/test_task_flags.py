"""Options of ``gfn train`` that belong to tasks: one for each name, however many tasks have it."""

from __future__ import annotations

from collections import Counter

import pytest

from gfn.cli import train
from gfn.environments import TASKS
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec

OPTIONS = {option: parameter for parameter in train.params for option in parameter.opts}


def test_every_option_is_there_once():
    """Also between tasks, objectives, policies and the run itself."""
    counts = Counter(option for parameter in train.params for option in parameter.opts)
    assert set(counts.values()) == {1}
    own = {name for task in TASKS.values() for name in task.model_fields} - {"task", "task_seed"}
    assert not own & {*Objective.model_fields, *PolicySettings.model_fields, *TrainingSpec.model_fields}


@pytest.mark.parametrize("task", TASKS)
def test_the_help_says_which_tasks_have_an_option(task):
    """And what the default is in each."""
    for name, field in TASKS[task].model_fields.items():
        if name not in ("task", "task_seed"):
            text = OPTIONS[f"--{name.replace('_', '-')}"].help
            part = next(part for part in text.split("; ") if part.startswith(f"{task}: {field.description}"))
            if field.default_factory:
                assert "[default: " in part
            else:
                assert field.default is None or part.endswith(f"[default: {field.default}]")


def test_a_shared_name_is_one_option():
    """``--side`` is a field of two tasks."""
    text = OPTIONS["--side"].help
    assert "hypergrid: " in text
    assert "gaussian_mixture: " in text
