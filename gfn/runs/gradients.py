"""Statistics of gradient estimates: the trace of their covariance, and their bias where the exact gradient is known."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import repeat

import torch
from torch import Tensor

from gfn.environments.enumeration import exact_log_z
from gfn.estimators import DIVERGENCES, surrogate
from gfn.estimators.divergences import renyi_terms, tsallis_terms
from gfn.estimators.f_losses import alpha_slope, jensen_shannon_slope
from gfn.evaluation.exact import all_probabilities, divergence
from gfn.policies import Policy
from gfn.randomness import stream
from gfn.runs.draws import Batches, Draws, pick
from gfn.runs.objective import F_LOSSES, WITH_ALPHA, Objective
from gfn.runs.off_policy import OffPolicyBatches
from gfn.runs.spec import GradientSpec, TrainingSpec
from gfn.runs.training import Record, Trainer
from gfn.sampling import Trajectories, last_choices

ROWS = 1 << 16


def measure_gradients(
    spec: GradientSpec, progress: Callable[[int, int], None] | None = None, device: str = "cpu"
) -> list[Record]:
    """For each stage of training, seed, batch size and objective, statistics over replicated estimates.

    Metrics recorded, with ``trajectories`` the batch size N and ``iteration`` the stage:

    - ``variance``: trace of the covariance of the estimate, Σ_k ‖g_k - ḡ‖² / (K - 1);
    - with ``exact``, whose gradient is ∇, also ``gradient_squared``: ‖∇‖²;
      ``bias_squared``: unbiased estimate of ‖E[g] - ∇‖², negative as often as not where there is no bias;
      ``bias_along``: ⟨E[g] - ∇, ∇⟩, with its sign; ``away``: share of estimates with ⟨g, ∇⟩ < 0;
    - with ``exact`` and independent draws, mean squared errors over those of the optima of :func:`optimal_baselines`,
      from the same batches: ``optimal`` and ``whole``.

    All but ``gradient_squared`` and ``away`` come with a standard error, such as ``variance_error``. Log-weights of
    forward KL and Tsallis are taken relative to the exact log Z, so their weights are those of P̄_B itself. TB's log Z
    is that of the stage if it is learned. The reverse KL has the rewards as they are, or with ``centred`` divided by Z.
    """
    records: list[Record] = []
    done, total = 0, len(spec.seeds) * len(spec.warmup) * len(spec.batch_sizes)
    age = spec.draws.age or 0
    for trainer, former in zip(stages(spec, device), stages(spec, device, age) if age else repeat(None)):
        for index, seed in enumerate(spec.seeds):
            trained, log_z = replicate(trainer.policy, 1, index), trainer.log_z[index].item()
            gradients = {o: exact_gradient(spec, trained, o, log_z) for o in spec.objectives} if spec.exact else {}
            plain = spec.exact and spec.draws == Draws() and spec.off_policy is None
            baselines = optimal_baselines(spec, trained) if plain else {}
            own, earlier = learned_baselines(trainer, index), replicate(former.policy, 1, index) if former else None
            for batch_size in spec.batch_sizes:
                given = (baselines, log_z, own, earlier)
                estimates, optimal = replicated_gradients(spec, trained, batch_size, seed, *given)
                exact = {o: gradient * _expected_share(o, batch_size) for o, gradient in gradients.items()}
                common = {"seed": seed, "iteration": trainer.iteration, "trajectories": batch_size}
                for objective in spec.objectives:
                    statistics = summarise(estimates[objective], exact.get(objective))
                    for metric, best in optimal.get(objective, {}).items():
                        statistics |= compare_errors(metric, estimates[objective], best, exact[objective])
                    about = {**common, "objective": objective}
                    records += [{**about, "metric": metric, "value": value} for metric, value in statistics.items()]
                done += 1
                if progress is not None:
                    progress(done, total)
    return records


def stages(spec: GradientSpec, device: str = "cpu", before: int = 0) -> Iterator[Trainer]:
    """The training of ``spec.trainer`` with all seeds, at each stage of ``spec.warmup``, or so many iterations before it."""
    dtype, last = "float64" if spec.exact else "float32", max(1, *spec.warmup)
    settings = {"task": spec.task, "policy": spec.policy, "seeds": spec.seeds, "iterations": last, "dtype": dtype}
    trainer = Trainer(TrainingSpec(objective=spec.trainer, **settings), device)
    for stage in sorted(spec.warmup):
        while trainer.iteration < stage - before:
            trainer.step()
        trainer.check()
        yield trainer


def replicated_gradients(
    spec: GradientSpec,
    trained: Policy,
    batch_size: int,
    seed: int,
    baselines: Mapping[Objective, Mapping[str, float]] | None = None,
    log_z: float | None = None,
    own: Mapping[str, Callable[[Trajectories], Tensor] | float] | None = None,
    earlier: Policy | None = None,
) -> tuple[dict[Objective, Tensor], dict[Objective, dict[str, Tensor]]]:
    """K independent estimates of every objective's gradient, each ``[K, number of parameters]``.

    The replica axis holds copies of one policy, so that many estimates cost one backward pass; all objectives are
    estimated from the same trajectories, and all stages with the same noise. The second result has those with the
    numbers of ``baselines``, see :func:`optimal_baselines`. ``log_z`` is the learned one, by default the exact; ``own``
    has the trainer's baselines, see :func:`learned_baselines`, and ``earlier`` is the policy of replayed trajectories, or
    the one that lags behind.
    """
    device = next(trained.parameters()).device
    chunk = max(1, min(spec.replicates, ROWS // (batch_size * spec.task.max_steps)))
    found: dict[Objective, list[Tensor]] = {objective: [] for objective in spec.objectives}
    given = {o: {m: [] for m in each if batch_size > 1 or m == "whole"} for o, each in (baselines or {}).items()}
    off = 0.0 if log_z is None else log_z - exact_log_z(spec.task)
    for first in range(0, spec.replicates, chunk):
        count = min(chunk, spec.replicates - first)
        policy = replicate(trained, count)
        parameters = list(policy.parameters())
        generators = [stream("gradients", seed, batch_size, first + k, device=device) for k in range(count)]
        past = []
        if spec.off_policy is not None:
            batches = OffPolicyBatches(spec.task, spec.off_policy, earlier and replicate(earlier, count))
        else:
            if earlier is not None:
                past = [pick(all_probabilities(spec.task, replicate(earlier, count)), batch_size, generators, True)]
            batches = Batches(spec.task, spec.draws, past * (spec.draws.age or 0))
        drawn = batches(policy, batch_size, generators)
        drawn, exact = _relative(spec, spec.off_policy.weighted(drawn) if spec.off_policy else drawn)
        batch = remembering(drawn, parameters)
        for objective in found:
            given_z, more = exact + off * (objective.log_z != "known"), {}
            if objective.with_flow:
                more["log_flow"] = own["log_flow"](drawn)
            elif objective.baseline == "last":
                more["choices"] = last_choices(spec.task, policy, drawn)
            elif objective.baseline == "scalar":
                more["shift"] = own["shift"]
            loss = objective.loss(drawn if objective.with_flow else batch, parameters, given_z, exact, **more)
            found[objective].append(_gradient(loss, parameters))
        for objective, each in given.items():
            for metric in each:
                loss = with_baseline(objective, batch, baselines[objective][metric], exact, metric == "whole")
                each[metric].append(_gradient(loss, parameters))
    best = {o: {metric: torch.cat(parts) for metric, parts in each.items()} for o, each in given.items()}
    return {objective: torch.cat(parts) for objective, parts in found.items()}, best


def learned_baselines(trainer: Trainer, index: int) -> dict[str, Callable[[Trajectories], Tensor] | float]:
    """What a trainer has learned for a seed: ``log_flow`` of a batch's states, and the ``shift`` of the scalar baseline."""
    own = {}
    if trainer.spec.objective.baseline == "state":
        flow = copy.deepcopy(trainer.flow).requires_grad_(False)

        def log_flow(batch: Trajectories) -> Tensor:
            for parameter, trained in zip(flow.parameters(), trainer.flow.parameters()):
                parameter.data = trained.data[index : index + 1].repeat_interleave(len(batch.log_pf), 0)
            return trainer.log_flow(batch, flow, trainer.log_z[index].detach())

        own["log_flow"] = log_flow
    if trainer.baseline is not None:
        own["shift"] = trainer.baseline.shift[index].item()
    return own


