"""Forward policy of continuous tasks: each coordinate from a Gaussian mixture given those before it."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gfn.policies.categorical import BELOW_ONE, invert
from gfn.policies.network import ReplicatedMLP

MIN_SCALE = 1e-3


class MixturePolicy(nn.Module):
    r"""π(a | s) = Σ_k w_k(s) N(a; μ_k(s), σ_k(s)²), with all of w, μ and σ put out by one network.

    Nothing is placed by hand: at the start all components lie where the network's default
    initialisation puts them, near zero.

    Arguments:
        seeds: the R seeds of the replicas.
        observation_size: length D of an observation.
        components: number K of mixture components.
        hidden: widths of the hidden layers.
    """

    def __init__(self, seeds: Sequence[int], observation_size: int, components: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.network = ReplicatedMLP(seeds, [observation_size, *hidden, 3 * components])

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the network."""
        return self.network.weights[0].dtype

    def mixture(self, observation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-weights, means and standard deviations, each ``[R, M, K]``."""
        return _mixture(self.network(observation.to(self.dtype)))

    def log_prob(self, observation: Tensor, mask: None, action: Tensor) -> Tensor:
        """Log-density of ``action`` ``[R, M]``: ``[R, M]``, differentiable in the parameters."""
        return mixture_log_density(*self.mixture(observation), action)

    def log_prob_of(self, output: Tensor, _: Tensor, which: Tensor, action: Tensor) -> Tensor:
        """Log-density of actions, each in one of U states.

        Arguments:
            output: the network's, of the U states: ``[R, U, 3 K]``.
            which: the state of each action, ``[M]``.
            action: ``[R, M]``.

        Returns:
            ``[R, M]``, differentiable in ``output``.
        """
        return mixture_log_density(*_mixture(output.index_select(1, which)), action)

    def noise(self, generators: Sequence[torch.Generator], *shape: int) -> Tensor:
        """The randomness that ``choose`` turns into actions, uniform then normal: ``[R, *shape, 2]``."""
        draws = []
        for g in generators:
            uniform = torch.rand(*shape, generator=g, device=g.device, dtype=self.dtype)
            normal = torch.randn(*shape, generator=g, device=g.device, dtype=self.dtype)
            draws.append(torch.stack([uniform.clamp_(max=BELOW_ONE), normal], -1))
        return torch.stack(draws)

    def distribution(self, output: Tensor, closed: None) -> Tensor:
        """It is made of the network's output ``[R, M, 3 K]`` alone."""
        return output

    def choose(self, output: Tensor, noise: Tensor) -> Tensor:
        """Actions ``[R, M]`` from the network's ``[R, M, 3 K]`` or ``[R, 1, 3 K]``: a component by inversion, then a normal draw from it."""
        log_weights, means, scales = _mixture(output)
        which = invert(log_weights.exp(), noise[..., 0]).unsqueeze(-1)
        means, scales = (part.expand(*which.shape[:2], -1).gather(-1, which).squeeze(-1) for part in (means, scales))
        return means + scales * noise[..., 1]


def _mixture(output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    logits, means, scales = output.chunk(3, -1)
    return logits.log_softmax(-1), means, softplus(scales) + MIN_SCALE


def mixture_log_density(log_weights: Tensor, means: Tensor, scales: Tensor, action: Tensor) -> Tensor:
    """Log-density at ``action`` ``[...]`` of Gaussian mixtures with components along the last axis ``[..., K]``."""
    z = (action.to(means.dtype).unsqueeze(-1) - means) / scales
    each = log_weights - 0.5 * z.square() - scales.log()
    most = each.detach().amax(-1, keepdim=True)
    # What is far below adds nothing, and exp takes ten times as long where its result is all but zero.
    share = (each - most).clamp(min=-80).exp() @ each.new_ones(each.shape[-1])  # quicker than a short sum
    return share.log() + most.squeeze(-1) - 0.5 * math.log(2 * math.pi)
