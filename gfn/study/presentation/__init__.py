"""How results are shown in notebooks: tables and figures."""

from __future__ import annotations


def install() -> None:
    """Let the notebook that runs this show figures as SVG; without one, nothing."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        from gfn.study.presentation.figures import register

        register(shell)
