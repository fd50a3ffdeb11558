"""``gfn train``: one objective on one task, all seeds at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gfn.environments import TASKS, Environment, load_task
from gfn.policies import PolicySettings
from gfn.runs.draws import Draws
from gfn.runs.objective import ALL_OBJECTIVES, Objective, objectives
from gfn.runs.off_policy import OffPolicy
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import check_device
from gfn.settings import SettingsError
from gfn.study import results
from gfn.study.commands import options
from gfn.study.commands.helping import Command, Flag, among
from gfn.study.commands.options import FOLDER
from gfn.study.flags import check_used, flags, given, idle
from gfn.study.summaries import told
from gfn.study.tables import form_told

ASKED = "gfn: the task that is asked about"
OWN = "gfn: that task, where it is one's own"
DEFAULT = "sets"
TASK = "Task"  # the heading of its flags


class TaskCommand(Command):
    """The command, whose help shows the flags of the task that stands on the same line, and else those of most tasks.

    A task of one's own, ``module:Class``, is imported, and has the flags of its fields beside all others.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As any command does; but first it is looked for the task, wherever it stands."""
        with suppress(click.UsageError):
            ctx.meta[ASKED] = self._asked(ctx, args)
        asked = ctx.meta.get(ASKED)
        if asked is not None and ":" in asked:
            ctx.meta[OWN] = load_task(asked)
        return super().parse_args(ctx, args)

    def _asked(self, ctx: click.Context, args: list[str]) -> str | None:
        """What stands behind ``--task``, among flags that may not be known yet."""
        parser = self.make_parser(ctx)
        parser.ignore_unknown_options = True
        return parser.parse_args(args=list(args))[0].get("task")

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """All flags, with those of a task of one's own."""
        every, task = super().get_params(ctx), ctx.meta.get(OWN)
        return every if task is None else [*every, *_own_flags(task, [param.name for param in every])]

    def record(self, ctx: click.Context, parameter: click.Parameter) -> tuple[str, str] | None:
        """A flag and its help, as far as it belongs to the task."""
        record, asked, of = super().record(ctx, parameter), ctx.meta.get(ASKED), getattr(parameter, "of", {})
        if asked is None:
            idle_in = sum(parameter.name in idle(task) for task in TASKS.values())
            return None if of or idle_in > len(TASKS) / 2 else record
        task = load_task(asked)
        name = task.named()
        is_idle = parameter.name in idle(task) or (parameter.name == "task_seed" and not task.drawn)
        if is_idle or (of and name not in of and parameter.name not in task.model_fields):
            return None
        if of and name not in of:  # one's own task has a field that is called like that of another
            (own,) = _own_flags(task, [field for field in task.model_fields if field != parameter.name])
            return super().record(ctx, own)[0], own.of[name]
        return (record[0], of[name]) if of else record


def _own_flags(task: type[Environment], skip: Sequence[str]) -> list[click.Parameter]:
    """The flags of a task's fields, but for those of some names."""

    def own() -> None:
        """Holds options until they are taken."""

    flags(TASK, task, skip=("task", *skip))(own)
    return list(reversed(getattr(own, "__click_params__", [])))


def check_whose(name: str, task: type[Environment]) -> None:
    """Refuse a flag that could mean a field of one's own task, or what the run has under the same name.

    Raises:
        SettingsError: naming it, if it was given.
    """
    context = click.get_current_context()
    of_run = {param.name for param in context.command.params if getattr(param, "group", None) != TASK}
    for field in task.model_fields:
        if field in of_run and context.get_parameter_source(field) is not ParameterSource.DEFAULT:
            why = "its field and a setting of the run have this name; give the field another, or train in Python"
            raise SettingsError(f"--{field.replace('_', '-')} is not allowed for task {name}: {why}")


@click.command(
    cls=TaskCommand,
    examples=[
        "gfn train",
        "gfn train --task hypergrid --side 8 --objective renyi --alpha 0.5",
        "gfn train --task my_task:MyTask --size 5",
        "gfn train --objective tb --log-z batch --seeds 0,1,2,3 --iterations 1000",
    ],
)
@options.task(
    f"task to train on: {', '.join(TASKS)}; or MODULE:CLASS of your own, imported from here [default: {DEFAULT}]",
    DEFAULT,
)
@click.option(
    "--objective",
    default="tb",
    metavar="NAME",
    help=f"what is minimised: {', '.join(ALL_OBJECTIVES)} [default: tb]",
    shell_complete=among(ALL_OBJECTIVES),
    cls=Flag,
    group="Objective",
)
@flags("Objective", Objective, skip=("name",))
@flags("Policy", PolicySettings)
@flags("Training", TrainingSpec, skip=("kind", "task", "objective", "policy", "draws", "off_policy", "measures"))
@flags("Draws of a batch", Draws)
@flags("Off policy", OffPolicy)
@options.device()
@click.option("--out", default="results", type=FOLDER, help="results store [default: ./results]")
@click.option("--no-policy", is_flag=True, help="do not keep the trained policy beside the run")
def train(task: str, objective: str, device: str, out: Path, no_policy: bool, **values: Any) -> None:
    """Train one objective on one task, all seeds at once.

    The run is stored in a file named by the hash of all settings, its policy in one beside it, for gfn sample and gfn
    plot. Run again with the same settings, it is read, and trained again if its policy is missing; interrupted, it
    resumes.

    Each task has flags of its own. With a task named, this help shows all that it has, and none of others; without
    one, those that most tasks have:

    \b
      gfn train --task sets --help

    Which objective to take? The book has a page on that, book/beyond/which.ipynb.
    """
    check_device(device)
    chosen = load_task(task)
    check_whose(task, chosen)
    if objective not in objectives():
        raise SettingsError(f"objective = {objective!r} is not allowed: one of {', '.join(objectives())}")
    with form_told():
        chosen_task = chosen(**given(values, chosen))
    chosen_objective = Objective(name=objective, **given(values, Objective))
    models = (PolicySettings, TrainingSpec, Draws, OffPolicy)
    shape, training, draws, off_policy = (given(values, model) for model in models)
    foreign = [name for name, value in values.items() if value is not None]
    if foreign:
        known = ", ".join(name for name in chosen.model_fields if name != "task")
        raise SettingsError(f"--{foreign[0].replace('_', '-')} does not belong to task {task}, which has: {known}")
    parts = {"task": chosen_task, "objective": chosen_objective, "policy": PolicySettings(**shape)}
    parts["off_policy"] = OffPolicy(**off_policy) if off_policy else None
    spec = TrainingSpec(**parts, draws=Draws(**draws), **training)
    check_used([*shape, *training], spec)
    run = results.load_or_train(spec, out, device, False, not no_policy)
    click.echo(told([run]))
    click.echo(f"stored in {results.result_path(spec, out)}")
