"""CSV files: read right, or refused in a sentence that says what to do."""

from __future__ import annotations

import contextlib
import csv
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import DAGs
from gfn.runs.spec import parse_spec
from gfn.settings import SettingsError

ROWS = [[0.5, 1.25, 2.0], [1.5, -2.5, 0.25], [2.25, 7.5, 1.0], [4.5, 0.75, 3.5], [-1.0, 2.0, 8.5]]
TEXT = "\n".join(",".join(map(str, row)) for row in ROWS)
NAMED = f"a,b,c\n{TEXT}"


def numbered(header: str, first: int = 0, quote: str = "") -> str:
    return "\n".join([header, *(f"{quote}{first + k}{quote},{line}" for k, line in enumerate(TEXT.split("\n")))])


READ = {
    "bare": TEXT,
    "names": NAMED,
    "quoted names": TEXT.join(['"a","b, or c","d"\n', ""]),
    "quoted numbers": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in NAMED.split("\n")),
    "byte order mark": "\ufeff" + NAMED,
    "Windows": NAMED.replace("\n", "\r\n"),
    "old Macintosh": NAMED.replace("\n", "\r"),
    "blank lines and blanks": "\n\n" + NAMED.replace(",", " ,  ").replace("\n", "\n\n") + "\n\n\n",
    "exponents": NAMED.replace("0.5", "+5.e-1").replace("0.25", ".25"),
    "names over two lines": NAMED.replace("a,b", '"a\nin m",b').replace("c", '"c\n; in\tm"'),
    "numbers with lines around": NAMED.replace("1.25", '"1.25\n"').replace("7.5", '"\n7.5"'),
    "names in other letters": NAMED.replace("a", "größe").replace("b", "数"),
}


@pytest.mark.parametrize("case", READ)
def test_files_are_read_right(case, tmp_path):
    (tmp_path / "x.csv").write_bytes(READ[case].encode())
    assert [list(row) for row in DAGs(data=tmp_path / "x.csv").data] == ROWS


