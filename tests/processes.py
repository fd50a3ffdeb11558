"""The command in processes of its own that need not load their libraries: forked of one that has."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from gfn import cli
from gfn.runs import training
from gfn.runs.training import Trainer

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["gfn.cli", "tests.processes", "tests.warm"])


def usual_signals() -> None:
    """Handlers as a terminal's commands have them, whatever the tests were started by ignores."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Command:
    """The command ``gfn`` at work.

    Arguments:
        folder: where what it says goes.
        arguments: what is given to it.
        at: the iteration of a training at which it is sent signals, if any.
        signals: which ones.
        ignored: signals that the process ignores from its start.
        every: seconds between checkpoints.
    """

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str],
        at: int = -1,
        signals: Sequence[int] = (),
        ignored: Sequence[int] = (),
        every: float = 20.0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.err = folder / "err"
        given = (str(folder), list(arguments), at, list(map(int, signals)), list(map(int, ignored)), every)
        self.process = FORKS.Process(target=_work, args=given)
        self.process.start()

    def end(self, timeout: float = 120.0) -> tuple[int, str]:
        """Exit status and what stands on standard error."""
        self.process.join(timeout)
        return self.process.exitcode, self.err.read_text()


def speak_into(folder: str | Path) -> None:
    """Have standard output and standard error of this process go to the files ``out`` and ``err`` of a folder."""
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))


def _work(folder: str, arguments: list[str], at: int, signals: list[int], ignored: list[int], every: float) -> None:
    speak_into(folder)
    usual_signals()
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    training.CHECKPOINT_SECONDS, step = every, Trainer.step

    def watched(trainer: Trainer) -> None:
        if trainer.iteration == at:
            for number in signals:
                os.kill(os.getpid(), number)
        step(trainer)

    Trainer.step = watched
    cli.main(arguments)
