"""Worker for torchgfn: trajectory balance with its own samplers, estimators and loss, on the tasks that it has."""

from __future__ import annotations

from importlib.metadata import version

import torch
from gfn.gflownet import TBGFlowNet
from gfn.gym import HyperGrid
from gfn.gym.set_addition import SetAddition
from gfn.preprocessors import IdentityPreprocessor, KHotPreprocessor
from gfn.samplers import Sampler
from gfn.utils.modules import MLP, DiscreteUniform
from protocol import Step, Trainings, serve

from gfn.estimators import DiscretePolicyEstimator


def sets(task: dict, data: dict):
    """Its sets of fixed size, with our reward."""
    values = torch.tensor(data["values"])
    environment = SetAddition(task["universe"], task["size"], lambda x: (x.float() @ values).exp(), fixed_length=True)
    return environment, IdentityPreprocessor(output_dim=task["universe"])


def hypergrid(task: dict, data: dict):
    """Its hypergrid, with the constants of our reward, on one-hot coordinates."""
    rewards = {name.upper(): task[name] for name in ("r0", "r1", "r2")}
    environment = HyperGrid(task["dimensions"], task["side"], reward_fn_kwargs=rewards)
    return environment, KHotPreprocessor(task["side"], task["dimensions"])


def build(task: dict, data: dict, batch_size: int, hidden: list[int]) -> Step:
    """A training as the project's tutorials write it, which uses the log-probabilities that sampling has computed."""
    torch.manual_seed(0)
    environment, preprocessor = {"sets": sets, "hypergrid": hypergrid}[task["task"]](task, data)
    width, actions = hidden[0], environment.n_actions
    network = MLP(preprocessor.output_dim, actions, width, len(hidden), activation_fn="leaky_relu")
    forward = DiscretePolicyEstimator(network, actions, preprocessor=preprocessor)
    backward = DiscretePolicyEstimator(
        DiscreteUniform(actions - 1), actions, preprocessor=preprocessor, is_backward=True
    )
    flow = TBGFlowNet(pf=forward, pb=backward)
    groups = [{"params": flow.pf_pb_parameters(), "lr": 1e-3}, {"params": flow.logz_parameters(), "lr": 0.1}]
    optimiser = torch.optim.Adam(groups)
    sampler = Sampler(estimator=forward)

    def step(iterations: int) -> None:
        for _ in range(iterations):
            trajectories = sampler.sample_trajectories(environment, n=batch_size, save_logprobs=True)
            optimiser.zero_grad()
            loss = flow.loss(environment, trajectories, recalculate_all_logprobs=False)
            loss.backward()
            optimiser.step()
        if not loss.isfinite():
            raise ArithmeticError("the loss is not finite")

    return step


if __name__ == "__main__":
    torch.set_num_threads(1)
    about = {"torchgfn": version("torchgfn"), "torch": torch.__version__}
    serve(Trainings(build).commands() | {"about": lambda: about})
