"""Tables in other forms: made into the one that is read, or refused in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfn import cli
from gfn.environments import DAGs
from gfn.settings import SettingsError
from gfn.study.tables import names_of, plain_table

ROWS = [[0.5, 1.25, 2.0], [1.5, -2.5, 0.25], [2.25, 7.5, 1.0], [4.5, 0.75, 3.5], [-1.0, 2.0, 8.5]]


def written(separator: str, header: str | None = "a b c", index: bool = False, point: str = ".") -> str:
    lines = [separator.join(str(value).replace(".", point) for value in row) for row in ROWS]
    lines = [f"{k + 1}{separator}{line}" for k, line in enumerate(lines)] if index else lines
    return "\n".join(([header.replace(" ", separator)] if header else []) + lines) + "\n"


READ = {
    "tabs": (written("\t"), {"separator": "tab"}),
    "the character itself": (written("\t"), {"separator": "\t"}),
    "semicolons and decimal commas": (written(";", point=","), {"separator": "semicolon", "decimal": "comma"}),
    "bars, Windows": (written("|").replace("\n", "\r\n"), {"separator": "bar"}),
    "several blanks": (written("   ").replace("\n", "  \n"), {"separator": "blank"}),
    "another character": (written(":"), {"separator": ":"}),
    "no names": (written("\t", None), {"separator": "tab", "names": False}),
    "names that are numbers": (written("\t", "0 1 2"), {"separator": "tab", "names": True}),
    "pandas' index": (written("\t", " a b c", index=True), {"separator": "tab", "leave_out": ("",)}),
    "R's row names": (written(" ", '"a" "b" "c"', index=True), {"separator": "blank", "leave_out": ("",)}),
    "a named index": (written(",", "id a b c", index=True), {"leave_out": ("id",)}),
    "without a header": (written("\t", None, index=True), {"separator": "tab", "names": False, "leave_out": ("x1",)}),
}


@pytest.mark.parametrize("case", READ)
def test_tables_are_read_as_they_are_said_to_be(case, tmp_path):
    text, form = READ[case]
    (tmp_path / "x").write_bytes(text.encode())
    plain, task = plain_table(tmp_path / "x", **form)
    assert [list(row) for row in task.data] == ROWS
    (tmp_path / "plain.csv").write_text(plain)
    assert DAGs(data=tmp_path / "plain.csv") == task
    expected = {"no names": ["x1", "x2", "x3"], "names that are numbers": ["x0", "x1", "x2"]}
    assert names_of(tmp_path / "plain.csv") == expected.get(
        case, ["x2", "x3", "x4"] if case == "without a header" else ["a", "b", "c"]
    )


REFUSED = {
    "another separator than said": (written(";"), {}, "semicolons seem to separate its columns"),
    "an index that is not left out": (written("\t", "id a b c", index=True), {"separator": "tab"}, "(--leave-out id)"),
    "one without a name": (
        written("\t", " a b c", index=True),
        {"separator": "tab"},
        "no name: leave row numbers out (--leave-out '')",
    ),
    "no such column": (written(","), {"leave_out": ("d",)}, "leave_out = 'd' is not allowed: the columns are 'a', 'b'"),
    "numbers first": (written("\t", None), {"separator": "tab"}, "say whether they are names (--names) or not"),
    "numbers with commas first": (written("|", "0,5 1,5 2,5"), {"separator": "bar"}, "its first line has numbers"),
    "two such columns": (written(",", "a b a"), {"leave_out": ("a",)}, "leave_out = 'a' is not allowed: two columns"),
    "decimal commas": (written(";", point=","), {"separator": "semicolon"}, "use points in numbers"),
    "commas for both": (written(","), {"decimal": "comma"}, "decimal = 'comma' is not allowed with separator"),
    "a word": (written(","), {"separator": "colon"}, "separator = 'colon' is not allowed: one of comma, "),
    "a letter": (written(","), {"separator": "a"}, "separator = 'a' is not allowed"),
    "rows of different lengths": ("a,b\n1,2\n1,2,3\n", {}, "has 3 cells, where the first has 2"),
    "an open quote": ('a,b\n"1,2\n', {}, "unexpected end of data"),
    "nothing": ("\n", {}, "it is empty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_be_misread_is_refused(case, tmp_path):
    """In a sentence that names the file as the user does."""
    text, form, message = REFUSED[case]
    (tmp_path / "x").write_text(text)
    with pytest.raises(SettingsError, match="not allowed") as caught:
        plain_table(tmp_path / "x", **form)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "/tmp/tmp" not in str(caught.value)


@given(
    st.text(st.sampled_from('01.,;\t\n"ab- ')), st.sampled_from(["comma", "tab", "blank"]), st.none() | st.booleans()
)
def test_any_text_is_a_table_or_a_sentence(tmp_path_factory, text, separator, names):
    path = tmp_path_factory.mktemp("x") / "x"
    path.write_text(text)
    try:
        _, task = plain_table(path, separator, names=names)
    except SettingsError as error:
        assert "\n" not in str(error)
    else:
        assert task.samples > task.nodes


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main([*map(str, arguments)])
    seen = capsys.readouterr()
    return left.value.code, seen.out, seen.err


def test_the_command_writes_a_table_once(capsys, tmp_path):
    source, target = tmp_path / "x.tsv", tmp_path / "new" / "x.csv"
    source.write_text(written("\t"))
    for _ in range(2):
        answer = run(capsys, "table", source, target, "--separator", "tab")
        assert answer == (0, f"{target}: 3 variables, 5 observations\n", "")
    assert [list(row) for row in DAGs(data=target).data] == ROWS
    source.write_text(written("\t").replace("7.5", "7.25"))
    status, out, err = run(capsys, "table", source, target, "--separator", "tab")
    assert (status, out) == (2, "")
    assert "it is there, and would be overwritten" in err


@pytest.mark.parametrize(
    "text", [written("\t"), written(";"), written(" ", '"a" "b" "c"'), written(",", " a b c", index=True)]
)
def test_a_training_says_how_a_table_in_another_form_is_read(text, capsys, tmp_path):
    """And only of such a file."""
    for name, content in {"x.txt": text.encode(), "latin.csv": "\xe4,b\n".encode("latin-1"), "empty.csv": b""}.items():
        (tmp_path / name).write_bytes(content)
        status, out, err = run(capsys, "train", "--task", "dags", "--data", tmp_path / name)
        assert (status, out, "gfn table --help" in err) == (2, "", name == "x.txt")
        assert err.startswith(f"gfn: data = '{tmp_path / name}' is not allowed: ")
        assert err.count("\n") == 1
    status, _, err = run(capsys, "train", "--task", "dags", "--data", tmp_path / "none.csv")
    assert status == 2
    assert "no such file" in err
    assert "gfn table" not in err
