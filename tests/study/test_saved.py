"""Policies kept beside their runs: read back as they were, and refused where they do not belong."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys

import pytest
import torch
from safetensors.torch import load_file, save

import gfn.study
from gfn.environments import load_task
from gfn.runs.spec import GradientSpec
from gfn.runs.training import Trainer
from gfn.settings import SettingsError
from gfn.study import results
from gfn.study.results import ResultError, load_or_train, read_run, result_path
from gfn.study.saved import policy_path
from gfn.study.trained import load
from tests.study.small_runs import TASKS, path_of, spec_of


def copied(name, policies, folder):
    """A run with its policy in a folder of its own."""
    path = path_of(name, policies)
    for each in (path, policy_path(path)):
        shutil.copy(each, folder)
    return folder / path.name


@pytest.mark.parametrize("name", TASKS)
def test_a_policy_comes_back_as_it_was(name, policies):
    """Bit for bit that of a training held in memory; task and settings as well."""
    trainer = Trainer(spec_of(TASKS[name]))
    trainer.run()
    found = load(path_of(name, policies))
    assert (found.task, found.spec, found.seeds) == (TASKS[name], trainer.spec, (3, 1))
    assert gfn.study.load is load
    for network, due in ((found.policy, trainer.policy), (found.backward, trainer.backward)):
        assert (network is None) == (due is None)
        if network is not None:
            held, wanted = network.state_dict(), due.state_dict()
            assert held.keys() == wanted.keys()
            assert all(torch.equal(held[key], wanted[key]) for key in held)
    assert torch.equal(found.log_z, trainer.log_z.detach().squeeze(1))


def test_one_seed_of_several(policies):
    """Is its replica alone, which draws what it draws beside the other."""
    path = path_of("dags", policies)
    both, one = load(path), load(path, 1)
    assert one.seeds == (1,)
    assert torch.equal(one.sample(50)[0], both.sample(50)[1])
    assert not torch.equal(both.sample(50)[0], both.sample(50)[1])
    assert not torch.equal(one.sample(50, 1), one.sample(50))
    with pytest.raises(SettingsError, match=r"^seed = 2 is not allowed: run \w+ has 3, 1$"):
        load(path, 2)


def test_the_run_its_file_and_that_of_its_policy_are_the_same(policies, monkeypatch):
    path = path_of("sets", policies)
    monkeypatch.setenv("GFN_RESULTS", str(policies))
    for each in (str(path), policy_path(path), read_run(path)):
        assert load(each).spec == spec_of(TASKS["sets"])


def test_a_policy_is_not_kept_unless_that_is_asked_for(tmp_path):
    """And one from before does not stay beside another run."""
    spec = spec_of(TASKS["sets"])
    path = result_path(spec, tmp_path)
    policy_path(path).write_bytes(b"old")
    load_or_train(spec, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    with pytest.raises(
        ResultError, match=r"was not kept: gfn train with the same settings and --out .* trains it again"
    ):
        load(path)


def test_a_run_stored_without_its_policy_is_made_again_and_that_is_said(tmp_path, capsys):
    spec = spec_of(TASKS["sets"])
    first, path = load_or_train(spec, tmp_path), result_path(spec, tmp_path)
    again = load_or_train(spec, tmp_path, keep=True)
    assert capsys.readouterr().err == f"{path} was stored without its policy; making it again\n"
    assert again.frame.drop(columns="seconds").equals(first.frame.drop(columns="seconds"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "execute", lambda *arguments: pytest.fail("made again"))
        load_or_train(spec, tmp_path, keep=True)
        load_or_train(spec, tmp_path)
    assert policy_path(path).exists()


def test_measurements_have_no_policy(tmp_path):
    task = TASKS["sets"]
    spec = GradientSpec(task=task, objectives=(spec_of(task).objective,), seeds=(0,), warmup=(0,), batch_sizes=(2,))
    load_or_train(spec.model_copy(update={"replicates": 2}), tmp_path, keep=True)
    (path,) = tmp_path.iterdir()
    with pytest.raises(ResultError, match=r"has no policy: it is a measurement \(gradient\), not a training$"):
        load(path)


def change(content, what):
    """A policy's file with other metadata, and its checksum as it was."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    about = json.loads(header["__metadata__"]["gfn"]) | what
    header["__metadata__"]["gfn"] = json.dumps(about)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


