"""Retrain stored runs and compare: does this machine still get the published results?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from gfn.randomness import stream
from gfn.runs.spec import CostSpec, GradientSpec, RivalSpec, Spec, TrainingSpec
from gfn.runs.training import warn
from gfn.settings import SettingsError
from gfn.study.results import ResultError, Run, execute, read_run, to_frame
from gfn.study.size import check_size

# Two trainings of the same specification part ways on different machines: rounding is amplified by
# training. So final values are compared over seeds: their logarithms (the lower bound on log Z, which
# is one, as it is) may differ by four standard errors, and by a tenth in any case. Measured variances
# are compared one by one, since they lie orders of magnitude apart. Of costs memory alone is compared, for seconds are
# the machine's.
STANDARD_ERRORS = 4.0
FREE = 0.1
METRICS = ("l1", "jsd", "elbo", "variance", "memory", "x1", "x2")
RIVALS = ("sliced", "elbo_gap")  # and of rivals, whose bounds are compared as they are, too


@dataclass(frozen=True)
class Comparison:
    """A stored run beside a new one.

    Attributes:
        run: the stored run.
        table: a row a metric with ``stored``, ``new``, ``difference``, ``allowed`` and ``agrees``.
    """

    run: Run
    table: pd.DataFrame

    @property
    def agrees(self) -> bool:
        """Whether all metrics do."""
        return bool(self.table.agrees.all())


def choose(store: Path, count: int, seed: int) -> list[Path]:
    """``count`` stored runs at random, all if there are fewer.

    Raises:
        ResultError: if there are none.
    """
    files = sorted(path for path in store.glob("*.parquet") if ".failed" not in path.name)
    if not files:
        raise ResultError(
            f"{store} holds no results: name a folder that does, or run inside a checkout of this project"
        )
    order = torch.randperm(len(files), generator=stream("runs to verify", seed))
    return [files[place] for place in order.tolist()[:count]]


def verify(paths: list[Path], device: str = "cpu") -> Iterator[Comparison]:
    """Make each run again and compare.

    Raises:
        ResultError: if a file cannot be read.
        SettingsError: if a run needs more memory or time than there is.
    """
    for path in paths:
        run = read_run(path)
        try:
            notice = check_size(run.spec, device)
        except SettingsError as error:
            raise SettingsError(f"{path} cannot be made again: {error}") from None
        if notice:
            warn(f"gfn: {path}: {notice}")
        yield Comparison(run, compare(run.frame, to_frame(run.spec, execute(run.spec, device)), run.spec))


def compare(stored: pd.DataFrame, new: pd.DataFrame, spec: Spec) -> pd.DataFrame:
    """Final values of two runs of one specification, within the tolerances of this module."""
    rows = []
    for metric in RIVALS if isinstance(spec, RivalSpec) else METRICS:
        values = [_final(frame, metric, isinstance(spec, TrainingSpec | RivalSpec)) for frame in (stored, new)]
        if min(map(len, values)) == 0:
            if max(map(len, values)):
                absent = dict.fromkeys(("stored", "new", "difference", "allowed"), np.nan)
                rows.append({"metric": metric, **absent, "agrees": False})
            continue
        if metric in ("x1", "x2"):
            scale = max(v.std() for v in values)
            difference = abs(values[0].mean() - values[1].mean()) / scale
            # Chains are correlated: allow for an effective size of a tenth.
            allowed = STANDARD_ERRORS * np.sqrt(2 / (len(values[0]) / 10))
        else:
            logs = [v if metric in ("elbo", "elbo_gap") else np.log(v.clip(lower=1e-12)) for v in values]
            difference = abs(logs[0].mean() - logs[1].mean())
            if isinstance(spec, GradientSpec | CostSpec):
                spread = (logs[1] - logs[0]).std() / np.sqrt(2)
            else:
                spread = max(log.std() if len(log) > 1 else 0.0 for log in logs)
            allowed = FREE + STANDARD_ERRORS * spread * np.sqrt(2 / len(logs[0]))
        row = {"metric": metric, "stored": values[0].mean(), "new": values[1].mean()}
        rows.append(row | {"difference": difference, "allowed": allowed, "agrees": difference <= allowed})
    return pd.DataFrame(rows, columns=["metric", "stored", "new", "difference", "allowed", "agrees"])


def _final(frame: pd.DataFrame, metric: str, training: bool) -> pd.Series:
    part = frame[frame.metric == metric]
    if training and len(part):
        part = part[part.iteration == part.iteration.max()]
    return part.value.reset_index(drop=True)
