"""The command ``gfn``: list what there is, train, reproduce a figure's runs, show results."""

import sys
from pathlib import Path
from typing import Any

import click
import pandas as pd

import gfn
from gfn.environments import TASKS
from gfn.environments.contract import check_task
from gfn.environments.own import installed
from gfn.estimators import CONTROL_VARIATES, DIVERGENCES
from gfn.policies import PolicySettings
from gfn.runs.draws import Draws
from gfn.runs.objective import OBJECTIVES, Objective, objectives
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import TrainingError, check_device, warn
from gfn.settings import SettingsError
from gfn.study.ending import end, sentence_of
from gfn.study.experiments import FIGURES, PROFILES, every_run, runs
from gfn.study.flags import Named, OfTask, check_used, fields_from, flags, given, task_class
from gfn.study.results import (
    ResultError,
    describe,
    load_or_train,
    published_store,
    read_run,
    result_path,
)
from gfn.study.summaries import final_values
from gfn.study.verdicts import check_page, gather, summary, texts_for, write_between
from gfn.study.verify import choose
from gfn.study.verify import verify as compare_again

FOLDER = Named(file_okay=False, path_type=Path)
OWN_TASKS = click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="MODULE:CLASS",
    help="task of your own to import, whose runs are among these (may be repeated)",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(gfn.__version__, prog_name="gfn")
def cli() -> None:
    """Divergence measures for training GFlowNets."""


@cli.command("list")
def list_() -> None:
    """List tasks, objectives, control variates and figures."""
    click.echo("tasks")
    for name, task in TASKS.items():
        fields = {k: "shipped" if f.default_factory else f.default for k, f in task.model_fields.items() if k != "task"}
        own = ", ".join(f"{name} = {default}" for name, default in fields.items())
        click.echo(f"  {name}: {own}")
    for point in installed():
        click.echo(f"  {point.value}: of an installed package")
    click.echo(f"objectives\n  {', '.join(OBJECTIVES)}")
    click.echo(f"control variates of {', '.join(DIVERGENCES)}\n  {', '.join(CONTROL_VARIATES)}")
    click.echo("figures")
    for name, model in FIGURES.items():
        about = next(iter((model.__doc__ or "").strip().splitlines()), "")  # Python -OO leaves docstrings out
        try:
            count = f"{len(runs(name))} runs"
        except (FileNotFoundError, SettingsError):
            count = "runs that need data of a checkout"
        click.echo(f"  {name}: {about} ({count})")


@cli.command(cls=OfTask)
@click.option(
    "--task",
    default="sets",
    metavar="|".join([*TASKS, "MODULE:CLASS"]),
    help="task to train on, or one of your own, whose module is imported from the working folder [default: sets]",
)
@click.option("--objective", default="tb", metavar="|".join(OBJECTIVES), help="what is minimised [default: tb]")
@flags(Objective, skip=("name",))
@flags(TrainingSpec, skip=("kind", "task", "objective", "policy", "draws"))
@flags(Draws)
@flags(PolicySettings)
@click.option("--task-seed", metavar="INTEGER", help="seed of the reward's random law [default: 0]")
@flags(*TASKS.values(), skip=("task", "task_seed"))
@click.option("--device", default="cpu", help="where to train: cpu, cuda, cuda:1, ... [default: cpu]")
@click.option("--out", default="results", type=FOLDER, help="results store [default: ./results]")
def train(task: str, objective: str, device: str, out: Path, **values: Any) -> None:
    """Train one objective on one task, all seeds at once.

    The run is stored in a file named by the hash of all settings. Run again with the same settings,
    it is read; interrupted, it resumes.
    """
    check_device(device)
    kind = task_class(task)
    if objective not in objectives():
        raise SettingsError(f"objective = {objective!r} is not allowed: one of {', '.join(objectives())}")
    chosen_task = kind(**given(values, kind))
    chosen_objective = Objective(name=objective, **given(values, Objective))
    shape, training, draws = (given(values, model) for model in (PolicySettings, TrainingSpec, Draws))
    foreign = [name for name, value in values.items() if value is not None]
    if foreign:
        known = ", ".join(name for name in kind.model_fields if name != "task")
        raise SettingsError(f"--{foreign[0].replace('_', '-')} does not belong to task {task}, which has: {known}")
    chosen = {"task": chosen_task, "objective": chosen_objective, "policy": PolicySettings(**shape)}
    spec = TrainingSpec(**chosen, draws=Draws(**draws), **training)
    check_used([*shape, *training], spec)
    run = load_or_train(spec, out, device)
    if len(run.frame):
        click.echo(final_values(run).to_string(index=False))
    else:
        click.echo(f"task {task} is too large at these sizes for any of its metrics")
    click.echo(f"stored in {result_path(spec, out)}")


