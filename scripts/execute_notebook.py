"""Execute a notebook of the book by papermill, and keep of the result what would come out the same again."""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
from pathlib import Path

import nbformat
import papermill
from traitlets.config import Config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="the notebook")
    parser.add_argument("target", type=Path, help="where to write it with its outputs")
    parser.add_argument("--profile", default="edition", help="scale of the runs [default: %(default)s, the notebook's]")
    arguments = parser.parse_args()
    parameters = {} if arguments.profile == "edition" else {"profile": arguments.profile}
    # A TCP port that is free when it is chosen may be that of another notebook's kernel by the time that this one has started.
    with tempfile.TemporaryDirectory() as folder:
        files = Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})
        notebook = papermill.execute_notebook(
            arguments.source, None, parameters, kernel_name="python3", progress_bar=False, config=files
        )
    # What papermill notes down (times, paths) would differ from run to run.
    notebook.metadata = {key: notebook.metadata[key] for key in ("kernelspec", "language_info")}
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{arguments.target.stem}-{number}"
        cell.metadata = {key: cell.metadata[key] for key in ("tags", "mystnb") if cell.metadata.get(key)}
    write(notebook, arguments.target)


def write(notebook: nbformat.NotebookNode, target: Path) -> None:
    """Whole or not at all, as :func:`gfn.runs.training.replacing`, whose import takes longer than many a notebook."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{secrets.token_hex(8)}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            nbformat.write(notebook, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
