"""The matrix of a NEXUS file (Maddison, Swofford & Maddison, Syst. Biol. 46, 1997), as far as it is one of DNA."""

import re
import string
from collections.abc import Iterator

Rows = list[tuple[str, str]]

DNA = ("dna", "rna", "nucleotide")
SETTINGS = ("datatype", "missing", "gap", "matchchar", "interleave", "symbols", "respectcase")
SELECTIONS = ("eliminate", "exset", "exclude", "charset", "delete", "taxset")
WEIGHTS = ("weights", "wtset")
LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)  # and no other letter becomes one of these


def read_nexus(text: str, letters: str) -> Rows:
    """Names and sequences: gaps as -, what is missing as ?, and for a match character that of the first row.

    Raises:
        ValueError: without a matrix, or with anything that gives it another meaning and is not read, symbols beyond
            ``letters`` among that; the message is what follows ``is not allowed:``.
    """
    block, matrix, setting, size = "", None, {}, {}
    for command in _commands(text[len("#NEXUS") :]):
        name, rest = re.fullmatch(r"(\S+)\s*(.*)", command, re.DOTALL).groups()
        name = name.lower()
        if name == "begin":
            block = rest.strip().lower()
        elif name in SELECTIONS:
            raise ValueError(f"its command {name} selects columns or taxa, which is not read: remove both it and them")
        elif name in WEIGHTS:
            raise ValueError(f"its command {name} gives columns weights, which are not read: remove it")
        elif name == "dimensions":
            for key, value in re.findall(r"(\w+)\s*=\s*(\d+)", rest):
                if len(value) > 9:
                    raise ValueError(f"its dimensions state {key} = {value[:9]}…, which may have at most 9 digits")
                size[key.lower()] = int(value)
        elif name == "format" and block in ("data", "characters"):
            setting = _format(rest, letters)
        elif name == "matrix" and block in ("data", "characters"):
            if matrix is not None:
                raise ValueError("it has two data matrices, and must have one")
            matrix = rest
    if matrix is None:
        raise ValueError("its blocks hold no data matrix")
    if not {"ntax", "nchar"} <= size.keys():
        raise ValueError("its dimensions must state ntax and nchar")
    rows = _rows(matrix, size["ntax"], size["nchar"], setting.get("interleave", "no") == "yes")
    return [(name, _plain(sequence, rows[0][1], setting)) for name, sequence in rows]


def _commands(text: str) -> Iterator[str]:
    """What stands between semicolons, without comments (which may be nested) and empty commands."""
    depth, quoted, command = 0, False, []
    for part in re.split(r"([\[\]';])", text):
        if depth:
            depth += (part == "[") - (part == "]")
        elif part == "[" and not quoted:
            depth = 1
        elif part == ";" and not quoted:
            if whole := "".join(command).strip():
                yield whole
            command = []
        else:
            quoted ^= part == "'"
            command.append(part)
    rest = "".join(command).split()
    if depth or quoted or rest:
        what = "comment" if depth else "quoted name" if quoted else f"command {rest[0]!r}"
        raise ValueError(f"its last {what} has no end")


def _format(text: str, letters: str) -> dict[str, str]:
    """The settings of a format command, in lower case."""
    pairs = re.findall(r'(\w+)(?:\s*=\s*("[^"]*"|\S+))?', text)
    found = {name.lower(): value.strip('"').translate(LOWER) or "yes" for name, value in pairs}
    if found.get("datatype", "dna") not in DNA:
        raise ValueError(f"its datatype is {found['datatype']}, and only DNA is read: {', '.join(DNA)}")
    for name, value in found.items():
        if name not in SETTINGS:
            raise ValueError(f"its format has {name}, which is not read: only {', '.join(SETTINGS)}")
        if name in ("missing", "gap", "matchchar") and (len(value) != 1 or value in "acgtu"):
            raise ValueError(f"its format has {name} = {value}, which must be one character and no base")
    if (value := found.get("interleave", "no")) not in ("yes", "no"):
        raise ValueError(f"its format has interleave = {value}, which must be yes or no")
    if (match := found.get("matchchar")) and match in (found.get("gap"), found.get("missing", "?")):
        raise ValueError(f"its format has matchchar = {match}, which must differ from gap and missing")
    if foreign := set(found.get("symbols", "").upper()) - {*letters, "U", " "}:
        raise ValueError(f"its format has the symbols {' '.join(sorted(foreign))}, which stand for no base")
    return found


def _rows(matrix: str, taxa: int, sites: int, interleaved: bool) -> Rows:
    """The rows of a matrix: a line each, or over several lines, or in interleaved blocks whose lines all have the name."""
    lines, rows = [], []
    for line in filter(str.strip, matrix.split("\n")):
        name, rest = re.fullmatch(r"\s*('(?:[^']|'')*'|\S+)(.*)", line).groups()
        name = name[1:-1].replace("''", "'") if name[0] == name[-1] == "'" else name
        lines.append((name, "".join(rest.split()), "".join(line.split())))
    if interleaved:
        rows = [(name, rest) for name, rest, _ in lines[:taxa]]
        place = {name: index for index, (name, _) in enumerate(rows)}
        for name, rest, _ in lines[taxa:]:
            if name not in place:
                raise ValueError(f"a later block of its matrix has {name!r}, which is not among the first {taxa} names")
            rows[place[name]] = (name, rows[place[name]][1] + rest)
    else:
        for name, rest, line in lines:
            # A row goes on over lines until it is full, unless each line is a row.
            if rows and len(lines) > taxa and len(rows[-1][1]) < sites:
                rows[-1] = (rows[-1][0], rows[-1][1] + line)
            else:
                rows.append((name, rest))
    if len(rows) != taxa:
        raise ValueError(f"its matrix has {len(rows)} rows where ntax = {taxa}")
    for name, sequence in rows:
        if len(sequence) != sites:
            advice = "; a name with blanks needs quotes" if len(sequence) > sites else ""
            raise ValueError(f"taxon {name!r} has {len(sequence)} sites where nchar = {sites}{advice}")
    return rows


def _plain(sequence: str, first: str, setting: dict[str, str]) -> str:
    """A row with the usual characters for gaps and what is missing."""
    plain = {setting.get("gap", "-"): "-", setting.get("missing", "?"): "?"}
    if (match := setting.get("matchchar")) is not None:
        if match in first.translate(LOWER):
            raise ValueError(f"the first row of its matrix has the match character {match!r}, which stands for its own")
        sequence = "".join(own if this.translate(LOWER) == match else this for this, own in zip(sequence, first))
    return "".join(plain.get(this.translate(LOWER), this) for this in sequence)
