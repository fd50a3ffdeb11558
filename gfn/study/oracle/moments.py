"""Mean and covariance of a batch's gradient: by summing over all batches where these are few, else from many of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gfn.randomness import stream
from gfn.settings import SettingsError
from gfn.study.oracle.called import Loss, Vmapless
from gfn.study.oracle.situations import Situation

ALL_BATCHES = 1 << 14  # so many batches are summed over
DRAWN = 1 << 14  # batches that are drawn where there are more
ONE_BY_ONE = 1 << 10  # and of a function that takes one at a time
CHUNK = 1 << 12
TRIED = 32  # batches that are put into another order
ALIKE = 1e-9


@dataclass(frozen=True)
class Moments:
    """Of the gradient estimate of a batch of N trajectories.

    Attributes:
        mean: its expectation, ``[P]``.
        covariance: the trace of its covariance.
        error: standard error of ``mean``, as a length; 0 where it is exact.
        how: ``each trajectory``, ``all batches`` or so many ``batches``.
    """

    mean: Tensor
    covariance: float
    error: float
    how: str

    @property
    def exact(self) -> bool:
        """Whether it is a sum over everything that can be drawn."""
        return self.error == 0

    @property
    def vanishes(self) -> bool:
        """Whether the expectation cannot be told from zero, beside the size of one estimate."""
        size = float(self.mean.norm())
        return size <= 4 * self.error or size <= ALIKE * math.sqrt(size**2 + self.covariance)


def moments(loss: Loss, at: Situation, log_z: float, batch: int, replicates: int = DRAWN) -> Moments:
    """The gradient of a loss in the policy's parameters, averaged over batches of ``batch`` trajectories, drawn as ``at`` has it.

    No gradient flows through the drawing. A loss that is a mean, or a sum, of terms of single trajectories is summed over
    these. Of any other all batches are listed where there are at most ``ALL_BATCHES``; else ``replicates`` are drawn.
    """
    every = torch.arange(len(at.log_pf))
    together, value = loss.plain(at, every, log_z)
    scale = _alone(loss, at, log_z, together, value)
    if scale is not None:
        atoms = _in_parameters(at, together, every) * (1 if scale == "sum" else len(every))
        mean, square = at.drawn @ atoms, float(at.drawn @ atoms.square().sum(1))
        many = batch if scale == "sum" else 1
        return Moments(many * mean, max(0.0, square - float(mean @ mean)) * many**2 / batch, 0.0, "each trajectory")
    loss.plain(at, every[:1].expand(batch), log_z)  # what is wrong with a batch of this size is told here
    listed = _listed(loss, at, log_z, batch)
    if listed is not None:
        which, chance = listed
        found = _gradients(loss, at, which, log_z, len(which))
        mean, square = chance @ found, float(chance @ found.square().sum(1))
        return Moments(mean, max(0.0, square - float(mean @ mean)), 0.0, "all batches")
    generator = stream("oracle: batches", 0, batch)
    which = torch.multinomial(at.drawn.expand(replicates, -1), batch, True, generator=generator)
    found = _gradients(loss, at, which, log_z, ONE_BY_ONE)
    mean = found.mean(0)
    covariance = float((found - mean).square().sum(1).mean()) * len(found) / (len(found) - 1)
    return Moments(mean, covariance, math.sqrt(covariance / len(found)), f"{len(found)} batches")


def _listed(loss: Loss, at: Situation, log_z: float, batch: int) -> tuple[Tensor, Tensor] | None:
    """All batches ``[K, N]`` with their probabilities ``[K]``, without regard to order if it does not matter; None if they are too many."""
    count = len(at.log_pf)
    if math.comb(count + batch - 1, batch) <= ALL_BATCHES and _symmetric(loss, at, log_z, batch):
        which = torch.combinations(torch.arange(count), batch, with_replacement=True)
        repeated = torch.ones(len(which), batch, dtype=torch.float64)  # the first, second, ... time that one occurs
        for place in range(1, batch):
            again = which[:, place] == which[:, place - 1]
            repeated[:, place] = torch.where(again, repeated[:, place - 1] + 1, 1)
        orders = math.factorial(batch) / repeated.prod(1)
        return which, orders * at.drawn[which].prod(1)
    if count**batch <= ALL_BATCHES:
        which = torch.cartesian_prod(*[torch.arange(count)] * batch).view(-1, batch)
        return which, at.drawn[which].prod(1)
    return None


def _symmetric(loss: Loss, at: Situation, log_z: float, batch: int) -> bool:
    """Whether the order of trajectories in a batch does not matter, as far as some batches show."""
    generator = stream("oracle: order", 0, batch)
    which = torch.randint(len(at.log_pf), (TRIED, batch), generator=generator)
    other = which[:, torch.randperm(batch, generator=generator)]
    one, two = (_gradients(loss, at, each, log_z, TRIED) for each in (which, other))
    return float((one - two).abs().max()) <= ALIKE * float(one.abs().max())


def _alone(loss: Loss, at: Situation, log_z: float, together: Tensor, value: Tensor) -> str | None:
    """``mean`` or ``sum`` if the loss of a batch is one of terms of single trajectories, which the others do not change."""
    if "parameters" in loss.takes:
        return None
    one_by_one = torch.arange(len(at.log_pf)).unsqueeze(1)
    try:
        single = loss.weights(at, one_by_one, log_z).squeeze(1)
    except Vmapless:
        try:
            single = torch.cat([loss.plain(at, each, log_z)[0] for each in one_by_one])
        except SettingsError:  # it cannot do with one trajectory
            return None
    except SettingsError:
        return None
    kinds = {"mean": len(single), "sum": 1} if value.dim() == 0 else {"mean": len(single)}
    size = float(single.abs().max())
    for kind, count in kinds.items():
        if float((together * count - single).abs().max()) <= ALIKE * size:
            return kind
    return None


def _gradients(loss: Loss, at: Situation, which: Tensor, log_z: float, most: int) -> Tensor:
    """Gradients in the parameters of the batches ``which`` ``[K, N]``: ``[K, P]``, or of the first ``most`` if they are taken one by one."""
    parameters = "parameters" in loss.takes
    try:
        if parameters and not loss.stacked:
            raise Vmapless
        parts = which.split(CHUNK)
        if parameters:
            found = torch.cat([loss.gradients(at, part, log_z) for part in parts])
        else:
            found = torch.cat([_in_parameters(at, loss.weights(at, part, log_z), part) for part in parts])
    except Vmapless:
        single = torch.stack([loss.plain(at, each, log_z)[0] for each in which[:most]])
        found = single if parameters else _in_parameters(at, single, which[:most])
    if not found.isfinite().all():
        raise SettingsError(
            f"{loss.name} is not finite: its gradient on a batch of {which.shape[1]} is not, on task {at.task} with policy {at.policy}"
        )
    return found


def _in_parameters(at: Situation, weights: Tensor, which: Tensor) -> Tensor:
    """Weights of trajectories or of their steps, ``[N]``, ``[N, L]``, ``[K, N]`` or ``[K, N, L]``, times their scores: ``[N or K, P]``."""
    by_step = weights.dim() > which.dim()
    atoms = at.step_scores.flatten(0, 1) if by_step else at.scores
    if which.dim() == 1:
        chosen = at.step_scores[which] if by_step else at.scores[which]
        return (weights.unsqueeze(-1) * chosen).sum(1) if by_step else weights.unsqueeze(-1) * chosen
    steps = at.step_scores.shape[1]
    rows = (which.unsqueeze(-1) * steps + torch.arange(steps)).flatten(1) if by_step else which
    dense = torch.zeros(len(which), len(atoms), dtype=weights.dtype)
    return dense.scatter_add_(1, rows, weights.flatten(1) if by_step else weights) @ atoms
