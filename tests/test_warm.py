"""Kernels that are forked of one that has loaded its libraries: as others, and gone with what asked for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "warm.py"
# In place of the libraries of the book, one that nothing else loads.
WARM = f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import warm; warm.LOADED = ('ipykernel.kernelapp', 'wave'); warm.__file__ = {str(SCRIPT)!r}; sys.exit(warm.main())"
# A notebook's code, and what asks for the kernel.
CELL = "import os, sys; print([os.getpid(), os.getcwd(), os.environ['MARK'], 'wave' in sys.modules, os.environ['MPLBACKEND']])"
ASK = f"""
import os, sys, time
from jupyter_client.manager import start_new_kernel
os.environ["MARK"] = "here"
manager, client = start_new_kernel(kernel_name="python3", cwd={{folder!r}})
client.execute_interactive({CELL!r}, timeout=60, output_hook=lambda said: print(said["content"].get("text", ""), end="", flush=True))
{{then}}
"""


def warm(*command: str, folder: Path) -> tuple[int, str]:
    call = [sys.executable, "-c", WARM, *command]
    done = subprocess.run(call, cwd=folder, stdout=subprocess.PIPE, text=True, timeout=120)
    return done.returncode, done.stdout


@pytest.mark.parametrize("status", [0, 3])
def test_the_command_ends_as_it_does_alone(status, tmp_path):
    assert warm("sh", "-c", f"echo out; exit {status}", folder=tmp_path) == (status, "out\n")


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    "then",
    ["manager.shutdown_kernel(); assert not manager.is_alive()", "manager.shutdown_kernel(now=True)", "os._exit(0)"],
)
def test_a_kernel_has_folder_and_variables_of_its_own_and_ends(then, tmp_path):
    """In the end it is gone, however it was left: shut down, killed, or forgotten."""
    (place := tmp_path / "a folder").mkdir()
    status, out = warm(sys.executable, "-c", ASK.format(folder=str(place), then=then), folder=tmp_path)
    process, *about = eval(out)
    assert status == 0
    assert about == [str(place), "here", True, "module://matplotlib_inline.backend_inline"]
    assert gone(process)


def test_a_cell_can_be_interrupted(tmp_path):
    """As papermill does at the end of its patience."""
    then = """
sent = client.execute("import time; time.sleep(60)")
time.sleep(0.5)
manager.interrupt_kernel()
print(client.get_shell_msg(timeout=30)["content"].get("ename"))
manager.shutdown_kernel()
"""
    status, out = warm(sys.executable, "-c", ASK.format(folder=str(tmp_path), then=then), folder=tmp_path)
    assert status == 0
    assert "KeyboardInterrupt" in out
