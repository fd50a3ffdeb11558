"""Observations from a CSV file: read right, or refused with what to do about it."""

import csv
import io
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch

from gfn.environments.text import read_text

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
MISSING = ("na", "n/a", "nan", "inf", "-inf", "+inf", "infinity", "-infinity", "null", "none")
LEAVE_OUT = "leave row numbers out (row.names = FALSE, index = False)"
CONSTANT = 1e-9  # spread of a column, relative to its largest value, that is taken for rounding
DEPENDENT = 1e-10  # least eigenvalue of correlations that is not taken for rounding
Cells = list[tuple[int, list[str]]]


def read_table(path: str | Path) -> list[list[float]]:
    """Observations from a CSV file: a line each, a column for each variable, with or without a line of names.

    Columns are separated by commas, and numbers have points. Row numbers, and numbers that may be names, are refused.

    Raises:
        ValueError: if there is no such file, or it could be read in another way.
    """
    try:
        text = read_text(path)
        lines = csv.reader(io.StringIO(text), skipinitialspace=True, strict=True)
        # By the number of the line that each begins with: quoted cells may go on over lines.
        rows = [(lines.line_num - "".join(row).count("\n"), row) for row in lines if any(map(str.strip, row))]
        rows = [(number, [cell.strip() for cell in row]) for number, row in rows]
        names = _names(text.lstrip("\n"), rows)
        table = _numbers(rows[bool(names) :])
        counts = all(after[0] - before[0] == 1 for before, after in pairwise(table))
        if len(table) > 2 and counts and table[0][0].is_integer():
            raise ValueError(f"its first column counts the rows: {LEAVE_OUT}")
    except (ValueError, csv.Error) as error:
        raise ValueError(f"data = {str(path)!r} is not allowed: {error}") from None
    return table


def _names(text: str, rows: Cells) -> list[str] | None:
    """The first row, if it has names."""
    if not rows:
        raise ValueError("it has no columns")
    place, first = rows[0]
    bare = re.sub(r'"[^"]*"', "", text).partition("\n")[0].strip()
    for separator, name in SEPARATORS.items():
        if separator in bare and (len(first) == 1 or separator in ";\t"):
            raise ValueError(f"{name} seem to separate its columns: use commas, and points in numbers")
    for number, row in rows[1:]:
        if len(row) != len(first):
            raise ValueError(f"row {number} has {len(row)} cells, where row {place} has {len(first)}")
    if not first[0] and any(first):
        raise ValueError(f"its first column has no name: {LEAVE_OUT}")
    if not any(NUMBER.fullmatch(cell) for cell in first):
        for cell in first:
            if cell.lower() in MISSING or not any(map(str.isalpha, cell)):
                raise ValueError(f"row {place} holds {cell!r}, which is neither a number nor a name")
        if len(set(first)) < len(first):
            raise ValueError(f"two of its columns are named {max(first, key=first.count)!r}")
        return first
    if len(first) > 1 and all(WHOLE.fullmatch(cell) for cell in first):
        counts = {int(cell) - k for k, cell in enumerate(first)} in ({0}, {1})
        alone = len(rows) > 1 and not any(WHOLE.fullmatch(cell) for _, row in rows[1:] for cell in row)
        if counts or alone or ('"' in text.partition("\n")[0] and '"' not in text.partition("\n")[2]):
            raise ValueError(f"row {place} may be a line of names ({', '.join(first)}): put a line of words above it")
    return None


def _numbers(rows: Cells) -> list[list[float]]:
    for number, row in rows:
        for column, cell in enumerate(row):
            if not NUMBER.fullmatch(cell):
                where = f"row {number}, column {column + 1}"
                advice = ": use points in numbers" if NUMBER.fullmatch(cell.replace(",", ".")) else ""
                what = f"holds {cell!r}, which is not a number{advice}" if cell else "is empty"
                raise ValueError(f"{where} {what}")
    return [[float(cell) for cell in row] for _, row in rows]


def check_table(rows: Sequence[Sequence[float]], samples: int, nodes: int) -> None:
    """Refuse data of other sizes than stated, or under which a variable is an exact linear function of others.

    Raises:
        ValueError: saying what is wrong with them.
    """
    if len({len(row) for row in rows}) > 1:
        raise ValueError("data are not allowed: their rows differ in length")
    if (len(rows), len(rows[0])) != (samples, nodes):
        has = f"the data have {len(rows)} rows and {len(rows[0])} columns"
        raise ValueError(f"samples = {samples} and nodes = {nodes} are not allowed: {has}")
    table = torch.tensor(rows, dtype=torch.float64)
    spread = table.amax(0) - table.amin(0)
    squares = (table - table.mean(0)).square().sum(0)
    for column in range(nodes):
        if spread[column] <= CONSTANT * table[:, column].abs().max():
            what = "constant" if spread[column] == 0 else "constant up to rounding: take a number from it"
            raise ValueError(f"data are not allowed: column {column + 1} is {what}")
        if not 1e-100 < squares[column] < 1e100:
            scale = f"numbers of a size of {table[:, column].abs().max():.0e}"
            raise ValueError(f"data are not allowed: column {column + 1} has {scale}: choose another unit")
    if torch.linalg.eigvalsh(torch.corrcoef(table.T))[0] < DEPENDENT:
        raise ValueError("data are not allowed: their columns are linearly dependent")
