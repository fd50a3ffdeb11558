"""What losses descend: computed exactly or from many small batches, without runs."""

from __future__ import annotations

from pydantic import Field

from gfn.runs.spec import Spec
from gfn.study.experiments.settings import Batch, PageSettings


class Atlas(PageSettings):
    """What many losses descend, on policy and off, on tasks where all trajectories can be listed."""

    batch_size: Batch
    larger: tuple[Batch, ...] = Field(min_length=1, description="batches at which bias is shown")
    replicates: int = Field(ge=16, le=1 << 20, description="batches drawn where there are too many to list")

    def specs(self) -> dict[str, Spec]:
        """No runs: everything is computed as it is shown."""
        return {}
