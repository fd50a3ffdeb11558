"""Several files of a checkout change places at once: killed on the way, all that is needed to go back lies aside.

What is to come is laid in a folder of its own (:func:`staging`). :func:`swap` first copies there what it will replace,
then gives the folder the name ``.edition``, moves the files by renaming, and takes the name away again. Where that name
is found later, a swap was cut off, and :func:`restore` puts back what was there before.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ASIDE = ".edition"
PARTIAL = ".edition.partial"


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """One process at a time changes the files of ``root``; others wait. The system frees a lock with its process."""
    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def staging(root: Path) -> Path:
    """An empty folder, for files that are to come, each at its path from ``root``; a swap that was cut off is undone."""
    restore(root)
    discard(root)
    new = root / PARTIAL / "new"
    new.mkdir(parents=True)
    return new


def swap(root: Path, whole: Sequence[str] = ()) -> list[str]:
    """Put every file of :func:`staging` into its place; where that fails, put back what was there.

    Arguments:
        root: the folder of the checkout.
        whole: folders, from ``root``, that hold nothing afterwards but what comes.

    Returns:
        The files that changed, came or went, from ``root``.

    Raises:
        OSError: if a file cannot be moved; nothing has changed then.
    """
    partial, aside = root / PARTIAL, root / ASIDE
    coming = {name: _digest(partial / "new" / name) for name in _files(partial / "new")}
    present = {f"{folder}/{name}" for folder in whole for name in _files(root / folder)}
    leaving = sorted(present - coming.keys())
    changed = {name: digest for name, digest in coming.items() if _digest(root / name) != digest}
    for name in (*changed, *leaving):
        if (root / name).exists():
            (partial / "old" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, partial / "old" / name)
    (partial / "changed.json").write_text(json.dumps(changed), encoding="utf-8")
    os.sync()
    try:
        partial.rename(aside)
        for name in changed:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / "new" / name).replace(root / name)
        for name in leaving:
            (root / name).unlink()
        os.sync()
        aside.rename(partial)
    except BaseException:
        restore(root)
        raise
    discard(root)
    return [*changed, *leaving]


def restore(root: Path) -> bool:
    """Put back what a swap that was cut off has replaced. What somebody else has changed since then stays.

    Returns:
        Whether there was one.
    """
    aside = root / ASIDE
    if not aside.exists():
        return False
    changed = json.loads((aside / "changed.json").read_text(encoding="utf-8"))
    # Killed here, too, the next one goes on: what has been put back is no longer under old/, and differs from what came.
    for name, digest in changed.items():
        if not (aside / "old" / name).exists() and _digest(root / name) == digest:
            (root / name).unlink()
    for name in _files(aside / "old"):
        if _digest(root / name) in (None, changed.get(name)):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / "old" / name).replace(root / name)
    discard(root)
    aside.rename(root / PARTIAL)
    discard(root)
    return True


def discard(root: Path) -> None:
    """Delete what lies in the folder of :func:`staging`."""
    if (root / PARTIAL).exists():
        shutil.rmtree(root / PARTIAL)


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


if __name__ == "__main__":
    with alone(Path.cwd()):
        if restore(Path.cwd()):
            print("a change of the published edition was cut off: the edition before it is back")
