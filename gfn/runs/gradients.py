"""Statistics of gradient estimates: the trace of their covariance, and their bias where the exact gradient is known."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from gfn.estimators import surrogate
from gfn.estimators.divergences import order_factor, renyi_terms, tsallis_terms
from gfn.evaluation.exact import all_probabilities, divergence
from gfn.policies import Policy
from gfn.randomness import stream
from gfn.runs.objective import WITH_ALPHA, Objective
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import Record, Trainer
from gfn.sampling import Trajectories, rollout

ROWS = 1 << 16


def measure_gradients(
    spec: GradientSpec, progress: Callable[[int, int], None] | None = None, device: str = "cpu"
) -> list[Record]:
    """For each seed, stage of training, batch size and objective, statistics over replicated estimates.

    Metrics recorded, with ``trajectories`` the batch size N and ``iteration`` the stage:

    - ``variance``: trace of the covariance of the estimate, Σ_k ‖g_k - ḡ‖² / (K - 1);
    - ``variance_error``: standard error of that;
    - with ``exact``, ``bias_squared``: unbiased estimate of ‖E[g] - ∇‖², ``bias_squared_error`` its
      standard error, and ``gradient_squared``: ‖∇‖² of the exact gradient;
    - with ``exact``, for Rényi and Tsallis with both control variates, ``optimal``: mean squared error
      over that with the optimal baseline a* of Proposition 2 in place of â, from the same batches,
      and ``optimal_error``: standard error of that.

    Log-weights are taken relative to the exact log Z, so the weights are those of P̄_B itself.
    """
    records: list[Record] = []
    done, total = 0, len(spec.seeds) * len(spec.warmup) * len(spec.batch_sizes)
    for seed in spec.seeds:
        for stage in spec.warmup:
            trained = trained_policy(spec, seed, stage, device)
            exact = {o: exact_gradient(spec, trained, o) for o in spec.objectives} if spec.exact else {}
            corrected = [o for o in exact if o.name in WITH_ALPHA and o.control_variate == "both"]
            baselines = {o: optimal_baseline(spec, trained, o) for o in corrected}
            for batch_size in spec.batch_sizes:
                estimates, optimal = replicated_gradients(spec, trained, batch_size, seed, baselines)
                for objective in spec.objectives:
                    common = {"seed": seed, "iteration": stage, "trajectories": batch_size, "objective": objective}
                    statistics = summarise(estimates[objective], exact.get(objective))
                    if objective in optimal:
                        statistics |= compare_errors(estimates[objective], optimal[objective], exact[objective])
                    records += [{**common, "metric": metric, "value": value} for metric, value in statistics.items()]
                done += 1
                if progress is not None:
                    progress(done, total)
    return records


def trained_policy(spec: GradientSpec, seed: int, stage: int, device: str = "cpu") -> Policy:
    """The policy of one seed after ``stage`` iterations of TB, an objective that is neutral between the divergences."""
    dtype = "float64" if spec.exact else "float32"
    trainer = Trainer(
        TrainingSpec(task=spec.task, policy=spec.policy, seeds=(seed,), iterations=max(stage, 1), dtype=dtype), device
    )
    while trainer.iteration < stage:
        trainer.step()
    trainer.check()
    return trainer.policy


def replicated_gradients(
    spec: GradientSpec, trained: Policy, batch_size: int, seed: int, baselines: Mapping[Objective, float] | None = None
) -> tuple[dict[Objective, Tensor], dict[Objective, Tensor]]:
    """K independent estimates of every objective's gradient, each ``[K, number of parameters]``.

    The replica axis holds copies of one policy, so that many estimates cost one backward pass; all
    objectives are estimated from the same trajectories, and all stages with the same noise. The second
    result has those of the objectives in ``baselines``, with the given number in place of â.
    """
    device = next(trained.parameters()).device
    chunk = max(1, min(spec.replicates, ROWS // (batch_size * spec.task.max_steps)))
    found: dict[Objective, list[Tensor]] = {objective: [] for objective in spec.objectives}
    given: dict[Objective, list[Tensor]] = {objective: [] for objective in baselines or {}}
    for first in range(0, spec.replicates, chunk):
        count = min(chunk, spec.replicates - first)
        policy = replicate(trained, count)
        parameters = list(policy.parameters())
        generators = [stream("gradients", seed, batch_size, first + k, device=device) for k in range(count)]
        batch = remembering(rollout(spec.task, policy, batch_size, generators), parameters)
        for objective in found:
            loss = objective.loss(batch, parameters, spec.task.log_z, spec.task.log_z)
            found[objective].append(_gradient(loss, parameters))
        for objective in given:
            loss = with_baseline(objective, batch, baselines[objective], spec.task.log_z)
            given[objective].append(_gradient(loss, parameters))
    return tuple({objective: torch.cat(parts) for objective, parts in each.items()} for each in (found, given))


class Remembered:
    """The vector-Jacobian products of a tensor, each made of earlier ones where it can be.

    They are linear in the vector, and the weights that all objectives give to a batch span a few
    dimensions only. So each costs a backward pass only for the part that is new.

    Arguments:
        output: ``[R, N]``, differentiable.
        parameters: of R replicas, stacked along a first axis.
    """

    def __init__(self, output: Tensor, parameters: list[Tensor]) -> None:
        self.output, self.parameters = output, parameters
        self.basis: list[Tensor] = []  # orthonormal vectors, [R, N]
        self.products: list[tuple[Tensor, ...]] = []  # and their products, like the parameters
        self.negligible = math.sqrt(torch.finfo(output.dtype).eps) / 100

    def __call__(self, vector: Tensor) -> tuple[Tensor, ...]:
        """The gradient of Σ vector · output in the parameters; ``vector`` is ``[R, N]``."""
        rest, shares = vector.double(), []
        for direction in self.basis:
            shares.append((rest * direction).sum(1))
            rest = rest - shares[-1].unsqueeze(1) * direction
        size = torch.linalg.vector_norm(rest, dim=1)
        if self._is_new(size, torch.linalg.vector_norm(vector.double(), dim=1)):
            direction = rest / size.clamp(min=torch.finfo(torch.float64).tiny).unsqueeze(1)
            self.basis.append(direction)
            shares.append(size)
            made = torch.autograd.grad(self.output, self.parameters, direction.to(self.output.dtype), retain_graph=True)
            self.products.append(made)
        result = [torch.zeros_like(parameter) for parameter in self.parameters]
        for share, product in zip(shares, self.products):
            for total, part in zip(result, product):
                total += share.to(part.dtype).view(-1, *[1] * (part.dim() - 1)) * part
        return tuple(result)

    def _is_new(self, size: Tensor, whole: Tensor) -> bool:
        return bool((size > self.negligible * whole).any())


class _Remembering(torch.autograd.Function):
    @staticmethod
    def forward(ctx, products: Remembered, *parameters: Tensor) -> Tensor:
        ctx.products = products
        return products.output.detach().clone()

    @staticmethod
    def backward(ctx, vector: Tensor):
        return None, *ctx.products(vector)


def remembering(batch: Trajectories, parameters: list[Tensor]) -> Trajectories:
    """A batch whose gradients are made of earlier ones where they can be, see :class:`Remembered`."""
    return replace(batch, log_pf=_Remembering.apply(Remembered(batch.log_pf, parameters), *parameters), make_steps=None)


def _gradient(loss: Tensor, parameters: list[Tensor]) -> Tensor:
    """Gradients of R losses in the parameters of each, ``[R, P]``."""
    gradients = torch.autograd.grad(loss.sum(), parameters, retain_graph=True)
    return torch.cat([g.flatten(1) for g in gradients], 1)


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


def terms(objective: Objective, batch: Trajectories, log_scale: float) -> tuple[Tensor, Tensor]:
    """Weights u and v of the gradient's pathwise and score terms, for Rényi and Tsallis."""
    arguments = (batch.log_pf, batch.log_pb, batch.log_reward, objective.alpha)
    return renyi_terms(*arguments) if objective.name == "renyi" else tsallis_terms(*arguments, log_scale)


