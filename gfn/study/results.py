"""The results store: one Parquet file a run, named by the hash of its specification."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm.auto import tqdm

from gfn.environments import TASKS
from gfn.environments.own import UnknownTaskError
from gfn.runs.costs import measure_costs
from gfn.runs.draws import Draws
from gfn.runs.gradients import measure_gradients
from gfn.runs.provenance import provenance, source_fingerprint
from gfn.runs.reference import sample_reference
from gfn.runs.rivals import race
from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, RivalSpec, Spec, TrainingSpec, parse_spec
from gfn.runs.training import PARTIAL, UNSIGNED, Record, Trainer, TrainingError, replacing, warn
from gfn.settings import SettingsError
from gfn.study.paper import project_folder
from gfn.study.saved import policy_path, read_policy, write_policy
from gfn.study.size import check_size
from gfn.study.whole import ResultError, UnreadableError, content_of, misfit

SCHEMA = pa.schema(
    [
        ("task", pa.string()),
        ("objective", pa.string()),
        ("alpha", pa.float64()),
        ("control_variate", pa.string()),
        ("epsilon", pa.float64()),
        ("log_z", pa.string()),
        ("seed", pa.int64()),
        ("iteration", pa.int64()),
        ("trajectories", pa.int64()),
        ("seconds", pa.float64()),
        ("metric", pa.string()),
        ("cell", pa.int32()),
        ("value", pa.float64()),
        # In the place of a value: all cells of a density, x2 running fastest.
        ("density", pa.list_(pa.float32())),
    ]
)
# Most runs are small, so that their file is mostly its footer: without statistics and a second schema it is half as long.
# Measured numbers hardly repeat: those go to the compressor byte by byte, the others through a dictionary.
STORAGE = {
    "compression": "zstd",
    "store_schema": False,
    "write_statistics": False,
    "use_dictionary": [name for name in SCHEMA.names if name not in ("value", "density")],
    "use_byte_stream_split": ["value", "density.list.element"],
}
METADATA_KEY = b"gfn"
STORE_VARIABLE = "GFN_RESULTS"
# A file's SHA-256 is that of the same file with UNSIGNED in its place. Both stand in the metadata, so at the file's end.
SIGNATURE = re.compile(rb'"sha256": "([0-9a-f]{64})"')
ABANDONED = 3600.0  # seconds after which a partial file is nobody's any more


class StoreError(SettingsError):
    """A results store that cannot be written; notebooks show its sentence without a traceback."""

    _render_traceback_ = ResultError._render_traceback_


@dataclass(frozen=True)
class Run:
    """A stored run: its specification, its records in long format, and where it comes from."""

    spec: Spec
    frame: pd.DataFrame
    provenance: dict[str, Any]


def published_store() -> Path:
    """The published results, ``data/results`` of the checkout, which only ``make edition`` writes; or GFN_RESULTS."""
    return _store("data/results")


def default_store() -> Path:
    """Where new runs go: the store that GFN_RESULTS names, else ``build/results`` of the checkout, or from here."""
    return _store("build/results")


def _store(folder: str) -> Path:
    """The one store that is read and written where the environment variable GFN_RESULTS is set, else a folder."""
    if (given := os.environ.get(STORE_VARIABLE, "")).strip():
        return Path(given)
    return project_folder() / folder


def make_store(out: Path) -> None:
    """Make the folder of a results store and see that it can be written, before time is spent on what is to go there.

    Raises:
        StoreError: where that is not possible.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out) as file:
            file.write(bytes(2**12))
    except OSError as error:
        why = error.strerror or error
        raise StoreError(f"out = {str(out)!r} is not allowed: no results can be written there ({why})") from None


