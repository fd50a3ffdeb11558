"""What a run will take, by estimate, so that what cannot fit or end is refused before it starts."""

import math
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch

from gfn.environments import DiscreteEnvironment, GaussianMixture, Phylogenetics, PlanarEnvironment, Sets
from gfn.evaluation.accuracy import ROWS, is_enumerated
from gfn.runs.gradients import ROWS as TOGETHER
from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, RivalSpec, Spec, TrainingSpec
from gfn.settings import SettingsError

RATE = 3e10  # multiply-adds a second of one core, where it does nothing else
DENSITY = 3e-8  # seconds for one component of a mixture at one point
STEP = 1e-4  # seconds for a step of all trajectories, however few
LEAP = 2e-3  # seconds for a leap of a chain
TIMES = {
    "path_integral": 32,
    "flow_reverse_kl": 12,
    "flow_likelihood": 12,
    "denoising": 1,
    "gan": 4,
    "masked_diffusion": 1,
    "bit_gan": 4,
}  # networks a point
DRAW = 1e-2, 1000  # seconds and bytes for one state of a Monte Carlo chain
LONG, LONGEST = 600.0, 30 * 86400.0  # seconds
LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container

Amounts = dict[str, float]


def estimate(spec: Spec) -> tuple[Amounts, Amounts]:
    """Bytes that a run holds and seconds that one core needs, at least and within a factor of some three.

    Each is counted from what a run keeps and stores. The keys are the settings, or the task, with which they grow.
    """
    if isinstance(spec, GradientSpec):
        return _estimate_gradients(spec)
    if isinstance(spec, CostSpec):
        return _estimate_costs(spec)
    if isinstance(spec, RivalSpec):
        return _estimate_rivals(spec)
    if isinstance(spec, ReferenceSpec):
        seconds, memory = (
            {name: len(spec.seeds) * getattr(spec, name) * each for name in ("samples", "warmup")} for each in DRAW
        )
        return memory, seconds
    return _estimate_training(spec)


def _estimate_training(spec: TrainingSpec) -> tuple[Amounts, Amounts]:
    task, seeds, wide = spec.task, len(spec.seeds), 8 if spec.dtype == "float64" else 4
    steps, seen, name = task.max_steps, task.observation_size, f"task {task.task}"
    weights, kept, products = _network(spec)
    if spec.objective.with_flow:
        flow = _layers([seen, *spec.policy.hidden, 1])
        weights, kept, products = (policy + own for policy, own in zip((weights, kept, products), flow))
    if spec.policy.backward == "learned":
        led = _layers([seen, *spec.policy.hidden, task.action_count])
        weights, kept, products = (policy + own for policy, own in zip((weights, kept, products), led))
    evaluations = 1 + spec.iterations / min(spec.evaluate_every, spec.iterations)
    exact = is_enumerated(task)
    drawn = spec.batch_size * steps
    met = min(drawn, task.state_count) if exact and task.repeats else drawn
    shape = "gin_width" if isinstance(task, Phylogenetics) else "hidden"
    # Weights, their gradients twice, Adam's two moments; of a batch what its backward pass needs.
    memory = {shape: 5 * seeds * weights * wide, "batch_size": seeds * (met * kept * wide + 24 * drawn)}
    seconds = {shape: spec.iterations * 10 * seeds * weights / RATE}
    seconds["iterations"] = spec.iterations * (3 * seeds * met * products / RATE + steps * STEP)
    if spec.off_policy and spec.off_policy.replay:
        memory["buffer"] = seeds * spec.off_policy.buffer_size * (8 * steps + wide)
    if spec.off_policy and (spec.off_policy.replay or spec.off_policy.lag):
        seconds["iterations"] *= 2  # trajectories are evaluated again
    if spec.objective.name == "subtb":
        pairs = seeds * spec.batch_size * math.comb(steps + 1, 2)
        memory["batch_size"] += 3 * pairs * wide
        seconds["iterations"] += spec.iterations * 20 * pairs / RATE
    memory["evaluate_every"] = 1000 * evaluations * seeds
    if isinstance(task, PlanarEnvironment):
        cells, peaks = spec.resolution**2, task.side**2 if isinstance(task, GaussianMixture) else 1
        memory |= {"resolution": 32 * cells * (peaks + seeds), "density": 64 * seeds * spec.density**2}
        seconds["resolution"] = evaluations * DENSITY * cells * (peaks + seeds * spec.policy.components)
    elif exact:
        memory[name] = task.state_count * (24 * task.action_count + (1 + wide) * seen)
        seconds[name] = evaluations * seeds * task.state_count * products / RATE
    else:
        orders, half = (spec.l1_orders, 2) if isinstance(task, Sets) else (1, 1)
        memory["l1_objects"] = seeds * spec.l1_objects * steps * kept * wide / half
        memory["l1_orders"] = 3 * seeds * seen * max(ROWS, orders * steps) if half == 2 else 0
        seconds["l1_objects"] = evaluations * seeds * spec.l1_objects * orders * steps * products / RATE
    return memory, seconds


