"""One command of the Makefile at a time in a checkout, and after a kill the same one goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.processes import usual_signals

SCRIPT = Path(__file__).parents[1] / "scripts" / "alone.py"
# A command with a job: it notes the process of the job, and waits for it.
WORK = "sleep 60 > /dev/null 2>&1 & echo $! > job.partial; mv job.partial job; wait"


def alone(root: Path, *command: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "GFN_ALONE"}
    call = [sys.executable, str(SCRIPT), *command]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(call, cwd=root, env=environment, preexec_fn=usual_signals, **pipes)


def said(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Work:
    """A command at work: the processes of the script, of the command and of its job."""

    def __init__(self, root: Path) -> None:
        self.process = alone(root, "sh", "-c", WORK)
        until((root / "job").exists)
        self.job = int((root / "job").read_text())
        self.command = psutil.Process(self.job).ppid()

    def kill(self, *which: str) -> None:
        for name in which:
            os.kill({"script": self.process.pid, "command": self.command, "job": self.job}[name], signal.SIGKILL)
        if "script" in which:
            self.process.wait(timeout=60)


@pytest.fixture
def work(tmp_path):
    started = Work(tmp_path)
    yield started
    for number in (started.process.pid, started.command, started.job):
        if runs(number):
            os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize("status", [0, 3])
def test_a_command_is_run_with_its_status_and_output(status, tmp_path):
    for _ in range(2):
        assert said(alone(tmp_path, "sh", "-c", f"echo out; exit {status}")) == (status, "out\n", "")


def test_who_comes_second_is_told_who_is_at_work(work, tmp_path):
    status, out, err = said(alone(tmp_path, "echo", "second"))
    assert (status, out) == (1, "")
    assert err.startswith(f"gfn: process {work.process.pid} (sh -c 'sleep 60")
    assert err.endswith("is at work in this checkout: wait until it is through, or stop it\n")
    assert err.count("\n") == 1
    assert runs(work.job)


def test_a_part_of_the_command_may_use_the_lock(tmp_path):
    assert said(alone(tmp_path, sys.executable, str(SCRIPT), "echo", "part")) == (0, "part\n", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_of_it(number, work):
    work.process.send_signal(number)
    assert said(work.process)[0] == 128 + number
    assert not runs(work.command)
    assert not runs(work.job)


def test_where_the_command_alone_is_killed_its_jobs_end(work, tmp_path):
    """And its lock goes."""
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").touch()
    work.kill("command")
    assert said(work.process)[0] == 128 + signal.SIGKILL
    assert not runs(work.job)
    assert not locks.exists()


def test_a_command_without_its_script_is_still_in_the_way(work, tmp_path):
    """It holds the lock, too."""
    work.kill("script")
    assert said(alone(tmp_path, "true"))[0] == 1
    assert runs(work.command)


@pytest.mark.parametrize("job", [True, False])
def test_after_a_kill_the_next_command_goes_on(job, work, tmp_path):
    """What is left is ended, and Snakemake's lock removed."""
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").touch()
    work.kill("script", "command", *(["job"] if job else []))
    assert said(alone(tmp_path, "echo", "next")) == (0, "next\n", "")
    assert not runs(work.job)
    assert not locks.exists()
    assert json.loads((tmp_path / ".gfn.lock").read_text())["tokens"] == []


def test_a_snakemake_that_somebody_else_started_is_in_the_way(tmp_path):
    """Where it has left a lock, and is at work in this folder."""
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    (tmp_path / ".snakemake/locks/0.output.lock").touch()
    shutil.copy("/bin/sleep", tmp_path / "snakemake")
    with subprocess.Popen([tmp_path / "snakemake", "60"], cwd=tmp_path) as other:
        refused = said(alone(tmp_path, "true"))
        other.kill()
    assert refused[0] == 1
    assert refused[2].startswith(f"gfn: process {other.pid} (snakemake) is at work in this checkout")


def test_a_lock_of_somebody_else_stays(tmp_path):
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").touch()
    assert said(alone(tmp_path, "true"))[0] == 0
    assert (locks / "0.output.lock").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"tokens": 3}'])
def test_a_damaged_note_is_no_obstacle(content, tmp_path):
    (tmp_path / ".gfn.lock").write_text(content)
    assert said(alone(tmp_path, "true")) == (0, "", "")


SNAKEFILE = """
rule all:
    output: "done"
    shell: "test -e fast || sleep 60; touch {output}"
"""


@pytest.mark.skipif(shutil.which("snakemake", path=str(Path(sys.executable).parent)) is None, reason="no Snakemake")
def test_snakemake_goes_on_after_a_kill(tmp_path):
    """With the same command, where it would stop by itself, since it finds its own lock."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    call = [str(Path(sys.executable).parent / "snakemake"), "--cores", "1", "--rerun-incomplete"]
    process = alone(tmp_path, *call)
    try:
        until(lambda: any((tmp_path / ".snakemake/locks").glob("*")))
    finally:
        for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            each.kill()
    process.wait(timeout=60)
    (tmp_path / "fast").touch()
    plain = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert "LockException" in plain.stderr
    assert alone(tmp_path, *call).wait(60) == 0
    assert (tmp_path / "done").exists()
