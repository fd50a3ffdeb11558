"""Options of ``gfn train`` that belong to tasks: one for each name, however many tasks have it, and none without effect."""

from __future__ import annotations

from collections import Counter

import pytest

from gfn.environments import TASKS
from gfn.estimators import CONTROL_VARIATES
from gfn.policies import PolicySettings
from gfn.runs.draws import Draws
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.settings import SettingsError
from gfn.study.commands.train import train
from gfn.study.flags import check_used

OPTIONS = {option: parameter for parameter in train.params for option in parameter.opts}


def test_every_option_is_there_once():
    """Also between tasks, objectives, policies and the run itself."""
    counts = Counter(option for parameter in train.params for option in parameter.opts)
    assert set(counts.values()) == {1}
    own = {name for task in TASKS.values() for name in task.model_fields} - {"task", "task_seed"}
    assert not own & {
        *Objective.model_fields,
        *Draws.model_fields,
        *PolicySettings.model_fields,
        *TrainingSpec.model_fields,
    }


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


POLICY = {"hidden": (3,), "components": 2, "gin_layers": 1, "gin_width": 3}
SIZES = {"iterations": 2, "batch_size": 3, "seeds": (0,), "l1_objects": 8, "l1_orders": 2, "resolution": 8, "top_k": 2}
OTHERS = {"hidden": (4,), "components": 3, "gin_layers": 2, "gin_width": 4}
OTHERS |= {"l1_objects": 4, "l1_orders": 3, "resolution": 9, "top_k": 1, "mode_fractions": (0.1,)}
OTHERS |= {"log_z_learning_rate": 1.0, "learning_rate": 1.0, "batch_size": 4}
SMALL = [
    TASKS["sets"](universe=4, size=2),
    TASKS["sequences"](alphabet=2, length=2),
    TASKS["sequences"](length=9),
    TASKS["hypergrid"](side=3),
    TASKS["dags"](nodes=3),
    TASKS["phylogenetics"](alignment=(("a", "AC"), ("b", "CC"), ("c", "GC"))),
    TASKS["gaussian_mixture"](side=2),
    TASKS["banana"](),
    TASKS["random_mixture"](peaks=2, reach=3.0),
    TASKS["funnel"](dimensions=3),
    TASKS["many_well"](pairs=1),
    TASKS["digits"](side=2),
]
GOALS = [Objective(name=name) for name in ("tb", "db", "vargrad", "renyi")] + [Objective(log_z="known")]


def numbers(task, objective, **changes):
    """All that is recorded but times."""
    shape = PolicySettings(**POLICY | {name: value for name, value in changes.items() if name in POLICY})
    rest = SIZES | {name: value for name, value in changes.items() if name not in POLICY}
    spec = TrainingSpec(task=task, objective=objective, policy=shape, **rest)
    return [{**record, "seconds": 0} for record in Trainer(spec).run()]


def refused(name, task, objective):
    try:
        check_used([name], TrainingSpec(task=task, objective=objective))
    except SettingsError as error:
        flag = f"--{name.replace('_', '-')}"
        where = f"objective {objective.label}" if "log" in name else f"task {task.task}"
        assert str(error).startswith(f"{flag} is not allowed {'with' if 'log' in name else 'for'} {where}: ")
        return True
    return False


@pytest.mark.parametrize("objective", GOALS, ids=lambda goal: goal.label)
@pytest.mark.parametrize("task", SMALL, ids=lambda task: f"{task.task} {task.max_steps}")
def test_what_is_refused_changes_nothing(task, objective):
    """No number that is recorded; and something is left that does."""
    before, idle = numbers(task, objective), [name for name in OTHERS if refused(name, task, objective)]
    for name in idle:
        assert numbers(task, objective, **{name: OTHERS[name]}) == before
    assert not {"learning_rate", "batch_size"} & {*idle}
    assert numbers(task, objective, learning_rate=1.0) != before


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("sets", ["gin_layers", "gin_width", "components", "resolution"]),
        ("sequences", ["gin_layers", "gin_width", "components", "resolution", "l1_orders"]),
        ("phylogenetics", ["hidden", "components", "resolution", "l1_orders"]),
        ("funnel", ["gin_layers", "gin_width", "l1_orders", "resolution", "top_k", "mode_fractions"]),
        ("banana", ["gin_layers", "gin_width", "l1_objects", "l1_orders", "top_k", "mode_fractions"]),
    ],
)
def test_what_changes_nothing_is_refused(task, names):
    assert {name for name in OTHERS if refused(name, TASKS[task](), Objective())} == {*names}


def test_the_help_names_the_control_variates():
    """As it names all else that is one of some words."""
    assert OPTIONS["--control-variate"].help.startswith(
        f"variance reduction of a divergence: {', '.join(CONTROL_VARIATES)} [default: "
    )
