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

    def tape(self, count: int) -> Tape:
        """Room for what the network computes of ``count`` observations a replica, asked for bit by bit."""
        return Tape(self, count)


class Tape:
    """Forward passes of an MLP, kept for one backward pass over all of them.

    Arguments:
        network: the MLP.
        count: observations at most, a replica.
    """

    def __init__(self, network: ReplicatedMLP, count: int) -> None:
        self.weights, self.biases = list(network.weights), list(network.biases)
        like, sizes = self.weights[0], [self.weights[0].shape[1], *(weight.shape[2] for weight in self.weights)]
        self.layers = [torch.empty(len(like), count, size, dtype=like.dtype, device=like.device) for size in sizes]
        self.asked = 0

    def ask(self, x: Tensor) -> Tensor:
        """The output for observations ``[R, M, in]`` of any dtype, without gradients: ``[R, M, out]``."""
        first, *following = (layer.narrow(1, self.asked, x.shape[1]) for layer in self.layers)
        self.asked += x.shape[1]
        x = first.copy_(x.view(torch.uint8) if x.dtype == torch.bool else x)
        for weight, bias, out in zip(self.weights, self.biases, following):
            affine(bias, x, weight, out)
            x = out if out is following[-1] else leaky_relu_(out, SLOPE)
        return x

    def output(self) -> Tensor:
        """All outputs, ``[R, U, out]``: differentiable in the parameters, although nothing is computed again."""
        kept = [layer[:, : self.asked] for layer in self.layers]
        return _Replay.apply(len(self.weights), *kept, *self.weights, *self.biases)


def affine(bias: Tensor, x: Tensor, weight: Tensor, out: Tensor | None = None) -> Tensor:
    """``bias + x @ weight``, of R matrices each. A narrow product is computed as its transpose, which takes a third of the time."""
    if weight.shape[-1] < NARROW:
        return torch.baddbmm(bias.mT, weight.mT, x.mT, out=None if out is None else out.mT).mT
    return torch.baddbmm(bias, x, weight, out=out)


def rows(x: Tensor, which: Tensor) -> Tensor:
    """Of every replica the rows ``which`` ``[R, M]`` of ``x`` ``[R, U, ...]``: ``[R, M, ...]``."""
    return x.gather(1, which.view(*which.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:]))


class _Replay(torch.autograd.Function):
    """The backward pass of the MLP, from what its forward pass left.

    It is what PyTorch would do with :meth:`ReplicatedMLP.forward`, had all observations been given at once; tests hold
    the two against each other. Without replicas, of one hidden layer:

    - forward: z = x W₁ + b₁, h = leaky(z), y = h W₂ + b₂; x, h and y are on the tape;
    - given G = ∂L/∂y: ∂L/∂W₂ = hᵀ G, ∂L/∂b₂ = the sum of the rows of G, and ∂L/∂h = G W₂ᵀ;
    - ∂L/∂z is ∂L/∂h, times ``SLOPE`` where z < 0. Since z and h have the same sign, h tells where, and z need not be kept;
    - with ∂L/∂z in the place of G, and x in that of h, the same gives ∂L/∂W₁ and ∂L/∂b₁.

    The loop below does this from the last layer to the first. What is narrow is multiplied as its transpose, as in
    :func:`affine`.
    """

    @staticmethod
    def forward(ctx, depth: int, *tensors: Tensor) -> Tensor:
        ctx.depth = depth
        ctx.save_for_backward(*tensors[:depth], *tensors[depth + 1 : 2 * depth + 1])
        return tensors[depth].view_as(tensors[depth])

    @staticmethod
    def backward(ctx, gradient: Tensor):
        inputs, weights = ctx.saved_tensors[: ctx.depth], ctx.saved_tensors[ctx.depth :]
        of_weights, of_biases = [], []
        for layer in reversed(range(ctx.depth)):
            narrow = gradient.shape[-1] < NARROW
            product = (gradient.mT @ inputs[layer]).mT if narrow else inputs[layer].mT @ gradient
            of_weights.insert(0, product)
            # One replica after the other: over an axis in the middle, sums take several times as long.
            of_biases.insert(0, torch.stack([part.sum(0, keepdim=True) for part in gradient]))
            if layer:
                gradient = gradient @ weights[layer].mT
                x = inputs[layer]
                torch.ops.aten.leaky_relu_backward.grad_input(gradient, x, SLOPE, True, grad_input=gradient)
        return (None,) * (ctx.depth + 2) + (*of_weights, *of_biases)


def _linear_layers(generator: torch.Generator, sizes: Sequence[int]) -> list[nn.Linear]:
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(generator.get_state())
        return [nn.Linear(width, following) for width, following in pairwise(sizes)]
