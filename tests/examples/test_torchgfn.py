"""Our losses inside torchgfn, in an environment of its own: the example trains, and reverse KL is its log-partition variance.

Run where `python -m benchmarks.torchgfn run` has made that environment, or where GFN_TORCHGFN_PYTHON names an interpreter
that has torchgfn.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import gfn
from gfn.estimators import CONTROL_VARIATES, DIVERGENCES
from gfn.study.vendor import vendor

ROOT = Path(gfn.__file__).parents[1]
EXAMPLE = ROOT / "examples" / "torchgfn_divergences.py"
MADE = ROOT / "build" / "bench" / "torchgfn"
NAMED = os.environ.get("GFN_TORCHGFN_PYTHON")
COUNT = 32  # trajectories of the batch whose gradients are compared


@pytest.fixture(scope="module")
def inside(tmp_path_factory):
    """What torchgfn's Python found, beside a fresh copy of the estimators."""
    if not NAMED and not (MADE / ".ready").exists():
        pytest.skip("needs torchgfn: `python -m benchmarks.torchgfn run --quick`, or GFN_TORCHGFN_PYTHON")
    place = tmp_path_factory.mktemp("inside")
    vendor(place / "gfn_divergences")
    shutil.copy(EXAMPLE, place)
    shutil.copy(Path(__file__).with_name("inside_torchgfn.py"), place)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(ROOT / "benchmarks" / "workers"), "OMP_NUM_THREADS": "1"}
    call = [NAMED or MADE / "bin" / "python", "inside_torchgfn.py"]
    done = subprocess.run(call, cwd=place, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def scaled(values: list[float], factor: float) -> list[float]:
    return [factor * value for value in values]


def test_reverse_kl_with_leave_one_out_is_their_log_partition_variance(inside):
    """Half of it times N / (N - 1); and our function of that name is theirs."""
    gradients = inside["gradients"]
    theirs = gradients["torchgfn"]
    assert max(map(abs, theirs)) > 1e-3
    assert gradients["log_partition_variance"] == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    for variate in ("joint", "loo", "both"):
        ours = gradients[f"adapter reverse_kl {variate}"]
        assert ours == pytest.approx(scaled(theirs, COUNT / (COUNT - 1) / 2), rel=1e-9, abs=1e-12), variate


def test_the_others_are_something_else(inside):
    """No multiple of the variance: what they add is a gradient of its own."""
    theirs = inside["gradients"]["torchgfn"]
    for name in set(DIVERGENCES) - {"reverse_kl"}:
        ours = inside["gradients"][f"adapter {name} joint"]
        inner = sum(a * b for a, b in zip(ours, theirs))
        cosine = inner / (sum(a * a for a in ours) * sum(b * b for b in theirs)) ** 0.5
        assert abs(cosine) < 0.999, name


def test_the_adapter_passes_on_every_loss(inside):
    """Each divergence with each control variate, from torchgfn's trajectories."""
    for name in DIVERGENCES:
        for variate in CONTROL_VARIATES:
            ours, direct = (inside["gradients"][f"{way} {name} {variate}"] for way in ("adapter", "direct"))
            assert any(direct)
            assert ours == pytest.approx(direct, rel=1e-9, abs=1e-12), (name, variate)


def test_what_the_adapter_cannot_do_is_refused(inside):
    assert "reduction = 'sum' is not allowed" in inside["refused"]["reduction"]
    assert "backward policy has parameters" in inside["refused"]["backward policy"]


def test_the_example_learns(inside):
    (found,) = re.findall(
        r"^renyi: L1 distance ([\d.]+) before training, ([\d.]+) after 60 iterations$", inside["training"], re.M
    )
    before, after = map(float, found)
    assert after < 0.8 * before


def test_the_errors_of_the_study_are_exact(inside):
    """Against torchgfn's own measure from many samples, and where they are known."""
    errors = inside["errors"]
    assert errors["exact"] == pytest.approx(errors["sampled"], abs=0.05)
    assert errors["sets"] == pytest.approx(errors["uniform"], abs=1e-6)
    assert (errors["objects"], errors["uniform"] > 0.1) == (6, True)


def test_the_example_fits_a_screen():
    """And its class what the page shows of it."""
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 80