BROKEN = {
    "is not a policy of this project, or is truncated": [
        lambda content: b"",
        lambda content: content[:30],
        lambda content: b"\xff" * 100,
        lambda content: save({"weights": torch.zeros(2)}),
        lambda content: save({"weights": torch.zeros(2)}, {"gfn": "[]"}),
    ],
    "is damaged or was edited": [
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content[:-4],
        lambda content: change(content, {"run": "0" * 16}),
    ],
}


@pytest.mark.parametrize(("says", "spoil"), [(says, each) for says, every in BROKEN.items() for each in every])
def test_a_file_that_is_not_whole_is_refused(says, spoil, policies, tmp_path):
    path = copied("sets", policies, tmp_path)
    kept = policy_path(path)
    kept.write_bytes(spoil(kept.read_bytes()))
    with pytest.raises(ResultError, match=says) as refused:
        load(path)
    assert str(refused.value).count("\n") == 0


def test_a_policy_of_another_run_or_of_other_code_is_refused(policies, tmp_path, monkeypatch):
    path = copied("sets", policies, tmp_path)
    shutil.copy(policy_path(path_of("dags", policies)), policy_path(path))
    with pytest.raises(ResultError, match=r"is the policy of run \w{16}, not of the run beside it$"):
        load(path)
    (tmp_path / "other").mkdir()
    monkeypatch.setattr("gfn.study.saved.source_fingerprint", lambda spec: "0123456789ab")
    load_or_train(spec_of(TASKS["sets"]), tmp_path / "other", keep=True)
    path = copied("sets", policies, tmp_path)
    shutil.copy(policy_path(tmp_path / "other" / path.name), tmp_path)
    with pytest.raises(ResultError, match="is the policy of a run that other code made"):
        load(path)


def test_a_damaged_policy_is_made_again_by_a_training_that_keeps_it(policies, tmp_path, capsys):
    path = copied("sets", policies, tmp_path)
    policy_path(path).write_bytes(b"")
    load_or_train(spec_of(TASKS["sets"]), tmp_path, keep=True)
    assert capsys.readouterr().err.endswith("is not a policy of this project, or is truncated; making it again\n")
    assert load_file(policy_path(path)).keys() == load_file(policy_path(path_of("sets", policies))).keys()


OWN = """
from tests.environments.test_contract import Bag


class Kept(Bag):
    def log_reward(self, state):
        return 1.0 * state[..., :-1].sum(-1).double()
"""


def test_a_task_of_ones_own(tmp_path, monkeypatch, gfn_command):
    """Its policy is refused once its code has changed; its objects are the numbers of their state."""
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "kept_task.py"
    file.write_text(OWN, encoding="utf-8")
    sys.modules.pop("kept_task", None)
    spec = spec_of(load_task("kept_task:Kept")())
    load_or_train(spec, tmp_path, keep=True)
    path = result_path(spec, tmp_path)
    status, out, _ = gfn_command("sample", path, "--task", "kept_task:Kept", "--count", 5)
    header, *rows = csv.reader(io.StringIO(out))
    assert (status, len(rows), header[0], header[-2:]) == (0, 5, "state_1", ["log_reward", "log_p"])
    file.write_text(OWN.replace("1.0", "2.0"), encoding="utf-8")
    with pytest.raises(ResultError, match="was made by other code of task kept_task:Kept than is here now"):
        load(path)
    sys.modules.pop("kept_task", None)
