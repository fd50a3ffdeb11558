"""Alignments: what the two formats can say is read right, or refused in a sentence that says what to do."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import Phylogenetics
from gfn.settings import SettingsError

ROWS = (("a", "ACGTAC"), ("b", "AC-TAA"), ("c", "ACNTA?"))


def nexus(
    matrix: str, form: str = "datatype=dna missing=? gap=-", sizes: str = "ntax=3 nchar=6", more: str = ""
) -> str:
    return f"#NEXUS\nbegin data;\n dimensions {sizes};\n format {form};\n matrix\n{matrix}\n ;\nend;\n{more}"


LINES = "a ACGTAC\nb AC-TAA\nc ACNTA?"
GOOD = nexus(LINES)
READ = {
    "plain": GOOD,
    "Windows": GOOD.replace("\n", "\r\n"),
    "old Macintosh": GOOD.replace("\n", "\r"),
    "byte order mark": "\ufeff" + GOOD,
    "capitals": GOOD.upper().replace("A AC", "a AC").replace("B AC", "b AC").replace("C AC", "c AC"),
    "interleaved": nexus("a ACG\nb AC-\nc ACN\n\na TAC\nb TAA\nc TA?", "interleave datatype=dna gap=-"),
    "interleaved, in another order": nexus("a ACG\nb AC-\nc ACN\n\nc TA?\na TAC\nb TAA", "datatype=rna interleave=yes"),
    "interleave=no": nexus(LINES, "datatype=dna interleave=no"),
    "own characters": nexus("a ACGTAC\nb AC~TAA\nc ACNTA#", "datatype=dna missing=# gap=~"),
    "swapped characters": nexus("a ACGTAC\nb AC?TAA\nc ACNTA-", "datatype=dna missing=- gap=?"),
    "match character": nexus("a ACGTAC\nb ..-..A\nc ..N..?", "datatype=dna matchchar=."),
    "match character, interleaved": nexus("a ACG\nb ..-\nc ..N\na TAC\nb ..A\nc ..?", "matchchar=. interleave"),
    "rows over lines": nexus("a\nACG\nTAC\nb\nAC-\nTAA\nc\nACN\nTA?"),
    "rows in words": nexus("a ACG TAC\nb AC- TAA\nc ACN TA?"),
    "comments": nexus("[one [two] 'x; ] a AC[GG]GTAC\nb AC-TAA [end]\nc ACNTA?"),
    "symbols of DNA": nexus(LINES, 'datatype=dna symbols="ACGT"'),
    "other blocks": nexus(LINES, more="begin trees; tree x = ((a,b),c); end;\nbegin mrbayes; lset nst=1; end;"),
    "taxa apart": "#NEXUS begin taxa; dimensions ntax=3; taxlabels a b c; end; begin characters; dimensions nchar=6;"
    f" format datatype=nucleotide; matrix\n{LINES};\nend;",
    "fasta": ">a first\nACG\nTAC\n>b\nAC-TAA\n\n>c\nACN TA?\n",
    "fasta, Windows": ">a\r\nACGTAC\r\n>b\r\nAC-TAA\r\n>c\r\nACNTA?",
}


@pytest.mark.parametrize("case", READ)
def test_files_are_read_right(case, tmp_path):
    (tmp_path / "x").write_bytes(READ[case].encode())
    assert Phylogenetics(alignment=tmp_path / "x").alignment == ROWS


@pytest.mark.parametrize("name", ["a-b", "'a-b c'", "'it''s'", "a_b", "größe", "x.1/2", "'[a]'", "'a;b'"])
def test_names_stay_as_they_are(name, tmp_path):
    """Without quotes, dashes too, which other programs do not read."""
    (tmp_path / "x").write_text(nexus(LINES.replace("b ", f"{name} ", 1)), encoding="utf-8")
    plain = name[1:-1].replace("''", "'") if name[0] == "'" else name
    assert Phylogenetics(alignment=tmp_path / "x").taxa == ("a", plain, "c")


PROTEIN = ">a\nMKTAYNVRHWSGDKKM\n>b\nMKTAYNVRHWSGDKKW\n>c\nMKTAYHVRHWSGDKKM\n"
SETS = "begin {}; {}; end;"
REFUSED = {
    "protein": (nexus(LINES, "datatype=protein"), "its datatype is protein, and only DNA is read"),
    "standard": (nexus(LINES, "datatype=standard"), "its datatype is standard"),
    "mixed": (nexus(LINES, "datatype=mixed(dna:1-3,protein:4-6)"), "its datatype is mixed"),
    "symbols": (nexus(LINES, 'datatype=dna symbols="01"'), "its format has the symbols 0 1, which stand for no base"),
    "equate": (nexus(LINES, 'datatype=dna equate="x=A"'), "its format has equate, which is not read"),
    "transpose": (nexus(LINES, "datatype=dna transpose"), "its format has transpose"),
    "no labels": (nexus(LINES, "datatype=dna nolabels"), "its format has nolabels"),
    "long gap": (nexus(LINES, "datatype=dna gap=--"), "gap = --, which must be one character and no base"),
    "base for a gap": (nexus(LINES, "datatype=dna gap=A"), "gap = a, which must be one character and no base"),
    "exset": (nexus(LINES, more=SETS.format("assumptions", "exset * x = 1-3")), "its command exset selects columns"),
    "charset": (nexus(LINES, more=SETS.format("assumptions", "charset x = 1-3")), "its command charset selects"),
    "exclude": (nexus(LINES, more=SETS.format("paup", "exclude 1-3")), "its command exclude selects"),
    "delete": (nexus(LINES, more=SETS.format("paup", "delete a")), "its command delete selects"),
    "eliminate": (nexus(LINES).replace(" matrix", " eliminate 2;\n matrix"), "its command eliminate selects"),
    "short last row": (nexus(LINES[:-1]), "taxon 'c' has 5 sites where nchar = 6"),
    "short last row, interleaved": (
        nexus("a ACG\nb AC-\nc ACN\na TAC\nb TAA\nc TA", "interleave"),
        "taxon 'c' has 5 sites",
    ),
    "nchar too large": (nexus(LINES, sizes="ntax=3 nchar=9"), "taxon 'a' has 6 sites where nchar = 9"),
    "nchar too small": (nexus(LINES, sizes="ntax=3 nchar=5"), "taxon 'a' has 6 sites where nchar = 5"),
    "ntax too large": (nexus(LINES, sizes="ntax=4 nchar=6"), "its matrix has 3 rows where ntax = 4"),
    "ntax too small": (nexus(LINES, sizes="ntax=2 nchar=6"), "its matrix has 3 rows where ntax = 2"),
    "no sizes": (nexus(LINES, sizes="newtaxa"), "its dimensions must state ntax and nchar"),
    "undeclared interleave": (nexus("a ACG\nb AC-\nc ACN\na TAC\nb TAA\nc TA?"), "is not allowed"),
    "blank in a name": (
        nexus(LINES.replace("b ", "b x ")),
        "taxon 'b' has 7 sites where nchar = 6; a name with blanks",
    ),
    "later block": (
        nexus("a ACG\nb AC-\nc ACN\nd TAC\nb TAA\nc TA?", "interleave"),
        "has 'd', which is not among the first 3 names",
    ),
    "match in the first row": (nexus(".CGTAC\nb AC-TAA\nc ACNTA?", "matchchar=."), "is not allowed"),
    "match in the first sequence": (nexus("a .CGTAC\nb AC-TAA\nc ACNTA?", "matchchar=."), "the match character '.'"),
    "open comment": (GOOD + "[", "its last comment has no end"),
    "open quote": (nexus(LINES.replace("b ", "b' ")), "its last quoted name has no end"),
    "no semicolon": (GOOD.split(";\nend")[0], "its last command 'matrix' has no end"),
    "two matrices": (GOOD + GOOD.removeprefix("#NEXUS"), "it has two data matrices"),
    "polymorphism": (nexus("a A{CG}GTC\nb AC-TAAAA\nc ACNTA?AA", sizes="ntax=3 nchar=8"), "character '{' of taxon 'a'"),
    "no matrix": ("#NEXUS\nbegin data;\nend;\n", "its blocks hold no data matrix"),
    "nothing": ("#NEXUS", "its blocks hold no data matrix"),
    "protein in FASTA": (PROTEIN, "of 46 characters only 9 are A, C, G or T, so that it cannot be DNA"),
    "protein in FASTA, with other letters": (PROTEIN.replace("V", "L"), "cannot be DNA"),
    "names cut at the blank": (
        ">Homo sapiens\nACG\n>Homo erectus\nACG\n>Pan\nACG\n",
        "names end at the first blank, so that 'Homo sapiens' and 'Homo erectus' are both 'Homo': write underscores",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_be_misread_is_refused(case, tmp_path):
    """In a sentence."""
    text, message = REFUSED[case]
    (tmp_path / "x").write_text(text)
    with pytest.raises(SettingsError, match="not allowed") as caught:
        Phylogenetics(alignment=tmp_path / "x")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (">größe\nACG\n".encode("latin-1"), "its encoding is not UTF-8 (byte 0xf6 at position 3): it may be Latin-1"),
        (GOOD.encode("utf-16"), "it seems to be UTF-16"),
        (b"\x1f\x8b\x08", "it seems to be gzip"),
    ],
)
def test_other_encodings_are_named(content, message, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(SettingsError, match="not allowed") as caught:
        Phylogenetics(alignment=tmp_path / "x")
    assert message in str(caught.value)


PIECES = st.sampled_from(
    ["begin data;", "end;", "matrix", "dimensions", "format", "ntax=3", "nchar=2", ";", "[", "]", "'"]
)
WORDS = st.lists(
    PIECES | st.sampled_from(["a AC\n", "b AC\n", "c ?-\n", "\n", " ", "interleave", "matchchar=.", "=", "ACGT"])
)


@given(WORDS.map(" ".join), st.sampled_from(["#NEXUS ", ">", "#nexus\n", ""]))
def test_any_text_is_an_alignment_or_a_sentence(tmp_path_factory, text, start):
    path = tmp_path_factory.mktemp("x") / "x"
    path.write_text(start + text)
    try:
        Phylogenetics(alignment=path)
    except SettingsError as error:
        assert "\n" not in str(error)


@given(st.integers(GOOD.index(LINES), len(GOOD) - 1), st.sampled_from("AC-?;[]' \n=x"), st.booleans())
def test_a_changed_character_is_no_other_alignment(tmp_path_factory, place, character, instead):
    """Read as it stands then, or refused: of the right size, and in what was not touched the same."""
    path = tmp_path_factory.mktemp("x") / "x"
    path.write_text(GOOD[:place] + character + GOOD[place + instead :])
    with contextlib.suppress(SettingsError):
        found = Phylogenetics(alignment=path).alignment
        assert [len(sequence) for _, sequence in found] == [6, 6, 6]
        assert sum(one != other for rows in zip(found, ROWS) for one, other in zip(rows[0][1], rows[1][1])) <= 2
