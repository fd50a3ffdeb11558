"""A run in readers' words: its task, what it minimises or measures, how long, and where it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from gfn.runs.draws import Draws
from gfn.runs.objective import Objective
from gfn.runs.off_policy import OffPolicy
from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, RivalSpec, Spec, TrainingSpec
from gfn.study.experiments.tasks import calibrated_tasks
from gfn.study.plotting.style import CONTROL_VARIATES, OBJECTIVES, RIVALS, TASKS
from gfn.study.presentation.digits import THIN, short

KINDS = {
    "training": "training",
    "gradient": "gradients",
    "reference": "Hamiltonian Monte Carlo",
    "cost": "costs",
    "rival": "sampler",
}
BASELINES = {"scalar": "scalar baseline", "state": "state baseline", "last": "last choice integrated out"}
LOG_Z = {"known": "Z known", "batch": "log Z from a batch"}
SCHEMES = {
    "common": "trajectories in common",
    "prefix": "first steps in common",
    "distinct": "without replacement",
    "replayed": "replayed trajectories",
}
NAMES = ("kind", "task", "name", "objective", "seeds")  # what a specification always says of itself
LONG = 60  # characters or entries from which on data in a specification are only counted


def task_words(spec: Spec) -> str:
    """The task's name, and whether its open choices are the calibrated ones."""
    for profile in ("paper", "smoke"):  # that of an edition is the paper's
        for name, task in calibrated_tasks(profile).items():
            if spec.task == task:
                return TASKS[name]
    return TASKS.get(spec.task.task, spec.task.task)


def objective_words(objective: Objective) -> str:
    """An objective with its order, its start of log Z and its baseline, where it has one that is not the usual one."""
    orders = [short(order) for order in (objective.alpha, objective.alpha_end) if order is not None]
    parts = [OBJECTIVES.get(objective.name, objective.name)]
    parts += [f"α = {' to '.join(orders)}"] if orders else []
    if objective.baseline:
        parts.append(BASELINES[objective.baseline])
    elif objective.log_z in LOG_Z:
        parts.append(LOG_Z[objective.log_z])
    elif objective.log_z_start:
        parts.append(f"log Z from {short(objective.log_z_start)}")
    return ", ".join(parts)


def variate_words(objective: Objective) -> str:
    """An objective's control variate; a dash where it can have none."""
    if objective.control_variate is None:
        return "–"
    return CONTROL_VARIATES.get(objective.control_variate, (objective.control_variate,))[0]


def aim_words(spec: Spec) -> tuple[str, str]:
    """What a run minimises, or of what it measures something, and the control variate."""
    if isinstance(spec, TrainingSpec):
        drawn = _drawn(spec.draws) + off_policy_words(spec.off_policy)
        return objective_words(spec.objective) + drawn, variate_words(spec.objective)
    if isinstance(spec, ReferenceSpec):
        return "exact target", "–"
    if isinstance(spec, RivalSpec):
        if spec.objective is None:
            return RIVALS[spec.model], "–"
        return f"GFlowNet, {objective_words(spec.objective)}", variate_words(spec.objective)
    many = f"{len(spec.objectives)} estimates" if len(spec.objectives) > 1 else objective_words(spec.objectives[0])
    variates = dict.fromkeys(map(variate_words, spec.objectives))
    if isinstance(spec, GradientSpec):
        centred = ", rewards over Z" if spec.centred else ""
        drawn = _drawn(spec.draws) + off_policy_words(spec.off_policy)
        many += f" along the training of {objective_words(spec.trainer)}{centred}{drawn}"
    return many, ", ".join(variates)


def _drawn(draws: Draws) -> str:
    if draws == Draws():
        return ""
    own = [f"{draws.share:.0%}".replace("%", f"{THIN}%")] if draws.share else []
    own += [f"{draws.age} iterations old"] if draws.age and draws.age > 1 else []
    return f", {SCHEMES[draws.scheme]}" + (f" ({', '.join(own)})" if own else "")


def off_policy_words(off: OffPolicy | None) -> str:
    """From what trajectories are drawn off policy, and which weights they have; nothing on policy."""
    if off is None:
        return ""
    parts = [f"exploration {short(off.exploration)}"] if off.exploration else []
    parts += [f"temperature {short(off.temperature)}"] if off.temperature != 1 else []
    parts += [f"lag {off.lag}"] if off.lag else []
    parts += [f"replay {short(off.replay)} of {off.buffer_size}"] if off.replay else []
    weights = {"none": "unweighted", "truncated": f"weights up to {short(off.cap or 0)}", "full": "weighted"}
    parts += [weights[off.weights]] if off.weights else []
    return f", {', '.join(parts)}"


def length_words(spec: Spec) -> str:
    """How much was done: iterations and the size of a batch, or what stands in their place."""
    if isinstance(spec, TrainingSpec):
        return f"{spec.iterations} × {spec.batch_size}"
    if isinstance(spec, GradientSpec):
        return f"at {_listed(spec.warmup)}, batches of {_listed(spec.batch_sizes)}, {spec.replicates} times"
    if isinstance(spec, CostSpec):
        return f"{spec.rounds} × {spec.batch_size}"
    if isinstance(spec, RivalSpec):
        return f"{spec.budget} by {spec.batch_size}"
    return f"{spec.samples} draws a chain"


def seed_words(spec: Spec) -> str:
    """The seeds, those in a row as their first and last."""
    seeds = sorted(spec.seeds)
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}–{seeds[-1]}"
    return _listed(seeds)


def made_words(about: Mapping[str, Any]) -> str:
    """When and where a run was made, and with which versions, from its provenance."""
    versions = ", ".join(f"{name} {about[name]}" for name in ("python", "torch", "numpy") if name in about)
    machine = ", ".join(filter(None, (about.get("machine"), about.get("device"))))
    return "; ".join(filter(None, (day(about), machine, versions)))


def day(about: Mapping[str, Any]) -> str:
    """The date on which a run was written, in UTC; nothing where it is not known."""
    return str(about.get("written", ""))[:10]


def short_json(spec: Spec) -> str:
    """A specification as JSON that :func:`gfn.runs.spec.parse_spec` reads: without settings that are as by default, and with
    long data only counted.
    """
    return json.dumps(_shortened(_chosen(spec)), ensure_ascii=False)


def _chosen(settings: BaseModel) -> dict[str, Any]:
    """What names the settings and what differs from the default."""
    found: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name in NAMES or (value is not None and value != field.get_default(call_default_factory=True)):
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _chosen(value)
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    text = json.dumps(value)
    if isinstance(value, str | list) and len(text) > 4 * LONG and not _is_of_records(value):
        return f"… ({len(value)} {'characters' if isinstance(value, str) else 'entries'})"
    return [_shortened(each) for each in value] if isinstance(value, list) else value


def _is_of_records(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
