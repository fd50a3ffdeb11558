"""R multilayer perceptrons, one a seed, evaluated in one batched program."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu_

from gfn.randomness import stream

SLOPE = 0.01  # of the leaky rectifier for negative arguments
NARROW = 32  # columns of a matrix


class ReplicatedMLP(nn.Module):
    """R independent MLPs with leaky rectifiers, their parameters stacked along the first axis.

    Each replica is initialised as ``torch.nn.Linear`` does it, from its own seed, so it does not
    depend on which other seeds are trained beside it.

    Arguments:
        seeds: the R seeds.
        sizes: widths of all layers, from input to output.
        purpose: what they are for; networks of one seed start differently for another purpose, or as another ``part``.
        part: of a network of many, which it is.
    """

    def __init__(self, seeds: Sequence[int], sizes: Sequence[int], purpose: str = "policy", part: int = 0) -> None:
        super().__init__()
        replicas = [_linear_layers(stream(f"weights: {purpose}", seed, part), sizes) for seed in seeds]
        layers = list(zip(*replicas))
        self.weights = nn.ParameterList(torch.stack([linear.weight.detach().T for linear in layer]) for layer in layers)
        self.biases = nn.ParameterList(
            torch.stack([linear.bias.detach()[None] for linear in layer]) for layer in layers
        )

    @staticmethod
    def prepare(observation: Tensor) -> Tensor:
        """What can be made of observations without parameters: nothing."""
        return observation

    def answer(self, prepared: Tensor) -> Tensor:
        """The output for what :meth:`prepare` gave."""
        return self(prepared)

    def forward(self, x: Tensor) -> Tensor:
        """``[R, M, in]`` to ``[R, M, out]``, or any shape whose leading axes are R and M in one, ``[R M, ..., in]``."""
        shape = x.shape
        x = x.reshape(len(self.weights[0]), shape[:-1].numel() // len(self.weights[0]), shape[-1])
        last = len(self.weights) - 1
        for depth, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            x = affine(bias, x, weight)
            if depth < last:
                x = leaky_relu_(x, SLOPE)
        return x.reshape(*shape[:-1], -1)

    @torch.no_grad()
    def trace(self, x: Tensor) -> list[Tensor]:
        """Everything that :meth:`forward` computes of ``x`` ``[R, M, in]``: the input of each layer, and the output."""
        found = [x]
        for depth, (weight, bias) in enumerate(zip(self.weights, self.biases), 1):
            x = affine(bias, x, weight)
            if depth < len(self.weights):
                x = leaky_relu_(x, SLOPE)
            found.append(x)
        return found

    def replay(self, traces: Sequence[Sequence[Tensor]]) -> Tensor:
        """The outputs of earlier :meth:`trace` calls, one after the other, ``[R, U, out]``.

        They are differentiable in the parameters, although nothing is computed again.
        """
        trace = [torch.cat(layer, 1) for layer in zip(*traces)]
        return _Replay.apply(len(trace) - 1, *trace, *self.weights, *self.biases)


def affine(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """``bias + x @ weight``, of R matrices each. A narrow product is computed as its transpose, which takes a third of the time."""
    if weight.shape[-1] < NARROW:
        return torch.baddbmm(bias.mT, weight.mT, x.mT).mT
    return torch.baddbmm(bias, x, weight)


def rows(x: Tensor, which: Tensor) -> Tensor:
    """Of every replica the rows ``which`` ``[R, M]`` of ``x`` ``[R, U, ...]``: ``[R, M, ...]``."""
    return x.gather(1, which.view(*which.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:]))


class _Replay(torch.autograd.Function):
    """The backward pass of the MLP, from what its forward pass left."""

    @staticmethod
    def forward(ctx, depth: int, *tensors: Tensor) -> Tensor:
        ctx.depth = depth
        ctx.save_for_backward(*tensors[:depth], *tensors[depth + 1 : 2 * depth + 1])
        return tensors[depth].clone()

    @staticmethod
    def backward(ctx, gradient: Tensor):
        inputs, weights = ctx.saved_tensors[: ctx.depth], ctx.saved_tensors[ctx.depth :]
        of_weights, of_biases = [], []
        for layer in reversed(range(ctx.depth)):
            narrow = gradient.shape[-1] < NARROW
            product = (gradient.mT @ inputs[layer]).mT if narrow else inputs[layer].mT @ gradient
            of_weights.insert(0, product)
            of_biases.insert(0, gradient.sum(1, keepdim=True))
            if layer:
                gradient = torch.ops.aten.leaky_relu_backward(gradient @ weights[layer].mT, inputs[layer], SLOPE, True)
        return (None,) * (ctx.depth + 2) + (*of_weights, *of_biases)


def _linear_layers(generator: torch.Generator, sizes: Sequence[int]) -> list[nn.Linear]:
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(generator.get_state())
        return [nn.Linear(width, following) for width, following in pairwise(sizes)]
