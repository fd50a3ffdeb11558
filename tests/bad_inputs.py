"""Bad inputs to commands, notebooks, environment variables and files, each with the sentence and status that are due.

``{here}`` in arguments, variables and sentences stands for the folder in which a case happens.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq

from gfn import cli
from gfn.environments import TASKS, GaussianMixture, Sets
from gfn.policies import PolicySettings
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.settings import SettingsError
from gfn.study.experiments import FIGURES, runs
from gfn.study.notebook import obtain, parameters
from gfn.study.results import METADATA_KEY, SCHEMA, result_path, write_run

Content = str | bytes | None | Callable[[Path], object]  # of a file, of none for a folder, or what makes it
# Where all that takes time begins.
WORK = (
    "gfn.runs.training.Trainer.step",
    "gfn.study.results.measure_gradients",
    "gfn.study.results.sample_reference",
)
TINY = ("--universe", "4", "--size", "2", "--hidden", "4", "--iterations", "2", "--batch-size", "4", "--seeds", "0,1")


@dataclass(frozen=True)
class Case:
    """A bad input.

    Attributes:
        name: tells it from the others.
        arguments: of the command.
        says: what stands in the sentence, the bad value where there is one.
        status: that is due: 2, or 1 where a run fails.
        files: what is there before, by path.
        variables: of the environment.
        page: in place of a command, a notebook with its parameters, as ``-p`` or its first cell gives them.
    """

    name: str
    arguments: tuple[str, ...] = ()
    says: str = ""
    status: int = 2
    files: dict[str, Content] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    page: tuple[str, dict[str, Any]] | None = None


@dataclass(frozen=True)
class Answer:
    """What came of a case."""

    status: int | str
    out: str
    err: str
    changed: tuple[str, ...]


def tried(case: Case, folder: Path) -> Answer:
    """Try a case in an empty folder, with no run being made unless one is to fail."""
    for name, content in case.files.items():
        make(folder / name, content)
    variables = {"GFN_RESULTS": f"{folder}/named"} | {k: v.format(here=folder) for k, v in case.variables.items()}
    encoding = variables.get("PYTHONIOENCODING", "utf-8").partition(":")[0]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2))
    before = contents(folder)
    with ExitStack() as around:
        for place in (
            chdir(folder),
            mock.patch.dict(os.environ, variables),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            around.enter_context(place)
        for name in WORK if case.status == 2 else ():
            around.enter_context(mock.patch(name, untimely))
        status = opened(*case.page, err) if case.page else ended([a.format(here=folder) for a in case.arguments])
    after = contents(folder)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    said = [stream.buffer.getvalue().decode(encoding) for stream in (out, err)]
    return Answer(status, *said, tuple(changed))


def complaint(case: Case, answer: Answer, folder: Path) -> str | None:
    """What is wrong with an answer, if anything."""
    says, starts = case.says.replace("{here}", str(folder)), ("ParameterError: ", "RunError: ", "StoreError: ")
    start = "gfn: " if case.page is None else starts
    checks = {
        f"status {answer.status}, not {case.status}": answer.status == case.status,
        "a traceback": "Traceback" not in answer.err and "GFN_TRACEBACK" not in answer.err,
        "not one line on standard error": answer.err.count("\n") == 1 and answer.err.endswith("\n"),
        f"no {start}": answer.err.startswith(start),
        f"no {says!r}": says in answer.err or says in answer.err.replace("_", "-"),
        "something on standard output": answer.out == "",
        f"wrote {answer.changed}": all(case.status == 1 and ".failed" in name for name in answer.changed),
    }
    wrong = [what for what, right in checks.items() if not right]
    return f"{'; '.join(wrong)}: {answer.err}" if wrong else None


def ended(arguments: list[str]) -> int | str:
    try:
        cli.main(arguments)
    except SystemExit as left:
        return left.code
    return "none"


def opened(figure: str, values: dict[str, Any], err: io.TextIOWrapper) -> int | str:
    """The first cells of a notebook; what it would show of an error goes to ``err``."""
    cell = dict.fromkeys(FIGURES[figure].model_fields) | {"profile": "smoke", "device": "cpu"} | values
    try:
        obtain(parameters(figure, cell))
    except Exception as error:
        shown = getattr(error, "_render_traceback_", lambda: None)() or ["Traceback", repr(error)]
        err.write("".join(f"{line}\n" for line in shown))
        return 2 if isinstance(error, SettingsError) else 1
    return 0


def untimely(*arguments: object) -> None:
    raise AssertionError("something was trained")


def make(path: Path, content: Content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        path.mkdir()
    elif callable(content):
        content(path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def contents(folder: Path) -> dict[str, bytes]:
    """All that is in files."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


# ---- flags ----------------------------------------------------------------------------------------------------------

