"""Notebooks are executed by kernels that cannot get into each other's way."""

import subprocess
import sys

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.campaign import ROOT

WHERE = "from ipykernel.kernelapp import IPKernelApp as App; print(App.instance().transport, App.instance().ip)"


def test_kernels_are_reached_through_files_of_their_own(tmp_path):
    """Not through a port, which another kernel may have taken when this one has started."""
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(WHERE)], metadata=about), tmp_path / "given.ipynb")
    call = [sys.executable, ROOT / "scripts/execute_notebook.py", tmp_path / "given.ipynb"]
    both = [subprocess.Popen([*call, tmp_path / name], stderr=subprocess.DEVNULL) for name in ("one", "other")]
    assert [process.wait() for process in both] == [0, 0]
    found = {nbformat.read(tmp_path / name, 4).cells[0].outputs[0].text for name in ("one", "other")}
    assert len(found) == 2
    assert all(text.startswith("ipc /") for text in found)
