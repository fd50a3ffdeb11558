"""The streams that all random numbers come from, each named by its purpose, a seed and what else tells it apart.

A hash of the name fills the whole state of PyTorch's generator on the CPU, in the layout that PyTorch keeps for the
sake of old checkpoints: of a seed it takes 32 bits only, too few for tens of thousands of streams. On a GPU it takes 64.
"""

from collections.abc import Sequence
from hashlib import shake_256
from operator import index

import torch

from gfn.settings import SettingsError

TWISTER = slice(3, 3 + 624)  # where the CPU generator's state, in words of 64 bits, has those of the Mersenne Twister


def stream(purpose: str, *numbers: int, device: torch.device | str = "cpu") -> torch.Generator:
    """The generator named by ``purpose`` and ``numbers``, a seed first; any other name gives another.

    Raises:
        TypeError: if a number is no integer.
    """
    digest = shake_256(repr((purpose, *map(index, numbers))).encode()).digest(8 + 4 * 624)
    generator = torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little"))
    if generator.device.type == "cpu":
        state = generator.get_state()
        words = torch.frombuffer(bytearray(digest[8:]), dtype=torch.int32)
        state.view(torch.int64)[TWISTER] = words.long() & 0xFFFFFFFF
        generator.set_state(state)
    return generator


def streams(purpose: str, seeds: Sequence[int], device: torch.device | str = "cpu") -> list[torch.Generator]:
    """One stream for each seed.

    Raises:
        SettingsError: if two of them are the same.
    """
    made = [stream(purpose, seed, device=device) for seed in seeds]
    if len({generator.initial_seed() for generator in made}) < len(made):
        raise SettingsError(f"seeds = {tuple(seeds)} is not allowed: two of them give the same random numbers")
    return made
