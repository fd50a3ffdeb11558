"""A loss of somebody's own: what it takes, and its gradients on batches, with every mistake told in one sentence."""

from __future__ import annotations

import inspect
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gfn.settings import SettingsError
from gfn.study.oracle.situations import Situation

OPTIONAL = ("log_z", "steps", "parameters")


class StepTerms(NamedTuple):
    """The steps of N trajectories, for a loss with an argument ``steps``."""

    log_pf: Tensor  #: of each step, ``[N, L]``, 0 after the end
    log_pb: Tensor  #: the same backward
    log_flow: Tensor  #: log F of the state that each step leaves, ``[N, L]``: that of the target
    going: Tensor  #: which steps leave an unfinished state, bool ``[N, L]``


class Vmapless(Exception):
    """A loss that cannot be called on many batches at once."""


@dataclass(frozen=True)
class Loss:
    """A function ``loss(log_pf, log_pb, log_reward)`` of N trajectories, which may also take ``log_z``, ``steps`` or ``parameters``.

    Attributes:
        function: returns ``[N]``, one loss a trajectory, or ``[]``, one of the batch.
        name: what messages call it.
        takes: which of ``OPTIONAL`` it takes.
        stacked: whether it takes ``[K, N]`` for K batches, and returns ``[K]``.
    """

    function: Callable[..., Tensor]
    name: str
    takes: frozenset[str]
    stacked: bool = False

    def plain(self, at: Situation, which: Tensor, log_z: float) -> tuple[Tensor, Tensor]:
        """Called on the trajectories ``which`` ``[N]`` as a training would: weights as of :meth:`weights`, and what it returned.

        Raises:
            SettingsError: for whatever is wrong with the function.
        """
        leaf = self.leaf(at, which).requires_grad_()
        if "parameters" in self.takes:
            return self._linear(at, which, log_z)
        value = self._checked(at, which, log_z, leaf, self._steps(at, which, leaf))
        if not value.requires_grad:
            raise SettingsError(f"{self.name} returned a value without a gradient: it has to depend on log_pf")
        (found,) = torch.autograd.grad(value.mean(), leaf, allow_unused=True, materialize_grads=True)
        self._finite(found, "its gradient", at)
        return found, value.detach()

    def weights(self, at: Situation, which: Tensor, log_z: float) -> Tensor:
        """Gradients of K batches ``which`` ``[K, N]`` in log p_F of each trajectory, ``[K, N]``, or of each step, ``[K, N, L]``.

        Raises:
            Vmapless: if the function can be called on one batch at a time only.
        """
        if self.stacked:
            leaf = self.leaf(at, which).requires_grad_()
            value = self._call(at, which, log_z, leaf, self._steps(at, which, leaf))
            return torch.autograd.grad(value.sum(), leaf, allow_unused=True, materialize_grads=True)[0]
        parts = [at.log_pb[which], at.log_reward[which]]
        parts += [at.step_pb[which], at.log_flow[which], at.going[which]] if "steps" in self.takes else []

        def one(leaf: Tensor, log_pb: Tensor, log_reward: Tensor, *more: Tensor) -> Tensor:
            steps = StepTerms(leaf, *more) if more else None
            return self.function(*_three(leaf, log_pb, log_reward), **self._options(log_z, steps)).mean()

        leaf = self.leaf(at, which).requires_grad_()
        try:
            value = torch.vmap(one)(leaf, *parts)  # and not its gradient function, which takes seconds to import
            return torch.autograd.grad(value.sum(), leaf, allow_unused=True, materialize_grads=True)[0]
        except Exception as error:  # all that fails there is done again one by one, and told from there
            raise Vmapless from error

    def gradients(self, at: Situation, which: Tensor, log_z: float) -> Tensor:
        """Gradients of K batches in the policy's parameters, of a function that takes these, ``[K, P]``."""
        start = torch.zeros(len(which), at.scores.shape[1], dtype=torch.float64, requires_grad=True)
        moved = (start @ at.scores.T).gather(1, which)
        arguments = (at.log_pf[which] + moved, at.log_pb[which], at.log_reward[which])
        value = self._tried(lambda: self.function(*arguments, **self._options(log_z, None, [start])))
        return torch.autograd.grad(value.sum(), start)[0]

    def leaf(self, at: Situation, which: Tensor) -> Tensor:
        """What is differentiated: log p_F of the trajectories, or of their steps."""
        return (at.step_pf if "steps" in self.takes else at.log_pf)[which].clone()

    def _linear(self, at: Situation, which: Tensor, log_z: float) -> tuple[Tensor, Tensor]:
        """For a function that takes ``parameters``: log p_F as a linear function of them, exact to first order."""
        start = torch.zeros(at.scores.shape[1], dtype=torch.float64, requires_grad=True)
        log_pf = at.log_pf[which] + at.scores[which] @ start
        value = self._checked(at, which, log_z, log_pf, None, [start])
        if not value.requires_grad:
            raise SettingsError(f"{self.name} returned a value without a gradient: it has to depend on log_pf")
        (found,) = torch.autograd.grad(value.mean(), start)
        self._finite(found, "its gradient", at)
        return found, value.detach()

    def _steps(self, at: Situation, which: Tensor, leaf: Tensor) -> StepTerms | None:
        if "steps" not in self.takes:
            return None
        return StepTerms(leaf, at.step_pb[which], at.log_flow[which], at.going[which])

    def _call(self, at: Situation, which: Tensor, log_z: float, leaf: Tensor, steps: StepTerms | None) -> Tensor:
        arguments = _three(leaf, at.log_pb[which], at.log_reward[which])
        return self._tried(lambda: self.function(*arguments, **self._options(log_z, steps)))

    def _checked(
        self,
        at: Situation,
        which: Tensor,
        log_z: float,
        leaf: Tensor,
        steps: StepTerms | None,
        parameters: list[Tensor] | None = None,
    ) -> Tensor:
        arguments = _three(leaf, at.log_pb[which], at.log_reward[which])
        value = self._tried(lambda: self.function(*arguments, **self._options(log_z, steps, parameters)))
        count, allowed = len(which), "a tensor of shape [N], one loss a trajectory, or []"
        if not isinstance(value, Tensor):
            raise SettingsError(f"{self.name} returned {_kind(value)}: it has to return {allowed}")
        if value.shape not in ((), (count,)):
            shape = list(value.shape)
            raise SettingsError(
                f"{self.name} returned a tensor of shape {shape} for N = {count} trajectories: it has to return {allowed}"
            )
        if not value.is_floating_point():
            raise SettingsError(f"{self.name} returned numbers of type {value.dtype}: they have to be real numbers")
        self._finite(value, "it", at)
        return value

    def _finite(self, value: Tensor, what: str, at: Situation) -> None:
        if not value.isfinite().all():
            bad = value.detach()[~value.isfinite()].flatten()[0].item()
            raise SettingsError(f"{self.name} is not finite: {what} is {bad} on task {at.task} with policy {at.policy}")

    def _tried(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except SettingsError:
            raise
        except Exception as error:
            said = next(iter(str(error).strip().splitlines()), "")
            raise SettingsError(f"{self.name} raises {type(error).__name__}{f': {said}' if said else ''}") from error

    def _options(self, log_z: float, steps: StepTerms | None, parameters: list[Tensor] | None = None) -> dict[str, Any]:
        given = {"log_z": log_z, "steps": steps, "parameters": parameters}
        return {name: given[name] for name in OPTIONAL if name in self.takes}


def loss_of(function: Callable[..., Tensor], name: str = "") -> Loss:
    """A function with what it takes, read from its signature. Its attribute ``stacked`` says that it takes many batches at once.

    Raises:
        SettingsError: if it is no function of log_pf, log_pb and log_reward.
    """
    name = name or getattr(function, "__name__", "the loss")
    if not callable(function):
        raise SettingsError(f"{name} = {function!r} is not allowed: it has to be a function")
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise SettingsError(f"{name} is not allowed: what it takes cannot be read from it") from None
    places = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
    few = len(places) < 3 and not any(p.kind == p.VAR_POSITIONAL for p in places)
    demanded = [p.name for p in given if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    foreign = [each for each in demanded[3:] if each not in OPTIONAL]
    if few or foreign:
        signature = ", ".join(p.name for p in given)
        takes = f"loss(log_pf, log_pb, log_reward), and may take {', '.join(OPTIONAL)}"
        raise SettingsError(f"{name}({signature}) is not allowed: a loss is a function {takes}")
    return Loss(
        function,
        name,
        frozenset(p.name for p in given) & set(OPTIONAL),
        bool(getattr(function, "stacked", False)),
    )


def from_file(named: str) -> Loss:
    """The loss of ``FILE:FUNCTION``.

    Raises:
        SettingsError: if there is no such file or function, or the file cannot be run.
    """
    path, colon, name = named.rpartition(":")
    if not (path and colon and name):
        raise SettingsError(f"loss = {named!r} is not allowed: FILE.py:FUNCTION")
    file = Path(path)
    if not file.is_file():
        raise SettingsError(f"loss = {named!r} is not allowed: there is no file {path}")
    if file.suffix != ".py":
        raise SettingsError(f"loss = {named!r} is not allowed: {path} is not a Python file")
    try:
        with _beside(file):
            names = runpy.run_path(str(file), run_name=file.stem)
    except (Exception, SystemExit) as error:
        said = next(iter(str(error).strip().splitlines()), "")
        raise SettingsError(f"{path} cannot be run: {type(error).__name__}{f': {said}' if said else ''}") from error
    if name not in names:
        found = [each for each, value in names.items() if inspect.isfunction(value)]
        known = f"its functions: {', '.join(found)}" if found else "it has no function"
        raise SettingsError(f"loss = {named!r} is not allowed: {path} has no {name}; {known}")
    return loss_of(names[name], name)


@contextmanager
def _beside(file: Path) -> Iterator[None]:
    """Let a file import those beside it, as if it were run by itself."""
    sys.path.insert(0, str(file.resolve().parent))
    try:
        yield
    finally:
        sys.path.pop(0)


def _three(leaf: Tensor, log_pb: Tensor, log_reward: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log p_F, log p_B and log r of trajectories, from log p_F of these or of their steps."""
    return (leaf.sum(-1) if leaf.dim() > log_pb.dim() else leaf), log_pb, log_reward


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{value!r} of type {type(value).__name__}"
