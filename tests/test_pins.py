"""The pinned versions and their hashes are of the same packages, and what installs them asks for both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
HASHED = (ROOT / "requirements.txt").read_text(encoding="utf-8")
ENTRY = re.compile(r"^([\w.-]+)==(\S+)(?: ; [^\\\n]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M)
# What installs the package, and what some systems need beside the pinned ones.
BESIDE = {"setuptools", "wheel", "appnope", "colorama", "pyreadline3"}


def normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def test_every_pinned_version_has_hashes():
    """But torch, whose builds differ; the same versions stand in both files, and nothing else does."""
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if line[0] != "#")
    pins = {normal(name): version for name, version in pins.items()}
    hashed = {normal(name): version for name, version, _ in ENTRY.findall(HASHED)}
    assert hashed.keys() == pins.keys() - {"torch"} | BESIDE
    assert all(hashed[name] == version for name, version in pins.items() if name != "torch")


def test_every_line_is_an_entry():
    """No option, no address, nothing without a hash."""
    assert re.sub(r"^#.*\n", "", ENTRY.sub("", HASHED), flags=re.M) == ""


def test_make_asks_for_hashes():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--no-deps --require-hashes --requirement" in makefile
    assert re.search(r"^\$\(VENV\)/.ready:.* requirements.txt", makefile, re.M)


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.stem)
def test_workflows_pin_actions_and_ask_for_little(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step.get("uses", "a@" + "0" * 40))


def test_dependencies_are_audited_every_week():
    workflow = yaml.safe_load((ROOT / ".github/workflows/audit.yml").read_text(encoding="utf-8"))
    (when,) = workflow[True]["schedule"]  # YAML takes "on" for a truth value
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", when["cron"])
    commands = [step["run"] for step in workflow["jobs"]["audit"]["steps"] if "run" in step]
    assert any(command.startswith("pip-audit") and "constraints.txt" in command for command in commands)
