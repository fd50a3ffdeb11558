"""Worker for the study with torchgfn: trainings by its own sampler, on its own environments, by its losses and by ours.

Ours come from the folder that `gfn vendor` writes, through the example's adapter; the paths of both are PYTHONPATH.
"""

from __future__ import annotations

import math
import time
from importlib.metadata import version

import torch
from gfn.env import DiscreteEnv
from gfn.gflownet import LogPartitionVarianceGFlowNet, TBGFlowNet, TrajectoryBasedGFlowNet
from gfn.gym import HyperGrid
from gfn.gym.set_addition import SetAddition
from gfn.preprocessors import IdentityPreprocessor, KHotPreprocessor
from gfn.samplers import Sampler
from protocol import serve
from torchgfn_divergences import DivergenceGFlowNet, policies

RATES = {"policy": 1e-3, "log_z": 0.1}  # as torchgfn's tutorials have them


class Task:
    """One of torchgfn's environments with all that can be counted on it.

    Arguments:
        kind: ``grid`` or ``sets``.
        sizes: of a grid ``side`` and ``r0``; of sets ``universe`` and ``size``.
    """

    def __init__(self, kind: str, **sizes: float) -> None:
        if kind == "grid":
            side = int(sizes["side"])
            rewards = {"R0": sizes["r0"], "R1": 0.5, "R2": 2.0}
            self.environment: DiscreteEnv = HyperGrid(2, side, reward_fn_kwargs=rewards)
            self.preprocessor = KHotPreprocessor(side, 2)
            states = torch.cartesian_prod(*[torch.arange(side)] * 2)
            self.objects, self.base = torch.ones(len(states), dtype=torch.bool), side
        else:
            universe, size = int(sizes["universe"]), int(sizes["size"])
            values = 2 * torch.rand(universe, generator=torch.Generator().manual_seed(0)) - 1
            # A function of float32, since its sets are vectors of zeros and ones.
            self.environment = SetAddition(universe, size, lambda x: (x.float() @ values).exp(), fixed_length=True)
            self.preprocessor = IdentityPreprocessor(output_dim=universe)
            every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * universe)
            states = every[every.sum(-1) <= size]
            self.objects, self.base = states.sum(-1) == size, 2
        # By the length of the way there, so that a state comes after all from which it can be reached.
        order = states.sum(-1).argsort(stable=True)
        self.states, self.objects = states[order], self.objects[order]
        weights = self.base ** torch.arange(states.shape[-1] - 1, -1, -1)
        place = torch.full((self.base ** states.shape[-1],), -1)
        place[(self.states.long() * weights).sum(-1)] = torch.arange(len(states))
        levels = self.states.sum(-1).unique_consecutive(return_counts=True)[1].tolist()
        self.levels, first = [], 0
        for count in levels:
            rows = torch.arange(first, first + count)
            inside = self.states[rows] < self.base - 1  # where one more is possible
            source, action = inside.nonzero(as_tuple=True)
            target = place[(self.states[rows[source]].long() * weights).sum(-1) + weights[action]]
            known = target >= 0
            self.levels.append((rows[source[known]], action[known], target[known]))
            first += count
        rewards = self.environment.reward(self.environment.states_from_tensor(self.states[self.objects])).double()
        self.target, self.log_z = rewards / rewards.sum(), rewards.sum().log().item()

    @torch.no_grad()
    def distance(self, forward) -> float:
        """The L1 distance, Σ |p_T(x) − r(x)/Z|, exactly, by a sum over all ways."""
        states = self.environment.states_from_tensor(self.states)
        chances = forward.to_probability_distribution(states, forward(states)).probs.double()
        reach = torch.zeros(len(self.states), dtype=torch.float64)
        reach[0] = 1.0
        for source, action, target in self.levels:
            reach.index_add_(0, target, reach[source] * chances[source, action])
        found = (reach * chances[:, -1])[self.objects]
        if abs(found.sum().item() - 1) > 1e-4:
            raise ArithmeticError(f"all objects together have probability {found.sum().item()}")
        return (found - self.target).abs().sum().item()


TASKS: dict[str, Task] = {}


def gflownet_of(objective: str, task: Task, batch: int) -> TrajectoryBasedGFlowNet:
    """Policies of torchgfn with the loss of an objective."""
    forward, backward = policies(task.environment, task.preprocessor)
    if objective == "vargrad":
        return LogPartitionVarianceGFlowNet(forward, backward)
    if objective == "tb":
        return TBGFlowNet(forward, backward)
    if objective == "tb_batch":
        # log Z starts from the weights of one batch.
        flow = TBGFlowNet(forward, backward)
        with torch.no_grad():
            weights = -flow.get_scores(Sampler(forward).sample_trajectories(task.environment, n=batch))
            flow.logZ += weights.logsumexp(0) - math.log(batch)
        return flow
    return DivergenceGFlowNet(forward, backward, objective)


def train(task: dict, objective: str, seed: int, batch: int, checkpoints: list[int]) -> dict:
    """One training: the distance after so many iterations, and its seconds of a processor without these measurements."""
    key = repr(sorted(task.items()))
    if key not in TASKS:
        TASKS.clear()
        TASKS[key] = Task(**task)
    made = TASKS[key]
    torch.manual_seed(seed)
    flow = gflownet_of(objective, made, batch)
    groups = [{"params": flow.pf_pb_parameters(), "lr": RATES["policy"]}]
    if flow.logz_parameters():
        groups.append({"params": flow.logz_parameters(), "lr": RATES["log_z"]})
    optimiser = torch.optim.Adam(groups)
    sampler, distances, seconds, done = Sampler(flow.pf), [], 0.0, 0
    for checkpoint in checkpoints:
        started = time.process_time()
        for _ in range(checkpoint - done):
            trajectories = sampler.sample_trajectories(made.environment, n=batch, save_logprobs=True)
            loss = flow.loss(made.environment, trajectories, recalculate_all_logprobs=False)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        seconds += time.process_time() - started
        done = checkpoint
        distances.append(made.distance(flow.pf))
    if not all(map(math.isfinite, distances)):
        raise ArithmeticError("the policy is not finite")
    return {"l1": distances, "seconds": round(seconds, 2), "log_z": made.log_z, "objects": len(made.target)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    about = {"torchgfn": version("torchgfn"), "torch": torch.__version__}
    serve({"train": train, "about": lambda: about})
