"""The results store: what is written is read again, what is not a result is reported and made anew, nothing is executed."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import pickle
import random
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import gfn
from gfn.environments import Banana, GaussianMixture, Sets
from gfn.evaluation.accuracy import policy_density
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.provenance import source_fingerprint
from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, TrainingSpec
from gfn.runs.training import PARTIAL, UNSIGNED, Trainer, TrainingError
from gfn.study import results
from gfn.study.results import (
    METADATA_KEY,
    SCHEMA,
    ResultError,
    StoreError,
    UnreadableError,
    load_or_train,
    published_store,
    read_run,
    result_path,
    to_frame,
    write_run,
)

POLICY = PolicySettings(hidden=(4,), components=2)
TRAINING = TrainingSpec(
    task=Sets(universe=4, size=2),
    objective=Objective(name="tsallis", alpha=2.0, control_variate="loo"),
    policy=POLICY,
    seeds=(3, 1),
    iterations=4,
    batch_size=4,
    evaluate_every=2,
)
# For each seed the accuracy at three evaluations, and at two of them the best reward and three counts of modes.
ROWS = 2 * (3 + 2 * 4)
SPECS = {
    "training": TRAINING,
    "planar": TrainingSpec(
        task=GaussianMixture(), policy=POLICY, seeds=(0,), iterations=2, batch_size=4, resolution=8, density=4
    ),
    "gradient": GradientSpec(
        task=Sets(universe=4, size=2),
        objectives=(Objective(), Objective(name="renyi")),
        policy=POLICY,
        seeds=(0,),
        warmup=(0,),
        batch_sizes=(2, 3),
        replicates=3,
    ),
    "cost": CostSpec(
        task=Sets(universe=4, size=2),
        objectives=(Objective(), Objective(log_z="batch"), Objective(baseline="state"), Objective(name="renyi")),
        policy=POLICY,
        batch_size=4,
        rounds=2,
        warmup=0,
    ),
    "reference": ReferenceSpec(task=Banana(correlation=0.1), seeds=(0,), samples=4, warmup=4),
}
COLUMNS = ["task", "objective", "alpha", "control_variate", "log_z", "seed", "iteration", "trajectories", "seconds"]


def forbid_training(monkeypatch):
    def train(*arguments):
        raise AssertionError("a stored run was made again")

    monkeypatch.setattr(results, "execute", train)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_runs_of_every_kind_are_made_stored_and_read(spec, tmp_path, monkeypatch):
    """In one file named by the hash; the second time it is read and gives the same table."""
    made = load_or_train(spec, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"{spec.hash}.parquet"]
    forbid_training(monkeypatch)
    again = load_or_train(spec, tmp_path)
    assert again.spec == made.spec == spec
    assert again.provenance == made.provenance
    pd.testing.assert_frame_equal(again.frame, made.frame)
    assert set(made.frame.seed) == set(spec.seeds)
    assert (made.frame.value.notna() ^ made.frame.density.notna()).all()


def test_a_run_reads_as_it_was_written(tmp_path):
    """Every record in its order, with the objective it belongs to; the required columns are there."""
    records = Trainer(TRAINING).run()
    write_run(tmp_path / "run.parquet", TRAINING, records)
    frame = read_run(str(tmp_path / "run.parquet")).frame
    assert {*COLUMNS, "metric", "value"} <= set(frame.columns)
    for name in ("seed", "iteration", "trajectories", "seconds", "metric", "value"):
        assert frame[name].tolist() == [record[name] for record in records]
    for name, value in {"task": "sets", "objective": "tsallis", "alpha": 2.0, "control_variate": "loo"}.items():
        assert set(frame[name]) == {value}


def test_metadata_say_where_a_run_comes_from(tmp_path):
    """The whole specification, code version, library versions, machine, device and time."""
    write_run(tmp_path / "run.parquet", TRAINING, [], "cpu")
    about = json.loads(pq.read_schema(tmp_path / "run.parquet").metadata[METADATA_KEY])
    assert about["spec"] == json.loads(TRAINING.model_dump_json())
    assert about["gfn"] == gfn.__version__
    assert about["source"] == source_fingerprint(TRAINING)
    for library in ("torch", "numpy", "pyarrow"):
        assert about[library] == version(library)
    assert about["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "cores" in about["machine"]
    assert about["device"] == "cpu"
    assert pd.Timestamp(about["written"]).tzinfo is not None


def test_a_result_needs_nothing_but_its_file(tmp_path):
    """Its name and folder do not count, not even where they look like columns."""
    write_run(tmp_path / "one.parquet", TRAINING, Trainer(TRAINING).run())
    elsewhere = tmp_path / "alpha=7" / "seed=9" / "other.parquet"
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_bytes((tmp_path / "one.parquet").read_bytes())
    pd.testing.assert_frame_equal(read_run(elsewhere).frame, read_run(tmp_path / "one.parquet").frame)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    """Whole, with no partial file beside it."""
    path = tmp_path / "run.parquet"
    write_run(path, TRAINING, Trainer(TRAINING).run())
    before = path.read_bytes()

    def failing(writer, table):
        raise OSError("disk full")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", failing)
    with pytest.raises(OSError, match="disk full"):
        write_run(path, TRAINING, [])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_appears_whole(tmp_path, monkeypatch):
    """While one is written, a reader still sees the one before."""
    path, original, seen = tmp_path / "run.parquet", pq.ParquetWriter.write_table, []
    write_run(path, TRAINING, Trainer(TRAINING).run())

    def watched(writer, table):
        original(writer, table)
        seen.append(len(read_run(path).frame))

    monkeypatch.setattr(pq.ParquetWriter, "write_table", watched)
    write_run(path, TRAINING, [])
    assert seen == [ROWS]
    assert len(read_run(path).frame) == 0


def test_two_writers_do_not_disturb_each_other(tmp_path, monkeypatch):
    """A process that writes the run while another is at it: whichever is done last has the name, and both files are whole."""
    path, original, seen = tmp_path / "run.parquet", pq.ParquetWriter.write_table, []

    def interleaved(writer, table):
        monkeypatch.setattr(pq.ParquetWriter, "write_table", original)
        write_run(path, TRAINING, [])
        seen.append(len(read_run(path).frame))
        original(writer, table)

    records = Trainer(TRAINING).run()
    monkeypatch.setattr(pq.ParquetWriter, "write_table", interleaved)
    write_run(path, TRAINING, records)
    assert seen == [0]
    assert len(read_run(path).frame) == ROWS
    assert list(tmp_path.iterdir()) == [path]


def test_densities_keep_their_numbers(tmp_path):
    """One row a seed, in single precision and in their order; other rows have none."""
    spec = SPECS["planar"].model_copy(update={"seeds": (3, 1)})
    trainer = Trainer(spec)
    write_run(tmp_path / "run.parquet", spec, trainer.run())
    frame = read_run(tmp_path / "run.parquet").frame
    pd.testing.assert_frame_equal(frame, to_frame(spec, trainer.records))
    kept = frame[frame.density.notna()]
    assert kept[["metric", "seed", "iteration"]].values.tolist() == [["density", 3, 2], ["density", 1, 2]]
    expected = policy_density(spec.task, trainer.policy, 4, spec.task.window).float().flatten(1)
    assert torch.equal(torch.tensor(np.stack(kept.density)), expected)
    assert set(frame.metric[frame.density.isna()]) == {"jsd", "log_z"}


def test_large_densities_take_little_space(tmp_path):
    """Hardly more than four bytes a cell, beside what a small run takes."""
    spec = SPECS["planar"].model_copy(update={"density": 64})
    write_run(tmp_path / "run.parquet", spec, Trainer(spec).run())
    write_run(tmp_path / "small.parquet", SPECS["planar"], Trainer(SPECS["planar"]).run())
    small, large = ((tmp_path / f"{name}.parquet").stat().st_size for name in ("small", "run"))
    assert small < 8000
    assert large - small < 4 * 64**2


@pytest.mark.parametrize("kept", [{}, {0: 15}, {0: 17}, {0: 16, 1: 15}, {0: 16}, {0: 16, 1: 16, 2: 16}], ids=str)
def test_densities_of_other_shapes_are_refused(kept, tmp_path):
    """Too few cells, too many, a seed without one, a seed too many; and any where none were asked for."""
    spec, path = SPECS["planar"].model_copy(update={"seeds": (0, 1)}), tmp_path / "run.parquet"
    rows = [{"seed": seed, "metric": "density", "density": [0.5] * cells} for seed, cells in kept.items()]
    write_run(path, spec, rows)
    with pytest.raises(ResultError) as caught:
        read_run(path)
    sizes = list(kept.values())
    sentence = f"{path} is not a whole result: its densities have {sizes} cells and should have [16, 16]"
    assert str(caught.value) == sentence
    write_run(path, spec.model_copy(update={"density": 0}), rows)
    if rows:
        with pytest.raises(ResultError, match=r"should have \[\]$"):
            read_run(path)
    else:
        assert read_run(path).frame.empty


def write_signed(path: Path, table: pa.Table, **changes) -> None:
    """A table with the metadata that it has, changed, and the right checksum: as another version of the project may do."""
    about = json.loads(table.schema.metadata[METADATA_KEY]) | changes | {"sha256": UNSIGNED.decode()}
    table = table.replace_schema_metadata()
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({METADATA_KEY: json.dumps(about).encode()})
    content = path.read_bytes()
    path.write_bytes(content.replace(UNSIGNED, hashlib.sha256(content).hexdigest().encode()))


def test_densities_in_another_column_type_are_refused(tmp_path):
    """As text, say: in one sentence that names the types."""
    path = tmp_path / "run.parquet"
    write_run(path, TRAINING, Trainer(TRAINING).run())
    table = pq.read_table(path)
    texts = pa.nulls(len(table), pa.string())
    write_signed(path, table.set_column(SCHEMA.names.index("density"), "density", texts))
    with pytest.raises(ResultError, match=r"another version of this project: its columns are .*, density \(string\)$"):
        read_run(path)


def metadata(**about):
    """A Parquet file's schema with these metadata in place of ours."""
    return SCHEMA.with_metadata({METADATA_KEY: json.dumps(about).encode()})


