"""The command ``python -m benchmarks``: measure, and write the page."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchmarks.environments import InstallError
from benchmarks.page import page as write_page
from benchmarks.processes import WorkerError
from benchmarks.settings import BUILD, FULL, PAGE, QUICK, RESULTS
from benchmarks.suite import PARTS, ResultsError, read
from benchmarks.suite import run as run_suite

FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def cli() -> None:
    """How fast the package is: against other packages, against the arithmetic, and as sizes grow."""


@cli.command()
@click.option("--quick", is_flag=True, help="small tasks and few rounds, to see that everything works")
@click.option("--only", multiple=True, type=click.Choice(list(PARTS)), help="a part to measure (may be repeated)")
@click.option("--fresh", is_flag=True, help="measure again what an interrupted run has finished")
@click.option("--out", type=FILE, help="the results [default: data/benchmarks.json; quick: build/bench/quick.json]")
@click.option("--page", type=FILE, help="the page [default: book/guide/speed.md; quick: build/bench/quick.md]")
def run(quick: bool, only: tuple[str, ...], fresh: bool, out: Path | None, page: Path | None) -> None:
    """Measure all parts, or some, and write the results and the page.

    An interrupted run goes on after the last part that it has finished. With --only, the other parts
    of the results stay as they are.
    """
    out = out or (BUILD / "quick.json" if quick else RESULTS)
    page = page or (BUILD / "quick.md" if quick else PAGE)
    results = run_suite(QUICK if quick else FULL, only, out, fresh)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(write_page(results), encoding="utf-8")
    click.echo(f"results: {out}\npage: {page}")


@cli.command("page")
@click.option("--results", default=RESULTS, type=FILE, help="the results [default: data/benchmarks.json]")
@click.option("--page", default=PAGE, type=FILE, help="the page [default: book/guide/speed.md]")
def page_(results: Path, page: Path) -> None:
    """Write the page from stored results, without measuring."""
    page.write_text(write_page(read(results)), encoding="utf-8")
    click.echo(f"page: {page}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command; what goes wrong is one sentence on standard error."""
    try:
        sys.exit(cli.main(arguments, prog_name="python -m benchmarks", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        sys.exit(2)
    except click.ClickException as error:
        _leave(error.format_message(), 2)
    except (ResultsError, InstallError, WorkerError, OSError, ValueError) as error:
        _leave(str(error), 2)
    except (KeyboardInterrupt, click.Abort):
        _leave("interrupted; the same command resumes", 130)


def _leave(message: str, status: int) -> None:
    click.echo(f"benchmarks: {' '.join(message.split())}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
