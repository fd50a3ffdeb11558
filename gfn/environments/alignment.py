"""Alignments of DNA: read from FASTA or NEXUS, checked, and compressed to site patterns."""

import re
from pathlib import Path

import torch
from torch import Tensor

from gfn.checkout import checkout_path
from gfn.environments.nexus import Rows, read_nexus
from gfn.environments.text import read_text
from gfn.settings import SettingsError

Alignment = tuple[tuple[str, str], ...]

SHIPPED = "data/phylogenetics/simulated.fasta"
MIN_TAXA, MAX_TAXA = 3, 62
BASES = "ACGT"
# IUPAC's code: the bases that a character stands for. Gaps and unknowns stand for any.
CODE = dict(A="A", C="C", G="G", T="T", R="AG", Y="CT", S="CG", W="AT", K="GT", M="AC")
CODE |= {"B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": BASES, "X": BASES, "-": BASES, "?": BASES}
# Small letters and U. Capitals of other letters are not taken, since those of ſ and ß are S.
PLAIN = str.maketrans({letter.lower(): letter for letter in CODE} | {"U": "T", "u": "T"})


def shipped_alignment() -> Alignment:
    """The simulated alignment of this project.

    Raises:
        SettingsError: where there is no checkout of this project.
    """
    try:
        return read_alignment(checkout_path(SHIPPED))
    except FileNotFoundError as error:
        raise SettingsError(f"{error}, or name a FASTA or NEXUS file in alignment") from None


def read_alignment(path: str | Path) -> Alignment:
    """Names and sequences of a FASTA or NEXUS file, as they stand there.

    Raises:
        ValueError: if there is no such file, or it is neither of the two, or cannot be DNA.
    """
    try:
        text = read_text(path).lstrip()
        if text[:6].upper() == "#NEXUS":
            rows = read_nexus(text, "".join(CODE))
        elif text.startswith(">"):
            rows = _read_fasta(text)
        else:
            raise ValueError("it must be a FASTA file (starting with >) or a NEXUS file (starting with #NEXUS)")
        told = [c for _, sequence in rows for c in sequence.translate(PLAIN) if CODE.get(c, BASES) != BASES]
        bases = sum(c in BASES for c in told)
        if bases < len(told) / 2:
            raise ValueError(f"of {len(told)} characters only {bases} are A, C, G or T, so that it cannot be DNA")
    except ValueError as error:
        raise ValueError(f"alignment = {str(path)!r} is not allowed: {error}") from None
    return tuple(rows)


def _read_fasta(text: str) -> Rows:
    """A name ends at the first blank."""
    parts = [part.partition("\n") for part in re.split(r"^>", text, flags=re.MULTILINE)[1:]]
    titles: dict[str, str] = {}
    for title, _, _ in parts:
        name, title = title.split(None, 1)[0] if title.strip() else "", title.strip()
        if titles.setdefault(name, title) != title:
            both = f"{titles[name]!r} and {title!r} are both {name!r}"
            raise ValueError(f"names end at the first blank, so that {both}: write underscores for blanks")
    return [("".join(title.split(None, 1)[:1]), "".join(sequence.split())) for title, _, sequence in parts]


def check_alignment(alignment: Alignment) -> Alignment:
    """The alignment in upper case and with T for U.

    Raises:
        ValueError: for too few or too many taxa, names that are empty or repeated, rows that are
            empty or of different lengths, and characters that stand for no base.
    """
    if not MIN_TAXA <= len(alignment) <= MAX_TAXA:
        raise ValueError(f"alignment of {len(alignment)} taxa is not allowed: from {MIN_TAXA} to {MAX_TAXA}")
    rows = tuple((name.strip(), sequence.translate(PLAIN)) for name, sequence in alignment)
    names = [name for name, _ in rows]
    for place, (name, sequence) in enumerate(rows):
        if not name:
            raise ValueError(f"alignment with a nameless taxon is not allowed: row {place + 1} must have a name")
        if name in names[:place]:
            raise ValueError(f"alignment with two taxa named {name!r} is not allowed: names must differ")
        if not sequence:
            raise ValueError(f"alignment with an empty sequence is not allowed: taxon {name!r} must have sites")
        for position, character in enumerate(sequence):
            if character not in CODE:
                what = f"character {character!r} of taxon {name!r} at position {position + 1} of the alignment"
                raise ValueError(f"{what} is not allowed: one of {' '.join(CODE)} or U")
        if len(sequence) != len(rows[0][1]):
            differ = f"taxon {name!r} has {len(sequence)} sites where {names[0]!r} has {len(rows[0][1])}"
            raise ValueError(f"alignment with rows of different lengths is not allowed: {differ}")
    return rows


def site_patterns(alignment: Alignment) -> tuple[Tensor, Tensor]:
    """The distinct columns of an alignment, and how often each occurs.

    Returns:
        Which bases each taxon may have in each of S patterns, float64 ``[n, 4, S]`` of zeros and
        ones in the order A, C, G, T; and the counts, float64 ``[S]``.
    """
    codes = {character: sum(1 << BASES.index(base) for base in bases) for character, bases in CODE.items()}
    columns = torch.tensor([[codes[character] for character in sequence] for _, sequence in alignment])
    patterns, counts = columns.unique(dim=1, return_counts=True)
    possible = (patterns.unsqueeze(1) >> torch.arange(len(BASES)).unsqueeze(1)) & 1
    return possible.double(), counts.double()
