"""The copy of the estimators for other projects: whole, marked, updated by the same command, and never at anybody's cost."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import gfn
from gfn import cli
from gfn.study import vendor as module
from gfn.study.swap import ASIDE, PARTIAL
from gfn.study.vendor import VendorError, vendor

ROOT = Path(gfn.__file__).parents[1]
SOURCES = {path.name: path.read_text() for path in (ROOT / "gfn" / "estimators").glob("*.py")}
SOURCES |= {"LICENSE": (ROOT / "LICENSE").read_text()}


def found(folder: Path) -> dict[str, str]:
    """The files below a folder by their paths from there; what Python keeps for itself left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


@pytest.fixture
def copy(tmp_path) -> Path:
    vendor(tmp_path / "losses")
    return tmp_path / "losses"


@pytest.fixture
def newer(monkeypatch, tmp_path_factory):
    """The package in a later version, with one file changed, one gone and one new."""
    source = tmp_path_factory.mktemp("newer") / "estimators"
    shutil.copytree(module.SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    (source / "balance.py").write_text("later = True\n")
    (source / "divergences.py").rename(source / "measures.py")
    monkeypatch.setattr(module, "SOURCE", source)
    monkeypatch.setattr(module, "_licence", lambda: SOURCES["LICENSE"])
    monkeypatch.setattr(module, "__version__", "9.9")
    return source


def test_every_file_says_what_it_is_and_is_the_source_below_its_header(copy):
    written = found(copy)
    assert written.keys() == SOURCES.keys()
    for name, text in written.items():
        head, _, body = text.partition("# SHA-256 of all below this line: ")
        digest, _, body = body.partition("\n")
        assert body == SOURCES[name]
        assert digest == hashlib.sha256(body.encode()).hexdigest()
        assert f"gflownet-divergences {gfn.__version__}" in head
        if name.endswith(".py"):
            for said in (f"gfn/estimators/{name}", "arxiv.org/abs/2410.09355", "MIT License", "LICENSE", "gfn vendor"):
                assert said in head


def test_nothing_else_is_left_beside_it(copy):
    assert [path.name for path in copy.parent.iterdir()] == ["losses"]


def test_what_is_up_to_date_stays(copy):
    before = found(copy)
    assert vendor(copy) == []
    assert found(copy) == before


def test_a_newer_version_replaces_all_that_the_older_one_wrote(copy, newer):
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "balance.cpython-311.pyc").write_bytes(b"\x00\xff")
    changed = vendor(copy)
    written = found(copy)
    assert set(changed) == {
        "LICENSE",
        "__init__.py",
        "balance.py",
        "control_variates.py",
        "divergences.py",
        "f_losses.py",
        "measures.py",
    }
    assert written.keys() == SOURCES.keys() - {"divergences.py"} | {"measures.py"}
    assert written["balance.py"].endswith("\nlater = True\n")
    assert all("gflownet-divergences 9.9" in text for text in written.values())


@pytest.mark.parametrize("name", ["balance.py", "LICENSE"])
def test_what_was_changed_is_not_replaced(name, copy, newer):
    with (copy / name).open("a") as file:
        file.write("mine\n")
    before = found(copy)
    with pytest.raises(VendorError, match=f"{name} was changed since"):
        vendor(copy)
    assert found(copy) == before


@pytest.mark.parametrize("name", ["mine.py", "notes/mine.txt"])
def test_what_somebody_added_is_not_deleted(name, copy, newer):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("mine\n")
    before = found(copy)
    with pytest.raises(VendorError, match=f"{name} was not written by"):
        vendor(copy)
    assert found(copy) == before


def test_line_ends_of_a_checkout_are_no_change(copy, newer):
    for path in copy.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert "balance.py" in vendor(copy)


@pytest.mark.parametrize("content", [{}, {"__init__.py": ""}, {"data.bin": b"\x00\xff"}, {"__init__.py": b"\xff\xfe"}])
def test_somebody_elses_folder_is_refused(content, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for name, data in content.items():
        (theirs / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(VendorError, match="was not written by gfn vendor"):
        vendor(theirs)
    assert {path.name: path.read_bytes() for path in theirs.iterdir()} == {
        name: data if isinstance(data, bytes) else data.encode() for name, data in content.items()
    }
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_a_file_is_refused(tmp_path):
    (tmp_path / "losses").write_text("mine")
    with pytest.raises(VendorError, match="is a file"):
        vendor(tmp_path / "losses")


@pytest.mark.parametrize("name", ["my-losses", "1st", "class", "with space"])
def test_a_name_that_cannot_be_imported_is_refused(name, tmp_path):
    with pytest.raises(VendorError, match=re.escape(name)):
        vendor(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_where_writing_fails_the_old_copy_stays(copy, newer, monkeypatch):
    before, write = found(copy), Path.write_text

    def full(path, text, *rest, **options):
        if path.name == "measures.py":
            raise OSError(28, "No space left on device")
        return write(path, text, *rest, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        vendor(copy)
    monkeypatch.undo()
    assert found(copy) == before
    assert [path.name for path in copy.parent.iterdir()] == ["losses"]


DRIVER = """
import os, signal, sys
from pathlib import Path
from gfn.study import vendor as module

left = int(sys.argv[2])

def watch(event, arguments):
    global left
    if event == "os.rename":
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

module.__version__ = "9.9"
sys.addaudithook(watch)
module.vendor(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("renames", [0, 1, 3])
def test_killed_on_the_way_the_same_command_makes_it_whole(renames, copy):
    """Before files change places, just after the first has, and in the middle."""
    call = [sys.executable, "-c", DRIVER, str(copy), str(renames)]
    killed = subprocess.run(call, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert any((copy.parent / name).exists() for name in (ASIDE, PARTIAL))
    assert vendor(copy) == []  # what was written first is back, and up to date
    assert [path.name for path in copy.parent.iterdir()] == ["losses"]
    assert {name: text.partition("below this line: ")[2][65:] for name, text in found(copy).items()} == SOURCES


def test_it_needs_nothing_but_python(tmp_path):
    """Isolated from all installed packages; what is imported of it then needs PyTorch alone, as another test has it."""
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); import runpy; runpy.run_module('gfn.study.vendor', run_name='__main__')"
    call = [sys.executable, "-S", "-I", "-c", program, str(ROOT), "deep/in/losses"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"deep/in/losses: {len(SOURCES)} files written\n"
    assert found(tmp_path / "deep" / "in" / "losses").keys() == SOURCES.keys()


def run(capsys, *arguments) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(list(map(str, arguments)))
    seen = capsys.readouterr()
    return left.value.code, seen.out, seen.err


def test_the_command_writes_updates_and_refuses_in_one_sentence(tmp_path, capsys):
    place = tmp_path / "losses"
    assert run(capsys, "vendor", place) == (0, f"{place}: {len(SOURCES)} files written\n", "")
    assert run(capsys, "vendor", place) == (0, f"{place}: up to date\n", "")
    (place / "balance.py").write_text("mine")
    status, out, err = run(capsys, "vendor", place)
    assert (status, out) == (2, "")
    assert err == f"gfn: {place}/balance.py was not written by gfn vendor: take it out of that folder first\n"


def test_help_has_an_example(capsys):
    status, out, _ = run(capsys, "vendor", "--help")
    assert status == 0
    assert "gfn vendor my_project/gfn_divergences" in out