def spoil(path: Path, kind: str) -> None:
    """Put something that is no complete result of ``TRAINING`` in the place of one."""
    spec = json.loads(TRAINING.model_dump_json())
    empty = pa.Table.from_pylist([], SCHEMA)
    if kind in ("truncated", "empty", "pickle", "text"):
        write_run(path, TRAINING, Trainer(TRAINING).run())
        whole = path.read_bytes()
        path.write_bytes(
            {"truncated": whole[:-20], "empty": b"", "pickle": pickle.dumps(spec), "text": b"seed,value\n"}[kind]
        )
    elif kind == "foreign":
        pq.write_table(pa.table({"seed": [1]}), path)
    elif kind == "foreign with these columns":
        pq.write_table(empty, path)
    elif kind == "metadata are no JSON":
        pq.write_table(empty.replace_schema_metadata({METADATA_KEY: b"\xff{"}), path)
    elif kind == "metadata are a list":
        pq.write_table(empty.replace_schema_metadata({METADATA_KEY: b"[1]"}), path)
    elif kind == "without specification":
        pq.write_table(empty.cast(metadata(status="complete")), path)
    elif kind == "specification of another version":
        pq.write_table(empty.cast(metadata(status="complete", spec={**spec, "momentum": 0.9})), path)
    elif kind == "columns of another version":
        table = pa.table({"seed": [1]}).replace_schema_metadata(metadata(status="complete", spec=spec).metadata)
        pq.write_table(table, path)
    elif kind == "failed":
        write_run(path, TRAINING, [], status="failed")
    elif kind == "metadata that nest deeply":
        pq.write_table(empty.replace_schema_metadata({METADATA_KEY: b'{"spec": ' + b"[" * 100_000}), path)
    elif kind == "without checksum":
        pq.write_table(empty.cast(metadata(status="complete", spec=spec)), path)
    elif kind == "edited":
        write_run(path, TRAINING, Trainer(TRAINING).run())
        table = pq.read_table(path)
        values = pa.array([10 * value for value in table["value"].to_pylist()])
        pq.write_table(table.set_column(SCHEMA.names.index("value"), "value", values), path)
    elif kind == "source missing":
        write_run(path, TRAINING, Trainer(TRAINING).run())
        write_signed(path, pq.read_table(path), source=None)


