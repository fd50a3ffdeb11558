"""What several tests need: gradients of each replica, small tasks as tables of trajectories, statistical tests."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement

import numpy as np
import torch
from torch import Tensor

from gfn.environments import (
    DAGs,
    Digits,
    DiscreteEnvironment,
    Environment,
    Hypergrid,
    Phylogenetics,
    PlanarEnvironment,
    Sequences,
    Sets,
)
from gfn.evaluation.exact import all_probabilities, all_trajectories, divergence
from gfn.policies import Policy, PolicySettings, make_policy
from gfn.runs.objective import Objective
from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, TrainingSpec
from gfn.sampling import Trajectories, evaluate, rollout
from gfn.study.results import Run, to_frame

ALPHAS = (-1.0, 0.5, 2.0)
DIVERGENCE_CASES = [("reverse_kl", None), ("forward_kl", None)] + [(n, a) for n in ("tsallis", "renyi") for a in ALPHAS]
UNBIASED_CASES = [case for case in DIVERGENCE_CASES if case[0] != "renyi"]

SMALL_TASKS = {
    "sets 5 choose 3": Sets(universe=5, size=3),
    "sequences 3 letters length 3": Sequences(alphabet=3, length=3),
    "hypergrid 3 by 3": Hypergrid(side=3, r0=0.1),
    "dags of 3 nodes": DAGs(nodes=3, samples=10),
}
TINY_TASKS = {
    "sets 4 choose 2": Sets(universe=4, size=2),
    "sequences 2 letters length 2": Sequences(alphabet=2, length=2),
}

# Every discrete task, where each has few objects, and where it has very few.
DISCRETE = SMALL_TASKS | {
    "phylogenetics of 4 taxa": Phylogenetics(alignment=tuple(zip("abcd", ("ACGT", "ACGA", "TCGA", "TTGC")))),
    "digits of 4 pixels": Digits(side=2, prototypes=3),
}
LEARNABLE = TINY_TASKS | {
    "hypergrid 3 by 3": Hypergrid(side=3, r0=0.1),
    "dags of 2 nodes": DAGs(nodes=2, samples=5),
    "phylogenetics of 3 taxa": Phylogenetics(alignment=tuple(zip("abc", ("ACGT", "ACGA", "TCGA")))),
}


def generators(count: int, first: int = 0) -> list[torch.Generator]:
    """Sources of randomness with seeds ``first``, ``first + 1``, …"""
    return [torch.Generator().manual_seed(first + k) for k in range(count)]


def some_actions(environment: Environment, state: Tensor, generator: torch.Generator) -> Tensor:
    """An allowed action at each state, uniformly; a normal number where any number is allowed."""
    shape = state.shape[:-1]
    if not isinstance(environment, DiscreteEnvironment):
        return torch.randn(shape, generator=generator, dtype=torch.float64)
    mask = environment.mask(state)
    return torch.rand(mask.shape, generator=generator).masked_fill(~mask, -1).argmax(-1)


def small_policy(environment: Environment, seeds: Sequence[int] = (0,), hidden: tuple[int, ...] = (8,)) -> Policy:
    """A float64 policy, small enough for exact gradients."""
    return make_policy(environment, PolicySettings(hidden=hidden, gin_width=hidden[-1]), seeds).double()


def repeat(policy: Policy, environment: Environment, replicas: int) -> Policy:
    """Many copies of a policy's only replica: as many independent estimates from one backward pass."""
    copies = small_policy(environment, [0] * replicas)
    with torch.no_grad():
        for copy, original in zip(copies.parameters(), policy.parameters(), strict=True):
            copy.copy_(original.expand_as(copy))
    return copies


