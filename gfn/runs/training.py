"""The training loop, the same for every task and objective: sample, estimate, step, evaluate, record."""

import hashlib
import json
import math
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from gfn.environments import DiscreteEnvironment
from gfn.environments.enumeration import exact_log_z
from gfn.evaluation.accuracy import accuracy, policy_density
from gfn.evaluation.measures import measures
from gfn.policies import make_backward, make_flow, make_policy
from gfn.randomness import streams
from gfn.runs.baseline import ScalarBaseline
from gfn.runs.capture import Capture, CudaGraph, capturable
from gfn.runs.discoveries import Discoveries
from gfn.runs.draws import LISTED, Batches
from gfn.runs.interrupts import Terminated, interrupts_noted
from gfn.runs.objective import takes
from gfn.runs.off_policy import OffPolicyBatches, effective_share
from gfn.runs.provenance import source_fingerprint
from gfn.runs.spec import TrainingSpec
from gfn.sampling import Trajectories, last_choices, rollout, table_of
from gfn.settings import SettingsError

CHECKPOINT_SECONDS = 20.0
CHECK_EVERY = 16  # iterations between looks at whether captured ones are finite
CAPTURE_VARIABLE = "GFN_CAPTURE"
PARTIAL = ".partial"
UNSIGNED = b"." * 64  # in the place of a checkpoint's SHA-256, which is that of the file with this in it

