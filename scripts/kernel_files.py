"""A pytest plugin: kernels that nbval starts are reached through files, and not through TCP ports.

A port that is free when it is chosen may be that of another notebook's kernel by the time that this one has started.
"""

import tempfile

import nbval.kernel
from traitlets import default

FOLDER = tempfile.TemporaryDirectory()  # which goes when the tests end


class ByFiles(nbval.kernel.KernelManager):
    """With sockets in a folder of its own."""

    @default("transport")
    def _transport_default(self) -> str:
        return "ipc"

    @default("ip")
    def _ip_default(self) -> str:
        return f"{tempfile.mkdtemp(dir=FOLDER.name)}/kernel"


nbval.kernel.KernelManager = ByFiles
