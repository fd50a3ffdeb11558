"""A continuous density of one's own in the plane: a ring.

Check it:  gfn check ring:Ring
Train it:  gfn train --task ring:Ring --objective forward_kl --iterations 500 --out results
Or run this file. Its folder is the working folder in all three cases.
"""

import math

import torch
from pydantic import Field

from gfn.environments import PlanarEnvironment


class Ring(PlanarEnvironment):
    """Points whose distance from the origin is normal, and whose angle is uniform."""

    radius: float = Field(2.0, gt=0, description="mean distance from the origin")
    width: float = Field(0.25, gt=0, description="standard deviation of the distance, far less than the radius")

    @property
    def box(self):
        reach = self.radius + 6 * self.width
        return ((-reach, reach), (-reach, reach))

    window = box

    def log_density(self, points):
        distance = points.norm(dim=-1)
        z = (distance - self.radius) / self.width
        return -0.5 * z.square() - math.log(self.width * math.sqrt(2 * math.pi)) - (2 * math.pi * distance).log()

    def sample_target(self, count, generator):
        angle = 2 * math.pi * torch.rand(count, generator=generator, dtype=torch.float64)
        distance = self.radius + self.width * torch.randn(count, generator=generator, dtype=torch.float64)
        return distance.unsqueeze(-1) * torch.stack([angle.cos(), angle.sin()], -1)


if __name__ == "__main__":
    from gfn.runs.objective import Objective
    from gfn.runs.spec import TrainingSpec
    from gfn.study.results import load_or_train
    from gfn.study.summaries import final_values

    for name in ("reverse_kl", "forward_kl"):
        spec = TrainingSpec(task=Ring(), objective=Objective(name=name), iterations=500)
        print(final_values(load_or_train(spec, "results")).to_string(index=False))
