"""Training off policy: exploration, tempering, replay and a policy that lags behind, with losses and with weighted divergences."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gfn.environments import Environment
from gfn.runs.objective import Objective
from gfn.runs.off_policy import CAP, CAPACITY, OffPolicy
from gfn.runs.spec import GradientSpec, Spec, TrainingSpec
from gfn.study.experiments.comparisons import SPARSE_R0
from gfn.study.experiments.f_losses import F_LINES
from gfn.study.experiments.settings import Batch, Positive, TrainingFigure
from gfn.study.experiments.tasks import calibrated_tasks, contender, paper_tasks, policy, training
from gfn.study.paper import DIVERGENCES

Key = tuple[str, ...]
Way = Literal["explored", "tempered", "replayed", "lagging", "explored_replayed"]
ON = "on_policy"
EXPLORATION = 0.3
WAYS: dict[str, dict[str, float]] = {
    "explored": {"exploration": EXPLORATION},
    "tempered": {"temperature": 2.0},
    "replayed": {"replay": 0.5, "buffer_size": CAPACITY},
    "lagging": {"lag": 16},
    "explored_replayed": {"exploration": EXPLORATION, "replay": 0.5, "buffer_size": CAPACITY},
}
# Losses, and divergences with what weighs their trajectories.
LINES: dict[str, tuple[Objective, str | None]] = {
    "tb_batch": (contender("tb_batch"), None),
    "f_tb_half": (F_LINES["f_tb_half"], None),
    "js_tb": (F_LINES["js_tb"], None),
    "reverse_kl_truncated": (Objective(name="reverse_kl"), "truncated"),
    "renyi_full": (Objective(name="renyi"), "full"),
    "renyi_truncated": (Objective(name="renyi"), "truncated"),
    "renyi_unweighted": (Objective(name="renyi"), "none"),
}
LOSSES = tuple(line for line, (objective, _) in LINES.items() if objective.name not in DIVERGENCES)
SPARSE, DENSE, TREES, MIXTURE = "hypergrid_sparse", "hypergrid", "phylogenetics", "gaussian_mixture_calibrated"
# On the task where modes are lost all is tried. Elsewhere what a user would do; densities and trees take long.
FEW_LINES = {
    DENSE: ("tb_batch", "f_tb_half", "renyi_full", "renyi_truncated"),
    # In the plane f-TB's slope, exponential in Δ, goes beyond single precision at replayed points that the policy has left.
    MIXTURE: ("tb_batch", "js_tb", "renyi_truncated"),
    TREES: ("tb_batch", "renyi_truncated"),
}
FEW_WAYS = {
    DENSE: ("explored", "replayed", "lagging"),
    MIXTURE: ("explored", "replayed"),
    TREES: ("explored",),
}
MEASURED = (DENSE, MIXTURE)  # where the variance of gradients is measured
MEASURED_WAYS = ("explored", "lagging")


def off_policy(way: str, weights: str | None) -> OffPolicy:
    """A way of drawing trajectories, and the weights that a divergence gives them."""
    return OffPolicy(**WAYS[way], weights=weights, cap=CAP if weights == "truncated" else None)


class OffPolicyStudy(TrainingFigure):
    """Trainings and gradients from other trajectories than the policy's on four tasks."""

    ways: Annotated[tuple[Way, ...], Field(min_length=1)]
    replicates: Batch
    stage: Positive

    def tasks(self) -> dict[str, Environment]:
        """The hypergrid with a reward so sparse that modes are lost, and as it is; trees; and the mixture with modes far apart."""
        paper = paper_tasks(self.profile)
        sparse = paper[DENSE].model_copy(update={"r0": SPARSE_R0})
        mixture = calibrated_tasks(self.profile)[MIXTURE]
        return {SPARSE: sparse, DENSE: paper[DENSE], TREES: paper[TREES], MIXTURE: mixture}

    def lines(self, task: str) -> tuple[str, ...]:
        """What is trained on a task."""
        return FEW_LINES.get(task, tuple(LINES))

    def ways_of(self, task: str) -> tuple[str, ...]:
        """How its trajectories are drawn."""
        return tuple(way for way in self.ways if way in FEW_WAYS.get(task, WAYS))

    def specs(self) -> dict[Key, Spec]:
        """``("training", task, line, way)``, on policy without weights; ``("variance", task, way)``, the gradients of divergences."""
        found: dict[Key, Spec] = {}
        for name, task in self.tasks().items():
            for line in self.lines(name):
                objective, weights = LINES[line]
                if weights in (None, "truncated"):  # on policy there are no weights to differ in
                    found["training", name, line, ON] = self._training(task, objective, None)
                for way in self.ways_of(name):
                    found["training", name, line, way] = self._training(task, objective, off_policy(way, weights))
        for name in MEASURED:
            for way in (ON, *(way for way in MEASURED_WAYS if way in self.ways_of(name))):
                for weights in (None,) if way == ON else ("full", "truncated"):
                    key = ("variance", name, way, *([weights] if weights else []))
                    found[key] = self._measurement(self.tasks()[name], way, weights)
        return found

    def _training(self, task: Environment, objective: Objective, off: OffPolicy | None) -> TrainingSpec:
        return training(self, task, objective, off_policy=off, measures=True)

    def _measurement(self, task: Environment, way: str, weights: str | None) -> GradientSpec:
        return GradientSpec(
            task=task,
            objectives=tuple(Objective(name=name) for name in DIVERGENCES),
            policy=policy(self.profile),
            seeds=self.seeds,
            trainer=Objective(name="reverse_kl"),
            warmup=(self.stage,),
            batch_sizes=(self.batch_size,),
            replicates=self.replicates,
            off_policy=None if way == ON else off_policy(way, weights),
        )
