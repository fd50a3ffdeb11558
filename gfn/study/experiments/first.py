"""First experiments: a density in the plane and sets that can be counted, small enough to be made while one waits."""

from __future__ import annotations

from gfn.environments import Environment, GaussianMixture, Sets
from gfn.runs.spec import TrainingSpec
from gfn.study.experiments.settings import ComparisonFigure
from gfn.study.experiments.tasks import calibrated_tasks, contender, estimator, training

TINY = Sets(universe=5, size=3)
PLANAR_LINES = ("reverse_kl", "renyi")
SETS_LINES = ("reverse_kl", "renyi", "tsallis", "tb", "tb_batch")
LIFT = 2.0  # added to the value of every element in an exercise
LARGER = 4  # how many times the batch in another
SEEKING = 2.0  # order that seeks modes


class First(ComparisonFigure):
    """First experiments: runs without and with a control variate, and those that answer the exercises."""

    def small_sets(self, lift: float = 0.0) -> Sets:
        """Sets of which there are few enough to count; ``lift`` is added to the value of every element."""
        universe, size = (8, 4) if self.profile == "smoke" else (12, 6)
        return Sets(universe=universe, size=size, low=-1.0 + lift, high=1.0 + lift)

    def specs(self) -> dict[tuple[str, str, str], TrainingSpec]:
        """A training run for each task, line and control variate.

        The control variate is leave-one-out on the whole weight, ``joint``: of the KL it is all there is.
        """
        spread = calibrated_tasks(self.profile)["gaussian_mixture_calibrated"]
        plane, sets, lifted = GaussianMixture(), self.small_sets(), self.small_sets(LIFT)
        found = {
            ("gaussian_mixture", line, variate): self._run(plane, line, variate, with_density=True)
            for line in PLANAR_LINES
            for variate in ("none", "joint")
        }
        found |= {("sets", line, "none"): self._run(sets, line, "none") for line in PLANAR_LINES}
        found |= {("sets", line, "joint"): self._run(sets, line, "joint") for line in SETS_LINES}
        for line, variate in (("reverse_kl", "none"), ("reverse_kl", "joint"), ("tb", "joint")):
            found["lifted", line, variate] = self._run(lifted, line, variate)
        larger = LARGER * self.batch_size
        found["larger", "reverse_kl", "none"] = self._run(sets, "reverse_kl", "none", batch_size=larger)
        for order, line in ((self.alpha, "renyi"), (SEEKING, "renyi_seeking")):
            objective = estimator("renyi", "joint", order)
            found["spread", line, "joint"] = training(self, spread, objective, with_density=True)
        return found

    def watched(self) -> dict[str, TrainingSpec]:
        """Trainings on the small sets that are looked into while they last: the first seed, in double precision.

        Rounding is then too small to show, so that every machine draws the same trajectories.
        """
        return {line: self._watched(self.small_sets(), line) for line in SETS_LINES}

    def tiny(self) -> TrainingSpec:
        """The same of the reverse KL, on a task with few enough trajectories to write all of them down."""
        return self._watched(TINY, "reverse_kl")

    def stages(self) -> tuple[int, ...]:
        """The iterations after which a training is looked into: its start, early, and its end."""
        return tuple(dict.fromkeys((0, max(1, self.iterations // 8), self.iterations)))

    def _watched(self, task: Environment, line: str) -> TrainingSpec:
        spec = self._run(task, line, "joint")
        return TrainingSpec(**dict(spec) | {"seeds": self.seeds[:1], "dtype": "float64"})

    def _run(self, task: Environment, line: str, variate: str, **other: object) -> TrainingSpec:
        objective = contender(line) if line.startswith("tb") else estimator(line, variate, self.alpha)
        return training(self, task, objective, **other)