@cli.command()
@click.argument("figure", metavar="|".join([*FIGURES, "all"]))
@click.option("--profile", default="paper", metavar="paper|edition|smoke", help="scale of the runs [default: paper]")
@click.option("--only", metavar="HASH", multiple=True, help="only the run of this hash (may be repeated)")
@click.option("--current", is_flag=True, help="make runs again that other code than the present one made")
@click.option("--device", default="cpu", help="where to train: cpu, cuda, cuda:1, ... [default: cpu]")
@click.option("--out", required=True, type=FOLDER, help="results store")
def reproduce(figure: str, profile: str, only: tuple[str, ...], current: bool, device: str, out: Path) -> None:
    """Make all runs of a figure, or of all figures, that the results store lacks."""
    check_device(device)
    chosen = every_run(profile) if figure == "all" else runs(figure, profile)
    for key in only:
        if key not in chosen:
            known = f"are {', '.join(chosen)}" if len(chosen) <= 20 else f"are {len(chosen)}, none with this hash"
            raise SettingsError(f"only = {key!r} is not allowed: the runs of {figure} {known}")
    for key in only or chosen:
        what = describe(chosen[key])
        try:
            load_or_train(chosen[key], out, device, current)
        except SettingsError:
            raise
        except Exception as error:
            raise TrainingError(f"run {key} failed ({what}): {sentence_of(error)}", []) from error
        click.echo(f"{what}: {result_path(chosen[key], out)}")


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("task")
@click.argument("fields", nargs=-1, metavar="[--FIELD VALUE]...", type=click.UNPROCESSED)
def check(task: str, fields: tuple[str, ...]) -> None:
    """Hold a task to its contract, and name what is wrong.

    TASK is one of the package, or MODULE:CLASS of your own, made with its defaults or with the fields that are given.
    """
    kind = task_class(task)
    chosen = kind(**fields_from(fields, kind))
    problems, done = check_task(chosen)
    for problem in problems:
        click.echo(f"wrong: {problem}")
    click.echo(f"{chosen.task}: {done}")
    if problems:
        sys.exit(1)


@cli.command()
@click.argument("store", type=FOLDER, required=False)
@click.option("--count", default=5, type=click.IntRange(min=1), help="how many runs, at random [default: 5]")
@click.option("--seed", default=0, type=click.IntRange(min=0), help="seed of the choice [default: 0]")
@click.option("--device", default="cpu", help="where to train: cpu, cuda, cuda:1, ... [default: cpu]")
@OWN_TASKS
def verify(store: Path | None, count: int, seed: int, device: str, tasks: tuple[str, ...]) -> None:
    """Make a random sample of the stored runs again and compare.

    STORE is a folder of results, by default the published ones. Rounding parts runs on different
    machines, so final values are compared over seeds, within tolerances that are printed. Seconds are the
    machine's: of a measurement of costs only memory is compared.
    """
    check_device(device)
    for task in tasks:
        task_class(task)
    paths = choose(store or published_store(), count, seed)
    disagreeing = 0
    for comparison in compare_again(paths, device):
        click.echo(f"{comparison.run.spec.hash}  {describe(comparison.run.spec)}")
        click.echo(comparison.table.to_string(index=False))
        disagreeing += not comparison.agrees
    click.echo(f"{len(paths) - disagreeing} of {len(paths)} runs agree")
    if disagreeing:
        sys.exit(1)


@cli.command()
@click.option(
    "--profile", default="edition", metavar="|".join(PROFILES["verdicts"]), help="whose runs [default: edition]"
)
@click.option(
    "--write",
    multiple=True,
    metavar="PAGE",
    type=Named(dir_okay=False, exists=True, path_type=Path),
    help="put findings and table where this page has a place for them (may be repeated)",
)
def verdicts(profile: str, write: tuple[Path, ...]) -> None:
    """Judge all claims by the stored runs, and show the summary as a Markdown table.

    Runs come from the published results, or else from build/results, where missing ones are made;
    the environment variable GFN_RESULTS names one store in place of the two.
    """
    for page in write:
        check_page(page)
    found = gather(profile)
    if not write:
        click.echo(summary(*found))
    for page in write:
        texts = texts_for(page, *found, profile)
        changed = any([write_between(name, text, page) for name, text in texts.items()])
        click.echo(f"{page}: {'changed' if changed else 'up to date'}")


@cli.command()
@click.argument("path", type=Named(path_type=Path))
@OWN_TASKS
def show(path: Path, tasks: tuple[str, ...]) -> None:
    """Show a stored run, or all runs of a folder, as a table of final values."""
    for task in tasks:
        task_class(task)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise ResultError(f"{path} holds no results")
    tables = []
    for file in files:
        try:
            run = read_run(file)
        except ResultError as error:
            if not path.is_dir():
                raise
            warn(str(error))
            continue
        tables.append(final_values(run).assign(run=run.spec.hash))
    click.echo(pd.concat(tables).to_string(index=False) if tables else "no readable results")


def main(arguments: list[str] | None = None) -> None:
    """Run the command; a bad value is one sentence on standard error and exit status 2."""
    end(cli, arguments, resumable=("train", "reproduce", "verdicts"))