def _expected_share(objective: Objective, batch_size: int) -> float:
    """Of VarGrad's gradient, which is that of TB but for the trajectories' own part in their mean."""
    return (batch_size - 1) / batch_size if objective.name == "vargrad" else 1.0


def _relative(spec: GradientSpec, batch: Trajectories) -> tuple[Trajectories, float]:
    """A batch and the exact log Z, of rewards divided by Z if ``spec`` says so."""
    log_z = exact_log_z(spec.task)
    return (replace(batch, log_reward=batch.log_reward - log_z), 0.0) if spec.centred else (batch, log_z)


class Remembered:
    """The vector-Jacobian products of ``output`` ``[R, N]``, each made of earlier ones where it can be.

    They are linear in the vector, and the weights that all objectives give to a batch span a few dimensions only. So
    each costs a backward pass only for the part that is new. Parameters are stacked along a first axis of length R.

    An objective's gradient is Σ_n c_n ∇log p_F(τ_n), the product of its weights c with the Jacobian J of log p_F. Say
    the reverse KL without control variate has the weights c, and with leave-one-out N / (N - 1) (c - c̄ 1), where 1 is a
    vector of ones. Once J's products with the directions of c and of 1 are known, the second gradient is a sum of these,
    and so are those of all baselines. The directions are made orthonormal, as by Gram and Schmidt:
    a vector is its shares of the directions that are there, and a rest. Only a rest that is not rounding asks for a
    backward pass, and becomes a direction itself.

    >>> theta = torch.ones(1, 2, requires_grad=True)  # R = 1
    >>> products = Remembered(theta @ torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 1.0]]), [theta])
    >>> for vector in ([1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [5.0, 2.0, 2.0]):
    ...     print(products(torch.tensor([vector]))[0].round(decimals=4).tolist(), len(products.products))
    [[1.0, 0.0]] 1
    [[6.0, 2.0]] 2
    [[15.0, 4.0]] 2

    The third vector is 3 times the first and 2 times the second, and cost no backward pass.
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
            shares.append(size)
            self.basis.append(rest / size.clamp(min=torch.finfo(torch.float64).tiny).unsqueeze(1))
            direction = self.basis[-1].to(self.output.dtype)
            self.products.append(torch.autograd.grad(self.output, self.parameters, direction, retain_graph=True))
        result = tuple(torch.zeros_like(parameter) for parameter in self.parameters)
        for share, product in zip(shares, self.products):
            for total, part in zip(result, product):
                total += share.to(part.dtype).view(-1, *[1] * (part.dim() - 1)) * part
        return result

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


def replicate(trained: Policy, count: int, index: int = 0) -> Policy:
    """A policy whose ``count`` replicas are all copies of one replica of ``trained``."""
    policy = copy.deepcopy(trained)
    for parameter in policy.parameters():
        parameter.data = parameter.data[index : index + 1].repeat_interleave(count, 0)
    return policy


def exact_gradient(spec: GradientSpec, trained: Policy, objective: Objective, log_z: float | None = None) -> Tensor:
    """The exact gradient of a divergence at a policy, ``[number of parameters]``, summing over all trajectories.

    Of TB and VarGrad on policy it is twice that of the reverse KL (Malkin et al., 2023; VarGrad but for a factor 1 - 1/N).
    Of f-divergence losses it is what they have on policy, with ``log_z`` where they learn one, by default the exact.
    """
    if objective.name in F_LOSSES:
        every = all_probabilities(spec.task, trained)
        residual = (every.log_pf - every.log_pb - every.log_reward).detach()
        residual = residual + _log_z_of(spec, objective, every.log_pf.detach(), residual, log_z)
        slope = jensen_shannon_slope(residual) if objective.name == "js_tb" else alpha_slope(residual, objective.alpha)
        value = (every.log_pf.detach().exp() * slope * every.log_pf).sum()
        return torch.cat([g.flatten() for g in torch.autograd.grad(value, list(trained.parameters()))])
    if objective.name not in DIVERGENCES:
        return 2 * exact_gradient(spec, trained, Objective(name="reverse_kl"))
    value = divergence(objective.name, all_probabilities(spec.task, trained), objective.alpha)
    return torch.cat([g.flatten() for g in torch.autograd.grad(value.sum(), list(trained.parameters()))])


def _log_z_of(
    spec: GradientSpec, objective: Objective, log_pf: Tensor, log_ratio: Tensor, log_z: float | None
) -> Tensor | float:
    """What stands for log Z in an f-divergence loss: of DevGrad that of an infinite batch."""
    if objective.name != "devgrad":
        return spec.task.log_z if log_z is None or objective.log_z == "known" else log_z
    if objective.alpha == 1:
        return -(log_pf.exp() * log_ratio).sum()
    return (log_pf + (objective.alpha - 1) * log_ratio).logsumexp(-1) / (1 - objective.alpha)


def terms(objective: Objective, batch: Trajectories, log_scale: Tensor | float) -> tuple[Tensor, Tensor]:
    """Weights u and v of the pathwise and score terms of a divergence's gradient."""
    arguments = (batch.log_pf, batch.log_pb, batch.log_reward)
    if objective.name == "renyi":
        return renyi_terms(*arguments, objective.alpha)
    if objective.name == "tsallis":
        return tsallis_terms(*arguments, objective.alpha, log_scale)
    if objective.name not in (
        "reverse_kl",
        "forward_kl",
    ):  # one that was added: its whole weight, from its own surrogate
        log_pf = batch.log_pf.detach().requires_grad_()
        plain = objective.model_copy(update={"control_variate": "none", "epsilon": None})
        loss = plain.loss(replace(batch, log_pf=log_pf), log_scale=log_scale)
        whole = torch.autograd.grad(loss.sum(), log_pf)[0] * log_pf.shape[-1]
        return whole, torch.zeros_like(whole)
    log_weight = (batch.log_pb + batch.log_reward - batch.log_pf).detach()
    if objective.name == "reverse_kl":
        return torch.ones_like(log_weight), -log_weight
    return torch.zeros_like(log_weight), -(log_weight - log_scale).exp()


