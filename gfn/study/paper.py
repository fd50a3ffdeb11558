"""What is known of the paper, from ``data/paper``: its claims with our criteria, and its printed numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from gfn.checkout import checkout_path


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


def load_claims() -> dict[str, dict[str, Any]]:
    """Claims C1 to C11: ``claim``, ``where``, and ``tests`` where there are criteria."""
    return yaml.safe_load((paper_data() / "claims.yaml").read_text(encoding="utf-8"))


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
