"""Banana: a Gaussian bent by a volume-preserving map."""

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gfn.environments.continuous import Box
from gfn.environments.planar import PlanarEnvironment


class Banana(PlanarEnvironment):
    r"""A correlated Gaussian in the coordinates (x₁, x₂ + x₁² + 1).

    .. math:: r(x) = \mathcal{N}\big((x_1,\, x_2 + x_1^2 + 1);\, 0,\, \begin{pmatrix} 1 & \rho \\ \rho & 1 \end{pmatrix}\big)

    The map has unit Jacobian, so bending exact Gaussian samples gives exact samples of the target.
    """

    task: Literal["banana"] = "banana"
    correlation: float = Field(0.9, gt=-1, lt=1, description="correlation ρ of the straightened Gaussian")

    box: ClassVar[Box] = ((-5.0, 5.0), (-31.0, 4.0))
    window: ClassVar[Box] = ((-3.0, 3.0), (-9.0, 2.0))

    def log_density(self, points: Tensor) -> Tensor:
        first = points[..., 0]
        second = points[..., 1] + first.square() + 1
        rest = 1 - self.correlation**2
        square = (first.square() - 2 * self.correlation * first * second + second.square()) / rest
        return -0.5 * square - math.log(2 * math.pi * math.sqrt(rest))

    def sample_target(self, count: int, generator: torch.Generator) -> Tensor:
        first, noise = torch.randn(2, count, generator=generator, dtype=torch.float64)
        second = self.correlation * first + math.sqrt(1 - self.correlation**2) * noise
        return torch.stack([first, second - first.square() - 1], -1)
