"""A divergence as the loss of a torchgfn GFlowNet, and a training with it on torchgfn's hypergrid.

Runs where torchgfn is installed, beside the folder that `gfn vendor gfn_divergences` writes:
`python torchgfn_divergences.py [reverse_kl|forward_kl|renyi|tsallis] [ITERATIONS]`
"""

import sys

import gfn_divergences
import torch
from gfn.gflownet import TrajectoryBasedGFlowNet
from gfn.gym import HyperGrid
from gfn.preprocessors import KHotPreprocessor
from gfn.utils.modules import MLP, DiscreteUniform

from gfn.estimators import DiscretePolicyEstimator


class DivergenceGFlowNet(TrajectoryBasedGFlowNet):
    """A forward policy trained with a divergence, on trajectories drawn from it.

    Arguments:
        pf, pb, constant_pb: as of torchgfn's other losses; the backward policy is fixed, and has no log Z beside it.
        divergence: reverse_kl, forward_kl, renyi or tsallis.
        options: what else that function takes: alpha, control_variate, log_scale, parameters, epsilon.
    """

    def __init__(self, pf, pb, divergence="renyi", constant_pb=False, **options):
        super().__init__(pf, pb, constant_pb=constant_pb)
        self.divergence, self.options = getattr(gfn_divergences, divergence), options

    def loss(self, env, trajectories, recalculate_all_logprobs=True, reduction="mean", *, log_rewards=None):
        """A scalar to differentiate: its gradient is the estimate, its value means nothing."""
        if reduction != "mean":
            raise ValueError(f"reduction = {reduction!r} is not allowed: the estimate is of a whole batch, 'mean'")
        log_pf, log_pb = self.get_pfs_and_pbs(trajectories, recalculate_all_logprobs)  # [T, N] each
        if log_pb.requires_grad:
            raise ValueError("the backward policy has parameters, which a divergence does not train: use a fixed one")
        if log_rewards is None:
            log_rewards = trajectories.log_rewards
        return self.divergence(log_pf.sum(0), log_pb.sum(0), log_rewards, **self.options)


def policies(env, preprocessor, width=128):
    """A network for the forward policy, and the uniform backward policy."""
    network = MLP(preprocessor.output_dim, env.n_actions, width)
    backward = DiscreteUniform(env.n_actions - 1)
    return (
        DiscretePolicyEstimator(network, env.n_actions, preprocessor=preprocessor),
        DiscretePolicyEstimator(backward, env.n_actions, preprocessor=preprocessor, is_backward=True),
    )


def main(divergence="renyi", iterations=500):
    """Train, and print the L1 distance between the samples and the target before and after."""
    torch.manual_seed(0)
    env = HyperGrid(ndim=2, height=8, store_all_states=True)
    gflownet = DivergenceGFlowNet(*policies(env, KHotPreprocessor(env.height, env.ndim)), divergence)
    optimiser = torch.optim.Adam(gflownet.pf_pb_parameters(), lr=1e-3)

    def distance():
        return env.validate(gflownet, n_validation_samples=10_000)[0]["l1_dist"]

    before = distance()
    for _ in range(int(iterations)):
        trajectories = gflownet.sample_trajectories(env, n=64, save_logprobs=True)
        loss = gflownet.loss(env, trajectories, recalculate_all_logprobs=False)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print(f"{divergence}: L1 distance {before:.2f} before training, {distance():.2f} after {iterations} iterations")


if __name__ == "__main__":
    main(*sys.argv[1:])
