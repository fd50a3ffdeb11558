"""How the command ends: whatever goes wrong is one sentence on standard error, with the status that belongs to it."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

import click

from gfn.runs.interrupts import Terminated, terminate
from gfn.runs.training import TrainingError, warn
from gfn.settings import SettingsError
from gfn.study.results import ResultError

TRACEBACK_VARIABLE = "GFN_TRACEBACK"
# Errors of the system that a path given by the user brings about; all others are of the machine.
OF_PATHS = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM}
BROKEN_PIPE = 141  # as a shell reports it of commands that do not catch SIGPIPE


def end(command: click.Group, arguments: Sequence[str] | None = None, resumable: Sequence[str] = ()) -> NoReturn:
    """Run a command and leave: with 0, 2 for bad input, 1 where the work failed, or 128 and the number of a signal.

    Arguments:
        command: the group of commands.
        arguments: what to give to it, by default what the process was given.
        resumable: the names of those commands that go on where they were interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        if hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="backslashreplace")  # for encodings that lack a character
    with signals_raised():
        try:
            status, message = _run(command, arguments)
            if status > 128 and message and set(arguments[:1]) & set(resumable):
                message += "; the same command resumes"
            if message:
                warn(f"gfn: {' '.join(message.split())}")
        except KeyboardInterrupt as second:
            status = of_signal(second)
    sys.exit(status)


def _run(command: click.Group, arguments: list[str]) -> tuple[int, str]:
    try:
        # Not its main(), which takes an end of file inside a reader for an interrupt.
        with command.make_context("gfn", arguments) as context:
            command.invoke(context)
        return _flushed(0, "")
    except click.exceptions.Exit as left:
        return _flushed(left.exit_code, "")
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        return _flushed(2, "")
    except BrokenPipeError:
        return _silenced(BROKEN_PIPE, "")
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            traceback.print_exception(error)
        return _flushed(status_of(error), sentence_of(error))


def _flushed(status: int, message: str) -> tuple[int, str]:
    """The same, once all that was printed is out; where it cannot be put out, and nothing else is wrong, that is said."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _silenced(status or BROKEN_PIPE, message)
    except (OSError, ValueError) as error:
        return _silenced(status or 1, message or f"what was to be printed is lost: {sentence_of(error)}")
    return status, message


def _silenced(status: int, message: str) -> tuple[int, str]:
    """The same, with nothing left for Python to print when it ends, which would be an error again."""
    with suppress(AttributeError, OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return status, message


def status_of(error: BaseException) -> int:
    """The exit status that belongs to an error."""
    if isinstance(error, KeyboardInterrupt):
        return of_signal(error)
    bad = isinstance(error, click.ClickException | SettingsError | ResultError | FileNotFoundError)
    return 2 if bad or (isinstance(error, OSError) and error.errno in OF_PATHS) else 1


def of_signal(error: KeyboardInterrupt) -> int:
    """128 and the number of the signal."""
    return 128 + (error.args[0] if isinstance(error, Terminated) else signal.SIGINT)


def sentence_of(error: BaseException) -> str:
    """An error in one sentence; one that nobody expected says where it came from."""
    said = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, KeyboardInterrupt):
        return "terminated" if isinstance(error, Terminated) else "interrupted"
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, SettingsError | ResultError | TrainingError):
        return str(error)
    if isinstance(error, MemoryError) or "llocate memory" in said or type(error).__name__ == "OutOfMemoryError":
        return f"there is not enough memory{f': {said}' if said else ''}"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else error.strerror or said
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" in {os.path.basename(frame.filename)}, line {frame.lineno}" for frame in last)
    what = f"unexpected {type(error).__name__}{where}{f': {said}' if said else ''}"
    return f"{what}; with {TRACEBACK_VARIABLE}=1 the same command shows the way there"


@contextmanager
def signals_raised() -> Iterator[None]:
    """SIGTERM and SIGHUP raise as Ctrl-C does, unless the process was started so that it ignores them."""
    every = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    with suppress(ValueError):  # outside the main thread
        taken = [number for number in every if signal.getsignal(number) == signal.SIG_DFL]
        for number in taken:
            signal.signal(number, terminate)
    try:
        yield
    finally:
        with suppress(ValueError):
            for number in taken:
                signal.signal(number, signal.SIG_DFL)
