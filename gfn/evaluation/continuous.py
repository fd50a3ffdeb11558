"""How far a policy is from a continuous target of any dimension: estimated from samples, with standard errors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gfn.environments import ContinuousEnvironment
from gfn.evaluation.samples import sample_measures, target_measures, weight_measures
from gfn.policies import MixturePolicy
from gfn.randomness import stream
from gfn.sampling import Trajectories, follow, rollout


def probabilities(environment: ContinuousEnvironment, policy: MixturePolicy, points: Tensor) -> Trajectories:
    """The trajectories to ``points`` ``[R, N, d]``: each has one."""
    return follow(environment, policy, points.transpose(1, 2))


def target_points(environment: ContinuousEnvironment, count: int, seeds: Sequence[int], purpose: str) -> Tensor:
    """Exact samples for each seed, float64 ``[R, count, d]``, independent of which other seeds there are."""
    return torch.stack([environment.sample_target(count, stream(purpose, seed)) for seed in seeds])


@torch.no_grad()
def jsd_terms(environment: ContinuousEnvironment, policy: MixturePolicy, count: int, seeds: Sequence[int]) -> Tensor:
    r"""What an estimate of the Jensen-Shannon divergence of p_T from p = r/Z is the mean of: float64 ``[R, count]``.

    .. math:: \tfrac12 E_{x \sim p}\Big[\log \frac{2 p(x)}{p(x) + p_T(x)}\Big] + \tfrac12 E_{x \sim p_T}\Big[\log \frac{2 p_T(x)}{p(x) + p_T(x)}\Big]

    The first half are of exact samples, the second of points of the policy. No term exceeds log 2.
    """
    device = next(policy.parameters()).device
    half = count // 2
    generators = [stream("JSD: policy's points", seed, device=device) for seed in seeds]
    exact = target_points(environment, half, seeds, "JSD: target's points").to(device)
    drawn = rollout(environment, policy, half, generators).terminal[..., :-1]
    points = torch.cat([exact, drawn], 1)
    log_ratio = probabilities(environment, policy, points).log_pf.double() - environment.log_density(points)
    log_ratio = log_ratio + environment.log_z
    log_ratio[:, half:] *= -1
    return (math.log(2) - softplus(log_ratio)).cpu()


@torch.no_grad()
def estimates(
    environment: ContinuousEnvironment, policy: MixturePolicy, count: int, seeds: Sequence[int]
) -> dict[str, Tensor]:
    """The accuracy of each replica with its standard error, float64 ``[R]``.

    ``jsd``, in nats, where log Z is known and the target can be sampled; else ``elbo``, the evidence lower bound.
    """
    if environment.has_samples and environment.log_z is not None:
        terms = jsd_terms(environment, policy, count, seeds)
        halves = terms.unflatten(-1, (2, -1))
        return {"jsd": terms.mean(-1), "jsd_error": (halves.var(-1) / halves.shape[-1]).sum(-1).sqrt() / 2}
    device = next(policy.parameters()).device
    generators = [stream("evidence lower bound", seed, device=device) for seed in seeds]
    drawn = rollout(environment, policy, count, generators)
    log_weights = (drawn.log_reward - drawn.log_pf).double().cpu()
    return {"elbo": log_weights.mean(1), "elbo_error": log_weights.std(1) / math.sqrt(count)}


@torch.no_grad()
def continuous_measures(
    environment: ContinuousEnvironment, policy: MixturePolicy, seeds: Sequence[int], count: int
) -> dict[str, Tensor]:
    """All that :mod:`gfn.evaluation.samples` measures of a policy, from ``count`` points: of each replica, float64 ``[R]``."""
    device = next(policy.parameters()).device
    generators = [stream("measures: policy's trajectories", seed, device=device) for seed in seeds]
    drawn = rollout(environment, policy, count, generators)
    gap = (drawn.log_pf - drawn.log_reward).double() + environment.log_z
    found = weight_measures((drawn.log_reward - drawn.log_pf).cpu(), environment.log_z)
    found["tb_loss"] = gap.square().mean(1).cpu()
    if not environment.has_samples:
        return found
    exact = target_points(environment, count, seeds, "measures: target's objects").to(device)
    back = probabilities(environment, policy, exact)
    found |= target_measures((back.log_reward - back.log_pf).cpu(), environment.log_z)
    each = [sample_measures(environment, x.cpu(), seed) for x, seed in zip(drawn.terminal[..., :-1], seeds)]
    return found | {name: torch.tensor([own[name] for own in each], dtype=torch.float64) for name in each[0]}
