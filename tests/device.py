"""A GPU's demands where there is none: tensors of one device, and under capture no look at their values.

The device ``meta`` computes shapes alone. Like a GPU under capture it hands no value to the host
(``bool``, ``item``, ``unique``, boolean indices). The modes here refuse what it lets pass.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gfn.runs.training import Trainer

COPIES = ("aten._to_copy.default", "aten.copy_.default")


def on_cpu(values, single: bool) -> list[Tensor]:
    """Tensors of the CPU in any nest of arguments; single numbers, which kernels take from there, only if asked for."""
    found = [value for value in tree_leaves(values) if isinstance(value, Tensor) and value.device.type == "cpu"]
    return [value for value in found if single or value.dim()]


class OneDevice(TorchDispatchMode):
    """Fails where a tensor of the CPU takes part in anything: what a captured iteration must not do."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **kwargs or {})
        if on_cpu((args, kwargs, result), single=str(func) in COPIES):
            raise AssertionError(f"{func} of a tensor on the CPU")
        return result


class NoMixture(TorchDispatchMode):
    """Fails where tensors of two devices meet but to be copied; what is copied to the CPU becomes zeros."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = [value.device.type for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        if str(func) not in COPIES and "meta" in given and on_cpu((args, kwargs), single=False):
            raise AssertionError(f"{func} of tensors on two devices")
        if str(func) == COPIES[0] and given == ["meta"] and kwargs.get("device") == torch.device("cpu"):
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        return func(*args, **kwargs)


class MetaGenerator(torch.Generator):
    """A generator that says it is on the device it is asked for, the meta device too, which has none."""

    def __new__(cls, device: torch.device | str = "cpu"):
        self = super().__new__(cls)
        self.place = torch.device(device)
        return self

    device = property(lambda self: self.place)


def on_meta(trainer: Trainer) -> Trainer:
    """The same training on the meta device; Adam is left behind."""
    for module in (trainer.policy, trainer.flow):
        module.to("meta")
    trainer.parameters = list(trainer.policy.parameters())
    trainer.trained = [*trainer.parameters, *trainer.flow.parameters()]
    trainer.flat = torch.nn.Parameter(trainer.flat.detach().to("meta"))
    learned = trainer.log_z.requires_grad
    trainer.log_z = torch.nn.Parameter(trainer.log_z.detach().to("meta"), requires_grad=learned)
    trainer.log_scale = trainer.log_scale.to("meta")
    trainer.generators = [MetaGenerator("meta") for _ in trainer.generators]
    return trainer