def with_baseline(
    objective: Objective, batch: Trajectories, baseline: float | Tensor, log_scale: float, whole: bool = False
) -> Tensor:
    """The loss with a given scalar baseline, ``[R]``: of the whole weight, or of the pathwise term beside leave-one-out."""
    pathwise, score = terms(objective, batch, log_scale)
    return surrogate(batch.log_pf, pathwise - baseline, score, "none" if whole else "loo")


def optimal_baselines(spec: GradientSpec, trained: Policy) -> dict[Objective, dict[str, float]]:
    """For each objective the scalar baselines of least variance, exactly, by summing over all trajectories.

    With the weights u and v of the pathwise and the score term, E the mean over all trajectories, and s = ∇log p_F:

    - ``optimal``, of Rényi and Tsallis: a* = E[‖s‖² u] / E[‖s‖²] of Proposition 2, the best baseline of the pathwise
      term alone; it is used beside leave-one-out on the score term, in the place of â;
    - ``whole``: E[‖s‖² (u + v)] / E[‖s‖²], the best baseline of the whole weight u + v.
    """
    every, log_z = _relative(spec, all_probabilities(spec.task, trained))
    parameters, log_pf = list(trained.parameters()), every.log_pf.detach()
    squares = [_gradient(each, parameters).square().sum() for each in every.log_pf[0]]
    share = log_pf[0].exp() * torch.stack(squares)
    found = {}
    for objective in filter(lambda o: o.name in DIVERGENCES, spec.objectives):
        weighted, log_scale = objective, log_z
        if objective.name == "renyi":  # divided by E[g] itself, which a scale of Tsallis' weights can do
            power = 1 - objective.alpha
            log_g = power * (every.log_pb + every.log_reward - log_pf)
            log_scale = (log_pf + log_g).logsumexp(-1, keepdim=True) / power
            weighted = objective.model_copy(update={"name": "tsallis"})
        pathwise, score = terms(weighted, every, log_scale)
        best = {"optimal": pathwise} if objective.name in WITH_ALPHA else {}
        best["whole"] = pathwise + score
        found[objective] = {name: float((share * u[0]).sum() / share.sum()) for name, u in best.items()}
    return found


