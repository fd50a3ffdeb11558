"""How the book shows what was measured: names, numbers and tables for readers."""

from __future__ import annotations


def install() -> None:
    """Let IPython show tables as :mod:`gfn.study.presentation.tables` does; nothing happens outside IPython.

    Imports are in here, so that what measures can use the numbers of this package without what draws.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    from gfn.study.presentation import tables

    tables.register(shell.display_formatter.formatters)
