"""Statistics of gradient estimates: the trace of their covariance, and their bias where the exact gradient is known."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor

from gfn.estimators import Objective
from gfn.exact import all_probabilities, divergence
from gfn.policies import Policy
from gfn.sampling import rollout
from gfn.spec import GradientSpec, TrainingSpec
from gfn.training import Record, Trainer

ROWS = 1 << 16


def measure_gradients(spec: GradientSpec, progress: Callable[[int, int], None] | None = None) -> list[Record]:
    """For each seed, stage of training, batch size and objective, statistics over replicated estimates.

    Metrics recorded, with ``trajectories`` the batch size N and ``iteration`` the stage:

    - ``variance``: trace of the covariance of the estimate, Σ_k ‖g_k - ḡ‖² / (K - 1);
    - ``variance_error``: standard error of that;
    - with ``exact``, ``bias_squared``: unbiased estimate of ‖E[g] - ∇‖², ``bias_squared_error`` its
      standard error, and ``gradient_squared``: ‖∇‖² of the exact gradient.

    Log-weights are taken relative to the exact log Z, so the weights are those of P̄_B itself.
    """
    records: list[Record] = []
    done, total = 0, len(spec.seeds) * len(spec.warmup) * len(spec.batch_sizes)
    for seed in spec.seeds:
        for stage in spec.warmup:
            trained = trained_policy(spec, seed, stage)
            exact = {o: exact_gradient(spec, trained, o) for o in spec.objectives} if spec.exact else {}
            for batch_size in spec.batch_sizes:
                estimates = replicated_gradients(spec, trained, batch_size, seed)
                for objective in spec.objectives:
                    common = {"seed": seed, "iteration": stage, "trajectories": batch_size, "objective": objective}
                    statistics = summarise(estimates[objective], exact.get(objective))
                    records += [{**common, "metric": metric, "value": value} for metric, value in statistics.items()]
                done += 1
                if progress is not None:
                    progress(done, total)
    return records


def trained_policy(spec: GradientSpec, seed: int, stage: int) -> Policy:
    """The policy of one seed after ``stage`` iterations of TB, an objective that is neutral between the divergences."""
    dtype = "float64" if spec.exact else "float32"
    trainer = Trainer(
        TrainingSpec(task=spec.task, policy=spec.policy, seeds=(seed,), iterations=max(stage, 1), dtype=dtype)
    )
    while trainer.iteration < stage:
        trainer.step()
    return trainer.policy


def replicated_gradients(spec: GradientSpec, trained: Policy, batch_size: int, seed: int) -> dict[Objective, Tensor]:
    """K independent estimates of every objective's gradient, each ``[K, number of parameters]``.

    The replica axis holds copies of one policy, so that many estimates cost one backward pass; all
    objectives are estimated from the same trajectories.
    """
    chunk = max(1, min(spec.replicates, ROWS // (batch_size * spec.task.max_steps)))
    found: dict[Objective, list[Tensor]] = {objective: [] for objective in spec.objectives}
    for first in range(0, spec.replicates, chunk):
        count = min(chunk, spec.replicates - first)
        policy = replicate(trained, count)
        parameters = list(policy.parameters())
        start = (seed * len(spec.batch_sizes) + spec.batch_sizes.index(batch_size)) * spec.replicates + first
        generators = [torch.Generator().manual_seed(((1 << 32) + start + index) % 2**64) for index in range(count)]
        batch = rollout(spec.task, policy, batch_size, generators)
        for objective in spec.objectives:
            loss = objective.loss(batch, parameters, spec.task.log_z, spec.task.log_z)
            gradients = torch.autograd.grad(loss.sum(), parameters, retain_graph=True)
            found[objective].append(torch.cat([g.flatten(1) for g in gradients], 1))
    return {objective: torch.cat(parts) for objective, parts in found.items()}


def replicate(trained: Policy, count: int) -> Policy:
    """A policy whose ``count`` replicas are all copies of the one replica of ``trained``."""
    policy = copy.deepcopy(trained)
    for parameter in policy.parameters():
        parameter.data = parameter.data.repeat_interleave(count, 0)
    return policy


def exact_gradient(spec: GradientSpec, trained: Policy, objective: Objective) -> Tensor:
    """The exact gradient of a divergence at a policy, ``[number of parameters]``, summing over all trajectories."""
    value = divergence(objective.name, all_probabilities(spec.task, trained), objective.alpha)
    return torch.cat([g.flatten() for g in torch.autograd.grad(value.sum(), list(trained.parameters()))])


def summarise(estimates: Tensor, exact: Tensor | None = None) -> dict[str, float]:
    """Statistics of K estimates ``[K, P]``, as :func:`measure_gradients` records them."""
    estimates = estimates.double()
    count = len(estimates)
    centred = estimates - estimates.mean(0)
    squares = centred.square().sum(1) * count / (count - 1)
    variance = squares.mean()
    result = {"variance": variance.item(), "variance_error": (squares.std() / math.sqrt(count)).item()}
    if exact is not None:
        off = estimates.mean(0) - exact.double()
        # ‖mean - exact‖² overshoots ‖bias‖² by the variance of the mean, whose own spread is the error's second part.
        spread = (centred @ off).square().mean() * 4 / count
        spread = spread + 2 * (centred @ centred.T).square().fill_diagonal_(0).sum() / (count * (count - 1)) / count**2
        result |= {
            "bias_squared": (off.square().sum() - variance / count).item(),
            "bias_squared_error": spread.sqrt().item(),
            "gradient_squared": exact.square().sum().item(),
        }
    return result
