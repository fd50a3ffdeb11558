"""Files that change places at once: killed at any step, the old ones or the new ones are whole, or all is there to go back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

import gfn
from gfn.study.swap import ASIDE, PARTIAL, alone, restore, staging, swap
from tests.processes import FORKS

OLD = {
    "README.md": "old",
    "apart.txt": "nobody's",
    "book/paper/fig1.ipynb": "old",
    "book/paper/fig2.ipynb": "same",
    "data/results/a.parquet": "a",
    "data/results/b.parquet": "b",
    "data/results/left/over.txt": "over",
}
COMING = {
    "README.md": "new",
    "book/paper/fig1.ipynb": "new",
    "book/paper/fig2.ipynb": "same",
    "book/theory/exact.csv": "first",
    "data/results/b.parquet": "b again",
    "data/results/c.parquet": "c",
}
NEW = COMING | {"apart.txt": "nobody's"}
DIFFERENT = {name for name in OLD | NEW if OLD.get(name) != NEW.get(name)}
WHOLE = ["data/results"]
NOTED = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile")


def change(root: Path, coming: Path | None, left: int) -> None:
    """In a process of its own: what comes is swapped in, or the old files go back. It is killed before so many changes."""

    def watch(event, arguments):
        nonlocal left
        if event in NOTED:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    os.sync = lambda: None  # here nobody pulls the plug
    sys.addaudithook(watch)
    if coming:
        shutil.copytree(coming, staging(root), dirs_exist_ok=True)
        swap(root, WHOLE)
    else:
        restore(root)
    os._exit(0)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def read(root: Path) -> dict[str, str]:
    """All files but those that lie aside."""
    files = {path.relative_to(root): path for path in root.rglob("*") if path.is_file()}
    return {name.as_posix(): p.read_text() for name, p in files.items() if name.parts[0] not in (ASIDE, PARTIAL)}


def python(*arguments, cwd=None):
    environment = os.environ | {"PYTHONPATH": str(Path(gfn.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True
    )


def killed(root: Path, coming: Path | None, step: int) -> bool:
    """Whether a process of its own was killed before its ``step``-th change of a file; else it came to its end."""
    process = FORKS.Process(target=change, args=(root, coming, step))
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def prepare(root: Path) -> None:
    write(staging(root), COMING)


@pytest.fixture
def root(tmp_path):
    return write(tmp_path / "checkout", OLD)


def test_all_files_change(root):
    """What comes is there, nothing else is left in a whole folder, and nothing lies aside; all else is not touched."""
    same = (root / "book/paper/fig2.ipynb").stat().st_mtime_ns
    prepare(root)
    assert read(root) == OLD
    assert set(swap(root, WHOLE)) == DIFFERENT
    assert read(root) == NEW
    assert (root / "book/paper/fig2.ipynb").stat().st_mtime_ns == same
    assert not {ASIDE, PARTIAL} & {path.name for path in root.iterdir()}
    prepare(root)
    assert swap(root, WHOLE) == []
    assert read(root) == NEW
    assert not restore(root)


def test_all_is_on_the_disk_before_it_moves_and_before_it_counts(root, monkeypatch):
    done, original = [], Path.rename
    monkeypatch.setattr(os, "sync", lambda: done.append("sync"))
    monkeypatch.setattr(Path, "rename", lambda path, target: done.append("rename") or original(path, target))
    prepare(root)
    swap(root, WHOLE)
    assert done == ["sync", "rename", "sync", "rename"]


def test_a_kill_at_any_step_loses_nothing(tmp_path):
    """Before the first file moves all are old, after the last all are new; between, each is whole, and going back works."""
    coming, seen = write(tmp_path / "coming", COMING), []
    for step in count():
        root = write(tmp_path / f"checkout{step}", OLD)
        ended = not killed(root, coming, step)
        now, cut = read(root), (root / ASIDE).exists()
        seen.append("new" if now == NEW else "old" if now == OLD else "between")
        assert all(text in (OLD.get(name), NEW.get(name)) for name, text in now.items())
        assert OLD.keys() & NEW.keys() <= now.keys()
        assert cut or now in (OLD, NEW)
        assert restore(root) == cut
        assert read(root) == (OLD if cut else now)
        prepare(root)
        swap(root, WHOLE)
        assert read(root) == NEW
        if ended:
            break
        shutil.rmtree(root)
    assert seen[0] == "old"
    assert seen[-1] == "new"
    assert seen.count("between") >= len(DIFFERENT) - 1


@pytest.fixture
def cut(root, tmp_path):
    """A checkout in which a swap was killed when nearly all had moved."""
    coming = write(tmp_path / "coming", COMING)
    for step in count():
        copy = shutil.copytree(root, tmp_path / "copy")
        assert killed(copy, coming, step)
        if read(copy).keys() - NEW.keys() == {"data/results/left/over.txt"}:
            return copy
        shutil.rmtree(copy)


def test_a_kill_on_the_way_back_loses_nothing(cut, tmp_path):
    for step in count():
        root = shutil.copytree(cut, tmp_path / f"checkout{step}")
        ended = not killed(root, None, step)
        restore(root)
        assert read(root) == OLD
        assert not (root / ASIDE).exists()
        if ended:
            break
    assert step > len(DIFFERENT)


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("step", range(5))
def test_where_moving_fails_the_old_files_are_back(step, error, root, monkeypatch):
    prepare(root)
    original, moves = Path.replace, count()

    def failing(path, target):
        if next(moves) == step:
            raise error
        return original(path, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(type(error)):
        swap(root, WHOLE)
    assert read(root) == OLD
    assert not (root / ASIDE).exists()


def test_where_going_back_fails_too_the_next_one_does_it(root, monkeypatch):
    prepare(root)
    original, moves = Path.replace, count()

    def failing(path, target):
        if next(moves) > 2:
            raise OSError("disk gone")
        return original(path, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="disk gone"):
        swap(root, WHOLE)
    assert read(root) not in (OLD, NEW)
    monkeypatch.undo()
    prepare(root)
    assert read(root) == OLD


def test_what_cannot_be_copied_changes_nothing(root, monkeypatch):
    """A disk that is full before anything has moved."""
    prepare(root)

    def full(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(OSError, match="disk full"):
        swap(root, WHOLE)
    assert read(root) == OLD
    assert not restore(root)


def test_what_was_changed_by_hand_after_a_kill_stays(cut):
    mine = {name: "mine" for name in ("README.md", "book/theory/exact.csv", "data/results/left/over.txt", "more.txt")}
    write(cut, mine)
    assert restore(cut)
    assert read(cut) == OLD | mine


def test_the_command_goes_back(cut):
    """Says so where there was anything to do, and nothing else."""
    for said in ("a change of the published edition was cut off: the edition before it is back\n", ""):
        command = python("-m", "gfn.study.swap", cwd=cut)
        assert command.communicate(timeout=60)[0] == said
        assert command.returncode == 0
        assert read(cut) == OLD


def test_another_process_waits(root):
    """Until the first is through; then it is its turn."""
    with alone(root):
        other = python("-m", "gfn.study.swap", cwd=root)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1)
    other.communicate(timeout=60)
    assert other.returncode == 0
