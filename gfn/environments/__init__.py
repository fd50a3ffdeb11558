"""The tasks of the paper, one file each."""

from __future__ import annotations

from typing import Annotated, Union

from pydantic import Field

from gfn.environments.banana import Banana
from gfn.environments.base import DiscreteEnvironment, Environment
from gfn.environments.dags import DAGs
from gfn.environments.gaussian_mixture import GaussianMixture
from gfn.environments.hypergrid import Hypergrid
from gfn.environments.phylogenetics import Phylogenetics
from gfn.environments.planar import PlanarEnvironment
from gfn.environments.sequences import Sequences
from gfn.environments.sets import Sets

TASKS: dict[str, type[Environment]] = {
    "sets": Sets,
    "sequences": Sequences,
    "phylogenetics": Phylogenetics,
    "hypergrid": Hypergrid,
    "dags": DAGs,
    "gaussian_mixture": GaussianMixture,
    "banana": Banana,
}

Task = Annotated[Union[tuple(TASKS.values())], Field(discriminator="task")]

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
]
