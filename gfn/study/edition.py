"""The published edition: what ``make edition`` made is checked and laid aside whole, then put in its place all at once."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pandas as pd

from gfn.study import crate
from gfn.study.experiments import FIGURES, every_run
from gfn.study.results import ResultError, read_stored
from gfn.study.swap import ASIDE, alone, discard, staging, swap
from gfn.study.verdicts import gather, page_of, texts_for, write_between

STORE = "data/results"
PICTURES = ("results.png", "results.html")  # of the README and of the introduction
PAGES = ("README.md", "book/intro.md")  # those that show the findings and the verdicts
TABLES = [name for name in FIGURES if name != "tasks"]  # figures that save their data


def publish(root: Path, profile: str, build: Path) -> list[str]:
    """Make what was built at a profile the published edition: its runs, notebooks, tables, picture and verdicts, and their description.

    Arguments:
        root: the folder of the checkout.
        profile: whose runs, ``edition`` or another.
        build: the folder that the Snakefile made for this profile.

    Returns:
        The files that changed, from ``root``.

    Raises:
        ResultError: if anything that was built is missing, unreadable or of other code; nothing has changed then.
        OSError: if a file cannot be read or written; nothing has changed then.
    """
    with alone(root):
        new = staging(root)
        try:
            lay_out(profile, build, new)
            found = gather(profile, store=new / STORE)
            for page in PAGES:
                shutil.copy(root / page, new / page)
                for name, text in texts_for(new / page, *found, profile, new / STORE).items():
                    write_between(name, text, new / page)
            crate.write(root, new, profile, *found)
            return swap(root, [STORE])
        finally:
            discard(root)


def lay_out(profile: str, build: Path, new: Path) -> None:
    """Check all that was built, and copy it to where it belongs below ``new``."""
    for key, spec in every_run(profile).items():
        path = build / "results" / f"{key}.parquet"
        read_stored(path, spec, current=True)
        _copy(path, new / STORE / path.name)
    for name in FIGURES:
        path = build / "notebooks" / f"{name}.ipynb"
        _check_notebook(path)
        _copy(path, new / "book" / f"{page_of(name)}.ipynb")
    for name in TABLES:
        path = build / "notebooks" / f"{name}.csv"
        _check_table(path)
        _copy(path, new / "book" / f"{page_of(name)}.csv")
    for name, start in zip(PICTURES, (b"\x89PNG", b"<div")):
        if not (build / name).read_bytes().startswith(start):
            raise ResultError(f"{build / name} is no picture")
        _copy(build / name, new / "book/_static" / name)


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _check_notebook(path: Path) -> None:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        counts = [cell["execution_count"] for cell in code]
        outputs = [output["output_type"] for cell in code for output in cell["outputs"]]
    except (KeyError, TypeError, ValueError):
        raise ResultError(f"{path} is not a notebook") from None
    if not counts or None in counts or "error" in outputs:
        raise ResultError(f"{path} was not executed to its end")


def _check_table(path: Path) -> None:
    try:
        rows = len(pd.read_csv(path))
    except ValueError:
        rows = 0
    if not rows:
        raise ResultError(f"{path} is not a table with data")


def main() -> None:
    """``python -m gfn.study.edition PROFILE BUILD``, in the folder of the checkout: one sentence says what came of it."""
    profile, build = sys.argv[1:]
    try:
        changed = publish(Path.cwd(), profile, Path(build))
    except (OSError, ResultError, ValueError) as error:
        state = "the same command puts the published edition back" if Path(ASIDE).exists() else "nothing was published"
        sys.exit(f"gfn: {' '.join(str(error).split())}; {state}")
    print(f"published the runs of the profile {profile} and what they show: {len(changed)} files changed")


if __name__ == "__main__":
    main()
