"""Runs that one process of the graph makes together, so that all cores end at about the same time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gfn.runs.spec import Spec

# Seconds on a quiet core that a training of ten seeds at the paper's scale takes, evaluation included, roughly.
SECONDS = {
    "sets": 42,
    "phylogenetics": 36,
    "dags": 14,
    "sequences": 8,
    "banana": 7,
    "gaussian_mixture": 4,
    "hypergrid": 3,
    "random_mixture": 4,
    "funnel": 12,
    "many_well": 40,
    "digits": 80,
}
# Milliseconds that a step of 64 points takes a sampler for one seed, and how much more with each coordinate; of those
# without steps that an evaluation takes.
STEPS = {
    "gflownet": (1.0, 0.22),
    "flow_reverse_kl": (7.5, 0.8),
    "flow_likelihood": (7.5, 0.8),
    "path_integral": (11, 0.03),
    "denoising": (1, 0.03),
    "gan": (2, 0.06),
    "nuts": (0.35, 0),
    "annealed": (0.02, 0),
    "autoregressive": (9.5, 0),
    "masked_diffusion": (4, 0),
    "bit_gan": (3.5, 0),
    "digits": (0.8, 0.11),  # a GFlowNet there
}
MEASURING = (0.05, 0.005)  # seconds for 1024 points
SCALE = 512 * 128 * 10  # trajectories of such a training
SMALLEST = 1 / 50  # of what there is to make: below it, a process takes longer to start than it gains


def seconds(spec: Spec) -> float:
    """What a run takes, roughly."""
    task, seeds = SECONDS[spec.task.task], len(spec.seeds)
    if spec.kind == "training":
        return task * seeds * spec.iterations * spec.batch_size / SCALE
    if spec.kind == "gradient":
        drawn = spec.replicates * sum(spec.batch_sizes) * len(spec.warmup) * len(spec.objectives)
        if spec.exact:  # on tasks so small that it is no matter which
            return seeds * (1 + drawn / 3e6)
        # An estimate takes half as long as a step of the training, which goes on to the last stage.
        return task * seeds * (max(spec.warmup) * 128 + drawn / 2) / SCALE
    if spec.kind == "rival":
        sampler = "digits" if spec.model == "gflownet" and spec.task.task == "digits" else spec.model
        size, (start, more), (least, each) = spec.task.dimension, STEPS[sampler], MEASURING
        steps = spec.budget / (1 if spec.model in ("nuts", "annealed") else spec.batch_size)
        measured = spec.marks * spec.points / 1024 * (least + each * size)
        return seeds * (steps * (start + more * size) / 1000 + measured)
    if spec.kind == "reference":
        return 15 * spec.samples / 2000
    return task * spec.rounds / 40  # costs of iterations, of one seed


def groups(specs: Mapping[str, Spec], share: float) -> Iterator[tuple[list[str], float]]:
    """Hashes that one process makes, and how many seconds that takes: dear tasks at first, and less and less.

    Arguments:
        specs: runs by their hash.
        share: of all that is left, a process makes this part.
    """
    keys = sorted(specs, key=lambda key: (-SECONDS[specs[key].task.task], specs[key].task.task))
    left = sum(map(seconds, specs.values()))
    least = left * min(SMALLEST, share / 2)
    while keys:
        group, size = [], 0.0
        while keys and size < max(least, share * left):
            group.append(keys.pop(0))
            size += seconds(specs[group[-1]])
        left -= size
        yield group, size
