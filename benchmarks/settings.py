"""What is measured, at two scales: all tasks, sizes and numbers of rounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from gfn.environments import DAGs, Environment, Hypergrid, Phylogenetics, Sequences, Sets
from gfn.runs.objective import Objective
from gfn.study.experiments.tasks import estimator, paper_tasks
from gfn.study.paper import CONTROL_VARIATES, DIVERGENCES, OBJECTIVES

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "bench"
RESULTS = ROOT / "data" / "benchmarks.json"
PAGE = ROOT / "book" / "guide" / "speed.md"
PICTURE = ROOT / "book" / "_static" / "speed.svg"

BATCH, HIDDEN, GIN_WIDTH = 128, (128, 128), 64
WARMUP = 3  # iterations before anything is timed
SQUARE = 1024  # side of the matrices whose product sets the arithmetic limit
STILL = 1e-12  # a step size at which policies stay where they start


@dataclass(frozen=True)
class Scale:
    """How thoroughly to measure.

    Attributes:
        profile: of the experiments whose tasks are measured.
        rounds: how often those that are compared take turns.
        seconds: about how long the slowest of them runs in each turn.
        evaluations: how often a policy is evaluated.
    """

    profile: str
    rounds: int
    seconds: float
    evaluations: int

    @property
    def quick(self) -> bool:
        """Whether this only shows that everything works."""
        return self.profile == "smoke"


FULL = Scale(profile="paper", rounds=15, seconds=0.2, evaluations=5)
QUICK = Scale(profile="smoke", rounds=3, seconds=0.05, evaluations=2)


@dataclass(frozen=True)
class Comparison:
    """Trajectory balance on one task, by this package and by others that have the task.

    Attributes:
        seeds: how many are trained together here; the others train one.
    """

    task: str
    batch: int
    contenders: tuple[str, ...]
    seeds: int = 1

    def __str__(self) -> str:
        return f"{self.task} {self.batch}" + (f" {self.seeds} seeds" if self.seeds > 1 else "")


GFNX = ("gfnx", "gfnx, one pass")
COMPARISONS = (
    Comparison("sets", BATCH, ("torchgfn",)),
    Comparison("sets", BATCH, ("torchgfn",), seeds=10),
    Comparison("hypergrid", 16, ("torchgfn", *GFNX)),
    Comparison("hypergrid", BATCH, ("torchgfn", *GFNX)),
    Comparison("phylogenetics", BATCH, GFNX),
    Comparison("dags", BATCH, GFNX),
    Comparison("sequences", BATCH, GFNX),
)
# Small tasks measure nothing of interest against others, so comparisons have the paper's sizes at both scales.
COMPARED = paper_tasks("paper")

COSTED = ("sets", "sequences", "hypergrid", "dags", "phylogenetics")


def objectives() -> dict[str, Objective]:
    """Every objective with every control variate that it takes, by its name on the page."""
    found = {}
    for name in OBJECTIVES:
        for variate in CONTROL_VARIATES if name in DIVERGENCES else (None,):
            found[f"{name} {variate}" if variate else name] = estimator(name, variate or "none")
    return found


@dataclass(frozen=True)
class Size:
    """One size of what grows: its axis, its value in words, and what differs from the default training."""

    axis: str
    value: str
    changes: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        return f"{self.axis} {self.value}"

    def spec(self) -> dict[str, Any]:
        """The fields of the training's specification."""
        return training(Sets()) | dict(self.changes)


def training(task: Environment, **changes: Any) -> dict[str, Any]:
    """Fields of the specification of the default training: trajectory balance, one seed."""
    policy = {"hidden": HIDDEN, "gin_width": GIN_WIDTH}
    return {"task": task, "seeds": (0,), "batch_size": BATCH, "policy": policy} | changes


def random_alignment(taxa: int, sites: int = 25) -> tuple[tuple[str, str], ...]:
    """Aligned DNA of any number of taxa: each is a copy of an earlier one with a fifth of its sites drawn anew."""
    draw = Random(0)
    rows = ["".join(draw.choices("ACGT", k=sites))]
    while len(rows) < taxa:
        rows.append("".join(draw.choice("ACGT") if draw.random() < 0.2 else base for base in draw.choice(rows)))
    return tuple((f"t{number}", row) for number, row in enumerate(rows, 1))


def sizes(scale: Scale) -> list[Size]:
    """All sizes, in the order in which each axis grows; the first two of each at the quick scale."""
    axes = {
        "batch": [(str(n), {"batch_size": n}) for n in (16, 64, 128, 256, 1024, 4096)],
        "seeds": [(str(n), {"seeds": tuple(range(n))}) for n in (1, 3, 10, 30)],
        "network width": [(f"2 × {n}", {"policy": {"hidden": (n, n)}}) for n in (32, 64, 128, 256, 512)],
        "set size": [(f"{n} choose {n // 2}", {"task": Sets(universe=n, size=n // 2)}) for n in (16, 32, 64, 128, 256)],
        "hypergrid": [
            (" × ".join([str(side)] * d), {"task": Hypergrid(side=side, dimensions=d)})
            for d, side in ((2, 12), (2, 20), (3, 20), (4, 20))
        ],
        "taxa": [(str(n), {"task": Phylogenetics(alignment=random_alignment(n))}) for n in (7, 12, 17, 22, 27)],
        "DAG nodes": [(str(n), {"task": DAGs(nodes=n)}) for n in (5, 10, 15, 20)],
        "word length": [(str(n), {"task": Sequences(length=n)}) for n in (6, 12, 24)],
    }
    return [
        Size(axis, value, tuple(changes.items()))
        for axis, values in axes.items()
        for value, changes in (values[:2] if scale.quick else values)
    ]
