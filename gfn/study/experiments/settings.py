"""Parameters that the notebooks of all figures share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from gfn.runs.spec import Seeds, Spec, TrainingSpec
from gfn.runs.training import check_device
from gfn.settings import Settings
from gfn.study.experiments.tasks import Profile

Positive = Annotated[int, Field(ge=1)]
Batch = Annotated[int, Field(ge=2)]
Rate = Annotated[float, Field(gt=0)]
RATE: float = TrainingSpec.model_fields["learning_rate"].default
Orders = Annotated[tuple[float, ...], Field(min_length=1)]


class PageSettings(Settings, ABC):
    """Parameters that every notebook takes."""

    profile: Profile
    device: str = "cpu"

    @abstractmethod
    def specs(self) -> dict[Any, Spec]:
        """The runs of the page, by what tells them apart."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """What no run can be made of is refused here, and not in the middle of a notebook."""
        check_device(self.device)
        self.specs()
        return self


class FigureSettings(PageSettings):
    """Parameters of every notebook with runs of its own."""

    seeds: Seeds


class TrainingFigure(FigureSettings):
    """Parameters of every notebook that compares training runs.

    Gradients that a page measures besides are those along trainings with the default learning rate.
    """

    iterations: Positive
    batch_size: Batch
    learning_rate: Rate = RATE


class ComparisonFigure(TrainingFigure):
    """Parameters of every notebook that compares objectives, α among them."""

    alpha: float
