"""What the test of the example has torchgfn's own Python do: gradients, refusals, a training, exact errors; a JSON object."""

import json
import sys
from contextlib import redirect_stdout
from io import StringIO

import gfn_divergences
import torch
import torchgfn_divergences as example
from gfn.gflownet import LogPartitionVarianceGFlowNet
from gfn.gym import HyperGrid
from gfn.preprocessors import KHotPreprocessor
from gfn.utils.modules import MLP
from torchgfn_divergences import DivergenceGFlowNet, policies

from gfn.estimators import DiscretePolicyEstimator

torch.set_num_threads(1)
COUNT = 32
environment = HyperGrid(2, 8, store_all_states=True)
preprocessor = KHotPreprocessor(8, 2)


def refusal(act) -> str:
    """What an act is refused with."""
    try:
        act()
    except ValueError as error:
        return str(error)
    return ""


def gradients() -> dict:
    """Of the same batch by every loss, in double precision."""
    torch.manual_seed(1)
    forward, backward = policies(environment, preprocessor, width=16)
    variance = LogPartitionVarianceGFlowNet(forward, backward)
    batch = variance.sample_trajectories(environment, n=COUNT, save_logprobs=False)
    log_pf, log_pb = (steps.sum(0) for steps in variance.get_pfs_and_pbs(batch))
    three = log_pf, log_pb, batch.log_rewards
    parameters = list(forward.parameters())
    losses = {
        "torchgfn": variance.loss(environment, batch),
        "log_partition_variance": gfn_divergences.log_partition_variance(*three),
    }
    for name in gfn_divergences.DIVERGENCES:
        for variate in gfn_divergences.CONTROL_VARIATES:
            options = {"control_variate": variate, "parameters": parameters}
            loss = DivergenceGFlowNet(forward, backward, name, **options).loss(environment, batch)
            losses[f"adapter {name} {variate}"] = loss
            losses[f"direct {name} {variate}"] = getattr(gfn_divergences, name)(*three, **options)
    found = {}
    for name, loss in losses.items():
        parts = torch.autograd.grad(loss, parameters, retain_graph=True)
        found[name] = torch.cat([part.flatten() for part in parts]).tolist()
    return found


def refused() -> dict:
    """What the adapter does not take."""
    forward, backward = policies(environment, preprocessor, width=16)
    learned = DiscretePolicyEstimator(
        MLP(16, environment.n_actions - 1, 16), environment.n_actions, preprocessor=preprocessor, is_backward=True
    )
    flow, trained = DivergenceGFlowNet(forward, backward), DivergenceGFlowNet(forward, learned)
    batch = flow.sample_trajectories(environment, n=4)
    return {
        "reduction": refusal(lambda: flow.loss(environment, batch, reduction="sum")),
        "backward policy": refusal(lambda: trained.loss(environment, batch)),
    }


def training() -> str:
    """What the example prints of a short training."""
    with redirect_stdout(StringIO()) as said:
        example.main("renyi", 60)
    return said.getvalue()


def errors() -> dict:
    """The exact error of an untrained policy, and torchgfn's own from samples; that of sets as big as all of them."""
    from train_torchgfn import Task

    grid, sets = Task("grid", side=8, r0=0.1), Task("sets", universe=4, size=2)
    torch.manual_seed(0)
    flow = DivergenceGFlowNet(*policies(environment, preprocessor, width=16))
    sampled = environment.validate(flow, n_validation_samples=40_000)[0]["l1_dist"]
    forward, _ = policies(sets.environment, sets.preprocessor, width=16)
    for parameter in forward.parameters():
        parameter.data.zero_()
    # All equally probable under logits of 0.
    uniform = (torch.full_like(sets.target, 1 / len(sets.target)) - sets.target).abs().sum().item()
    return {
        "exact": grid.distance(flow.pf),
        "sampled": sampled,
        "sets": sets.distance(forward),
        "uniform": uniform,
        "objects": len(sets.target),
    }


if __name__ == "__main__":
    sampled = training()
    measured = errors()
    torch.set_default_dtype(torch.float64)
    json.dump({"gradients": gradients(), "refused": refused(), "training": sampled, "errors": measured}, sys.stdout)