def compare_errors(metric: str, estimates: Tensor, optimal: Tensor, exact: Tensor) -> dict[str, float]:
    """Ratio of mean squared errors of paired estimates ``[K, P]``, as :func:`measure_gradients` records it."""
    above, below = ((found.double() - exact.double()).square().sum(1) for found in (estimates, optimal))
    ratio = above.mean() / below.mean()
    error = (above - ratio * below).std() / (below.mean() * math.sqrt(len(above)))
    return {metric: ratio.item(), f"{metric}_error": error.item()}


def summarise(estimates: Tensor, exact: Tensor | None = None) -> dict[str, float]:
    """Statistics of K estimates ``[K, P]``, as :func:`measure_gradients` records them."""
    estimates, count = estimates.double(), len(estimates)
    centred = estimates - estimates.mean(0)
    squares = centred.square().sum(1) * count / (count - 1)
    variance = squares.mean()
    result = {"variance": variance.item(), "variance_error": (squares.std() / math.sqrt(count)).item()}
    if exact is not None:
        exact = exact.double()
        inner, off = estimates @ exact, estimates.mean(0) - exact
        # ‖mean - exact‖² overshoots ‖bias‖² by the variance of the mean, whose own spread is the error's second part.
        spread = (centred @ off).square().mean() * 4 / count
        # Σ_{j ≠ k} ⟨g_j, g_k⟩²; both Gram matrices have the same norm.
        gram = centred @ centred.T if count <= centred.shape[1] else centred.T @ centred
        pairs = gram.square().sum() - centred.square().sum(1).square().sum()
        spread = spread + 2 * pairs / (count * (count - 1)) / count**2
        result |= {
            "bias_squared": (off.square().sum() - variance / count).item(),
            "bias_squared_error": spread.sqrt().item(),
            "bias_along": (off @ exact).item(),
            "bias_along_error": (inner.std() / math.sqrt(count)).item(),
            "away": (inner < 0).double().mean().item(),
            "gradient_squared": exact.square().sum().item(),
        }
    return result
