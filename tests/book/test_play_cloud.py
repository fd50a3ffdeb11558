"""The gradient cloud's estimates are those of the package."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from gfn.estimators import divergences
from gfn.estimators.control_variates import CONTROL_VARIATES
from tests.book.play import extension, opened, write_page

LOG_REWARD = torch.tensor([0.0, 0.7, 1.8], dtype=torch.float64)
SEVERAL = [-2.0, -0.005, 0.5, 0.995, 1.005, 2.0, 3.0]
ORDERS = {"reverse_kl": [None], "forward_kl": [None], "renyi": SEVERAL, "tsallis": SEVERAL}
CASES = [
    (name, alpha, variate, size)
    for name in ORDERS
    for alpha, variate, size in product(ORDERS[name], CONTROL_VARIATES, (2, 3, 8))
]


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    with opened(browser, write_page("cloud", tmp_path_factory.mktemp("cloud"))) as found:
        yield found


def settings(name, alpha, variate, logits, epsilon=0.03, log_scale=0.4):
    about = {"divergence": name, "variate": variate, "epsilon": epsilon, "logScale": log_scale}
    return about | {"alpha": alpha, "logits": logits.tolist(), "logReward": LOG_REWARD.tolist()}


def in_python(name, alpha, variate, logits, draws, epsilon=0.03, log_scale=0.4):
    theta = logits.clone().requires_grad_()
    log_pf, log_reward = theta.log_softmax(-1)[draws], LOG_REWARD[draws]
    options = {"control_variate": variate}
    options |= {} if name == "forward_kl" and variate != "score" else {"parameters": [theta], "epsilon": epsilon}
    options |= {"log_scale": log_scale} if name in ("forward_kl", "tsallis") else {}
    options |= {"alpha": alpha} if alpha is not None else {}
    loss = getattr(divergences, name)(log_pf, torch.zeros_like(log_pf), log_reward, **options)
    return torch.autograd.grad(loss, theta)[0].numpy()


def test_estimates_are_those_of_the_package(page):
    """All divergences, orders, control variates and batch sizes, each from the same draws."""
    random = torch.Generator().manual_seed(1)
    asked, expected = [], []
    for name, alpha, variate, size in CASES:
        logits = torch.randn(3, generator=random, dtype=torch.float64)
        draws = torch.randint(3, (size,), generator=random)
        epsilon = float(10 ** (-4 * torch.rand((), generator=random)))
        asked.append([draws.tolist(), settings(name, alpha, variate, logits, epsilon)])
        expected.append(in_python(name, alpha, variate, logits, draws, epsilon))
    found = page.evaluate("asked => asked.map(([draws, settings]) => window.gfnCloud.estimate(draws, settings))", asked)
    for case, js, python in zip(CASES, found, expected):
        np.testing.assert_allclose(js, python, rtol=1e-9, atol=1e-9, err_msg=str(case))
    assert len({tuple(np.round(each, 6)) for each in found}) > len(CASES) / 3


def value(name, alpha, theta, log_scale):
    """A divergence's definition, times the constant that the estimates have."""
    log_p, log_q, log_z = theta.log_softmax(-1), LOG_REWARD.log_softmax(-1), LOG_REWARD.logsumexp(-1)
    if name == "reverse_kl":
        return (log_p.exp() * (log_p - log_q)).sum()
    if name == "forward_kl":
        return (log_q.exp() * (log_q - log_p)).sum() * (log_z - log_scale).exp()
    moment = (alpha * log_p + (1 - alpha) * log_q).logsumexp(-1)
    if name == "renyi":
        return np.sign(alpha) / (alpha - 1) * moment
    return np.sign(alpha) / (alpha - 1) * (moment + (1 - alpha) * (log_z - log_scale)).exp()


