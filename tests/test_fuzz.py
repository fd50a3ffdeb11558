"""Command lines, parameters, tables and alignments at random: a sentence or what was given, nothing else, and soon.

Forty times as many, and others each time: ``pytest tests/test_fuzz.py --hypothesis-profile wide``.
"""

from __future__ import annotations

import csv
import io
import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gfn import cli
from gfn.environments import TASKS, ContinuousEnvironment, DAGs, Phylogenetics, PlanarEnvironment
from gfn.estimators import CONTROL_VARIATES
from gfn.policies import PolicySettings
from gfn.runs.objective import ALL_OBJECTIVES, Objective
from gfn.runs.spec import TrainingSpec
from gfn.settings import SettingsError
from gfn.study.experiments import FIGURES
from gfn.study.notebook import ParameterError, parameters
from gfn.study.results import read_run

SOON = 20.0  # seconds


def many(count: int) -> settings:
    return settings(max_examples=count * settings().max_examples // 25)


class Hang(BaseException):
    """Something takes too long; no reader takes it for an error of its own."""


@contextmanager
def watched() -> Iterator[None]:
    def bite(number: int, frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, bite)
    signal.setitimer(signal.ITIMER_REAL, SOON)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def answer(*arguments: str) -> tuple[int, str]:
    """Status and standard output of a command; if it refuses or fails, it says so in a sentence."""
    out, err = io.StringIO(), io.StringIO()
    with watched(), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    said, status = err.getvalue(), left.value.code
    assert "GFN_TRACEBACK" not in said
    assert "Traceback" not in said
    if status:
        assert status in (1, 2)
        assert out.getvalue() == ""
        assert said.startswith("gfn: ")
        assert said.endswith("\n")
        assert said.count("\n") == 1
    return status, out.getvalue()


def test_the_watchdog_bites(monkeypatch):
    monkeypatch.setattr(f"{__name__}.SOON", 0.01)
    with pytest.raises(Hang), watched():
        while True:
            pass


# ---- command lines --------------------------------------------------------------------------------------------------

MODELS = (TrainingSpec, Objective, PolicySettings)
NAMES = {name: model.model_fields[name] for model in MODELS for name in model.model_fields}
FIELDS = {name for name in NAMES if name not in ("kind", "task", "objective", "policy", "name")}
TINY = {"iterations": "2", "batch_size": "3", "seeds": "0,1", "hidden": "3", "resolution": "8", "components": "2"}
TINY |= {"l1_objects": "4", "l1_orders": "2", "gin_width": "3"}
SMALLEST = {"sets": {"universe": "4", "size": "2"}, "sequences": {"alphabet": "2", "length": "2"}}
SMALLEST |= {"hypergrid": {"side": "3"}, "dags": {"nodes": "3", "samples": "9"}, "gaussian_mixture": {"side": "2"}}
SMALLEST |= {
    "random_mixture": {"peaks": "2"},
    "funnel": {"dimensions": "2"},
    "many_well": {"pairs": "1"},
    "digits": {"side": "2"},
}

whole = st.integers(-1, 9).map(str) | st.sampled_from(["1_0", "2.0", " 3 ", "+4", "05", "1e1", "²", "٣", "", "0x2"])
real = (
    st.floats(-3, 3).map(repr) | st.floats(0, 1).map("{:.3f}".format) | st.sampled_from(["1e-9", "nan", "-inf", ".5"])
)
real |= st.sampled_from(["1e30", "-1e39", "1e300", "1e-300", "1_0.5", " 0.5 ", "+.25", "1e400", "1e-400", "0,5", "½"])
several = st.lists(st.integers(-1, 4).map(str) | st.sampled_from(["", "0.5", "x", " 2", "1e-1"]), max_size=3).map(
    ",".join
)
# What a shell can hand over: no zero bytes, and what is no UTF-8 as a lone surrogate of the lower half.
word = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.just("\udcff"), max_size=6)
CHOICES = {
    "control_variate": st.sampled_from(list(CONTROL_VARIATES)),
    "log_z": st.sampled_from(["learned", "known", "batch"]),
    "dtype": st.sampled_from(["float32", "float64"]),
    "prior": st.sampled_from(["bic", "uniform"]),
    "density": st.integers(0, 9).map(str),
    "dimensions": st.integers(-1, 3).map(str),
    "nodes": st.integers(1, 4).map(str),
    "resolution": st.integers(6, 12).map(str),
    "l1_objects": st.integers(3, 9).map(str),
    "task_seed": st.integers(-1, 2**64).map(str),
    "seeds": several | st.lists(st.integers(0, 2**63).map(str), max_size=3).map(",".join),
}


