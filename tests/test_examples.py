"""The examples: short, sound, and doing what they say."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from gfn.environments import load_task
from gfn.environments.contract import check_task
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.study import results

FOLDER = Path(__file__).parents[1] / "examples"
TASKS = {"knapsack": "Knapsack", "ring": "Ring", "any_order": "AnyOrder", "logistic": "Logistic"}
ELSEWHERE = {"torchgfn_divergences"}  # tests/examples tries those that need another package


@pytest.fixture(params=TASKS)
def example(request, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield request.param, load_task(f"{request.param}:{TASKS[request.param]}")
    sys.modules.pop(request.param, None)


def test_there_are_no_others():
    assert {path.stem for path in FOLDER.glob("*.py")} == TASKS.keys() | ELSEWHERE


def test_each_is_short_and_keeps_the_contract(example):
    name, kind = example
    assert len((FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()) < 80
    assert check_task(kind()) == ([], check_task(kind())[1])


def test_each_is_learned(example):
    """By TB or a divergence, with a learned backward policy where the example is about it."""
    name, kind = example
    policy = PolicySettings(hidden=(32,), components=8, backward="learned" if name == "any_order" else "uniform")
    sizes = {"iterations": 100, "batch_size": 64, "seeds": (0,), "evaluate_every": 100, "learning_rate": 0.01}
    for objective in (Objective(log_z="batch"), Objective(name="renyi")):
        spec = TrainingSpec(task=kind(), objective=objective, policy=policy, resolution=64, **sizes)
        records = Trainer(spec).run()
        if values := [each["value"] for each in records if each["metric"] in ("l1", "jsd")]:
            assert values[-1] < 0.6 * values[0]
        else:
            values = [each["value"] for each in records if each["metric"] == "elbo"]
            assert values[-1] > values[0] + 10


def test_each_runs_as_a_script(example, monkeypatch, tmp_path, capsys):
    """With few iterations: its runs are stored under the name by which the command finds the task."""
    name, kind = example
    monkeypatch.chdir(tmp_path)
    full = results.load_or_train
    monkeypatch.setattr(
        results, "load_or_train", lambda spec, store: full(spec.model_copy(update={"iterations": 1}), Path(store))
    )
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert kind.named() in capsys.readouterr().out
    assert len(list((tmp_path / "results").glob("*.parquet"))) >= 2
