"""A density of one's own in four dimensions, of which neither samples nor log Z are known: a Bayesian posterior.

Check it:  gfn check logistic:Logistic
Train it:  gfn train --task logistic:Logistic --objective renyi --iterations 500 --out results
Or run this file. Its folder is the working folder in all three cases.
"""

import math
from functools import cached_property
from typing import ClassVar

import torch
from pydantic import Field
from torch.nn.functional import logsigmoid

from gfn.environments import ContinuousEnvironment


class Logistic(ContinuousEnvironment):
    """Coefficients of a logistic regression on simulated data, with a standard normal prior; Z is the evidence."""

    observations: int = Field(60, ge=1, description="number of observations")

    drawn: ClassVar[bool] = True  # the data, from task_seed
    dimension: ClassVar[int] = 4
    box: ClassVar = ((-5.0, 5.0),) * 4

    @cached_property
    def signed(self):
        """Covariates, times 1 or −1 as the outcome is."""
        covariates = self.uniform(4 * self.observations, -2, 2, "covariates").view(-1, 4)
        truth = torch.tensor([1.5, -1.0, 0.5, 0.0], dtype=torch.float64)
        happened = self.uniform(self.observations, 0, 1, "outcomes") < (covariates @ truth).sigmoid()
        return torch.where(happened, 1.0, -1.0).unsqueeze(1) * covariates

    def log_density(self, points):
        log_prior = -0.5 * points.square().sum(-1) - 2 * math.log(2 * math.pi)
        return log_prior + logsigmoid(points @ self.constant("signed", points).T).sum(-1)


if __name__ == "__main__":
    from gfn.runs.objective import Objective
    from gfn.runs.spec import TrainingSpec
    from gfn.study.results import load_or_train
    from gfn.study.summaries import final_values

    for name in ("reverse_kl", "renyi"):
        spec = TrainingSpec(task=Logistic(), objective=Objective(name=name), iterations=500, l1_objects=4096)
        print(final_values(load_or_train(spec, "results")).to_string(index=False))
