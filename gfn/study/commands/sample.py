"""``gfn sample``: objects from the policy of a stored run."""

from __future__ import annotations

from pathlib import Path

import click

from gfn.environments import DiscreteEnvironment
from gfn.runs.training import replacing, warn
from gfn.settings import SettingsError
from gfn.study.commands.helping import Command
from gfn.study.commands.options import own_tasks
from gfn.study.flags import Named


@click.command(
    cls=Command,
    examples=[
        "gfn sample results/0123456789abcdef.parquet",
        "gfn sample results/0123456789abcdef.parquet --count 1000 --out objects.csv",
    ],
)
@click.argument("run", type=Named(path_type=Path))
@click.option("--count", default=100, type=click.IntRange(1, 10**7), help="how many objects [default: 100]")
@click.option(
    "--seed", type=click.IntRange(min=0), help="training seed whose policy draws [default: the first of the run]"
)
@click.option("--draw", default=0, type=click.IntRange(min=0), help="another number draws others [default: 0]")
@click.option(
    "--out", metavar="FILE", type=Named(dir_okay=False, path_type=Path), help="write them there, not to the terminal"
)
@own_tasks()
def sample(run: Path, count: int, seed: int | None, draw: int, out: Path | None) -> None:
    """Draw objects from the policy of a stored run.

    RUN is the file of a training whose policy was kept, as gfn train does. Objects are written in the form of their
    field, each with the log of its reward and of its probability under the policy: sets, words, pictures, cells and
    points as CSV, trees in Newick's notation, graphs as CSV with a line an edge, and those of a task of your own as CSV with the
    numbers of their state.
    """
    from gfn.study.forms import written
    from gfn.study.trained import load

    trained = load(run, seed)
    if seed is None and len(trained.seeds) > 1:
        trained = load(run, trained.seeds[0])
    objects = trained.sample(count, draw)
    text = written(trained.task, objects[0], trained.log_prob(objects)[0])
    about = f"drawn from the policy of seed {trained.seeds[0]}"
    if isinstance(trained.task, DiscreteEnvironment) and not trained.exact:
        about += "; log p is estimated, since the task is too large to enumerate"
    if out is None:
        click.echo(text, nl=False)
        warn(f"gfn: {about}")
        return
    write(out, "out", text)
    click.echo(f"{count} objects written to {out}, {about}")


def write(path: Path, name: str, content: str | bytes) -> None:
    """Write a file that an option names, whole or not at all.

    Raises:
        SettingsError: if it cannot be written.
    """
    if path.exists() and not path.is_file():
        raise SettingsError(f"{name} = {str(path)!r} is not allowed: it is no regular file")
    try:
        with replacing(path) as partial:
            partial.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise SettingsError(f"{name} = {str(path)!r} is not allowed: {error.strerror or error}") from None