FLAG_VALUES = {
    ("train", "task"): ["", "chess", "Sets", "no_such_module:Chess", "json:loads"],
    ("train", "objective"): ["", "jensen", "TB"],
    ("train", "alpha"): ["1", "0", "nan", "inf", "half", ""],
    ("train", "alpha-end"): ["nan", "1.5", "-0.5", "late", ""],
    ("train", "baseline"): ["", "mean", "Last"],
    ("train", "control-variate"): ["all", "", "LOO"],
    ("train", "epsilon"): ["-1", "nan", "small"],
    ("train", "log-z"): ["guessed", ""],
    ("train", "log-z-start"): ["inf", "far", ""],
    ("train", "seeds"): ["", "a", "0,0", "-1", "1.5", "0,,1", "0 1", str(2**63)],
    ("train", "iterations"): ["0", "-3", "many", "1.5", "10000001", "1e3"],
    ("train", "batch-size"): ["0", "-1", "x", "1000001"],
    ("train", "scheme"): ["", "twins", "Common"],
    ("train", "share"): ["0", "1.5", "half"],
    ("train", "group"): ["1", "four"],
    ("train", "age"): ["0", "-1", "old"],
    ("train", "exploration"): ["-0.1", "1.5", "some"],
    ("train", "temperature"): ["0", "-1", "hot"],
    ("train", "lag"): ["-1", "0.5", "old"],
    ("train", "replay"): ["-0.5", "1", "half"],
    ("train", "buffer-size"): ["0", "1.5", "all"],
    ("train", "weights"): ["", "some", "Full"],
    ("train", "cap"): ["0", "-1", "low"],
    ("train", "learning-rate"): ["0", "-0.1", "fast", "nan", "inf"],
    ("train", "log-z-learning-rate"): ["0", "-0.1", "fast"],
    ("train", "evaluate-every"): ["0", "never"],
    ("train", "l1-objects"): ["1", "x"],
    ("train", "l1-orders"): ["0", "x"],
    ("train", "resolution"): ["7", "4097", "fine"],
    ("train", "density"): ["-1", "1025", "x", "10"],
    ("train", "top-k"): ["0", "-1", "best", "1.5"],
    ("train", "mode-fractions"): ["", "0", "1.1", "-0.5", "half", "0.5,2"],
    ("train", "dtype"): ["float16", "double"],
    ("train", "decay"): ["0", "-1", "nan", "slow"],
    ("train", "gin-layers"): ["0", "17", "deep"],
    ("train", "gin-width"): ["0", "65537", "wide"],
    ("train", "hidden"): ["", "0", "8,-3", "wide", "65537", ",".join(["8"] * 17)],
    ("train", "backward"): ["", "half", "True"],
    ("train", "components"): ["0", "1025", "x"],
    ("train", "task-seed"): ["-1", "x", "0.5", str(2**63), str(2**64)],
    ("train", "universe"): ["0", "1025", "x", "15"],
    ("train", "size"): ["0", "33", "x"],
    ("train", "low"): ["2", "nan", "-inf", "x"],
    ("train", "high"): ["-2", "nan", "inf", "x"],
    ("train", "alphabet"): ["0", "257", "x"],
    ("train", "length"): ["0", "257", "x"],
    ("train", "f-low"): ["2", "nan"],
    ("train", "f-high"): ["-2", "inf"],
    ("train", "g-low"): ["3", "x"],
    ("train", "g-high"): ["-1", "x"],
    ("train", "side"): ["0", "33", "x"],
    ("train", "dimensions"): ["0", "257", "flat"],
    ("train", "r0"): ["0", "-1", "nan"],
    ("train", "r1"): ["-1", "inf"],
    ("train", "r2"): ["-1", "x"],
    ("train", "nodes"): ["1", "33", "x"],
    ("train", "samples"): ["2", "1000001", "many", "5"],
    ("train", "edges-per-node"): ["-1", "nan"],
    ("train", "weight-low"): ["-1", "11", "1"],
    ("train", "weight-high"): ["-1", "inf", "0"],
    ("train", "prior"): ["flat", ""],
    ("train", "data"): ["", "/nowhere.csv", "/dev/null"],
    ("train", "alignment"): ["", "/nowhere.fasta", "/dev/null"],
    ("train", "branch-length"): ["0", "11", "x"],
    ("train", "spacing"): ["0", "-1"],
    ("train", "scale"): ["0", "inf"],
    ("train", "correlation"): ["1", "-1", "x"],
    ("train", "peaks"): ["0", "4097", "many"],
    ("train", "reach"): ["0", "inf"],
    ("train", "spread"): ["0", "11"],
    ("train", "pairs"): ["0", "129", "1.5"],
    ("train", "prototypes"): ["0", "257", "x"],
    ("train", "floor"): ["0", "0.5", "nan"],
    ("train", "device"): ["", "gpu", "cuda:99", "tpu"],
    ("train", "out"): ["/dev/null", "/dev/null/store"],
    ("reproduce", "profile"): ["", "big"],
    ("reproduce", "only"): ["", "0123456789abcdef"],
    ("reproduce", "device"): ["", "cuda:99"],
    ("reproduce", "out"): ["/dev/null", "/dev/null/store"],
    ("plot", "of"): ["", "Curves", "leaves", "trees", "densities"],
    ("plot", "picture"): ["", "/dev", "curves.doc", "curves", "/dev/null/x.svg"],
    ("plot", "seed"): ["-1", "first"],
    ("plot", "task"): ["", "chess", "no_such_module:Chess", "json:loads"],
    ("sample", "count"): ["", "0", "-1", "all", "1.5"],
    ("sample", "seed"): ["-1", "first"],
    ("sample", "draw"): ["-1", "x"],
    ("sample", "out"): ["", "/dev", "/"],
    ("sample", "task"): ["", "chess", "no_such_module:Chess", "json:loads"],
    ("show", "csv"): ["", "/dev", "/dev/null", "/dev/null/x.csv"],
    ("show", "task"): ["", "chess", "no_such_module:Chess", "json:loads", ":"],
    ("verify", "task"): ["", "chess", "no_such_module:Chess", "json:loads"],
    ("verify", "count"): ["0", "-1", "all", "1.5"],
    ("verify", "seed"): ["-1", "x"],
    ("verify", "device"): ["", "cuda:99"],
    ("verdicts", "profile"): ["", "big"],
    ("verdicts", "write"): ["", "/nowhere.md", "/dev"],
}
# What a flag belongs to is asked for, so that its values are refused and not the flag.
OWNERS = {
    name.replace("_", "-"): task for task, model in TASKS.items() for name in model.model_fields.keys() - {"task"}
}
FLAG_VALUES |= {("oracle", flag): values for (command, flag), values in FLAG_VALUES.items() if flag in OWNERS}
FLAG_VALUES["oracle", "universe"] = ["0", "1025", "x", "1"]  # of pairs
FLAG_VALUES |= {
    ("oracle", "task"): ["", "chess", "Sets", "banana"],
    ("oracle", "log-z"): ["", "guessed", "nan", "inf"],
    ("oracle", "sampling"): ["", "sideways", "Uniform"],
    ("oracle", "batch-size"): ["", "0", "-1", "x", "4097", "1.5"],
    ("oracle", "picture"): ["", "loss.doc", "loss"],
    ("table", "separator"): ["", "colon", "a", ".", "\t\t"],
    ("table", "decimal"): ["", "comma", "dot"],
    ("table", "leave-out"): ["c", "", "A"],
}
LOSS = "def loss(log_pf, log_pb, log_reward):\n    return (log_pf - log_pb - log_reward) ** 2\n"
TABLE = "a,b\n1,2.5\n3,4\n2,9\n7,1\n"
OBJECTIVE_OF = dict.fromkeys(("alpha", "alpha-end", "control-variate"), "renyi") | {"decay": "subtb"}
OBJECTIVE_OF["epsilon"] = "renyi --control-variate both"


def flags() -> Iterator[Case]:
    """Every flag with values that it cannot have."""
    for (command, flag), values in FLAG_VALUES.items():
        where = {"reproduce": ["fig6", "--profile", "smoke"], "oracle": ["my.py:loss"]}.get(command, [])
        where = [*where, "{here}/run.parquet"] if command in ("show", "plot", "sample") else [*where]
        where = ["{here}/x.csv", "{here}/y.csv"] if command == "table" else where
        reading = {key: {"run.parquet": stored()} for key in ("show", "plot", "sample")}
        files = (reading | {"oracle": {"my.py": LOSS}, "table": {"x.csv": TABLE}}).get(command, {})
        if command == "train":
            where += ["--objective", *OBJECTIVE_OF[flag].split()] if flag in OBJECTIVE_OF else []
        where += ["--task", OWNERS[flag]] if flag in OWNERS else []
        where += ["--out", "{here}/store"] if flag != "out" and command in ("train", "reproduce") else []
        for value in values:
            yield Case(f"{command} --{flag} {value!r:.40}", (command, *where, f"--{flag}", value), flag, files=files)


# ---- command lines --------------------------------------------------------------------------------------------------


