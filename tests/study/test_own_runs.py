"""Runs of a task of one's own: stored, read again and not made again, resumed, shown and verified like the others."""

from __future__ import annotations

import runpy
import sys

import pytest

from gfn.environments import load_task, own
from gfn.runs.provenance import source_fingerprint
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer
from gfn.study import results
from gfn.study.results import ResultError, load_or_train, read_run, result_path
from gfn.study.summaries import final_values
from gfn.study.verify import verify

MODULE = """
from pydantic import Field

from tests.environments.test_contract import Bag


class Mine(Bag):
    things: int = Field(2, ge=1)

    def log_reward(self, state):
        return 1.0 * state[..., :-1].sum(-1).double()
"""

SCRIPT = """

if __name__ == "__main__":
    from gfn.runs.provenance import source_fingerprint
    from tests.study.test_own_runs import spec_of

    spec = spec_of(Mine)
    code = source_fingerprint(spec)
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_run_task.py").write_text(MODULE, encoding="utf-8")
    sys.modules.pop("own_run_task", None)
    yield load_task("own_run_task:Mine")
    sys.modules.pop("own_run_task", None)


def spec_of(kind, **settings):
    return TrainingSpec(task=kind(), iterations=2, batch_size=4, seeds=(0,), evaluate_every=1, **settings)


@pytest.fixture
def made(mine, tmp_path):
    spec = spec_of(mine)
    return load_or_train(spec, tmp_path / "store"), spec, tmp_path / "store"


def test_it_is_read_and_not_made_again(made, monkeypatch):
    """It was trained again at every call."""
    run, spec, store = made
    monkeypatch.setattr(results, "execute", lambda *arguments: pytest.fail("made again"))
    again = load_or_train(spec, store)
    assert again.spec == spec == run.spec
    assert again.frame.equals(run.frame)
    assert read_run(result_path(spec, store)).provenance["task"] == "own_run_task:Mine"


def test_it_is_shown_and_verified(made, gfn_command):
    run, spec, store = made
    assert set(final_values(run).task) == {"own_run_task:Mine"}
    (comparison,) = verify([result_path(spec, store)])
    assert comparison.agrees
    status, out, _ = gfn_command("show", store, "--task", "own_run_task:Mine")
    assert status == 0
    assert spec.hash in out


def test_where_the_task_is_not_known_that_is_said(made, monkeypatch):
    _, spec, store = made
    monkeypatch.setattr(own, "_imported", lambda name: None)
    with pytest.raises(
        ResultError, match="holds a run of task own_run_task:Mine, which is not of this package: name it with"
    ):
        read_run(result_path(spec, store))


def test_code_that_was_changed_makes_it_again(made, tmp_path, capsys):
    """A reward at work is changed many times, under the same settings."""
    _, spec, store = made
    (tmp_path / "own_run_task.py").write_text(MODULE + "\n# a word\n", encoding="utf-8")
    load_or_train(spec, store)
    assert capsys.readouterr().err == ""
    (tmp_path / "own_run_task.py").write_text(MODULE.replace("1.0 *", "2.0 *"), encoding="utf-8")
    load_or_train(spec, store)
    assert "was made by other code; making it again" in capsys.readouterr().err


def test_a_script_makes_the_run_that_the_command_reads(mine, tmp_path):
    """Its module is called otherwise while it runs, and its runs were made again by the command."""
    (tmp_path / "own_run_task.py").write_text(MODULE + SCRIPT, encoding="utf-8")
    left = runpy.run_path(str(tmp_path / "own_run_task.py"), run_name="__main__")
    assert type(left["spec"].task) is left["Mine"] is not mine
    assert left["code"] == source_fingerprint(spec_of(mine))
    (tmp_path / "own_run_task.py").write_text((MODULE + SCRIPT).replace("1.0 *", "2.0 *"), encoding="utf-8")
    assert runpy.run_path(str(tmp_path / "own_run_task.py"), run_name="__main__")["code"] != left["code"]


def test_it_resumes(mine, tmp_path):
    spec = spec_of(mine)
    half = Trainer(spec)
    half.step()
    half.save(tmp_path / "checkpoint")
    assert Trainer(spec).load(tmp_path / "checkpoint")


def test_the_command_trains_it_with_its_fields(mine, tmp_path, gfn_command):
    run = ("train", "--task", "own_run_task:Mine", "--iterations", "1", "--batch-size", "4", "--seeds", "0")
    status, out, err = gfn_command(*run, "--things", "3", "--out", tmp_path / "store")
    assert (status, err) == (0, "")
    (path,) = (tmp_path / "store").glob("*.parquet")
    assert read_run(path).spec.task == mine(things=3)
    status, _, err = gfn_command(*run, "--universe", "3", "--out", tmp_path / "store")
    assert status == 2
    assert "--universe does not belong to task own_run_task:Mine, which has: task_seed, things" in err
    status, out, _ = gfn_command("train", "--task", "own_run_task:Mine", "--help")
    assert status == 0
    assert "--things" in out


def test_the_help_has_a_field_that_another_task_has_too(mine, gfn_command, tmp_path):
    """With its own words: the length of sequences is something else. It was left out."""
    with (tmp_path / "own_run_task.py").open("a", encoding="utf-8") as file:
        file.write('\n\nclass Long(Mine):\n    length: int = Field(8, ge=1, description="number of bits")\n')
    del sys.modules["own_run_task"]
    out = " ".join(gfn_command("train", "--task", "own_run_task:Long", "--help")[1].split())
    assert "--length INTEGER number of bits [default: 8]" in out
    assert "--alphabet" not in out
    out = " ".join(gfn_command("train", "--task", "sequences", "--help")[1].split())
    assert "--length INTEGER largest number N of letters in a word [default: 6]" in out


def test_a_picture_of_runs_that_cannot_be_read_is_refused(made, gfn_command, monkeypatch):
    """And not with the word that they are no trainings."""
    monkeypatch.setattr(own, "_imported", lambda name: None)
    status, _, err = gfn_command("plot", made[2])
    assert status == 2
    assert err.endswith(f"gfn: runs = '{made[2]}' is not allowed: none could be read\n")


def test_other_commands_do_not_keep_its_options(mine, gfn_command):
    gfn_command("train", "--task", "own_run_task:Mine", "--help")
    assert "--things" not in gfn_command("train", "--help")[1]


def test_check_names_what_is_wrong(mine, gfn_command):
    status, out, _ = gfn_command("check", "own_run_task:Mine", "--things", "3")
    assert (status, out) == (
        0,
        "own_run_task:Mine: looked at all 16 states and 20 steps between them, and nothing is wrong\n",
    )
    mine.log_reward = lambda self, state: state[..., 0].double().log()
    status, out, _ = gfn_command("check", "own_run_task:Mine")
    assert status == 1
    assert out.startswith("wrong: log_reward is -inf for ")
    for arguments in (["--nothing", "3"], ["--things"], ["things", "3"], ["--things", "0"]):
        status, out, err = gfn_command("check", "own_run_task:Mine", *arguments)
        assert (status, out) == (2, "")
        assert "is not allowed" in err


CLASH = """
from tests.environments.test_contract import Bag