Record = dict[str, Any]
Progress = Callable[[int, int], None]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of ``path`` once it is whole; where writing fails, nothing is left of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # No process number, since containers that share a folder count alike.
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}{PARTIAL}")
    try:
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def warn(message: str) -> None:
    """One line on standard error; where that is closed, nothing."""
    with suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()


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
        self.spec, self.device = spec, device
        if os.environ.get(CAPTURE_VARIABLE, "") not in ("", "0", "1"):
            raise SettingsError(f"{CAPTURE_VARIABLE} = {os.environ[CAPTURE_VARIABLE]!r} is not allowed: 0 or 1")
        dtype = getattr(torch, spec.dtype)
        self.policy = make_policy(spec.task, spec.policy, spec.seeds).to(device, dtype)
        self.parameters = list(self.policy.parameters())
        self.generators = streams("training", spec.seeds, device)
        self.batches = Batches(spec.task, spec.draws)
        self.off_policy = OffPolicyBatches(spec.task, spec.off_policy) if spec.off_policy else None
        self.shares: list[Tensor] = []  # effective sample sizes since the last evaluation, off policy
        learned = spec.objective.log_z in ("learned", "batch")
        start = exact_log_z(spec.task) if spec.objective.log_z == "known" else spec.objective.log_z_start or 0.0
        if not abs(start) <= torch.finfo(dtype).max:
            raise SettingsError(
                f"log_z = known is not allowed with dtype {spec.dtype}: log Z = {start:.1e} is beyond it"
            )
        start = torch.full((len(spec.seeds), 1), start, device=device, dtype=dtype)
        self.log_z = nn.Parameter(start, requires_grad=learned)
        flow = make_flow(spec.task, spec.policy, spec.seeds) if spec.objective.with_flow else nn.Module()
        self.flow = flow.to(device, dtype)
        backward = make_backward(spec.task, spec.policy, spec.seeds)
        self.backward = None if backward is None else backward.to(device, dtype)
        self.trained = [*self.parameters, *self.flow.parameters(), *(self.backward or nn.Module()).parameters()]
        self.flat = flatten(self.trained)
        groups = [{"params": [self.flat], "lr": spec.learning_rate}]
        if learned:
            groups.append({"params": [self.log_z], "lr": spec.log_z_learning_rate})
        self.optimiser = torch.optim.Adam(groups, fused=True)
        self.discoveries: Discoveries | None = None
        if Discoveries.possible(spec.task):
            self.discoveries = Discoveries(spec.task, len(spec.seeds), spec.top_k, spec.mode_fractions)
        self.iteration, self.seconds, self.records = 0, 0.0, []
        self.baseline = ScalarBaseline(spec.seeds, self.log_z) if spec.objective.baseline == "scalar" else None
        captured = capturable(spec.task, self.log_z.device) and os.environ.get(CAPTURE_VARIABLE) != "0"
        # What changes from one iteration to the next, or looks at values, cannot be captured.
        captured &= spec.objective.baseline in (None, "state") and spec.objective.alpha_end is None
        captured &= spec.draws.scheme not in LISTED and spec.off_policy is None and self.backward is None
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
        if not takes(self.spec.objective.name, "log_scale") and self.spec.objective.log_z != "batch":
            return torch.zeros_like(self.log_z)
        batch = rollout(self.spec.task, self.policy, self.spec.batch_size, self.generators, backward=self.backward)
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
        batches = self.off_policy or self.batches
        batch = batches(self.policy, self.spec.batch_size, self.generators, self.backward)
        if self.off_policy:
            self.shares.append(effective_share(batch))
            batch = self.spec.off_policy.weighted(batch)
        loss = self._loss(batch)
        for parameter in (*self.trained, self.log_z):
            parameter.grad = None
        loss.sum().backward()
        self.flat.grad = torch.cat([parameter.grad.flatten(1) for parameter in self.trained], 1)
        # The square, since Adam divides by squares: a gradient whose square overflows would stop it for ever.
        norm = torch.linalg.vector_norm(self.flat.grad, dim=1)
        return torch.isfinite(loss.detach() + norm.square()), batch

    def _loss(self, batch: Trajectories) -> Tensor:
        objective = self.spec.objective.at(self.iteration / max(1, self.spec.iterations - 1))
        own: dict[str, Any] = {}
        if objective.with_flow:
            own["log_flow"] = self.log_flow(batch)
        if objective.baseline == "last":
            own["choices"] = last_choices(self.spec.task, self.policy, batch)
        if self.baseline is not None:
            own["shift"] = self.baseline.shift
            self.baseline.learn(batch, self.parameters, self.iteration)
        return objective.loss(batch, self.parameters, self.log_z, self.log_scale, **own)

    def log_flow(self, batch: Trajectories, flow: nn.Module | None = None, log_z: Tensor | None = None) -> Tensor:
        """log F of the states that each step leaves, ``[R, B, T]``: the flow network's or another's, offset by log Z."""
        found = (flow or self.flow)(batch.steps.seen.to(self.log_z.dtype)).squeeze(-1)
        which = batch.steps.which
        offset = self.log_z if log_z is None else log_z
        return found.gather(1, which.flatten(1)).view(which.shape) + offset.unsqueeze(-1)

    def _fail(self, iteration: int, replicas: list[int]) -> None:
        seeds = ", ".join(str(self.spec.seeds[replica]) for replica in replicas)
        what = f"task {self.spec.task.task}, objective {self.spec.objective.label}, seed {seeds}, iteration {iteration}"
        raise TrainingError(f"the gradient is not finite: {what}", self.records)

    def evaluate(self) -> None:
        """Record the task's accuracy for every seed, and at the end the density if asked for."""
        self.check()
        spec = self.spec
        sizes = {name: getattr(spec, name) for name in ("l1_objects", "l1_orders", "resolution")}
        found = accuracy(spec.task, self.policy, seeds=spec.seeds, backward=self.backward, **sizes)
        for metric, values in found.items():
            self._record(metric, values)
        if self.log_z.requires_grad:
            self._record("log_z", self.log_z.detach().squeeze(1))
        if self.shares:
            self._record("effective_share", torch.stack(self.shares).mean(0))
            self.shares = []
        if self.discoveries is not None and self.iteration:
            self._record("top_k", self.discoveries.best())
            for fraction, found in self.discoveries.modes().items():
                self._record("modes", found, round(100 * fraction))
        if spec.measures and self.iteration == spec.iterations:
            at = (spec.seeds, spec.resolution, spec.mode_fractions)
            for metric, numbered in measures(spec.task, self.policy, *at).items():
                for cell, values in numbered.items():
                    self._record(metric, values, cell)
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
        saved, saving = time.monotonic(), checkpoint is not None
        with interrupts_noted() as interrupts:
            try:
                while self.iteration < self.spec.iterations:
                    self.step()
                    if self.iteration % self.spec.evaluate_every == 0 or self.iteration == self.spec.iterations:
                        self.evaluate()
                    if progress is not None:
                        progress(self.iteration, self.spec.iterations)
                    if interrupts:
                        raise KeyboardInterrupt if interrupts[0] == signal.SIGINT else Terminated(interrupts[0])
                    if saving and time.monotonic() - saved > CHECKPOINT_SECONDS:
                        saving = self._try_to_save(checkpoint)
                        saved = time.monotonic()
            except KeyboardInterrupt:
                if checkpoint is not None and len(interrupts) < 2:  # a second one came amid an iteration
                    self._try_to_save(checkpoint)
                raise
        return self.records

    def _try_to_save(self, checkpoint: Path) -> bool:
        try:
            self.save(checkpoint)
        except (MemoryError, OSError) as error:
            warn(f"{checkpoint} cannot be written, so that this run could not be resumed: {error}")
            return False
        return True

    def save(self, path: Path) -> None:
        """Write a checkpoint with its own SHA-256, atomically."""
        self.check()
        parts = {"policy": self.policy.state_dict(), "flow": self.flow.state_dict()}
        if self.backward is not None:
            parts["backward"] = self.backward.state_dict()
        if self.discoveries is not None:
            parts["found"] = self.discoveries.tensors()
        parts |= {f"adam.{index}": state for index, state in self.optimiser.state_dict()["state"].items()}
        parts["generator"] = {index: generator.get_state() for index, generator in enumerate(self.generators)}
        tensors = {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}
        tensors |= {"log_z": self.log_z.detach(), "log_scale": self.log_scale}
        if self.baseline is not None:
            tensors["moments"] = self.baseline.moments
        if self.batches.past:
            tensors["past"] = torch.stack(self.batches.past)
        if self.off_policy:
            tensors |= {f"off_policy.{name}": value for name, value in self.off_policy.tensors().items()}
            tensors |= {"shares": torch.stack(self.shares)} if self.shares else {}
        about = {"sha256": UNSIGNED.decode(), **self._identity(), "iteration": self.iteration, "seconds": self.seconds}
        metadata = {"gfn": json.dumps({**about, "records": self.records})}
        content = save({name: value.contiguous() for name, value in tensors.items()}, metadata)
        with replacing(path) as partial:
            partial.write_bytes(content.replace(UNSIGNED, hashlib.sha256(content).hexdigest().encode(), 1))

    def load(self, path: Path) -> bool:
        """Continue from a checkpoint of the same specification, code and kind of device, whole; any other is reported.

        Returns:
            Whether there was one.

        Raises:
            OSError: if there is one that cannot be read.
        """
        if not path.is_file():
            return False
        content = path.read_bytes()
        try:
            tensors, about = _unpack(content)
            others = [name for name, value in self._identity().items() if about[name] != value]
            if not others:
                self._restore(tensors, about)
                return True
            problem = f"was saved with another {others[0]}"
        except (AttributeError, LookupError, RuntimeError, SafetensorError, TypeError, ValueError):
            self.__init__(self.spec, self.device)  # some of it may be in its place
            problem = "is damaged or no checkpoint"
        warn(f"{path} {problem}; training starts again")
        return False

    def _identity(self) -> dict[str, str]:
        made = {"specification": self.spec.model_dump_json(), "source": source_fingerprint(self.spec)}
        return {**made, "device": self.log_z.device.type}

    def _restore(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        self.policy.load_state_dict(_under("policy.", tensors))
        self.flow.load_state_dict(_under("flow.", tensors))
        if self.backward is not None:
            self.backward.load_state_dict(_under("backward.", tensors))
        if self.discoveries is not None:
            self.discoveries.restore(_under("found.", tensors))
        self.log_z.data.copy_(tensors["log_z"])
        self.log_scale = tensors["log_scale"].to(self.log_z.device)
        if self.baseline is not None:
            self.baseline.moments.copy_(tensors["moments"])
        self.batches.past = list(tensors["past"].to(self.log_z.device)) if "past" in tensors else []
        if self.off_policy:
            self.off_policy.restore(_under("off_policy.", tensors), self.policy)
            self.shares = list(tensors["shares"].to(self.log_z.device)) if "shares" in tensors else []
        optimiser, keys = self.optimiser.state_dict(), ("step", "exp_avg", "exp_avg_sq")
        for index in range(len(optimiser["param_groups"]) if about["iteration"] else 0):
            optimiser["state"][index] = {key: tensors[f"adam.{index}.{key}"] for key in keys}
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


def _unpack(content: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    size = int.from_bytes(content[:8], "little")
    about = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["gfn"])
    digest = about["sha256"].encode()
    if hashlib.sha256(content.replace(digest, UNSIGNED, 1)).hexdigest().encode() != digest:
        raise ValueError
    return load(content), about