def train(says: str, *arguments: str, status: int = 2, **files: Content) -> Case:
    name = " ".join(("train", *arguments))
    return Case(name, ("train", *arguments), says, status, files)


def command(says: str, *arguments: str, **files: Content) -> Case:
    name = " ".join((*arguments, *(f"({content!r:.20})" for content in files.values())))[:80]
    return Case(name, arguments, says, files={k.replace("_", "."): v for k, v in files.items()})


LINES = [
    train("No such option", "--colour", "red"),
    train("unexpected extra argument (stray)", "stray"),
    train("requires an argument", "--seeds"),
    train("alpha = '2' is not allowed with objective tb", "--alpha", "2"),
    train("alpha_end = 1 is not allowed", "--objective", "renyi", "--alpha-end", "1"),
    train("alpha_end = 0 is not allowed", "--objective", "renyi", "--alpha-end", "0"),
    train("baseline = last is not allowed for task banana", "--task", "banana", "--baseline", "last"),
    train("log_z = 'batch' is not allowed with objective tb scalar", "--baseline", "scalar", "--log-z", "batch"),
    train("decay = '0.9' is not allowed with objective tb", "--decay", "0.9"),
    train("log_z = 'known' is not allowed with objective vargrad", "--objective", "vargrad", "--log-z", "known"),
    train("epsilon = '0.1' is not allowed", "--objective", "renyi", "--epsilon", "0.1"),
    train("control_variate = 'loo' is not allowed with objective db", "--objective", "db", "--control-variate", "loo"),
    train("log_z_start = '1' is not allowed", "--log-z", "batch", "--log-z-start", "1"),
    train("batch_size = 1 is not allowed", "--objective", "vargrad", "--batch-size", "1"),
    train("batch_size = 1 is not allowed", "--objective", "renyi", "--batch-size", "1"),
    train("share = '1.5' is not allowed", "--scheme", "common", "--share", "1.5"),
    train("group = '1' is not allowed", "--scheme", "prefix", "--group", "1"),
    train(
        "draws.share = 1.0 is not allowed with common", "--objective", "vargrad", "--scheme", "common", "--share", "1"
    ),
    train("draws distinct is not allowed for task banana", "--task", "banana", "--scheme", "distinct"),
    train("lag = 1 is not allowed alone: off_policy needs exploration above 0", "--lag", "1"),
    train("buffer_size = '9' is not allowed without replay", "--exploration", "0.1", "--buffer-size", "9"),
    train("temperature = 2 is not allowed for task banana", "--task", "banana", "--temperature", "2"),
    train("weights = full is not allowed with tb", "--exploration", "0.1", "--weights", "full"),
    train("replay = 0.99 is not allowed: nothing new would be drawn", "--replay", "0.99", "--batch-size", "8"),
    train("its baseline is for the gradient on policy", "--baseline", "scalar", "--lag", "8"),
    train("--universe does not belong to task banana", "--task", "banana", "--universe", "4"),
    train("--side does not belong to task sets", "--side", "4"),
    train("density = 8 is not allowed for task sets", "--density", "8"),
    train("--resolution is not allowed for task sets", "--resolution", "64"),
    train("--components is not allowed for task dags", "--task", "dags", "--components", "4"),
    train("--gin-width is not allowed for task sets", "--gin-width", "8"),
    train("--gin-layers is not allowed for task banana", "--task", "banana", "--gin-layers", "2"),
    train("--hidden is not allowed for task phylogenetics", "--task", "phylogenetics", "--hidden", "8"),
    train("--top-k is not allowed for task gaussian_mixture", "--task", "gaussian_mixture", "--top-k", "9"),
    train("--mode-fractions is not allowed for task banana", "--task", "banana", "--mode-fractions", "0.5"),
    train("--l1-objects is not allowed for task banana", "--task", "banana", "--l1-objects", "64"),
    train("--l1-orders is not allowed for task sequences", "--task", "sequences", "--l1-orders", "4"),
    train(
        "--log-z-learning-rate is not allowed with objective vargrad",
        *("--objective", "vargrad", "--log-z-learning-rate", "1"),
    ),
    train(
        "--log-z-learning-rate is not allowed with objective tb log_z=known",
        *("--log-z", "known", "--log-z-learning-rate", "1"),
    ),
    train("task_seed = 1 is not allowed for task hypergrid", "--task", "hypergrid", "--task-seed", "1"),
    train("size = 5 is not allowed: it must be at most universe = 4", "--universe", "4", "--size", "5"),
    train("low = 2.0 is not allowed", "--low", "2", "--high", "1"),
    train("weight_low = 1.0 is not allowed", "--task", "dags", "--weight-low", "1"),
    train("samples = 5 is not allowed", "--task", "dags", "--nodes", "5", "--samples", "5"),
    train("hidden = (65536, 65536, 65536", "--hidden", ",".join(["65536"] * 9)),
    train("batch_size = 1000000 is not allowed", "--task", "sequences", "--length", "256", "--batch-size", "1000000"),
    train("l1_orders = 1000000000 is not allowed", "--l1-orders", "1000000000"),
    train("alphabet", "--task", "sequences", "--alphabet", "9" * 5000),
    train("seeds = (0, 1, 0) is not allowed", "--seeds", "0,1,0"),
    train("'١'", "--seeds", "١"),
    train("'²'", "--iterations", "²"),
    train("'\\udcff'", "--prior", "\udcff", "--task", "dags"),
    train("'a\\nb'", "--dtype", "a\nb"),
    train("the gradient is not finite", *TINY, "--low", "1e30", "--high", "1e31", status=1),
    train("the gradient is not finite", *TINY, "--learning-rate", "1e300", status=1),
    train("the gradient is not finite", *TINY, "--objective", "renyi", "--alpha", "1e300", status=1),
    train("the gradient is not finite", *TINY, "--objective", "subtb", "--decay", "1e300", status=1),
    train("log_z_start = 1e+300 is not allowed with dtype float32", *TINY, "--log-z-start", "1e300"),
    train("log_z_start = -1e+300 is not allowed", *TINY, "--objective", "db", "--log-z-start", "-1e300"),
    train("log_z_start = 3.5e+38 is not allowed", *TINY, "--objective", "subtb", "--log-z-start", "3.5e38"),
    train("log_z = known", *TINY, "--low", "1e100", "--high", "1e100", "--log-z", "known"),
    train(
        "weight",
        *("--task", "dags", "--nodes", "12", "--samples", "13", "--edges-per-node", "9", "--weight-low", "10"),
        *("--weight-high", "10", "--hidden", "4", "--iterations", "2", "--batch-size", "4"),
        status=2,
    ),
    train("mode_fractions = (0.251, 0.252) is not allowed", *TINY, "--mode-fractions", "0.251,0.252"),
    train("mode_fractions = (0.5, 0.5) is not allowed", *TINY, "--mode-fractions", "0.5,0.5"),
    train("mode_fractions = (0.001, 0.5, 0.004)", *TINY, "--mode-fractions", "0.001,0.5,0.004"),
    command("No such command 'fly'", "fly"),
    command("No such option", "--fly"),
    command("unexpected extra argument", "list", "everything"),
    command("No such option", "list", "--all"),
    command("Missing argument", "reproduce"),
    command("Missing option '--out'", "reproduce", "fig1"),
    command("figure = 'fig10' is not allowed", "reproduce", "fig10", "--out", "x"),
    command("figure = '' is not allowed", "reproduce", "", "--out", "x"),
    command("only = 'FIG1' is not allowed", "reproduce", "fig6", "--profile", "smoke", "--only", "FIG1", "--out", "x"),
    command("unexpected extra argument", "reproduce", "fig1", "fig2", "--out", "x"),
    command("Missing argument", "check"),
    command("task = '' is not allowed", "check", ""),
    command("task = 'Sets' is not allowed", "check", "Sets"),
    command("No module named 'no_such_module'", "check", "no_such_module:Chess"),
    command("it is no subclass of", "check", "json:loads"),
    command("stray is not allowed: the fields are task_seed, universe", "check", "sets", "stray"),
    command("--colour is not allowed: the fields are", "check", "sets", "--colour", "red"),
    command("--task is not allowed: the fields are", "check", "sets", "--task", "dags"),
    command("--side is not allowed: the fields are", "check", "sets", "--side", "4"),
    command("--universe is not allowed without a value", "check", "sets", "--universe"),
    command("universe = '0' is not allowed", "check", "sets", "--universe", "0"),
    command("universe = 'x' is not allowed", "check", "sets", "--universe=x"),
    command("size = 5 is not allowed: it must be at most universe = 4", "check", "sets", "--universe=4", "--size=5"),
    command("task_seed = 1 is not allowed for task hypergrid", "check", "hypergrid", "--task-seed", "1"),
    command("/nowhere.csv", "check", "dags", "--data", "/nowhere.csv"),
    command("Missing argument", "show"),
    command("'' is not allowed", "show", ""),
    command("a does not exist", "show", "a", "b"),
    command("{here}/page.md is truncated or not a Parquet file", "show", "{here}/page.md", "b", page_md="text"),
    command("a b does not exist", "show", "a\nb"),
    command("File name too long", "show", "x" * 5000),
    command("\\udcff does not exist", "show", "\udcff"),
    command("/dev/zero is no ordinary file", "show", "/dev/zero"),
    command("/dev/null is no ordinary file", "show", "/dev/null"),
    command("{here}/store holds no results", "show", "{here}/store", store=None),
    command("'' is not allowed", "verify", ""),
    command("nowhere holds no results", "verify", "nowhere"),
    command("is a file", "verify", "{here}/page.md", page_md="text"),
    command("holds no results", "verify", "{here}", page_md="text"),
    command("unexpected extra argument", "verify", "a", "b"),
    command("'/dev/zero' is not allowed: it is no regular file", "verdicts", "--write", "/dev/zero"),
    command("is a directory", "verdicts", "--write", "{here}/page.md", page_md=None),
    command("it is no regular file", "verdicts", "--write", "{here}/page.md", page_md=os.mkfifo),
    command("has no place for the findings", "verdicts", "--write", "{here}/page.md", page_md="# Page\n"),
    command("its encoding is not UTF-8", "verdicts", "--write", "{here}/page.md", page_md=b"\xe4\n"),
    command("it seems to be gzip", "verdicts", "--write", "{here}/page.md", page_md=b"\x1f\x8b\x08\x00"),
    command("unexpected extra argument", "verdicts", "page.md"),
]

