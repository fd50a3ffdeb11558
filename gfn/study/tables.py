"""Tables of measurements in the many forms in which programs write them, made into the one that DAGs are read from."""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gfn.environments import DAGs
from gfn.environments.tables import LEAVE_OUT, NUMBER
from gfn.environments.text import read_text
from gfn.settings import SettingsError

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "blank": " "}


class TableError(SettingsError):
    """A table that cannot be read as it is said to be."""


def plain_table(
    source: Path,
    separator: str = "comma",
    decimal: str = "point",
    names: bool | None = None,
    leave_out: tuple[str, ...] = (),
) -> tuple[str, DAGs]:
    """A table as CSV with commas, points and a line of names; and the task that this CSV gives.

    Nothing is guessed. What is said of the form is taken at its word, and what then could be misread is refused as by
    :class:`~gfn.environments.dags.DAGs`.

    Arguments:
        source: a text file, a line an observation.
        separator: a word of ``SEPARATORS``, or the character itself; several blanks are one.
        decimal: "point" or "comma".
        names: whether the first line has them, numbers included; otherwise they are x1, x2, … Where it is not said, the
            first line must be words.
        leave_out: names of columns that are no variables, such as row numbers; an empty name for the column without one.

    Raises:
        SettingsError: in one sentence.
    """
    character = SEPARATORS.get(separator, separator)
    if len(character) != 1 or character.isalnum() or character in "\"'+-.\r\n":
        raise TableError(f"separator = {separator!r} is not allowed: one of {', '.join(SEPARATORS)}, or one character")
    if decimal not in ("point", "comma") or (decimal, character) == ("comma", ","):
        raise TableError(f"decimal = {decimal!r} is not allowed with separator = {separator!r}: point, or comma")
    first, rows = _rows(source, character, names)
    if missing := [name for name in leave_out if name not in first]:
        raise TableError(f"leave_out = {missing[0]!r} is not allowed: the columns are {', '.join(map(repr, first))}")
    if twice := [name for name in leave_out if first.count(name) > 1]:
        raise TableError(f"leave_out = {twice[0]!r} is not allowed: two columns have this name")
    kept = [place for place, name in enumerate(first) if name not in leave_out]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(f"x{first[place]}" if NUMBER.fullmatch(first[place]) else first[place] for place in kept)
    for row in rows:
        cells = (row[place] for place in kept)
        writer.writerow(cell.replace(",", ".") if decimal == "comma" else cell for cell in cells)
    return text.getvalue(), _task(text.getvalue(), source, first[kept[0]] if kept else "")


def _rows(source: Path, character: str, names: bool | None) -> tuple[list[str], list[list[str]]]:
    try:
        spaced = character != " "  # or each blank is a separator, and what is between them empty
        lines = csv.reader(io.StringIO(read_text(source)), delimiter=character, skipinitialspace=spaced, strict=True)
        rows = [[cell.strip() for cell in row] for row in lines if any(map(str.strip, row))]
        if character == " ":
            rows = [[cell for cell in row if cell] for row in rows]
        if not rows:
            raise ValueError("it is empty")
        if names is None and any(NUMBER.fullmatch(cell.replace(",", ".")) for cell in rows[0]):
            raise ValueError("its first line has numbers: say whether they are names (--names) or not (--no-names)")
        # R writes no name above its row names.
        if names is not False and len(rows) > 1 and len(rows[1]) == len(rows[0]) + 1:
            rows[0] = ["", *rows[0]]
        for number, row in enumerate(rows):
            if len(row) != len(rows[0]):
                what = f"line {number + 1} that is not empty has {len(row)} cells, where the first has {len(rows[0])}"
                raise ValueError(what)
    except (ValueError, csv.Error) as error:
        raise TableError(f"table = {str(source)!r} is not allowed: {error}") from None
    return (rows[0], rows[1:]) if names is not False else ([f"x{k + 1}" for k in range(len(rows[0]))], rows)


def _task(text: str, source: Path, leftmost: str) -> DAGs:
    """The task, or its refusal, which names the file that the user knows, and the option that leaves its column out."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / source.name
        path.write_text(text, encoding="utf-8")
        try:
            return DAGs(data=path)
        except SettingsError as error:
            said = str(error).replace(repr(str(path)), repr(str(source)))
            said = said.replace(LEAVE_OUT, f"leave row numbers out (--leave-out {shlex.quote(leftmost)})")
            raise TableError(said) from None


@contextmanager
def form_told() -> Iterator[None]:
    """Where DAGs refuse the form of a table, the refusal also says which command makes it into one that is read.

    Raises:
        SettingsError: the one that was raised inside, with this advice if it is of a text file.
    """
    try:
        yield
    except SettingsError as error:
        refused = re.match(r"data = '(.+?)' is not allowed: ", str(error))
        if refused is None or not _is_text(refused[1]):
            raise
        raise SettingsError(f"{error}; or gfn table makes the file into such a table (gfn table --help)") from None


def _is_text(path: str) -> bool:
    try:
        return bool(read_text(path).strip())
    except ValueError:
        return False


def names_of(path: str | Path) -> list[str]:
    """The names of the variables of a CSV file that :class:`~gfn.environments.dags.DAGs` reads; without any, x1, x2, …

    Raises:
        SettingsError: for a file that is refused there.
    """
    count = DAGs(data=path).nodes
    first = next(
        row for row in csv.reader(io.StringIO(read_text(path)), skipinitialspace=True) if any(map(str.strip, row))
    )
    first = [cell.strip() for cell in first]
    return first if not any(map(NUMBER.fullmatch, first)) else [f"x{k + 1}" for k in range(count)]
