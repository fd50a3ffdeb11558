"""How the book shows what was measured: names, numbers, tables and figures for readers."""

from __future__ import annotations


def install() -> None:
    """Let IPython show tables and figures as the book does; nothing happens outside IPython.

    Imports are in here, so that what measures can use the numbers of this package without what draws.
    """
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is None:
        return
    from gfn.study.presentation import figures, tables

    tables.register(shell.display_formatter.formatters)
    figures.register(shell)
