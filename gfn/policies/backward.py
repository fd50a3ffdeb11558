"""The fixed backward policy: uniform over the parents of a state."""

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment


def sample_parent_action(environment: DiscreteEnvironment, state: Tensor, generator: torch.Generator) -> Tensor:
    """An action that may have led to each ``state`` ``[R, B, ...]``, uniformly among its parents: int64 ``[R, B]``.

    All replicas share the randomness, so that none depends on how many there are.
    """
    mask = environment.backward_mask(state)
    noise = 1 - torch.rand(mask.shape[1:], generator=generator, device=generator.device).expand(mask.shape)
    return (noise * mask).argmax(-1)