# ---- environment variables ------------------------------------------------------------------------------------------

REPRODUCE = ("reproduce", "fig6", "--profile", "smoke", "--only", next(iter(runs("fig6", "smoke"))), "--out", "store")
TRAIN = ("train", *TINY, "--out", "store")
MISSPELT = ("train", "--task", "Σ")
ENVIRONMENT = [
    Case("GFN_CAPTURE=yes", TRAIN, "GFN_CAPTURE = 'yes'", 2, variables={"GFN_CAPTURE": "yes"}),
    Case("GFN_CAPTURE=01", REPRODUCE, "GFN_CAPTURE = '01'", 2, variables={"GFN_CAPTURE": "01"}),
    Case("GFN_CAPTURE with a blank", TRAIN, "GFN_CAPTURE = '1 '", 2, variables={"GFN_CAPTURE": "1 "}),
    *(
        Case(f"GFN_RESULTS {what}", ("verify",), says, 2, {"file": "text"}, {"GFN_RESULTS": value})
        for what, value, says in (
            ("is a file", "{here}/file", "{here}/file holds no results"),
            ("is nowhere", "/nowhere", "/nowhere holds no results"),
            ("is under a file", "{here}/file/store", "{here}/file/store holds no results"),
            ("is a device", "/dev/null", "/dev/null holds no results"),
        )
    ),
    *(
        Case(f"GFN_RESULTS {what}, to write", (), says, 2, {"file": "text"}, {"GFN_RESULTS": value}, ("fig8", {}))
        for what, value, says in (
            ("is a file", "{here}/file", "out = '{here}/file' is not allowed"),
            ("is under a file", "{here}/file/store", "out = '{here}/file/store' is not allowed"),
            ("is a device", "/dev/null", "out = '/dev/null' is not allowed"),
            ("is too long", "x" * 300, "File name too long"),
            ("is in /proc", "/proc/store", "out = '/proc/store' is not allowed"),
        )
    ),
    *(
        Case(f"GFN_DATA_OUT {what}", (), says, 2, {"file": "text"}, {"GFN_DATA_OUT": value}, ("fig8", {}))
        for what, value, says in (
            ("is a file", "{here}/file", "GFN_DATA_OUT = '{here}/file' is not allowed"),
            ("is under a file", "{here}/file/data", "GFN_DATA_OUT = '{here}/file/data' is not allowed"),
            ("is a device", "/dev/null", "GFN_DATA_OUT = '/dev/null' is not allowed"),
            ("is too long", "x" * 300, "File name too long"),
        )
    ),
    Case("GFN_CAPTURE=yes of a notebook", (), "GFN_CAPTURE = 'yes'", 2, {}, {"GFN_CAPTURE": "yes"}, ("fig8", {})),
    *(
        Case(f"PYTHONIOENCODING={encoding}", MISSPELT, says, 2, variables={"PYTHONIOENCODING": encoding})
        for encoding, says in (
            ("ascii", "task = '\\u03a3' is not allowed"),
            ("latin-1", "task = '\\u03a3' is not allowed"),
            ("ascii:strict", "task = '\\u03a3' is not allowed"),
            ("cp1253", "task = 'Σ' is not allowed"),
            ("utf-16-le", "task = 'Σ' is not allowed"),
        )
    ),
    *(
        Case(f"{name}={value}", MISSPELT, "task = 'Σ' is not allowed", 2, variables={name: value})
        for name, value in (
            ("COLUMNS", "none"),
            ("COLUMNS", "1"),
            ("LANG", "nowhere"),
            ("HOME", "/nowhere"),
            ("TMPDIR", "/nowhere"),
            ("JPY_SESSION_NAME", "x"),
            ("_GFN_COMPLETE", "nothing"),
        )
    ),
]

