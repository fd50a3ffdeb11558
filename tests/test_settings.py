"""Settings of every kind: frozen, hashable, equal by value, refused in one sentence."""

from __future__ import annotations

import pytest
import torch
from pydantic import BaseModel, TypeAdapter

from gfn.environments import TASKS, Banana, DAGs, GaussianMixture, Hypergrid, Phylogenetics, Sequences, Sets, Task
from gfn.policies import PolicySettings
from gfn.settings import Settings, SettingsError

ALTERED = [
    Sets(universe=6, size=2, low=-2.0),
    Sequences(alphabet=3, length=2, g_low=0.5),
    Hypergrid(side=4, dimensions=3, r0=0.1),
    DAGs(nodes=3, samples=9, prior="uniform"),
    GaussianMixture(side=2, spacing=1.5),
    Banana(correlation=-0.25),
    Phylogenetics(alignment=(("a", "ACGT"), ("b", "AC-T"), ("c", "NCGA")), branch_length=0.2),
    PolicySettings(hidden=(8, 4), components=3),
]
IDS = [type(s).__name__ for s in ALTERED]


@pytest.mark.parametrize("settings", ALTERED, ids=IDS)
def test_settings_survive_json(settings):
    again = type(settings).model_validate_json(settings.model_dump_json())
    assert again == settings
    assert hash(again) == hash(settings)
    assert settings != type(settings)()


@pytest.mark.parametrize("settings", ALTERED, ids=IDS)
def test_settings_are_frozen(settings):
    field = next(iter(type(settings).model_fields))
    before = settings.model_dump()
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, field, getattr(settings, field))
    assert settings.model_dump() == before


@pytest.mark.parametrize("settings", ALTERED, ids=IDS)
def test_unknown_settings_are_refused(settings):
    """The message lists the known ones."""
    with pytest.raises(SettingsError, match=r"^unknown setting 'colour'; known settings: [^\n]+$") as caught:
        type(settings)(colour="red")
    assert all(field in str(caught.value) for field in type(settings).model_fields)


@pytest.mark.parametrize("settings", ALTERED[:-1], ids=IDS[:-1])
def test_tasks_are_equal_by_their_settings_alone(settings):
    """What a task has computed and kept in the meantime does not count: before, after, and both sides used."""
    one, other = (type(settings)(**settings.model_dump()) for _ in range(2))
    for used in (one, other):
        state = used.initial(1)
        for _ in range(used.max_steps):
            action = used.mask(state).long().argmax(-1) if hasattr(used, "mask") else torch.zeros(1)
            state = used.step(state, action)
        used.observe(state)
        used.log_reward(state)
        assert one == other
        assert hash(one) == hash(other)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_found_by_its_name(task):
    """The union of all tasks reads back each of them from its own record."""
    settings = TASKS[task]()
    assert settings.task == task
    again = TypeAdapter(Task).validate_python(settings.model_dump())
    assert type(again) is TASKS[task]
    assert again == settings


def test_copies_keep_nothing_but_settings():
    """What has been computed for one value does not go over to another, and a copy is validated too."""
    task = Sets()
    assert torch.equal(task.values, Sets().values)
    copy = task.model_copy(update={"task_seed": 1, "universe": 40})
    assert copy == Sets(task_seed=1, universe=40)
    assert torch.equal(copy.values, Sets(task_seed=1, universe=40).values)
    assert task.model_copy() == task
    with pytest.raises(SettingsError, match=r"^size = 50 is not allowed"):
        task.model_copy(update={"size": 50})


class Outer(Settings):
    inner: Sets = Sets()
    needed: int


def test_problems_inside_nested_settings_are_one_sentence_too():
    with pytest.raises(SettingsError, match=r"^[^\n]*size = 9[^\n]*universe = 4[^\n]*$"):
        Outer(inner={"universe": 4, "size": 9}, needed=1)


def test_missing_settings_are_named():
    with pytest.raises(SettingsError, match=r"^needed is missing$"):
        Outer()


def test_settings_error_is_a_value_error():
    """So that callers need not know of pydantic."""
    with pytest.raises(ValueError, match="side = 0") as caught:
        GaussianMixture(side=0)
    assert type(caught.value) is SettingsError
    assert caught.value.__cause__ is None
    assert issubclass(Settings, BaseModel)


BAD_POLICIES = [("hidden", (0,)), ("hidden", (8, -3)), ("hidden", ("wide",)), ("components", 0), ("components", 5000)]


@pytest.mark.parametrize(("field", "value"), BAD_POLICIES)
def test_impossible_networks_are_refused(field, value):
    with pytest.raises(SettingsError, match=rf"^[^\n]*{field}[^\n]*is not allowed[^\n]*$"):
        PolicySettings(**{field: value})
