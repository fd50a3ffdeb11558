"""Forward policy of discrete tasks: a masked softmax over actions."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

# All noise is at most this, so that in spite of rounding it stays below the sum of probabilities.
BELOW_ONE = 1 - 2.0**-23
FAR_BELOW = -1e30  # what the logits of actions that are not allowed are lowered by
LANES = 16  # softmax of fewer numbers takes several times as long


class CategoricalPolicy(nn.Module):
    r"""π(a | s) ∝ exp(network(s)_a) over the allowed actions.

    Arguments:
        network: R networks in one, from observations ``[R, M, D]`` to logits ``[R, M, A]``.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the network."""
        return next(self.parameters()).dtype

    def log_probs(self, observation: Tensor, mask: Tensor) -> Tensor:
        """Log-probabilities of all actions, ``-inf`` where masked: ``[R, M, D]``, ``[R, M, A]`` to ``[R, M, A]``."""
        return self.allowed(self.network(observation.to(self.dtype)), mask)

    @staticmethod
    def allowed(logits: Tensor, mask: Tensor) -> Tensor:
        """The same from the network's output."""
        # Zero where the mask allows, -inf elsewhere: several times quicker than to fill with a mask.
        return (logits + (1 - mask.view(torch.uint8).to(logits.dtype).reciprocal_())).log_softmax(-1)

    def log_prob(self, observation: Tensor, mask: Tensor, action: Tensor) -> Tensor:
        """Log-probability of ``action`` ``[R, M]``: ``[R, M]``, differentiable in the parameters."""
        return self.log_probs(observation, mask).gather(-1, action.unsqueeze(-1)).squeeze(-1)

    def noise(self, generators: Sequence[torch.Generator], *shape: int) -> Tensor:
        """The randomness that ``choose`` turns into actions: ``[R, *shape]``, a generator a replica."""
        draws = [torch.rand(*shape, generator=g, device=g.device, dtype=self.dtype) for g in generators]
        return torch.stack(draws).clamp_(max=BELOW_ONE)

    def distribution(self, logits: Tensor, closed: Tensor) -> Tensor:
        """Probabilities of all actions, ``[R, M, A]``, from the network's logits and which actions are not allowed, bool."""
        # In one operation, and quicker than to fill with a mask.
        barred = torch.add(logits, closed.view(torch.uint8), alpha=FAR_BELOW)
        actions = barred.shape[-1]
        return pad(barred, (0, max(0, LANES - actions)), value=FAR_BELOW).softmax(-1)[..., :actions]

    def choose(self, probabilities: Tensor, noise: Tensor) -> Tensor:
        """Actions ``[R, M]`` from probabilities ``[R, M, A]`` or ``[R, 1, A]``, see :func:`invert`."""
        return invert(probabilities, noise)

    def log_prob_at(self, logits: Tensor, closed: Tensor, place: Tensor) -> Tensor:
        """Log-probability of actions that another policy may have drawn, each in one of U states.

        Arguments:
            logits: the network's, of the U states: ``[R, U, A]``.
            closed: which actions are not allowed, bool ``[R, U, A]``.
            place: A times the state's number, plus the action: ``[R, M]``.

        Returns:
            ``[R, M]``, differentiable in ``logits``; finite, however improbable an action that is allowed.
        """
        barred = torch.add(logits, closed.view(torch.uint8), alpha=FAR_BELOW)
        return barred.log_softmax(-1).flatten(1).gather(1, place)

    def log_prob_of(self, logits: Tensor, probabilities: Tensor, place: Tensor) -> Tensor:
        """Log-probability of actions that were drawn, each in one of U states.

        Arguments:
            logits: the network's, of the U states: ``[R, U, A]``; only their gradient is asked for.
            probabilities: what :meth:`distribution` made of them.
            place: A times the state's number, plus the action: ``[R, M]``.

        Returns:
            ``[R, M]``, differentiable in ``logits``.
        """
        return _LogProb.apply(logits, probabilities, place)


class _LogProb(torch.autograd.Function):
    """Log-probabilities that were drawn, and so do not underflow: the forward pass looks them up.

    The plain equivalent is ``logits.log_softmax(-1).flatten(1).gather(1, place)`` with the masked logits. Of log p_a, the
    derivative in the logit of b is 1 - p_b for b = a and -p_b otherwise. So a state gets, for each logit, the gradients of
    the draws that took it, less p_b times those of all draws in this state.
    """

    @staticmethod
    def forward(ctx, logits: Tensor, probabilities: Tensor, place: Tensor) -> Tensor:
        ctx.save_for_backward(probabilities, place)
        return probabilities.flatten(1).gather(1, place).log_()

    @staticmethod
    def backward(ctx, gradient: Tensor):
        probabilities, place = ctx.saved_tensors
        taken = torch.zeros_like(probabilities)
        taken.flatten(1).scatter_add_(1, place, gradient)
        return taken.addcmul_(probabilities, taken.sum(-1, keepdim=True), value=-1), None, None


def invert(probabilities: Tensor, noise: Tensor) -> Tensor:
    """The first place whose cumulative probability exceeds ``noise`` ``[R, M]``: ``[R, M]``.

    Arguments:
        probabilities: ``[R, M, A]``, or ``[R, 1, A]`` for all M.
        noise: at least 0 and at most ``BELOW_ONE``.
    """
    total = probabilities.cumsum(-1)
    share = noise.unsqueeze(-1 if total.shape[1] == noise.shape[1] else 1) * total[..., -1:]
    # Not a number is past all others, and for training to report.
    return torch.searchsorted(total, share, right=True).view(noise.shape).clamp_(max=total.shape[-1] - 1)


def line(probabilities: Tensor) -> Tensor:
    """Cumulative probabilities of all rows ``[R, N, A]`` on one line, float64 ``[R, N A]``: those of row n fill the interval from n to n + 1.

    One search for n + noise finds row and action in one.
    """
    total = probabilities.double().cumsum(-1)
    total = total / total[..., -1:] + torch.arange(total.shape[1], dtype=total.dtype, device=total.device).unsqueeze(-1)
    return total.flatten(1).nan_to_num_(nan=torch.inf, posinf=torch.inf)