def gradients(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Gradient of every replica's loss ``[R]``, in one row each: ``[R, P]``."""
    return torch.cat([g.flatten(1) for g in torch.autograd.grad(loss.sum(), list(parameters), retain_graph=True)], 1)


def train(environment: Environment, policy: Policy, steps: int, batch: int = 32, seed: int = 1) -> Policy:
    """A short training by the reverse KL, far from the start and far from the optimum."""
    objective, sources = Objective(name="reverse_kl"), generators(1, seed)
    optimiser = torch.optim.Adam(policy.parameters(), lr=0.02)
    for _ in range(steps):
        optimiser.zero_grad()
        objective.loss(rollout(environment, policy, batch, sources), policy.parameters()).sum().backward()
        optimiser.step()
    return policy


def objective(name: str, alpha: float | None, control_variate: str, epsilon: float | None = None) -> Objective:
    """An objective with α where it has one, and ε where one is given."""
    return Objective(name=name, alpha=alpha, control_variate=control_variate, epsilon=epsilon)


def exact_gradient(environment: DiscreteEnvironment, policy: Policy, name: str, alpha: float | None) -> Tensor:
    """Gradient of a divergence by its definition, over all trajectories, of a policy's first replica: ``[P]``."""
    parameters = list(policy.parameters())
    return gradients(divergence(name, all_probabilities(environment, policy), alpha), parameters)[0]


@dataclass(frozen=True)
class Table:
    """All M trajectories of a task under one policy, and how each log p_F depends on the P parameters.

    Attributes:
        log_pf, log_pb, log_reward: ``[M]``.
        scores: ∇log p_F of every trajectory, ``[M, P]``.
        log_z: log Z.
    """

    log_pf: Tensor
    log_pb: Tensor
    log_reward: Tensor
    scores: Tensor
    log_z: float

    @property
    def probabilities(self) -> Tensor:
        return self.log_pf.exp()

    def estimates(self, batches: Tensor, goal: Objective, wrong=None) -> Tensor:
        """The gradient estimates of given batches, through the package's own estimators.

        Arguments:
            batches: indices of trajectories, ``[K, N]``.
            goal: the objective.
            wrong: a function used in place of ``goal.loss``.

        Returns:
            ``[K, P]``.
        """
        theta = torch.zeros(len(batches), self.scores.shape[1], dtype=torch.float64, requires_grad=True)
        log_pf = (self.log_pf + theta @ self.scores.T).gather(1, batches)
        drawn = Trajectories(log_pf, self.log_pb[batches], self.log_reward[batches], batches)
        loss = wrong(drawn) if wrong else goal.loss(drawn, [theta], log_scale=self.log_z)
        return torch.autograd.grad(loss.sum(), theta)[0]

    def draw(self, count: int, batch: int, seed: int) -> Tensor:
        """``count`` batches of independent trajectories, as indices ``[count, batch]``."""
        generator = torch.Generator().manual_seed(seed)
        flat = torch.multinomial(self.probabilities, count * batch, replacement=True, generator=generator)
        return flat.view(count, batch)

    def exact(self, name: str, alpha: float | None) -> Tensor:
        """The exact gradient of a divergence, ``[P]``."""
        theta = torch.zeros(1, self.scores.shape[1], dtype=torch.float64, requires_grad=True)
        log_pf = self.log_pf + theta @ self.scores.T
        # Second order in theta does not matter to a gradient at theta = 0, so exp(log_pf) need not sum to one.
        value = divergence(name, Trajectories(log_pf, self.log_pb[None], self.log_reward[None], log_pf), alpha)
        return torch.autograd.grad(value.sum(), theta)[0][0]


def table(environment: DiscreteEnvironment, policy: Policy) -> Table:
    """Enumerate a small task under a policy of one replica."""
    states, actions = all_trajectories(environment)
    count = actions[0].shape[1]
    copies = repeat(policy, environment, count)
    each = evaluate(environment, copies, [s.transpose(0, 1) for s in states], [a.transpose(0, 1) for a in actions])
    scores = gradients(each.log_pf[:, 0], list(copies.parameters()))
    rows = [value[:, 0].detach() for value in (each.log_pf, each.log_pb, each.log_reward)]
    return Table(*rows, scores=scores, log_z=environment.log_z)


def all_batches(kinds: int, size: int) -> tuple[Tensor, Tensor]:
    """All unordered batches of ``size`` out of ``kinds`` trajectories, and log of the number of orders of each."""
    batches = torch.tensor(list(combinations_with_replacement(range(kinds), size)))
    counts = torch.zeros(len(batches), kinds, dtype=torch.float64)
    counts.scatter_add_(1, batches, torch.ones_like(batches, dtype=torch.float64))
    return batches, math.lgamma(size + 1) - (counts + 1).lgamma().sum(1)


def exact_moments(trajectories: Table, size: int, goal: Objective) -> tuple[Tensor, float]:
    """Mean ``[P]`` and variance (trace of the covariance) of an estimator, summed over every batch there is."""
    batches, log_orders = all_batches(len(trajectories.log_pf), size)
    probability = (log_orders + trajectories.log_pf[batches].sum(1)).exp()
    estimates = trajectories.estimates(batches, goal)
    mean = probability @ estimates
    return mean, float(probability @ (estimates - mean).square().sum(1))


def chi_square_p(statistic: Tensor | float, freedom: int) -> float:
    """P(χ² of ``freedom`` degrees ≥ ``statistic``)."""
    return float(torch.special.gammaincc(torch.tensor(freedom / 2.0), torch.as_tensor(statistic).double() / 2))


def frequencies_p(counts: Tensor, probabilities: Tensor) -> float:
    """p-value of Pearson's test that ``counts`` were drawn from ``probabilities``, rare cells pooled."""
    expected = counts.sum() * probabilities
    common = expected >= 5
    seen, due = counts[common].double(), expected[common]
    if (~common).any() and expected[~common].sum() >= 5:
        seen = torch.cat([seen, counts[~common].double().sum()[None]])
        due = torch.cat([due, expected[~common].sum()[None]])
    return chi_square_p(((seen - due).square() / due).sum(), len(due) - 1)


def mean_p(samples: Tensor, expected: Tensor, directions: int = 7) -> float:
    """p-value of Hotelling's test that the rows of ``samples`` ``[K, P]`` have the mean ``expected`` ``[P]``.

    The test looks along ``expected`` itself and along random directions. K must be far above their
    number, so that T² is χ² under the null.
    """
    generator = torch.Generator().manual_seed(20240913)
    looks = torch.randn(samples.shape[1], directions, generator=generator, dtype=torch.float64)
    if expected.norm() > 0:
        looks = torch.cat([looks, expected[:, None]], 1)
    seen = (samples - expected) @ (looks / looks.norm(dim=0))
    mean, covariance = seen.mean(0), torch.cov(seen.T)
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    keep = eigenvalues > 1e-10 * eigenvalues.max()
    statistic = ((mean @ vectors)[keep].square() / eigenvalues[keep]).sum() * len(samples)
    return chi_square_p(statistic, int(keep.sum()))


def ratio_interval(above: Tensor, below: Tensor) -> tuple[float, float]:
    """Ratio of the variances (trace of covariance) of paired estimates ``[K, P]``, and its standard error."""
    over = (above - above.mean(0)).square().sum(1)
    under = (below - below.mean(0)).square().sum(1)
    ratio = over.mean() / under.mean()
    error = (over - ratio * under).std() / (under.mean() * math.sqrt(len(over)))
    return float(ratio), float(error)


TIMES = ("seconds", "processor_seconds")


@cache
def made_up(settings) -> dict[Hashable, Run]:
    """Runs of a figure with the metrics and shapes that real ones have, and numbers that mean nothing, the same for a run."""
    runs = {}
    for label, spec in settings.specs().items():
        draw = np.random.default_rng(int(spec.hash, 16))
        rows = []
        if isinstance(spec, GradientSpec):
            metrics = ["variance", "variance_error"]
            if spec.exact:
                metrics += ["bias_squared", "bias_squared_error", "bias_along", "bias_along_error", "gradient_squared"]
                metrics += ["away", "optimal", "optimal_error", "whole", "whole_error"]
            rows = [
                {"seed": s, "iteration": i, "trajectories": n, "objective": o, "metric": m, "value": draw.uniform(1, 2)}
                for s in spec.seeds
                for i in spec.warmup
                for n in spec.batch_sizes
                for o in spec.objectives
                for m in metrics
                if not m.startswith("optimal") or o.alpha
            ]
        elif isinstance(spec, TrainingSpec):
            metrics = [
                ("jsd" if isinstance(spec.task, PlanarEnvironment) else "l1", None),
                ("top_k", None),
                *(("modes", round(100 * fraction)) for fraction in spec.mode_fractions),
            ]
            if spec.density:
                metrics += [("density", None)]
            rows = [
                {"seed": s, "iteration": i, "trajectories": i * spec.batch_size, "seconds": float(i)}
                | {"metric": m, "cell": c, "value": None if m == "density" else draw.uniform(1, 2)}
                | {"density": draw.uniform(1, 2, spec.density**2) if m == "density" else None}
                for s in spec.seeds
                for i in (0, 4, 8)
                for m, c in metrics
                if m != "density" or i == 8
            ]
        elif isinstance(spec, CostSpec):
            rows = [
                {"seed": 0, "iteration": turn, "cell": c, "objective": o, "metric": m, "value": draw.uniform(1, 2)}
                for c, o in enumerate(spec.objectives)
                for m, turns in (("memory", [0]), *((m, range(1, spec.rounds + 1)) for m in TIMES))
                for turn in turns
            ]
        elif isinstance(spec, ReferenceSpec):
            rows = [
                {"seed": s, "cell": c, "metric": m, "value": draw.normal()}
                for s in spec.seeds
                for c in range(spec.samples)
                for m in ("x1", "x2")
            ]
        runs[label] = Run(spec, to_frame(spec, rows), {})
    return runs
