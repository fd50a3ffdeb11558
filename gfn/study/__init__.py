"""What the book shows: the experiments of the paper, the evidence for its claims, figures and verdicts. It only looks at results."""

from typing import Any


def __getattr__(name: str) -> Any:
    """``load``, which is :func:`gfn.study.trained.load`, once it is asked for: most commands can do without."""
    if name == "load":
        from gfn.study.trained import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
