"""The banana by Hamiltonian Monte Carlo (NUTS), as the paper has its ground truth."""

from collections.abc import Callable

import torch

from gfn.environments import Banana
from gfn.randomness import stream
from gfn.runs.spec import ReferenceSpec
from gfn.runs.training import Record


def sample_nuts(task: Banana, seed: int, samples: int, warmup: int) -> torch.Tensor:
    """Draws of one chain of Pyro's No-U-Turn sampler, started at the origin: float64 ``[samples, 2]``.

    Raises:
        ImportError: without Pyro, which the extra ``book`` installs.
    """
    from pyro.infer.mcmc import MCMC, NUTS

    kernel = NUTS(potential_fn=lambda state: -task.log_density(state["x"]), target_accept_prob=0.9)
    start = {"x": torch.zeros(2, dtype=torch.float64)}
    chain = MCMC(kernel, num_samples=samples, warmup_steps=warmup, initial_params=start, disable_progbar=True)
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(stream("reference chain", seed).get_state())
        chain.run()
    return chain.get_samples()["x"]


def sample_reference(spec: ReferenceSpec, progress: Callable[[int, int], None] | None = None) -> list[Record]:
    """One chain a seed; metrics ``x1`` and ``x2``, with ``cell`` the number of the draw."""
    records: list[Record] = []
    for done, seed in enumerate(spec.seeds, 1):
        draws = sample_nuts(spec.task, seed, spec.samples, spec.warmup)
        for number, point in enumerate(draws.tolist()):
            records += [{"seed": seed, "cell": number, "metric": m, "value": v} for m, v in zip(("x1", "x2"), point)]
        if progress is not None:
            progress(done, len(spec.seeds))
    return records