SPOILED = {
    "missing": "does not exist",
    "truncated": "is truncated or not a Parquet file",
    "empty": "is truncated or not a Parquet file",
    "pickle": "is truncated or not a Parquet file",
    "text": "is truncated or not a Parquet file",
    "foreign": "is not a result of this project",
    "foreign with these columns": "is not a result of this project",
    "metadata are no JSON": "is not a result of this project",
    "metadata are a list": "is not a result of this project",
    "without specification": "is not a result of this project",
    "specification of another version": "is of another version of this project: unknown setting",
    "columns of another version": "is of another version of this project: its columns are seed",
    "failed": "is the part of a run that failed",
    "metadata that nest deeply": "is not a result of this project",
    "without checksum": "is of another version of this project or was edited: it has no checksum",
    "edited": "is damaged or was edited",
    "source missing": "is not a whole result: its metadata name no source",
}


@pytest.mark.parametrize("kind", SPOILED)
def test_what_is_no_result_is_refused_in_one_sentence(kind, tmp_path):
    path = tmp_path / "run.parquet"
    spoil(path, kind)
    with pytest.raises(ResultError) as caught:
        read_run(path)
    assert str(caught.value).startswith(f"{path} {SPOILED[kind]}")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", SPOILED)
def test_what_is_no_result_is_reported_and_made_again(kind, tmp_path, capsys):
    """On standard error, in one line; what is read afterwards is the run. A missing file needs no report."""
    path = result_path(TRAINING, tmp_path)
    spoil(path, kind)
    run = load_or_train(TRAINING, tmp_path)
    seen = capsys.readouterr()
    assert seen.out == ""
    if kind == "missing":
        assert seen.err == ""
    else:
        assert seen.err.startswith(f"{path} {SPOILED[kind]}")
        assert seen.err.endswith("; making it again\n")
        assert seen.err.count("\n") == 1
    assert run.spec == read_run(path).spec == TRAINING
    assert len(run.frame) == ROWS


