"""Rollouts: trajectories drawn from a policy, or traced back from given objects."""

from gfn.sampling.rollout import Steps, Trajectories, distinct, evaluate, retrace, rollout

__all__ = ["Steps", "Trajectories", "distinct", "evaluate", "retrace", "rollout"]
