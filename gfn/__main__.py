"""The command ``gfn``, also ``python -m gfn``: ready for Ctrl-C before its libraries are loaded, which takes seconds."""

import os
import signal
from contextlib import suppress


def leave(number: int, frame: object) -> None:
    """End at once, by no exception, which would not get through all libraries whole."""
    with suppress(OSError):
        os.write(2, b"gfn: interrupted\n")
    os._exit(128 + number)


def main() -> None:
    """Load the command and run it; while it is loading a signal ends it at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ending = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    for number in ending:
        signal.signal(number, leave)
    from gfn.cli import main as command

    for number in ending:
        signal.signal(number, before[number])
    try:
        command()
    finally:
        for number in ending:
            signal.signal(number, signal.SIG_DFL)  # while Python ends


if __name__ == "__main__":
    main()
