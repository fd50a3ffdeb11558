"""Run a command whose Jupyter kernels need not load their libraries: `warm.py COMMAND...`.

For this command alone, the kernel python3 is forked of a process that has loaded what all notebooks load. In all else it
is the usual one. Loading takes several times longer than most notebooks do.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

CONNECT = "--kernel-of"
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BACKEND = "module://matplotlib_inline.backend_inline"  # as ipykernel sets it, before Matplotlib is imported
LOADED = (
    "gfn.study.evidence.registry",
    "gfn.study.notebook",
    "gfn.study.plotting",
    "gfn.study.presentation.opening",
    "gfn.study.presentation.sources",
    "gfn.study.said",
    "gfn.study.verdicts",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "matplotlib.backends.backend_svg",
    "matplotlib.pyplot",
)


def main() -> int:
    if sys.argv[1:2] == [CONNECT]:
        return stand_in(sys.argv[2], sys.argv[3:])
    with tempfile.TemporaryDirectory() as folder, Kernels(Path(folder)) as kernels:
        return kernels.serve(sys.argv[1:])


def stand_in(address: str, arguments: list[str]) -> int:
    """What Jupyter starts as a kernel: it asks for the fork, passes signals on, and ends as the fork does."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        about = json.dumps({"arguments": arguments, "folder": os.getcwd(), "variables": dict(os.environ)}).encode()
        socket.send_fds(server, [len(about).to_bytes(8, "big")], [0, 1, 2])
        server.sendall(about)
        for number in PASSED_ON:
            signal.signal(number, lambda number, frame: server.sendall(bytes([number])))
        status = server.recv(1)
    return status[0] if status else 1


class Kernels:
    """Forks on demand, as long as a command runs.

    Arguments:
        folder: for the socket and the description of the kernel.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "socket"
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(self.socket))
        self.listening.listen(64)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listening, selectors.EVENT_READ)
        self.connections: dict[int, socket.socket] = {}  # of each fork, by its process

    def __enter__(self) -> Kernels:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.connections:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        self.listening.close()

    def serve(self, command: list[str]) -> int:
        """The command's exit status."""
        variables = self.variables()
        load()  # before the command starts, since whoever asks for a kernel does not wait for long
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command gets its own
        child = subprocess.Popen(command, env=variables, preexec_fn=usual_signals)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, frame: child.send_signal(number))
        while child.poll() is None:
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listening:
                    self.fork()
                else:
                    self.heed(key.fileobj, key.data)
            self.reap()
        return 128 - child.returncode if child.returncode < 0 else child.returncode

    def variables(self) -> dict[str, str]:
        """With which Jupyter finds this kernel before any other."""
        from ipykernel.kernelspec import get_kernel_dict

        place = self.folder / "kernels" / "python3"
        place.mkdir(parents=True)
        call = [sys.executable, "-IS", str(Path(__file__).resolve()), CONNECT, str(self.socket)]
        described = get_kernel_dict() | {"argv": [*call, "-f", "{connection_file}"]}
        (place / "kernel.json").write_text(json.dumps(described), encoding="utf-8")
        others = os.environ.get("JUPYTER_PATH")
        return os.environ | {"JUPYTER_PATH": os.pathsep.join([str(self.folder), *([others] if others else [])])}

    def fork(self) -> None:
        connection, _ = self.listening.accept()
        size, files, *_ = socket.recv_fds(connection, 8, 3)
        about = json.loads(connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
        process = os.fork()
        if process == 0:
            for other in (self.listening, connection, self.selector, *self.connections.values()):
                other.close()
            become(about, files)
        for file in files:
            os.close(file)
        self.connections[process] = connection
        self.selector.register(connection, selectors.EVENT_READ, process)

    def heed(self, connection: socket.socket, process: int) -> None:
        """Pass a signal on to a fork. Where nothing stands in for it any more, end it."""
        try:
            asked = connection.recv(1)
        except ConnectionError:
            asked = b""
        if not asked:
            self.selector.unregister(connection)
        os.kill(process, asked[0] if asked else signal.SIGKILL)

    def reap(self) -> None:
        for process, connection in list(self.connections.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            if not ended:
                continue
            del self.connections[process]
            with suppress(KeyError):
                self.selector.unregister(connection)
            code = os.waitstatus_to_exitcode(status)
            with connection, suppress(OSError):
                connection.sendall(bytes([128 - code if code < 0 else code]))


def load() -> None:
    """As a notebook would: pandas asks when it is loaded whether it is in one, and shows tables accordingly."""
    os.environ.setdefault("MPLBACKEND", BACKEND)
    sys.path[0] = os.getcwd()
    builtins.get_ipython = lambda: SimpleNamespace(kernel=None)
    for name in LOADED:
        importlib.import_module(name)
    del builtins.get_ipython


def usual_signals() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def become(about: dict, files: list[int]) -> None:
    """The kernel that was asked for, to its end."""
    status = 1
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.setsid()
        usual_signals()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(about["folder"])
        os.environ.clear()
        os.environ.update(about["variables"])
        sys.argv = ["ipykernel_launcher", *about["arguments"], "--IPKernelApp.parent_handle=1"]  # the server watches
        del sys.path[0]
        from ipykernel.kernelapp import launch_new_instance

        launch_new_instance()
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
