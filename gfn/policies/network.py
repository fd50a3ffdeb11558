"""R multilayer perceptrons, one a seed, evaluated in one batched program."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu


class ReplicatedMLP(nn.Module):
    """R independent MLPs with leaky rectifiers, their parameters stacked along the first axis.

    Each replica is initialised as ``torch.nn.Linear`` does it, from its own seed, so it does not
    depend on which other seeds are trained beside it.

    Arguments:
        seeds: the R seeds.
        sizes: widths of all layers, from input to output.
    """

    def __init__(self, seeds: Sequence[int], sizes: Sequence[int]) -> None:
        super().__init__()
        replicas = [_linear_layers(seed, sizes) for seed in seeds]
        layers = list(zip(*replicas))
        self.weights = nn.ParameterList(torch.stack([linear.weight.detach().T for linear in layer]) for layer in layers)
        self.biases = nn.ParameterList(
            torch.stack([linear.bias.detach()[None] for linear in layer]) for layer in layers
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[R, M, in]`` to ``[R, M, out]``, or any shape whose leading axes are R and M in one, ``[R M, ..., in]``."""
        shape = x.shape
        x = x.reshape(len(self.weights[0]), shape[:-1].numel() // len(self.weights[0]), shape[-1])
        last = len(self.weights) - 1
        for depth, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            x = torch.baddbmm(bias, x, weight)
            if depth < last:
                x = leaky_relu(x)
        return x.view(*shape[:-1], -1)


def _linear_layers(seed: int, sizes: Sequence[int]) -> list[nn.Linear]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return [nn.Linear(width, following) for width, following in pairwise(sizes)]


def spawn(seeds: Sequence[int], count: int) -> list[list[int]]:
    """Further seeds for the ``count`` parts of a network, for each part a list of R; each replica's come from its own."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return torch.stack([torch.randint(2**63 - 1, (count,), generator=g) for g in generators], 1).tolist()
