"""What was trained, to be used again: the task of a stored run and the policy that it ended with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from gfn.environments import TASKS, DiscreteEnvironment, Environment
from gfn.environments.enumeration import state_graph
from gfn.evaluation.accuracy import is_enumerated
from gfn.evaluation.exact import terminal_distribution
from gfn.policies import LearnedBackward, Policy, make_backward, make_policy, sample_parent_action
from gfn.randomness import stream
from gfn.runs.provenance import source_fingerprint
from gfn.runs.spec import TrainingSpec
from gfn.sampling import evaluate, follow, rollout
from gfn.settings import SettingsError
from gfn.study.results import Run, default_store, published_store, read_run, result_path
from gfn.study.saved import SUFFIX, policy_path, read_policy
from gfn.study.whole import ResultError

DRAWN = 1024  # objects at a time
ORDERS = 32  # trajectories back from each object
ROWS = 1 << 14  # states at a time


@dataclass(frozen=True)
class Trained:
    """A task and the policy that was trained on it.

    Attributes:
        spec: all settings of the training.
        seeds: the seed of each replica of the policy.
        policy: the forward policy, of R replicas.
        backward: the backward policy where it was learned; else it is uniform over parents.
        log_z: the learned log Z ``[R]``, or None.
    """

    spec: TrainingSpec
    seeds: tuple[int, ...]
    policy: Policy
    backward: LearnedBackward | None
    log_z: Tensor | None

    @property
    def task(self) -> Environment:
        """What it was trained on."""
        return self.spec.task

    @property
    def exact(self) -> bool:
        """Whether the task is small enough for exact probabilities of all objects."""
        return is_enumerated(self.task)

    @torch.no_grad()
    def sample(self, count: int, number: int = 0) -> Tensor:
        """Objects drawn from the policy of every seed, ``[R, count, ...]`` as the task writes its terminal states.

        Arguments:
            count: how many, of each seed.
            number: another one draws others.
        """
        return torch.cat(list(self._drawn(count, number)), 1)

    def _drawn(self, count: int, number: int) -> Iterator[Tensor]:
        generators = [stream("objects of a trained policy", seed, number) for seed in self.seeds]
        for done in range(0, count, DRAWN):
            drawn = rollout(self.task, self.policy, min(DRAWN, count - done), generators, backward=self.backward)
            yield drawn.terminal

    @torch.no_grad()
    def log_prob(self, objects: Tensor) -> Tensor:
        """log p_T(x), the log-probability with which the policy ends in each object ``[R, B, ...]``: float64 ``[R, B]``.

        The log-density for planar tasks. Exact there, and for discrete tasks that can be enumerated; for larger ones
        estimated from trajectories τ back from x, of which p_T(x) is the mean of p_F(τ) / p_B(τ | x). Exact again where
        each object has one trajectory.
        """
        if self.exact:
            return self._looked_up(objects)
        if isinstance(self.task, DiscreteEnvironment):
            parts = objects.split(max(1, ROWS // (ORDERS * self.task.max_steps)), 1)
            return torch.cat([self._estimated(part) for part in parts], 1)
        return follow(self.task, self.policy, objects[..., :2].movedim(-1, 1)).log_pf.double()

    def _looked_up(self, objects: Tensor) -> Tensor:
        keys, order = self.task.key(state_graph(self.task).objects).sort()
        place = order[torch.searchsorted(keys, self.task.key(objects).contiguous())]
        return terminal_distribution(self.task, self.policy).log().gather(1, place)

    def _estimated(self, objects: Tensor) -> Tensor:
        task, state = self.task, objects.repeat_interleave(ORDERS, 1)
        generator, actions, moved = stream("trajectories back", 0), [], []
        end = task.mask(state).byte().argmax(-1)  # what a terminal state allows, if trajectories differ in length
        for _ in range(task.max_steps):
            moved.append(task.backward_mask(state).any(-1))
            actions.append(sample_parent_action(task, state, generator, self.backward))
            further = moved[-1].view(*moved[-1].shape, *[1] * (state.dim() - 2))
            state = torch.where(further, task.undo(state, actions[-1]), state)
        # From the source on, those of shorter trajectories wait at their end.
        steps = torch.stack(moved, 1).sum(1, keepdim=True) - 1 - torch.arange(task.max_steps).unsqueeze(-1)
        forward = torch.stack(actions, 1).gather(1, steps.clamp(min=0)).where(steps >= 0, end.unsqueeze(1))
        actions = list(forward.unbind(1))
        states = [task.initial(*forward[:, 0].shape)]
        for action in actions:
            states.append(task.step(states[-1], action))
        traced = evaluate(task, self.policy, states, actions, self.backward)
        log_weights = (traced.log_pf.double() - traced.log_pb.double()).unflatten(1, (-1, ORDERS))
        return log_weights.logsumexp(-1) - math.log(ORDERS)


def load(run: Run | Path | str, seed: int | None = None) -> Trained:
    """Task and policy of a run whose policy was kept, on the CPU. Nothing but Parquet, JSON and safetensors is read.

    Arguments:
        run: the run's file, or that of its policy; or a run that was read or made, whose file is looked for in the
            published results and in :func:`gfn.study.results.default_store`.
        seed: the one training seed whose policy is wanted; by default all, along the first axis.

    Raises:
        ResultError: if the policy was not kept, or a file is damaged or foreign.
        SettingsError: for a seed that the run has not.
    """
    if isinstance(run, Run):
        places = [result_path(run.spec, store) for store in (published_store(), default_store())]
        path = next((place for place in places if policy_path(place).exists()), places[-1])
    else:
        path = Path(run)
        path = path.with_suffix(".parquet") if path.suffix == SUFFIX else path
        run = read_run(path)
    spec, source = run.spec, run.provenance["source"]
    if not isinstance(spec, TrainingSpec):
        raise ResultError(f"{path} has no policy: it is a measurement ({spec.kind}), not a training")
    if seed is not None and seed not in spec.seeds:
        raise SettingsError(f"seed = {seed} is not allowed: run {spec.hash} has {', '.join(map(str, spec.seeds))}")
    kept = policy_path(path)
    if not kept.exists():
        how = f"gfn train with the same settings and --out {path.parent} trains it again and keeps it"
        raise ResultError(f"the policy of {path} was not kept: {how}")
    if type(spec.task) not in TASKS.values() and source != source_fingerprint(spec):
        raise ResultError(f"{path} was made by other code of task {spec.task.task} than is here now: train it again")
    return _built(kept, spec, read_policy(kept, spec, source), spec.seeds if seed is None else (seed,))


def _built(path: Path, spec: TrainingSpec, tensors: dict[str, Tensor], seeds: tuple[int, ...]) -> Trained:
    chosen = [spec.seeds.index(seed) for seed in seeds]
    networks = {
        "policy": make_policy(spec.task, spec.policy, seeds),
        "backward": make_backward(spec.task, spec.policy, seeds),
    }
    try:
        log_z = tensors["log_z"][chosen].squeeze(1)
        for part, network in networks.items():
            names = [name for name in tensors if name.startswith(f"{part}.")]
            state = {name.removeprefix(f"{part}."): tensors[name][chosen] for name in names}
            _fill(network, state, getattr(torch, spec.dtype))
    except (LookupError, RuntimeError):
        raise ResultError(f"{path} is of another version of this project: its networks have other shapes") from None
    learned = spec.objective.log_z in ("learned", "batch")
    return Trained(spec, seeds, networks["policy"], networks["backward"], log_z if learned else None)


def _fill(network: nn.Module | None, state: dict[str, Tensor], dtype: torch.dtype) -> None:
    if network is not None:
        network.to(dtype).load_state_dict(state)
        network.requires_grad_(False)
