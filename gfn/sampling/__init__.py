"""Rollouts: trajectories drawn from a policy, or traced back from given objects."""

from gfn.sampling.choices import LastChoices, last_choices
from gfn.sampling.engine import rollout, static
from gfn.sampling.exploration import Exploration
from gfn.sampling.given import distinct, evaluate, follow, retrace
from gfn.sampling.table import table_of
from gfn.sampling.trajectories import Steps, Trajectories

__all__ = [
    "Exploration",
    "LastChoices",
    "Steps",
    "Trajectories",
    "distinct",
    "evaluate",
    "follow",
    "last_choices",
    "retrace",
    "rollout",
    "static",
    "table_of",
]