class Clash(Bag):
    things: int = 2
    replay: int = 3
    out: str = "of the bag"
"""


def test_a_flag_that_could_mean_the_task_or_the_run_is_refused(mine, tmp_path, gfn_command):
    """Whoever gave it would not know which of them it set; what is not given is no matter."""
    (tmp_path / "own_run_clash.py").write_text(CLASH, encoding="utf-8")
    run = ("train", "--task", "own_run_clash:Clash", "--iterations", "1", "--batch-size", "4", "--seeds", "0")
    for flag, value in (("replay", 0.5), ("out", tmp_path)):
        status, out, err = gfn_command(*run, f"--{flag}", value)
        why = "its field and a setting of the run have this name; give the field another, or train in Python"
        assert (status, out) == (2, "")
        assert err == f"gfn: --{flag} is not allowed for task own_run_clash:Clash: {why}\n"
    sys.modules.pop("own_run_clash")


def test_a_clash_that_nobody_meets_is_none(mine, tmp_path, gfn_command, monkeypatch):
    (tmp_path / "own_run_clash.py").write_text(CLASH, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run = ("train", "--task", "own_run_clash:Clash", "--iterations", "1", "--batch-size", "4", "--seeds", "0")
    assert gfn_command(*run)[0] == 0
    (path,) = (tmp_path / "results").glob("*.parquet")
    assert read_run(path).spec.task.replay == 3
    sys.modules.pop("own_run_clash")