def values(name: str, default: Any) -> st.SearchStrategy[str]:
    """Texts for a flag, most of which it can have."""
    if name in CHOICES:
        return CHOICES[name] | word
    kinds = {int: whole, float: real, tuple: several}
    return kinds.get(type(default), real if name in ("alpha", "epsilon", "decay", "log_z_start") else word)


@st.composite
def trainings(draw) -> tuple[str, str, dict[str, str]]:
    """A task, an objective, and flags by their names: small sizes, and some others instead."""
    task, objective = draw(st.sampled_from(list(TASKS))), draw(st.sampled_from(ALL_OBJECTIVES))
    own = {name: field.default for name, field in TASKS[task].model_fields.items() if name != "task"}
    continuous = issubclass(TASKS[task], ContinuousEnvironment)
    planar = issubclass(TASKS[task], PlanarEnvironment)
    idle = {"l1_objects", "l1_orders"} if planar else {"resolution"}
    idle |= set() if continuous else {"components"}
    idle |= {"hidden"} if task == "phylogenetics" and objective not in ("db", "subtb") else set()
    idle |= {"l1_orders"} if task != "sets" else set()
    idle |= {"gin_width"} if task != "phylogenetics" else set()
    flags = {name: text for name, text in TINY.items() if name not in idle} | SMALLEST.get(task, {})
    known = own | {name: NAMES[name].default for name in FIELDS}
    for name in draw(st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True)):
        flags[name] = draw(values(name, known[name]))
    return task, objective, flags


def meant(text: str) -> float | str:
    """What a text says in Python, if it is a number there."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


@many(150)
@given(training=trainings())
def test_a_training_has_the_settings_given_or_is_refused(training, tmp_path_factory):
    """In the file that is stored; and every setting that is stored was given, or is the default."""
    task, objective, flags = training
    store = str(tmp_path_factory.getbasetemp() / "fuzz")
    line = ["train", "--task", task, "--objective", objective, "--out", store]
    status, out = answer(*line, *(f"--{name.replace('_', '-')}={text}" for name, text in flags.items()))
    if status:
        return
    spec = read_run(Path(out.splitlines()[-1].removeprefix("stored in "))).spec
    parts = (spec, spec.objective, spec.policy, spec.task)
    assert (spec.task.task, spec.objective.name) == (task, objective)
    for name, text in flags.items():
        (stored,) = [getattr(part, name) for part in parts if name in type(part).model_fields]
        given_ = tuple(map(meant, text.split(","))) if isinstance(stored, tuple) else meant(text)
        assert stored == given_
    chosen = Objective(name=objective, **{name: flags[name] for name in Objective.model_fields if name in flags})
    others = (TrainingSpec(), chosen, PolicySettings(), TASKS[task]())
    for part, default in zip(parts, others):
        for name in type(part).model_fields.keys() - flags.keys() - {"task", "objective", "policy"}:
            assert getattr(part, name) == getattr(default, name)


@many(100)
@given(command=st.sampled_from(["list", "reproduce", "verify", "show", "verdicts"]), words=st.lists(word, max_size=3))
def test_no_words_give_a_traceback(command, words):
    """Behind ``verdicts``, none would gather all runs."""
    answer(command, *(words or ["--fly"]))


@st.composite
def cells(draw) -> tuple[str, dict[str, Any]]:
    """A notebook and some of its parameters, most of which it can have."""
    figure = draw(st.sampled_from(list(FIGURES)))
    names = [*FIGURES[figure].model_fields.keys() - {"profile", "device"}, "seed"]
    number = st.integers(-1, 9) | st.floats() | st.booleans() | st.none()
    value = number | st.lists(number, max_size=3) | several | word | st.just({}) | st.just(print)
    return figure, draw(st.dictionaries(st.sampled_from(names), value, max_size=2))


@many(100)
@given(cell=cells())
def test_parameters_are_those_given_or_refused(cell):
    figure, changes = cell
    try:
        with watched():
            found = parameters(figure, {"profile": "smoke"} | changes)
    except ParameterError as error:
        assert len(error._render_traceback_()) == 1
        assert "\n" not in str(error)
        return
    for name, value in changes.items():
        if value is None or name == "seed":  # a function of that name is none of the parameters
            continue
        taken = getattr(found, name)
        if isinstance(taken, tuple):
            text = value.strip().strip("[]()").removesuffix(",").split(",") if isinstance(value, str) else value
            value = tuple(map(meant, text)) if isinstance(text, list | tuple) else (text,)
            assert all(not isinstance(each, bool) for each in value)
        assert taken == (meant(value) if isinstance(value, str) else value)


# ---- tables ---------------------------------------------------------------------------------------------------------

number = st.floats(-1e3, 1e3).map(lambda x: round(x, 3)) | st.integers(-9, 9).map(float)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(number, min_size=width, max_size=width), min_size=width + 2, max_size=9)
)


def read(path: Path, content: str | bytes) -> list[list[float]] | None:
    """A table that was written to a file; None if it is refused, in a sentence."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        with watched():
            return [list(row) for row in DAGs(data=path).data]
    except SettingsError as error:
        assert "\n" not in str(error)
        return None


