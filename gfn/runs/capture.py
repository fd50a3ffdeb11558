"""A training iteration as a CUDA graph: hundreds of small kernels at the cost of one launch.

On a CPU nothing here is used, and a reader may skip it: :meth:`gfn.runs.training.Trainer.step` does the same without.

A GPU computes the small networks of these tasks in less time than the host needs to tell it each operation. So the host
tells it the whole iteration once, which CUDA calls capture: the list of operations and of the places in memory that they
read and write. From then on one word, replay, does them all again. What follows from that:

- every tensor stays where it is, and each replay writes the batch over that of the one before;
- shapes cannot depend on values (see ``static`` in :mod:`gfn.sampling.engine`), and nothing may look at a value on the way;
- random generators are told to the graph, so that each replay draws new noise;
- what runs before the capture, to warm up, must be undone (:func:`unchanged`), so that results are those of a CPU's loop.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

import torch
from torch import Tensor

from gfn.environments import DAGs, Environment
from gfn.environments.dags import TABLE_NODES
from gfn.sampling import Trajectories, static

WARM_UPS = 3


def capturable(environment: Environment, device: torch.device) -> bool:
    """Whether iterations of this task never wait for a value, so that they can be captured.

    DAGs too large for a table of scores solve linear systems, and the solver looks at its result.
    """
    solves = isinstance(environment, DAGs) and environment.nodes > TABLE_NODES
    return device.type == "cuda" and static(environment, device) and not solves


class CudaGraph:
    """All that a capture needs of CUDA, on the CUDA device ``device``."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.graph, self.stream = torch.cuda.CUDAGraph(), torch.cuda.Stream(device)

    def warm_up(self, iteration: Callable[[], Trajectories]) -> None:
        """Run ``iteration`` aside, for libraries set themselves up at first, which no graph can hold."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            for _ in range(WARM_UPS):
                iteration()
        current.wait_stream(self.stream)

    def record(self, iteration: Callable[[], Trajectories], generators: Sequence[torch.Generator]) -> None:
        """Note what ``iteration`` launches, and run nothing of it."""
        for generator in generators:
            self.graph.register_generator_state(generator)
        with torch.cuda.device(self.device), torch.cuda.graph(self.graph, stream=self.stream):
            self.batch = iteration()

    def replay(self) -> Trajectories:
        """Launch it, with fresh noise; the batch is in the same memory every time."""
        self.graph.replay()
        return self.batch


class Capture:
    """A training iteration, captured once, to be replayed.

    The host waits for no iteration. So the device itself notes for each replica which was the first
    whose loss or gradients were not finite, and :meth:`failures` asks for that.

    Arguments:
        graph: records and replays.
        iteration: leaves the gradients of a fresh batch, and returns which replicas' are finite, bool ``[R]``, and the batch.
        optimiser: takes the step, and holds all parameters; its state is made here, if need be.
        generators: the R sources of noise.
        done: number of iterations before.
    """

    def __init__(
        self,
        graph: CudaGraph,
        iteration: Callable[[], tuple[Tensor, Trajectories]],
        optimiser: torch.optim.Optimizer,
        generators: Sequence[torch.Generator],
        done: int,
    ) -> None:
        self.iteration, self.optimiser = iteration, optimiser
        self.done = torch.tensor(done, device=generators[0].device)
        self.failed = torch.zeros(len(generators), dtype=torch.long, device=generators[0].device)
        with unchanged(optimiser, generators, [self.done, self.failed]):
            graph.warm_up(self._whole)
        for group in optimiser.param_groups:
            group["capturable"] = True  # a fused Adam is, but insists on being told
        graph.record(self._whole, generators)
        self.replay = graph.replay

    def _whole(self) -> Trajectories:
        finite, batch = self.iteration()
        self.optimiser.step()
        self.done += 1
        self.failed += self.done * ((self.failed == 0) & ~finite)
        # What is kept must not keep the autograd graph.
        return replace(batch, log_pf=batch.log_pf.detach(), make_steps=None, make_actions=None)

    def failures(self) -> tuple[int, list[int]] | None:
        """The first iteration that was not finite, and for which replicas, if there was one; waits for the device."""
        failed = self.failed.tolist()
        first = min(filter(None, failed), default=None)
        return first and (first, [replica for replica, iteration in enumerate(failed) if iteration == first])


@contextlib.contextmanager
def unchanged(
    optimiser: torch.optim.Optimizer, generators: Sequence[torch.Generator], others: Sequence[Tensor]
) -> Iterator[None]:
    """Everything that iterations change is put back in place; a state that the optimiser had not made yet is zero."""

    def state() -> list[Tensor]:
        parameters = [p.detach() for group in optimiser.param_groups for p in group["params"]]
        return [*parameters, *others, *(value for made in optimiser.state.values() for value in made.values())]

    before, noise = [value.clone() for value in state()], [g.get_state() for g in generators]
    yield
    for value, old in zip_longest(state(), before):
        value.zero_() if old is None else value.copy_(old)
    for generator, old in zip(generators, noise):
        generator.set_state(old)