# ---- parameters of notebooks ----------------------------------------------------------------------------------------


def page(figure: str, says: str, **values: Any) -> Case:
    return Case(f"{figure}: {', '.join(f'{k}={v!r:.40}' for k, v in values.items())}", (), says, page=(figure, values))


PARAMETERS = [
    page("fig1", "profile = 'large'", profile="large"),
    page("fig1", "profile = None", profile=None),
    page("fig1", "profile = ''", profile=""),
    page("fig1", "profile = 1", profile=1),
    page("fig1", "profile = ['smoke']", profile=["smoke"]),
    page("fig1", "profile = {'smoke': 1}", profile={"smoke": 1}),
    page("fig1", "device = 'cuda:99'", device="cuda:99"),
    page("fig1", "device = 0", device=0),
    page("fig1", "device = ''", device=""),
    page("fig1", "unknown parameter 'seed'", seed=3),
    page("fig1", "unknown parameter 'Seeds'", Seeds=[3]),
    page("fig1", "unknown parameter 'batchsize'", batchsize=None),
    page("fig1", "unknown parameter 'task'", task="sets"),
    page("fig1", "seeds = () is not allowed", seeds=[]),
    page("fig1", "seeds = () is not allowed", seeds=""),
    page("fig1", "seeds = (0, 0)", seeds=[0, 0]),
    page("fig1", "seeds.0 = -1", seeds=[-1]),
    page("fig1", "seeds.0 = 0.5", seeds=0.5),
    page("fig1", "seeds.1 = ''", seeds="0,,1"),
    page("fig1", "seeds.0 = '0;1'", seeds="0;1"),
    page("fig1", "seeds.0 = '[0'", seeds="[0, 1"),
    page("fig1", "seeds.1 = 'one'", seeds=[0, "one"]),
    page("fig1", "seeds.1 = None", seeds=[0, None]),
    page("fig1", "seeds.1 = [1]", seeds=[0, [1]]),
    page("fig1", "seeds = True", seeds=True),
    page("fig1", "seeds = [True, False]", seeds=[True, False]),
    page("fig1", f"seeds.0 = {2**63}", seeds=[2**63]),
    page("fig1", "seeds = {", seeds={"a": 1}),
    page("fig1", "seeds = <", seeds=print),
    page("fig1", "iterations = 0", iterations=0),
    page("fig1", "iterations = -1", iterations=-1),
    page("fig1", "iterations = True", iterations=True),
    page("fig1", "iterations = '3.5'", iterations="3.5"),
    page("fig1", "iterations = 3.5", iterations=3.5),
    page("fig1", "iterations = 'ten'", iterations="ten"),
    page("fig1", "iterations = [10]", iterations=[10]),
    page("fig1", f"iterations = {10**9}", iterations=10**9),
    page("fig1", "iterations = nan", iterations=float("nan")),
    page("fig1", "iterations = inf", iterations=float("inf")),
    page("fig1", "iterations = <", iterations=len),
    page("fig1", "iterations = <module", iterations=os),
    page("fig1", "batch_size = 1", batch_size=1),
    page("fig1", "learning_rate = 0", learning_rate=0),
    page("fig3", "learning_rate = -0.1", learning_rate=-0.1),
    page("fig8", "learning_rate = 'fast'", learning_rate="fast"),
    page("draws", "learning_rate = nan", learning_rate=float("nan")),
    page("which", "learning_rate = inf", learning_rate=float("inf")),
    page("table1", "learning_rate = True", learning_rate=True),
    page("fig2", "unknown parameter 'learning_rate'", learning_rate=0.01),
    page("fig1", "batch_size = ''", batch_size=""),
    page("fig1", f"batch_size = {10**7}", batch_size=10**7),
    page("fig1", "iterations = 10000000 is not allowed", profile="paper", batch_size=10**6, iterations=10**7),
    page("fig1", "alpha = 1", alpha=[1.0]),
    page("fig1", "alpha = 0", alpha=0),
    page("fig1", "alpha.1 = nan", alpha=[0.5, float("nan")]),
    page("fig1", "alpha.0 = 'half'", alpha="half"),
    page("fig1", "alpha = []", alpha=[]),
    page("fig3", "alpha = [0.5]", alpha=[0.5]),
    page("fig3", "alpha = True", alpha=True),
    page("fig2", "batch_size.0 = 1", batch_size=[1, 2]),
    page("fig2", "batch_size = []", batch_size=[]),
    page("fig2", "replicates = 1", replicates=1),
    page("fig2", f"replicates = {10**12} is not allowed here", replicates=10**12),
    page("fig2", f"batch_sizes = (2, {10**12}) is not allowed here", batch_size=[2, 10**12]),
    page("fig2", f"warmup = (0, {10**12}) is not allowed", stages=[0, 10**12]),
    page("fig2", "stages.0 = -1", stages=[-1]),
    page("fig2", "stages = []", stages=[]),
    page("fig5", f"samples = {10**12} is not allowed here", samples=10**12),
    page("fig5", "samples", samples=1),
    page("fig5", "early", early=-1),
    page("fig8", "batch_size.0 = 1", batch_size=[1]),
    page("exact", "epsilon.0 = -1", epsilon=[-1.0]),
    page("exact", "epsilon = []", epsilon=[]),
    page("exact", f"replicates = {10**12} is not allowed here", replicates=10**12),
    page("tasks", "trees = 0", trees=0),
    page("tasks", "trees = 17", trees=17),
    page("tasks", "unknown parameter 'seeds'", seeds=[0]),
    page("verdicts", "unknown parameter 'iterations'", iterations=3),
    Case("a run of fig1 fails", (), "the gradient is not finite", 1, page=("fig1", {"alpha": 1e300})),
]

# ---- tables and alignments ------------------------------------------------------------------------------------------

ROWS = "1.5,2.25,-3\n4,5.5,6\n7.5,8,9.25\n0.5,1,7\n2,2.5,1\n"


def table(name: str, says: str, content: str | bytes) -> Case:
    arguments = ("train", "--task", "dags", "--data", "{here}/x.csv", "--out", "store")
    return Case(f"CSV: {name}", arguments, says, files={"x.csv": content})


def alignment(name: str, says: str, content: str | bytes) -> Case:
    arguments = ("train", "--task", "phylogenetics", "--alignment", "{here}/x.fasta", "--out", "store")
    return Case(f"alignment: {name}", arguments, says, files={"x.fasta": content})


