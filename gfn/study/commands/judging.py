"""``gfn verdicts``: the claims of the paper, judged by the stored runs."""

from __future__ import annotations

from pathlib import Path

import click

from gfn.study.commands.helping import Command
from gfn.study.experiments import PROFILES
from gfn.study.flags import Named
from gfn.study.verdicts import check_page, gather, summary, texts_for, write_between


@click.command(cls=Command, examples=["gfn verdicts", "gfn verdicts --write README.md --write book/intro.md"])
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
    """Judge all claims of the paper by the stored runs.

    Shown as a Markdown table. Runs come from the published results, or else from build/results, where missing ones are
    made; the environment variable GFN_RESULTS names one store in place of the two.
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
