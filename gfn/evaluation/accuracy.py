"""How far a learned distribution is from its target: L1 for objects, Jensen-Shannon divergence for densities."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gfn.environments import ContinuousEnvironment, DiscreteEnvironment, Environment, PlanarEnvironment, Sets
from gfn.environments.continuous import Box
from gfn.environments.enumeration import target_distribution
from gfn.environments.planar import cell_area
from gfn.evaluation.continuous import estimates
from gfn.evaluation.exact import terminal_distribution
from gfn.policies import CategoricalPolicy, LearnedBackward, MixturePolicy, Policy
from gfn.policies.mixture import mixture_log_density
from gfn.randomness import stream
from gfn.sampling import retrace, rollout

EXACT_STATES = 1 << 19
ROWS = 1 << 14
CELLS = 1 << 17


def is_enumerated(environment: Environment) -> bool:
    """Whether a task is so small that what is reported of it is exact: at most 2¹⁹ states, which can be numbered."""
    discrete = isinstance(environment, DiscreteEnvironment)
    return discrete and environment.countable and environment.state_count <= EXACT_STATES


def l1(p: Tensor, q: Tensor) -> Tensor:
    """L1 distance Σ_x |p(x) - q(x)| of distributions along the last axis, between 0 and 2."""
    return (p - q).abs().sum(-1)


@torch.no_grad()
def estimate_l1(
    environment: Sets,
    policy: CategoricalPolicy,
    objects: int,
    orders: int,
    seed: int | Sequence[int] = 0,
    backward: LearnedBackward | None = None,
) -> tuple[Tensor, Tensor]:
    r"""L1 distance between p_T and r/Z by importance sampling, for tasks too large to enumerate, and its standard error.

    .. math:: \sum_x |p_T - p| = E_{x \sim (p + p_T)/2}\big[2 \tanh \tfrac12 |\log p_T(x) - \log p(x)|\big]

    Half of the objects are exact samples of p = r/Z, half come from the policy, and
    p_T(x) = E_{τ ~ p_B(· | x)}[p_F(τ) / p_B(τ | x)] is a mean over backward orders. The noise of that
    mean biases the result upwards, the less the nearer the policy is to its target.

    Arguments:
        environment: a task with exact log Z and exact samples of its target.
        policy: a policy of R replicas.
        objects: number of objects x (an even number is used).
        orders: backward orders for each object.
        seed: of the objects and orders, for every replica alike; or of the objects, one for each replica.
        backward: the learned backward policy that draws the orders; any gives the same mean, the one that the policy was
            trained with the least noise. Without it, orders are uniform.

    Returns:
        float64 ``[R]`` each.
    """
    parameter = next(policy.parameters())
    replicas, half, device = len(parameter), objects // 2, parameter.device
    seeds = [seed] * replicas if isinstance(seed, int) else list(seed)
    generators = [stream("L1: policy's objects", each, device=device) for each in seeds]
    drawn = {each: environment.sample_target(half, stream("L1: target's objects", each)) for each in set(seeds)}
    target = torch.stack([drawn[each] for each in seeds]).to(device)
    # Random numbers that all replicas share, whatever other seeds there are.
    order = stream("L1: backward orders", seed if isinstance(seed, int) else 0, device=device)
    sampled = rollout(environment, policy, half, generators).terminal
    x = torch.cat([target, sampled], 1)
    log_weights = []
    for chunk in x.split(max(1, ROWS // (orders * environment.max_steps)), 1):
        repeated = chunk.repeat_interleave(orders, 1)
        traced = retrace(environment, policy, repeated, order, backward)
        log_weights.append((traced.log_pf.double() - traced.log_pb.double()).unflatten(1, (-1, orders)))
    log_terminal = torch.cat(log_weights, 1).logsumexp(-1) - math.log(orders)
    log_target = environment.log_reward(x) - environment.log_z
    terms = (2 * torch.tanh((log_terminal - log_target).abs() / 2)).cpu()
    # The target's objects and the policy's are samples of their own.
    halves = terms.unflatten(-1, (2, -1))
    return terms.mean(-1), (halves.var(-1) / halves.shape[-1]).sum(-1).sqrt() / 2


@torch.no_grad()
def policy_density(
    environment: PlanarEnvironment, policy: MixturePolicy, resolution: int, box: Box | None = None
) -> Tensor:
    """p_T at the midpoints of a grid on ``box``: float64 ``[R, resolution (x1), resolution (x2)]``."""
    parameter = next(policy.parameters())
    first, second = (axis.to(parameter.device) for axis in environment.axes(resolution, box))
    source = environment.initial(len(parameter), resolution, device=parameter.device)
    drawn = first.expand(len(parameter), -1)
    log_first = policy.log_prob(environment.observe(source), None, drawn)
    conditional = policy.mixture(environment.observe(environment.step(source, drawn)))
    # In chunks that stay in a core's cache.
    rows = max(1, CELLS // (len(parameter) * resolution * conditional[0].shape[-1]))
    chunks = zip(*(part.unsqueeze(2).split(rows, 1) for part in conditional))
    log_second = torch.cat([mixture_log_density(*chunk, second) for chunk in chunks], 1)
    return (log_first.unsqueeze(2) + log_second).double().exp().cpu()


def target_density(environment: PlanarEnvironment, resolution: int, box: Box | None = None) -> Tensor:
    """The target's density on the same grid: float64 ``[resolution (x1), resolution (x2)]``.

    Where its log Z is not known, quadrature on a grid of as many cells on the task's own box gives it.
    """
    points, log_z = torch.cartesian_prod(*environment.axes(resolution, box)), environment.log_z
    if log_z is None:
        own = environment.log_density(torch.cartesian_prod(*environment.axes(resolution)))
        log_z = own.logsumexp(0) + math.log(cell_area(environment.box, resolution))
    return (environment.log_density(points) - log_z).exp().view(resolution, resolution)


def jsd(environment: PlanarEnvironment, policy: MixturePolicy, resolution: int) -> Tensor:
    """Jensen-Shannon divergence between p_T and the target, in nats (0 to log 2), by quadrature.

    The policy's mass outside the task's box, where the target has none, counts in full.

    Returns:
        float64 ``[R]``.
    """
    area = cell_area(environment.box, resolution)
    densities = policy_density(environment, policy, resolution), target_density(environment, resolution)
    # Spikes narrower than a cell can make the midpoint rule exceed one.
    p, q = (area * density / (area * density.sum((-2, -1), keepdim=True)).clamp(min=1) for density in densities)
    middle = (p + q) / 2
    inside = (torch.special.xlogy(p, p / middle) + torch.special.xlogy(q, q / middle)).nan_to_num().sum((1, 2)) / 2
    outside = (1 - p.sum((1, 2))).clamp(min=0)
    return inside + outside * math.log(2) / 2


@torch.no_grad()
def elbo(
    environment: DiscreteEnvironment,
    policy: CategoricalPolicy,
    count: int,
    seed: int = 0,
    backward: LearnedBackward | None = None,
) -> Tensor:
    """Evidence lower bound E[log r + log p_B - log p_F] ≤ log Z, in nats, for tasks too large to enumerate.

    It falls short of log Z by the reverse KL divergence over trajectories.

    Arguments:
        environment: any discrete task.
        policy: a policy of R replicas.
        count: number of trajectories.
        seed: the same seed gives the same trajectories.
        backward: the learned backward policy p_B; without it, it is uniform over parents.

    Returns:
        float64 ``[R]``.
    """
    parameter = next(policy.parameters())
    generators = [stream("evidence lower bound", seed, device=parameter.device) for _ in range(len(parameter))]
    drawn = rollout(environment, policy, count, generators, backward=backward)
    return (drawn.log_reward + drawn.log_pb - drawn.log_pf).double().mean(1).cpu()


def accuracy(
    environment: Environment,
    policy: Policy,
    *,
    l1_objects: int,
    l1_orders: int,
    resolution: int,
    seeds: Sequence[int] | None = None,
    backward: LearnedBackward | None = None,
) -> dict[str, Tensor]:
    """The task's own accuracy metric and its value for each replica.

    JSD for planar tasks by quadrature, for other continuous ones from ``l1_objects`` points, with its standard error
    ``jsd_error``, see :func:`gfn.evaluation.continuous.estimates`; exact L1 for discrete tasks of at most 2¹⁹ states, if they can be numbered;
    for others the importance estimate of L1 where the target can be sampled, with its standard error as ``l1_error``,
    else the evidence lower bound. ``seeds``, one for each replica, are those of the estimates' objects.
    """
    if isinstance(environment, PlanarEnvironment):
        return {"jsd": jsd(environment, policy, resolution)}
    if isinstance(environment, ContinuousEnvironment):
        return estimates(
            environment, policy, l1_objects, [0] * len(next(policy.parameters())) if seeds is None else seeds
        )
    if is_enumerated(environment):
        return {"l1": l1(terminal_distribution(environment, policy), target_distribution(environment))}
    if isinstance(environment, Sets):
        own = 0 if seeds is None else seeds
        return dict(zip(("l1", "l1_error"), estimate_l1(environment, policy, l1_objects, l1_orders, own, backward)))
    return {"elbo": elbo(environment, policy, l1_objects, backward=backward)}
