"""The command ``gfn oracle``: what a loss in a file of one's own descends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gfn.environments import TASKS
from gfn.runs.training import replacing
from gfn.settings import SettingsError
from gfn.study.commands import options
from gfn.study.commands.train import TaskCommand
from gfn.study.flags import Named, given
from gfn.study.oracle.called import from_file
from gfn.study.oracle.examination import BATCH, SMALL, examine
from gfn.study.oracle.situations import SAMPLINGS

SIZES = "sets of 2 of 5 elements, sequences of up to 2 of 3 letters, a hypergrid of side 3"
PICTURES = (".png", ".svg", ".pdf")


@click.command(
    cls=TaskCommand,
    examples=[
        "gfn oracle my_losses.py:linex",
        "gfn oracle my_losses.py:linex --task sets --universe 5 --sampling uniform",
        "gfn oracle my_losses.py:balance --log-z mean --picture balance.svg",
    ],
)
@click.argument("loss", metavar="FILE.py:FUNCTION")
@options.task(f"task to examine it on, of small sizes by default: {', '.join(TASKS)} [default: {SIZES}]")
@click.option("--log-z", default="exact", metavar="exact|mean|NUMBER", help="what stands for log Z [default: exact]")
@click.option(
    "--sampling",
    default="on_policy",
    metavar="|".join(SAMPLINGS),
    help="how trajectories are drawn [default: on_policy]",
)
@click.option("--batch-size", default=str(BATCH), metavar="INTEGER", help=f"trajectories of a batch [default: {BATCH}]")
@click.option("--picture", metavar="FILE", type=Named(dir_okay=False, path_type=Path), help="draw the angles to a file")
def oracle(
    loss: str, task: str | None, log_z: str, sampling: str, batch_size: str, picture: Path | None, **values: Any
) -> None:
    """Say which divergence a loss descends.

    LOSS is a function of log p_F, log p_B and log r of N trajectories, tensors of shape [N], that returns one loss a
    trajectory or one of the batch; it may also take log_z, a number. Its expected gradient is summed over all
    trajectories of small tasks, at several policies, and compared with the exact gradients of divergences.
    """
    if picture is not None and picture.suffix.lower() not in PICTURES:
        raise SettingsError(f"--picture = {picture} is not allowed: a file that ends in {', '.join(PICTURES)}")
    tasks = _tasks(task, values)
    size = int(batch_size) if batch_size.strip().isdecimal() else batch_size
    found = examine(from_file(loss), tasks, sampling=sampling, log_z=log_z, batch_size=size)
    for sentence in found.said:
        click.echo(sentence)
    click.echo(found.shown().reset_index().to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    if picture is not None:
        figure = found.figure()
        with replacing(picture) as partial:
            figure.savefig(partial, format=picture.suffix[1:].lower())
        click.echo(f"drawn to {picture}")


def _tasks(name: str | None, values: dict[str, Any]) -> Any:
    """The task of the options, of a small size where none is given; None for all that are small by default."""
    asked = {key: value for key, value in values.items() if value is not None}
    if name is None:
        if asked:
            raise SettingsError(f"--{next(iter(asked)).replace('_', '-')} is not allowed without --task")
        return None
    if name not in TASKS:
        raise SettingsError(f"task = {name!r} is not allowed: one of {', '.join(TASKS)}")
    own = given(values, TASKS[name])
    foreign = [key for key, value in values.items() if value is not None]
    if foreign:
        known = ", ".join(field for field in TASKS[name].model_fields if field != "task")
        raise SettingsError(f"--{foreign[0].replace('_', '-')} does not belong to task {name}, which has: {known}")
    return SMALL[name].model_copy(update=own) if name in SMALL else TASKS[name](**own)
