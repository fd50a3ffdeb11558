"""What pictures larger than the digits would take, counted and not run: CIFAR-10 and CelebA, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from gfn.study.size import RATE

GPU = 100  # times as quick as one core, as for the estimate of any run
SINGLE, BYTE = 4, 1  # bytes of a number of the network, and of one in a state


@dataclass(frozen=True)
class Pictures:
    """A set of pictures.

    Attributes:
        name: its name.
        side: pixels a side.
        channels: numbers a pixel.
        levels: values that each can have.
        count: pictures from which a density could be fitted.
    """

    name: str
    side: int
    channels: int
    levels: int
    count: int


# Sizes as their makers state them; of CelebA the crop to which generative models are usually trained.
SETS = (
    Pictures("digits", 8, 1, 2, 1797),
    Pictures("CIFAR-10", 32, 3, 256, 50_000),
    Pictures("CelebA", 64, 3, 256, 202_599),
)


def needs(hidden: tuple[int, ...], batch_size: int, trajectories: int) -> pd.DataFrame:
    """A row for each set of pictures, if a GFlowNet's policy were the same kind of network: from the whole picture to the next value.

    Columns: ``steps`` of a trajectory; ``bits`` of a picture; ``weights`` of the network; ``products`` of one trajectory,
    forth and back; ``batch_bytes``, what a batch keeps for its backward pass, states among it; ``core_hours`` for that many
    trajectories at the rate that one core reaches on large matrices, and ``gpu_hours`` at a hundred times that. Steps come
    one after the other, and small ones wait for their start, so hours are at least that.

    Arguments:
        hidden: widths of the hidden layers.
        batch_size: trajectories a batch.
        trajectories: how many in all.
    """
    rows = []
    for each in SETS:
        steps = each.side**2 * each.channels
        sizes = [steps, *hidden, each.levels]
        products = sum(a * b for a, b in pairwise(sizes))
        kept = SINGLE * (steps + sum(hidden) + 2 * each.levels) + BYTE * steps
        hours = 3 * products * steps * trajectories / RATE / 3600
        rows.append(
            {
                "pictures": each.name,
                "count": each.count,
                "steps": steps,
                "bits": steps * (each.levels - 1).bit_length(),
                "weights": products + sum(sizes[1:]),
                "products": 3 * products * steps,
                "batch_bytes": batch_size * steps * kept,
                "core_hours": hours,
                "gpu_hours": hours / GPU,
            }
        )
    return pd.DataFrame(rows)
