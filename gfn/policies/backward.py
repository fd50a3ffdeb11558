"""The fixed backward policy: uniform over the parents of a state."""

from __future__ import annotations

import torch
from torch import Tensor

from gfn.environments import DiscreteEnvironment


def sample_parent_action(environment: DiscreteEnvironment, state: Tensor, generator: torch.Generator) -> Tensor:
    """An action that may have led to each ``state``, uniformly among its parents: int64 ``[...]``."""
    mask = environment.backward_mask(state)
    noise = torch.rand(mask.shape, generator=generator, device=generator.device)
    return noise.masked_fill(~mask, -1).argmax(-1)
