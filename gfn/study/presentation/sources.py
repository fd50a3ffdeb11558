"""Where the numbers of a page come from: a folded table of its runs, each linked to its entry on the page of all runs."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from gfn.runs.spec import Spec
from gfn.settings import SettingsError
from gfn.study import experiments
from gfn.study.presentation.run_words import (
    aim_words,
    day,
    length_words,
    made_words,
    seed_words,
    task_words,
)
from gfn.study.results import Run

if TYPE_CHECKING:
    from IPython.display import HTML

ALL_RUNS = "../guide/runs.html"  # from the pages of figures, all of which are in a folder of the book
MANY = 200  # from so many runs on they are counted, not listed
HEADS = ("run", "task", "objective", "control variate", "seeds", "iterations × batch", "code", "made on")
AGAIN = "build/again"


def sources(
    settings: Any,
    runs: Mapping[Hashable, Run] | None = None,
    only: Callable[[Hashable], bool] | None = None,
    title: str = "Where these numbers come from",
) -> HTML:
    """The runs behind a page or a figure, folded.

    Arguments:
        settings: the page's.
        runs: its runs, as :func:`gfn.study.notebook.obtain` gives them; without them they are counted only, as they are
            where there are hundreds.
        only: which of them, by their keys; by default all.
        title: what is seen of it while it is folded.

    Returns:
        A row a run with its hash, what it is of, its seeds, its code and the day, and the command that makes it again. The
        hash of a run that the profile has leads to the page of all runs, which has no others.
    """
    from IPython.display import HTML  # only in the extra ``book``

    if runs is None or len(runs) >= MANY:
        return HTML(_drawer(title, _counted(settings)))
    chosen = {run.spec.hash: run for key, run in runs.items() if only is None or only(key)}
    if not chosen:
        return HTML(_drawer(title, "<p>This page has no runs: everything on it is computed as it is shown.</p>"))
    known = _known(settings)
    rows = "".join(_row(key, run, known) for key, run in chosen.items())
    heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
    table = (
        f'<div class="gfn-scroll" tabindex="0" role="region" aria-label="Runs"><table class="gfn-runs">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    return HTML(_drawer(f"{title}: {_many(len(chosen))}", f"{table}{_again(settings, chosen, known)}{_where(chosen)}"))


def command(figure: str, profile: str, run: str, out: str = AGAIN) -> str:
    """The command that makes a run of a figure again, by its hash, in a store of its own."""
    return f"gfn reproduce {figure} --profile {profile} --only {run} --out {out}"


def figure_of(settings: Any) -> str:
    """The name of the page whose settings these are, a key of ``gfn.study.experiments.FIGURES``."""
    return next(name for name, model in experiments.FIGURES.items() if type(settings) is model)


def _known(settings: Any) -> dict[str, Spec]:
    """The runs of the page as its profile has them, which a command can name."""
    try:
        return experiments.runs(figure_of(settings), settings.profile)
    except SettingsError:
        return {}


def _row(key: str, run: Run, known: Container[str]) -> str:
    spec, (aim, variate) = run.spec, aim_words(run.spec)
    link = f'<a class="gfn-run" href="{ALL_RUNS}#r-{key}">{key}</a>' if key in known else f"<code>{key}</code>"
    when = f'<span class="gfn-when">{escape(day(run.provenance))}</span>'
    cells = [aim, variate, seed_words(spec), length_words(spec)]
    code = f"<code>{escape(run.provenance.get('source', '–'))}</code>"
    texts = [escape(task_words(spec)), *map(escape, cells), code, when]
    return f'<tr><th scope="row">{link}</th>{"".join(f"<td>{text}</td>" for text in texts)}</tr>'


def _again(settings: Any, chosen: Mapping[str, Run], known: Mapping[str, Spec]) -> str:
    figure, first = figure_of(settings), next((key for key in chosen if key in known), None)
    if first is None:
        return "<p>These runs have parameters of their own: executing this page with them makes the runs again.</p>"
    other = (
        "" if len(chosen) == 1 else " Another run is made with its own hash, all of them without <code>--only</code>."
    )
    return f"<p>Make a run again:</p><pre><code>{escape(command(figure, settings.profile, first))}</code></pre><p>{other}</p>"


def _where(chosen: Mapping[str, Run]) -> str:
    """Days, machines and versions, each combination once."""
    made: dict[str, int] = {}
    for run in chosen.values():
        words = made_words(run.provenance)
        made[words] = made.get(words, 0) + 1
    text = ". ".join(f"{words} ({_many(number)})" for words, number in made.items() if words)
    return f'<p>Made on: <span class="gfn-when">{escape(text)}</span></p>' if text else ""


def _counted(settings: Any) -> str:
    number = len({spec.hash for spec in settings.specs().values()})
    page = f"{ALL_RUNS}?page={figure_of(settings)}"
    if not _as_published(settings):
        return f"<p>This page rests on {_many(number)}, with parameters of their own.</p>"
    return f'<p>This page rests on {_many(number)}, listed on <a href="{page}">the page of all runs</a>.</p>'


def _as_published(settings: Any) -> bool:
    """Whether a page has the parameters of its profile, on whatever device."""
    try:
        published = experiments.figure_settings(figure_of(settings), settings.profile, device=settings.device)
    except SettingsError:
        return False
    return settings == published


def _many(number: int) -> str:
    return f"{number} run" if number == 1 else f"{number} runs"


def _drawer(title: str, inside: str) -> str:
    return f'<details class="gfn-sources"><summary>{escape(title)}</summary>{inside}</details>'
