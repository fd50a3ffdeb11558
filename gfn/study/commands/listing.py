"""``gfn list``: what there is to train, and what runs are stored."""

from __future__ import annotations

from collections.abc import Iterable

import click

from gfn.environments import TASKS
from gfn.environments.base import Environment
from gfn.environments.own import installed
from gfn.estimators import CONTROL_VARIATES
from gfn.runs.objective import objectives
from gfn.settings import SettingsError
from gfn.study.commands.helping import Command
from gfn.study.commands.options import HELP
from gfn.study.experiments import FIGURES, runs

TOGETHER = "\u00a0"  # a blank at which no line ends
# In words; a name that is not here stands alone.
WORDS = {
    "tb": "trajectory balance",
    "db": "detailed balance",
    "subtb": "subtrajectory balance, SubTB(λ)",
    "vargrad": "log-partition variance: trajectory balance without log Z",
    "reverse_kl": "reverse Kullback-Leibler divergence, KL(P_F || P_B)",
    "forward_kl": "forward Kullback-Leibler divergence, KL(P_B || P_F)",
    "renyi": "Rényi divergence of order alpha",
    "tsallis": "Tsallis divergence of order alpha",
    "f_tb": "f-trajectory balance of order alpha: the divergence's gradient, on policy and off",
    "devgrad": "f-trajectory balance without log Z: the least loss over a constant",
    "js_tb": "balance loss with the gradient of the Jensen-Shannon divergence",
    "none": "the plain estimate",
    "loo": "leave-one-out on the part of the weight without gradient; the paper's",
    "score": "linear in the score, with an estimated coefficient; the paper's",
    "both": "the two together; the paper's",
    "joint": "the mean weight of the other trajectories is subtracted; the default",
}


@click.command("list", cls=Command, examples=["gfn list", "gfn train --task sets --help"])
def list_() -> None:
    """List tasks, objectives, control variates and figures.

    Of tasks with their settings and defaults; of figures with how many runs they have. With a task named, the help of
    gfn train says what its settings mean.
    """
    formatter = click.HelpFormatter(max_width=HELP["max_content_width"])
    tasks = [(name, _settings(task)) for name, task in TASKS.items()]
    tasks += [(point.value, "of an installed package") for point in installed()]
    _table(formatter, "Tasks, for --task", tasks)
    _table(formatter, "Objectives, for --objective", ((name, WORDS.get(name, "")) for name in objectives()))
    variates = ((name, WORDS.get(name, "")) for name in CONTROL_VARIATES)
    _table(formatter, "Control variates of divergences, for --control-variate", variates)
    _table(formatter, "Figures, for gfn reproduce", ((name, _figure(name)) for name in FIGURES))
    click.echo(formatter.getvalue().rstrip("\n").replace(TOGETHER, " "))


def _table(formatter: click.HelpFormatter, title: str, rows: Iterable[tuple[str, str]]) -> None:
    with formatter.section(title):
        formatter.write_dl(list(rows))


def _settings(task: type[Environment]) -> str:
    """The settings of a task with their defaults."""
    fields = {name: field for name, field in task.model_fields.items() if name != "task"}
    if not task.drawn:
        fields.pop("task_seed")
    defaults = {name: "shipped" if f.default_factory else f.default for name, f in fields.items()}
    return ", ".join(f"{name} = {'none' if d is None else d}".replace(" ", TOGETHER) for name, d in defaults.items())


def _figure(name: str) -> str:
    """What a figure shows, and how many runs it has."""
    about = next(iter((FIGURES[name].__doc__ or "").strip().splitlines()), "")  # Python -OO leaves docstrings out
    try:
        count = f"({len(runs(name))} runs)"
    except (FileNotFoundError, SettingsError):
        count = "(runs that need data of a checkout)"
    return f"{about.removesuffix('.')} {count.replace(' ', TOGETHER)}"
