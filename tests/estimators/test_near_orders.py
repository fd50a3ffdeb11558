"""Orders near 1, where both divergences become the reverse KL, and near 0, where their gradients vanish."""

from __future__ import annotations

import pytest
import torch

from gfn.estimators import CONTROL_VARIATES, surrogate
from gfn.runs.objective import Objective
from gfn.sampling import Trajectories
from gfn.settings import SettingsError
from tests.helpers import TINY_TASKS, exact_moments, objective, small_policy, table

NEAR_ONE = [1 + sign * distance for distance in (1e-3, 1e-5, 1e-7, 1e-9, 1e-12) for sign in (1, -1)]
NEAR_ZERO = [sign * size for size in (5e-3, 1e-4, 1e-6) for sign in (1, -1)]
DTYPES = [torch.float32, torch.float64]


@pytest.fixture(scope="module", params=TINY_TASKS)
def small(request):
    task = TINY_TASKS[request.param]
    return table(task, small_policy(task))


def estimates(small, goal, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """The gradients of some batches of 16, from numbers of type ``dtype``: ``[8, P]``."""
    batches = small.draw(8, 16, seed=1)
    theta = torch.zeros(8, small.scores.shape[1], dtype=dtype, requires_grad=True)
    log_pf = (small.log_pf.to(dtype) + theta @ small.scores.T.to(dtype)).gather(1, batches)
    drawn = Trajectories(log_pf, *(part.to(dtype)[batches] for part in (small.log_pb, small.log_reward)), batches)
    loss = goal.loss(drawn, [theta]) if isinstance(goal, Objective) else goal(drawn, [theta])
    return torch.autograd.grad(loss.sum(), theta)[0].double()


def distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("alpha", NEAR_ONE)
@pytest.mark.parametrize("variate", CONTROL_VARIATES)
@pytest.mark.parametrize("name", ["renyi", "tsallis"])
def test_near_one_weights_are_those_of_the_reverse_kl(small, name, variate, alpha, dtype):
    """u = 1 and v = f, of Rényi less its mean over the batch, up to rounding and a first order in 1 - α."""

    def limit(t, parameters):
        f = (t.log_pf - t.log_pb - t.log_reward).detach()
        score = f - f.mean(-1, keepdim=True) if name == "renyi" else f
        return surrogate(t.log_pf, torch.ones_like(f), score, variate, parameters)

    found = estimates(small, objective(name, alpha, variate), dtype)
    rounding = 30 * torch.finfo(dtype).eps
    assert distance(found, estimates(small, limit)) < rounding + 10 * abs(1 - alpha)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("alpha", NEAR_ONE)
@pytest.mark.parametrize(
    ("name", "variate"), [("renyi", "joint"), *(("tsallis", v) for v in ("none", "score", "joint"))]
)
def test_near_one_it_is_the_reverse_kl(small, name, variate, alpha, dtype):
    """The whole estimate, where the variate is the same; that of ``loo`` and ``both`` is ``joint`` for the reverse KL."""
    found = estimates(small, objective(name, alpha, variate), dtype)
    expected = estimates(small, objective("reverse_kl", None, variate))
    assert distance(found, expected) < 30 * torch.finfo(dtype).eps + 10 * abs(1 - alpha)


@pytest.mark.parametrize("alpha", [*NEAR_ONE, *NEAR_ZERO])
@pytest.mark.parametrize("variate", ["none", "loo", "joint"])
def test_the_mean_is_the_exact_gradient(small, variate, alpha):
    """Of Tsallis, over every batch of two, as near as the definition itself can be told in double precision."""
    mean, _ = exact_moments(small, 2, objective("tsallis", alpha, variate))
    exact = small.exact("tsallis", alpha)
    if abs(1 - alpha) < 1e-6:  # where the definition divides rounding by α - 1
        exact = small.exact("reverse_kl", None)
    assert distance(mean, exact) < 1e-5


@pytest.mark.parametrize("alpha", NEAR_ZERO)
@pytest.mark.parametrize("variate", ["none", "joint"])
@pytest.mark.parametrize("name", ["renyi", "tsallis"])
def test_near_zero_nothing_is_rounded_away(small, name, variate, alpha):
    """In single precision as in double."""
    goal = objective(name, alpha, variate)
    assert distance(estimates(small, goal, torch.float32), estimates(small, goal)) < 1e-5


@pytest.mark.parametrize("alpha", [1 + 1e-9, 1 - 1e-12, 0.3, 2.0, -1e-6])
def test_labels_have_alpha_in_full(alpha):
    text = objective("renyi", alpha, "joint").label.split()[1]
    assert float(text.removeprefix("alpha=")) == alpha


@pytest.mark.parametrize("alpha", [0, 1e-7, -1e-300])
def test_orders_at_which_nothing_is_learnt_are_refused(alpha):
    with pytest.raises(SettingsError, match=r"^alpha = [^\n]+ is not allowed: the gradient vanishes there"):
        objective("tsallis", alpha, "joint")
