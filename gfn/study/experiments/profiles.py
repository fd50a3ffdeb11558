"""Every parameter of every figure, at three scales.

``paper`` is the paper's own scale, ``edition`` the same with more seeds, and ``smoke`` takes seconds.
"""

from __future__ import annotations

from typing import Any

from gfn.estimators.control_variates import EPSILON

PAPER_SEEDS = (0, 1, 2)
EDITION_SEEDS = tuple(range(10))
SMOKE_SEEDS = (0, 1)

_TRAINING = {"iterations": 512, "batch_size": 128}
_SMOKE_TRAINING = {"iterations": 8, "batch_size": 16}
_VARIANCE = {"batch_size": (2, 8, 32, 128), "replicates": 32, "stages": (0, 128, 512), "alpha": 0.5}
_SMOKE_VARIANCE = {"batch_size": (2, 16, 128), "replicates": 8, "stages": (0, 4), "alpha": 0.5}
_EXACT = {
    "batch_size": (2, 8, 32, 128, 512),
    "replicates": 4096,
    "alpha": 0.5,
    "warmup": 128,
    "epsilon": (1e-8, EPSILON, 1.0),
}
_SMOKE_EXACT = {"batch_size": (2, 8, 32), "replicates": 64, "alpha": 0.5, "warmup": 4, "epsilon": (1e-8, EPSILON)}

PAPER: dict[str, dict[str, Any]] = {
    "first": {"iterations": 256, "batch_size": 128, "alpha": 0.5},
    "fig1": {"iterations": 96, "batch_size": 128, "alpha": (-2.0, -1.0, 0.5, 2.0)},
    "fig2": _VARIANCE,
    "fig3": _TRAINING | {"alpha": 0.5},
    "fig4": _TRAINING | {"alpha": 0.5},
    "fig5": _TRAINING | {"alpha": 0.5, "samples": 2000, "early": 160},
    "fig6": _TRAINING | {"alpha": 0.5},
    "fig7": _VARIANCE,
    "fig8": {"iterations": 256, "batch_size": (32, 128, 512, 1024)},
    "fig9": _TRAINING | {"alpha": (-1.0, -0.5, 0.5, 2.0)},
    "table1": _TRAINING | {"alpha": 0.5},
    "exact": _EXACT,
    "calibration": _TRAINING,
    "sensitivity": _TRAINING | {"alpha": 0.5},
    "balance": _TRAINING | {"replicates": 32, "stages": (0, 128, 512)},
    "variates": _TRAINING | {"alpha": 0.5, "replicates": 32, "stages": _VARIANCE["stages"]},
    "costs": _TRAINING | {"alpha": 0.5, "rounds": 31},
    "which": _TRAINING | {"alpha": 0.5},
}

SMOKE: dict[str, dict[str, Any]] = {
    "first": {"iterations": 8, "batch_size": 8, "alpha": 0.5},
    "fig1": _SMOKE_TRAINING | {"alpha": (-2.0, -1.0, 0.5, 2.0)},
    "fig2": _SMOKE_VARIANCE,
    "fig3": _SMOKE_TRAINING | {"alpha": 0.5},
    "fig4": _SMOKE_TRAINING | {"alpha": 0.5},
    "fig5": _SMOKE_TRAINING | {"alpha": 0.5, "samples": 40, "early": 4},
    "fig6": _SMOKE_TRAINING | {"alpha": 0.5},
    "fig7": _SMOKE_VARIANCE,
    "fig8": {"iterations": 8, "batch_size": (8, 16, 32)},
    "fig9": _SMOKE_TRAINING | {"alpha": (-1.0, 0.5, 2.0)},
    "table1": _SMOKE_TRAINING | {"alpha": 0.5},
    "exact": _SMOKE_EXACT,
    "calibration": _SMOKE_TRAINING,
    "sensitivity": _SMOKE_TRAINING | {"alpha": 0.5},
    "balance": _SMOKE_TRAINING | {"replicates": 8, "stages": (0, 4)},
    "variates": _SMOKE_TRAINING | {"alpha": 0.5, "replicates": 8, "stages": _SMOKE_VARIANCE["stages"]},
    "costs": _SMOKE_TRAINING | {"alpha": 0.5, "rounds": 2},
    "which": _SMOKE_TRAINING | {"alpha": 0.5},
}

PROFILES: dict[str, dict[str, dict[str, Any]]] = {
    figure: {
        "paper": {"seeds": PAPER_SEEDS} | PAPER[figure],
        "edition": {"seeds": EDITION_SEEDS} | PAPER[figure],
        "smoke": {"seeds": SMOKE_SEEDS} | SMOKE[figure],
    }
    for figure in PAPER
}
# Replicated estimates, not seeds, make the exact checks precise.
for _profile in PROFILES["exact"].values():
    _profile["seeds"] = (0,)
