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


@pytest.mark.parametrize("task", TASKS)
def test_a_task_seed_is_refused_where_nothing_is_random(task, gfn_command, tmp_path):
    """It would change the name of the run, and nothing else."""
    if TASKS[task].drawn:
        assert TASKS[task](task_seed=1) != TASKS[task]()
    else:
        status, out, err = gfn_command("train", "--task", task, "--task-seed", "1", "--out", tmp_path)
        assert (status, out) == (2, "")
        assert err == f"gfn: task_seed = 1 is not allowed for task {task}: nothing of its reward is random\n"


def test_a_task_seed_beside_data_is_refused(gfn_command, tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1.5,2\n3,1\n0,9\n")
    status, out, err = gfn_command("train", "--task", "dags", "--data", tmp_path / "x.csv", "--task-seed", "1")
    assert (status, out) == (2, "")
    assert err == "gfn: task_seed = 1 is not allowed beside data: it belongs to simulated ones\n"


def test_what_cannot_fit_is_refused_before_it_starts(gfn_command, tmp_path):
    status, out, err = gfn_command("train", "--hidden", "65536,65536,65536,65536,65536", "--out", tmp_path / "store")
    assert (status, out) == (2, "")
    assert err.startswith(
        "gfn: hidden = (65536, 65536, 65536, 65536, 65536) is not allowed here: the training needs some"
    )
    assert not (tmp_path / "store").exists()
