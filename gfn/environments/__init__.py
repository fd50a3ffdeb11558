"""The tasks of the paper, harder continuous ones and digits, one file each, and how tasks of one's own join them."""

from gfn.environments.banana import Banana
from gfn.environments.base import DiscreteEnvironment, Environment
from gfn.environments.continuous import ContinuousEnvironment
from gfn.environments.dags import DAGs
from gfn.environments.digits import Digits
from gfn.environments.funnel import Funnel
from gfn.environments.gaussian_mixture import GaussianMixture
from gfn.environments.hypergrid import Hypergrid
from gfn.environments.many_well import ManyWell
from gfn.environments.phylogenetics import Phylogenetics
from gfn.environments.planar import PlanarEnvironment
from gfn.environments.random_mixture import RandomMixture
from gfn.environments.registry import PAPER_TASKS, TASKS, Task, load_task
from gfn.environments.sequences import Sequences
from gfn.environments.sets import Sets

__all__ = [
    "PAPER_TASKS",
    "TASKS",
    "Banana",
    "ContinuousEnvironment",
    "DAGs",
    "Digits",
    "DiscreteEnvironment",
    "Environment",
    "Funnel",
    "GaussianMixture",
    "Hypergrid",
    "ManyWell",
    "Phylogenetics",
    "PlanarEnvironment",
    "RandomMixture",
    "Sequences",
    "Sets",
    "Task",
    "load_task",
]