def written(rows: list[list[float]], names: bool, **options: Any) -> str:
    text = io.StringIO()
    head = [[f"v{column}" for column in range(len(rows[0]))]] if names else []
    csv.writer(text, **({"lineterminator": "\n"} | options)).writerows([*head, *rows])
    return text.getvalue()


SAME: dict[str, Callable[[str], str | bytes]] = {
    "as it is": lambda text: text,
    "Windows": lambda text: text.replace("\n", "\r\n"),
    "old Macintosh": lambda text: text.replace("\n", "\r"),
    "byte order mark": lambda text: "\ufeff" + text,
    "blanks": lambda text: text.replace(",", " , "),
    "blank lines": lambda text: "\n" + text.replace("\n", "\n\n"),
    "no last line end": lambda text: text.rstrip("\n"),
    "exponents": lambda text: text.replace(".0\n", "e0\n"),
    "blanks at the ends of lines": lambda text: text.replace("\n", "  \n"),
}


@many(60)
@given(rows=tables, names=st.booleans(), quoted=st.booleans(), change=st.sampled_from(list(SAME)))
def test_a_table_written_in_other_ways_is_the_same(rows, names, quoted, change, tmp_path_factory):
    """Or refused."""
    text = written(rows, names, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    found = read(tmp_path_factory.getbasetemp() / "x.csv", SAME[change](text))
    assert found is None or found == rows


def indexed(text: str, start: int, name: str | None) -> str:
    lines = text.splitlines()
    head = [f"{name},{lines.pop(0)}"] if name is not None else []
    return "\n".join([*head, *(f"{start + place},{line}" for place, line in enumerate(lines))])


OTHER: dict[str, Callable[[str, int], str | bytes]] = {
    "semicolons": lambda text, _: text.replace(",", ";"),
    "tabs": lambda text, _: text.replace(",", "\t"),
    "bars": lambda text, _: text.replace(",", "|"),
    "colons": lambda text, _: text.replace(",", ":"),
    "decimal commas": lambda text, _: text.replace(",", ";").replace(".", ","),
    "an index": lambda text, start: indexed(text, start, "id"),
    "an index without a name": lambda text, start: indexed(text, start, ""),
    "an index without names": lambda text, start: indexed(text.split("\n", 1)[1], start, None),
    "comments": lambda text, _: "# measured,\n" + text,
    "UTF-16": lambda text, _: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text, _: text.encode("utf-16-be"),
    "UTF-32": lambda text, _: text.encode("utf-32"),
    "Latin-1": lambda text, _: text.replace("v0", "größe").encode("latin-1"),
    "cut": lambda text, place: text[: text.rindex(",")],
    "a cell more": lambda text, _: text.rstrip("\n") + ",1\n",
}


@many(60)
@given(rows=tables, change=st.sampled_from(list(OTHER)), start=st.integers(-3, 2024))
def test_a_table_that_would_be_misread_is_refused(rows, change, start, tmp_path_factory):
    assert read(tmp_path_factory.getbasetemp() / "x.csv", OTHER[change](written(rows, True), start)) is None


characters = st.sampled_from("0123456789.,;|\t \"'eE+-#abNn\n\r\ufeff\u00a0²٣")


@many(150)
@given(rows=tables, names=st.booleans(), flips=st.lists(st.tuples(st.integers(0, 999), characters, st.integers(0, 2))))
def test_a_changed_table_is_read_as_it_stands(rows, names, flips, tmp_path_factory):
    """As pandas reads it, or refused: characters put in, taken out or replaced."""
    text, path = written(rows, names), tmp_path_factory.getbasetemp() / "x.csv"
    for place, character, taken in flips:
        place %= len(text) + 1
        text = text[:place] + character * (taken < 2) + text[place + (taken > 0) :]
    if (found := read(path, text)) is not None:
        options = {"header": None, "skipinitialspace": True, "encoding": "utf-8-sig", "dtype": str}
        other = pd.read_csv(path, **options, keep_default_na=False)
        other = other[[any(cell.strip() for cell in row) for row in other.to_numpy()]].to_numpy().tolist()
        first = [meant(cell.strip()) for cell in other[0]]
        kept = other if all(isinstance(value, int | float) for value in first) else other[1:]
        assert found == [[float(cell) for cell in row] for row in kept]
        assert all(math.isfinite(value) for row in found for value in row)


# ---- alignments -----------------------------------------------------------------------------------------------------

# One letter in eight is not a base.
letter = st.one_of(*[st.sampled_from("ACGT")] * 7, st.sampled_from("RYSWKMBDHVNX-?"))
alignments = st.integers(2, 9).flatmap(
    lambda sites: st.lists(st.lists(letter, min_size=sites, max_size=sites).map("".join), min_size=3, max_size=5)
)


def aligned(path: Path, content: str | bytes) -> tuple[tuple[str, str], ...] | None:
    """An alignment that was written to a file; None if it is refused, in a sentence."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        with watched():
            return Phylogenetics(alignment=path).alignment
    except SettingsError as error:
        assert "\n" not in str(error)
        return None


def broken(sequence: str, width: int) -> str:
    return "\n".join(sequence[place : place + width] for place in range(0, len(sequence), width))


def fasta(rows: list[str], width: int) -> str:
    return "".join(f">t{k} of many\n{broken(row, width)}\n" for k, row in enumerate(rows))


def nexus(rows: list[str], width: int, kind: str) -> str:
    """Rows on a line each, over several lines, or in blocks, with or without other characters for what is the same."""
    form, first = "datatype=dna missing=? gap=-", rows[0]
    if "match" in kind:
        form += " matchchar=."
        rows = [first, *("".join("." if a == b else a for a, b in zip(row, first)) for row in rows[1:])]
    if "other" in kind:
        form = form.replace("missing=? gap=-", "missing=# gap=~")
        rows = [row.replace("?", "#").replace("-", "~") for row in rows]
    matrix = "\n".join(f"t{k} {row}" for k, row in enumerate(rows))
    if "lines" in kind:
        matrix = "\n".join(f"t{k}\n{broken(row, width)}" for k, row in enumerate(rows))
    if "blocks" in kind:
        form += " interleave"
        blocks = [[row[place : place + width] for row in rows] for place in range(0, len(first), width)]
        matrix = "\n\n".join("\n".join(f"t{k} {part}" for k, part in enumerate(block)) for block in blocks)
    sizes = f"ntax={len(rows)} nchar={len(first)}"
    return f"#NEXUS\n[made]\nbegin data;\ndimensions {sizes};\nformat {form};\nmatrix\n{matrix}\n;\nend;\n"


KINDS = ["fasta", "plain", "lines", "blocks", "match", "match blocks", "other", "other lines"]
WAYS: dict[str, Callable[[str], str | bytes]] = {
    "as it is": lambda text: text,
    "Windows": lambda text: text.replace("\n", "\r\n"),
    "old Macintosh": lambda text: text.replace("\n", "\r"),
    "byte order mark": lambda text: "\ufeff" + text,
    "blank lines": lambda text: text.replace("\n", "\n\n"),
    "blanks at the ends of lines": lambda text: text.replace("\n", " \t\n"),
    "lower case": lambda text: text.lower().replace("#nexus", "#NEXUS"),
}


def one_of(rows: list[str], width: int, kind: str) -> str:
    return fasta(rows, width) if kind == "fasta" else nexus(rows, width, kind)


@many(100)
@given(rows=alignments, width=st.integers(1, 9), kind=st.sampled_from(KINDS), way=st.sampled_from(list(WAYS)))
def test_an_alignment_written_in_other_ways_is_the_same(rows, width, kind, way, tmp_path_factory):
    """Or refused, if it has so few bases that it could be something else."""
    found = aligned(tmp_path_factory.getbasetemp() / "x", WAYS[way](one_of(rows, width, kind)))
    assert found is None or found == tuple((f"t{k}", row) for k, row in enumerate(rows))
    told = [letter for letter in "".join(rows) if letter not in "NX-?"]
    assert found or sum(letter in "ACGT" for letter in told) < len(told) / 2


SPOILT: dict[str, Callable[[str], str | bytes]] = {
    "UTF-16": lambda text: text.encode("utf-16"),
    "Latin-1": lambda text: text.replace("t1", "ä1").encode("latin-1"),
    "without its last row": lambda text: text.replace("t2", "[t2", 1) if text[0] == "#" else text[: text.rindex(">t2")],
    "with a row twice": lambda text: text.replace("t1", "t0"),
    "protein": lambda text: text.replace("datatype=dna", "datatype=protein").replace("A", "L"),
    "with a character more": lambda text: text[::-1].replace("\n", "\nA", 2 if text[0] == ">" else 0)[::-1] + "[",
    "without its start": lambda text: text[1:],
}


@many(60)
@given(rows=alignments, width=st.integers(1, 9), kind=st.sampled_from(KINDS), way=st.sampled_from(list(SPOILT)))
def test_an_alignment_that_would_be_misread_is_refused(rows, width, kind, way, tmp_path_factory):
    text = SPOILT[way](one_of([*rows[:2], "A" * len(rows[0])], width, kind))
    assert aligned(tmp_path_factory.getbasetemp() / "x", text) is None


@many(150)
@given(
    rows=alignments,
    kind=st.sampled_from(KINDS),
    place=st.integers(0, 999),
    character=st.sampled_from("ACGTacgu-?RN;[]'\"> \n\t.=*10ßſ"),
    taken=st.integers(0, 2),
)
def test_a_changed_alignment_is_read_as_it_stands(rows, kind, place, character, taken, tmp_path_factory):
    """Or refused: of the sizes that it states, and with no site of another row changed."""
    text = one_of(rows, 4, kind)
    place %= len(text)
    changed = text[:place] + character * (taken < 2) + text[place + (taken > 0) :]
    found = aligned(tmp_path_factory.getbasetemp() / "x", changed)
    if found is None:
        return
    assert len({len(sequence) for _, sequence in found}) == 1
    if kind == "fasta":
        # One character away is a name, one site, or a row that goes on as the one before it, which differs in length.
        assert len(found) == len(rows)
    same = [sequence == row for (_, sequence), row in zip(found, rows)]
    if len(found[0][1]) == len(rows[0]) and "match" not in kind:
        assert same.count(False) <= 1
        assert sum(a != b for (_, sequence), row in zip(found, rows) for a, b in zip(sequence, row)) <= 1
