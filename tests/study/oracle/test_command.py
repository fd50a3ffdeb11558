"""The command ``gfn oracle``: one line for a loss in a file, and one sentence for whatever is wrong with it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import gfn
from gfn import cli
from gfn.study import oracle
from gfn.study.oracle.command import SIZES

FILE = """
import torch
CONSTANT = 3
def linex(log_pf, log_pb, log_reward, log_z):
    t = log_pb + log_reward - log_pf - log_z
    return t.exp() - t - 1
def few(log_pf): return log_pf
def more(log_pf, log_pb, log_reward, temperature): return log_pf
def fails(log_pf, log_pb, log_reward): return log_pf[10**6]
def nothing(log_pf, log_pb, log_reward): pass
def float_(log_pf, log_pb, log_reward): return float(log_pf.detach().sum())
def pairs(log_pf, log_pb, log_reward): return torch.stack([log_pf, log_pf])
def whole(log_pf, log_pb, log_reward): return (log_pf > 0).long()
def infinite(log_pf, log_pb, log_reward): return log_pf / 0
def steep(log_pf, log_pb, log_reward): return (log_pf - log_pf.detach()).sqrt()
def detached(log_pf, log_pb, log_reward): return log_pf.detach()
def alone(log_pf, log_pb, log_reward):
    if len(log_pf) == 4: raise ValueError("four are too many")
    return log_pf.var()
