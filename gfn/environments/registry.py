"""All tasks by name: those of the package, and behind them those of one's own."""

from typing import Annotated, Any, Union

from pydantic import Field, SerializeAsAny, TypeAdapter, WrapValidator

from gfn.environments import own
from gfn.environments.banana import Banana
from gfn.environments.base import Environment
from gfn.environments.dags import DAGs
from gfn.environments.digits import Digits
from gfn.environments.funnel import Funnel
from gfn.environments.gaussian_mixture import GaussianMixture
from gfn.environments.hypergrid import Hypergrid
from gfn.environments.many_well import ManyWell
from gfn.environments.phylogenetics import Phylogenetics
from gfn.environments.random_mixture import RandomMixture
from gfn.environments.sequences import Sequences
from gfn.environments.sets import Sets

_PAPER = (Sets, Sequences, Phylogenetics, Hypergrid, DAGs, GaussianMixture, Banana)
_SHIPPED = (*_PAPER, RandomMixture, Funnel, ManyWell, Digits)
TASKS: dict[str, type[Environment]] = {task.model_fields["task"].default: task for task in _SHIPPED}
PAPER_TASKS = {name: task for name, task in TASKS.items() if task in _PAPER}
_ANY_SHIPPED = TypeAdapter(Annotated[Union[_SHIPPED], Field(discriminator="task")])


def load_task(name: str) -> type[Environment]:
    """The task of this name, or of this ``module:Class``, which is imported: for names that the user has given.

    Raises:
        SettingsError: if there is none.
    """
    return own.load_task(name, TASKS)


def _as_task(value: Any, _: Any) -> Environment:
    """A task as it is, or made of its fields, among them its name; no module is imported by that."""
    if isinstance(value, Environment):
        kind = type(value)
        if TASKS.get(kind.named(), kind) is not kind:
            raise ValueError(
                f"task = {kind.named()!r} is not allowed for {kind.__qualname__}: a task of the package has this name, "
                "give it another in its field task"
            )
        return value
    name = value.get("task") if isinstance(value, dict) else None
    if isinstance(name, str) and name not in TASKS:
        return own.find_task(name, TASKS)(**value)
    return _ANY_SHIPPED.validate_python(value)


Task = Annotated[SerializeAsAny[Environment], WrapValidator(_as_task)]
