"""The backward policy: uniform over the parents of a state, or learned."""

from __future__ import annotations

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment
from gfn.policies.categorical import BELOW_ONE, CategoricalPolicy


class LearnedBackward(CategoricalPolicy):
    r"""p_B(s | s') ∝ exp(network(s')_a), over the actions a that may have led to s'.

    Arguments:
        network: R networks in one, from observations ``[R, M, D]`` to logits ``[R, M, A]``.
    """

    def of_steps(self, environment: DiscreteEnvironment, child: Tensor, action: Tensor) -> Tensor:
        """log p_B of steps by ``action`` ``[R, M]`` to ``child`` ``[R, M, ...]``: ``[R, M]``, differentiable in the parameters.

        What an action that leads nowhere gets, as after the end of a trajectory, means nothing, and is finite.
        """
        mask = environment.backward_mask(child)
        led = mask.gather(-1, action.unsqueeze(-1))
        # A finished trajectory's last state may be entered by no such action; any that it has stands in.
        shown = torch.where(led, action.unsqueeze(-1), mask.byte().argmax(-1, keepdim=True))
        return self.log_probs(environment.observe(child), mask).gather(-1, shown).squeeze(-1)


def sample_parent_action(
    environment: DiscreteEnvironment,
    state: Tensor,
    generator: torch.Generator,
    backward: LearnedBackward | None = None,
) -> Tensor:
    """An action that may have led to each ``state`` ``[R, B, ...]``: int64 ``[R, B]``.

    Uniformly among its parents, or as a learned backward policy has it. All replicas share the randomness, so that none
    depends on how many there are.
    """
    mask = environment.backward_mask(state)
    noise = 1 - torch.rand(mask.shape[1:], generator=generator, device=generator.device).expand(mask.shape)
    if backward is None:
        return (noise * mask).argmax(-1)
    # The largest of log-probabilities with Gumbel noise is a draw.
    gumbel = -(-noise.clamp(max=BELOW_ONE).log()).log()
    return (backward.log_probs(environment.observe(state), mask) + gumbel).argmax(-1)