def numbered(start: int, head: str) -> str:
    return "\n".join([head, *(f"{start + k},{row}" for k, row in enumerate(ROWS.split()))])


TABLES = [
    table("R's row names", "leave row numbers out", numbered(1, '"","a","b","c"')),
    table("pandas' index", "leave row numbers out", numbered(0, ",a,b,c")),
    table("an index with a name", "leave row numbers out", numbered(0, "id,a,b,c")),
    table("an index without any names", "leave row numbers out", numbered(1, "7,1,2,3").split("\n", 1)[1]),
    table("an index of numbers with points", "leave row numbers out", "0.0,3,1\n1.0,2,7\n2.0,9,2\n3.0,4,4\n"),
    table("row names of R's write.table", "row 2 has 4 cells, where row 1 has 3", numbered(1, "a,b,c")),
    table("semicolons", "semicolons seem to separate", ROWS.replace(",", ";")),
    table("semicolons and decimal commas", "semicolons seem to separate", ROWS.replace(",", ";").replace(".", ",")),
    table("a line that names the separator", "semicolons seem to separate", "sep=;\n" + ROWS.replace(",", ";")),
    table("tabs", "tabs seem to separate", ROWS.replace(",", "\t")),
    table("bars", "bars seem to separate", ROWS.replace(",", "|")),
    table("blanks", "blanks seem to separate", ROWS.replace(",", " ")),
    table("colons", "row 1 holds '1.5:2.25:-3'", ROWS.replace(",", ":")),
    table("numbers as names", "row 1 may be a line of names", "0,1,2\n" + ROWS),
    table("quoted numbers as names", "row 1 may be a line of names", '"2019","2020","2021"\n' + ROWS),
    table("a comment", "is not allowed: ", "# measured\n" + ROWS),
    table("a missing cell", "row 2, column 2 is empty", ROWS.replace("5.5", "")),
    table("NaN", "holds 'NaN'", ROWS.replace("5.5", "NaN")),
    table("NA", "holds 'NA'", ROWS.replace("5.5", "NA")),
    table("infinite", "holds '-inf'", ROWS.replace("5.5", "-inf")),
    table("text", "holds 'high'", ROWS.replace("5.5", "high")),
    table("a unit", "holds '5.5 cm'", ROWS.replace("5.5", "5.5 cm")),
    table("a date", "holds '2024-01-02'", ROWS.replace("5.5", "2024-01-02")),
    table("a decimal comma", "use points in numbers", ROWS.replace("5.5", '"5,5"')),
    table("hexadecimal", "holds '0x10'", ROWS.replace("5.5", "0x10")),
    table("a number over two lines", "which is not a number", 'a,b\n"1\n2",3\n4,1\n9,2\n'),
    table("a number over two lines of the first row", "row 1, column 1 holds '1\\n2'", '"1\n2","3\n"\n4,1\n9,2\n'),
    table("a missing number over two lines", "column 2 is empty", 'a,b\n1,"\n"\n4,1\n9,2\n'),
    table("a line of names within quotes", "row 2, column 1 holds 'a\\n1'", 'x,y\n"a\n1",2\n4,1\n9,2\n'),
    table("semicolons below a quoted name of two lines", "',' expected after", '"a\nb";"c"\n1;2\n3;4\n'),
    table("beyond double", "inf is not allowed", ROWS.replace("5.5", "1e999")),
    table("large", "choose another unit", ROWS.replace("5.5", "1e200")),
    table("small", "choose another unit", "a,b\n2,1e-200\n3,-3e-200\n9,1e-200\n"),
    table("a constant", "column 2 is constant", "a,b\n1,2\n3,2\n9,2\n"),
    table("nearly a constant", "column 1 is constant up to rounding", "a,b\n1.1,2\n1.1000000000000003,3\n1.1,9\n"),
    table("a sum", "linearly dependent", "a,b,c\n1,2,3\n3,1,4\n9,2,11\n0,5,5\n2,2,4\n"),
    table("repeated names", "two of its columns are named 'a'", "a,b,a\n" + ROWS),
    table("a short row", "row 2 has 2 cells", ROWS.replace("5.5,", "")),
    table("a long row", "row 2 has 4 cells", ROWS.replace("5.5,", "5.5,5.5,")),
    table("too few rows", "samples = 3 is not allowed", "".join(ROWS.splitlines(True)[:3])),
    table("one column", "nodes = 1 is not allowed", "a\n1\n3\n9\n"),
    table("names alone", "at least 1 item", "a,b,c\n"),
    table("nothing", "it has no columns", ""),
    table("empty lines", "it has no columns", "\n\n\n"),
    table("an open quote", "unexpected end of data", f'a,b,c\n"{ROWS}'),
    table("UTF-16", "it seems to be UTF-16", ROWS.encode("utf-16")),
    table("UTF-16 without a mark", "it seems to be UTF-16", ROWS.encode("utf-16-le")),
    table("Latin-1", "its encoding is not UTF-8 (byte 0xf6 at position 2)", f"größe,b,c\n{ROWS}".encode("latin-1")),
    table("an archive", "it seems to be zip", b"PK\x03\x04" + ROWS.encode()),
    table("compressed", "it seems to be gzip", b"\x1f\x8b\x08\x00"),
    table("a spreadsheet", "its encoding is not UTF-8", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    Case("CSV: a folder", ("train", "--task", "dags", "--data", "{here}"), "is a directory"),
    Case("CSV: a pipe", ("train", "--task", "dags", "--data", "{here}/x"), "no regular file", files={"x": os.mkfifo}),
    Case("CSV: endless", ("train", "--task", "dags", "--data", "/dev/zero"), "no regular file"),
    Case("CSV: remote", ("train", "--task", "dags", "--data", "https://example.org/x.csv"), "no such file"),
    Case(
        "CSV: with a task seed",
        ("train", "--task", "dags", "--data", "{here}/x", "--task-seed", "1"),
        "task_seed = 1 is not allowed beside data",
        files={"x": ROWS},
    ),
    Case(
        "CSV: of another size",
        ("train", "--task", "dags", "--data", "{here}/x", "--nodes", "5"),
        "nodes = 5",
        files={"x": ROWS},
    ),
]

FASTA = ">a\nACGTAC\n>b\nAC-TAA\n>c\nACNTA?\n"
MATRIX = "a ACGTAC\nb AC-TAA\nc ACNTA?"


def nexus(matrix: str = MATRIX, form: str = "datatype=dna gap=-", sizes: str = "ntax=3 nchar=6", more: str = "") -> str:
    return f"#NEXUS\nbegin data;\ndimensions {sizes};\nformat {form};\nmatrix\n{matrix}\n;\nend;\n{more}"


ALIGNMENTS = [
    alignment("nothing", "it must be a FASTA file", ""),
    alignment("text", "it must be a FASTA file", "ACGT\n"),
    alignment("PHYLIP", "it must be a FASTA file", "3 6\na ACGTAC\nb AC-TAA\nc ACNTA?\n"),
    alignment("Clustal", "it must be a FASTA file", f"CLUSTAL W\n\n{MATRIX}\n"),
    alignment("two taxa", "alignment of 2 taxa is not allowed", ">a\nACG\n>b\nACG\n"),
    alignment("63 taxa", "alignment of 63 taxa is not allowed", "".join(f">t{k}\nACG\n" for k in range(63))),
    alignment("a short row", "taxon 'c' has 5 sites where 'a' has 6", FASTA.replace("ACNTA?", "ACNTA")),
    alignment("an empty row", "taxon 'c' must have sites", FASTA.replace("ACNTA?", "")),
    alignment("no name", "row 2 must have a name", FASTA.replace(">b", ">")),
    alignment("the same name", "two taxa named 'a'", FASTA.replace(">b", ">a")),
    alignment("names cut at blanks", "write underscores", FASTA.replace(">a", ">a x").replace(">b", ">a y")),
    alignment("protein", "it cannot be DNA", ">a\nMKTAYNVRHW\n>b\nMKTAYNVRHS\n>c\nMKTAYHVRHW\n"),
    alignment("a stop", "character '*' of taxon 'b'", FASTA.replace("AC-", "AC*")),
    alignment("a digit", "character '1' of taxon 'b'", FASTA.replace("AC-", "AC1")),
    alignment("a dot", "character '.' of taxon 'b'", FASTA.replace("AC-", "AC.")),
    alignment("positions", "character '1' of taxon 'a'", FASTA.replace("ACGTAC", "1 ACGTAC")),
    alignment("a letter whose capital is S", "character", FASTA.replace("AC-", "ACſ")),
    alignment("a letter with two capitals", "character", FASTA.replace("ACG", "ßG").replace("?", "A")),
    alignment("a letter whose small one is k", "character '\u212a'", FASTA.replace("AC-", "AC\u212a")),
    alignment("wide letters", "character 'Ａ'", FASTA.replace("ACG", "ＡCG")),
    alignment("Latin-1", "its encoding is not UTF-8", ">größe\nACG\n".encode("latin-1")),
    alignment("UTF-16", "it seems to be UTF-16", FASTA.encode("utf-16")),
    alignment("compressed", "it seems to be gzip", b"\x1f\x8b\x08"),
    alignment("nothing in NEXUS", "its blocks hold no data matrix", "#NEXUS\n"),
    alignment("protein in NEXUS", "its datatype is protein", nexus(form="datatype=protein")),
    alignment("standard characters", "its datatype is standard", nexus(form="datatype=standard")),
    alignment("symbols", "the symbols 0 1", nexus(form='symbols="01"')),
    alignment("equate", "its format has equate", nexus(form='equate="x=A"')),
    alignment("transpose", "its format has transpose", nexus(form="transpose")),
    alignment("a base for a gap", "gap = a, which must be one character", nexus(form="gap=A")),
    alignment("columns left out", "its command exclude selects", nexus(more="begin paup; exclude 1-3; end;")),
    alignment("sets of columns", "its command exset selects", nexus(more="begin assumptions; exset * x = 1; end;")),
    alignment("taxa left out", "its command delete selects", nexus(more="begin paup; delete a; end;")),
    alignment("weights", "weights", nexus(more="begin paup; weights 2:1-3; end;")),
    alignment("sets of weights", "wtset", nexus(more="begin assumptions; wtset * x = 2:1; end;")),
    alignment("weights before the matrix", "weights", nexus().replace("matrix", "Weights 2:1-3;\nmatrix")),
    alignment("a short last row", "taxon 'c' has 5 sites where nchar = 6", nexus(MATRIX[:-1])),
    alignment("nchar too large", "where nchar = 9", nexus(sizes="ntax=3 nchar=9")),
    alignment("nchar too small", "where nchar = 5", nexus(sizes="ntax=3 nchar=5")),
    alignment("nchar endless", "nchar", nexus(sizes=f"ntax=3 nchar={'9' * 5000}")),
    alignment("ntax of ten digits", "ntax = 100000000…", nexus(sizes="ntax=1000000003 nchar=6")),
    alignment("ntax too large", "where ntax = 4", nexus(sizes="ntax=4 nchar=6")),
    alignment("ntax too small", "where ntax = 2", nexus(sizes="ntax=2 nchar=6")),
    alignment("ntax none", "where ntax = 0", nexus(sizes="ntax=0 nchar=6")),
    alignment("no sizes", "must state ntax and nchar", nexus(sizes="newtaxa")),
    alignment("a gap that is a match", "gap", nexus(form="gap=- matchchar=-")),
    alignment("what is missing is a match", "matchchar = n, which must", nexus(form="missing=N matchchar=n")),
    alignment("a question mark is a match", "matchchar = ?, which must", nexus(form="matchchar=?")),
    alignment("interleave=maybe", "interleave = maybe", nexus(form="interleave=maybe")),
    alignment("interleave=1", "interleave = 1, which must be yes or no", nexus(form="interleave=1")),
    alignment("interleave=true", "interleave = true, which must", nexus(form="interleave = True")),
    alignment("blocks not declared", "is not allowed", nexus("a ACG\nb AC-\nc ACN\na TAC\nb TAA\nc TA?")),
    alignment(
        "a stranger in a later block", "has 'd'", nexus("a ACG\nb AC-\nc ACN\nd TAC\nb TAA\nc TA?", "interleave")
    ),
    alignment("a blank in a name", "a name with blanks needs quotes", nexus(MATRIX.replace("b ", "b x "))),
    alignment(
        "a match in the first row", "the match character '.'", nexus("a .CGTAC\nb AC-TAA\nc ACNTA?", "matchchar=.")
    ),
    alignment("an open comment", "its last comment has no end", nexus() + "["),
    alignment("an open quote", "its last quoted name has no end", nexus(MATRIX.replace("b ", "b' "))),
    alignment("no semicolon", "its last command 'matrix' has no end", nexus().split("\n;")[0]),
    alignment("two matrices", "two data matrices", nexus() + nexus().removeprefix("#NEXUS")),
    alignment("polymorphism", "character '{'", nexus("a A{CG}GTC\nb AC-TAAAA\nc ACNTA?AA", sizes="ntax=3 nchar=8")),
]

# ---- stored files ---------------------------------------------------------------------------------------------------

SPEC = TrainingSpec(
    task=Sets(universe=4, size=2), policy=PolicySettings(hidden=(4,)), seeds=(0, 1), iterations=2, batch_size=4
)
RECORDS = [
    {"iteration": iteration, "trajectories": 4 * iteration, "seconds": 0.1, "metric": "l1", "seed": seed, "value": 0.5}
    for iteration in (0, 2)
    for seed in (0, 1)
]


def stored(records: Callable[[list], list] = list, spec: Any = SPEC) -> Callable[[Path], None]:
    """A run of any specification with a right checksum, whose records were changed before."""
    return lambda path: write_run(path, spec, records(RECORDS))


def foreign(about: Any, table: pa.Table | None = None) -> Callable[[Path], None]:
    """A table with other metadata."""
    held = pa.Table.from_pylist([], SCHEMA) if table is None else table
    content = about if isinstance(about, bytes) else json.dumps(about).encode()
    return lambda path: pq.write_table(held.replace_schema_metadata({METADATA_KEY: content}), path)


def cut(path: Path) -> None:
    stored()(path)
    path.write_bytes(path.read_bytes()[:-30])


def flipped(path: Path) -> None:
    stored()(path)
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)


