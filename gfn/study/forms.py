"""Objects in the form of their field: sets, words and points as CSV, trees in Newick's notation, graphs as lists of edges."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from string import ascii_uppercase
from typing import Any

from torch import Tensor

from gfn.environments import (
    DAGs,
    Digits,
    Environment,
    Hypergrid,
    Phylogenetics,
    PlanarEnvironment,
    Sequences,
    Sets,
)


def written(task: Environment, objects: Tensor, log_p: Tensor) -> str:
    """Objects as text, with the log of their reward and of their probability under a policy.

    - Sets have a line each, with their elements in ascending order; words one with their letters, A for the first of at
      most 26, and else numbers with hyphens between; cells of a hypergrid and points in the plane one with their coordinates.
    - Trees have a line each in Newick's notation, the two logs as an annotation of the root: ``[&log_reward=…,log_p=…]``.
    - A graph has a line for each edge, after its number and the two logs; one without edges has a line without them.
    - Pictures have a line each, their rows from above with slashes between, a hash for ink and a point for none.
    - Objects of other tasks have a line with the numbers of their terminal state.

    All but trees are CSV with a header.

    Arguments:
        task: whose objects they are.
        objects: terminal states ``[B, ...]``.
        log_p: log-probability, or log-density, of each: ``[B]``.
    """
    logs = [(f"{r:.10g}", f"{p:.10g}") for r, p in zip(task.log_reward(objects).tolist(), log_p.tolist())]
    if isinstance(task, Phylogenetics):
        trees = (task.to_newick(tree).removesuffix(";") for tree in objects)
        return "".join(f"{tree}[&log_reward={r},log_p={p}];\n" for tree, (r, p) in zip(trees, logs))
    if isinstance(task, DAGs):
        return _csv(["graph", "log_reward", "log_p", "from", "to"], _edges(task, objects, logs))
    header, rows = _columns(task, objects)
    return _csv([*header, "log_reward", "log_p"], ([*row, *each] for row, each in zip(rows, logs)))


def _edges(task: DAGs, objects: Tensor, logs: Sequence[tuple[str, str]]) -> Iterable[Sequence[Any]]:
    for number, (graph, each) in enumerate(zip(task.adjacency(objects), logs)):
        for edge in graph.nonzero().tolist() or [("", "")]:
            yield (number, *each, *edge)


def _columns(task: Environment, objects: Tensor) -> tuple[list[str], list[Sequence[Any]]]:
    """What the columns of one line an object are called, and what stands in them."""
    if isinstance(task, Sets):
        chosen = objects.nonzero()[:, 1].view(len(objects), task.size)
        return [f"element_{k}" for k in range(1, task.size + 1)], chosen.tolist()
    if isinstance(task, Sequences):
        return ["word"], [[word(task, letters)] for letters in objects.tolist()]
    if isinstance(task, Digits):
        return ["picture"], [[picture(task, state)] for state in objects.tolist()]
    if isinstance(task, Hypergrid | PlanarEnvironment):
        size = task.dimensions if isinstance(task, Hypergrid) else 2
        return [f"x{axis}" for axis in range(1, size + 1)], objects[:, :size].tolist()
    flat = objects.flatten(1)
    flat = flat if flat.is_floating_point() else flat.long()
    return [f"state_{k}" for k in range(1, flat.shape[1] + 1)], flat.tolist()


def picture(task: Digits, state: Sequence[int]) -> str:
    """The rows of a finished picture, as ``.#/#.``: a hash for ink and a point for none."""
    pixels = "".join("#" if pixel > 0 else "." for pixel in state)
    return "/".join(pixels[start : start + task.side] for start in range(0, len(pixels), task.side))


def word(task: Sequences, state: Sequence[int]) -> str:
    """The letters of a finished word, without its stop token and blanks."""
    letters = [letter for letter in state if 0 <= letter < task.alphabet]
    if task.alphabet <= len(ascii_uppercase):
        return "".join(ascii_uppercase[letter] for letter in letters)
    return "-".join(map(str, letters))


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    short = ([f"{each:.10g}" if isinstance(each, float) else each for each in row] for row in rows)
    csv.writer(text, lineterminator="\n").writerows([header, *short])
    return text.getvalue()
