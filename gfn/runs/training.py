"""The training loop, the same for every task and objective: sample, estimate, step, evaluate, record."""

import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from gfn.environments import DiscreteEnvironment
from gfn.evaluation.accuracy import accuracy, policy_density
from gfn.policies import make_flow, make_policy
from gfn.randomness import streams
from gfn.runs.capture import Capture, CudaGraph, capturable
from gfn.runs.discoveries import Discoveries
from gfn.runs.objective import WITH_FLOW, WITH_SCALE
from gfn.runs.provenance import source_fingerprint
from gfn.runs.spec import TrainingSpec
from gfn.sampling import Trajectories, rollout, table_of
from gfn.settings import SettingsError

CHECKPOINT_SECONDS = 20.0
CHECK_EVERY = 16  # iterations between looks at whether captured ones are finite
CAPTURE_VARIABLE = "GFN_CAPTURE"

Record = dict[str, Any]
Progress = Callable[[int, int], None]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of ``path`` once it is whole; where writing fails, nothing is left of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def interrupts_noted() -> Iterator[list[int]]:
    """Ctrl-C is noted in a list instead of raised, to be heeded where the state is whole.

    Where Ctrl-C does something else than to raise KeyboardInterrupt, it stays so.
    """
    noted: list[int] = []
    elsewhere = threading.current_thread() is not threading.main_thread()
    if elsewhere or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield noted
        return
    signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class TrainingError(RuntimeError):
    """Training met a number that is not finite.

    Attributes:
        records: everything recorded until then.
    """

    def __init__(self, message: str, records: list[Record]) -> None:
        super().__init__(message)
        self.records = records


def check_device(device: str) -> None:
    """Refuse a device that this machine does not have.

    Raises:
        SettingsError: naming those it has.
    """
    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    available = ["cpu", *(["cuda"] if cuda else []), *cuda]
    if device not in available:
        raise SettingsError(f"device = {device!r} is not allowed: this machine has {', '.join(available)}")


