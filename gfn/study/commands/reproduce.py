"""``gfn reproduce``: the runs of a figure."""

from __future__ import annotations

from pathlib import Path

import click

from gfn.runs.training import TrainingError, check_device
from gfn.settings import SettingsError
from gfn.study import results
from gfn.study.commands.helping import Command, among
from gfn.study.commands.options import FOLDER, device
from gfn.study.ending import sentence_of
from gfn.study.experiments import FIGURES, every_run, runs


@click.command(
    cls=Command,
    examples=[
        "gfn reproduce fig6 --profile smoke --out my_results",
        "gfn reproduce all --out my_results",
    ],
)
@click.argument("figure", shell_complete=among([*FIGURES, "all"]))
@click.option("--profile", default="paper", metavar="paper|edition|smoke", help="scale of the runs [default: paper]")
@click.option("--only", metavar="HASH", multiple=True, help="only the run of this hash (may be repeated)")
@click.option("--current", is_flag=True, help="make runs again that other code than the present one made")
@click.option("--policy", is_flag=True, help="keep the policies of trainings; those stored without are made again")
@device()
@click.option("--out", required=True, type=FOLDER, help="results store")
def reproduce(
    figure: str, profile: str, only: tuple[str, ...], current: bool, policy: bool, device: str, out: Path
) -> None:
    """Make all runs of a figure that the results store lacks.

    FIGURE is the name of a page with runs, as gfn list has them, or all.
    """
    check_device(device)
    if figure != "all" and figure not in FIGURES:
        raise SettingsError(f"figure = {figure!r} is not allowed: one of {', '.join(FIGURES)}, all")
    chosen = every_run(profile) if figure == "all" else runs(figure, profile)
    for key in only:
        if key not in chosen:
            known = f"are {', '.join(chosen)}" if len(chosen) <= 20 else f"are {len(chosen)}, none with this hash"
            raise SettingsError(f"only = {key!r} is not allowed: the runs of {figure} {known}")
    for key in only or chosen:
        what = results.describe(chosen[key])
        try:
            results.load_or_train(chosen[key], out, device, current, policy)
        except SettingsError:
            raise
        except Exception as error:
            raise TrainingError(f"run {key} failed ({what}): {sentence_of(error)}", []) from error
        click.echo(f"{what}: {results.result_path(chosen[key], out)}")
