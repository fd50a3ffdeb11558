"""Samplers beside GFlowNets: flows, diffusion models, adversarial and autoregressive ones, and Markov chains.

Kept small: what a comparison on equal terms needs, on well-kept libraries where there are any. Two leagues are never mixed:
those that learn from the density alone, and those that learn from exact samples of the target.
"""

from gfn.rivals.base import Rival, Shape
from gfn.rivals.registry import LEAGUES, PICTURES, RIVALS

__all__ = ["LEAGUES", "PICTURES", "RIVALS", "Rival", "Shape"]