def sweep(store: Path) -> None:
    """Delete partial files that killed processes have left."""
    for path in store.glob(f"*{PARTIAL}"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()


def result_path(spec: Spec, store: Path | None = None) -> Path:
    """Where the run of ``spec`` is stored."""
    return Path(store or default_store()) / f"{spec.hash}.parquet"


def write_run(path: Path, spec: Spec, records: list[Record], device: str = "cpu", status: str = "complete") -> None:
    """Write a run with its SHA-256, atomically: another process sees the whole file or none."""
    about = {"sha256": UNSIGNED.decode(), **provenance(spec, device), "status": status}
    about["spec"] = json.loads(spec.model_dump_json())
    if (task := type(spec.task)) not in TASKS.values():
        about["task"] = f"{task.__module__}:{task.__qualname__}"
    stream = pa.BufferOutputStream()
    with pq.ParquetWriter(stream, SCHEMA, **STORAGE) as writer:
        writer.write_table(_table(spec, records))
        writer.add_key_value_metadata({METADATA_KEY: json.dumps(about).encode()})
    content = stream.getvalue().to_pybytes()
    with replacing(path) as partial:
        partial.write_bytes(content.replace(UNSIGNED, hashlib.sha256(content).hexdigest().encode(), 1))


def to_frame(spec: Spec, records: list[Record]) -> pd.DataFrame:
    """Records in the long format in which they are stored and read again."""
    return _table(spec, records).to_pandas(strings_to_categorical=True)


def _table(spec: Spec, records: list[Record]) -> pa.Table:
    return pa.Table.from_pylist([_row(spec, record) for record in records], SCHEMA)


def _row(spec: Spec, record: Record) -> Record:
    objective = record.get("objective") or getattr(spec, "objective", None)
    names = {"task": spec.task.task}
    if objective is not None:
        own = ("alpha", "control_variate", "epsilon", "log_z")
        names |= {"objective": objective.name} | {name: getattr(objective, name) for name in own}
    return {name: record.get(name) for name in SCHEMA.names} | names


def read_run(path: Path | str) -> Run:
    """Read a stored run, and check that name, specification and contents belong together.

    Raises:
        ResultError: if the file is truncated, damaged, foreign, unfinished or missing, in one sentence.
        UnreadableError: if it cannot be read at all.
    """
    path = Path(path)
    content = content_of(path)
    signed = SIGNATURE.search(content)
    whole = content.endswith(b"PAR1")
    if whole and signed and hashlib.sha256(content.replace(signed[1], UNSIGNED, 1)).hexdigest().encode() != signed[1]:
        raise ResultError(f"{path} is damaged or was edited: it has not the checksum with which it was written")
    try:
        file = pq.ParquetFile(pa.BufferReader(content if whole else b""))
        # Contents without a checksum are not looked into: only those that were written together with one are sound.
        table, metadata = file.read() if signed else file.schema_arrow.empty_table(), file.metadata.metadata
    except (pa.ArrowException, OSError):
        raise ResultError(f"{path} is truncated or not a Parquet file") from None
    try:
        about = json.loads((metadata or {})[METADATA_KEY])
        spec = parse_spec(json.dumps(about["spec"]))
    except UnknownTaskError:
        task = about["spec"]["task"]["task"]
        how = f"name it with --task {about.get('task', task)}, or import its module"
        raise ResultError(f"{path} holds a run of task {task}, which is not of this package: {how}") from None
    except SettingsError as error:
        raise ResultError(f"{path} is of another version of this project: {error}") from None
    except (KeyError, RecursionError, TypeError, ValueError):
        raise ResultError(f"{path} is not a result of this project: its metadata name no specification") from None
    if not table.schema.equals(SCHEMA):
        columns = ", ".join(f"{field.name} ({field.type})" for field in table.schema)
        raise ResultError(f"{path} is of another version of this project: its columns are {columns}")
    if not signed:
        raise ResultError(f"{path} is of another version of this project or was edited: it has no checksum")
    name = path.name.split(".")[0]
    if re.fullmatch("[0-9a-f]{16}", name) and name != spec.hash:
        raise ResultError(f"{path} holds another run than its name says")
    if about.get("status") != "complete":
        raise ResultError(f"{path} is the part of a run that failed, up to its last evaluation")
    if not isinstance(about.get("source"), str):
        raise ResultError(f"{path} is not a whole result: its metadata name no source")
    cells = pc.list_value_length(table["density"]).drop_null().to_pylist()
    expected = [spec.density**2] * len(spec.seeds) if getattr(spec, "density", 0) else []
    if cells != expected:
        raise ResultError(f"{path} is not a whole result: its densities have {cells} cells and should have {expected}")
    frame = table.replace_schema_metadata().to_pandas(strings_to_categorical=True)
    if problem := misfit(spec, frame):
        raise ResultError(f"{path} is not a whole result: {problem}")
    return Run(spec, frame, about)


def read_stored(path: Path, spec: Spec, current: bool = False) -> Run:
    """Read the run of ``spec`` where its name says that it is.

    Raises:
        ResultError: as :func:`read_run`; and for another run, or one that other code made where ``current`` is set, or the
            task is one's own, whose code is often at work.
    """
    run = read_run(path)
    if run.spec != spec:
        raise ResultError(f"{path} holds another run than its name says")
    if (current or type(spec.task) not in TASKS.values()) and run.provenance.get("source") != source_fingerprint(spec):
        raise ResultError(f"{path} was made by other code")
    return run


def load_or_train(
    spec: Spec, store: Path | None = None, device: str = "cpu", current: bool = False, keep: bool = False
) -> Run:
    """The run of ``spec``: read where it is stored, else made, with a progress bar, and stored.

    By default it is looked for in :func:`published_store`, then in :func:`default_store`, to which goes
    what is made. A file that is truncated or foreign is reported and made again; a published one stays
    as it is. One that cannot be read at all stays, too. An interrupted training resumes from its checkpoint.

    Arguments:
        spec: what to run.
        store: the one store to read and to write, in place of those two.
        device: where to train, if need be.
        current: whether a run that other code made is made again, too; of a task of one's own it always is.
        keep: whether the final policy of a training is kept beside it, see :func:`gfn.study.trained.load`. A stored run
            without its policy is then made again.

    Raises:
        TrainingError: if training meets a number that is not finite; what was recorded until then
            is kept beside the store's results, in a file ending in ``.failed.parquet``.
        SettingsError: if the run is to be made, and needs more memory or time than there is.
        StoreError: if the run is to be made, and the store cannot be written.
        UnreadableError: if what has the run's name in the store cannot be read.
    """
    path = result_path(spec, store)
    published = path if store else result_path(spec, published_store())
    keep &= isinstance(spec, TrainingSpec)
    device = "cpu" if isinstance(spec, ReferenceSpec) else device  # Pyro's chains are short of work for a GPU
    for place in dict.fromkeys((published, path)):
        if is_there(place):
            try:
                return _with_policy(place, read_stored(place, spec, current), keep)
            except ResultError as error:
                if place == path and isinstance(error, UnreadableError):
                    raise
                then = "making it again" if place == path else f"it stays as it is, and {path} takes its place"
                warn(f"{error}; {then}")
    if notice := check_size(spec, device):
        warn(f"gfn: {notice}")
    make_store(path.parent)
    sweep(path.parent)
    ended: list[Trainer] = []
    try:
        records = execute(spec, device, path.with_suffix(".checkpoint"), ended.append)
        if problem := misfit(spec, to_frame(spec, records)):
            raise TrainingError(f"{describe(spec)}: {problem}", records)
    except TrainingError as error:
        failed = path.with_suffix(".failed.parquet")
        write_run(failed, spec, error.records, device, status="failed")
        raise TrainingError(f"{error}; what was recorded until then is in {failed}", error.records) from None
    # The policy first: a run that is there is whole.
    if keep:
        for trainer in ended:
            write_policy(policy_path(path), trainer)
    else:
        with suppress(OSError):
            policy_path(path).unlink()  # of the run whose place this one takes
    try:
        write_run(path, spec, records, device)
    except OSError:
        policy_path(path).unlink(missing_ok=True)  # nobody's, without the run
        raise
    with suppress(OSError):
        path.with_suffix(".checkpoint").unlink()
    return read_run(path)


def _with_policy(path: Path, run: Run, keep: bool) -> Run:
    """The run, if its policy need not be kept, or is.

    Raises:
        ResultError: if it is not, or not whole.
    """
    if keep:
        if not is_there(policy_path(path)):
            raise ResultError(f"{path} was stored without its policy")
        read_policy(policy_path(path), run.spec, run.provenance["source"])
    return run


def is_there(path: Path) -> bool:
    """Whether there is anything of this name.

    Raises:
        StoreError: where that cannot be told.
    """
    try:
        return path.exists()
    except OSError as error:
        raise StoreError(f"out = {str(path.parent)!r} is not allowed: {error.strerror or error}") from None


def execute(
    spec: Spec,
    device: str = "cpu",
    checkpoint: Path | None = None,
    ended: Callable[[Trainer], object] | None = None,
) -> list[Record]:
    """Make the run of ``spec`` and return its records; what holds the policy of a training goes to ``ended``."""
    with tqdm(desc=describe(spec), disable=not shows_progress(), leave=False) as bar:
        progress = _follow(bar)
        if isinstance(spec, TrainingSpec):
            trainer = Trainer(spec, device)
            records = trainer.run(checkpoint, progress)
            if ended is not None:
                ended(trainer)
            return records
        if isinstance(spec, GradientSpec):
            return measure_gradients(spec, progress, device)
        if isinstance(spec, ReferenceSpec):
            return sample_reference(spec, progress)
        if isinstance(spec, CostSpec):
            return measure_costs(spec, progress, device)
        if isinstance(spec, RivalSpec):
            return race(spec, progress)
    raise TypeError(f"{type(spec).__name__} is not a kind of run")


def describe(spec: Spec) -> str:
    """A run in a few words."""
    what = spec.objective.label if isinstance(spec, TrainingSpec) else getattr(spec, "model", spec.kind)
    what = f"{what} {spec.objective.label}" if isinstance(spec, RivalSpec) and spec.objective else what
    draws = getattr(spec, "draws", Draws())
    drawn = [] if draws == Draws() else [draws.label]
    off_policy = getattr(spec, "off_policy", None)
    return ", ".join([spec.task.task, what, *drawn, *([off_policy.label] if off_policy else [])])


def shows_progress() -> bool:
    """Whether somebody is watching: a terminal, or a notebook that is not executed by papermill or tests."""
    return sys.stderr.isatty() or bool(os.environ.get("JPY_SESSION_NAME"))


def _follow(bar: tqdm) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return progress
