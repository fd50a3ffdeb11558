"""Divergence measures for training GFlowNets. Each room imports only from those before it: settings, environments,
policies, sampling, estimators, evaluation and runs make results; study and cli look at them.
"""

__version__ = "0.1.0"
