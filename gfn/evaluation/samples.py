"""How good samples of a continuous target are: by their importance weights, beside exact samples, and mode by mode.

Nothing here knows what drew them, so that all kinds of samplers are measured alike. Weights are log w = log r(x) − log q(x)
of points x ~ q, or of whole paths where a sampler has no density: r and q are then those of paths.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gfn.environments import ContinuousEnvironment
from gfn.randomness import stream

DIRECTIONS = 128  # of lines on which samples are compared
COVERED = 0.5  # share of its weight that a mode must be given


def weight_measures(log_weights: Tensor, log_z: float) -> dict[str, Tensor]:
    r"""What the weights of N points of the sampler itself say, each ``[...]`` of log-weights ``[..., N]``, in nats.

    - ``elbo_gap``: log Z − E[log w], which is the reverse KL divergence, with its standard error ``elbo_gap_error``;
    - ``log_z_error``: the distance of the importance estimate log (1/N) Σ w from log Z;
    - ``effective_share``: (Σ w)² / (N Σ w²), between 1/N and 1.
    """
    log_weights = log_weights.double()
    count = log_weights.shape[-1]
    total = log_weights.logsumexp(-1)
    return {
        "elbo_gap": log_z - log_weights.mean(-1),
        "elbo_gap_error": log_weights.std(-1) / math.sqrt(count),
        "log_z_error": (total - math.log(count) - log_z).abs(),
        "effective_share": (2 * total - (2 * log_weights).logsumexp(-1)).exp() / count,
    }


def target_measures(log_weights: Tensor, log_z: float) -> dict[str, Tensor]:
    """What the weights of N exact samples of the target say: ``eubo_gap`` = E[log w] − log Z, the forward KL divergence.

    With its standard error ``eubo_gap_error``, each ``[...]`` of log-weights ``[..., N]``, in nats.
    """
    log_weights = log_weights.double()
    error = log_weights.std(-1) / math.sqrt(log_weights.shape[-1])
    return {"eubo_gap": log_weights.mean(-1) - log_z, "eubo_gap_error": error}


def sliced_wasserstein(first: Tensor, second: Tensor, seed: int = 0) -> float:
    """Mean over random lines of the Wasserstein distance (of order 1) between two sets of points projected on them.

    Arguments:
        first: ``[N, d]``.
        second: as many, ``[N, d]``.
        seed: of the lines.
    """
    lines = torch.randn(DIRECTIONS, first.shape[1], generator=stream("sliced Wasserstein", seed), dtype=torch.float64)
    lines = lines / lines.norm(dim=1, keepdim=True)
    ordered = ((points.double() @ lines.T).sort(0).values for points in (first, second))
    return float((next(ordered) - next(ordered)).abs().mean())


def mode_measures(environment: ContinuousEnvironment, points: Tensor) -> dict[str, float]:
    """How the weights of modes among N points ``[N, d]`` differ from the exact ones; nothing for a target of one mode.

    - ``mode_tv``: total variation of the weights, the mean over the parts of which a target has modes;
    - ``missed``: share of the modes that have less than half of their weight.
    """
    due = environment.mode_weights
    if due is None:
        return {}
    found = environment.mode_shares(points).double().mean(0)
    return {
        "mode_tv": float((found - due).abs().sum(1).mean() / 2),
        "missed": float((found < COVERED * due).double().mean()),
    }


def sample_measures(environment: ContinuousEnvironment, points: Tensor, seed: int) -> dict[str, float]:
    """Points ``[N, d]`` beside as many exact samples: ``sliced``, their distance, and what modes say.

    ``sliced_floor`` and ``mode_tv_floor`` are the same of exact samples: no sampler is better on average.
    """
    exact, others = (
        environment.sample_target(len(points), stream(f"measures: {name} exact samples", seed))
        for name in ("first", "second")
    )
    found = {"sliced": sliced_wasserstein(points, exact, seed), "sliced_floor": sliced_wasserstein(others, exact, seed)}
    found |= mode_measures(environment, points)
    if "mode_tv" in found:
        found["mode_tv_floor"] = mode_measures(environment, exact)["mode_tv"]
    return found


def resample(points: Tensor, log_weights: Tensor, generator: torch.Generator) -> Tensor:
    """As many points as there are, ``[N, d]``, drawn among them in proportion to their weights, ``[N]``.

    Resampling is systematic: each point is drawn its expected number of times, rounded up or down.
    """
    edges = log_weights.double().softmax(0).cumsum(0)
    places = (torch.arange(len(points)) + torch.rand(1, generator=generator, dtype=torch.float64)) / len(points)
    return points[torch.searchsorted(edges, places).clamp(max=len(points) - 1)]
