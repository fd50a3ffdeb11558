"""Divergence measures for training GFlowNets: environments, policies, estimators and the paper's experiments."""

__version__ = "0.1.0"
