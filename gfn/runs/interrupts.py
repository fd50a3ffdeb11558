"""Signals that end a process, noted until the state is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Terminated(KeyboardInterrupt):
    """The process was told to end by another signal than Ctrl-C's, which is its argument."""


def terminate(number: int, frame: object) -> None:
    """A signal's handler that ends like Ctrl-C's."""
    raise Terminated(number)


@contextmanager
def interrupts_noted() -> Iterator[list[int]]:
    """Signals that would raise KeyboardInterrupt are noted in a list, to be heeded where the state is whole; a second raises it.

    Where Ctrl-C does something else than to raise KeyboardInterrupt, it stays so.
    """
    noted: list[int] = []
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    if threading.current_thread() is not threading.main_thread():
        handlers = {}
    handlers = {n: raising for n, raising in handlers.items() if raising in (signal.default_int_handler, terminate)}

    def note(number: int, frame: object) -> None:
        noted.append(number)
        if len(noted) > 1:
            handlers[number](number, frame)

    for number in handlers:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, raising in handlers.items():
            signal.signal(number, raising)
