"""Losses that are in use, each a short function with its formula and source: what the atlas examines.

Each takes log p_F, log p_B and log r of N trajectories, ``[N]``, and what else its arguments say, and returns one loss a
trajectory, ``[N]``, or one of the batch, ``[]``. Δ = log p_F - log p_B - log r + log Z, and w = p_B r / p_F.
"""
