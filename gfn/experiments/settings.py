"""Parameters that the notebooks of all figures share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gfn.experiments.tasks import Profile
from gfn.settings import Settings
from gfn.spec import Seeds

Positive = Annotated[int, Field(ge=1)]
Batch = Annotated[int, Field(ge=2)]
Orders = Annotated[tuple[float, ...], Field(min_length=1)]


class FigureSettings(Settings):
    """Parameters that every notebook takes."""

    profile: Profile
    device: str = "cpu"
    seeds: Seeds


class TrainingFigure(FigureSettings):
    """Parameters of every notebook that compares training runs."""

    iterations: Positive
    batch_size: Batch


class ComparisonFigure(TrainingFigure):
    """Parameters of every notebook that compares objectives, α among them."""

    alpha: float
