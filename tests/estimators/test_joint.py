"""Leave-one-out on the whole weight, and what the paper's in-batch baseline does in its place."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from gfn.environments import Sequences
from gfn.runs.gradients import measure_gradients
from gfn.runs.objective import Objective
from gfn.runs.spec import GradientSpec
from tests.helpers import SMALL_TASKS, all_batches, objective, small_policy, table

ORDERS = (0.5, 2.0, -0.5, -1.0)
WITHOUT_EPSILON = 1e-14


@pytest.fixture(scope="module")
def tables():
    return {name: table(task, small_policy(task)) for name, task in SMALL_TASKS.items()}


@pytest.fixture(scope="module")
def three():
    """A task of three trajectories, whose batches can all be listed up to a hundred trajectories.

    Under a policy for which what falls as 1/N does so from N = 8 on; with others (seed 0) it first rises, up to N = 32.
    """
    task = Sequences(alphabet=1, length=2, f_low=-2.0, f_high=-1.0, g_low=1.0)
    return table(task, small_policy(task, [4]))


@pytest.mark.parametrize("name", ["reverse_kl", "forward_kl"])
@pytest.mark.parametrize("task", SMALL_TASKS)
def test_of_both_kls_it_is_what_both_is(tables, task, name):
    """On every batch."""
    t = tables[task]
    batches = t.draw(64, 7, seed=0)
    joint, both = (t.estimates(batches, objective(name, None, cv)) for cv in ("joint", "both"))
    torch.testing.assert_close(joint, both, rtol=1e-10, atol=1e-10 * float(both.norm()))


@pytest.mark.parametrize("name", ["renyi", "tsallis"])
@pytest.mark.parametrize("step", [1e-5, -1e-5])
def test_it_goes_over_into_reverse_kl(tables, name, step):
    """As α goes to 1, from either side, on every batch."""
    t = tables["sets 5 choose 3"]
    batches = t.draw(64, 8, seed=0)
    limit = t.estimates(batches, objective("reverse_kl", None, "joint"))
    near = t.estimates(batches, objective(name, 1 + step, "joint"))
    assert (near - limit).norm() < 1e-3 * limit.norm()


@pytest.mark.parametrize("alpha", [1e-6, -1e-6])
def test_of_renyi_it_goes_over_into_forward_kl(tables, alpha):
    """As α goes to 0, divided by |α|: with the batch's own mean weight in the place of Z."""
    t = tables["sets 5 choose 3"]
    batches = t.draw(64, 8, seed=0)
    near = t.estimates(batches, objective("renyi", alpha, "joint")) / abs(alpha)
    mean_weight = (t.log_pb + t.log_reward - t.log_pf - t.log_z)[batches].exp().mean(1, keepdim=True)
    limit = t.estimates(batches, objective("forward_kl", None, "joint")) / mean_weight
    torch.testing.assert_close(near, limit, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("alpha", ORDERS)
def test_of_renyi_it_is_the_batch_normalised_f_divergence_loss(tables, alpha):
    """The loss of Fawkes and Hartford's α family, with log Z that minimises it on the batch and is not differentiated.

    The estimate is |α| N / (N - 1) times its gradient, on every batch.
    """
    t, count = tables["sequences 3 letters length 3"], 8
    batches = t.draw(64, count, seed=0)

    def each(difference):
        return ((alpha - 1) * difference).expm1() / (alpha - 1) ** 2 - difference / (alpha - 1)

    def loss(drawn):
        log_ratio = drawn.log_pf - drawn.log_pb - drawn.log_reward
        fixed = log_ratio.detach()
        log_z = -((alpha - 1) * fixed).exp().mean(1, keepdim=True).log() / (alpha - 1)
        least = each(fixed + log_z).mean(1)
        assert all((each(fixed + log_z + step).mean(1) > least).all() for step in (-1e-3, 1e-3))
        return each(log_ratio + log_z).mean(1)

    normalised = t.estimates(batches, Objective(name="renyi", alpha=alpha), loss)
    joint = t.estimates(batches, objective("renyi", alpha, "joint"))
    torch.testing.assert_close(joint, abs(alpha) * count / (count - 1) * normalised, rtol=1e-9, atol=1e-12)


def directions(t, batches, probability):
    """M = E[e eᵀ] for the direction e of the batch's mean score."""
    mean = t.scores[batches].mean(1)
    e = mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-9)
    return e.T @ (probability[:, None] * e)


def operator(t, name, alpha, m):
    """(I + (1 - α) / α M) ∇."""
    exact = t.exact(name, alpha)
    return exact + (1 - alpha) / alpha * m @ exact


@pytest.mark.parametrize("alpha", ORDERS)
def test_the_in_batch_baseline_applies_an_operator_to_the_gradient(three, alpha):
    """E[both] for ε → 0 over all batches there are: it differs from the operator by O(1/N), and stays as biased as it is."""
    exact, rest, bias = three.exact("tsallis", alpha), [], []
    for size in (8, 32, 100):
        batches, log_orders = all_batches(len(three.log_pf), size)
        probability = (log_orders + three.log_pf[batches].sum(1)).exp()
        mean = probability @ three.estimates(batches, objective("tsallis", alpha, "both", WITHOUT_EPSILON))
        predicted = operator(three, "tsallis", alpha, directions(three, batches, probability))
        rest.append(float((mean - predicted).norm() / exact.norm()))
        bias.append(float((mean - exact).norm() / exact.norm()))
    assert all(later < earlier / 2 for earlier, later in pairwise(rest))
    assert rest[-1] < 0.003
    assert bias[-1] > 0.9 * bias[0] > 0.3