def loop(path: Path) -> None:
    path.symlink_to(path)


def dangling(path: Path) -> None:
    path.symlink_to("nothing")


NAME = result_path(SPEC, Path("store")).name
OTHER = "0123456789abcdef.parquet"
DUMPED = json.loads(SPEC.model_dump_json())
STORED: dict[str, tuple[str, Content, str]] = {
    "nothing": ("run.parquet", "", "is truncated or not a Parquet file"),
    "text": ("run.parquet", "seed,value\n", "is truncated or not a Parquet file"),
    "four letters": ("run.parquet", "PAR1", "is truncated or not a Parquet file"),
    "letters around nothing": ("run.parquet", b"PAR1" + bytes(64) + b"PAR1", "is truncated or not a Parquet file"),
    "cut": ("run.parquet", cut, "is truncated or not a Parquet file"),
    "flipped": ("run.parquet", flipped, "is damaged or was edited"),
    "a folder": ("run.parquet", None, "run.parquet "),
    "a pipe": ("run.parquet", os.mkfifo, "is no ordinary file"),
    "a link to itself": ("run.parquet", loop, "run.parquet"),
    "a link to nothing": ("run.parquet", dangling, "does not exist"),
    "another name": (OTHER, stored(), "holds another run than its name says"),
    "metadata of nobody": ("run.parquet", foreign({}), "is not a result of this project"),
    "metadata that are a list": ("run.parquet", foreign([1]), "is not a result of this project"),
    "metadata that are a number": ("run.parquet", foreign(1), "is not a result of this project"),
    "metadata in Latin-1": ("run.parquet", foreign(b"\xe4"), "is not a result of this project"),
    "metadata that nest": ("run.parquet", foreign(b'{"spec": ' + b"[" * 99_999), "is not a result of this project"),
    "a specification that is none": ("run.parquet", foreign({"spec": None}), "is of another version"),
    "a specification of no kind": ("run.parquet", foreign({"spec": DUMPED | {"kind": "other"}}), "another version"),
    "an unknown setting": ("run.parquet", foreign({"spec": DUMPED | {"momentum": 1}}), "unknown setting"),
    "an impossible setting": ("run.parquet", foreign({"spec": DUMPED | {"iterations": -1}}), "iterations = -1"),
    "a setting that is no number": (
        "run.parquet",
        foreign(json.dumps({"spec": DUMPED}).replace('"learning_rate": 0.001', '"learning_rate": NaN').encode()),
        "another version",
    ),
    "a specification that opens a file": (
        "run.parquet",
        foreign({"spec": DUMPED | {"task": {"task": "dags", "data": "/etc/passwd"}}}),
        "task.data = '/etc/passwd' is not allowed in a specification",
    ),
    "no checksum": ("run.parquet", foreign({"spec": DUMPED, "status": "complete"}), "it has no checksum"),
    "other columns": ("run.parquet", foreign({"spec": DUMPED}, pa.table({"seed": [1]})), "its columns are seed"),
    "a failed run": (
        "run.parquet",
        lambda path: write_run(path, SPEC, RECORDS, status="failed"),
        "is the part of a run that failed",
    ),
    "records repeated": ("run.parquet", stored(lambda rows: rows * 2), "records are repeated"),
    "records missing": ("run.parquet", stored(lambda rows: rows[:-1]), "not every seed has every metric"),
    "a seed missing": ("run.parquet", stored(lambda rows: [r for r in rows if r["seed"]]), "its seeds are"),
    "no seeds": ("run.parquet", stored(lambda rows: [r | {"seed": None} for r in rows]), "its seeds are"),
    "no metrics": (
        "run.parquet",
        stored(lambda rows: [r | {"metric": None} for r in rows]),
        "records without a metric",
    ),
    "other iterations": ("run.parquet", stored(lambda rows: [r | {"iteration": 1} for r in rows]), ""),
    "NaN": ("run.parquet", stored(lambda rows: [*rows[1:], rows[0] | {"value": float("nan")}]), "not a finite number"),
    "no density": ("run.parquet", stored(spec=SPEC.model_copy(update={"task": GaussianMixture(), "density": 8})), "64"),
}
HUGE = {
    "a network": SPEC.model_copy(update={"policy": PolicySettings(hidden=(65536,) * 9)}),
    "a training": TrainingSpec(task=Sets(universe=1024, size=512), iterations=10**7, evaluate_every=10**7),
    "a measurement": GradientSpec(task=SPEC.task, objectives=(Objective(),), replicates=10**12),
}


