"""Trainings that need nothing but PyTorch and the folder of estimators, whatever its name."""

from __future__ import annotations

from functools import partial

import torch

LETTERS, BATCH, STEPS = 3, 32, 80


class Pairs(torch.nn.Module):
    """Two letters, drawn one after the other; their order does not matter to the object."""

    def __init__(self) -> None:
        super().__init__()
        shapes = {"first": (LETTERS,), "second": (LETTERS, LETTERS), "flow": (LETTERS,), "log_z": ()}
        for name, shape in shapes.items():
            setattr(self, name, torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64)))
        log_reward = torch.randn(LETTERS, LETTERS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        self.log_reward = log_reward + log_reward.T

    def distance(self) -> float:
        """L1 between what the policy draws and the target, over all objects."""
        drawn = self.first.detach().softmax(0).unsqueeze(1) * self.second.detach().softmax(1)
        learned, target = (drawn + drawn.T - drawn.diag().diag()).triu(), self.log_reward.exp().triu()
        return float((learned - target / target.sum()).abs().sum())

    def draw(self, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """A batch step by step: log p_F, log p_B and log F of the state that each leaves, ``[N, 2]``; log r, ``[N]``."""
        first, second = self.first.log_softmax(0), self.second.log_softmax(1)
        a = first.detach().exp().multinomial(BATCH, replacement=True, generator=generator)
        b = second.detach().exp()[a].multinomial(1, generator=generator).squeeze(1)
        either = torch.where(a == b, 0.0, 0.5).double()  # the other order gives the same object
        return {
            "log_pf": torch.stack([first[a], second[a, b]], 1),
            "log_pb": torch.stack([torch.zeros_like(either), torch.where(either > 0, either.log(), either)], 1),
            "log_flow": torch.stack([self.log_z.expand(BATCH), self.flow[a]], 1),
            "log_reward": self.log_reward[a, b],
        }


def objectives(estimators) -> dict[str, object]:
    """Each divergence with each control variate, and each balance and f-divergence loss: functions of the model and a batch."""

    def whole(batch):
        return batch["log_pf"].sum(1), batch["log_pb"].sum(1), batch["log_reward"]

    def divergence(estimate, variate, model, batch):
        return estimate(*whole(batch), control_variate=variate, parameters=[model.first, model.second])

    every = {
        f"{name} {variate}": partial(divergence, getattr(estimators, name), variate)
        for name in estimators.DIVERGENCES
        for variate in estimators.CONTROL_VARIATES
    }
    going = torch.ones(BATCH, 2, dtype=torch.bool)
    return every | {
        "tb": lambda model, batch: estimators.trajectory_balance(*whole(batch), model.log_z),
        "vargrad": lambda model, batch: estimators.log_partition_variance(*whole(batch)),
        "db": lambda model, batch: estimators.detailed_balance(**batch, going=going),
        "subtb": lambda model, batch: estimators.subtrajectory_balance(**batch, going=going, decay=0.9),
        "f_tb": lambda model, batch: estimators.f_trajectory_balance(*whole(batch), model.log_z, 0.5),
        "js_tb": lambda model, batch: estimators.jensen_shannon_balance(*whole(batch), model.log_z),
        "devgrad": lambda model, batch: estimators.devgrad(*whole(batch), 0.5),
    }


def train(loss) -> dict[str, list[float]]:
    """The gradient of every step, and the distance from the target before and after."""
    model, generator = Pairs(), torch.Generator().manual_seed(1)
    optimiser, gradients, before = torch.optim.Adam(model.parameters(), lr=0.05), [], model.distance()
    for _ in range(STEPS):
        optimiser.zero_grad(set_to_none=False)
        loss(model, model.draw(generator)).backward()
        gradients += [number for p in model.parameters() if p.grad is not None for number in p.grad.flatten().tolist()]
        optimiser.step()
    return {"gradients": gradients, "distances": [before, model.distance()]}


def train_all(estimators) -> dict[str, dict[str, list[float]]]:
    """All trainings, by the names of their objectives."""
    return {name: train(loss) for name, loss in objectives(estimators).items()}
