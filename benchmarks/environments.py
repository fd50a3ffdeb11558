"""The virtual environments of the peers, made once under ``build/bench/``."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.settings import BUILD, ROOT

PEERS = ("torchgfn", "gfnx")


class InstallError(RuntimeError):
    """A peer that could not be installed, in one sentence."""


def requirements(peer: str) -> Path:
    """The pinned versions of a peer and of all that it needs."""
    return ROOT / "benchmarks" / "requirements" / f"{peer}.txt"


def pinned(package: str) -> str:
    """The version of a peer."""
    lines = requirements(package).read_text(encoding="utf-8").splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{package}=="))


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, which is made if it is not there or not of these versions."""
    folder = BUILD / peer
    python, ready = folder / "bin" / "python", folder / ".ready"
    wanted = hashlib.sha256(requirements(peer).read_bytes()).hexdigest()
    if not ready.exists() or ready.read_text(encoding="utf-8") != wanted:
        log = BUILD / f"install_{peer}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        print(f"installing {peer} into {folder.relative_to(ROOT)}", file=sys.stderr)
        install = [python, "-m", "pip", "install", "--disable-pip-version-check", "--requirement", requirements(peer)]
        with log.open("wb") as file:
            for command in ([sys.executable, "-m", "venv", "--clear", folder], install):
                if subprocess.run(command, stdout=file, stderr=subprocess.STDOUT).returncode:
                    raise InstallError(f"{peer} could not be installed, see {log.relative_to(ROOT)}")
        ready.write_text(wanted, encoding="utf-8")
    return python
