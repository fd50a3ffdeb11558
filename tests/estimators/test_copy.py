"""The folder of estimators in somebody else's project: copied as it is, under another name, without this package."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gfn import estimators
from tests.estimators import small_training

# Isolated Python knows neither this folder nor PYTHONPATH; an installed copy of this package it is not to find.
PROGRAM = """
import importlib, json, sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("gfn", "tests"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hide())
sys.path.insert(0, "")
import torch
import small_training

torch.set_num_threads(1)
try:
    import gfn
except ModuleNotFoundError:
    found = small_training.train_all(importlib.import_module(sys.argv[1]))
    assert not [name for name in sys.modules if name.split(".")[0] in ("gfn", "tests")]
    print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def expected():
    return small_training.train_all(estimators)


@pytest.mark.parametrize("name", ["borrowed", "their.project.losses"])
def test_a_copy_trains_as_the_package_does(name, expected, tmp_path):
    """Every divergence with every control variate, and every balance loss: the same gradients at every step."""
    shutil.copytree(
        Path(estimators.__file__).parent,
        tmp_path.joinpath(*name.split(".")),
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(small_training.__file__, tmp_path)
    call = [sys.executable, "-I", "-c", PROGRAM, name]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == expected.keys()
    for objective, training in expected.items():
        assert found[objective]["gradients"] == pytest.approx(training["gradients"], rel=1e-9, abs=1e-12), objective
        assert found[objective]["distances"] == pytest.approx(training["distances"], rel=1e-9), objective


def test_these_trainings_are_of_all_objectives_and_learn(expected):
    """So that the comparison is of something."""
    count = len(estimators.DIVERGENCES) * len(estimators.CONTROL_VARIATES)
    assert len(expected) == count + 7
    for objective, training in expected.items():
        before, after = training["distances"]
        assert after < 0.5 * before, objective
        assert len(training["gradients"]) >= small_training.STEPS * small_training.LETTERS