def with_baseline(objective: Objective, batch: Trajectories, baseline: float, log_scale: float) -> Tensor:
    """The objective's loss with leave-one-out and a given scalar baseline of the pathwise term: ``[R]``."""
    pathwise, score = terms(objective, batch, log_scale)
    return surrogate(batch.log_pf, pathwise - baseline, score, "loo")


def optimal_baseline(spec: GradientSpec, trained: Policy, objective: Objective) -> float:
    """a* of Proposition 2, exactly: E[‖∇log p_F‖² u] / E[‖∇log p_F‖²] over all trajectories, for ∇f = u ∇log p_F."""
    every = all_probabilities(spec.task, trained)
    log_weights = every.log_pb + every.log_reward - every.log_pf.detach() - spec.task.log_z
    g = ((1 - objective.alpha) * log_weights).exp()
    probability = every.log_pf.detach().exp()
    if objective.name == "renyi":
        g = g / (probability * g).sum()
    parameters = list(trained.parameters())
    squares = [
        sum(part.square().sum() for part in torch.autograd.grad(log_pf, parameters, retain_graph=True))
        for log_pf in every.log_pf[0]
    ]
    weight = probability[0] * torch.stack(squares)
    pathwise = order_factor(objective.alpha) * (objective.alpha - 1) * g[0]
    return float((weight * pathwise).sum() / weight.sum())


def compare_errors(linearised: Tensor, optimal: Tensor, exact: Tensor) -> dict[str, float]:
    """Ratio of mean squared errors of paired estimates ``[K, P]``, as :func:`measure_gradients` records it."""
    above, below = ((estimates.double() - exact.double()).square().sum(1) for estimates in (linearised, optimal))
    ratio = above.mean() / below.mean()
    error = (above - ratio * below).std() / (below.mean() * math.sqrt(len(above)))
    return {"optimal": ratio.item(), "optimal_error": error.item()}


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
        # Σ_{j ≠ k} ⟨g_j, g_k⟩²; both Gram matrices have the same norm.
        gram = centred @ centred.T if count <= centred.shape[1] else centred.T @ centred
        pairs = gram.square().sum() - centred.square().sum(1).square().sum()
        spread = spread + 2 * pairs / (count * (count - 1)) / count**2
        result |= {
            "bias_squared": (off.square().sum() - variance / count).item(),
            "bias_squared_error": spread.sqrt().item(),
            "gradient_squared": exact.square().sum().item(),
        }
    return result