COUNTS = "counts the rows: leave row numbers out"
REFUSED = {
    "pandas' index": (numbered(",a,b,c"), "its first column has no name: leave row numbers out"),
    "R's row names": (numbered('"","a","b","c"', 1, '"'), "its first column has no name"),
    "R's row names that are words": ('"","a"\n"x",1.5\n"y",2.5\n', "its first column has no name"),
    "index with a name": (numbered("id,a,b,c"), COUNTS),
    "index from 1, quoted": (numbered('"id","a","b","c"', 1, '"'), COUNTS),
    "index from 7, without names": (numbered("", 7), COUNTS),
    "numbers for names": (f"0,1,2\n{TEXT}", "row 1 may be a line of names (0, 1, 2): put a line of words above it"),
    "numbers from 1 for names": (f"1,2,3\n{TEXT}", "row 1 may be a line of names"),
    "quoted numbers for names": (f'"7","3","9"\n{TEXT}', "row 1 may be a line of names"),
    "years for names": ("2019,2022\n1.5,2.5\n0.5,3.5\n7.5,1.5\n", "row 1 may be a line of names (2019, 2022)"),
    "semicolons": (NAMED.replace(",", ";"), "semicolons seem to separate its columns: use commas"),
    "semicolons and decimal commas": (TEXT.replace(",", ";").replace(".", ","), "semicolons seem to separate"),
    "tabs": (NAMED.replace(",", "\t"), "tabs seem to separate"),
    "tabs and decimal commas": (TEXT.replace(",", "\t").replace(".", ","), "tabs seem to separate"),
    "blanks": (TEXT.replace(",", "  "), "blanks seem to separate"),
    "bars": (TEXT.replace(",", "|"), "bars seem to separate"),
    "decimal commas, quoted": ('a,b\n"1,5","2,5"\n', "row 2, column 1 holds '1,5', which is not a number: use points"),
    "decimal commas, no names": (
        '"1,5","2,5"\n"1,5","3,5"\n',
        "row 1 holds '1,5', which is neither a number nor a name",
    ),
    "decimal commas, names": (f"a,b,c\n{TEXT.replace('.', ',')}", "row 2 has 6 cells, where row 1 has 3"),
    "NaN": (NAMED.replace("7.5", "NaN"), "row 4, column 2 holds 'NaN', which is not a number"),
    "infinite": (NAMED.replace("7.5", "-inf"), "row 4, column 2 holds '-inf'"),
    "R's NA": (NAMED.replace("7.5", "NA"), "row 4, column 2 holds 'NA'"),
    "NaN in the first row": (f"NaN,NA,inf\n{TEXT}", "row 1 holds 'NaN', which is neither a number nor a name"),
    "empty cell": (NAMED.replace("7.5", ""), "row 4, column 2 is empty"),
    "comma at the end of lines": (NAMED.replace("\n", ",\n") + ",", "neither a number nor a name"),
    "hexadecimal": (NAMED.replace("7.5", "0x1F"), "holds '0x1F'"),
    "underscores": (NAMED.replace("7.5", "1_000"), "holds '1_000'"),
    "other digits": (NAMED.replace("7.5", "٣"), "holds '٣'"),
    "thousands": (NAMED.replace("7.5", '"1,000"'), "holds '1,000'"),
    "repeated names": (f"a,b,a\n{TEXT}", "two of its columns are named 'a'"),
    "open quote": (f'a,b,c\n"{TEXT}', "unexpected end of data"),
    "one name too few": (f"a,b\n{TEXT}", "row 2 has 3 cells, where row 1 has 2"),
    "empty": ("", "it has no columns"),
    "names alone": ("a,b\n", "at least 1 item"),
    "constant up to rounding": ("a,b\n1.1,2\n1.1000000000000003,3\n1.1,9\n", "column 1 is constant up to rounding"),
    "far from zero": ("a,b\n1e12,2\n1000000000001,3\n1e12,9\n", "column 1 is constant up to rounding"),
    "huge": ("a,b\n1e200,2\n-3e200,3\n2e200,9\n", "column 1 has numbers of a size of 3e+200: choose another unit"),
    "tiny": ("a,b\n2,1e-200\n3,-3e-200\n9,1e-200\n", "column 2 has numbers of a size of 3e-200"),
    "beyond double": ("a,b\n2,1e400\n3,1\n9,0\n", "data.0.1 = inf is not allowed"),
    "beyond double below": ("a,b\n2,1e-400\n3,0\n9,0\n", "column 2 is constant"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_be_misread_is_refused(case, tmp_path):
    """In a sentence."""
    text, message = REFUSED[case]
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="not allowed") as caught:
        DAGs(data=tmp_path / "x.csv")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


BYTES = {
    "Latin-1": (
        "größe,b\n1.5,2.5\n".encode("latin-1"),
        "its encoding is not UTF-8 (byte 0xf6 at position 2): it may be",
    ),
    "UTF-16": (NAMED.encode("utf-16"), "it seems to be UTF-16, and must be text in UTF-8"),
    "UTF-16 without a mark": (NAMED.encode("utf-16-le"), "it seems to be UTF-16"),
    "compressed": (b"\x1f\x8b\x08\x00", "it seems to be gzip"),
    "archive": (b"PK\x03\x04", "it seems to be zip"),
}


@pytest.mark.parametrize("case", BYTES)
def test_other_encodings_are_named(case, tmp_path):
    content, message = BYTES[case]
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(SettingsError, match="not allowed") as caught:
        DAGs(data=tmp_path / "x.csv")
    assert message in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path, monkeypatch):
    """At once, where reading would wait for ever or never end."""
    os.mkfifo(tmp_path / "pipe")
    for path, message in {
        tmp_path / "pipe": "it is no regular file",
        "/dev/zero": "it is no regular file",
        tmp_path: "is a directory",
        "https://example.org/x.csv": "no such file",
        tmp_path / ("x" * 300): "too long",
    }.items():
        with pytest.raises(SettingsError, match=message):
            DAGs(data=path)
    monkeypatch.setattr("gfn.environments.text.LARGEST", 3)
    (tmp_path / "x.csv").write_text(NAMED)
    with pytest.raises(SettingsError, match="bytes, at most 3"):
        DAGs(data=tmp_path / "x.csv")


def test_a_stored_record_opens_no_file(tmp_path):
    (tmp_path / "x.csv").write_text(NAMED)
    for task in ({"task": "dags", "data": str(tmp_path / "x.csv")}, {"task": "phylogenetics", "alignment": "x.nex"}):
        with pytest.raises(SettingsError, match=r"^task\.\w+ = [^\n]+ is not allowed in a specification"):
            parse_spec(json.dumps({"kind": "training", "task": task}))


@pytest.mark.parametrize(
    "setting", [{"task_seed": 1}, {"edges_per_node": 2.0}, {"weight_low": 0.2}, {"weight_high": 0.6}]
)
def test_settings_of_simulated_data_are_refused_beside_data(setting):
    """They would change the name of the run, and nothing else."""
    (name,) = setting
    with pytest.raises(SettingsError, match=f"^{name} = .* is not allowed beside data: it belongs to simulated ones$"):
        DAGs(data=ROWS, **setting)


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=4), min_size=3, max_size=9), st.booleans())
def test_what_is_written_is_read_again(tmp_path_factory, rows, names):
    """Or refused, never changed."""
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*([["v" + str(k) for k in range(len(rows[0]))]] if names else []), *rows])
    with contextlib.suppress(SettingsError):
        assert [list(row) for row in DAGs(data=path).data] == rows


@given(
    st.text(st.sampled_from("01.,;\t\n\r\"'ae-+ \ufeff")) | st.binary(max_size=40).map(lambda b: b.decode("latin-1"))
)
def test_any_text_is_a_table_or_a_sentence(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        task = DAGs(data=path)
    except SettingsError as error:
        assert "\n" not in str(error)
    else:
        assert len(task.data) in (text.count("\n") + text.count("\r") + 1 - k for k in range(len(text)))
