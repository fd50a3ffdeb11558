"""Descent of the Rényi divergence on the page is that of Python, and the densities beside it are the stored ones."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import torch

from gfn.environments.planar import cell_area
from gfn.evaluation.accuracy import target_density
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.study.evidence.order_tables import start_density
from gfn.study.evidence.tables import density
from gfn.study.experiments.tasks import paper_tasks
from gfn.study.results import load_or_train
from tests.book.play import extension, opened, write_page

ORDERS = (-2, -1.3, 0, 0.5, 1, 1.1, 2, 3)
MODELS = {"one": [0.4, 0.3], "two": [0.7, -1.2, 0.2, 2.1, -0.3]}


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    with opened(browser, write_page("alpha", tmp_path_factory.mktemp("alpha"))) as found:
        yield found


def log_model(x, theta):
    if len(theta) == 2:
        return torch.distributions.Normal(theta[0], theta[1].exp()).log_prob(x)
    parts = [(theta[0], theta[1], theta[2]), (-theta[0], theta[3], theta[4])]
    logs = [torch.nn.functional.logsigmoid(w) + torch.distributions.Normal(m, s.exp()).log_prob(x) for w, m, s in parts]
    return torch.logaddexp(*logs)


def divergence(theta, alpha, x, log_q):
    """R_α / α by the same quadrature, and its limits."""
    log_p, width = log_model(x, theta), x[1] - x[0]
    if alpha == 0:
        return (log_q.exp() * (log_q - log_p)).sum() * width
    if alpha == 1:
        return (log_p.exp() * (log_p - log_q)).sum() * width
    return ((alpha * log_p + (1 - alpha) * log_q).logsumexp(-1) + width.log()) / (alpha * (alpha - 1))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("alpha", ORDERS)
def test_value_and_gradient_are_those_of_torch(model, alpha, page):
    stills = extension("play_stills")
    x, log_q = torch.tensor(stills.GRID), torch.tensor(stills.log_target(5.0))
    theta = torch.tensor(MODELS[model], dtype=torch.float64, requires_grad=True)
    value = divergence(theta, alpha, x, log_q)
    (gradient,) = torch.autograd.grad(value, theta)
    js = page.evaluate("([t, a]) => gfnAlpha.divergence(t, a, gfnAlpha.target(5))", [MODELS[model], alpha])
    assert js["value"] == pytest.approx(float(value), rel=1e-9)
    # At α = 1 torch also has what is left of the integral of ∇p, the rounding of the quadrature.
    np.testing.assert_allclose(js["gradient"], gradient.numpy(), rtol=1e-7, atol=1e-9)
    assert js["value"] > 0


def test_the_limits_are_limits(page):
    """At 0 and 1 value and gradient are what they tend to."""
    ask = "([t, a]) => gfnAlpha.divergence(t, a, gfnAlpha.target(5))"
    for model in MODELS.values():
        for limit in (0, 1):
            at, near = (page.evaluate(ask, [model, alpha]) for alpha in (limit, limit + 1e-5))
            assert near["value"] == pytest.approx(at["value"], rel=1e-3)
            np.testing.assert_allclose(near["gradient"], at["gradient"], rtol=1e-2, atol=1e-3)


def test_masses_are_those_of_the_evidence(page):
    """Target mass where the model has less than a tenth, and the converse."""
    stills = extension("play_stills")
    model, target = np.exp(stills.normal(stills.GRID, 0.5, 1.0)), np.exp(stills.log_target(6.0))
    js = page.evaluate("() => { const m = gfnAlpha.masses([0.5, 0], gfnAlpha.target(6)); return [m.missed, m.astray] }")
    assert js == pytest.approx(stills.masses(model, target), rel=1e-9)
    assert min(js) > 0.1


def test_descent_ends_where_the_still_picture_ends(page):
    """Four hundred steps, for each order of the picture."""
    stills = extension("play_stills")
    run = """([alpha, steps]) => { let theta = gfnAlpha.STARTS.one; const q = gfnAlpha.target(6);
             for (let i = 0; i < steps; i++) theta = gfnAlpha.step(theta, alpha, q).theta; return theta }"""
    for alpha in stills.ORDERS:
        found = page.evaluate(run, [alpha, stills.STEPS])
        np.testing.assert_allclose(found, stills.descend(alpha, 6.0), rtol=1e-6, atol=1e-8)


def test_orders_steer_as_the_page_says():
    """Orders up to 0 miss nothing, orders above 1 keep to one mode and put nothing astray."""
    stills = extension("play_stills")
    found = {}
    for alpha in (-2.0, 0.0, 2.0, 3.0):
        mean, deviation = stills.descend(alpha, 6.0)
        model = np.exp(stills.normal(stills.GRID, mean, np.exp(deviation)))
        found[alpha] = stills.masses(model, np.exp(stills.log_target(6.0)))
    assert max(found[-2.0][0], found[0.0][0]) < 0.01 < 0.1 < min(found[-2.0][1], found[0.0][1])
    assert max(found[2.0][1], found[3.0][1]) < 0.01 < 0.3 < min(found[2.0][0], found[3.0][0])


def test_the_buttons_step_run_and_reset(browser, tmp_path):
    with opened(browser, write_page("alpha", tmp_path)) as page:
        live, steps = page.locator(".gfn-play-live"), page.locator(".gfn-play-facts dd").last
        start = live.get_attribute("data-theta")
        page.get_by_role("button", name="Step").click()
        once = page.evaluate("() => gfnAlpha.step(gfnAlpha.STARTS.one, 0.5, gfnAlpha.target(6)).theta.join(' ')")
        assert live.get_attribute("data-theta") == once != start
        page.get_by_role("button", name="Run").press("Enter")
        page.wait_for_function("Number(document.querySelector('.gfn-play-facts dd:last-child').textContent) > 3")
        page.get_by_role("button", name="Pause").press("Enter")
        assert "After" in page.locator("p[role=status]").inner_text()
        page.get_by_role("button", name="Reset").click()
        assert (live.get_attribute("data-theta"), steps.inner_text()) == (start, "0")
        page.get_by_label("model", exact=True).select_option("two")
        assert len(live.get_attribute("data-theta").split()) == 5


def test_stored_densities_are_those_of_the_runs(tmp_path):
    """Pictures in 256 shades, rows from the top; what stands beside them are means over seeds."""
    data = extension("play_data")
    task = paper_tasks("smoke")["gaussian_mixture"]
    runs = {}
    for alpha in (-2.0, 0.5):
        objective = Objective(name="renyi", alpha=alpha, control_variate="both")
        spec = TrainingSpec(task=task, objective=objective, iterations=2, batch_size=8, seeds=(3, 5), density=16)
        runs["gaussian_mixture", "both", alpha] = load_or_train(spec, tmp_path)
    (found,) = data.densities(runs)
    target = target_density(task, 16, task.window).numpy()
    pictures = {0.0: target} | {alpha: density(run, 3) for (_, _, alpha), run in runs.items()}
    start = start_density(next(iter(runs.values())).spec, 3)
    top = max(picture.max() for picture in (*pictures.values(), start))
    shown = {0.0: found["target"]} | {each["alpha"]: each["shades"] for each in found["orders"]}
    for alpha, picture in pictures.items():
        shades = np.frombuffer(base64.b64decode(shown[alpha]), np.uint8).reshape(16, 16)
        np.testing.assert_allclose(shades[::-1].T / 255 * top, picture, atol=top / 500)
    policies = [density(runs["gaussian_mixture", "both", 0.5], seed) for seed in (3, 5)]
    missed = [target[policy < 0.1 * target].sum() * cell_area(task.window, 16) for policy in policies]
    assert found["orders"][1]["missed"] == pytest.approx(np.mean(missed))


def test_the_nearest_order_is_shown(browser, tmp_path):
    path = write_page("alpha", tmp_path)
    blank = base64.b64encode(bytes(16)).decode()
    orders = [{"alpha": a, "jsd": 0.1, "missed": 0.2, "stray": 0.3, "shades": blank} for a in (-2, 0.5, 2)]
    mixtures = [{"name": "Mixture", "side": 4, "seed": 0, "target": blank, "orders": orders}]
    (tmp_path / "densities.js").write_text(f"window.gfnDensities = {json.dumps(mixtures)};", encoding="utf-8")
    with opened(browser, path) as page:
        for value, nearest in (("-1.5", "−2"), ("1", "0.5"), ("2.9", "2")):
            page.get_by_label("order α").fill(value)
            assert f"trained: α = {nearest}." in page.locator(".gfn-play-stored").inner_text()
            assert page.locator(".gfn-play-stored canvas").count() == 2
    (tmp_path / "densities.js").write_text("window.gfnDensities = [];", encoding="utf-8")
    with opened(browser, path) as page:
        assert "not stored" in page.locator(".gfn-play-stored").inner_text()
