"""A copy of the estimators for other people's projects: ``gfn vendor FOLDER``, or ``python -m gfn.study.vendor FOLDER``.

Every file of the copy begins with a header: version, licence, source, how to update it, and a checksum of what follows.
By the checksum a later update knows whether the files are still as they were written. It needs nothing but Python.
"""

from __future__ import annotations

import hashlib
import keyword
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from gfn import __version__
from gfn.study.swap import alone, discard, restore, staging, swap

SOURCE = Path(__file__).parents[1] / "estimators"
PROJECT, PAPER = "gflownet-divergences", "https://arxiv.org/abs/2410.09355"
HEADER = """\
# Copied from {project} {version}, gfn/estimators/{name}, the companion of {paper}.
# MIT License, see the file LICENSE beside this one.
# To update it, run `gfn vendor` of a newer version on this folder, which replaces all of it; so change nothing here.
# ruff: noqa
# fmt: off
# SHA-256 of all below this line: {digest}
"""
LICENCE = """\
# The licence of {project} {version}, from which the files of this folder were copied.
# SHA-256 of all below this line: {digest}
"""
DIGEST = re.compile(r"^# SHA-256 of all below this line: ([0-9a-f]{64})\n", re.MULTILINE)


class VendorError(ValueError):
    """A folder that is not to be replaced, in one sentence."""


def vendor(folder: Path) -> list[str]:
    """Write a copy of ``gfn/estimators/`` with its licence, or update one; it is there whole, or as it was before.

    Arguments:
        folder: where to; its name is that under which the copy is imported.

    Returns:
        The names of the files that changed, came or went.

    Raises:
        VendorError: if the folder cannot be imported by its name, or is there and not as this function left it.
        OSError: if it cannot be written.
    """
    place = Path(folder).resolve()
    if not place.name.isidentifier() or keyword.iskeyword(place.name):
        raise VendorError(f"folder = {str(folder)!r} is not allowed: its name must be one that Python can import")
    root = next(parent for parent in place.parents if parent.is_dir())  # what is to come lies aside here first
    inside = place.relative_to(root).as_posix()
    coming = copies()
    with alone(root):
        restore(root)
        refuse_others(place)
        try:
            new = staging(root) / inside
            new.mkdir(parents=True)
            for name, text in coming.items():
                (new / name).write_text(text, encoding="utf-8", newline="\n")
            changed = swap(root, [inside])
        finally:
            discard(root)
    return sorted(Path(name).name for name in changed if not name.endswith(".pyc"))


def copies() -> dict[str, str]:
    """Every file of the copy by its name, with its header."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(SOURCE.glob("*.py"))}
    headed = {name: (HEADER, text) for name, text in texts.items()} | {"LICENSE": (LICENCE, _licence())}
    about = {"project": PROJECT, "version": __version__, "paper": PAPER}
    return {name: head.format(name=name, digest=_digest(text), **about) + text for name, (head, text) in headed.items()}


def _licence() -> str:
    """The licence's text: of this checkout, or of the installed package."""
    beside = SOURCE.parents[1] / "LICENSE"
    try:
        if (SOURCE.parents[1] / "pyproject.toml").exists():
            return beside.read_text(encoding="utf-8")
        found = distribution(PROJECT).read_text("licenses/LICENSE")
    except (OSError, PackageNotFoundError):
        found = None
    if found is None:
        raise VendorError(f"the licence of {PROJECT} is missing: install it with pip, or use a copy of its repository")
    return found


def refuse_others(folder: Path) -> None:
    """Refuse a folder, or a file of this name, that :func:`vendor` did not write, or that was changed since.

    Raises:
        VendorError: if there is one, naming it.
    """
    if not folder.exists():
        return
    instead = "name a folder that is not there yet, or one that gfn vendor wrote"
    if not folder.is_dir():
        raise VendorError(f"{folder} is a file: {instead}")
    start = folder / "__init__.py"
    if not start.is_file() or not DIGEST.search(_text(start)):
        raise VendorError(f"{folder} is there and was not written by gfn vendor: {instead}")
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.suffix == ".pyc":
            continue
        text = _text(path)
        head = DIGEST.search(text)
        if head is None:
            raise VendorError(f"{path} was not written by gfn vendor: take it out of that folder first")
        if _digest(text[head.end() :]) != head[1]:
            raise VendorError(
                f"{path} was changed since gfn vendor wrote it: take your changes out of that folder first"
            )


def _text(path: Path) -> str:
    """Lines end with a line feed, whatever a checkout has made of them."""
    return path.read_text(encoding="utf-8", errors="replace")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python -m gfn.study.vendor FOLDER")
    try:
        changed = vendor(Path(sys.argv[1]))
    except (VendorError, OSError) as error:
        sys.exit(f"gfn vendor: {error}")
    print(f"{sys.argv[1]}: {len(changed)} files written" if changed else f"{sys.argv[1]}: up to date")
