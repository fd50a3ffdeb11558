"""Tasks of one's own by name: what they are called, how they are found, and that nothing is imported unasked."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint
from typing import Literal

import pytest

from gfn.environments import TASKS, Environment, Sets, Task, load_task, own
from gfn.environments.enumeration import exact_log_z, target_distribution
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec, parse_spec
from gfn.runs.training import Trainer
from gfn.settings import Settings, SettingsError
from tests.environments.test_contract import Bag

MODULE = '''
"""A task of one's own."""
from pathlib import Path

from pydantic import Field

from tests.environments.test_contract import Bag

Path("it_was_imported").touch()


class Mine(Bag):
    things: int = Field(2, ge=1)
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with a module that nobody has imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    (tmp_path / "own_module.py").write_text(MODULE, encoding="utf-8")
    yield tmp_path
    for module in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[module]


def stored(name="own_module:Mine", **fields):
    return json.dumps({"kind": "training", "task": {"task": name, **fields}})


def test_it_is_named_by_module_and_class():
    assert Bag().task == Bag.named() == "tests.environments.test_contract:Bag"
    assert json.loads(Bag(things=4).model_dump_json()) == {"task": Bag.named(), "task_seed": 0, "things": 4}


def test_a_script_that_is_run_is_called_as_one_that_is_imported(monkeypatch):
    class Local(Bag):
        __module__ = "__main__"

    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/somewhere/knapsack.py", raising=False)
    assert Local.named().startswith("knapsack:")


def test_reading_imports_nothing(folder):
    """Whoever wrote a file must not choose what is executed here."""
    for name in ("own_module:Mine", "os:system", "own_module", "own_module:Mine:", "__main__:X", "antigravity:fly", ""):
        with pytest.raises(SettingsError, match="is not allowed: one of sets"):
            parse_spec(stored(name))
    assert "own_module" not in sys.modules
    assert "antigravity" not in sys.modules
    assert not (folder / "it_was_imported").exists()


def test_what_the_user_names_is_imported_and_read(folder):
    kind = load_task("own_module:Mine")
    assert (folder / "it_was_imported").exists()
    assert parse_spec(stored(things=3)).task == kind(things=3)
    spec = TrainingSpec(task=kind())
    assert parse_spec(spec.model_dump_json()) == spec
    assert spec.model_copy(update={"iterations": 3}).task == kind()
    with pytest.raises(SettingsError, match="things = 0 is not allowed"):
        parse_spec(stored(things=0))
    with pytest.raises(SettingsError, match="unknown setting 'nothing'"):
        parse_spec(stored(nothing=0))


@pytest.mark.parametrize(
    ("name", "why"),
    {
        "own_nothing:Mine": "No module named 'own_nothing'",
        "own_module:Other": "has no attribute 'Other'",
        "own_module:Path": "it is no subclass of",
        "own_module": "one of sets",
        "own_broken:Mine": "ZeroDivisionError: division by zero",
        "own_half:Half": "it lacks action_count, backward_mask",
        ":Mine": "one of sets",
    }.items(),
)
def test_what_cannot_be_loaded_is_refused_in_a_sentence(folder, name, why):
    (folder / "own_broken.py").write_text("1 / 0\n")
    half = "from gfn.environments import DiscreteEnvironment\nclass Half(DiscreteEnvironment):\n    max_steps = 1\n"
    (folder / "own_half.py").write_text(half.replace("    max_steps = 1\n", "    pass\n"))
    with pytest.raises(SettingsError, match=f"task = {name!r} is not allowed.*{why}"):
        load_task(name)


def point(value, name="mine"):
    return EntryPoint(name=name, value=value, group=own.GROUP)


def test_installed_packages_name_theirs(folder, monkeypatch):
    """By the entry point's name, its value, or the name of the class, whichever a specification has."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(own, "installed", lambda: [point("own_module:Mine")])
    with pytest.raises(SettingsError, match="one of sets"):
        parse_spec(stored("own_other:Mine"))
    assert "own_module" not in sys.modules
    task = parse_spec(stored("own_module:Mine")).task
    assert type(task).__name__ == "Mine"
    assert load_task("mine") is load_task("own_module:Mine") is type(task)


def test_the_group_is_that_of_the_guide(monkeypatch):
    asked = []
    monkeypatch.setattr(own, "entry_points", lambda **selection: asked.append(selection) or ())
    assert own.installed() == []
    assert asked == [{"group": "gfn.tasks"}]


def test_shipped_tasks_keep_their_names():
    for name, kind in TASKS.items():
        assert kind.named() == name
        assert load_task(name) is kind


class Twin(Bag):
    task: Literal["a bag of one's own"] = "a bag of one's own"


def test_a_name_of_its_own_is_possible_but_must_be_its_own():
    assert TrainingSpec(task={"task": "a bag of one's own", "things": 2}).task == Twin(things=2)

    class Other(Bag):
        task: Literal["a bag of one's own"] = "a bag of one's own"
        __module__ = "tests.helpers"

    with pytest.raises(SettingsError, match=r"tests\.helpers:.* have this name, give them others"):
        own.find_task("a bag of one's own", TASKS)
    Other.__module__ = "gone"


def test_a_shipped_name_is_refused():
    class Pretender(Sets):
        pass

    with pytest.raises(SettingsError, match="a task of the package has this name"):
        TrainingSpec(task=Pretender())


def test_another_name_than_its_own_is_refused():
    with pytest.raises(SettingsError, match=r"task = 'sets' is not allowed for Bag, whose name is tests\."):
        Bag(task="sets")


def test_settings_of_any_kind_may_hold_a_task():
    class Holder(Settings):
        task: Task

    assert isinstance(Holder(task=Bag()).task, Environment)
    assert Holder.model_validate_json(Holder(task=Sets()).model_dump_json()).task == Sets()
    with pytest.raises(SettingsError, match="task = 5 is not allowed"):
        Holder(task=5)


def test_without_a_log_z_the_exact_one_is_found_by_enumeration():
    """It ended in an AttributeError."""
    task = Bag()
    assert task.log_z is None
    trainer = Trainer(TrainingSpec(task=task, objective=Objective(log_z="known"), seeds=(0,), iterations=1))
    assert trainer.log_z.item() == pytest.approx(3 * 1.3132617, abs=1e-5)  # log(1 + e) a thing
    assert exact_log_z(task) == pytest.approx(float(trainer.log_z), abs=1e-5)
    assert target_distribution(task).sum() == pytest.approx(1)


def test_where_it_cannot_be_found_that_is_said():
    spec = TrainingSpec(task=Bag(things=40), objective=Objective(log_z="known"), seeds=(0,), iterations=1)
    with pytest.raises(SettingsError, match="it has no log_z, and its states cannot be listed"):
        Trainer(spec)
