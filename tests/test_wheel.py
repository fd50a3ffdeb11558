"""The package installed from its wheel, far from any checkout: each command works, or says in one sentence what it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import gfn
from gfn.study.experiments import FIGURES

ROOT = Path(gfn.__file__).parents[1]
TINY = ["--universe", "4", "--size", "2", "--hidden", "4", "--iterations", "2", "--batch-size", "4", "--seeds", "0,1"]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built of what it is made of alone, without a network."""
    pytest.importorskip("setuptools")
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    shutil.copytree(ROOT / "gfn", source / "gfn", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(place)]
    subprocess.run([*PIP, "wheel", *options, str(source)], check=True)
    (path,) = place.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A function that runs Python with the installed package in a folder: status, standard output, standard error."""
    site = tmp_path_factory.mktemp("site")
    subprocess.run([*PIP, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel)], check=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GFN_", "PYTHON"))}

    def run(folder, *arguments, module="gfn"):
        call = [sys.executable, *(["-m", module] if module else []), *map(str, arguments)]
        variables = environment | {"PYTHONPATH": str(site)}
        done = subprocess.run(call, cwd=folder, env=variables, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    run.site = site
    return run


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        assert f"\nVersion: {gfn.__version__}\n" in archive.read(metadata).decode()
    due = {*(ROOT / "gfn").rglob("*.py"), ROOT / "gfn/environments/digits.bits"}
    assert names == {f"gfn/{path.relative_to(ROOT / 'gfn').as_posix()}" for path in due}


def test_it_is_the_installed_package_that_runs(installed, tmp_path):
    """With the same code, and the command beside it."""
    code = "import gfn; from gfn.runs.provenance import package_fingerprint as f; print(gfn.__file__, f())"
    status, out, err = installed(tmp_path, "-c", code, module=None)
    from gfn.runs.provenance import package_fingerprint

    assert (status, out, err) == (0, f"{installed.site / 'gfn/__init__.py'} {package_fingerprint()}\n", "")
    status, out, _ = installed(tmp_path, installed.site / "bin/gfn", "--version", module=None)
    assert status == 0
    assert gfn.__version__ in out


def test_everything_is_listed(installed, tmp_path):
    """Also the figures, with how many runs they have where this needs no data of a checkout."""
    status, out, err = installed(tmp_path, "list")
    assert (status, err) == (0, "")
    _, *entries = re.split(r"\n  (?=\w)", out.partition("Figures, ")[2])
    assert [entry.split()[0] for entry in entries] == list(FIGURES)
    for entry in entries:
        assert re.search(r"\((\d+ runs|runs that need data of a checkout)\)$", " ".join(entry.split()))
    assert files(tmp_path) == []


def test_a_run_is_made_shown_and_verified(installed, tmp_path):
    """It goes to a folder of the one at hand."""
    status, out, err = installed(tmp_path, "train", *TINY)
    assert (status, err) == (0, "")
    (name,) = (each for each in files(tmp_path) if each.endswith(".parquet"))
    assert name.startswith("results/")
    assert Path(name).stem in out
    status, out, err = installed(tmp_path, "show", name)
    assert (status, err) == (0, "")
    status, out, err = installed(tmp_path, "verify", "results")
    assert (status, err) == (0, "")
    assert out.endswith("1 of 1 runs agree\n")


@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        (["verify"], "holds no results: name a folder that does, or run inside a checkout of this project"),
        (["verdicts", "--profile", "smoke"], "run inside a checkout of this project"),
        (["reproduce", "fig3", "--profile", "smoke", "--out", "store"], "run inside a checkout of this project"),
        (["train", "--task", "phylogenetics"], "run inside a checkout of this project, or name a FASTA or NEXUS file"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_needs_a_checkout_says_so(arguments, needs, installed, tmp_path):
    """In one sentence, with nothing written and nothing trained."""
    status, out, err = installed(tmp_path, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("gfn: ")
    assert needs in err
    assert (err.count("\n"), err[-1]) == (1, "\n")
    assert files(tmp_path) == []
