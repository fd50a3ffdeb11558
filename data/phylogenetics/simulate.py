"""Simulate the alignment of the phylogenetics task: python data/phylogenetics/simulate.py

A random rooted tree is built by merging two random roots at a time, and DNA evolves along it from
uniform bases under the model of Jukes and Cantor, every edge having the same length. Random numbers
come from Python's Mersenne Twister alone, so every machine writes the same two files.
"""

from __future__ import annotations

import math
from pathlib import Path
from random import Random

SEED, TAXA, SITES, BRANCH_LENGTH = 0, 7, 25, 0.1


def simulate(seed: int, taxa: int, sites: int, branch_length: float) -> tuple[str, str]:
    """The alignment as FASTA, and the tree behind it as Newick."""
    random = Random(seed)
    trees: list = [f"t{number + 1}" for number in range(taxa)]
    while len(trees) > 1:
        left, right = (trees.pop(int(random.random() * len(trees))) for _ in range(2))
        trees.append((left, right))
    rows: dict[str, str] = {}
    _evolve(trees[0], [_base(random) for _ in range(sites)], branch_length, random, rows)
    fasta = "".join(f">{name}\n{rows[name]}\n" for name in sorted(rows, key=lambda name: int(name[1:])))
    return fasta, f"{_newick(trees[0], branch_length)};\n"


def _base(random: Random) -> int:
    return int(random.random() * 4)


def _evolve(tree, sequence: list[int], branch_length: float, random: Random, rows: dict[str, str]) -> None:
    """Write the sequences of a tree's leaves into ``rows``, given that of its root."""
    if isinstance(tree, str):
        rows[tree] = "".join("ACGT"[base] for base in sequence)
        return
    # With this probability a base is drawn anew, uniformly, along an edge.
    redrawn = -math.expm1(-4 * branch_length / 3)
    for child in tree:
        evolved = [_base(random) if random.random() < redrawn else base for base in sequence]
        _evolve(child, evolved, branch_length, random, rows)


def _newick(tree, branch_length: float) -> str:
    if isinstance(tree, str):
        return tree
    return f"({','.join(f'{_newick(child, branch_length)}:{branch_length:g}' for child in tree)})"


if __name__ == "__main__":
    folder = Path(__file__).parent
    for name, text in zip(("simulated.fasta", "true_tree.nwk"), simulate(SEED, TAXA, SITES, BRANCH_LENGTH)):
        (folder / name).write_text(text, encoding="ascii")