def _estimate_gradients(spec: GradientSpec) -> tuple[Amounts, Amounts]:
    """Of all estimates at the largest batch, and of the training along which they are made."""
    weights, kept, products = _network(spec)
    steps, wide, last = spec.task.max_steps, 8 if spec.exact else 4, max(spec.warmup)
    drawn = len(spec.seeds) * len(spec.warmup) * spec.replicates * steps
    memory = {"replicates": len(spec.objectives) * spec.replicates * weights * (wide + 8)}
    memory["batch_sizes"] = max(TOGETHER, max(spec.batch_sizes) * steps) * kept * wide
    seconds = {"replicates": 3 * drawn * sum(spec.batch_sizes) * products / RATE}
    batch = TrainingSpec.model_fields["batch_size"].default
    seconds["warmup"] = last * (3 * len(spec.seeds) * batch * steps * products / RATE + steps * STEP)
    return memory, seconds


def _estimate_rivals(spec: RivalSpec) -> tuple[Amounts, Amounts]:
    """Of one sampler after the other, and of the points by which they are measured."""
    many = len(spec.seeds)
    if spec.model == "gflownet":
        memory, seconds = _estimate_training(spec.training(spec.seeds[0]))
        return memory | {"points": 8 * spec.points * spec.task.dimension**2}, {k: many * s for k, s in seconds.items()}
    # An autoregressive model is asked once for each pixel.
    times = spec.task.dimension if spec.model == "autoregressive" else TIMES.get(spec.model)
    if times is None:  # chains and particles
        leap = LEAP if spec.model == "nuts" else LEAP / 10
        return {"points": 1000 * spec.points, "budget": 8 * spec.budget}, {"budget": many * spec.budget * leap}
    weights, kept, products = _layers([spec.task.dimension + 8, *spec.policy.hidden, spec.task.dimension])
    memory = {"hidden": 20 * times * weights, "batch_size": 4 * times * spec.batch_size * kept}
    memory["points"] = 4 * spec.points * (kept * (times if spec.model == "autoregressive" else 1) + 128 * 4)
    steps = spec.budget / spec.batch_size
    return memory, {"budget": many * (3 * spec.budget * times * products / RATE + 10 * steps * times * STEP)}


def _estimate_costs(spec: CostSpec) -> tuple[Amounts, Amounts]:
    """Of all objectives' networks, of the largest of their batches, and of their iterations in turns."""
    trainings = [spec.training(objective) for objective in spec.objectives]
    memories, times = zip(*map(_estimate_training, trainings))
    shape = next(iter(memories[0]))
    memory = {shape: sum(each[shape] for each in memories), "batch_size": max(each["batch_size"] for each in memories)}
    iterations = (sum(each[name] for name in (shape, "iterations")) / t.iterations for each, t in zip(times, trainings))
    return memory, {"rounds": sum(iterations) * (1 + spec.warmup + spec.rounds)}


def check_size(spec: Spec, device: str = "cpu") -> str | None:
    """Refuse what needs more memory than there is, or more than a month.

    Returns:
        Where it will take more than ten minutes, a sentence that says so.

    Raises:
        SettingsError: naming the setting to which most is due.
    """
    (memory, seconds), there = estimate(spec), memory_of(device)
    refused = f"{_largest(spec, memory)} is not allowed here: it"
    if (needed := sum(memory.values())) > there:
        raise SettingsError(f"{refused} needs some {needed / 1e9:,.0f} GB of memory, and there are {there / 1e9:,.0f}")
    time, setting = (
        sum(seconds.values()) / (torch.get_num_threads() if device == "cpu" else 100),
        _largest(spec, seconds),
    )
    if time > LONGEST:
        raise SettingsError(f"{setting} is not allowed: it would take some {time / 86400:,.0f} days, at most 30")
    return f"this will take some {time / 3600:,.1f} hours, mostly for {setting}" if time > LONG else None


def memory_of(device: str) -> float:
    """Bytes of a GPU, or of this machine or container."""
    if device != "cpu":
        return float(torch.cuda.mem_get_info(device)[1])
    whole = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        return min(whole, float(LIMIT.read_text()))
    except (OSError, ValueError):
        return whole


def _largest(spec: Spec, amounts: Amounts) -> str:
    name = max(amounts, key=amounts.__getitem__)
    owners = (spec, getattr(spec, "policy", spec), getattr(spec, "off_policy", None) or spec)
    owner = next((each for each in owners if name in type(each).model_fields), None)
    return f"{name} = {getattr(owner, name)}" if owner else f"{name} of these sizes"


def _layers(sizes: Sequence[int]) -> tuple[int, int, int]:
    """Numbers of weights, of values kept for a state, and of products for it."""
    products = sum(a * b for a, b in pairwise(sizes))
    return products + sum(sizes[1:]), sum(sizes) + 2 * sizes[-1], products


def _network(spec: TrainingSpec | GradientSpec) -> tuple[int, int, int]:
    """The same of the task's policy."""
    task, policy = spec.task, spec.policy
    if not isinstance(task, Phylogenetics):
        out = task.action_count if isinstance(task, DiscreteEnvironment) else 3 * policy.components
        return _layers([task.observation_size, *policy.hidden, out])
    taxa, width = len(task.taxa), policy.gin_width
    nodes, weights = 2 * taxa - 1, width * (taxa + 3 + width * (2 * policy.gin_layers + 1))
    kept = nodes * (taxa + 2 + nodes + 3 * width * policy.gin_layers) + 3 * task.action_count
    return weights, kept, nodes * weights