# All orders take long with few seeds, too: the edition alone has them.
_ORDERS = {"stages": (0, 128, 512), "replicates": 8}
_FEW_ORDERS = {"orders": (-0.5, 0.0, 0.1, 0.5, 0.9, 1.0, 2.0), "tsallis": (0.5,), "both": (0.5,)}
_ALL_ORDERS = {
    "orders": (-1.0, -0.5, 0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.5, 2.0, 3.0),
    "tsallis": (0.25, 0.5, 2.0),
    "both": (-0.5, 0.5, 2.0),
}
_SMOKE_ORDERS = {"orders": (-0.5, 0.0, 0.5, 1.0, 2.0), "stages": (0, 4), "replicates": 4}
PROFILES["orders"] = {
    "paper": {"seeds": PAPER_SEEDS} | _TRAINING | _ORDERS | _FEW_ORDERS,
    "edition": {"seeds": EDITION_SEEDS} | _TRAINING | _ORDERS | _ALL_ORDERS,
    "smoke": {"seeds": SMOKE_SEEDS} | _SMOKE_TRAINING | _FEW_ORDERS | _SMOKE_ORDERS,
}
_DRAWS = {
    "few": (1, 2, 3, 4, 8),
    "trajectories": 1 << 16,
    "batch_size": (8, 32),
    "shares": (0.25, 0.5, 1.0),
    "alpha": 0.5,
    "warmup": 128,
    "age": 64,
    "replicates": 2048,
    "iterations": 512,
}
_SMOKE_DRAWS = {"trajectories": 256, "batch_size": (8,), "warmup": 4, "age": 2, "replicates": 32, "iterations": 8}
PROFILES["draws"] = {
    "paper": {"seeds": PAPER_SEEDS} | _DRAWS,
    "edition": {"seeds": EDITION_SEEDS} | _DRAWS,
    "smoke": {"seeds": SMOKE_SEEDS} | _DRAWS | _SMOKE_DRAWS,
}
# With three seeds, the losses and the ways that differ most.
_FEW_LOSSES, _ALL_LOSSES = ("f_tb_0", "f_tb_half", "devgrad"), ("f_tb_0", "f_tb_half", "f_tb_2", "js_tb", "devgrad")
PROFILES["f_losses"] = {
    "paper": {"seeds": PAPER_SEEDS, "losses": _FEW_LOSSES} | _TRAINING | {"alpha": 0.5},
    "edition": {"seeds": EDITION_SEEDS, "losses": _ALL_LOSSES} | _TRAINING | {"alpha": 0.5},
    "smoke": {"seeds": SMOKE_SEEDS, "losses": _FEW_LOSSES} | _SMOKE_TRAINING | {"alpha": 0.5},
}
_OFF_POLICY = _TRAINING | {"replicates": 32, "stage": 128}
_FEW_WAYS = ("explored", "replayed")
_ALL_WAYS = ("explored", "tempered", "replayed", "lagging", "explored_replayed")
PROFILES["off_policy"] = {
    "paper": {"seeds": PAPER_SEEDS, "ways": _FEW_WAYS} | _OFF_POLICY,
    "edition": {"seeds": EDITION_SEEDS, "ways": _ALL_WAYS} | _OFF_POLICY,
    "smoke": {"seeds": SMOKE_SEEDS, "ways": _FEW_WAYS} | _SMOKE_TRAINING | {"replicates": 4, "stage": 4},
}
# Small enough that ten seeds of two step sizes each take less than twenty minutes of two cores.
_LEAGUES = {
    "budget": 12_288,
    "batch_size": 64,
    "hidden": (64, 64),
    "components": 16,
    "points": 1024,
    "marks": 4,
    "rates": (1e-3, 1e-2),
}
_SMOKE_LEAGUES = {"budget": 1024, "hidden": (16,), "components": 4, "points": 64, "marks": 2, "rates": (1e-2,)}
PROFILES["leagues"] = {
    "paper": {"seeds": PAPER_SEEDS} | _LEAGUES,
    "edition": {"seeds": EDITION_SEEDS} | _LEAGUES,
    "smoke": {"seeds": SMOKE_SEEDS} | _LEAGUES | _SMOKE_LEAGUES,
}
_DIGITS = _LEAGUES | {"budget": 24_576}
PROFILES["digits"] = {
    "paper": {"seeds": PAPER_SEEDS} | _DIGITS,
    "edition": {"seeds": EDITION_SEEDS} | _DIGITS,
    "smoke": {"seeds": SMOKE_SEEDS} | _DIGITS | _SMOKE_LEAGUES,
}
# Pages without runs of their own.
_ATLAS = {"batch_size": 4, "larger": (2, 4, 32, 256), "replicates": 2048}
_SMOKE_ATLAS = {"batch_size": 2, "larger": (2, 16), "replicates": 256}
PROFILES["atlas"] = {"paper": _ATLAS, "edition": _ATLAS, "smoke": _SMOKE_ATLAS}
PROFILES["tasks"] = {name: {"trees": 8} for name in ("paper", "edition", "smoke")}
PROFILES |= {page: {name: {} for name in ("paper", "edition", "smoke")} for page in ("verdicts", "answers", "measures")}
