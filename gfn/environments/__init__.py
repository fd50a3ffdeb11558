"""The tasks of the paper, one file each, and how tasks of one's own join them."""

from gfn.environments.banana import Banana
from gfn.environments.base import DiscreteEnvironment, Environment
from gfn.environments.dags import DAGs
from gfn.environments.gaussian_mixture import GaussianMixture
from gfn.environments.hypergrid import Hypergrid
from gfn.environments.phylogenetics import Phylogenetics
from gfn.environments.planar import PlanarEnvironment
from gfn.environments.registry import TASKS, Task, load_task
from gfn.environments.sequences import Sequences
from gfn.environments.sets import Sets

__all__ = [
    "TASKS",
    "Banana",
    "DAGs",
    "DiscreteEnvironment",
    "Environment",
    "GaussianMixture",
    "Hypergrid",
    "Phylogenetics",
    "PlanarEnvironment",
    "Sequences",
    "Sets",
    "Task",
    "load_task",
]
