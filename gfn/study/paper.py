"""What is known of the paper, from ``data/paper``: its claims with our criteria, and its printed numbers."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml

from gfn.checkout import checkout_path

# What the paper and this book compare, in this order. A loss or divergence that is added joins no figure by itself.
DIVERGENCES = ("reverse_kl", "forward_kl", "renyi", "tsallis")
BALANCE_LOSSES = ("tb", "db", "subtb", "vargrad")
OBJECTIVES = (*BALANCE_LOSSES, *DIVERGENCES)
CONTROL_VARIATES = ("none", "loo", "score", "both", "joint")


def paper_data() -> Path:
    """The folder ``data/paper`` of the checkout around the working directory, or around this package.

    Raises:
        FileNotFoundError: if there is none.
    """
    return checkout_path("data/paper")


def project_folder() -> Path:
    """The folder of the checkout; where there is none, the working folder."""
    try:
        return paper_data().parents[1]
    except FileNotFoundError:
        return Path.cwd()


def load_criteria(of: Literal["paper", "beyond"] = "paper") -> dict[str, Any]:
    """All of the paper's ``claims.yaml``, or of the ``questions.yaml`` of the part beyond the paper.

    Returns:
        ``version``, ``frozen``, ``checksum``, ``margins`` and ``claims``.
    """
    return _read(paper_data() / "claims.yaml" if of == "paper" else checkout_path("data/beyond") / "questions.yaml")


@cache
def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def load_claims(of: Literal["paper", "beyond"] = "paper") -> dict[str, dict[str, Any]]:
    """Claims C1 to C11: ``claim``, ``where``, ``changed``, and their criteria, ``tests``; or the questions, alike."""
    return load_criteria(of)["claims"]


def margin(name: str, of: Literal["paper", "beyond"] = "paper") -> float:
    """What is added to both sides of a ratio, so that what is as small as noise counts as equal."""
    return load_criteria(of)["margins"][name]["value"]


def checksum(criteria: dict[str, Any]) -> str:
    """SHA-256 of what verdicts depend on: the margins, every claim's criteria, and the time at which they were frozen."""
    tests = {claim: about["tests"] for claim, about in criteria["claims"].items()}
    frozen = {name: criteria[name] for name in ("version", "frozen", "margins")} | {"tests": tests}
    return sha256(yaml.safe_dump(frozen, sort_keys=True, allow_unicode=True, width=1 << 20).encode()).hexdigest()


def first_verdicts() -> pd.DataFrame:
    """What version 1 of the criteria made of version 1 of the runs, by claim: ``outcome, passed, measured``."""
    return pd.read_csv(paper_data() / "verdicts_v1.csv").set_index("claim")


def printed(task: str) -> pd.DataFrame:
    """What the paper's Table 1 prints for a task, by objective: ``mean``, ``standard_deviation``, ``low``, ``high``, ``text``.

    Where a range is known in place of a cell, it is from ``low`` to ``high``, and there is no mean.
    """
    table = pd.read_csv(paper_data() / "table1.csv")
    table = table[table.task == task].set_index("objective")
    return table.assign(text=[_cell(row) for row in table.itertuples()])


def _cell(row: Any) -> str:
    if pd.isna(row.mean):
        return f"{row.low:.2f}–{row.high:.2f}"
    return f"{row.mean:.2f} ± {row.standard_deviation:.2f}"
