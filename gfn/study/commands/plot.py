"""``gfn plot``: learning curves of runs, and what they learned."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from gfn.environments import DAGs, Phylogenetics, PlanarEnvironment
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import warn
from gfn.settings import SettingsError
from gfn.study.commands.helping import Command, among
from gfn.study.commands.options import own_tasks
from gfn.study.commands.sample import write
from gfn.study.commands.show import files_of
from gfn.study.flags import Named
from gfn.study.results import Run
from gfn.study.summaries import differing

PICTURES = (".svg", ".png", ".pdf")
OF = {"trees": Phylogenetics, "edges": DAGs, "densities": PlanarEnvironment}
RESOLUTION = 200


@click.command(
    cls=Command,
    examples=[
        "gfn plot results",
        "gfn plot results/0123456789abcdef.parquet --of edges --picture edges.png",
    ],
)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=Named(path_type=Path))
@click.option(
    "--of",
    "what",
    default="curves",
    metavar=f"curves|{'|'.join(OF)}",
    help="what is drawn [default: curves]",
    shell_complete=among(["curves", *OF]),
)
@click.option("--seed", type=click.IntRange(min=0), help="training seed whose policy is looked at [default: the first]")
@click.option(
    "--picture",
    metavar="FILE",
    type=Named(dir_okay=False, path_type=Path),
    help="where it is drawn to, .svg, .png or .pdf [default: the name of what is drawn, .svg]",
)
@own_tasks()
def plot(runs: tuple[Path, ...], what: str, seed: int | None, picture: Path | None) -> None:
    """Draw learning curves of runs, or what they learned.

    RUN is the file of a run, or a folder of them; there may be several. Besides curves, there are pictures of policies
    that were kept, of runs on one task, each beside the exact one where that can be had:

    \b
      trees      phylogenetics: the consensus and the most probable trees
      edges      DAGs: the probability of each edge
      densities  tasks in the plane
    """
    if what not in ("curves", *OF):
        raise SettingsError(f"of = {what!r} is not allowed: one of curves, {', '.join(OF)}")
    picture = Path(f"{what}.svg") if picture is None else picture
    if picture.suffix.lower() not in PICTURES:
        raise SettingsError(f"picture = {str(picture)!r} is not allowed: a file that ends in {', '.join(PICTURES)}")
    every = files_of(runs)
    if not every:
        raise SettingsError(f"runs = {', '.join(map(repr, map(str, runs)))} is not allowed: none could be read")
    found = {path: run for path, run in every.items() if isinstance(run.spec, TrainingSpec)}
    if not found:
        raise SettingsError(f"of = {what} is not allowed for these runs: none is a training")
    figure = _curves(found) if what == "curves" else _learned(what, found, seed)
    content = io.BytesIO()
    figure.savefig(content, format=picture.suffix[1:].lower(), dpi=150)
    write(picture, "picture", content.getvalue())
    click.echo(f"drawn to {picture}")


def labels(runs: Sequence[Run]) -> list[str]:
    """What runs are called beside each other: their objective, and other settings in which they differ."""
    table = differing(runs)
    others = [name for name in table if name != "objective" and name not in Objective.model_fields]
    found = []
    for run, (_, row) in zip(runs, table.iterrows()):
        own = [f"{name} {row[name]}" for name in others if isinstance(row[name], str)]
        found.append(", ".join([run.spec.objective.label, *own]))
    return [f"{label}, {run.spec.hash[:6]}" if found.count(label) > 1 else label for run, label in zip(runs, found)]


def _style() -> None:
    import matplotlib

    matplotlib.use("agg")
    from gfn.study.plotting.style import use_style

    use_style()


def _curves(found: Mapping[Path, Run]) -> Any:
    _style()
    from gfn.study.plotting.curves import run_curves
    from gfn.study.plotting.style import ACCURACY

    runs = list(found.values())
    if not any(run.frame.metric.isin(list(ACCURACY)).any() for run in runs):
        raise SettingsError(f"of = curves is not allowed for these runs: none has {', '.join(ACCURACY)}")
    named: dict[str, str] = {}
    for task in dict.fromkeys(run.spec.task.task for run in runs):
        own = [run for run in runs if run.spec.task.task == task]
        named |= {run.spec.hash: label for run, label in zip(own, labels(own))}
    return run_curves([named[run.spec.hash] for run in runs], [run.frame for run in runs])


def _learned(what: str, found: Mapping[Path, Run], seed: int | None) -> Any:
    """A picture of policies beside the exact one."""
    from gfn.study.trained import load

    tasks = list(dict.fromkeys(run.spec.task for run in found.values()))
    wrong = [task.task for task in tasks if not isinstance(task, OF[what])]
    if wrong:
        raise SettingsError(f"of = {what} is not allowed for task {wrong[0]}")
    if len(tasks) > 1:
        raise SettingsError(f"of = {what} is not allowed for runs of {len(tasks)} tasks of other settings: name one's")
    policies = [load(path, run.spec.seeds[0] if seed is None else seed) for path, run in found.items()]
    named = labels(list(found.values()))
    for label, each in zip(named, policies):
        if len(each.spec.seeds) > 1:
            warn(f"gfn: of {label}, the policy of seed {each.seeds[0]} is drawn")
    _style()
    return DRAWN[what](tasks[0], dict(zip(named, policies)))


def _trees(task: Phylogenetics, policies: Mapping[str, Any]) -> Any:
    from gfn.study.learned import exact_trees, learned_trees
    from gfn.study.plotting.posteriors import posterior_rows

    exact = exact_trees(task)
    if exact is None:
        warn(f"gfn: {len(task.taxa)} taxa have too many trees for an exact posterior")
    learned = {label: learned_trees(each) for label, each in policies.items()}
    return posterior_rows(task.taxa, ({} if exact is None else {"exact": exact}) | learned)


def _edges(task: DAGs, policies: Mapping[str, Any]) -> Any:
    from gfn.study.edges import MOST_NODES, exact_edges
    from gfn.study.learned import learned_edges
    from gfn.study.plotting.tasks import matrix_panels

    exact = exact_edges(task) if task.nodes <= MOST_NODES else None
    if exact is None:
        warn(f"gfn: {task.nodes} variables have too many graphs for exact probabilities")
    learned = {label: learned_edges(each) for label, each in policies.items()}
    return matrix_panels(({} if exact is None else {"exact": exact}) | learned, task.true_graph)


def _densities(task: PlanarEnvironment, policies: Mapping[str, Any]) -> Any:
    from gfn.study.learned import densities, exact_density
    from gfn.study.plotting.planar import density_panels

    learned = {label: densities(each, RESOLUTION).numpy() for label, each in policies.items()}
    return density_panels({"target": exact_density(task, RESOLUTION).numpy()} | learned, task.window)


DRAWN: dict[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "trees": _trees,
    "edges": _edges,
    "densities": _densities,
}