class Trainer:
    """The state of a training run, which can be saved and resumed between any two iterations.

    Arguments:
        spec: what to train.
        device: where to train, for example ``cpu`` or ``cuda``.
    """

    def __init__(self, spec: TrainingSpec, device: str = "cpu") -> None:
        self.spec = spec
        dtype = getattr(torch, spec.dtype)
        self.policy = make_policy(spec.task, spec.policy, spec.seeds).to(device, dtype)
        self.parameters = list(self.policy.parameters())
        self.generators = streams("training", spec.seeds, device)
        learned = spec.objective.log_z in ("learned", "batch")
        start = spec.task.log_z if spec.objective.log_z == "known" else spec.objective.log_z_start or 0.0
        start = torch.full((len(spec.seeds), 1), start, device=device, dtype=dtype)
        self.log_z = nn.Parameter(start, requires_grad=learned)
        flow = make_flow(spec.task, spec.policy, spec.seeds) if spec.objective.name in WITH_FLOW else nn.Module()
        self.flow = flow.to(device, dtype)
        self.trained = [*self.parameters, *self.flow.parameters()]
        self.flat = flatten(self.trained)
        groups = [{"params": [self.flat], "lr": spec.learning_rate}]
        if learned:
            groups.append({"params": [self.log_z], "lr": spec.log_z_learning_rate})
        self.optimiser = torch.optim.Adam(groups, fused=True)
        self.discoveries: Discoveries | None = None
        if Discoveries.possible(spec.task):
            self.discoveries = Discoveries(spec.task, len(spec.seeds), spec.top_k, spec.mode_fractions)
        self.iteration, self.seconds, self.records = 0, 0.0, []
        captured = capturable(spec.task, self.log_z.device) and os.environ.get(CAPTURE_VARIABLE) != "0"
        self.make_graph = CudaGraph if captured else None
        # Kept, since captured iterations read its memory.
        self.table = table_of(spec.task, self.log_z.device) if isinstance(spec.task, DiscreteEnvironment) else None
        self.capture: Capture | None = None
        self.log_scale = self._first_scale()
        if spec.objective.log_z == "batch":
            self.log_z.data.copy_(self.log_scale)

    @torch.no_grad()
    def _first_scale(self) -> Tensor:
        """The constant taken from log-weights: the log of their mean in one batch drawn before training."""
        if self.spec.objective.name not in WITH_SCALE and self.spec.objective.log_z != "batch":
            return torch.zeros_like(self.log_z)
        batch = rollout(self.spec.task, self.policy, self.spec.batch_size, self.generators)
        log_weights = batch.log_pb + batch.log_reward - batch.log_pf
        return log_weights.logsumexp(-1, keepdim=True) - math.log(self.spec.batch_size)

    def step(self) -> None:
        """One optimiser step for all seeds.

        Raises:
            TrainingError: if a loss or a gradient is not finite; where iterations are captured, a few later.
        """
        started = time.perf_counter()
        if self.make_graph is None:
            finite, batch = self._iteration()
            if not finite.all():
                self._fail(self.iteration + 1, (~finite).nonzero().flatten().tolist())
            self.optimiser.step()
        else:
            if self.capture is None:
                graph = self.make_graph(self.log_z.device)
                self.capture = Capture(graph, self._iteration, self.optimiser, self.generators, self.iteration)
            batch = self.capture.replay()
        self.iteration += 1
        self.seconds += time.perf_counter() - started
        if self.discoveries is not None:
            self.discoveries.add(batch)
        if self.iteration % CHECK_EVERY == 0:
            self.check()

    def check(self) -> None:
        """Wait for captured iterations, and raise the :class:`TrainingError` that an eager one would have raised at once."""
        if self.capture is not None:
            started = time.perf_counter()
            failures = self.capture.failures()
            self.seconds += time.perf_counter() - started
            if failures is not None:
                self._fail(*failures)

    def _iteration(self) -> tuple[Tensor, Trajectories]:
        """The gradients of a fresh batch, without a look at any value: which seeds' are finite, bool ``[R]``, and the batch."""
        batch = rollout(self.spec.task, self.policy, self.spec.batch_size, self.generators)
        loss = self.spec.objective.loss(batch, self.parameters, self.log_z, self.log_scale, self._log_flow(batch))
        for parameter in (*self.trained, self.log_z):
            parameter.grad = None
        loss.sum().backward()
        self.flat.grad = torch.cat([parameter.grad.flatten(1) for parameter in self.trained], 1)
        # The square, since Adam divides by squares: a gradient whose square overflows would stop it for ever.
        norm = torch.linalg.vector_norm(self.flat.grad, dim=1)
        return torch.isfinite(loss.detach() + norm.square()), batch

    def _log_flow(self, batch: Trajectories) -> Tensor | None:
        """log F of the states that each step leaves, ``[R, B, T]``: the flow network's, offset by log Z."""
        if self.spec.objective.name not in WITH_FLOW:
            return None
        flow = self.flow(batch.steps.seen.to(self.log_z.dtype)).squeeze(-1)
        which = batch.steps.which
        return flow.gather(1, which.flatten(1)).view(which.shape) + self.log_z.unsqueeze(-1)

    def _fail(self, iteration: int, replicas: list[int]) -> None:
        seeds = ", ".join(str(self.spec.seeds[replica]) for replica in replicas)
        what = f"task {self.spec.task.task}, objective {self.spec.objective.label}, seed {seeds}, iteration {iteration}"
        raise TrainingError(f"the gradient is not finite: {what}", self.records)

    def evaluate(self) -> None:
        """Record the task's accuracy for every seed, and at the end the density if asked for."""
        self.check()
        spec = self.spec
        sizes = {name: getattr(spec, name) for name in ("l1_objects", "l1_orders", "resolution")}
        for metric, values in accuracy(spec.task, self.policy, seeds=spec.seeds, **sizes).items():
            self._record(metric, values)
        if self.log_z.requires_grad:
            self._record("log_z", self.log_z.detach().squeeze(1))
        if self.discoveries is not None and self.iteration:
            self._record("top_k", self.discoveries.best())
            for fraction, found in self.discoveries.modes().items():
                self._record("modes", found, round(100 * fraction))
        if spec.density and self.iteration == spec.iterations:
            density = policy_density(spec.task, self.policy, spec.density, spec.task.window)
            self._record("density", density.float().flatten(1), column="density")

    def _record(self, metric: str, values: Tensor, cell: int | None = None, column: str = "value") -> None:
        common = {"iteration": self.iteration, "trajectories": self.iteration * self.spec.batch_size}
        common |= {"seconds": self.seconds, "metric": metric, "cell": cell}
        pairs = zip(self.spec.seeds, values.tolist())
        self.records += [{**common, "seed": seed, column: value} for seed, value in pairs]

    def run(self, checkpoint: Path | None = None, progress: Progress | None = None) -> list[Record]:
        """Train to the end and return the records.

        Arguments:
            checkpoint: a file to resume from if it fits, and to save to every few seconds and when interrupted.
            progress: called with the iterations done and their total.
        """
        if checkpoint is not None:
            self.load(checkpoint)
        if self.iteration == 0:
            self.evaluate()
        saved = time.monotonic()
        with interrupts_noted() as interrupts:
            try:
                while self.iteration < self.spec.iterations:
                    self.step()
                    if self.iteration % self.spec.evaluate_every == 0 or self.iteration == self.spec.iterations:
                        self.evaluate()
                    if progress is not None:
                        progress(self.iteration, self.spec.iterations)
                    if interrupts:
                        raise KeyboardInterrupt
                    if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
                        self.save(checkpoint)
                        saved = time.monotonic()
            except KeyboardInterrupt:
                if checkpoint is not None:
                    self.save(checkpoint)
                raise
        return self.records

    def save(self, path: Path) -> None:
        """Write a checkpoint, atomically."""
        self.check()
        parts = {"policy": self.policy.state_dict(), "flow": self.flow.state_dict()}
        if self.discoveries is not None:
            parts["found"] = self.discoveries.tensors()
        parts |= {f"adam.{index}": state for index, state in self.optimiser.state_dict()["state"].items()}
        parts["generator"] = {index: generator.get_state() for index, generator in enumerate(self.generators)}
        tensors = {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}
        tensors |= {"log_z": self.log_z.detach(), "log_scale": self.log_scale}
        about = {**self._identity(), "iteration": self.iteration, "seconds": self.seconds, "records": self.records}
        with replacing(path) as partial:
            save_file({k: value.contiguous() for k, value in tensors.items()}, partial, {"gfn": json.dumps(about)})

    def load(self, path: Path) -> bool:
        """Continue from a checkpoint of the same specification and code; anything else is left alone.

        Returns:
            Whether there was one.
        """
        with suppress(OSError, SafetensorError, KeyError, TypeError, ValueError), safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["gfn"])
            if all(about[key] == value for key, value in self._identity().items()):
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                self._restore(tensors, about)
                return True
        return False

    def _identity(self) -> dict[str, str]:
        return {"spec": self.spec.model_dump_json(), "source": source_fingerprint()}

    def _restore(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        self.policy.load_state_dict(_under("policy.", tensors))
        self.flow.load_state_dict(_under("flow.", tensors))
        if self.discoveries is not None:
            self.discoveries.restore(_under("found.", tensors))
        self.log_z.data.copy_(tensors["log_z"])
        self.log_scale = tensors["log_scale"].to(self.log_z.device)
        optimiser = self.optimiser.state_dict()
        for name, value in _under("adam.", tensors).items():
            index, key = name.split(".")
            optimiser["state"].setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict(optimiser)
        for index, generator in enumerate(self.generators):
            generator.set_state(tensors[f"generator.{index}"])
        self.capture = None  # it holds the old state's memory
        self.iteration, self.seconds, self.records = about["iteration"], about["seconds"], about["records"]


def flatten(parameters: Sequence[nn.Parameter]) -> nn.Parameter:
    """Parameters of R replicas in one, ``[R, P]``, of which they become views: the optimiser has less to look after."""
    flat = nn.Parameter(torch.cat([parameter.detach().flatten(1) for parameter in parameters], 1))
    for parameter, part in zip(parameters, flat.data.split([p[0].numel() for p in parameters], 1)):
        parameter.data = part.view(parameter.shape)
    return flat


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