"""
SMALL = ["--task", "hypergrid", "--side", "2"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_losses.py"
    path.write_text(FILE, encoding="utf-8")
    return path


def run(*arguments, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["oracle", *map(str, arguments)])
    shown = capsys.readouterr()
    return left.value.code, shown.out, shown.err


def test_a_loss_in_a_file_is_examined(file, tmp_path, capsys):
    picture = tmp_path / "linex.png"
    code, out, err = run(
        f"{file}:linex", "--task", "sets", "--universe", 4, "--size", 2, "--picture", picture, capsys=capsys
    )
    assert (code, err) == (0, "")
    assert "linex, on policy: it descends forward KL (α = 0)" in out
    assert "The target is its fixed point on policy and with uniform actions." in out
    assert picture.read_bytes()[1:4] == b"PNG"


def test_help_has_the_sizes_in_force():
    """And not those of training."""
    sets, words, grid = (oracle.SMALL[name] for name in ("sets", "sequences", "hypergrid"))
    said = f"sets of {sets.size} of {sets.universe} elements, sequences of up to {words.length} of {words.alphabet} letters"
    assert f"{said}, a hypergrid of side {grid.side}" == SIZES


def test_the_guide_is_enough(tmp_path, monkeypatch, capsys):
    """The first block of the guide as a file, and each of its commands on it."""
    guide = (Path(gfn.__file__).parents[1] / "book" / "guide" / "own_loss.md").read_text(encoding="utf-8")
    code = guide.split("```python\n")[1].split("```")[0]
    (tmp_path / "my_losses.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^gfn oracle (.+)$", guide, re.M)
    assert len(commands) >= 6
    said = {}
    for command in commands:
        code, said[command], err = run(*command.split(), *([] if "--task" in command else SMALL), capsys=capsys)
        assert (code, err) == (0, ""), command
    assert "descends forward KL" in said["my_losses.py:linex"]
    assert "descends χ² (α = 2)" in said["my_losses.py:turned"]
    assert "descends no divergence" in said["my_losses.py:forgetful"]
    assert "no fixed point" in said["my_losses.py:forgetful"]
    assert (tmp_path / "variance.png").exists()


def test_off_policy_and_with_another_log_z(file, capsys):
    code, out, _ = run(f"{file}:linex", *SMALL, "--sampling", "uniform", "--log-z", 5, capsys=capsys)
    assert code == 0
    assert "off policy, with uniform actions" in out
    assert "The target is no fixed point" in out


WRONG = {
    "few": "few(log_pf) is not allowed: a loss is a function loss(log_pf, log_pb, log_reward)",
    "more": "more(log_pf, log_pb, log_reward, temperature) is not allowed",
    "fails": "fails raises IndexError: index 1000000 is out of bounds",
    "nothing": "nothing returned nothing: it has to return a tensor",
    "float_": "of type float: it has to return a tensor",
    "pairs": "of shape [2, 5] for N = 5 trajectories: it has to return a tensor of shape [N]",
    "whole": "whole returned numbers of type torch.int64",
    "infinite": "infinite is not finite: it is -inf on task hypergrid with policy start",
    "steep": "steep is not finite: its gradient is",
    "detached": "detached returned a value without a gradient: it has to depend on log_pf",
    "alone": "alone raises ValueError: four are too many",
    "CONSTANT": "CONSTANT = 3 is not allowed: it has to be a function",
    "missing": "has no missing; its functions: linex, few",
}


@pytest.mark.parametrize("function", WRONG)
def test_what_is_wrong_with_a_function_is_told(function, file, capsys):
    code, out, err = run(f"{file}:{function}", *SMALL, capsys=capsys)
    assert (code, out) == (2, "")
    assert WRONG[function] in err
    assert err.startswith("gfn: ")
    assert err.count("\n") == 1


FILES = {
    "no colon": ("my_losses.py", None, "is not allowed: FILE.py:FUNCTION"),
    "no file": ("nowhere.py:linex", None, "there is no file"),
    "no Python": ("my.txt:linex", "linex", "is not a Python file"),
    "syntax": ("my.py:linex", "def linex(:", "cannot be run: SyntaxError"),
    "import": ("my.py:linex", "import nowhere_at_all", "cannot be run: ModuleNotFoundError: No module named"),
    "leaves": ("my.py:linex", "import sys; sys.exit(3)", "cannot be run: SystemExit"),
    "empty": ("my.py:linex", "", "has no linex; it has no function"),
}


@pytest.mark.parametrize("case", FILES)
def test_what_is_wrong_with_a_file_is_told(case, tmp_path, capsys):
    named, text, said = FILES[case]
    if text is not None:
        (tmp_path / named.split(":")[0]).write_text(text, encoding="utf-8")
    code, _, err = run(tmp_path / named, *SMALL, capsys=capsys)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_a_file_may_import_one_beside_it_and_nothing_is_left(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(
        "from helper_of_a_test import ratio\ndef tb(a, b, c): return ratio(a, b, c) ** 2\n"
    )
    (tmp_path / "helper_of_a_test.py").write_text("def ratio(a, b, c): return a - b - c\n")
    before = list(sys.path)
    code, out, _ = run(f"{tmp_path / 'mine.py'}:tb", *SMALL, capsys=capsys)
    assert (code, sys.path) == (0, before)
    assert "descends reverse KL" in out
    assert not list(tmp_path.glob("__pycache__/mine*"))


OPTIONS = {
    "task": (["--task", "cards"], "task = 'cards' is not allowed: one of"),
    "plane": (["--task", "banana"], "task = 'banana' is not allowed: the trajectories"),
    "size without task": (["--side", "3"], "--side is not allowed without --task"),
    "foreign size": (["--task", "sets", "--side", "3"], "--side does not belong to task sets"),
    "too large": (["--task", "sets", "--universe", "30", "--size", "15"], "at most 1024 trajectories"),
    "batch": ([*SMALL, "--batch-size", "0"], "batch_size = 0 is not allowed"),
    "picture": ([*SMALL, "--picture", "loss.doc"], "--picture = loss.doc is not allowed"),
    "log Z": ([*SMALL, "--log-z", "much"], "log_z = 'much' is not allowed"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_that_are_not_allowed_are_told(case, file, capsys):
    options, said = OPTIONS[case]
    code, _, err = run(f"{file}:linex", *options, capsys=capsys)
    assert code == 2
    assert said in err
