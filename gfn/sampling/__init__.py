"""Rollouts: trajectories drawn from a policy, or traced back from given objects."""

from gfn.sampling.engine import rollout, static
from gfn.sampling.given import distinct, evaluate, retrace
from gfn.sampling.table import table_of
from gfn.sampling.trajectories import Steps, Trajectories

__all__ = ["Steps", "Trajectories", "distinct", "evaluate", "retrace", "rollout", "static", "table_of"]