def test_a_file_under_another_name_is_made_again(tmp_path, capsys, monkeypatch):
    """The name is only a key: the specification inside decides."""
    other = TRAINING.model_copy(update={"seeds": (8,)})
    write_run(result_path(TRAINING, tmp_path), other, Trainer(other).run())
    assert set(load_or_train(TRAINING, tmp_path).frame.seed) == {3, 1}
    assert capsys.readouterr().err == (
        f"{result_path(TRAINING, tmp_path)} holds another run than its name says; making it again\n"
    )
    forbid_training(monkeypatch)
    load_or_train(TRAINING, tmp_path)


def test_a_byte_changed_anywhere_in_a_stored_run_is_noticed(tmp_path):
    """200 of 200, in runs of every kind, each in one sentence."""
    draw = random.Random(12)
    for number, spec in enumerate(SPECS.values()):
        path = result_path(spec, tmp_path)
        load_or_train(spec, tmp_path)
        whole = path.read_bytes()
        assert len(whole) < 20_000
        for _ in range(50):
            content = bytearray(whole)
            content[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
            path.write_bytes(content)
            with pytest.raises(ResultError) as caught:
                read_run(path)
            assert "\n" not in str(caught.value)
        path.write_bytes(whole)
        assert read_run(path).spec == spec, number


def test_two_runs_whose_names_are_swapped_are_noticed(tmp_path):
    """Whoever reads them; under a name that is no specification's, a run may be read."""
    other = TRAINING.model_copy(update={"seeds": (8,)})
    paths = [result_path(spec, tmp_path) for spec in (TRAINING, other)]
    for spec in (TRAINING, other):
        load_or_train(spec, tmp_path)
    paths[0].rename(tmp_path / "mine.parquet")
    paths[1].rename(paths[0])
    (tmp_path / "mine.parquet").rename(paths[1])
    for path in paths:
        with pytest.raises(ResultError, match=f"^{path} holds another run than its name says$"):
            read_run(path)
    paths[0].rename(tmp_path / "mine.parquet")
    assert read_run(tmp_path / "mine.parquet").spec == other


CHANGED = {
    "repeated": (lambda rows: rows + rows[:1], "records are repeated"),
    "a seed missing": (lambda rows: [r for r in rows if r["seed"] != 1], r"its seeds are \[3\] and should be \[1, 3\]"),
    "another seed": (lambda rows: [r | {"seed": r["seed"] + 1} for r in rows], r"its seeds are \[2, 4\]"),
    "halved": (lambda rows: rows[: len(rows) // 2], "its iterations are not those"),
    "one missing": (lambda rows: rows[:-1], "not every seed has every metric"),
    "later": (lambda rows: [r | {"iteration": 2 * r["iteration"]} for r in rows], "its iterations are not those"),
    "no number": (lambda rows: [rows[0] | {"value": float("nan")}, *rows[1:]], "l1 of seed 3 is not a finite number"),
    "infinite": (lambda rows: [rows[0] | {"value": float("inf")}, *rows[1:]], "l1 of seed 3 is not a finite number"),
    "no value": (lambda rows: [rows[0] | {"value": None}, *rows[1:]], "l1 of seed 3 is not a finite number"),
    "another task": (
        lambda rows: [r | {"task": "banana"} for r in rows],
        "the task is sets, and the records have banana",
    ),
    "another objective": (lambda rows: [r | {"objective": "tb"} for r in rows], "the objective is tsallis, and"),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_records_that_do_not_fit_their_specification_are_refused(kind, tmp_path):
    """Though their checksum is right."""
    change, why = CHANGED[kind]
    path = result_path(TRAINING, tmp_path)
    load_or_train(TRAINING, tmp_path)
    table = pq.read_table(path)
    rows = change(table.to_pylist())
    write_signed(path, pa.Table.from_pylist(rows, SCHEMA).replace_schema_metadata(table.schema.metadata))
    with pytest.raises(ResultError, match=f"^{path} is not a whole result: {why}"):
        read_run(path)


OF_KINDS = {
    "gradient, a batch size missing": (
        "gradient",
        lambda rows: [r for r in rows if r["trajectories"] == 2],
        "its values of trajectories are not those at which it is measured",
    ),
    "gradient, another stage": (
        "gradient",
        lambda rows: [r | {"iteration": 1} for r in rows],
        "its values of iteration are not those at which it is measured",
    ),
    "gradient, an objective missing": (
        "gradient",
        lambda rows: [r for r in rows if r["objective"] == "tb"],
        "its values of objective are not those at which it is measured",
    ),
    "cost, an objective missing": (
        "cost",
        lambda rows: [r for r in rows if r["cell"] != 1],
        "its objectives are not those that are measured",
    ),
    "cost, one objective for another": (
        "cost",
        lambda rows: [r | {"objective": "tb"} for r in rows],
        "its objectives are not those that are measured",
    ),
    "cost, a round missing": (
        "cost",
        lambda rows: [r for r in rows if (r["metric"], r["cell"], r["iteration"]) != ("seconds", 3, 2)],
        "it has not 2 rounds of each objective",
    ),
    "cost, no memory": (
        "cost",
        lambda rows: [r for r in rows if (r["metric"], r["cell"]) != ("memory", 2)],
        "it has not the memory of each objective",
    ),
    "reference, draws missing": ("reference", lambda rows: rows[:-2], "it has not 4 draws of each chain"),
    "training, no metric": (
        "training",
        lambda rows: [rows[0] | {"metric": None}, *rows[1:]],
        "there are records without a metric",
    ),
}


@pytest.mark.parametrize("case", OF_KINDS)
def test_records_of_every_kind_fit_their_specification(case):
    kind, change, why = OF_KINDS[case]
    spec = SPECS[kind]
    frame = results.to_frame(spec, results.execute(spec))
    assert results.misfit(spec, frame) is None
    changed = pa.Table.from_pylist(change(pa.Table.from_pandas(frame).to_pylist()), SCHEMA)
    assert results.misfit(spec, changed.to_pandas(strings_to_categorical=True)) == why


def test_a_run_whose_numbers_are_not_finite_is_not_taken_for_complete(tmp_path, monkeypatch):
    """It is kept as a failed one."""
    spoilt = [r | {"value": float("nan")} for r in Trainer(TRAINING).run()]
    monkeypatch.setattr(results, "execute", lambda *arguments: spoilt)
    with pytest.raises(
        TrainingError, match=r"^sets, tsallis alpha=2 loo: l1 of seed 3 is not a finite number; what was"
    ):
        load_or_train(TRAINING, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"{TRAINING.hash}.failed.parquet"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "unreadable"])
def test_what_cannot_be_read_at_all_is_not_replaced(kind, tmp_path, monkeypatch):
    """One sentence, before anything is trained; nothing is made in its place."""
    path = result_path(TRAINING, tmp_path)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"who knows")

        def failing(path):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "read_bytes", failing)
    forbid_training(monkeypatch)
    said = {
        "folder": "is a directory",
        "pipe": "is no ordinary file",
        "unreadable": "cannot be read: Permission denied",
    }
    with pytest.raises(UnreadableError, match=f"^{path} {said[kind]}$") as caught:
        load_or_train(TRAINING, tmp_path)
    assert caught.value._render_traceback_() == [f"UnreadableError: {path} {said[kind]}"]


@pytest.mark.parametrize("kind", ["a file", "full", "read-only"])
def test_a_store_that_cannot_be_written_is_found_before_training(kind, tmp_path, monkeypatch):
    forbid_training(monkeypatch)
    store, why = tmp_path / "store", {"a file": "File exists", "full": "No space", "read-only": "Read-only file system"}
    if kind == "a file":
        store.touch()
    else:

        def failing(dir):
            raise OSError(30 if kind == "read-only" else 28, f"{why[kind]}")

        monkeypatch.setattr(results.tempfile, "TemporaryFile", failing)
    with pytest.raises(
        StoreError, match=f"^out = '{store}' is not allowed: no results can be written there .{why[kind]}"
    ):
        load_or_train(TRAINING, store)


def test_a_stored_run_is_read_where_nothing_can_be_written(tmp_path, monkeypatch):
    load_or_train(TRAINING, tmp_path)
    monkeypatch.setattr(results.tempfile, "TemporaryFile", None)
    assert len(load_or_train(TRAINING, tmp_path).frame) == ROWS


def test_partial_files_of_killed_processes_are_swept(tmp_path):
    """Once they are so old that nobody is at work on them."""
    old, young = (tmp_path / f"{name}.checkpoint.0123456789abcdef{PARTIAL}" for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    before = time.time() - 2 * results.ABANDONED
    os.utime(old, (before, before))
    load_or_train(TRAINING, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {young.name, f"{TRAINING.hash}.parquet"}


def test_runs_of_other_code_are_made_again_where_asked_for(tmp_path, capsys, monkeypatch):
    """Else they are read as they are."""
    load_or_train(TRAINING, tmp_path)
    monkeypatch.setattr("gfn.study.results.source_fingerprint", lambda spec: "another")
    with monkeypatch.context() as patch:
        forbid_training(patch)
        load_or_train(TRAINING, tmp_path)
    load_or_train(TRAINING, tmp_path, current=True)
    assert capsys.readouterr().err == f"{result_path(TRAINING, tmp_path)} was made by other code; making it again\n"
    monkeypatch.undo()
    forbid_training(monkeypatch)
    load_or_train(TRAINING, tmp_path, current=True)


def test_a_failed_run_keeps_what_was_recorded(tmp_path, monkeypatch):
    """In a file of its own, which is not taken for a result."""
    step = Trainer.step

    def failing(trainer):
        if trainer.iteration == 3:
            with torch.no_grad():
                trainer.policy.network.weights[0][1] = float("nan")
        step(trainer)

    monkeypatch.setattr(Trainer, "step", failing)
    failed = tmp_path / f"{TRAINING.hash}.failed.parquet"
    with pytest.raises(TrainingError) as caught:
        load_or_train(TRAINING, tmp_path)
    assert str(caught.value).endswith(f"seed 1, iteration 4; what was recorded until then is in {failed}")
    assert not result_path(TRAINING, tmp_path).exists()
    assert pq.read_table(failed).to_pandas().iteration.unique().tolist() == [0, 2]
    with pytest.raises(ResultError, match="is the part of a run that failed"):
        read_run(failed)
    monkeypatch.setattr(Trainer, "step", step)
    assert len(load_or_train(TRAINING, tmp_path).frame) == ROWS


def test_an_interrupted_run_resumes_and_leaves_no_checkpoint(tmp_path, monkeypatch):
    """What is stored in the end is the uninterrupted run."""
    evaluate = Trainer.evaluate

    def interrupted(trainer):
        evaluate(trainer)
        if trainer.iteration == 2:
            raise KeyboardInterrupt

    expected = load_or_train(TRAINING, tmp_path / "whole").frame
    monkeypatch.setattr(Trainer, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_or_train(TRAINING, tmp_path)
    assert (tmp_path / f"{TRAINING.hash}.checkpoint").exists()
    monkeypatch.setattr(Trainer, "evaluate", evaluate)
    frame = load_or_train(TRAINING, tmp_path).frame
    pd.testing.assert_frame_equal(frame.drop(columns="seconds"), expected.drop(columns="seconds"))
    assert [path.name for path in tmp_path.glob("*.*")] == [f"{TRAINING.hash}.parquet"]


def test_the_store_is_chosen_by_environment_variable(tmp_path, monkeypatch):
    """Else new runs go to build/results of the checkout, and published ones are in data/results."""
    monkeypatch.delenv(results.STORE_VARIABLE, raising=False)
    root = Path(gfn.__file__).parents[1]
    assert result_path(TRAINING) == root / "build" / "results" / f"{TRAINING.hash}.parquet"
    assert published_store() == root / "data" / "results"
    monkeypatch.setenv(results.STORE_VARIABLE, str(tmp_path))
    assert result_path(TRAINING) == tmp_path / f"{TRAINING.hash}.parquet"
    assert published_store() == tmp_path
    assert result_path(TRAINING, tmp_path / "own").parent == tmp_path / "own"


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_pickled_content_is_never_executed(tmp_path):
    """Neither a pickle in the place of a result or checkpoint, nor one inside a Parquet file."""
    fuse, path = tmp_path / "executed", tmp_path / "store" / f"{TRAINING.hash}.parquet"
    bomb = pickle.dumps(Bomb(fuse))
    pickle.loads(bomb)
    assert fuse.exists()
    fuse.unlink()
    path.parent.mkdir()
    for suffix in (".parquet", ".checkpoint"):
        path.with_suffix(suffix).write_bytes(bomb)
    load_or_train(TRAINING, path.parent)
    torch.save(Bomb(fuse), path.with_suffix(".checkpoint"))
    assert not Trainer(TRAINING).load(path.with_suffix(".checkpoint"))
    extension = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": bomb}
    fields = [field.with_metadata(extension) for field in SCHEMA]
    about = {METADATA_KEY: json.dumps({"status": "complete", "spec": json.loads(TRAINING.model_dump_json())}).encode()}
    schema = pa.schema(fields, metadata={**about, b"pandas": bomb})
    pq.write_table(pa.Table.from_pylist([], SCHEMA).cast(schema), path)
    load_or_train(TRAINING, path.parent)
    assert not fuse.exists()


MODULES = sorted(Path(gfn.__file__).parent.rglob("*.py"))
UNSAFE_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "read_pickle", "to_pickle", "unsafe_load"}


@pytest.mark.parametrize("module", MODULES, ids=[path.stem for path in MODULES])
def test_no_module_can_load_a_pickle(module):
    """No import of pickle and the like, no torch.load, no yaml.load, no eval."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not {name.split(".")[0] for name in names} & UNSAFE_IMPORTS
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called.split(".")[-1] not in UNSAFE_CALLS
            assert called not in ("torch.load", "np.load", "numpy.load", "yaml.load", "torch.save")


def test_two_specifications_do_not_meet_in_a_store(tmp_path):
    other = TRAINING.model_copy(update={"learning_rate": 0.002})
    for spec in (TRAINING, other):
        load_or_train(spec, tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {TRAINING.hash, other.hash}
    assert read_run(result_path(other, tmp_path)).spec.learning_rate == 0.002