@pytest.mark.parametrize(("name", "alpha"), [(name, alpha) for name in ORDERS for alpha in ORDERS[name]])
def test_the_exact_gradient_is_the_derivative_of_the_definition(name, alpha, page):
    logits = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64, requires_grad=True)
    python = torch.autograd.grad(value(name, alpha, logits, 0.4), logits)[0].numpy()
    asked = settings(name, alpha, "none", logits.detach())
    np.testing.assert_allclose(page.evaluate("s => window.gfnCloud.exact(s)", asked), python, rtol=1e-8, atol=1e-11)


def test_bias_and_trace_over_all_batches(page):
    """Where batches are so few that Python can take them one after the other, in every order."""
    logits = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64)
    p = logits.softmax(-1)
    for variate in CONTROL_VARIATES:
        every = [torch.tensor(draws) for draws in product(range(3), repeat=3)]
        shares = np.array([float(p[draws].prod()) for draws in every])
        found = np.stack([in_python("renyi", 0.5, variate, logits, draws) for draws in every])
        mean = shares @ found
        js = page.evaluate("s => window.gfnCloud.everyBatch(s, 3)", settings("renyi", 0.5, variate, logits))
        np.testing.assert_allclose(js["mean"], mean, atol=1e-12)
        assert js["trace"] == pytest.approx(shares @ ((found - mean) ** 2).sum(1), rel=1e-10)


def test_the_measured_bias_and_trace_are_within_their_noise(page):
    """And the draws are the same for the same seed, other for another, and have the policy's frequencies."""
    asked = settings("tsallis", 0.5, "loo", torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64))
    runs = page.evaluate("s => [1, 1, 2].map(seed => window.gfnCloud.measure(s, 8, seed))", asked)
    assert runs[0]["found"] == runs[1]["found"] != runs[2]["found"]
    for run in runs:
        assert run["trueBias"] < 1e-12
        assert run["bias"] < 4 * run["error"]
        assert run["trace"] == pytest.approx(run["trueTrace"], rel=0.3)
    draws = np.array(page.evaluate("() => window.gfnCloud.batches([0.2, 0.3, 0.5], 20, 500, 3)"))
    assert np.bincount(draws.ravel()) / draws.size == pytest.approx([0.2, 0.3, 0.5], abs=0.02)


def test_what_the_page_says_to_try(browser, tmp_path):
    """`joint` has a smaller trace than `none`, and `both` has more bias than `joint`, at the settings of the page."""
    stills, logits = extension("play_stills"), torch.zeros(3, dtype=torch.float64)
    exact, batches = stills.exact_renyi(logits, 0.5), stills.every_batch(8, logits)
    assert sum(share for _, share in batches) == pytest.approx(1)
    with opened(browser, write_page("cloud", tmp_path)) as page:
        seen = {}
        for variate in CONTROL_VARIATES:
            page.get_by_label("control variate").select_option(variate)
            seen[variate] = [float(each) for each in page.locator(".gfn-play-facts dd").all_inner_texts()[1:4:2]]
            estimates = [
                (stills.estimate("renyi", c, logits, alpha=0.5, control_variate=variate), s) for c, s in batches
            ]
            mean = sum(share * each for each, share in estimates)
            trace = float(sum(share * (each - mean).square().sum() for each, share in estimates))
            assert seen[variate] == pytest.approx([float((mean - exact).norm()), trace], rel=6e-3)
    assert seen["joint"][1] < seen["none"][1] / 5
    assert seen["both"][0] > 5 * seen["joint"][0]
    assert seen["both"][1] < seen["none"][1] / 2


def test_what_cannot_be_estimated_is_said(browser, tmp_path):
    with opened(browser, write_page("cloud", tmp_path)) as page:
        order = page.get_by_label("order α")
        for value, word in (("1", "reverse KL"), ("0", "zero for every policy")):
            order.fill(value)
            assert word in page.locator(".gfn-play-facts").inner_text()
        order.fill("2")
        page.get_by_label("batch size").fill("0")
        for variate in CONTROL_VARIATES:
            page.get_by_label("control variate").select_option(variate)
            refused = "N = 2 at least" in page.locator(".gfn-play-facts").inner_text()
            assert refused == (variate in ("loo", "both", "joint"))
