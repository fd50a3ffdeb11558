"""Workers: one process for each implementation, held to one thread on one core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from benchmarks.environments import python_of
from benchmarks.settings import BUILD, ROOT

SCRIPTS = {name: ROOT / "benchmarks" / "workers" / f"run_{name}.py" for name in ("ours", "torchgfn", "gfnx")}
SCRIPTS["torchgfn study"] = ROOT / "benchmarks" / "workers" / "train_torchgfn.py"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
    "CUDA_VISIBLE_DEVICES": "",
}


class WorkerError(RuntimeError):
    """What a worker could not do, in one sentence."""


class Worker:
    """A process that makes trainings of one implementation and times them.

    Arguments:
        name: ``ours``, ``torchgfn`` or ``gfnx``; its first word is the environment in which it runs.
        path: folders from which it may import besides.
    """

    def __init__(self, name: str, path: Sequence[Path] = ()) -> None:
        self.name, self.path = name, path
        self.log = BUILD / f"worker_{name.replace(' ', '_')}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.process: subprocess.Popen | None = None

    def start(self) -> subprocess.Popen:
        """Start the process, unless it runs."""
        if self.process is None or self.process.poll() is not None:
            ours = self.name == "ours"
            environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | ONE_THREAD
            # The peer torchgfn imports as gfn too: only our own worker may see this checkout.
            path = [ROOT] if ours else self.path
            environment |= {"PYTHONPATH": os.pathsep.join(map(str, path))} if path else {}
            self.process = subprocess.Popen(
                [sys.executable if ours else python_of(self.name.split()[0]), SCRIPTS[self.name]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log(),
                env=environment,
                cwd=ROOT if ours else BUILD,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for the suite, which ends its workers itself
                preexec_fn=_keep_to_one_core if hasattr(os, "sched_setaffinity") else None,
            )
        return self.process

    def _log(self) -> IO[bytes]:
        return self.log.open("wb")

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Have something done.

        Raises:
            WorkerError: if it fails, or the process ends.
        """
        process = self.start()
        try:
            print(json.dumps({"do": do, **fields}, default=_plain), file=process.stdin, flush=True)
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            process.wait()
            reason = f"signal {-process.returncode}" if process.returncode < 0 else f"status {process.returncode}"
            raise WorkerError(f"the process of {self.name} ended with {reason}{self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {said[-1][:200]}" if said else ""

    def runner(self, name: str) -> Callable[[int], dict[str, float]]:
        """What makes iterations of the training ``name`` and times them."""
        return lambda iterations: self.ask("run", name=name, iterations=iterations)

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


class Workers(dict):
    """Workers by name, each started when it is first asked for; all end with the ``with`` block."""

    def __missing__(self, name: str) -> Worker:
        self[name] = Worker(name)
        return self[name]

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self.values():
            worker.stop()


def _keep_to_one_core() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _plain(value: Any) -> Any:
    """Settings as JSON has them."""
    return json.loads(value.model_dump_json())
