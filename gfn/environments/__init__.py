"""The tasks of the paper, one file each."""

from typing import Annotated, Union

from pydantic import Field

from gfn.environments.banana import Banana
from gfn.environments.base import DiscreteEnvironment as DiscreteEnvironment
from gfn.environments.base import Environment
from gfn.environments.dags import DAGs
from gfn.environments.gaussian_mixture import GaussianMixture
from gfn.environments.hypergrid import Hypergrid
from gfn.environments.phylogenetics import Phylogenetics
from gfn.environments.planar import PlanarEnvironment as PlanarEnvironment
from gfn.environments.sequences import Sequences
from gfn.environments.sets import Sets

_TASKS = (Sets, Sequences, Phylogenetics, Hypergrid, DAGs, GaussianMixture, Banana)
TASKS: dict[str, type[Environment]] = {task.model_fields["task"].default: task for task in _TASKS}
Task = Annotated[Union[_TASKS], Field(discriminator="task")]