def stores() -> Iterator[Case]:
    """Damaged files, shown and made again."""
    for what, (name, content, says) in STORED.items():
        path = f"store/{name}"
        yield Case(f"show: {what}", ("show", f"{{here}}/{path}"), says, files={path: content})
        yield Case(f"verify: {what}", ("verify", "{here}/store"), says, files={path: content})
    for name in ("sample", "plot --of edges"):
        says = "of = edges is not allowed for task sets" if "plot" in name else "was not kept: gfn train with"
        asked = (*name.split(), "{here}/run.parquet")
        yield Case(f"{name}: a run without its policy", asked, says, files={"run.parquet": stored()})
        yield Case(f"{name}: no run", (*name.split(), "none"), "none does not exist")
        yield Case(f"{name}: nothing", tuple(name.split()), "Missing argument")
    for what, spec in HUGE.items():
        path = f"store/{spec.hash}.parquet"
        asked = ("verify", "{here}/store")
        yield Case(
            f"verify: {what} without end", asked, "cannot be made again", files={path: stored(lambda rows: [], spec)}
        )
    for what, content in {"a folder": None, "a pipe": os.mkfifo}.items():
        yield Case(f"train: {what} in its place", TRAIN, f"store/{NAME} is ", files={f"store/{NAME}": content})
    for what, content in {"a file": "text", "a link to itself": loop, "a pipe": os.mkfifo}.items():
        says = "'{here}/store'"
        asked = ("train", *TINY, "--out", "{here}/store")
        yield Case(f"train: the store is {what}", asked, says, files={"store": content})
        asked = ("reproduce", "fig6", "--profile", "smoke", "--out", "{here}/store")
        yield Case(f"reproduce: the store is {what}", asked, says, files={"store": content})


CASES = [*flags(), *LINES, *ENVIRONMENT, *PARAMETERS, *TABLES, *ALIGNMENTS, *stores()]