@pytest.mark.parametrize("name", ["tsallis", "renyi"])
@pytest.mark.parametrize("alpha", ORDERS)
@pytest.mark.parametrize("task", SMALL_TASKS)
def test_it_amplifies_or_reverses(tables, task, alpha, name):
    """Sampled at N = 256, along the gradient: as the operator says, but for a twentieth and four standard errors.

    More than the gradient for 0 < α < 1, less for all other orders. With ``joint``, the gradient.
    """
    t, count = tables[task], 1024
    batches, exact = t.draw(count, 256, seed=1), t.exact(name, alpha)
    predicted = operator(t, name, alpha, directions(t, batches, torch.full((count,), 1 / count).double()))
    expected = float(predicted @ exact / (exact @ exact))
    for cv, factor in (("both", expected), ("joint", 1.0)):
        epsilon = WITHOUT_EPSILON if cv == "both" else None
        along = t.estimates(batches, objective(name, alpha, cv, epsilon)) @ exact / (exact @ exact)
        error = float(along.std()) / count**0.5
        assert error < 0.05
        assert abs(float(along.mean()) - factor) < 0.05 * max(1, abs(factor - 1)) + 4 * error
    assert expected > 1.1 if 0 < alpha < 1 else expected < 0.97


@pytest.mark.parametrize("alpha", ORDERS)
def test_most_estimates_can_point_away_from_the_gradient(three, alpha):
    """Of all batches of 100 at negative orders, where the batch's mean score has two dimensions; none with ``joint``."""
    batches, log_orders = all_batches(len(three.log_pf), 100)
    probability = (log_orders + three.log_pf[batches].sum(1)).exp()
    exact = three.exact("tsallis", alpha)

    def away(cv, epsilon=None):
        inner = three.estimates(batches, objective("tsallis", alpha, cv, epsilon)) @ exact
        return float(probability @ (inner < 0).double())

    assert away("joint") < 1e-6
    assert away("both", WITHOUT_EPSILON) > 0.85 if alpha < 0 else away("both", WITHOUT_EPSILON) < 1e-6


@pytest.mark.parametrize("task", SMALL_TASKS)
def test_how_often_estimates_point_away(tables, task):
    """At α = -1/2 and N = 128, with the default ε some do, with a negligible one several times as many, else hardly any."""
    t = tables[task]
    exact, batches = t.exact("tsallis", -0.5), t.draw(2048, 128, seed=0)
    estimators = {"none": ("none", None), "joint": ("joint", None), "default": ("both", None), "small": ("both", 1e-8)}
    away = {
        name: float((t.estimates(batches, objective("tsallis", -0.5, *estimator)) @ exact < 0).double().mean())
        for name, estimator in estimators.items()
    }
    assert away["default"] > 0.01
    assert away["small"] > 3 * away["default"]
    assert max(away["none"], away["joint"]) < 0.002


@pytest.mark.parametrize("alpha", ORDERS)
def test_beside_the_optimal_baselines(alpha):
    """In large batches its error is above that of the best baseline of the whole weight, and α² decides on the paper's.

    It exceeds the best by E[‖s‖²] times the square of how far the mean of the weight is from the optimum; with a* for
    the pathwise term and the mean for the score term the excess is 1 / α² times as much.
    """
    task = SMALL_TASKS["sequences 3 letters length 3"]
    settings = {"policy": {"hidden": (8,)}, "seeds": (0,), "warmup": (0,), "batch_sizes": (512,), "replicates": 2048}
    joint = Objective(name="tsallis", alpha=alpha)
    records = measure_gradients(GradientSpec(task=task, objectives=(joint,), exact=True, **settings))
    found = {record["metric"]: record["value"] for record in records}
    t = table(task, small_policy(task))
    p, size = t.probabilities, t.scores.square().sum(1)
    whole = alpha / (alpha - 1) * ((1 - alpha) * (t.log_pb + t.log_reward - t.log_pf - t.log_z)).exp()
    best = float((p * size) @ whole / (p @ size))
    mean, exact = float(p @ whole), t.exact("tsallis", alpha)
    least = float((p * size) @ (whole - best).square() - exact @ exact)
    excess = float(p @ size) * (mean - best) ** 2
    assert found["whole"] == pytest.approx(1 + excess / least, abs=4.5 * found["whole_error"] + 0.01)
    expected = (least + excess) / (least + excess / alpha**2)
    assert found["optimal"] == pytest.approx(expected, abs=4.5 * found["optimal_error"] + 0.01)
    assert max(found["whole_error"], found["optimal_error"]) < 0.03
    assert (found["optimal"] < 0.95) == (abs(alpha) < 1)
    assert (found["optimal"] > 1.05) == (abs(alpha) > 1)
