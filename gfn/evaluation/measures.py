"""What is reported of a trained policy where its error cannot be exact, beside the exact total variation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gfn.environments import (
    ContinuousEnvironment,
    DiscreteEnvironment,
    Environment,
    GaussianMixture,
    PlanarEnvironment,
)
from gfn.environments.enumeration import log_max_reward, state_graph, target_distribution
from gfn.environments.planar import cell_area
from gfn.evaluation.accuracy import is_enumerated, policy_density, target_density
from gfn.evaluation.continuous import continuous_measures, probabilities
from gfn.evaluation.exact import edge_probabilities
from gfn.policies import CategoricalPolicy, MixturePolicy, Policy
from gfn.randomness import stream
from gfn.sampling import retrace, rollout, table_of

SUBSETS, SUBSET = 64, 32  # how many random subsets, and of how many objects
DRAWN = 1024  # trajectories where bounds cannot be summed exactly
COVERED = 0.5  # share of its mass that a policy must give to a mode
LEAST = -700.0  # for the log of a probability that has underflowed


def measures(
    environment: Environment, policy: Policy, seeds: Sequence[int], resolution: int, fractions: Sequence[float]
) -> dict[str, dict[int | None, Tensor]]:
    """Of each replica, float64 ``[R]`` by name, and by a number where there are several:

    - ``tv``: exact total variation of p_T from its target, ½ Σ |p_T - p|;
    - ``subset_tv``: the mean of that over random subsets of 32 objects, on each of which both are normalised (Silva et
      al., 2025), and ``drawn_subset_tv`` over subsets that the policy draws;
    - ``spearman``: rank correlation of log p_T and log r over all objects;
    - ``elbo_gap`` = log Z - E[log w] under the policy, which is the reverse KL over trajectories, and ``eubo_gap``, which is
      E[log w] under the target less log Z, the forward KL;
    - ``tb_loss``: the mean of TB's loss on policy, with the exact log Z;
    - ``covered``: for each fraction ρ, in per cent, the share of the modes (objects of at least ρ times the highest
      reward) that the policy draws at least half as often as it should; of the mixture, without a number, the share of its components.

    Exact where a task can be enumerated, in the plane by quadrature and from samples, as for large sets, which have the last
    bounds and the loss alone. Other continuous tasks have what :mod:`gfn.evaluation.samples` measures.
    """
    if isinstance(environment, PlanarEnvironment):
        return _planar(environment, policy, seeds, resolution)
    if isinstance(environment, ContinuousEnvironment):
        found = continuous_measures(environment, policy, seeds, DRAWN)
        return {name: {None: value} for name, value in found.items()}
    if is_enumerated(environment):
        return _enumerated(environment, policy, seeds, fractions)
    return {name: {None: value} for name, value in _sampled(environment, policy, seeds).items()}


def _enumerated(
    environment: DiscreteEnvironment, policy: CategoricalPolicy, seeds: Sequence[int], fractions: Sequence[float]
) -> dict[str, dict[int | None, Tensor]]:
    p, bounds = trajectory_moments(environment, policy)
    target, log_reward = target_distribution(environment), environment.log_reward(state_graph(environment).objects)
    found = {name: {None: value} for name, value in (bounds | compare(p, target, log_reward, seeds)).items()}
    highest, covered = log_max_reward(environment), p >= COVERED * target
    for fraction in fractions:
        modes = log_reward >= highest + math.log(fraction) - 1e-9
        found.setdefault("covered", {})[round(100 * fraction)] = covered[:, modes].double().mean(1)
    return found


def compare(p: Tensor, target: Tensor, log_reward: Tensor, seeds: Sequence[int]) -> dict[str, Tensor]:
    """Total variation, on subsets too, and the rank correlation, of distributions ``[R, X]`` from their target ``[X]``."""
    count, size = p.shape[1], min(SUBSET, p.shape[1])
    subsets = {"subset_tv": [], "drawn_subset_tv": []}
    for own, seed in zip(p, seeds):
        generator = stream("random subsets of objects", seed)
        for name, weights in (("subset_tv", torch.ones(count)), ("drawn_subset_tv", own)):
            many = min(size, int((weights > 0).sum()))
            chosen = torch.multinomial(weights.expand(SUBSETS, -1).double(), many, generator=generator)
            parts = (each[chosen] / each[chosen].sum(1, keepdim=True).clamp(min=1e-300) for each in (own, target))
            first, second = parts
            subsets[name].append((first - second).abs().sum(1).mean() / 2)
    found = {name: torch.stack(values) for name, values in subsets.items()}
    correlated = torch.stack([rank_correlation(own, log_reward) for own in p])
    return {"tv": (p - target).abs().sum(1) / 2, "spearman": correlated, **found}


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's, of two ``[X]``; 0 where all of one are equal."""
    from scipy.stats import rankdata  # takes a while to load

    ranks = torch.stack([torch.from_numpy(rankdata(each.numpy())) for each in (first, second)])
    return torch.corrcoef(ranks)[0, 1].nan_to_num()


