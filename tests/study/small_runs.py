"""Small runs of every task whose policies are kept."""

from __future__ import annotations

from gfn.environments import Banana, DAGs, Hypergrid, Phylogenetics, Sequences, Sets
from gfn.policies import PolicySettings
from gfn.runs.spec import TrainingSpec
from gfn.study.results import result_path

ALIGNED = (("a", "ACGTAC"), ("b", "ACTTAA"), ("c", "CCATAC"), ("d", "CCATGG"), ("o'e", "GCATGC"))
TASKS = {
    "sets": Sets(universe=5, size=2),
    "sequences": Sequences(alphabet=3, length=3),
    "phylogenetics": Phylogenetics(alignment=ALIGNED),
    "dags": DAGs(nodes=3),
    "hypergrid": Hypergrid(side=3),
    "banana": Banana(),
}
LEARNED = ("sets", "dags")


def spec_of(task, seeds=(3, 1), **others):
    backward = "learned" if task.task in LEARNED else "uniform"
    shape = PolicySettings(hidden=(4,), gin_width=4, components=2, backward=backward)
    few = {"iterations": 2, "batch_size": 4, "evaluate_every": 2, "resolution": 8, "policy": shape}
    return TrainingSpec(task=task, seeds=seeds, **few, **others)


def path_of(name, store):
    return result_path(spec_of(TASKS[name]), store)