@torch.no_grad()
def trajectory_moments(environment: DiscreteEnvironment, policy: CategoricalPolicy) -> tuple[Tensor, dict[str, Tensor]]:
    r"""p_T ``[R, X]``, and over all trajectories E[Δ], E[Δ²] under the policy and -E[Δ] under the target, each ``[R]``.

    Δ = log p_F - log p_B - log r + log Z is a sum over the steps of a trajectory. So its moments on reaching a state add up
    along the edges of the state graph, from the source on; under the target masses go back from the objects.
    """
    graph, table = state_graph(environment), table_of(environment, torch.device("cpu"))
    probability = edge_probabilities(environment, policy).cpu()
    log_pb = table.log_pb.take(graph.source * environment.action_count + graph.action)
    log_pf = probability.log().clamp(min=LEAST)
    step = log_pf - log_pb
    moments = torch.zeros(3, len(probability), len(graph.states), dtype=torch.float64)
    moments[0, :, 0] = 1.0
    for level in graph.levels:
        mass, first, second = moments.index_select(2, graph.source[level])
        own = step[:, level]
        sums = torch.stack([mass, first + own * mass, second + 2 * own * first + own.square() * mass])
        moments.index_add_(2, graph.target[level], sums * probability[:, level])
    p, first, second = moments[:, :, graph.terminal]
    target = target_distribution(environment)
    log_target = environment.log_reward(graph.objects).log_softmax(0)
    reverse = (first - log_target * p).sum(1)
    squared = (second - 2 * log_target * first + log_target.square() * p).sum(1)
    back = torch.zeros(len(graph.states), dtype=torch.float64)
    back[graph.terminal] = target
    forward = (target * log_target).sum().expand(len(probability)).clone()
    for level in reversed(graph.levels):
        sent = back.index_select(0, graph.target[level]) * log_pb[level].exp()
        back.index_add_(0, graph.source[level], sent)
        forward -= step[:, level] @ sent
    return p, {"elbo_gap": reverse, "eubo_gap": forward, "tb_loss": squared}


@torch.no_grad()
def _sampled(environment: Environment, policy: Policy, seeds: Sequence[int]) -> dict[str, Tensor]:
    """The bounds and the loss from samples, the upper bound where the target can be sampled and trajectories are equally long."""
    device = next(policy.parameters()).device
    generators = [stream("measures: policy's trajectories", seed, device=device) for seed in seeds]
    drawn = rollout(environment, policy, DRAWN, generators)
    gap = (drawn.log_pf - drawn.log_pb - drawn.log_reward).double() + environment.log_z
    found = {"elbo_gap": gap.mean(1).cpu(), "tb_loss": gap.square().mean(1).cpu()}
    if not environment.has_samples or environment.min_steps < environment.max_steps:
        return found  # objects are traced back in equally many steps
    own = (stream("measures: target's objects", seed) for seed in seeds)
    objects = torch.stack([environment.sample_target(DRAWN, generator) for generator in own]).to(device)
    if isinstance(environment, PlanarEnvironment):
        traced = probabilities(environment, policy, objects)
    else:
        traced = retrace(environment, policy, objects, stream("measures: backward orders", 0, device=device))
    back = (traced.log_pb + traced.log_reward - traced.log_pf).double() - environment.log_z
    return found | {"eubo_gap": back.mean(1).cpu()}


def _planar(
    environment: PlanarEnvironment, policy: MixturePolicy, seeds: Sequence[int], resolution: int
) -> dict[str, dict[int | None, Tensor]]:
    area = cell_area(environment.box, resolution)
    p, target = (
        area * density.flatten(-2)
        for density in (policy_density(environment, policy, resolution), target_density(environment, resolution))
    )
    p, target = p / p.sum(1, keepdim=True).clamp(min=1), target / target.sum()
    found = _sampled(environment, policy, seeds) | compare(p, target, target, seeds)
    found["tv"] = found["tv"] + (1 - p.sum(1)) / 2  # what lies outside of the box
    if isinstance(environment, GaussianMixture):
        points = torch.cartesian_prod(*environment.axes(resolution))
        nearest = torch.cdist(points, environment.means).argmin(1)
        masses = torch.zeros(len(p) + 1, len(environment.means), dtype=torch.float64)
        masses.index_add_(1, nearest, torch.cat([p, target.unsqueeze(0)]))
        found["covered"] = (masses[:-1] >= COVERED * masses[-1]).double().mean(1)
    return {name: {None: value} for name, value in found.items()}
